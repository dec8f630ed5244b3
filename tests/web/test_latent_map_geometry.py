"""The map's geometry: which point is nearest, what lies in a lasso, and lines cut down to so many corners."""

import numpy as np
import pytest

pytestmark = pytest.mark.browser

GEOMETRY = "../widgets/latent_map/geometry"


@pytest.fixture(scope="module")
def cloud():
    """Coordinates of 500 points in two clumps and a line, as lists: x, y."""
    generator = np.random.default_rng(0)
    clumps = generator.normal([[[-3, 0]], [[4, 1]]], [[[1, 1]], [[0.2, 2]]], (2, 200, 2)).reshape(-1, 2)
    line = np.linspace([-6, -5], [6, 5.1], 100)
    return np.float32(np.concatenate([clumps, line])).T.tolist()


def distances(cloud, place) -> np.ndarray:
    return np.hypot(*(np.array(axis) - at for axis, at in zip(cloud, place, strict=True)))


class TestNearest:
    PLACES = ((-3.1, 0.2), (4, 1), (0, 0), (6, 5), (-40, 3), (2, 90))

    @pytest.mark.parametrize("place", PLACES)
    def test_is_the_one_that_comparing_all_of_them_finds(self, run, cloud, place):
        found = run(GEOMETRY, "new m.PointGrid(x, y).nearest(place, 1000)", x=cloud[0], y=cloud[1], place=place)
        assert found == np.argmin(distances(cloud, place))

    def test_is_within_reach_or_none(self, run, cloud):
        expression = "[0.99, 1.01].map((share) => new m.PointGrid(x, y).nearest([-40, 3], share * reach))"
        reach = distances(cloud, (-40, 3)).min()
        found = run(GEOMETRY, expression, x=cloud[0], y=cloud[1], reach=float(reach))
        assert found == [None, np.argmin(distances(cloud, (-40, 3)))]

    def test_leaves_out_what_is_not_eligible(self, run, cloud):
        order = np.argsort(distances(cloud, (4, 1)))
        hidden = order[:3].tolist()
        expression = "new m.PointGrid(x, y).nearest([4, 1], 9, (i) => !hidden.includes(i))"
        assert run(GEOMETRY, expression, x=cloud[0], y=cloud[1], hidden=hidden) == order[3]

    def test_is_the_only_point_there_is(self, run):
        assert run(GEOMETRY, "new m.PointGrid(f32([2]), f32([3])).nearest([2.5, 3], 1)") == 0


def test_a_box_is_visited_once_and_whole(run, cloud):
    visit = "(() => { const seen = []; new m.PointGrid(x, y).visit(box, (i) => seen.push(i)); return seen; })()"
    box = {"left": -4, "right": -1, "bottom": -0.5, "top": 2}
    seen = run(GEOMETRY, visit, x=cloud[0], y=cloud[1], box=box)
    x, y = map(np.array, cloud)
    inside = np.flatnonzero((x >= -4) & (x <= -1) & (y >= -0.5) & (y <= 2))
    assert len(seen) == len(set(seen))
    assert set(seen) >= set(inside.tolist())
    assert len(seen) < len(inside) + 50, "only a margin of one cell besides"


class TestTowards:
    # From the first: one to the right, a nearer one that is off the axis, one above, one hardly apart, one far right.
    X, Y = (0, 5, 2, 0, 0.01, 8), (0, 0, 1.9, 3, 0, 0)

    @pytest.mark.parametrize(("direction", "index"), [((1, 0), 1), ((0, 1), 3), ((-1, 0), None), ((0, -1), None)])
    def test_a_direction_leads_to_the_nearest_straight_ahead(self, run, direction, index):
        expression = "new m.PointGrid(f32(x), f32(y)).towards([0, 0], direction, 0.1)"
        assert run(GEOMETRY, expression, x=self.X, y=self.Y, direction=direction) == index

    def test_what_lies_more_aside_than_ahead_is_none(self, run):
        expression = "new m.PointGrid(f32(x), f32(y)).towards([0, 0], [0, 1], 0.1, (i) => i === 2)"
        assert run(GEOMETRY, expression, x=self.X, y=self.Y) is None

    def test_one_beside_is_taken_before_none(self, run):
        expression = "new m.PointGrid(f32(x), f32(y)).towards([0, 0], [1, 0], 0.1, (i) => i !== 1 && i !== 5)"
        assert run(GEOMETRY, expression, x=self.X, y=self.Y) == 2


class TestInside:
    SQUARE = ((0, 0), (4, 0), (4, 4), (0, 4))
    HORSESHOE = ((0, 0), (6, 0), (6, 6), (4, 6), (4, 2), (2, 2), (2, 6), (0, 6))
    PENTAGRAM = tuple((np.sin(turn), np.cos(turn)) for turn in np.arange(5) * 4 * np.pi / 5)

    @pytest.mark.parametrize(
        ("outline", "place", "inside"),
        [
            (SQUARE, (2, 2), True),
            (SQUARE, (0.01, 3.99), True),
            (SQUARE, (5, 2), False),
            (SQUARE, (-1, 2), False),
            (SQUARE, (2, -1), False),
            (SQUARE, (2, 5), False),
            (SQUARE[::-1], (2, 2), True),
            (HORSESHOE, (1, 5), True),
            (HORSESHOE, (5, 5), True),
            (HORSESHOE, (3, 1), True),
            (HORSESHOE, (3, 5), False),
            (PENTAGRAM, (0, 0.8), True),
            (PENTAGRAM, (0, 0), False),
            ((), (0, 0), False),
        ],
    )
    def test_even_odd(self, run, outline, place, inside):
        assert run(GEOMETRY, "m.isInside(place, outline)", place=place, outline=outline) is inside

    def test_a_lasso_takes_the_share_of_its_area(self, run):
        """Of a grid of places over a square of 4, a triangle of half its area takes half."""
        expression = """Array.from({ length: 1600 }, (_, k) => [0.05 + 0.1 * (k % 40), 0.05 + 0.1 * Math.floor(k / 40)])
            .filter((place) => m.isInside(place, [[0, 0], [4, 0], [0, 4]])).length"""
        assert run(GEOMETRY, expression) == pytest.approx(800, abs=25)


class TestLines:
    def test_a_short_line_keeps_all_its_corners(self, run):
        assert run(GEOMETRY, "m.thinOut([[0, 0], [1, 2], [5, 5]], 3)") == [[0, 0], [1, 2], [5, 5]]

    def test_a_long_one_keeps_both_ends_and_evenly_what_is_between(self, run):
        expression = "m.thinOut(Array.from({ length: 1001 }, (_, k) => [k, 2 * k]), 11)"
        assert run(GEOMETRY, expression) == [[k, 2 * k] for k in range(0, 1001, 100)]

    def test_extent_is_the_longer_side(self, run):
        assert run(GEOMETRY, "m.extentOf([[1, 1], [4, 2], [2, -4]])") == 6
        assert run(GEOMETRY, "m.extentOf([[1, 1]])") == 0

    def test_middle_is_the_mean_of_the_points_given(self, run):
        assert run(GEOMETRY, "m.middleOf([0, 2], f32([1, 100, 3]), f32([0, 100, 8]))") == [2, 4]
