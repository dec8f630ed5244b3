"""What pointers, wheel and keys over the map mean: panning, pinching, taps, strokes, and what is left alone."""

import pytest

pytestmark = pytest.mark.browser

INPUT = "../widgets/latent_map/input"

# A view of 400 x 300 pixels at (10, 20), and what was told of it: `told` has the name and the values of each call.
VIEW = """
    const view = Object.assign(document.createElement("div"), { tabIndex: 0 });
    Object.assign(view.style, { position: "fixed", left: "10px", top: "20px", width: "400px", height: "300px" });
    view.setPointerCapture = () => {}; // the pointers do not exist
    document.body.replaceChildren(view);
    const told = [];
    const tell = (name, answer) => (...values) => { told.push([name, ...values]); return answer; };
    const tools = {
        isDrawing: isTool,
        stroke: null,
        beginStroke(place) { this.stroke = [place]; },
        extendStroke(place) { this.stroke.push(place); },
        endStroke() { told.push(["stroke", this.stroke]); this.stroke = null; },
        cancelStroke() { told.push(["cancelled"]); this.stroke = null; },
    };
    const isReady = () => ready;
    new m.Pointers(view, {
        tools, isReady,
        onPress: () => {}, onHover: tell("hover"), onLeave: tell("leave"), onTap: tell("tap"), onDrag: tell("drag"),
    });
    m.listenToWheel(view, isReady, tell("zoom", can));
    m.listenToKeys(view, isReady, {
        onArrow: tell("arrow"), onZoom: tell("key zoom"), onEnter: tell("enter", can), onEscape: tell("escape", can),
    });
    const send = (type, x, y, options = {}) => view.dispatchEvent(new PointerEvent(`pointer${type}`, {
        clientX: 10 + x, clientY: 20 + y, pointerId: 1, pointerType: "mouse", button: 0, bubbles: true, ...options,
    }));
    const touch = (type, id, x, y) => send(type, x, y, { pointerId: id, pointerType: "touch" });
    const isPrevented = (event) => !view.dispatchEvent(event);
    const key = (name, options) =>
        isPrevented(new KeyboardEvent("keydown", { key: name, cancelable: true, ...options }));
    const wheel = (deltaY, deltaMode = 0) =>
        isPrevented(new WheelEvent("wheel", { deltaY, deltaMode, clientX: 110, clientY: 70, cancelable: true }));
"""


@pytest.fixture
def told(run):
    """`told(script)`: what a script that uses `send`, `touch`, `key` and `wheel` came to."""

    def evaluate(script: str, tool: bool = False, ready: bool = True, can: bool = True) -> list:
        return run(INPUT, f"(() => {{ {VIEW} {script}; return told; }})()", isTool=tool, ready=ready, can=can)

    return evaluate


class TestPointer:
    def test_hovers_over_places_of_the_view_and_leaves(self, told):
        assert told("send('move', 50, 60); send('leave', -5, 60)") == [["hover", [50, 60], 7, False], ["leave"]]

    def test_pans_by_what_it_moves(self, told):
        steps = "send('down', 50, 60); send('move', 70, 60); send('move', 72, 62); send('up', 72, 62)"
        assert told(steps) == [["drag", [50, 60], [70, 60], 1], ["drag", [70, 60], [72, 62], 1]]

    def test_that_shakes_in_a_click_taps_where_it_was_pressed(self, told):
        assert told("send('down', 50, 60); send('move', 53, 62); send('up', 53, 62)") == [["tap", [50, 60], 7]]

    def test_of_another_button_does_nothing(self, told):
        assert told("send('down', 50, 60, { button: 2 }); send('up', 50, 60, { button: 2 })") == []

    def test_that_is_cancelled_does_not_tap(self, told):
        assert told("send('down', 50, 60); send('cancel', 50, 60)") == []

    def test_does_nothing_while_there_is_no_map(self, told):
        assert told("send('move', 5, 6); send('down', 5, 6); send('up', 5, 6); key('+'); wheel(9)", ready=False) == []


