"""What lies between two pictures: latents on a straight or a spherical path, and how far apart its steps are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, get_args

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from PIL import Image

from app.explore.latents import draw
from app.explore.limits import MAX_STEPS, check_choice, check_range, check_whole
from app.explore.opened import OpenModel
from app.explore.subject import Subject
from app.explore.turns import each_in_turn, many
from vae import latent as between
from vae.latent import Method


@dataclass(frozen=True)
class Ends:
    """Two latents, compared.

    Attributes:
        angle: between them, in degrees.
        length_a, length_b: Euclidean.
        prior_length: of a sample of N(0, I), nearly: the square root of how many numbers a latent has.
    """

    angle: float
    length_a: float
    length_b: float
    prior_length: float


def interpolate(model: OpenModel, a: Subject, b: Subject, t: Any, method: Any = "slerp") -> Image.Image:
    """The picture at t between the latents of two pictures; it carries its own.

    Args:
        model: whose latents.
        a, b: the pictures.
        t: 0 is a's, 1 is b's; 0 to 1.
        method: "lerp" or "slerp".

    Raises:
        RequestError: t is out of range, or there is no such method.
    """
    t, method = check_range("t", t, 0, 1), _check_method(method)
    return draw(model, _between(model.latent(a), model.latent(b), t, method), f"between {t:.2f}")


def interpolation(model: OpenModel, a: Subject, b: Subject, steps: Any = 9, method: Any = "slerp") -> list[Image.Image]:
    """`steps` pictures, 2 to 65, at even t from a's to b's; they carry their latents.

    Raises:
        RequestError: as for `interpolate`.
    """
    steps, method = _check_steps(steps), _check_method(method)
    with many(steps):
        from_a, to_b = model.latent(a), model.latent(b)

        def draw_at(t: float) -> Image.Image:
            return draw(model, _between(from_a, to_b, t, method), f"between {t:.2f}")

        return each_in_turn(draw_at, ((t,) for t in _places(steps)))


def path(
    a: Float[np.ndarray, "*latent"], b: Float[np.ndarray, "*latent"], steps: Any, method: Any
) -> Float[np.ndarray, "steps *latent"]:
    """Latents at even t from a to b, both among them.

    Args:
        a, b: the ends.
        steps: how many latents, 2 to 65.
        method: "lerp" or "slerp".

    Raises:
        RequestError: `steps` is out of range, or there is no such method.
    """
    steps, method = _check_steps(steps), _check_method(method)
    return np.stack([_between(a, b, t, method) for t in _places(steps)])


def ends(a: Float[np.ndarray, "*latent"], b: Float[np.ndarray, "*latent"]) -> Ends:
    """How two latents lie to each other."""
    length_a, length_b = (float(np.linalg.norm(latent)) for latent in (a, b))
    return Ends(between.angle(jnp.asarray(a), jnp.asarray(b)), length_a, length_b, math.sqrt(a.size))


def _places(steps: int) -> list[float]:
    return np.linspace(0, 1, steps).tolist()


def _between(
    a: Float[np.ndarray, "*latent"], b: Float[np.ndarray, "*latent"], t: float, method: Method
) -> Float[np.ndarray, "*latent"]:
    return np.asarray(between.interpolate(jnp.asarray(a), jnp.asarray(b), t, method))


def _check_steps(steps: Any) -> int:
    return check_whole("steps", steps, 2, MAX_STEPS)


def _check_method(method: Any) -> Method:
    return check_choice("method", method, get_args(Method))
