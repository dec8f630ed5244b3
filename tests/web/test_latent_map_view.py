"""The part of the map that is in view: pixels and map coordinates, zooming, panning, pinching, and their limits."""

import pytest

pytestmark = pytest.mark.browser

VIEW = "../widgets/latent_map/view"
BOUNDS = {"left": -10, "right": 30, "bottom": 2, "top": 12}
SIZE = {"width": 800, "height": 500}
OPEN = f"const v = new m.Viewport({BOUNDS}, {SIZE});".replace("'", "")


@pytest.fixture
def view(run):
    """`view(expression)`: its value, where `v` shows all of a map of 40 x 10 in a view of 800 x 500 pixels."""
    return lambda expression: run(VIEW, f"(() => {{ {OPEN} return {expression}; }})()")


def close(value):
    return pytest.approx(value, abs=1e-6)


class TestPlaces:
    def test_the_middle_of_the_map_is_in_the_middle(self, view):
        assert view("v.toPixels([10, 7])") == close([400, 250])

    def test_up_on_the_map_is_up_on_the_screen(self, view):
        assert view("v.toPixels([10, 8])[1]") < 250

    @pytest.mark.parametrize("where", ["v", "v.at({ x: 3, y: 11, scale: 90 })"])
    def test_there_and_back(self, view, where):
        assert view(f"{where}.toMap({where}.toPixels([-4.5, 9.25]))") == close([-4.5, 9.25])
        assert view(f"{where}.toPixels({where}.toMap([13, 444]))") == close([13, 444])

    def test_its_box_is_what_its_corners_show(self, view):
        left, top = view("v.toMap([0, 0])")
        right, bottom = view("v.toMap([800, 500])")
        assert view("v.box()") == close({"left": left, "right": right, "bottom": bottom, "top": top})

    def test_a_larger_box_has_the_same_middle_and_scale(self, view):
        box, larger = view("v.box()"), view("v.box({ width: 1600, height: 1000 })")
        assert larger["right"] - larger["left"] == close(2 * (box["right"] - box["left"]))
        assert larger["right"] + larger["left"] == close(box["right"] + box["left"])

    def test_shows_what_is_in_it(self, view):
        assert view("v.shows([10, 7])") is True
        assert view("v.shows([-10, 7], 24)") is True
        assert view("v.shows([-10, 7], 40)") is False
        assert view("v.at({ scale: 500 }).shows([-10, 7])") is False


class TestFitting:
    def test_all_of_the_map_is_in_view_with_a_margin(self, view):
        assert view("v.scale") == close(800 / 40 / 1.08)
        assert view("v.isFitted()") is True
        assert view("v.zoom") == close(1)

    def test_a_tall_map_fits_by_its_height(self, run):
        expression = f"new m.Viewport({{ left: 0, right: 1, bottom: 0, top: 100 }}, {SIZE}).scale".replace("'", "")
        assert run(VIEW, expression) == close(500 / 100 / 1.08)

    def test_a_map_of_one_point_has_it_in_the_middle(self, run):
        expression = f"new m.Viewport({{ left: 3, right: 3, bottom: 4, top: 4 }}, {SIZE}).toPixels([3, 4])"
        assert run(VIEW, expression.replace("'", "")) == close([400, 250])

    def test_a_box_is_framed_as_near_as_is_allowed(self, view):
        box = "{ left: 0, right: 4, bottom: 5, top: 6 }"
        assert view(f"v.framing({box}, 2, 100).toPixels([2, 5.5])") == close([400, 250])
        assert view(f"v.framing({box}, 2, 100).scale") == close(800 / 4 / 2)
        assert view(f"v.framing({box}, 2, 2.5).zoom") == close(2.5)
        assert view("v.framing(v.bounds, 30, 2.5).zoom") == close(1), "no farther than all of the map"


class TestMoving:
    def test_dragging_takes_the_place_under_the_pointer_along(self, view):
        assert view("v.dragged([200, 300], [260, 290]).toMap([260, 290])") == close(view("v.toMap([200, 300])"))

    def test_zooming_keeps_the_place_under_the_pointer(self, view):
        assert view("v.zoomed(3, [150, 320]).toMap([150, 320])") == close(view("v.toMap([150, 320])"))
        assert view("v.zoomed(3, [150, 320]).zoom") == close(3)

    def test_without_a_pointer_it_keeps_the_middle(self, view):
        assert view("v.zoomed(3).toMap([400, 250])") == close([10, 7])

    def test_pinching_brings_the_place_between_the_fingers_to_where_they_are(self, view):
        pinched = "v.dragged([300, 200], [350, 260], 2)"
        assert view(f"{pinched}.toMap([350, 260])") == close(view("v.toMap([300, 200])"))
        assert view(f"{pinched}.zoom") == close(2)

    def test_there_and_back_is_where_it_was(self, view):
        there = "v.zoomed(4, [300, 240]).dragged([400, 250], [460, 300])"
        back = f"{there}.dragged([460, 300], [400, 250]).zoomed(1 / 4, [300, 240])"
        assert view(f"[{there}.x, {there}.y]") != close([10, 7])
        assert view(f"[{back}.x, {back}.y, {back}.scale]") == close(view("[v.x, v.y, v.scale]"))

    def test_the_middle_stays_within_the_map(self, view):
        assert view("[v.at({ x: 999 }).x, v.at({ x: -999 }).x, v.at({ y: 999 }).y, v.at({ y: -999 }).y]") == [
            30,
            -10,
            12,
            2,
        ]

    def test_the_scale_stays_within_its_range(self, view):
        assert view("v.zoomed(0.5).zoom") == close(1)
        assert view("v.zoomed(1e6).zoom") == close(600)

    def test_moving_leaves_the_one_before_as_it_was(self, view):
        assert view("(v.dragged([0, 0], [90, 90], 2), [v.x, v.y, v.zoom])") == close([10, 7, 1])


class TestResizing:
    LOWER, NARROWER = "{ width: 800, height: 100 }", "{ width: 400, height: 500 }"

    def test_all_of_the_map_stays_all_of_it(self, view):
        assert view(f"v.resized({self.LOWER}).scale") == close(100 / 10 / 1.08)

    def test_a_part_stays_as_wide(self, view):
        before, after = (
            view("v.at({ x: 3, scale: 100 }).box()"),
            view(f"v.at({{ x: 3, scale: 100 }}).resized({self.NARROWER}).box()"),
        )
        assert (after["left"], after["right"]) == close((before["left"], before["right"]))


class TestFlying:
    def test_begins_here_and_ends_there(self, view):
        there = "v.at({ x: 20, y: 3, scale: 500 })"
        for share, where in ((0, "v"), (1, there)):
            flown = f"v.towards({there}, {share})"
            assert view(f"[{flown}.x, {flown}.y, {flown}.scale]") == close(
                view(f"[{where}.x, {where}.y, {where}.scale]")
            )

    def test_zooms_by_even_factors(self, view):
        assert view("v.towards(v.at({ scale: 100 * v.scale }), 0.5).zoom") == close(10)
