"""Lines of equal density: where they run on fields that are known, and how many points they hold."""

import re

import numpy as np
import pytest

pytestmark = pytest.mark.browser

DENSITY = "../widgets/latent_map/density"


def field(values) -> dict:
    values = np.asarray(values, float)
    return {"values": values.ravel().tolist(), "columns": values.shape[1], "rows": values.shape[0]}


@pytest.fixture
def squares(run):
    """`squares(values, height)`: the pieces of the line, each as two places (column, row)."""
    return lambda values, height: np.array(
        run(DENSITY, "m.marchingSquares(field, height)", field=field(values), height=height)
    )


class TestMarchingSquares:
    def test_a_slope_is_crossed_by_a_straight_line_where_it_has_that_height(self, squares):
        slope = np.tile(np.arange(6.0), (4, 1))
        pieces = squares(slope, 2.25)
        assert pieces.shape == (3, 2, 2)
        assert pieces[..., 0] == pytest.approx(2.25)
        assert sorted(pieces[..., 1].ravel()) == pytest.approx([0, 1, 1, 2, 2, 3])

    def test_a_cone_is_crossed_in_a_closed_circle(self, squares):
        rows, columns = np.mgrid[:41, :41]
        cone = 20 - np.hypot(columns - 20, rows - 20)
        pieces = squares(cone, 8.0)
        assert np.hypot(*(pieces - 20).reshape(-1, 2).T) == pytest.approx(12, abs=0.05)
        assert np.linalg.norm(np.diff(pieces, axis=1), axis=-1).sum() == pytest.approx(2 * np.pi * 12, rel=0.01)
        _, counts = np.unique(np.round(pieces.reshape(-1, 2), 6), axis=0, return_counts=True)
        assert (counts == 2).all(), "each piece goes on where another ends"

    def test_one_value_above_its_neighbours_is_enclosed(self, squares):
        peak = np.zeros((3, 3))
        peak[1, 1] = 1
        assert len(squares(peak, 0.5)) == 4
        assert np.abs(squares(peak, 0.5) - 1).sum(axis=-1) == pytest.approx(0.5)

    def test_a_saddle_has_two_pieces_that_do_not_meet(self, squares):
        first, second = squares([[1, 0], [0, 1]], 0.5)
        assert not set(map(tuple, first)) & set(map(tuple, second))

    @pytest.mark.parametrize("height", [-1.0, 2.0])
    def test_nothing_crosses_a_height_that_is_not_there(self, squares, height):
        assert squares(np.eye(4), height).size == 0


class TestShares:
    def test_so_many_values_are_above(self, run):
        values = np.random.default_rng(0).permutation(1001) / 1000
        found = run(DENSITY, "m.thresholds(f32(values), [0.95, 0.5, 0.1])", values=values.tolist())
        assert found == pytest.approx([0.05, 0.5, 0.9], abs=1e-3)

    def test_lines_hold_their_shares_of_the_points(self, run):
        """For a normal cloud, the densest share s lies within a circle of radius sqrt(-2 ln(1 - s))."""
        x, y = np.random.default_rng(1).normal(0, 1, (2, 20_000))
        paths = run(
            DENSITY,
            "m.densityLines(x, y, bounds)",
            x=x.tolist(),
            y=y.tolist(),
            bounds={"left": x.min(), "right": x.max(), "bottom": y.min(), "top": y.max()},
        )
        assert len(paths) == 5
        for path, share in zip(paths, [0.95, 0.75, 0.5, 0.25, 0.1], strict=True):
            places = np.array(re.findall(r"(-?[\d.]+) (-?[\d.]+)", path), float)
            radius = np.median(np.hypot(*places.T))
            assert radius == pytest.approx(np.sqrt(-2 * np.log(1 - share)), rel=0.12), f"the line of {share:.0%}"

    def test_the_estimate_keeps_the_number_of_points(self, run):
        x, y = np.random.default_rng(2).uniform(0, 9, (2, 300))
        expression = "list(m.estimateDensity(x, y, { left: 0, right: 9, bottom: 0, top: 9 }).field.values)"
        assert sum(run(DENSITY, expression, x=x.tolist(), y=y.tolist())) == pytest.approx(300, rel=1e-3)

    def test_a_handful_of_points_has_none(self, run):
        expression = "m.densityLines(f32([1, 2, 3]), f32([1, 2, 3]), { left: 1, right: 3, bottom: 1, top: 3 })"
        assert run(DENSITY, expression) == []

    def test_points_in_one_place_make_no_trouble(self, run):
        bounds = {"left": 0, "right": 0, "bottom": 0, "top": 0}
        lines = run(DENSITY, "m.densityLines(f32(zeros), f32(zeros), bounds)", zeros=[0] * 30, bounds=bounds)
        assert len(lines) == 5
        assert "NaN" not in "".join(lines)
