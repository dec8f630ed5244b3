"""The faces: known, independent, visible factors, the same pictures every time, under free licences."""

import io
import itertools
from collections import Counter

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from sklearn.metrics import mutual_info_score

from tests.conftest import ROOT
from train import faces
from train.config import FlagError
from train.data import load_pictures

SHIPPED = ROOT / "assets" / "datasets" / "faces.parquet"
MANY = 20_000
BASE = {"hair": "short", "hair_colour": "brown", "skin": "light", "expression": "smile", "glasses": "none"}
BASE |= {"beard": "none", "clothes_colour": "green"}


@pytest.fixture(scope="module")
def many():
    return faces.choose(MANY, seed=3)


@pytest.fixture(scope="module")
def shipped():
    return pq.read_table(SHIPPED).to_pylist()


def drawn(style, **factors):
    return np.asarray(faces.draw({"style": style, **BASE, **factors})).astype(int)


# Which faces there are


def test_the_same_seed_gives_the_same_faces_and_another_gives_others():
    assert faces.choose(50, seed=1) == faces.choose(50, seed=1)
    assert faces.choose(50, seed=1) == faces.choose(200, seed=1)[:50]
    assert faces.choose(50, seed=1) != faces.choose(50, seed=2)


def test_no_face_comes_twice_and_every_value_about_equally_often(many):
    assert len({tuple(face.values()) for face in many}) == MANY
    for factor, values in faces.FACTORS.items():
        counts = Counter(face[factor] for face in many)
        assert set(counts) == set(values)
        share = MANY / len(values)
        assert all(abs(count - share) < 5 * share**0.5 for count in counts.values()), factor


def test_no_factor_says_anything_of_another(many):
    for a, b in itertools.combinations(faces.FACTORS, 2):
        said = mutual_info_score([face[a] for face in many], [face[b] for face in many])
        assert said < 0.003, f"{a} says {said:.4f} nats of {b}"


def test_a_tenth_of_all_faces_is_held_out_whatever_the_count_and_seed(many):
    split = {tuple(face.values()): faces.split_of(face) for face in many}
    assert sum(value == "validation" for value in split.values()) / MANY == pytest.approx(26 / 256, abs=0.01)
    others = faces.choose(MANY, seed=4)
    common = [face for face in others if tuple(face.values()) in split]
    assert len(common) > 1_000
    assert all(faces.split_of(face) == split[tuple(face.values())] for face in common)
    reordered = dict(reversed(many[0].items()))
    assert faces.split_of(reordered) == faces.split_of(many[0])


@pytest.mark.parametrize("count", [0, faces.COMBINATIONS + 1])
def test_more_faces_than_there_are_is_refused(count):
    with pytest.raises(FlagError, match=r"--count.*120960"):
        faces.choose(count, seed=0)


# What they look like


@pytest.mark.parametrize("style", faces.STYLES)
@pytest.mark.parametrize("factor", [factor for factor in faces.FACTORS if factor != "style"])
@pytest.mark.parametrize("rest", [{}, {"glasses": "sunglasses", "beard": "beard", "hair": "long", "skin": "dark"}])
def test_every_value_of_a_factor_is_seen(style, factor, rest):
    pictures = {value: drawn(style, **{**rest, factor: value}) for value in faces.FACTORS[factor]}
    for a, b in itertools.combinations(pictures, 2):
        changed = np.abs(pictures[a] - pictures[b]).max(axis=2) > 40
        assert changed.sum() >= 8, f"{style}: {factor} {a} and {b} look alike"


@pytest.mark.parametrize("style", faces.STYLES)
def test_expressions_differ_in_the_face_and_clothes_only_below_it(style):
    rows = np.nonzero(np.abs(drawn(style) - drawn(style, expression="surprised")).sum(axis=(1, 2)))[0]
    assert rows.min() > 16
    assert rows.max() < 52
    rows = np.nonzero(np.abs(drawn(style) - drawn(style, clothes_colour="red")).sum(axis=(1, 2)))[0]
    assert rows.min() > 44


@pytest.mark.parametrize("style", faces.STYLES)
def test_portraits_stand_on_white_in_the_middle(style):
    picture = drawn(style)
    assert (picture[0, [0, -1]] == 255).all(), "white corners"
    ink = (picture < 250).any(axis=2)
    rows, columns = np.nonzero(ink)
    assert ink[-1].any(), "the shoulders end at the edge"
    assert rows.min() < 20
    assert 25 < columns.mean() < 39
    assert 0.2 < ink.mean() < 0.8


