"""The parts of a static page: its random numbers, pictures fitted to a model, the colours of a spatial latent."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from app.kit import web
from tests.conftest import ROOT
from vae.images import fit

pytestmark = pytest.mark.browser

NOISE, FIT, CHANNELS = (f"../export/{name}" for name in ("noise", "fit", "channels"))


@pytest.fixture(autouse=True)
def served(monkeypatch):
    """The page's scripts beside the app's."""
    own = {f"export/{path.name}": path.read_bytes() for path in (ROOT / "app" / "export").glob("*.js")}
    files = web.files() | own
    monkeypatch.setattr(web, "files", lambda: files)


def latents(run, seed: int, count: int, temperature: float = 1) -> np.ndarray:
    return np.array(run(NOISE, f"m.normalLatents({seed}, {count}, 128, {temperature}).map(list)"))


def test_noise_is_normal(run):
    found = latents(run, 3, 200)
    assert found.mean() == pytest.approx(0, abs=0.03)
    assert found.std() == pytest.approx(1, abs=0.03)
    assert np.abs(np.corrcoef(found.T) - np.eye(128)).max() < 0.4
    assert np.mean(np.abs(found) > 1.96) == pytest.approx(0.05, abs=0.01)


def test_a_seed_gives_the_same_latents_whatever_their_number_and_others_give_others(run):
    few, many, other = latents(run, 7, 2), latents(run, 7, 5), latents(run, 8, 2)
    assert (few == many[:2]).all()
    assert abs(np.corrcoef(few.ravel(), other.ravel())[0, 1]) < 0.3
    np.testing.assert_allclose(latents(run, 7, 2, 0.5), few / 2, rtol=1e-6)


@pytest.mark.parametrize("size", [(90, 60), (33, 64), (64, 64)])
def test_a_picture_is_fitted_as_the_server_does(run, size):
    width, height = size
    across, down = np.meshgrid(np.linspace(0, 3, width), np.linspace(0, 2, height))
    levels = np.stack([np.sin(across), np.cos(down), np.sin(across + down)], -1) * 100 + 128
    picture = Image.fromarray(levels.astype(np.uint8))
    file = io.BytesIO()
    picture.save(file, "PNG")
    expression = """(async () => {
        const file = await (await fetch(`data:image/png;base64,${content}`)).blob();
        return list((await m.fitted(file, 32)).data);
    })()"""
    found = np.array(run(FIT, expression, content=base64.b64encode(file.getvalue()).decode())).reshape(32, 32, 4)
    expected = np.asarray(fit(picture, 32), np.int16)
    assert np.abs(found[..., :3] - expected).mean() < 1.5
    assert np.abs(found[..., :3] - expected).max() < 12


def test_a_channel_is_blue_below_zero_and_red_above(run):
    red, white, blue = run(CHANNELS, "[1.5, 0, -1].map(m.colourOf)")
    assert red[0] > 150 > red[2]
    assert min(white) > 240
    assert blue[2] > 150 > blue[0]
    assert run(CHANNELS, "m.colourLimit(f32([0, 0, 0]))") == 1, "a silent latent has no scale of its own"
