"""Pictures of a row or a square are decoded coarse to fine."""

import pytest

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("count", [2, 3, 9, 10, 33, 65])
def test_a_row_begins_with_its_ends_and_has_every_place_once(run, count):
    order = run("order", "m.coarseToFine(count)", count=count)
    assert sorted(order) == list(range(count))
    assert order[:2] == [0, count - 1]


def test_a_row_goes_on_with_its_middle_and_the_quarters(run):
    assert run("order", "m.coarseToFine(9)") == [0, 8, 4, 2, 6, 1, 3, 5, 7]


def test_a_square_begins_with_corners_and_middles_and_has_every_place_once(run):
    order = run("order", "m.squareCoarseToFine(9)")
    assert sorted(order) == list(range(81))
    assert sorted(order[:9]) == [9 * row + column for row in (0, 4, 8) for column in (0, 4, 8)]
    assert sorted(order[:25]) == [9 * row + column for row in (0, 2, 4, 6, 8) for column in (0, 2, 4, 6, 8)]


def test_the_finest_spread_that_has_come_whole_is_known(run):
    drawn = "m.evenlyDrawn(Object.assign([], Object.fromEntries(places.map((k) => [k, true]))), count)"
    assert run("order", drawn, places=[], count=9) == []
    assert run("order", drawn, places=[0, 8], count=9) == [0, 8]
    assert run("order", drawn, places=[0, 4, 8, 2], count=9) == [0, 4, 8]
    assert run("order", drawn, places=[0, 2, 4, 6, 8, 3], count=9) == [0, 2, 4, 6, 8]
    assert run("order", drawn, places=[*range(10)], count=10) == [*range(10)]
    assert run("order", drawn, places=[0, 1], count=2) == [0, 1]


def test_the_nearest_picture_that_has_come_stands_for_one_that_has_not(run):
    nearest = "[0, 3, 5, 8].map((k) => m.nearestDrawn(Object.assign([], { 0: 'a', 4: 'b', 8: 'c' }), k))"
    assert run("order", nearest) == ["a", "b", "b", "c"]
