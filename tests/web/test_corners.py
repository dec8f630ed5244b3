"""The square of Corners: cells, and where the keys lead."""

import pytest

pytestmark = pytest.mark.browser

SQUARE = "../widgets/corners/square"


def test_a_share_of_the_width_is_in_a_cell(run):
    assert run(SQUARE, "[0, 0.1, 0.12, 0.5, 0.999, 1].map((u) => m.cellAt(u, 9))") == [0, 0, 1, 4, 8, 8]


def test_a_cell_without_a_picture_shows_the_nearest(run):
    nearest = "[0, 40, 41, 62, 80].map((cell) => m.nearestCell(Object.assign([], { 0: 1, 40: 1, 80: 1 }), cell, 9))"
    assert run(SQUARE, nearest) == [0, 40, 40, 80, 80]


@pytest.mark.parametrize(
    ("key", "cell"),
    [
        ("ArrowLeft", (3, 4)),
        ("ArrowRight", (5, 4)),
        ("ArrowUp", (4, 3)),
        ("ArrowDown", (4, 5)),
        ("Home", (0, 4)),
        ("End", (8, 4)),
        ("PageUp", (4, 0)),
        ("PageDown", (4, 8)),
    ],
)
def test_keys_lead_to_the_middle_of_a_cell(run, key, cell):
    place = run(SQUARE, "m.stepFrom({ u: 0.5, v: 0.5 }, key, 9)", key=key)
    assert place == {"u": pytest.approx((cell[0] + 0.5) / 9), "v": pytest.approx((cell[1] + 0.5) / 9)}


def test_the_square_ends_where_it_ends_and_other_keys_do_nothing(run):
    assert run(SQUARE, "m.stepFrom({ u: 0, v: 1 }, 'ArrowLeft', 9)")["u"] == pytest.approx(0.5 / 9)
    assert run(SQUARE, "m.stepFrom({ u: 0, v: 1 }, 'ArrowDown', 9)")["v"] == pytest.approx(8.5 / 9)
    assert run(SQUARE, "m.stepFrom({ u: 0, v: 1 }, 'a', 9)") is None
