"""What Explorer makes of two, three and four pictures, with the fruits model that ships."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.checks import RequestError
from app.explorer import Explorer
from vae.images import to_array

FRUITS = Path(__file__).parents[2] / "assets" / "models" / "fruits"


@pytest.fixture(scope="module")
def explorer():
    return Explorer(FRUITS)


@pytest.fixture(scope="module")
def pictures(examples):
    folder = examples["fruits"].parent
    return [folder / f"fruit-{name}.png" for name in ("apple", "lemon", "orange", "plum")]


def same(a: Image.Image, b: Image.Image) -> bool:
    return np.abs(to_array(a) - to_array(b)).max() < 2 / 255


def test_a_way_comes_coarse_to_fine_and_ends_as_the_interpolation(explorer, pictures, monkeypatch):
    monkeypatch.setattr("app.explorer.SHOWN_SECONDS", 0)
    ways = list(explorer.way(*pictures[:2], 17))
    assert [len(way.frames) for way in ways] == [3, 5, 9, 17]
    for coarse, fine in pairwise(ways):
        assert fine.frames[::2] == coarse.frames
    assert all(map(same, ways[-1].frames, explorer.interpolation(*pictures[:2], 17)))


def test_the_steps_of_a_straight_way_are_equal_and_add_up(explorer, pictures):
    *_, way = explorer.way(*pictures[:2], 9, "lerp")
    distance = np.linalg.norm(explorer.encode(pictures[0]) - explorer.encode(pictures[1]))
    np.testing.assert_allclose(way.latent_steps, distance / 8, rtol=1e-3)
    assert len(way.picture_steps) == 8
    assert min(way.picture_steps) > 0


def test_corners_are_the_reconstructions(explorer, pictures):
    squares = list(explorer.corners(pictures))
    assert [len(square) for square in squares] == [9, 25, 81]
    for square in squares:
        side = int(len(square) ** 0.5)
        ends = [square[k] for k in (0, side - 1, side * (side - 1), side * side - 1)]
        assert all(same(end, explorer.reconstruct(p).reconstruction) for end, p in zip(ends, pictures, strict=True))


def test_what_is_no_longer_wanted_is_not_decoded(explorer, pictures, monkeypatch):
    monkeypatch.setattr("app.explorer.SHOWN_SECONDS", 0)
    answers = iter([True] * 4 + [False] * 99)
    assert [len(way.frames) for way in explorer.way(*pictures[:2], 17, wanted=lambda: next(answers))] == [3]
    assert list(explorer.corners(pictures, wanted=lambda: False)) == []


def test_a_place_of_the_square_is_written_as_the_picture_there(explorer, pictures):
    *_, square = explorer.corners(pictures)
    kept = Path(explorer.save_corner(square, 1, 0.5))
    assert kept.stem.endswith("corners-1.00-0.50")
    assert same(Image.open(kept), square[4 * 9 + 8])
    with pytest.raises(RequestError, match="u is None"):
        explorer.save_corner(square, None, 0.5)


def test_an_analogy_with_no_strength_leaves_the_third_as_it_is(explorer, pictures):
    *_, c, result = explorer.analogy(*pictures[:3], strength=0)
    assert same(c, result)
    *_, c, result = explorer.analogy(*pictures[:3], strength=1)
    assert not same(c, result)
    with pytest.raises(RequestError, match="strength is 3"):
        explorer.analogy(*pictures[:3], strength=3)