def test_pictures_have_the_size_asked_for():
    assert faces.draw({"style": "micah", **BASE}, 96).size == (96, 96)


# Licences


def test_every_style_is_under_a_free_licence_and_its_author_is_named():
    card = faces.describe(faces.choose(10, 0), 0, 64)
    for style in faces.STYLES:
        meta = faces.definition(style)["meta"]
        assert meta["license"]["name"] in ("CC0 1.0", "CC BY 4.0")
        line = next(line for line in card.splitlines() if line.startswith(f"| {style} |"))
        assert all(meta[kind]["name"] in line for kind in ("creator", "license", "source"))
        assert meta["creator"]["name"] in (ROOT / "assets" / "datasets" / "README.md").read_text()


def test_a_style_that_has_changed_its_licence_is_refused(monkeypatch):
    monkeypatch.setattr(faces, "FREE_LICENCES", {"CC0 1.0"})
    faces.definition.cache_clear()
    assert faces.definition("lorelei")
    with pytest.raises(faces.StyleError, match=r"micah under 'CC BY 4.0'"):
        faces.definition("micah")
    faces.definition.cache_clear()


# The files


@pytest.fixture
def built(tmp_path, monkeypatch):
    monkeypatch.setattr(faces, "PART", 4)
    faces.build(tmp_path / "new" / "faces", count=6, seed=7, processes=1)
    return tmp_path / "new" / "faces"


def test_what_is_built_loads_with_its_factors_as_labels(built):
    assert sorted(path.name for path in built.iterdir()) == [
        "README.md",
        "faces-00000-of-00002.parquet",
        "faces-00001-of-00002.parquet",
    ]
    pictures = load_pictures(str(built), "all", 64)
    expected = faces.choose(6, seed=7)
    assert {name: list(values) for name, values in pictures.labels.items()} == {
        factor: [face[factor] for face in expected] for factor in faces.FACTORS
    }
    for image, face in zip(pictures.images, expected, strict=True):
        np.testing.assert_array_equal(image, np.asarray(faces.draw(face)))


def test_a_run_goes_on_where_it_was_stopped_and_leaves_other_data_alone(built, monkeypatch):
    first, second = sorted(built.glob("*.parquet"))
    whole, kept = second.read_bytes(), first.stat().st_mtime_ns
    second.unlink()
    second.with_suffix(".unfinished").write_bytes(b"half a file")
    faces.build(built, count=6, seed=7, processes=1)
    assert second.read_bytes() == whole
    assert first.stat().st_mtime_ns == kept
    assert not list(built.glob("*.unfinished"))
    with pytest.raises(FlagError, match=r"--out.*another data set"):
        faces.build(built, count=6, seed=8, processes=1)
    assert second.read_bytes() == whole


# What ships


def test_the_shipped_faces_are_held_out_and_known(shipped):
    assert len(shipped) == 600
    assert set(shipped[0]) == {"image", "split", *faces.FACTORS}
    for row in shipped:
        face = {factor: row[factor] for factor in faces.FACTORS}
        assert row["split"] == faces.split_of(face) == "validation"
        assert all(value in faces.FACTORS[factor] for factor, value in face.items())
    assert SHIPPED.stat().st_size < 1.5e6


def test_the_shipped_faces_are_drawn_again_the_same(shipped):
    # Renderers may round a pixel's edge differently from one version to the next.
    for row in shipped[::30]:
        with Image.open(io.BytesIO(row["image"]["bytes"])) as picture:
            before = np.asarray(picture).astype(int)
        after = np.asarray(faces.draw({factor: row[factor] for factor in faces.FACTORS})).astype(int)
        assert np.abs(before - after).mean() < 0.2


def test_the_examples_are_held_out_faces(shipped):
    pictures = {Image.open(io.BytesIO(row["image"]["bytes"])).tobytes() for row in shipped}
    examples = sorted((ROOT / "assets" / "examples").glob("face-*.png"))
    assert len(examples) >= 4
    for path in examples:
        with Image.open(path) as picture:
            assert picture.size == (64, 64)
            assert picture.convert("RGB").tobytes() in pictures, path.name
