"""Are samples as good as the data? Those of each prior, against decoded posteriors and against real pictures."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Float

from train.config import FlagError
from train.data import Pictures, load_pictures
from train.distances import NEIGHBOUR, Rows, frechet_distance, kernel_distance, nearest, precision_and_recall
from train.encode import Images, as_floats, encode_all, in_batches
from train.features import FEATURES, load_network, pooled_features
from train.grid import captioned
from vae.codec import Codec
from vae.images import grid, to_uint8
from vae.latent import sample_posterior, sample_prior
from vae.priors import Prior, fit_priors, load_priors

NEAREST = Path("training", "samples.png")  # in the model's folder; it shows pictures of the data set
SHOWN = 16  # samples of each prior in it
FLOOR = "posteriors"  # among the priors: what is drawn by the decoder from latents of real pictures

Latents = Float[np.ndarray, "count *latent"]


def compare_samples(arguments: argparse.Namespace, codec: Codec, pictures: Pictures, seed: int = 0) -> dict:
    """`measure_samples` for `python -m train evaluate`, which also writes `NEAREST` into the model's folder.

    Raises:
        FlagError: there are too few pictures, or none that the model was trained on.
        MissingWeights, PriorError.
    """
    if len(pictures) <= NEIGHBOUR:
        raise FlagError("--samples", f"given; accepted: only with {NEIGHBOUR + 1} pictures or more to compare with")
    train = _training_pictures(arguments, codec)
    posterior = encode_all(codec, train.images)
    priors = load_priors(arguments.model, codec.description.latent_shape)
    if len(priors) == 1:  # as the app does for a folder without others
        mean = np.asarray(posterior.mean)
        variance = np.zeros_like(mean) if posterior.log_var is None else np.exp(np.asarray(posterior.log_var))
        priors |= {prior.name: prior for prior in fit_priors(mean, variance)}
    latents = draw(priors, codec.description.latent_shape, arguments.samples, seed)
    rows = np.linspace(0, len(train) - 1, arguments.samples).round().astype(int)
    latents[FLOOR] = np.asarray(sample_posterior(jax.tree.map(lambda array: array[rows], posterior), seed))

    features = {name: features_of_decoded(codec, some, name) for name, some in latents.items()}
    posterior = encode_all(codec, pictures.images)
    decoded = features_of_decoded(codec, np.asarray(sample_posterior(posterior, seed + 1)), "held out")
    measured = measure_samples(features, decoded, features_of(pictures.images, "held out"))
    for name, row in measured.items():
        row["title"] = priors[name].title if name in priors else "posteriors of training pictures"

    seen = features_of(train.images, "training pictures")
    sheets = {}
    for name, prior in priors.items():
        samples = to_uint8(np.asarray(codec.decode(latents[name][:SHOWN])))
        beside = train.images[nearest(features[name][:SHOWN], seen)]
        sheets[f"{prior.title}; below, the nearest training pictures"] = grid(np.concatenate([samples, beside]), SHOWN)
    path = arguments.model / NEAREST
    path.parent.mkdir(exist_ok=True)
    captioned(sheets).save(path)
    return {
        "features": FEATURES,
        "count": arguments.samples,
        "decoded": len(decoded),
        "real": len(pictures),
        "priors": measured,
    }


def _training_pictures(arguments: argparse.Namespace, codec: Codec) -> Pictures:
    split = str(codec.description.training.get("split", "train")).partition(" ")[0]  # "train (all but a fixed tenth)"
    try:
        return load_pictures(
            arguments.dataset,
            split,
            codec.description.image_size,
            image_column=arguments.image_column,
            label_columns=[],
            limit=arguments.limit,
        )
    except FlagError as error:
        raise FlagError("--samples", f"compares with training pictures too, and for these: {error}") from None


def draw(priors: Mapping[str, Prior], latent_shape: tuple[int, ...], count: int, seed: int) -> dict[str, Latents]:
    """As many latents of each prior, all from the same noise: those that the app draws with that seed."""
    noise = sample_prior(seed, count, latent_shape)
    uniform = np.array([np.random.default_rng([seed, i]).random() for i in range(count)])
    return {name: np.asarray(prior(noise, uniform)) for name, prior in priors.items()}


def measure_samples(samples: Mapping[str, Rows], decoded: Rows, real: Rows) -> dict[str, dict]:
    """The figures of every set of samples, all given as features.

    Returns:
        Of each, `frechet`, `kid`, `precision` and `recall` (`train.distances`), with `_decoded` for those from decoded
        posteriors, which tell of the prior alone, and `_real` for those from real pictures, which tell of the decoder
        too.
    """
    measured: dict[str, dict] = {}
    for name, rows in samples.items():
        measured[name] = {}
        for against, others in {"decoded": decoded, "real": real}.items():
            precision, recall = precision_and_recall(rows, others)
            measured[name] |= {
                f"frechet_{against}": frechet_distance(rows, others),
                f"kid_{against}": kernel_distance(rows, others),
                f"precision_{against}": precision,
                f"recall_{against}": recall,
            }
    return measured


def features_of(images: Images, words: str) -> Rows:
    """The features of pictures, a row each."""
    network = load_network()
    return in_batches(lambda rows: pooled_features(network, as_floats(images[rows])), images.shape, words)


def features_of_decoded(codec: Codec, latents: Latents, words: str) -> Rows:
    """The features of the pictures that are decoded from latents."""
    network, size = load_network(), codec.description.image_size
    return in_batches(lambda rows: pooled_features(network, codec.decode(latents[rows])), (len(latents), size), words)
