"""How well a model keeps, draws and changes the known factors of faces.

python bench/attributes.py --model assets/models/faces --dataset data/faces
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from train.attributes import accuracy, confidence, decode_all, edit, train_classifier
from train.data import load_pictures
from train.encode import encode_all
from vae.codec import open_codec
from vae.flow import Flow
from vae.priors import fit_priors, load_priors

SAMPLES = 1_000
KNOWN = 8_000  # training pictures whose latents tell the directions
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
ASKED = 50  # samples a label


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("assets/models/faces"))
    parser.add_argument("--dataset", default="data/faces", help="made by: python -m train faces --out data/faces")
    parser.add_argument("--steps", type=int, default=800, help="of the classifier's training")
    arguments = parser.parse_args()
    codec = open_codec(arguments.model)
    size = codec.description.image_size
    train = load_pictures(arguments.dataset, "train", size)
    held_out = load_pictures(arguments.dataset, "validation", size)
    decode = codec.decode

    classifier = train_classifier(train.images, train.labels, arguments.steps)
    originals = held_out.images / np.float32(255)
    latents = encode_all(codec, held_out.images).mean
    known, log_var = encode_all(codec, train.images[:KNOWN])
    labels = {factor: np.asarray(column) for factor, column in held_out.labels.items()}
    known_labels = {factor: np.asarray(column)[:KNOWN] for factor, column in train.labels.items()}

    read = accuracy(classifier, originals, labels)
    kept = accuracy(classifier, decode_all(decode, latents), labels)
    noise = np.random.default_rng(0).standard_normal((SAMPLES, *latents.shape[1:]), np.float32)
    uniform = np.random.default_rng(1).random(SAMPLES)
    fitted = {prior.name: prior for prior in fit_priors(known, np.exp(log_var))}
    priors = fitted | load_priors(arguments.model, codec.description.latent_shape)
    samples = {"originals": originals}
    samples |= {prior.title: decode_all(decode, prior(noise, uniform)) for prior in priors.values()}
    shares = {name: confidence(classifier, images) for name, images in samples.items()}
    print(f"\n{len(originals):,} held-out pictures, {SAMPLES:,} samples a prior; confident: at least 90 %\n")
    print("| factor | read on originals | on reconstructions | ratio | confident: " + " | ".join(samples) + " |")
    print("|---" * (4 + len(samples)) + "|")
    for factor in classifier.values:
        cells = [f"{read[factor]:.3f}", f"{kept[factor]:.3f}", f"{kept[factor] / read[factor]:.3f}"]
        print(f"| {factor} | " + " | ".join(cells + [f"{s[factor]:.2f}" for s in shares.values()]) + " |")
    print("| mean | | | | " + " | ".join(f"{s['mean']:.2f}" for s in shares.values()) + " |")

    if isinstance(flow := priors.get(Flow.name), Flow) and flow.labels:
        print(f"\n{ASKED} samples of each label that the flow is asked for: how many are read as it\n")
        print("| factor | asked for: its label | worst label |\n|---|---|---|")
        for factor in classifier.values:
            found = {}
            for label in flow.labels.names[factor]:
                drawn = decode_all(decode, flow.of(**{factor: label})(noise[:ASKED], uniform[:ASKED]))
                found[label] = float(np.mean(classifier.name(drawn)[factor] == label))
            worst = min(found, key=found.__getitem__)
            print(f"| {factor} | {np.mean([*found.values()]):.3f} | {worst} {found[worst]:.2f} |")

    print("\n| edit | " + " | ".join(f"changed, kept at {s:g}" for s in STRENGTHS) + " | least kept at 1 |")
    print("|---" * (2 + len(STRENGTHS)) + "|")
    for factor, start, end in EDITS:
        chosen = latents[labels[factor] == start][:EDITED]
        done = [edit(classifier, decode, (known, known_labels), chosen, factor, start, end, s) for s in STRENGTHS]
        cells = [f"{e.changed:.2f}, {e.kept:.2f}" for e in done]
        worst = f"{done[0].worst[0]} {done[0].worst[1]:.2f}"
        print(f"| {factor}: {start} to {end} | " + " | ".join(cells) + f" | {worst} |")


if __name__ == "__main__":
    main()
