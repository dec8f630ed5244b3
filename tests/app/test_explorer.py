"""Explorer on the models that ship: what a person can ask of them, and what they get."""

import re
import shutil

import numpy as np
import pytest
from PIL import Image

from app.checks import RequestError
from app.explorer import MAX_COUNT, Explorer
from app.library import Library
from app.main import MODELS
from vae.atlas import Atlas
from vae.checkpoint import ModelFolderError
from vae.images import PictureError, to_array

NAMES = ("fruits", "emoji", "photos")


@pytest.fixture(scope="module")
def library() -> Library:
    return Library(MODELS)


def difference(a: Image.Image, b: Image.Image) -> float:
    """Mean absolute difference of two pictures, in 0..1."""
    return float(np.abs(to_array(a) - to_array(b)).mean())


def test_the_three_models_ship_and_fruits_is_the_default(library):
    assert set(NAMES) <= set(library.names)
    assert library.default == library.names[0] == "fruits"
    assert library[""] is library["fruits"]


@pytest.mark.parametrize("name", NAMES)
def test_reconstruction_resembles_its_own_kind_of_picture(library, examples, name):
    explorer = library[name]
    made = explorer.reconstruct(examples[name])
    assert made.picture.size == made.reconstruction.size == (explorer.info.image_size,) * 2
    assert made.metrics["psnr_db"] > 15
    grey = Image.new("RGB", made.picture.size, "grey")
    assert difference(made.picture, made.reconstruction) < 0.5 * difference(made.picture, grey)
    assert made.posterior_mean.shape == made.posterior_deviation.shape == explorer.info.latent_shape


def test_reported_metrics_are_those_of_the_two_pictures_shown(library, examples):
    made = library["fruits"].reconstruct(examples["fruits"])
    error = to_array(made.picture) - to_array(made.reconstruction)
    assert made.metrics["l1"] == pytest.approx(np.abs(error).mean(), abs=1e-3)
    assert made.metrics["psnr_db"] == pytest.approx(-10 * np.log10((error**2).mean()), abs=0.05)


def test_temperature_samples_the_posterior_and_the_seed_repeats_it(library, examples):
    fruits, picture = library["fruits"], examples["fruits"]
    mean = fruits.reconstruct(picture, temperature=0, seed=5).reconstruction
    sampled = fruits.reconstruct(picture, temperature=1, seed=5).reconstruction
    assert difference(mean, sampled) > 0
    assert difference(sampled, fruits.reconstruct(picture, temperature=1, seed=5).reconstruction) == 0
    assert difference(sampled, fruits.reconstruct(picture, temperature=1, seed=6).reconstruction) > 0
    assert difference(mean, fruits.reconstruct(picture, temperature=0, seed=6).reconstruction) == 0


def test_a_picture_of_another_shape_is_cropped_and_says_so(library):
    wide = Image.new("RGB", (300, 100), "red")
    wide.paste("lime", (100, 0, 200, 100))
    made = library["fruits"].reconstruct(wide)
    assert "300 x 100" in made.note
    assert np.unique(np.asarray(made.picture).reshape(-1, 3), axis=0).tolist() == [[0, 255, 0]]
    assert library["fruits"].reconstruct(Image.new("RGB", (64, 64))).note == ""


def test_of_an_animation_the_first_picture_is_used_and_the_note_says_so(library, tmp_path):
    red, blue = (Image.new("RGB", (64, 64), colour) for colour in ("red", "blue"))
    red.save(tmp_path / "two.gif", save_all=True, append_images=[blue])
    made = library["fruits"].reconstruct(tmp_path / "two.gif")
    assert made.note == "Of the animation's 2 pictures, the first was used."
    assert made.picture.getpixel((5, 5)) == (255, 0, 0)


@pytest.mark.parametrize("method", ["lerp", "slerp"])
def test_interpolation_runs_from_one_reconstruction_to_the_other(library, examples, method):
    fruits, a, b = library["fruits"], examples["fruits"], examples["another fruit"]
    frames = fruits.interpolation(a, b, 9, method)
    first, last = fruits.reconstruct(a).reconstruction, fruits.reconstruct(b).reconstruction
    assert len(frames) == 9
    assert difference(frames[0], first) < 0.004
    assert difference(frames[-1], last) < 0.004
    away = [difference(frame, first) for frame in frames]
    assert away[-1] > 0.03
    assert away == sorted(away), "the pictures move steadily away from the first"
    assert difference(frames[4], fruits.interpolate(a, b, 0.5, method)) < 0.004


