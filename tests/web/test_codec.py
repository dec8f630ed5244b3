"""The codec in the browser against the model in JAX: on the models that ship, and on architectures of every sort."""

import json

import jax
import numpy as np
import pytest
from flax import nnx
from numpy.testing import assert_allclose
from PIL import Image
from safetensors.numpy import load, save

from app.web import codec
from tests.conftest import ROOT
from tests.web.codec_page import CodecPage
from vae.checkpoint import bind, load_model, parameters
from vae.model import LOG_VAR_RANGE, VAEConfig

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("quick_compiling")]

MODELS = ROOT / "assets" / "models"
CONFIGS = {path.parent.name: json.loads(path.read_text()) for path in sorted(MODELS.glob("*/config.json"))}
SHIPPED = [name for name, config in CONFIGS.items() if config.get("kind", "conv-vae") == "conv-vae"]


@pytest.fixture(scope="module")
def page(browser):
    page = browser.new_page()
    yield CodecPage(page)
    page.close()


def in_jax(vae, *inputs):
    """For each (parameters, pictures, latents): the posteriors of the pictures, and the pictures of the latents."""
    graph, _ = nnx.split(vae)

    @jax.jit
    def both(state, pictures, latents):
        model = nnx.merge(graph, state)
        return model.encode(pictures), model.decode(latents)

    return [both(nnx.split(bind(vae, values))[1], *arrays) for values, *arrays in inputs]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_model_that_ships_draws_and_encodes_as_in_jax(name, page, examples):
    vae = load_model(MODELS / name)
    size, shape = vae.config.image_size, vae.config.latent_shape
    picture = Image.open(examples["photos"]).convert("RGBA").resize((size, size))
    colours = np.asarray(picture)[None, :, :, :3] / np.float32(255)
    latent = np.random.default_rng(0).normal(size=(1, *shape)).astype("f4")
    stored = codec.weights(MODELS / name)
    page.files |= {"weights": stored, "latent": latent.tobytes(), "picture": picture.tobytes()}

    drawn, again, mean, log_var = page.run(
        """
        const codec = await openCodec({ architecture, weights: "/weights" });
        const picture = new ImageData(new Uint8ClampedArray(await bytes("/picture")), architecture.image_size);
        const { mean, logVar } = await codec.encode(picture);
        const pictures = await codec.decode([await numbers("/latent"), mean]);
        codec.close();
        return [...pictures.map(({ data }) => data), mean, logVar];
        """,
        architecture=vae.config.to_dict(),
    )

    means = mean.reshape(1, *shape)
    rounded = {key: value.astype("f4") for key, value in load(stored).items()}
    (posterior, _), (_, from_noise), (_, from_mean) = in_jax(
        vae, (rounded, colours, latent), (parameters(vae), colours, latent), (parameters(vae), colours, means)
    )
    assert_allclose(means, posterior.mean, atol=1e-3)
    assert_allclose(log_var.reshape(1, *shape), posterior.log_var, atol=1e-3)
    for pixels, expected in ((drawn, from_noise), (again, from_mean)):
        pixels = pixels.reshape(1, size, size, 4)
        assert (pixels[..., 3] == 255).all()
        assert np.abs(pixels[..., :3] - 255 * np.asarray(expected)).max() <= 2


SQUARE = {
    "a skip, three latent channels": VAEConfig(image_size=40, latent_dim=3, channels=(8, 24)),
    "sides of 5 and 40 channels": VAEConfig(image_size=40, latent_dim=5, channels=(8, 16, 40)),
    "two blocks, halving first": VAEConfig(image_size=32, latent_dim=9, channels=(16, 8), blocks=2, halve_first=True),
    "one stage": VAEConfig(image_size=26, latent_dim=4, channels=(24,)),
    "a vector": VAEConfig(image_size=96, latent="vector", latent_dim=7, channels=(8, 16, 16), blocks=2),
    "a vector, sides of 3, halving first": VAEConfig(
        image_size=24, latent="vector", latent_dim=2, channels=(8, 16), halve_first=True
    ),
    "a vector, down to a pixel": VAEConfig(image_size=8, latent="vector", latent_dim=16, channels=(8, 16, 16)),
}


@pytest.mark.parametrize("config", SQUARE.values(), ids=SQUARE)
def test_any_architecture_computes_the_same(config, page, draw_vae):
    compare(draw_vae(config), config.image_size, config.image_size, page)


