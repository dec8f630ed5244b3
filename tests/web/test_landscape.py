"""The landing's map and walk, as far as they are pure."""

import pytest

pytestmark = pytest.mark.browser

FRAME, TOUR = (f"../widgets/landscape/{name}" for name in ("frame", "tour"))
BOX = {"left": -2, "right": 6, "bottom": 0, "top": 4}
SIZE = {"width": 420, "height": 120}
SET_UP = "new m.Frame(box, size, 10)"


def test_a_frame_is_filled_by_the_map_and_leads_back_to_it(run):
    corners = [[-2, 4], [6, 0], [2, 2]]
    found = run(FRAME, f"places.map((at) => ({SET_UP}).toPixels(at))", box=BOX, size=SIZE, places=corners)
    assert found == [[10, 10], [410, 110], [210, 60]]
    back = run(FRAME, f"places.map((at) => ({SET_UP}).toMap(at))", box=BOX, size=SIZE, places=found)
    assert back == [pytest.approx(corner) for corner in corners]
    outside = run(FRAME, f"({SET_UP}).toMap([1e6, -50])", box=BOX, size=SIZE)
    assert outside == pytest.approx([6.2, 4.4])  # the corner of the box, with its margin


def test_a_walk_is_at_its_stops_and_comes_round(run):
    stops = [[0, 0], [4, 8], [-2, 6]]
    at = [run(TOUR, "m.stopAt(stops, legs)", stops=stops, legs=legs) for legs in (0, 1, 1.5, 2, 2.5, 3, 301)]
    assert at == [stops[0], stops[1], [1, 7], stops[2], [-1, 3], stops[0], stops[1]]
    early = run(TOUR, "m.stopAt(stops, 0.1)", stops=stops)
    assert 0 < early[0] < 0.4 / 2  # it lingers where a picture of the data is
