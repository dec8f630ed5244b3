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