@pytest.mark.parametrize(("height", "width"), [(12, 40), (68, 4), (4, 4)])
def test_spatial_models_take_pictures_of_other_sizes(height, width, page, draw_vae):
    compare(draw_vae(VAEConfig(image_size=24, latent_dim=3, channels=(8, 16))), height, width, page)


def compare(vae, height, width, page):
    random, factor = np.random.default_rng(1), vae.config.downsampling
    shape = (height // factor, width // factor, vae.config.latent_dim)[-len(vae.config.latent_shape) :]
    colours = random.random((1, height, width, 3), "f4")
    latent = random.normal(size=(1, *shape)).astype("f4")
    values = {name: np.asarray(value) for name, value in parameters(vae).items()}
    page.files |= {"weights": save(values), "latent": latent.tobytes(), "picture": colours.tobytes()}

    picture, mean, log_var = page.run(
        """
        const codec = await createCodec(architecture, await bytes("/weights"), await bytes("/codec/codec.wasm"));
        const picture = codec.decodeFloats(await numbers("/latent"), height, width);
        const { mean, logVar } = codec.encode(await numbers("/picture"), height, width);
        return [picture, mean, logVar];
        """,
        architecture=vae.config.to_dict(),
        height=height,
        width=width,
    )

    ((posterior, expected),) = in_jax(vae, (values, colours, latent))
    assert_allclose(picture.reshape(expected.shape), expected, atol=1e-4)
    assert_allclose(mean.reshape(posterior.mean.shape), posterior.mean, atol=1e-4)
    assert_allclose(log_var.reshape(posterior.mean.shape), posterior.log_var, atol=1e-4)


def test_extreme_values_stay_in_their_ranges(page, draw_vae):
    config = VAEConfig(image_size=16, latent_dim=2, channels=(8, 16))
    values = {name: np.array(value) for name, value in parameters(draw_vae(config)).items()}
    values["decoder.to_rgb.bias"][:2] = [1e4, -1e4]
    values["encoder.head.bias"][2:] = [1e4, -1e4]
    page.files |= {"weights": save(values)}

    picture, log_var = page.run(
        """
        const codec = await createCodec(architecture, await bytes("/weights"), await bytes("/codec/codec.wasm"));
        const picture = codec.decode(new Float32Array(4 * 4 * 2));
        return [picture, codec.encode(picture).logVar];
        """,
        architecture=config.to_dict(),
    )

    assert (picture.reshape(-1, 4)[:, [0, 1, 3]] == [255, 0, 255]).all()
    assert (log_var.reshape(-1, 2) == [LOG_VAR_RANGE[1], LOG_VAR_RANGE[0]]).all()


def test_no_picture_depends_on_those_before(page, draw_vae):
    """Other sizes, and numbers that overflowed, are forgotten."""
    config = VAEConfig(image_size=16, latent_dim=3, channels=(8, 16))
    page.files |= {"weights": save({k: np.asarray(v) for k, v in parameters(draw_vae(config)).items()})}

    first, second, words = page.run(
        """
        const codec = await createCodec(architecture, await bytes("/weights"), await bytes("/codec/codec.wasm"));
        const latent = Float32Array.from({ length: 4 * 4 * 3 }, (_, k) => Math.sin(k));
        const first = codec.decodeFloats(latent);
        const words = await refusal((async () => codec.decode(latent.map(() => 1e38)))());
        codec.decode(new Float32Array(6 * 2 * 3), 24, 8);
        return [first, codec.decodeFloats(latent), words];
        """,
        architecture=config.to_dict(),
    )

    assert words == "This latent is too large to be decoded."
    assert (first == second).all()


def test_every_float16_is_widened_exactly(page):
    halves = np.arange(2**16, dtype="<u2").view("<f2")
    page.files |= {"halves": halves.tobytes()}
    widened = page.run(
        """
        const { startMachine } = await import("/codec/machine.js");
        const { kernels, take, bytes: at, floats } = await startMachine(await bytes("/codec/codec.wasm"));
        const [from, to] = [take(2 ** 17), take(2 ** 18)];
        at(from, 2 ** 17).set(new Uint8Array(await bytes("/halves")));
        kernels.widen(from, 2 ** 16, to);
        return floats(to, 2 ** 16).slice();
        """
    )
    finite = np.isfinite(halves)
    assert (widened[finite] == halves[finite]).all()
    assert not np.isfinite(widened[~finite]).any()
