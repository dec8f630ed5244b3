"""What the map says of points and groups."""

import dataclasses

import pytest

from app.explore import map
from app.explore.opened import OpenModel
from app.tabs.map import describe, error_in_words, how_it_works, in_words
from tests.conftest import ROOT
from vae.directions import principal_directions


@pytest.fixture(scope="module")
def fruits() -> OpenModel:
    return OpenModel(ROOT / "assets" / "models" / "fruits")


@pytest.mark.parametrize(
    ("share_better", "words"),
    [
        (0.0, "better drawn than nearly all pictures"),
        (0.3, "better drawn than 70% of the pictures"),
        (0.87, "worse drawn than 87% of the pictures"),
        (0.9999, "worse drawn than nearly all pictures"),
    ],
)
def test_an_error_is_said_in_levels_and_compared(share_better, words):
    assert error_in_words(0.02, share_better) == f"0.020, pixels are off by 5.1 of 255 levels on average; {words}"


def test_a_point_is_described_by_its_labels_and_numbers(fruits):
    said = describe(fruits, map.point(fruits, 5000))
    assert "**variety**: Apple Red Yellow 2" in said
    assert r"**file**: r\_194\_100\.jpg" in said
    assert "of 255 levels on average; better drawn than" in said
    assert "where a draw from N(0, I) has about 1" in said


def test_labels_are_shown_as_text(fruits):
    point = dataclasses.replace(map.point(fruits, 0), labels={"kind": "<img src=x> [a](b)"})
    assert r"\<img src\=x\> \[a\]\(b\)" in describe(fruits, point)


def test_a_group_is_described_by_its_frequent_labels(fruits):
    rows = [i for i, kind in enumerate(fruits.atlas.labels["kind"]) if kind == "Cherry"]
    said = in_words("B", map.group(fruits, rows))
    assert said.startswith("**Group B**: 2,953 pictures")
    assert "kind: Cherry (100%)" in said


def test_the_workings_hold_the_maps_own_numbers(fruits):
    said = how_it_works(fruits)
    assert "This map: 11,894 points" in said
    assert f"the median here is {map.figures(fruits).error:.3f}" in said
    assert "latent is spatial" not in said


def test_the_workings_are_those_of_the_layout_that_is_shown(fruits):
    said, spacing = how_it_works(fruits, map.PCA), map.figures(fruits, map.PCA).spacing
    assert f"{spacing:.3f} on the map" in said
    assert spacing != pytest.approx(map.figures(fruits).spacing, rel=0.1)
    assert "This map: 11,894 points; its two directions show " in said
    assert "trustworthiness" not in said
    shares = principal_directions(fruits.atlas.latents, 2).shares
    assert map.figures(fruits, map.PCA).explained == pytest.approx(shares.sum(), rel=1e-3)
