"""Reconstruction, SSIM, KL, and the objectives that join them. Pictures are in [0, 1].

An objective owns its name, weights, terms and equation: the command line, the records of a run, its curves and the page
read them there. Another one is a class like `L1SSIM`, listed in `Objective` and `OBJECTIVES`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from vae.latent import AnyArray, Posterior, Scalar
from vae.likelihoods import BERNOULLI, GAUSSIAN, Likelihood

Terms = dict[str, Float[Array, ""]]
Perceive = Callable[[Float[AnyArray, "batch h w 3"], Float[AnyArray, "batch h w 3"]], Float[Array, " batch"]]

KL_TITLE = "KL to N(0, I), nats a picture"
SSIM_SIGMA = 1.5
SSIM_RADIUS = 5  # scikit-image truncates the Gaussian at 3.5 sigma: 11 taps


@jax.jit
def l1(x: Float[AnyArray, "batch h w c"], y: Float[AnyArray, "batch h w c"]) -> Float[Array, " batch"]:
    """Mean absolute error of each picture."""
    return jnp.mean(jnp.abs(x - y), axis=(1, 2, 3))


@jax.jit
def psnr(x: Float[AnyArray, "batch h w c"], y: Float[AnyArray, "batch h w c"]) -> Float[Array, " batch"]:
    """Peak signal-to-noise ratio of each picture in dB: `-10 log10(mean squared error)`, peak 1."""
    return -10 * jnp.log10(jnp.maximum(jnp.mean((x - y) ** 2, axis=(1, 2, 3)), 1e-12))


@jax.jit
def ssim(x: Float[AnyArray, "batch h w c"], y: Float[AnyArray, "batch h w c"]) -> Float[Array, " batch"]:
    """Structural similarity of each picture, per channel and averaged; 1 for equal pictures. Differentiable.

    Wang et al. 2004, equation 13: `(2 mx my + C1)(2 sxy + C2) / ((mx^2 + my^2 + C1)(sx + sy + C2))`, with local means,
    variances and the covariance under a Gaussian window (sigma 1.5), C1 = 0.01^2, C2 = 0.03^2, data range 1: the same
    as scikit-image's `structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False)`.

    Raises:
        ValueError: a side is shorter than the window, 11 pixels.
    """
    height, width = x.shape[1:3]
    if min(height, width) < 2 * SSIM_RADIUS + 1:
        raise ValueError(f"SSIM needs pictures of at least 11 x 11 pixels, not {height} x {width}")
    # A variance is a difference of moments: taken about the pictures' own mean, where they are small, it keeps digits.
    centre = jnp.mean((x + y) / 2, axis=(1, 2), keepdims=True)
    dx, dy = x - centre, y - centre
    # A Gaussian window is separable, and as a banded matrix it runs on the matrix units instead of as a slow depthwise
    # convolution. All five local moments share the two products.
    moments = jnp.stack([dx, dy, dx * dx, dy * dy, dx * dy])
    rows, columns = _gaussian_band(height), _gaussian_band(width)
    moments = jnp.einsum("ih,mbhwc->mbiwc", rows, moments, precision="highest")
    mean_dx, mean_dy, xx, yy, xy = jnp.einsum("jw,mbiwc->mbijc", columns, moments, precision="highest")
    mean_x, mean_y = mean_dx + centre, mean_dy + centre
    c1, c2 = 0.01**2, 0.03**2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    structure = (2 * (xy - mean_dx * mean_dy) + c2) / (xx - mean_dx**2 + yy - mean_dy**2 + c2)
    return jnp.mean(luminance * structure, axis=(1, 2, 3))


@lru_cache
def _gaussian_band(size: int) -> Float[np.ndarray, "valid size"]:
    """The matrix that takes every full 11-tap Gaussian window of a line of `size` pixels."""
    taps = np.exp(-0.5 * (np.arange(-SSIM_RADIUS, SSIM_RADIUS + 1) / SSIM_SIGMA) ** 2)
    taps /= taps.sum()
    band = np.zeros((size - 2 * SSIM_RADIUS, size), np.float32)
    for i in range(len(band)):
        band[i, i : i + len(taps)] = taps
    return band


@jax.jit
def kl(posterior: Posterior) -> Float[Array, " batch"]:
    """KL(q(latent | picture) || N(0, I)) of each picture, in nats, summed over the latent.

    Closed form for diagonal Gaussians (Kingma & Welling 2013, appendix B):
    `1/2 sum(exp(log_var) + mean^2 - 1 - log_var)`.
    """
    return kl_per_unit(posterior).reshape(len(posterior.mean), -1).sum(axis=1)


def kl_per_unit(posterior: Posterior) -> Float[Array, "batch *latent"]:
    """The same, of each dimension of the latent by itself, in nats."""
    mean, log_var = posterior
    assert log_var is not None  # a deterministic encoder has no density, and no KL
    # expm1: `exp(v) - 1 - v` cancels to rounding noise near v = 0, where a collapsed unit lives.
    return cast(Array, 0.5 * (mean**2 + jnp.expm1(log_var) - log_var))  # JAX's even of NumPy's arrays


def free_bits_kl(posterior: Posterior, free_bits: float) -> Float[Array, ""]:
    """The KL averaged over the batch, in which every dimension of the latent costs at least `free_bits` nats.

    One that carries less than that gains nothing by carrying nothing, which keeps it from collapsing
    (Kingma et al. 2016, https://arxiv.org/abs/1606.04934, equation 15). With 0 it is the KL itself.
    """
    return jnp.sum(jnp.maximum(jnp.mean(kl_per_unit(posterior), axis=0), free_bits))


def total_correlation(
    posterior: Posterior, latent: Float[AnyArray, "batch *latent"], data_size: int
) -> Float[Array, ""]:
    """KL(q(z) || product over dimensions of q(z_d)) in nats, estimated from a batch: 0 for independent dimensions.

    It is one of three parts of the KL (Chen et al. 2018, https://arxiv.org/abs/1802.04942, equation 2): what the latent
    tells of the picture, this, and how far each dimension's q(z_d) is from N(0, 1). Where it costs more than the
    others, dimensions tend to know one thing each: the beta-TC-VAE.

    Args:
        posterior: of the pictures of the batch.
        latent: one sample of each.
        data_size: pictures in the data set, over all of which q(z) is the average.
    """
    assert posterior.log_var is not None
    arrays = latent, posterior.mean, posterior.log_var
    z, mean, log_var = (jnp.reshape(array, (len(array), -1)) for array in arrays)
    squares = (z[:, None] - mean) ** 2 * jnp.exp(-log_var)
    log_density = -0.5 * (squares + log_var + math.log(2 * math.pi))  # "sample picture dimension"
    joint = _log_aggregate(log_density.sum(axis=2)[:, :, None], data_size)[:, 0]
    return jnp.mean(joint - _log_aggregate(log_density, data_size).sum(axis=1))


def _log_aggregate(log_density: Float[Array, "batch batch d"], data_size: int) -> Float[Array, "batch d"]:
    """log q(z), from log q(z | x) of each sample under each picture of the batch.

    A sample's own picture is one of `data_size`, and the others of the batch stand for the rest of them: minibatch
    stratified sampling (Chen et al. 2018, appendix C.2, averaged over the order of the others). q(z) is without bias.
    """
    count = len(log_density)
    others = (1 - 1 / data_size) / max(1, count - 1)
    weights = jnp.where(jnp.eye(count, dtype=bool), 1 / data_size, others)
    return jax.nn.logsumexp(log_density, axis=1, b=weights[:, :, None])


class LossWeights(NamedTuple):
    """Weights of the terms of `L1SSIM`.

    Attributes:
        l1, ssim, kl: of the three that there always are.
        tc: how much the total correlation costs, in parts of what the KL, of which it is a part, costs: the beta of the
            beta-TC-VAE. 1 leaves the KL as it is.
        perceptual: of a distance of features, which training has and this file does not know.
    """

    l1: float = 1.0
    ssim: float = 0.5
    kl: float = 1e-5
    tc: float = 1.0
    perceptual: float = 0.0


@dataclass(frozen=True)
class L1SSIM:
    """The training loss `l1 * L1 + ssim * (1 - SSIM) + kl * KL`, each term averaged over the batch.

    On demand two more: `kl * (tc - 1) * total correlation`, and `perceptual` * a distance of features.

    Why this is an ELBO. For any q, Jensen's inequality bounds the evidence of a picture x from below:

        log p(x) = log E_q[ p(x | z) p(z) / q(z | x) ] >= E_q[ log p(x | z) ] - KL( q(z | x) || p(z) ),

    and the gap is KL(q(z | x) || p(z | x)), so that raising the bound both fits the data and makes q the posterior.
    Choose a likelihood whose energy is a distance, `p(x | z) = exp(-N d(x, decode(z)) / b) / Z(b)`, with N the number
    of pixel values: for d = L1 that is an independent Laplace distribution of scale b for every value. Divide the
    negative bound by the constant N / b and leave out log Z(b):

        loss = d(x, decode(z)) + (b / N) KL.

    So the KL weight is no arbitrary number: `kl = b / N` states the scale b of the errors one is willing to call noise
    (Higgins et al. 2017 call N-free versions of it beta). Adding `1 - SSIM` to d keeps the form, with an unnormalised
    likelihood that also charges for lost structure. E_q is estimated with one reparameterised sample.

    With a normalised likelihood nothing is left out and nothing is to be weighed: see `ELBO`.

    Attributes:
        weights: of the terms.
        name: what the command line and `config.json` call this objective.
        latex: the loss as an equation.
        likelihood: the one under which the evidence of a model trained so is bounded, as it has none of its own.
        curves: the terms worth a curve, with their titles.
        of_batch: what in it is not a mean over pictures, and takes the whole batch, in words; empty if nothing is.
    """

    weights: LossWeights = LossWeights()

    name: ClassVar[str] = "l1-ssim"
    likelihood: ClassVar[Likelihood] = GAUSSIAN

    @property
    def latex(self) -> str:
        equation = (
            r"\mathcal{L} = w_1 \lVert x - \hat x \rVert_1 + w_2\,(1 - \mathrm{SSIM}(x, \hat x)) + w_3\,\mathrm{KL}"
        )
        if self.weights.tc != 1:
            equation += rf" + {self.weights.tc - 1:g}\,w_3\,\mathrm{{TC}}"
        if self.weights.perceptual:
            equation += rf" + {_latex(self.weights.perceptual)}\,d_\text{{features}}(x, \hat x)"
        return equation

    @property
    def curves(self) -> dict[str, str]:
        titles = {"l1": "L1", "ssim": "SSIM", "kl": KL_TITLE}
        if self.weights.tc != 1:
            titles["tc"] = "Total correlation, nats"
        if self.weights.perceptual:
            titles["perceptual"] = "Distance of features"
        return titles

    @property
    def of_batch(self) -> str:
        return "the total correlation" if self.weights.tc != 1 else ""

    def __call__(
        self,
        images: Float[AnyArray, "batch h w 3"],
        reconstruction: Float[AnyArray, "batch h w 3"],
        posterior: Posterior,
        *,
        kl_warm: Scalar = 1.0,
        free_bits: float = 0.0,
        latent: Float[AnyArray, "batch *latent"] | None = None,
        data_size: int | None = None,
        perceive: Perceive | None = None,
    ) -> tuple[Float[Array, ""], Terms]:
        """The loss of a batch, and its terms.

        Args:
            images: in [0, 1].
            reconstruction: in [0, 1], decoded from a sample of the posterior.
            posterior: of the pictures.
            kl_warm: a factor on the KL, which rises from 0 to 1 at the beginning of training.
            free_bits: nats that each dimension of the latent may carry for free (`free_bits_kl`).
            latent: the sample that was decoded; without it, the total correlation is left out.
            data_size: pictures in the data set (`total_correlation`); by default, the batch is all there are.
            perceive: the distance of the features of each two pictures; without it, it is left out.

        Returns:
            The loss, and `loss`, `l1`, `ssim`, `kl` (nats, without free bits and warm-up); `tc` (nats) and `perceptual`
            where they have a weight.
        """
        terms = _terms(images, reconstruction, posterior)
        w, paid = self.weights, free_bits_kl(posterior, free_bits)
        if w.tc != 1 and latent is not None:
            terms["tc"] = total_correlation(posterior, latent, data_size or len(latent))
            paid += (w.tc - 1) * terms["tc"]
        loss = w.l1 * terms["l1"] + w.ssim * (1 - terms["ssim"]) + w.kl * kl_warm * paid
        if w.perceptual and perceive is not None:
            terms["perceptual"] = jnp.mean(perceive(images, reconstruction))
            loss += w.perceptual * terms["perceptual"]
        return loss, {"loss": loss, **terms}

    def in_numbers(self, terms: Mapping[str, float]) -> str:
        """The loss of one picture as an equation, from its `l1`, `ssim` and `kl`."""
        w = self.weights
        parts = w.l1 * terms["l1"], w.ssim * (1 - terms["ssim"]), w.kl * terms["kl"]
        return (
            rf"{w.l1:g} \cdot {terms['l1']:.4f} + {w.ssim:g} \cdot (1 - {terms['ssim']:.4f}) + "
            rf"{_latex(w.kl)} \cdot {terms['kl']:.1f} = {parts[0]:.4f} + {parts[1]:.4f} + {parts[2]:.4f} "
            rf"= {sum(parts):.4f}{self._left_out()}"
        )

    def _left_out(self) -> str:
        """What the loss of one picture lacks: its total correlation is that of a batch, its features take a network."""
        names = [r"\mathrm{TC}"] * (self.weights.tc != 1) + [r"d_\text{features}"] * bool(self.weights.perceptual)
        return r"\text{, without } " + r" \text{ and } ".join(names) if names else ""


@dataclass(frozen=True)
class ELBO:
    """The negative ELBO itself, under a normalised likelihood (`vae.likelihoods`): there is nothing to be weighed.

    It is divided by the number of pixel values, so that its size does not depend on the picture's.

    Attributes:
        likelihood: p(x | z): `GAUSSIAN`, with the variance that suits each batch best, or `BERNOULLI`.
        name, latex, weights, curves, of_batch: as of `L1SSIM`.
    """

    likelihood: Likelihood

    weights: ClassVar[None] = None
    curves: ClassVar[dict[str, str]] = {"bits_per_dim": "Bits a pixel value", "ssim": "SSIM", "kl": KL_TITLE}

    @property
    def name(self) -> str:
        return self.likelihood.name

    @property
    def latex(self) -> str:
        return self.likelihood.latex

    @property
    def of_batch(self) -> str:
        return "the calibrated variance" if self.likelihood is GAUSSIAN else ""

    def __call__(
        self,
        images: Float[AnyArray, "batch h w 3"],
        reconstruction: Float[AnyArray, "batch h w 3"],
        posterior: Posterior,
        *,
        kl_warm: Scalar = 1.0,
        free_bits: float = 0.0,
        latent: Float[AnyArray, "batch *latent"] | None = None,
        data_size: int | None = None,
        perceive: Perceive | None = None,
    ) -> tuple[Float[Array, ""], Terms]:
        """The loss of a batch and its terms, as of `L1SSIM`; the last three arguments are not used.

        Two more terms: `nll`, -log p(x | z) in nats, and `bits_per_dim`, the negative ELBO in bits a pixel value.
        """
        terms = _terms(images, reconstruction, posterior)
        values = math.prod(images.shape[1:])
        terms["nll"] = jnp.mean(self.likelihood.nll(images, reconstruction))
        terms["bits_per_dim"] = self.likelihood.bits_per_dim(terms["nll"] + terms["kl"], values)
        loss = (terms["nll"] + kl_warm * free_bits_kl(posterior, free_bits)) / values
        return loss, {"loss": loss, **terms}

    def in_numbers(self, terms: Mapping[str, float]) -> str:
        """The loss of one picture as an equation, from its `nll`, `kl` and `bits_per_dim`."""
        nll, kl = terms["nll"], terms["kl"]
        bits = rf"{terms['bits_per_dim']:.3f} \text{{ bits a pixel value}}"
        return rf"{nll:.1f} + {kl:.1f} = {nll + kl:.1f} \text{{ nats, or }} {bits}"


Objective = L1SSIM | ELBO
ALWAYS = {"l1", "ssim", "kl"}  # weights that every record has
OBJECTIVES: dict[str, Objective] = {one.name: one for one in (L1SSIM(), ELBO(GAUSSIAN), ELBO(BERNOULLI))}


def objective_record(objective: Objective) -> dict:
    """What `recorded_objective` reads, as JSON-ready types."""
    return {"likelihood": objective.name, "weights": objective.weights._asdict() if objective.weights else {}}


def recorded_objective(record: dict) -> Objective | None:
    """The objective that the record of a run names; None where it names none, or one that is unknown here.

    Records of the first version have weights only, as there was a single loss; older ones call the weight of L1 "rec".
    Earlier ones lack the weights that leave the loss as it is.
    """
    weights: Any = record.get("weights")
    name = record.get("likelihood", L1SSIM.name if weights else None)
    objective = OBJECTIVES.get(name) if isinstance(name, str) else None
    if objective is None or objective.weights is None:
        return objective
    try:
        given = {"l1" if key == "rec" else key: float(value) for key, value in weights.items()}
        recorded = type(objective.weights)(**given)
    except (AttributeError, TypeError, ValueError, OverflowError):
        return None
    is_whole = len(given) == len(weights) and given.keys() >= ALWAYS and all(map(math.isfinite, recorded))
    return replace(objective, weights=recorded) if is_whole else None


def _terms(images: AnyArray, reconstruction: AnyArray, posterior: Posterior) -> Terms:
    """Those of every objective, averaged over the batch."""
    return {
        "l1": jnp.mean(l1(images, reconstruction)),
        "ssim": jnp.mean(ssim(images, reconstruction)),
        "kl": jnp.mean(kl(posterior)),
    }


def _latex(number: float) -> str:
    mantissa, _, exponent = f"{number:g}".partition("e")
    return mantissa + (rf" \cdot 10^{{{int(exponent)}}}" if exponent else "")
