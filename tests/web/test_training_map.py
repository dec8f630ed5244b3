"""The map through training: where its points are between two moments."""

import pytest

pytestmark = pytest.mark.browser

PLACES = [0, 0, 10, 10, 4, 8, 10, 20]  # of two points at two moments


@pytest.mark.parametrize(
    ("along", "expected"),
    [(0, [0, 0, 10, 10]), (0.5, [2, 4, 10, 15]), (1, [4, 8, 10, 20])],
)
def test_points_are_at_their_moments_and_on_the_way_between(run, along, expected):
    found = run("../widgets/training_map/places", "list(m.placesAt(f32(places), 2, along))", places=PLACES, along=along)
    assert found == expected


def test_they_begin_slowly_and_end_slowly(run):
    way = "[0.1, 0.9].map((along) => m.placesAt(f32(places), 2, along)[1])"
    early, late = run("../widgets/training_map/places", way, places=PLACES)
    assert early < 0.8
    assert late > 7.2
