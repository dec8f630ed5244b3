"""The VAE: shapes, ranges, the reparameterisation, gradients, precision, and the configuration that builds it."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from numpy.testing import assert_allclose, assert_array_equal

from vae.checkpoint import bind, parameters
from vae.latent import Posterior
from vae.losses import L1SSIM, kl
from vae.model import LOG_VAR_RANGE, VAE, VAEConfig, compile_codec

pytestmark = pytest.mark.usefixtures("quick_compiling")

# 16 channels and more: with one channel to a group, a normalisation would undo the bias before it.
SPATIAL = VAEConfig(image_size=16, latent="spatial", latent_dim=3, channels=(16, 32))
VECTOR = VAEConfig(image_size=16, latent="vector", latent_dim=5, channels=(16, 32), halve_first=True)
BOTH = pytest.mark.parametrize("config", [SPATIAL, VECTOR], ids=lambda config: config.latent)


def random_pictures(*shape):
    return jnp.asarray(np.random.default_rng(0).random((*shape, 3)), jnp.float32)


@pytest.mark.parametrize(
    ("config", "latent_shape"),
    [
        (VAEConfig(), (32, 32, 4)),
        (VAEConfig(image_size=64, latent="vector", latent_dim=128), (128,)),
        (VAEConfig(image_size=64, latent="vector", latent_dim=128, halve_first=True), (128,)),
        (VAEConfig(image_size=64, channels=(16, 16, 16, 16), latent_dim=2, blocks=2), (4, 4, 2)),
    ],
)
def test_shapes(config, latent_shape):
    """At full size, worked out without computing anything."""
    pictures = jax.ShapeDtypeStruct((2, config.image_size, config.image_size, 3), jnp.float32)

    def run(images):
        reconstruction, posterior, _ = VAE(config, rngs=nnx.Rngs(0))(images, jax.random.key(0))
        return reconstruction, *posterior

    reconstruction, mean, log_var = jax.eval_shape(run, pictures)

    assert config.latent_shape == latent_shape
    assert mean.shape == log_var.shape == (2, *latent_shape)
    assert reconstruction.shape == pictures.shape
    assert {x.dtype for x in (reconstruction, mean, log_var)} == {jnp.dtype("float32")}


@pytest.mark.parametrize(("height", "width"), [(64, 64), (24, 40)])
def test_spatial_model_takes_any_multiple_of_its_downsampling(height, width, draw_vae):
    vae = draw_vae(VAEConfig(image_size=256, channels=(8, 16, 16)))
    pictures = random_pictures(1, height, width)

    encode, decode = compile_codec(vae)
    posterior = encode(pictures)
    decoded = decode(posterior.mean)

    assert posterior.mean.shape == (1, height // 8, width // 8, 4)
    assert decoded.shape == pictures.shape
    assert np.ptp(decoded) > 0.01  # a picture, not a constant


@BOTH
def test_pictures_are_in_range_whatever_the_latent(config, draw_vae):
    """Outputs stay in [0, 1], and are not squashed into a part of it, for latents far outside the prior."""
    _, decode = compile_codec(draw_vae(config))
    latent = 1e3 * np.random.default_rng(1).normal(size=(8, *config.latent_shape)).astype(np.float32)

    pictures = np.asarray(decode(latent))

    assert np.isfinite(pictures).all()
    assert pictures.min() >= 0
    assert pictures.max() <= 1
    assert pictures.min() < 0.2
    assert pictures.max() > 0.8


@BOTH
def test_every_parameter_learns(config, draw_vae):
    """The loss of random pictures has a gradient for each number's tensor: no layer is cut off."""
    vae = draw_vae(config)
    pictures = random_pictures(4, 16, 16)

    @jax.jit
    def gradients(values):
        def loss(values):
            reconstruction, posterior, _ = bind(vae, values)(pictures, jax.random.key(1))
            return L1SSIM()(pictures, reconstruction, posterior)[0]

        return jax.grad(loss)(values)

    size = {name: float(jnp.abs(gradient).max()) for name, gradient in gradients(parameters(vae)).items()}

    assert len(size) >= 30
    # Rounding alone gives about 1e-9 where the true gradient is zero.
    assert {name: value for name, value in size.items() if not 1e-6 < value < np.inf} == {}


def test_reconstruction_is_decoded_from_a_reparameterised_sample(draw_vae):
    vae = draw_vae(SPATIAL)
    pictures, key = random_pictures(2, 16, 16), jax.random.key(3)

    reconstruction, posterior, _ = nnx.jit(lambda vae, x: vae(x, key))(vae, pictures)

    encode, decode = compile_codec(vae)
    mean, log_var = encode(pictures)
    epsilon = jax.random.normal(key, mean.shape)
    assert_allclose(posterior.mean, mean, atol=1e-5)
    assert_allclose(posterior.log_var, log_var, atol=1e-5)
    assert_allclose(reconstruction, decode(mean + jnp.exp(log_var / 2) * epsilon), atol=1e-5)