class TestFingers:
    def test_one_taps_with_a_larger_reach_and_what_it_pointed_at_stays(self, told):
        tapped = told(
            "touch('move', 1, 9, 9); touch('down', 1, 50, 60); touch('up', 1, 50, 60); touch('leave', 1, 50, 60)"
        )
        assert tapped == [["hover", [50, 60], 18, True], ["tap", [50, 60], 18]]

    def test_one_that_moves_hovers_and_neither_pans_nor_taps(self, told):
        moved = told(
            "touch('down', 1, 50, 60); touch('move', 1, 52, 60); touch('move', 1, 90, 60); touch('move', 1, 91, 60); "
            "touch('up', 1, 91, 60)"
        )
        assert moved == [["hover", [x, 60], 18, True] for x in (50, 90, 91)]

    def test_the_last_of_two_does_not_hover(self, told):
        pinch = "touch('down', 1, 100, 100); touch('down', 2, 200, 100); touch('move', 2, 300, 100); "
        told_after = told(pinch + "touch('up', 2, 300, 100); touch('move', 1, 160, 160)")
        assert [name for name, *_ in told_after] == ["hover", "cancelled", "drag"]

    def test_two_pinch_about_the_middle_between_them(self, told):
        both = "touch('down', 1, 100, 100); touch('down', 2, 200, 100); "
        assert told(both + "touch('move', 2, 300, 100)")[-1] == ["drag", [150, 100], [200, 100], 2]
        assert told(both + "touch('move', 1, 150, 100)")[-1] == ["drag", [150, 100], [175, 100], 0.5]

    def test_after_a_pinch_the_last_one_does_not_tap(self, told):
        pinch = "touch('down', 1, 100, 100); touch('down', 2, 200, 100); touch('move', 2, 300, 100); "
        assert "tap" not in [name for name, *_ in told(pinch + "touch('up', 2, 300, 100); touch('up', 1, 100, 100)")]


class TestTool:
    def test_draws_a_stroke_instead_of_panning(self, told):
        drawn = told("send('down', 50, 60); send('move', 70, 60); send('move', 90, 70); send('up', 90, 70)", tool=True)
        assert drawn == [["stroke", [[50, 60], [70, 60], [90, 70]]]]

    def test_a_second_finger_ends_the_stroke_and_moves_the_map(self, told):
        both = (
            "touch('down', 1, 100, 100); touch('down', 2, 200, 100); touch('move', 2, 300, 100); touch('up', 1, 0, 0)"
        )
        assert [name for name, *_ in told(both, tool=True)] == ["cancelled", "drag"]

    def test_a_cancelled_pointer_draws_nothing(self, told):
        assert told("send('down', 50, 60); send('move', 90, 60); send('cancel', 90, 60)", tool=True) == [["cancelled"]]


class TestWheel:
    def test_zooms_in_upwards_about_the_pointer(self, told):
        (name, stretch, place), (_, outwards, _) = told("wheel(-50); wheel(50)")
        assert (name, place) == ("zoom", [100, 50])
        assert stretch == pytest.approx(1 / outwards)
        assert stretch > 1

    def test_counts_lines_as_more_than_pixels_and_bounds_both(self, told):
        stretches = [stretch for _, stretch, _ in told("wheel(-3); wheel(-3, 1); wheel(-120); wheel(-5000)")]
        assert stretches[0] < stretches[1] < stretches[2] == stretches[3]

    @pytest.mark.parametrize("can", [True, False])
    def test_scrolls_the_page_where_it_cannot_zoom(self, told, can):
        assert told("told.push(wheel(9))", can=can)[-1] is can


class TestKeys:
    def test_arrows_point_as_on_the_map_where_up_is_up(self, told):
        keys = "['ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight'].forEach((name) => key(name))"
        assert [direction for _, direction in told(keys)] == [[0, 1], [0, -1], [-1, 0], [1, 0]]

    def test_plus_minus_and_zero_zoom(self, told):
        zooms = told("['+', '=', '-', '0'].forEach((name) => key(name))")
        assert [kind for _, kind in zooms] == ["in", "in", "out", "reset"]

    @pytest.mark.parametrize("can", [True, False])
    def test_those_with_nothing_to_do_are_left_to_the_page(self, told, can):
        assert told("told.push(['Enter', ' ', 'Escape'].map((name) => key(name)))", can=can)[-1] == [can] * 3

    def test_others_and_shortcuts_are_left_to_the_page(self, told):
        assert told("told.push([key('a'), key('+', { ctrlKey: true }), key('ArrowUp', { metaKey: true })])") == [
            [False] * 3
        ]
