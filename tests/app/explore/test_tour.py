"""The walk over the map that a visitor sees first."""

from itertools import permutations

import numpy as np
import pytest

from app.explore import tour
from app.explore.limits import LANDMARK_BYTES, MAX_LANDMARKS, TOUR_STOPS
from app.explore.opened import OpenModel
from tests.conftest import ROOT


def length(places: np.ndarray) -> float:
    return float(np.linalg.norm(places - np.roll(places, 1, axis=0), axis=1).sum())


def test_a_tour_visits_each_crowd_once_by_the_shortest_way():
    middles = np.array([[0, 0], [10, 1], [19, 6], [9, 9], [2, 12], [5, 5], [14, 2]], np.float32)
    crowds = middles[:, None] + np.random.default_rng(0).normal(0, 0.2, (7, 40, 2)).astype(np.float32)
    positions = crowds.reshape(-1, 2)
    rows = tour.closed_tour(positions, 7)
    assert sorted(row // 40 for row in rows) == list(range(7))
    for row in rows:  # one that stands for its crowd, and not one at its rim
        assert np.linalg.norm(positions[row] - positions[row // 40 * 40 :][:40].mean(axis=0)) < 0.15
    shortest = min(length(positions[[rows[0], *rest]]) for rest in permutations(rows[1:]))
    assert length(positions[rows]) == pytest.approx(shortest)


@pytest.mark.parametrize("positions", [np.zeros((1, 2)), np.zeros((50, 2)), np.array([[0, 0], [1, 1], [3, 0]])])
def test_any_map_has_a_tour(positions):
    rows = tour.closed_tour(positions.astype(np.float32), 24)
    assert 1 <= len(rows) == len({*rows}) <= len(positions)


def test_landmarks_are_spread_over_the_map_and_few_where_latents_are_long():
    emoji, photos = (OpenModel(ROOT / "assets" / "models" / name) for name in ("emoji", "photos"))
    rows = tour.landmarks(emoji)
    assert len({*rows}) == MAX_LANDMARKS
    positions = emoji.atlas.positions
    reach = np.linalg.norm(positions[:, None] - positions[rows][None], axis=-1).min(axis=1).max()
    assert reach < 0.05 * np.ptp(positions, axis=0).max()  # no point is far from all of them
    assert len(tour.landmarks(photos)) == LANDMARK_BYTES // (4 * 32 * 32 * 4)
    assert len(tour.tour(photos)) == TOUR_STOPS
