"""How well a model keeps, draws and changes the known factors of faces.

python bench/attributes.py --model assets/models/faces --dataset data/faces
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import jax
import numpy as np

from train.attributes import accuracy, confidence, decode_all, edit, train_classifier
from train.data import load_pictures
from vae.checkpoint import load_info, load_model
from vae.model import compile_codec
from vae.priors import fit_aggregate

BATCH = 64
SAMPLES = 1_000
EDITED = 100  # pictures an edit
# The reading that a person asks for: nothing gained or lost is a colour only.
EDITS = [
    ("glasses", "none", "glasses"),
    ("glasses", "none", "sunglasses"),
    ("glasses", "sunglasses", "none"),
    ("beard", "none", "beard"),
    ("beard", "beard", "none"),
    ("expression", "sad", "laugh"),
    ("expression", "smile", "surprised"),
    ("hair", "short", "long"),
    ("hair", "long", "mohawk"),
    ("hair_colour", "brown", "pink"),
    ("hair_colour", "black", "blond"),
    ("skin", "light", "dark"),
    ("clothes_colour", "red", "blue"),
]
STRENGTHS = (1.0, 1.5, 2.0)


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--steps", type=int, default=800, help="of the classifier's training")
    arguments = parser.parse_args()
    size = load_info(arguments.model).config.image_size
    train = load_pictures(arguments.dataset, "train", size)
    held_out = load_pictures(arguments.dataset, "validation", size)
    encode, decode = compile_codec(load_model(arguments.model))

    classifier = train_classifier(train.images, train.labels, arguments.steps)
    originals = held_out.images / np.float32(255)
    latents, _ = encode_all(encode, held_out.images)
    known, variance = encode_all(encode, train.images[:8_000])
    labels = {factor: np.asarray(column) for factor, column in held_out.labels.items()}
    known_labels = {factor: np.asarray(column)[:8_000] for factor, column in train.labels.items()}

    read = accuracy(classifier, originals, labels)
    kept = accuracy(classifier, decode_all(decode, latents), labels)
    noise = np.random.default_rng(0).standard_normal((SAMPLES, *latents.shape[1:]), np.float32)
    aggregate = fit_aggregate(known, variance)
    picks = np.random.default_rng(1).random(SAMPLES)
    samples = {
        "originals": originals,
        "N(0, I)": decode_all(decode, noise),
        "Gaussian": decode_all(decode, aggregate.gaussian(noise)),
        "mixture": decode_all(decode, aggregate.mixture(noise, picks)),
    }
    shares = {name: confidence(classifier, images) for name, images in samples.items()}
    print(f"\n{len(originals):,} held-out pictures, {SAMPLES:,} samples a prior; confident: at least 90 %\n")
    print("| factor | read on originals | on reconstructions | ratio | confident: " + " | ".join(samples) + " |")
    print("|---" * (4 + len(samples)) + "|")
    for factor in classifier.values:
        cells = [f"{read[factor]:.3f}", f"{kept[factor]:.3f}", f"{kept[factor] / read[factor]:.3f}"]
        print(f"| {factor} | " + " | ".join(cells + [f"{s[factor]:.2f}" for s in shares.values()]) + " |")
    print("| mean | | | | " + " | ".join(f"{s['mean']:.2f}" for s in shares.values()) + " |")

    print("\n| edit | " + " | ".join(f"changed, kept at {s:g}" for s in STRENGTHS) + " | least kept at 1 |")
    print("|---" * (2 + len(STRENGTHS)) + "|")
    for factor, start, end in EDITS:
        chosen = latents[labels[factor] == start][:EDITED]
        done = [edit(classifier, decode, (known, known_labels), chosen, factor, start, end, s) for s in STRENGTHS]
        cells = [f"{e.changed:.2f}, {e.kept:.2f}" for e in done]
        worst = f"{done[0].worst[0]} {done[0].worst[1]:.2f}"
        print(f"| {factor}: {start} to {end} | " + " | ".join(cells) + f" | {worst} |")


def encode_all(encode, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Posterior means, and the posteriors' mean variance."""
    means, variances = [], []
    for i in range(0, len(pictures), BATCH):
        posterior = jax.device_get(encode(pictures[i : i + BATCH] / np.float32(255)))
        means.append(posterior.mean)
        variances.append(np.exp(posterior.log_var))
    return np.concatenate(means), np.concatenate(variances).mean(0)


if __name__ == "__main__":
    main()
