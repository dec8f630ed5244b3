"""The files that the page makes by itself, as other programs read them."""

import base64
import csv
import io
import json

import numpy as np
import pytest
from PIL import Image

from app.explore.drawn import CHUNK

pytestmark = pytest.mark.browser

BASE64 = "((bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')))"


def noise(count: int, width: int, height: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, height, width, 3), np.uint8)


def gif(run, pictures: np.ndarray) -> Image.Image:
    _, height, width, _ = pictures.shape
    opaque = np.concatenate([pictures, np.full_like(pictures[..., :1], 255)], axis=-1)
    text = run(
        "gif",
        f"""(() => {{
            const frames = pixels.map((one) => new ImageData(Uint8ClampedArray.from(one), {width}, {height}));
            return {BASE64}(m.gifOf([...frames, frames[0]], 60));
        }})()""",
        pixels=[picture.ravel().tolist() for picture in opaque],
    )
    return Image.open(io.BytesIO(base64.b64decode(text)))


def test_a_gif_of_few_colours_is_exact_and_goes_on_for_ever(run):
    colours = np.random.default_rng(1).integers(0, 32, (200, 3), np.uint8) * 8
    pictures = colours[np.random.default_rng(2).integers(0, 200, (2, 90, 110))]  # more than one table of codes
    animation = gif(run, pictures)
    assert (animation.n_frames, animation.size) == (3, (110, 90))
    assert (animation.info["loop"], animation.info["duration"]) == (0, 60)
    for k, picture in enumerate([*pictures, pictures[0]]):
        animation.seek(k)
        np.testing.assert_allclose(np.asarray(animation.convert("RGB"), int), picture, atol=8)


def test_a_gif_of_many_colours_is_near(run):
    ramp = np.linspace(0, 255, 128).astype(np.uint8)
    picture = np.stack(np.broadcast_arrays(ramp[:, None], ramp[None], ramp[::-1, None]), axis=-1)
    shown = np.asarray(gif(run, picture[None]).convert("RGB"), int)
    assert np.abs(shown - picture).mean() < 6


def test_numpy_reads_latents_as_they_were(run):
    latents = np.random.default_rng(0).normal(size=(3, 2, 2, 4)).astype(np.float32)
    text = run(
        "tables",
        f"{BASE64}(m.npyOf(latents.map((latent) => f32(latent)), {{ shape: [2, 2, 4] }}))",
        latents=[latent.ravel().tolist() for latent in latents],
    )
    read = np.load(io.BytesIO(base64.b64decode(text)))
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, latents)


def test_a_table_keeps_what_its_words_hold_and_every_float32(run):
    latents = np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32)
    facts = [['a "b", c'], ["two\nlines"]]
    text = run(
        "tables",
        "m.latentTable(latents.map((latent) => f32(latent)), ['word'], facts)",
        latents=latents.tolist(),
        facts=facts,
    )
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    assert header == ["word", "z0", "z1", "z2"]
    assert [row[:1] for row in rows] == facts
    np.testing.assert_array_equal(np.array([row[1:] for row in rows]).astype(np.float32), latents)


def test_no_cell_of_a_table_is_a_formula(run):
    cells = ["=1+1", "+A1", "-A1", "@SUM(1)", "\t=1", "\r=1", "a=1", "-1.5", "+3e4", "", -2]
    (read,) = csv.reader(io.StringIO(run("tables", "m.csvOf([cells])", cells=cells), newline=""))
    assert read == ["'=1+1", "'+A1", "'-A1", "'@SUM(1)", "'\t=1", "'\r=1", "a=1", "-1.5", "+3e4", "", "-2"]


def test_no_cell_of_a_table_is_a_formula_behind_what_is_not_seen(run):
    cells = [" =1", "\u200b=1", "\uff1d1", "a\u200b=1", " -2"]
    (read,) = csv.reader(io.StringIO(run("tables", "m.csvOf([cells])", cells=cells), newline=""))
    assert read == ["' =1", "'\u200b=1", "'\uff1d1", "a\u200b=1", " -2"]


def test_a_picture_carries_its_latent_as_the_app_reads_it(run):
    picture = io.BytesIO()
    Image.fromarray(noise(1, 8, 8)[0]).save(picture, "PNG")
    text = run(
        "png",
        f"{BASE64}(m.withLatent(Uint8Array.from(png), {{ name: 'my model', shape: [2] }}, f32([0.5, -1]), 'ein Löwe'))",
        png=[*picture.getvalue()],
    )
    read = Image.open(io.BytesIO(base64.b64decode(text)))
    np.testing.assert_array_equal(np.asarray(read), noise(1, 8, 8)[0])  # Pillow has checked the sums
    said = json.loads(read.info[CHUNK])
    assert (said["model"], said["words"]) == ("my model", "ein Löwe")
    assert np.frombuffer(base64.b64decode(said["latent"]), "<f4").tolist() == [0.5, -1]


@pytest.mark.parametrize(
    ("words", "name"),
    [("fruits samples of seed 7", "fruits-samples-of-seed-7.csv"), ("../Äpfel", "Äpfel.csv"), ("/", "picture.csv")],
)
def test_files_are_named_as_the_server_names_its_own(run, words, name):
    assert run("downloads", "m.fileName(words, 'csv')", words=words) == name
