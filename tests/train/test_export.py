"""A model as ONNX files, with which onnxruntime computes what the model itself does."""

import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest

from tests.conftest import ROOT
from vae.codec import open_codec
from vae.model import VAEConfig

MODELS = ROOT / "assets" / "models"


@pytest.mark.parametrize("name", ["digits", "fruits"])
def test_both_networks_compute_the_same_for_any_batch(name, tmp_path):
    pytest.importorskip("onnx", reason="pip install -r requirements-onnx.txt")
    runtime = pytest.importorskip("onnxruntime", reason="pip install -r requirements-onnx.txt")
    from train.__main__ import parse_arguments
    from train.export import run_export

    run_export(parse_arguments(["export", "--model", str(MODELS / name), "--format", "onnx", "--out", str(tmp_path)]))
    encoder, decoder = (runtime.InferenceSession(tmp_path / f"{half}.onnx") for half in ("encoder", "decoder"))
    codec = open_codec(MODELS / name)
    size = codec.description.image_size
    pictures = np.random.default_rng(0).random((2, size, size, 3), np.float32)
    found = encoder.run(["mean", "log_var"], {"picture": pictures})
    for one, other in zip(found, codec.encode(pictures), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
    (drawn,) = decoder.run(["picture"], {"latent": found[0]})
    np.testing.assert_allclose(drawn, codec.decode(found[0]), atol=1e-4)


def test_a_spatial_model_too(draw_vae):
    pytest.importorskip("onnx", reason="pip install -r requirements-onnx.txt")
    runtime = pytest.importorskip("onnxruntime", reason="pip install -r requirements-onnx.txt")
    from train.export import decoder, encoder

    vae = draw_vae(VAEConfig(image_size=16, latent="spatial", latent_dim=3, channels=(8, 16), blocks=2))
    pictures = np.random.default_rng(0).random((3, 16, 16, 3), np.float32)
    mean, log_var = runtime.InferenceSession(encoder(vae)).run(None, {"picture": pictures})
    for one, other in zip((mean, log_var), vae.encode(jnp.asarray(pictures)), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
    (drawn,) = runtime.InferenceSession(decoder(vae)).run(None, {"latent": mean})
    np.testing.assert_allclose(drawn, vae.decode(jnp.asarray(mean)), atol=1e-4)


def test_without_the_package_one_sentence_says_what_to_install():
    code = "import sys; sys.modules['onnx'] = None; from train.__main__ import main; main()"
    command = [sys.executable, "-c", code, "export", "--model", str(MODELS / "digits"), "--format", "onnx"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.strip() == "error: The package onnx is missing. Install it: pip install -r requirements-onnx.txt"
