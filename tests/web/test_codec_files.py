"""The codec's own files: the binary is what the sources say, and all of it is small."""

import gzip

import numpy as np
import pytest
from safetensors.numpy import load, load_file

from app.web import codec
from app.web.codec import build
from tests.conftest import ROOT
from vae.checkpoint import WEIGHTS

FRUITS = ROOT / "assets" / "models" / "fruits"


@pytest.mark.skipif(
    build.compiler() != build.ZIG,
    reason=f"needs the compiler that made codec.wasm: pip install ziglang=={build.ZIG}",
)
def test_the_sources_make_the_binary():
    assert build.build() == build.BINARY.read_bytes(), "run `python -m app.web.codec.build` and commit codec.wasm"


def test_the_code_that_a_page_loads_is_small():
    """As it is served, compressed; that of WebGPU only goes to browsers that have it."""

    def size(folder):
        files = [path for path in folder.iterdir() if path.suffix in (".js", ".wasm")]
        return sum(len(gzip.compress(path.read_bytes())) for path in files)

    assert size(build.HERE) <= 17_000
    assert size(build.HERE / "gpu") <= 8_500


def test_the_weights_are_halved():
    stored, made = load_file(FRUITS / WEIGHTS), load(codec.weights(FRUITS))
    assert made.keys() == stored.keys()
    for name, value in made.items():
        assert value.dtype == ("f2" if value.ndim > 1 else "f4")
        np.testing.assert_allclose(value, stored[name], rtol=1e-3, atol=1e-7)
    assert sum(value.nbytes for value in made.values()) < 0.51 * 4 * sum(value.size for value in made.values())


def test_a_half_of_the_model_is_a_part_of_the_weights():
    made = load(codec.weights(FRUITS, ("decoder",)))
    assert made.keys() == {name for name in load_file(FRUITS / WEIGHTS) if name.startswith("decoder.")}


def test_how_many_bytes_it_takes_is_known_before():
    assert codec.size(FRUITS, ("decoder",)) == pytest.approx(len(codec.weights(FRUITS, ("decoder",))), rel=0.01)