def test_a_larger_grid_of_samples_begins_with_the_smaller(library):
    fruits = library["fruits"]
    three, five = fruits.sample(3, 1.0, seed=7), fruits.sample(5, 1.0, seed=7)
    assert [difference(a, b) for a, b in zip(three, five, strict=False)] == [0, 0, 0]
    assert difference(three[0], three[1]) > 0.01
    assert difference(three[0], fruits.sample(1, 1.0, seed=8)[0]) > 0.01
    assert difference(*fruits.sample(2, 0.0, seed=1)) == 0, "temperature 0 is the prior's mean"


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_of_the_data_set_lands_on_its_own_point(library, name):
    atlas = library[name].atlas
    index = len(atlas) // 2
    place = atlas.locate(atlas.latent(index))
    assert place.neighbours[0] == index
    np.testing.assert_allclose([place.x, place.y], atlas.positions[index], atol=1e-2)
    assert place.distance < 0.01


def test_locate_finds_fruits_like_the_picture(library, examples):
    place = library["fruits"].locate(examples["fruits"])
    neighbours = [library["fruits"].point(int(row)) for row in place.neighbours]
    x, y = library["fruits"].atlas.positions[place.neighbours].T
    assert x.min() <= place.x <= x.max()
    assert y.min() <= place.y <= y.max()
    assert len({n.index for n in neighbours}) == len(neighbours) == 8
    assert set(neighbours[0].labels) == {"kind", "variety"}
    reconstruction = library["fruits"].reconstruct(examples["fruits"]).reconstruction
    far = library["fruits"].point(int(np.argmax(np.linalg.norm(
        library["fruits"].atlas.positions - [place.x, place.y], axis=1
    ))))  # fmt: skip
    assert difference(neighbours[0].picture, reconstruction) < difference(far.picture, reconstruction)


def test_decoding_at_a_point_gives_that_points_picture(library):
    fruits = library["fruits"]
    x, y = fruits.atlas.positions[10]
    picture, place = fruits.decode_at(float(x), float(y))
    assert difference(picture, fruits.point(10).picture) < 0.02
    assert place.distance < 0.01
    _, far = fruits.decode_at(1e4, 1e4)
    assert far.distance > 100


def test_neighbours_are_nearest_in_latent_space_without_the_point_itself(library):
    atlas = library["fruits"].atlas
    latents = atlas.latents.astype(np.float32)
    distances = np.linalg.norm(latents - latents[42], axis=1)
    distances[42] = np.inf
    expected = np.argsort(distances)[:6]
    found = [n.index for n in library["fruits"].neighbours(42, 6)]
    np.testing.assert_allclose(distances[found], distances[expected], rtol=1e-3)
    assert 42 not in found


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda e: e.sample(1, "hot"), "temperature is hot; it must be a number from 0 to 3"),
        (lambda e: e.sample(1, seed=10**30), "it must be a number from 0 to"),
        (lambda e: e.sample(1, seed=10**400), "it must be a number from 0 to"),
        (lambda e: e.sample(None), "count is None"),
        (lambda e: e.decode_at(None, [1]), "x is None; it must be a number"),
        (lambda e: e.sample(0), f"count is 0; it must be a number from 1 to {MAX_COUNT}"),
        (lambda e: e.sample(4, temperature=float("nan")), "temperature is nan"),
        (lambda e: e.sample(4, seed=-1), "seed is -1"),
        (lambda e: e.interpolate(Image.new("RGB", (9, 9)), Image.new("RGB", (9, 9)), 1.5), "t is 1.5"),
        (lambda e: e.interpolation(Image.new("RGB", (9, 9)), Image.new("RGB", (9, 9)), 5, "cubic"), '"lerp", "slerp"'),
        (lambda e: e.decode_at(float("inf"), 0), "x is inf"),
        (lambda e: e.point(10**9), "index is 1000000000"),
        (lambda e: e.point(1.7), "index is 1.7; it must be a whole number"),
        (lambda e: e.thumbnails([1.7]), "index is 1.7; it must be a whole number"),
        (lambda e: e.direction([0], [1], index=[0.5, 0.5]), r"index is [0.5, 0.5]"),
        (lambda e: e.direction([0], [1], count=2.9), "count is 2.9; it must be a whole number"),
        (lambda e: e.walk([(0, 0), (1, 1)], count=2.9), "count is 2.9; it must be a whole number"),
        (lambda e: next(e.way(*[Image.new("RGB", (9, 9))] * 2, steps=2.5)), "steps is 2.5; it must be a whole number"),
        (lambda e: next(e.corners([Image.new("RGB", (9, 9))] * 4, "cubic")), '"lerp", "slerp"'),
    ],
)
def test_a_number_out_of_range_names_itself_and_the_range(library, ask, words):
    with pytest.raises(RequestError, match=re.escape(words)):
        ask(library["fruits"])