def test_sample_is_mean_plus_temperature_times_deviation_times_noise():
    posterior = Posterior(jnp.array([[1.0, -2.0, 0.5]]), jnp.array([[0.0, 2.0, -3.0]]))
    key = jax.random.key(7)
    epsilon = np.asarray(jax.random.normal(key, (1, 3)))
    deviation = np.exp(np.asarray(posterior.log_var) / 2)

    assert_allclose(posterior.sample(key), posterior.mean + deviation * epsilon, rtol=1e-6)
    assert_allclose(posterior.sample(key, 0.3), posterior.mean + 0.3 * deviation * epsilon, rtol=1e-6)
    assert_array_equal(posterior.sample(key, 0.0), posterior.mean)
    assert not np.array_equal(posterior.sample(key), posterior.sample(jax.random.key(8)))


def test_samples_have_the_statistics_of_the_posterior():
    count = 40_000
    mean, log_var = np.array([1.0, -2.0, 0.5]), np.array([0.0, 2.0, -3.0])
    posterior = Posterior(*(jnp.tile(jnp.asarray(row, jnp.float32), (count, 1)) for row in (mean, log_var)))

    samples = np.asarray(posterior.sample(jax.random.key(0)), np.float64)

    deviation = np.exp(log_var / 2)
    five_sigma = 5 / np.sqrt(count)
    assert_allclose((samples.mean(axis=0) - mean) / deviation, 0, atol=five_sigma)
    assert_allclose(samples.var(axis=0) / deviation**2, 1, atol=np.sqrt(2) * five_sigma)
    assert_allclose(np.corrcoef(samples.T) - np.eye(3), 0, atol=five_sigma)


def test_extreme_log_variances_stay_finite(draw_vae):
    """An encoder that has gone astray gives clipped log-variances, with finite samples and KL."""
    vae = draw_vae(SPATIAL)
    vae.encoder.head.kernel[...] = 1e6 * vae.encoder.head.kernel[...]

    encode, decode = compile_codec(vae)
    posterior = encode(random_pictures(2, 16, 16))
    log_var = np.asarray(posterior.log_var)

    assert (log_var.min(), log_var.max()) == LOG_VAR_RANGE
    assert np.isfinite(kl(posterior)).all()
    assert np.isfinite(decode(posterior.sample(jax.random.key(0)))).all()


def test_bfloat16_is_a_matter_of_computing_only(draw_vae):
    """Parameters, posterior and pictures stay float32, and come out close to the float32 result but not equal."""
    exact, rough = draw_vae(SPATIAL), draw_vae(SPATIAL, dtype=jnp.bfloat16)
    assert {value.dtype for value in parameters(rough).values()} == {jnp.dtype("float32")}
    pictures = random_pictures(2, 16, 16)

    (encode, decode), (rough_encode, rough_decode) = compile_codec(exact), compile_codec(rough)
    posterior, rough_posterior = encode(pictures), rough_encode(pictures)
    decoded, rough_decoded = decode(posterior.mean), rough_decode(posterior.mean)

    for value, rough_value in zip((*posterior, decoded), (*rough_posterior, rough_decoded), strict=True):
        assert rough_value.dtype == jnp.float32
        difference = np.abs(value - rough_value).max()
        assert 0 < difference < 0.03 * np.ptp(value)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"latent": "matrix"}, ["latent", "'matrix'", '"spatial", "vector"']),
        ({"channels": ()}, ["channels", "()", "multiples of 8"]),
        ({"channels": (32, 12)}, ["channels", "(32, 12)", "multiples of 8"]),
        ({"channels": (0,)}, ["channels", "(0,)", "positive multiples of 8"]),
        ({"latent_dim": 0}, ["latent_dim", "0", "1 or more"]),
        ({"blocks": -1}, ["blocks", "-1", "1 or more"]),
        ({"latent_dim": 4.5}, ["latent_dim", "4.5", "whole number"]),
        ({"blocks": True}, ["blocks", "True", "whole number"]),
        ({"image_size": "64"}, ["image_size", "'64'", "whole number"]),
        ({"channels": (32, 64.0)}, ["channels", "(32, 64.0)", "multiples of 8"]),
        ({"image_size": 8192}, ["image_size", "8192", "up to 4096"]),
        ({"image_size": 100}, ["image_size", "100", "multiples of 8"]),
        ({"image_size": 0}, ["image_size", "0", "multiples of 8"]),
        ({"image_size": 72, "halve_first": True}, ["image_size", "72", "multiples of 16"]),
    ],
)
def test_a_wrong_configuration_is_explained(given, words):
    with pytest.raises(ValueError) as error:
        VAEConfig(**given)
    assert [word for word in words if word not in str(error.value)] == []


@pytest.mark.parametrize("config", [VAEConfig(), SPATIAL, VECTOR])
def test_configuration_survives_json(config):
    again = VAEConfig(**json.loads(json.dumps(config.to_dict())))

    assert again == config
    assert hash(again) == hash(config)  # it is a static argument of jitted functions
    assert set(config.to_dict()) == {field.name for field in dataclasses.fields(VAEConfig)}
