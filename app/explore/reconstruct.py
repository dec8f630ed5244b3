"""A picture through a model and back: what comes out, how far off it is, and where the latent leaves it open."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from PIL import Image

from app.explore.limits import (
    FOREIGN,
    KNOWN_WELL,
    LEAST_UNCERTAINTY_SAMPLES,
    MAX_TEMPERATURE,
    MAX_UNCERTAINTY_SAMPLES,
    UNCERTAINTY_SECONDS,
    RequestError,
    check_range,
    check_seed,
)
from app.explore.opened import OpenModel
from app.explore.subject import Subject
from vae import losses
from vae.atlas import ERROR_COLUMN
from vae.images import to_array, to_picture
from vae.latent import Posterior, sample_posterior


@dataclass(frozen=True)
class Reconstruction:
    """A picture and what a decoder made of its latent.

    Attributes:
        picture: as the model saw it: square, of its size.
        reconstruction: what the decoder made of the latent.
        pixels: the same before it was rounded to 8 bits, in [0, 1].
        metrics: psnr_db, ssim, l1, kl_nats; kl_nats is None for an encoder without a variance.
        latent: what was decoded.
        posterior: of the picture, without a batch axis.
        note: how the picture was changed to fit; empty if it was not.
    """

    picture: Image.Image
    reconstruction: Image.Image
    pixels: Float[np.ndarray, "size size 3"]
    metrics: dict[str, float | None]
    latent: Float[np.ndarray, "*latent"]
    posterior: Posterior
    note: str

    @property
    def error(self) -> Float[np.ndarray, "size size"]:
        """The absolute error of each pixel, averaged over its three colours, in [0, 1]; its mean is the L1."""
        return np.abs(to_array(self.picture) - to_array(self.reconstruction)).mean(axis=-1)

    @property
    def posterior_deviation(self) -> Float[np.ndarray, "*latent"] | None:
        """Of each dimension; None for an encoder without a variance."""
        return None if self.posterior.log_var is None else np.exp(self.posterior.log_var / 2)

    @property
    def known_well(self) -> int | None:
        """How many dimensions have a deviation below 0.7; None for an encoder without a variance."""
        deviation = self.posterior_deviation
        return None if deviation is None else int((deviation < KNOWN_WELL).sum())

    @property
    def latent_bits(self) -> float | None:
        """What the latent tells beyond the prior: the KL in bits; None for an encoder without a variance.

        With bits-back coding, a code for the latent of this length is attainable (Hinton & van Camp 1993).
        """
        nats = self.metrics["kl_nats"]
        return None if nats is None else nats / math.log(2)

    @cached_property
    def png_bits(self) -> int:
        """The size of the picture as a PNG at this resolution: what lossless coding takes."""
        buffer = io.BytesIO()
        self.picture.save(buffer, "PNG", optimize=True)
        return 8 * buffer.getbuffer().nbytes


@dataclass(frozen=True)
class Uncertainty:
    """How much a picture varies over samples of its posterior.

    Attributes:
        deviation: of each pixel, averaged over its three colours, in [0, 1].
        samples: how many were decoded.
    """

    deviation: Float[np.ndarray, "size size"]
    samples: int


def reconstruct(model: OpenModel, subject: Subject, temperature: Any = 0.0, seed: Any = 0) -> Reconstruction:
    """Encodes a picture and decodes it again, also one that this model drew.

    Args:
        model: whose encoder and decoder.
        subject: the picture; of another shape, its central square.
        temperature: 0 decodes the posterior mean; 1 a sample of the posterior; 0 to 3. An encoder without a variance
            has only its mean.
        seed: of that sample.

    Raises:
        RequestError: a number is out of range.
    """
    temperature, seed = check_range("temperature", temperature, 0, MAX_TEMPERATURE), check_seed(seed)
    fitted, posterior = subject.fitted(model.info.image_size), model.posterior(subject)
    latent, pixels, metrics = _there_and_back(model, fitted, posterior, temperature, seed)
    return Reconstruction(
        picture=fitted,
        reconstruction=to_picture(pixels),
        pixels=pixels,
        metrics=metrics,
        latent=latent,
        posterior=posterior,
        note=subject.note(model.info.image_size),
    )


def warm_up(model: OpenModel) -> None:
    """Compiles what the first reconstruction would, so that nobody has to wait for it."""
    blank = Image.new("RGB", (model.info.image_size,) * 2)
    _there_and_back(model, blank, model.encode(blank), 0.0, 0)


def _there_and_back(
    model: OpenModel, fitted: Image.Image, posterior: Posterior, temperature: float, seed: int
) -> tuple[Float[np.ndarray, "*latent"], Float[np.ndarray, "size size 3"], dict[str, float | None]]:
    """The latent, its picture, and how near that is to the picture fitted to the model."""
    batch = _with_batch_axis(posterior)
    latent = np.asarray(sample_posterior(batch, seed, temperature))[0]
    pixels = model.decode_pixels(latent)
    before, after = jnp.asarray(to_array(fitted)[None]), jnp.asarray(pixels[None])
    metrics = {
        "psnr_db": float(losses.psnr(before, after)[0]),
        "ssim": float(losses.ssim(before, after)[0]),
        "l1": float(losses.l1(before, after)[0]),
        "kl_nats": float(losses.kl(batch)[0]) if model.info.has_variance else None,
    }
    return latent, pixels, metrics


def is_foreign(model: OpenModel, made: Reconstruction) -> bool:
    """Whether a picture, decoded from its posterior mean, comes back worse than anything like the model's data.

    False where nobody knows, without a map that has the data's errors. By the error alone: a model that draws
    everything well, such as that of the photos, warns of nothing. `bench/foreign.py` counts.
    """
    usual, error = worst_usual_error(model), made.metrics["l1"]
    return usual is not None and error is not None and error > FOREIGN * usual


def worst_usual_error(model: OpenModel) -> float | None:
    """The reconstruction error (L1, pixels in [0, 1]) that 99% of the data stay below; None if the map has none."""
    return model.remember("worst usual error", None, lambda: _worst_usual_error(model))


def _worst_usual_error(model: OpenModel) -> float | None:
    try:
        errors = model.atlas.numbers.get(ERROR_COLUMN, np.array([]))
    except RequestError:  # there is no map
        return None
    errors = errors[np.isfinite(errors)]
    return float(np.percentile(errors, 99)) if errors.size else None


def uncertainty(model: OpenModel, subject: Subject) -> Uncertainty | None:
    """Where the posterior leaves the picture open; None for an encoder without a variance.

    This is the uncertainty about the latent only. What the latent cannot express is the same in every sample: it shows
    in the error, and not here. How many samples are decoded depends on how long one takes on this machine.
    """
    if not model.info.has_variance:
        return None
    return model.remember("uncertainty", subject.key, lambda: _measure_uncertainty(model, subject))


def _measure_uncertainty(model: OpenModel, subject: Subject) -> Uncertainty:
    posterior = _with_batch_axis(model.posterior(subject))
    count = model.affordable(UNCERTAINTY_SECONDS, LEAST_UNCERTAINTY_SAMPLES, MAX_UNCERTAINTY_SAMPLES)
    decoded = [model.decode_pixels(np.asarray(sample_posterior(posterior, seed))[0]) for seed in range(count)]
    return Uncertainty(np.std(decoded, axis=0, ddof=1).mean(axis=-1), count)


def loss_terms(model: OpenModel, made: Reconstruction) -> dict[str, float] | None:
    """What the model's training loss is made of for this picture, as `Objective.in_numbers` takes it.

    None where the objective is not known, or the encoder has no variance.
    """
    if model.info.objective is None or not model.info.has_variance:
        return None
    images, pixels = jnp.asarray(to_array(made.picture)[None]), jnp.asarray(made.pixels[None])
    _, terms = model.info.objective(images, pixels, _with_batch_axis(made.posterior))
    return {name: float(value) for name, value in terms.items()}


def _with_batch_axis(posterior: Posterior) -> Posterior:
    log_var = posterior.log_var
    return Posterior(jnp.asarray(posterior.mean)[None], None if log_var is None else jnp.asarray(log_var)[None])