def test_a_damaged_picture_is_explained(library):
    with pytest.raises(PictureError, match="not a picture"):
        library["fruits"].reconstruct(b"this is text")


def test_a_model_without_a_map_says_how_to_make_one(tmp_path):
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((MODELS / "fruits" / name).read_bytes())
    explorer = Explorer(tmp_path)
    assert not explorer.has_atlas
    with pytest.raises(RequestError, match="python -m train atlas"):
        explorer.decode_at(0, 0)


def test_a_model_with_another_models_map_says_so(tmp_path):
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((MODELS / "fruits" / name).read_bytes())
    (tmp_path / "atlas.parquet").write_bytes((MODELS / "photos" / "atlas.parquet").read_bytes())
    with pytest.raises(RequestError, match="another model's"):
        Explorer(tmp_path).decode_at(0, 0)


def test_library_takes_names_and_folders_and_explains_anything_else(tmp_path):
    assert Library(MODELS, "emoji").default == "emoji"
    chosen = Library(MODELS, str(MODELS / "photos"))
    assert chosen.default == chosen.names[0] == "photos"
    with pytest.raises(RequestError, match="nowhere"):
        Library(MODELS, "nowhere")
    with pytest.raises(RequestError, match="Train one"):
        Library(tmp_path)
    with pytest.raises(RequestError, match="there are: fruits"):
        Library(MODELS)["../fruits"]


def test_a_damaged_model_does_not_take_the_others_down(tmp_path, capsys):
    for name in ("whole", "weights", "config", "figures"):
        shutil.copytree(MODELS / "fruits", tmp_path / name)
    (tmp_path / "weights" / "model.safetensors").write_bytes(b"\0" * 100)
    (tmp_path / "config" / "config.json").write_text('{"format_version": 1}')
    (tmp_path / "figures" / "metrics.json").write_text('{"split": "validation"}')

    library = Library(tmp_path, "whole")

    assert library.names == ["whole", "figures", "weights"]
    assert str(tmp_path / "config") in capsys.readouterr().err
    metrics = {model["name"]: model["metrics"] for model in library.list()}
    assert metrics["figures"] == {}
    assert metrics["whole"]["psnr_db"] > 25
    assert "dB" not in library["figures"].describe()
    with pytest.raises(ModelFolderError, match="damaged"):
        library["weights"]


def test_a_map_of_a_single_picture_can_be_explored(tmp_path):
    shutil.copytree(MODELS / "fruits", tmp_path / "one")
    whole = Explorer(MODELS / "fruits").atlas
    Atlas(whole.ids[:1], whole.positions[:1], whole.latents[:1], {}).write(tmp_path / "one" / "atlas.parquet")
    one = Explorer(tmp_path / "one")
    moved = one.move(whole.latent(0), [3.0])
    np.testing.assert_array_equal(moved, whole.latent(0))
    with pytest.raises(RequestError, match="single picture"):
        one.sample(1, distribution="mixture")


def test_a_damaged_model_is_explained(tmp_path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_bytes((MODELS / "fruits" / "config.json").read_bytes())
    (tmp_path / "broken" / "model.safetensors").write_bytes(b"\0" * 100)
    with pytest.raises(ModelFolderError, match="damaged"):
        Library(tmp_path)["broken"]
