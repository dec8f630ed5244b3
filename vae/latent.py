"""Latents: the posterior, samples of it and of the prior from a seed, straight and spherical interpolation.

A latent is `Float[Array, "*latent"]`: (length,) or (height, width, channels); what is said of its length or angle is
said of it flattened.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, Real

Method = Literal["lerp", "slerp"]
AnyArray = jax.Array | np.ndarray
Scalar = float | Real[Array, ""]  # a plain number, or inside a compiled function what stands for one


class Posterior(NamedTuple):
    """The approximate posterior q(latent | picture) = N(mean, exp(log_var)), a diagonal Gaussian.

    Attributes:
        mean: of the latent; what a deterministic encoder gives.
        log_var: the logarithm of each dimension's variance, natural; None for a deterministic encoder, which has none.
    """

    mean: Float[AnyArray, "batch *latent"]
    log_var: Float[AnyArray, "batch *latent"] | None

    def sample(self, key: PRNGKeyArray, temperature: float = 1.0) -> Float[AnyArray, "batch *latent"]:
        """A reparameterised sample: `mean + temperature * exp(log_var / 2) * epsilon`, epsilon from N(0, I).

        Equation 10 of Kingma & Welling 2013; temperature 1 is the posterior itself, 0 its mean. Of a deterministic
        encoder, the mean.
        """
        if self.log_var is None:
            return self.mean
        return self.displace(jax.random.normal(key, self.mean.shape, self.mean.dtype), temperature)

    def displace(
        self, epsilon: Float[AnyArray, "batch *latent"], temperature: float = 1.0
    ) -> Float[AnyArray, "batch *latent"]:
        """`sample`, with noise that was drawn before."""
        assert self.log_var is not None  # the latents of a deterministic encoder have no noise
        return self.mean + temperature * jnp.exp(self.log_var / 2) * epsilon


def sample_prior(
    seed: int, count: int, latent_shape: tuple[int, ...], temperature: float = 1.0, first: int = 0
) -> Float[np.ndarray, "count *latent"]:
    """Latents from the prior N(0, I), times a temperature; the same for a seed on every platform.

    They are drawn on the CPU whatever the default device is. Latent i of a seed does not depend on `count`, so that a
    larger grid begins with the smaller one.

    Args:
        seed: 0 to 2^32 - 1.
        count: how many.
        latent_shape: of one of them.
        temperature: standard deviation; 1 is the prior, 0 its mean.
        first: the number of the first one, for a grid that is drawn in parts.
    """
    with jax.default_device(jax.devices("cpu")[0]):
        key = jax.random.key(np.uint32(seed))
        noise = [jax.random.normal(jax.random.fold_in(key, i), latent_shape) for i in range(first, first + count)]
    # By NumPy: JAX would compile it once for each count.
    return np.float32(temperature) * np.stack([np.asarray(latent) for latent in noise])


def sample_posterior(posterior: Posterior, seed: int, temperature: float = 1.0) -> Float[AnyArray, "batch *latent"]:
    """`posterior.sample` with a seed in place of a key, drawn on the CPU like `sample_prior`."""
    with jax.default_device(jax.devices("cpu")[0]):
        return jax.tree.map(np.asarray, posterior).sample(jax.random.key(np.uint32(seed)), temperature)


@jax.jit
def lerp(a: Float[AnyArray, "*latent"], b: Float[AnyArray, "*latent"], t: Scalar) -> Float[Array, "*latent"]:
    """Linear interpolation, `(1 - t) a + t b`; t = 0 is a, t = 1 is b, beyond extrapolates."""
    return cast(Array, (1 - t) * a + t * b)  # compiled: NumPy's arrays too have become JAX's


@jax.jit
def slerp(a: Float[AnyArray, "*latent"], b: Float[AnyArray, "*latent"], t: Scalar) -> Float[Array, "*latent"]:
    """Spherical linear interpolation: turns the direction evenly from a to b, and goes evenly from |a| to |b|.

    Shoemake 1985; White 2016 (https://arxiv.org/abs/1609.04468) for latents: in many dimensions N(0, I) lives near a
    sphere, and the straight line between two of its points passes through the empty inside. Lengths are interpolated
    apart from directions, since encodings differ in length. Falls back to `lerp` where the angle is below 0.001 or
    within 0.001 of a half turn, where the great circle is not determined, or a latent is zero.
    """
    length_a, length_b = jnp.linalg.norm(a.ravel()), jnp.linalg.norm(b.ravel())
    cosine = jnp.vdot(a, b) / jnp.maximum(length_a * length_b, 1e-12)
    angle = jnp.arccos(jnp.clip(cosine, -1, 1))
    sine = jnp.sin(angle)
    determined = (sine > 1e-3) & (length_a * length_b > 1e-12)
    safe_sine = jnp.where(determined, sine, 1.0)
    weight_a, weight_b = jnp.sin((1 - t) * angle) / safe_sine, jnp.sin(t * angle) / safe_sine
    direction = weight_a * a / jnp.maximum(length_a, 1e-12) + weight_b * b / jnp.maximum(length_b, 1e-12)
    return jnp.where(determined, lerp(length_a, length_b, t) * direction, lerp(a, b, t))


def mix_corners(
    a: Float[AnyArray, "*latent"],
    b: Float[AnyArray, "*latent"],
    c: Float[AnyArray, "*latent"],
    d: Float[AnyArray, "*latent"],
    u: float,
    v: float,
    method: str,
) -> Float[Array, "*latent"]:
    """The latent at (u, v) of the square with a and b at its top, c and d at its bottom corners.

    Along the top and the bottom edge to u, then down between those two to v; with lerp, this is bilinear.

    Raises:
        ValueError: another method than "lerp" or "slerp".
    """
    return interpolate(interpolate(a, b, u, method), interpolate(c, d, u, method), v, method)


def angle(a: Float[AnyArray, "*latent"], b: Float[AnyArray, "*latent"]) -> float:
    """The angle between two latents, in degrees; 0 where one of them is zero."""
    a, b = np.ravel(a).astype(np.float64), np.ravel(b).astype(np.float64)
    lengths = np.linalg.norm(a) * np.linalg.norm(b)
    return float(np.degrees(np.arccos(np.clip(a @ b / lengths, -1, 1)))) if lengths else 0.0


def interpolate(
    a: Float[AnyArray, "*latent"], b: Float[AnyArray, "*latent"], t: float, method: str
) -> Float[Array, "*latent"]:
    """`lerp` or `slerp`, by name.

    Raises:
        ValueError: another name.
    """
    if method == "lerp":
        return lerp(a, b, t)
    if method == "slerp":
        return slerp(a, b, t)
    raise ValueError(f'method is {method!r}; accepted: "lerp", "slerp"')
