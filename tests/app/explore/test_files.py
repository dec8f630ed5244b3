"""Files that the app writes: readable names, the right content, and removed with age."""

import contextvars
import csv
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.explore import files
from app.explore.limits import MAX_WORDS, RequestError
from app.explore.subject import open_subject
from app.explore.turns import ASKED, Asked
from tests.app.explore.conftest import difference

COLOURS = [Image.new("RGB", (64, 64), (level, 0, 255 - level)) for level in range(0, 256, 25)]


@pytest.mark.parametrize("name", ["fruits", "photos"])
def test_a_drawn_picture_has_its_name_its_pixels_and_its_latent(library, name):
    model = library[name]
    latent = np.random.default_rng(0).normal(size=model.info.latent_shape).astype(np.float32)
    path = Path(files.save_drawn(model, latent, "sample 3 of seed 7"))
    assert path.name == f"{name}-sample-3-of-seed-7.png"
    subject = open_subject(path)
    assert (subject.latent_model, subject.words) == (name, "sample 3 of seed 7")
    np.testing.assert_allclose(model.latent(subject), latent, atol=2e-3)
    assert difference(Image.open(path), model.decode(latent)) < 0.1


def test_a_picture_without_a_latent_carries_none():
    subject = open_subject(files.save_picture(COLOURS[0], "plain"))
    assert (subject.latent, subject.words) == (None, "")


@pytest.mark.parametrize("words", [None, 3, ["x"]])
def test_words_that_are_not_words_are_refused(fruits, words):
    with pytest.raises(RequestError, match="must be a text"):
        files.save_drawn(fruits, np.zeros(128, np.float32), words)


def test_of_long_words_such_as_those_with_a_long_label_some_are_kept(fruits):
    path = files.save_drawn(fruits, np.zeros(128, np.float32), "sample 3 of seed 7, " + "x" * 1_000_000)
    subject = open_subject(path)
    assert subject.latent is not None
    assert subject.words == "sample 3 of seed 7, ".ljust(MAX_WORDS, "x")


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("Äpfel", "rot/grün"), "Äpfel-rot-grün.png"),
        (("../../etc/passwd",), "etc-passwd.png"),
        (("", "..", "/"), "picture.png"),
        (('a<b>:"c"|d?*\0\n',), "a-b-c-d.png"),
        (("😀" * 100, "é" * 300), None),
    ],
)
def test_names_are_made_of_words_whatever_they_are(words, name):
    path = Path(files.save_picture(COLOURS[1], *words))
    assert path.exists()
    assert path.parent.parent == Path(files._folder())
    assert len(path.name.encode()) <= 104
    assert name is None or path.name == name


def test_the_same_picture_goes_to_the_same_file_and_another_to_another():
    paths = [files.save_picture(picture, "name") for picture in (COLOURS[0], COLOURS[0], COLOURS[1])]
    assert paths[0] == paths[1] != paths[2]
    assert [Path(path).name for path in paths] == ["name.png"] * 3


def test_a_picture_that_carries_a_latent_is_another_file_than_one_that_does_not(fruits):
    latent = np.zeros(128, np.float32)
    plain = files.save_picture(fruits.decode(latent), "fruits", "mean")
    drawn = files.save_drawn(fruits, latent, "mean")
    assert plain != drawn
    assert [open_subject(path).words for path in (plain, drawn)] == ["", "mean"]


def test_a_film_has_every_frame_there_and_back(tmp_path):
    import imageio_ffmpeg

    path = tmp_path / "film.mp4"
    path.write_bytes(files.film([frame.resize((301, 301)) for frame in COLOURS[:5]]))
    frames, _ = imageio_ffmpeg.count_frames_and_secs(path)
    assert frames == 8
    assert not [*Path(files._folder()).rglob("*.mp4")]


def test_everything_is_written_where_the_app_was_told_to(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    written = [
        files.save_picture(COLOURS[0], "a"), files.save_table([["b"]], "b"),
        files.save_archive({"c.png": COLOURS[0]}, [], "c"),
    ]  # fmt: skip
    assert all(re.fullmatch(rf"{tmp_path}/latentscape-\w+/\w+/[a-c]\.\w+", path) for path in written)


def test_no_cell_of_a_table_is_a_formula():
    """Labels and names of files are strangers', and spreadsheets run what begins so."""
    cells = ["=1+1", "+A1", "-A1", "@SUM(1)", "\t=1", "\r=1", "a=1", "-1.5", "+3e4", "", -2, None]
    with open(files.save_table([cells], "table"), newline="", encoding="utf-8") as file:
        (read,) = csv.reader(file)
    assert read == ["'=1+1", "'+A1", "'-A1", "'@SUM(1)", "'\t=1", "'\r=1", "a=1", "-1.5", "+3e4", "", "-2", ""]


def test_no_cell_of_a_table_is_a_formula_behind_what_is_not_seen():
    cells = [" =1", "\u200b=1", "\u202e=1", "\uff1d1", "a\u200b=1", " -2"]
    with open(files.save_table([cells], "table"), newline="", encoding="utf-8") as file:
        (read,) = csv.reader(file)
    assert read == ["' =1", "'\u200b=1", "'\u202e=1", "'\uff1d1", "a\u200b=1", " -2"]


def test_a_picture_that_is_only_shown_weighs_little():
    ramp = np.linspace(0, 255, 256).astype(np.uint8)
    large = Image.fromarray(
        np.stack([np.tile(ramp, (256, 1)), np.tile(ramp, (256, 1)).T, np.full((256, 256), 99)], -1).astype(np.uint8)
    )
    path = Path(files.save_shown(large, "photos", "a point"))
    assert path.name == "photos-a-point.webp"
    assert path.stat().st_size < 8_000
    assert np.abs(np.asarray(Image.open(path), int) - np.asarray(large, int)).mean() < 4
    small = Path(files.save_shown(large.resize((64, 64)), "fruits", "a point"))
    assert (small.suffix, Image.open(small).format) == (".png", "PNG")


def test_of_what_a_visitor_was_given_the_latest_is_kept(monkeypatch):
    """Else they fill the disk with tables."""
    monkeypatch.setattr(files, "KEPT_FILES", 2)

    def tables(who, count):
        ASKED.set(Asked(who))
        return [Path(files.save_table([["a"]], "table")) for _ in range(count)]

    given = {who: contextvars.copy_context().run(tables, who, count) for who, count in (("one", 3), ("other", 2))}
    own = contextvars.copy_context().run(tables, None, 3)
    assert [path.exists() for path in given["one"]] == [False, True, True]
    assert all(path.exists() for path in [*given["other"], *own])
