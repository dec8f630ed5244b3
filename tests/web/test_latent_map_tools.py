"""The tools that draw on the map: paths by hand and corner by corner, groups by lasso and by what is shown."""

import pytest

from app.explore.limits import PATH_CORNERS
from app.kit.web import APP

pytestmark = pytest.mark.browser

TOOLS = "../widgets/latent_map/tools"
TEMPLATE = (APP / "widgets" / "latent_map" / "template.html").read_text("utf-8")

# A map of 10 x 10 points, one unit apart, in a view of 900 x 900 pixels that shows them from (0, 0) to (9, 9); the left
# half is shown or not by `hidden`, the lower half is found by a search or not by `matches`.
MAP = """
    const { Viewport } = await import("/widgets/latent_map/view.js");
    document.body.innerHTML = template;
    const find = (name) => document.querySelector(`.latent-map${name}`);
    const rows = Array.from({ length: 100 }, (_, i) => i);
    const [x, y] = [rows.map((i) => i % 10), rows.map((i) => Math.floor(i / 10))];
    const state = {
        points: { count: 100, x, y, place: (i) => [x[i], y[i]] },
        grouping: { isShown: (i) => !(hidden && x[i] < 5) },
        matches: searched ? rows.map((i) => (y[i] < 5 ? 1 : 0)) : null,
        selected,
        viewport: new Viewport({ left: 0, right: 9, bottom: 0, top: 9 }, { width: 972, height: 972 }),
    };
    const told = [];
    const tools = new m.Tools({
        find, state,
        onStart: () => {}, onChange: () => {}, onClear: () => told.push("cleared"),
        onPath: (path) => told.push(path), onGroups: (groups) => told.push(groups),
    });
    const draw = (...corners) => {
        const [first, ...others] = corners.map((corner) => state.viewport.toPixels(corner));
        tools.beginStroke(first);
        others.forEach((place) => tools.extendStroke(place));
        tools.endStroke();
    };
    const lasso = (left, bottom, right, top) => draw([left, bottom], [right, bottom], [right, top], [left, top]);
    const press = (name) => find(name).click();
    const group = (name) => find("-groups").querySelector(`[data-group=${name}]`).click();
    const words = () => find("-drawn").textContent;
    const round = (path) => path.map((corner) => corner.map((value) => Math.round(100 * value) / 100));
"""


@pytest.fixture
def told(run):
    """`told(script)`: what a script that uses `tools` and the functions above came to."""

    def evaluate(script: str, hidden: bool = False, searched: bool = False, selected: int | None = None) -> list:
        body = f"(async () => {{ {MAP} {script}; return told; }})()"
        return run(TOOLS, body, template=TEMPLATE, hidden=hidden, searched=searched, selected=selected)

    return evaluate


def rows(count: int, *rectangle: int) -> list[int]:
    left, bottom, right, top = rectangle
    found = [10 * y + x for y in range(bottom, top + 1) for x in range(left, right + 1)]
    assert len(found) == count
    return found


class TestPath:
    def test_drawn_by_hand_is_told_in_map_coordinates(self, told):
        assert told("tools.choose('path'); draw([1, 1], [4, 5], [8, 2]); told[0] = round(told[0])") == [
            [[1, 1], [4, 5], [8, 2]]
        ]

    def test_made_corner_by_corner_is_told_from_the_second_on(self, told):
        clicks = "tools.choose('path'); draw([1, 1]); told.push(words()); draw([4, 5]); tools.addCorner([8, 2])"
        first, *paths = told(clicks + "; told.splice(1, 2, ...told.slice(1).map(round))")
        assert first.startswith("Add a second place")
        assert paths == [[[1, 1], [4, 5]], [[1, 1], [4, 5], [8, 2]]]

    def test_the_same_corner_again_adds_none(self, told):
        assert told("tools.choose('path'); tools.addCorner([1, 1]); tools.addCorner([1, 1])") == []

    def test_after_one_by_hand_corners_begin_another(self, told):
        assert len(told("tools.choose('path'); draw([1, 1], [4, 5]); tools.addCorner([8, 2])")) == 1

    def test_has_no_more_corners_than_the_server_takes(self, told):
        script = "tools.choose('path'); draw(...Array.from({ length: 3000 }, (_, k) => [(k % 50) / 6, k / 400]))"
        (path,) = told(script)
        assert len(path) == PATH_CORNERS

    def test_that_is_not_longer_than_a_shaking_hand_is_a_click(self, told):
        assert told("tools.choose('path'); draw([1, 1], [1.04, 1])") == []


class TestLasso:
    def test_takes_the_points_in_it(self, told):
        (groups,) = told("tools.choose('lasso'); lasso(1.5, 2.5, 4.5, 6.5)")
        assert groups == {"a": rows(12, 2, 3, 4, 6), "b": [], "point": None}

    def test_leaves_out_what_is_hidden_or_dimmed(self, told):
        (shown,) = told("tools.choose('lasso'); lasso(-0.5, -0.5, 9.5, 9.5)", hidden=True)
        (found,) = told("tools.choose('lasso'); lasso(-0.5, -0.5, 9.5, 9.5)", searched=True)
        assert shown["a"] == rows(50, 5, 0, 9, 9)
        assert found["a"] == rows(50, 0, 0, 9, 4)

    def test_a_second_is_group_b_and_a_third_begins_again(self, told):
        one, two, three = told("tools.choose('lasso'); lasso(0, 0, 2, 2); lasso(3, 3, 6, 6); lasso(7, 7, 9.5, 9.5)")
        assert (one["b"], two["a"], three["b"]) == ([], one["a"], [])
        assert two["b"] != one["a"] != three["a"]

    def test_without_a_point_in_it_is_told_in_words_only(self, told):
        assert told("tools.choose('lasso'); lasso(1.2, 1.2, 1.8, 1.8); told.push(words())") == [
            "There is no point in it. Draw around some points."
        ]


class TestShownGroups:
    def test_the_first_is_a_whichever_was_pressed(self, told):
        (groups,) = told("tools.choose('lasso'); group('b')", hidden=True)
        assert groups == {"a": rows(50, 5, 0, 9, 9), "b": [], "point": None}

    def test_one_replaces_its_namesake_and_leaves_the_other(self, told):
        *_, last = told("tools.choose('lasso'); lasso(0, 0, 2, 2); group('b'); group('a')", searched=True)
        assert last["a"] == last["b"] == rows(50, 0, 0, 9, 4)


class TestFromThePoint:
    TWO = "tools.choose('lasso'); lasso(0, 0, 2, 2); lasso(3, 3, 6, 6); "

    def test_the_direction_may_start_from_the_selected_point(self, told):
        *_, last = told(self.TWO + "press('-from')", selected=42)
        assert last["point"] == 42

    def test_it_follows_the_selection(self, told):
        *_, last = told(self.TWO + "press('-from'); state.selected = 7; tools.followSelection()", selected=42)
        assert last["point"] == 7

    def test_it_is_not_offered_without_a_point_or_a_second_group(self, told):
        hidden = "told.push(find('-from').hidden)"
        assert told(self.TWO + hidden)[-1] is True
        assert told("tools.choose('lasso'); lasso(0, 0, 2, 2); " + hidden, selected=42)[-1] is True
        assert told(self.TWO + hidden, selected=42)[-1] is False


class TestTextOfGroups:
    """What the address keeps, which brings the same groups back whatever is hidden then."""

    BACK = "const text = tools.groupsText; tools.clear(); tools.bringBackGroups(text); told.push(text);"

    @pytest.mark.parametrize("hidden", [False, True])
    def test_brings_back_the_same_points(self, told, hidden):
        draws = "lasso(0.5, 0.5, 6.5, 3.5); lasso(5.5, 5.5, 9.5, 7.5); tools.groups.a.outline.length;"
        shows = "state.grouping = { isShown: () => true };"
        *_, drawn, again, text = told(f"{draws} const before = told.at(-1); {shows} {self.BACK}", hidden=hidden)
        assert again == drawn
        assert [part[0] for part in text.split("~")] == (["r", "o"] if hidden else ["o", "o"])

    def test_brings_back_where_the_direction_starts(self, told):
        draws = "lasso(0.5, 0.5, 2.5, 2.5); lasso(5.5, 5.5, 9.5, 7.5); find('-from').click();"
        *_, again, text = told(f"{draws} {self.BACK}", selected=7)
        assert again["point"] == 7
        assert text.endswith("~f")

    @pytest.mark.parametrize(
        "text", ["", "f", "r", "r0-zz", "rzz", "r1~r2~r3", "o1,1", "o1,1,2,2,x,y", "o90,90,91,91,90,91"]
    )
    def test_is_nothing_where_it_means_nothing(self, told, text):
        assert told(f"tools.bringBackGroups({text!r})") == []


def test_a_path_and_groups_take_each_others_place(told):
    left = "told.push([tools.path.length, tools.groups.a !== null])"
    script = f"tools.choose('path'); draw([1, 1], [4, 5]); tools.choose('lasso'); lasso(0, 0, 2, 2); {left}"
    assert told(script)[-1] == [0, True]
    assert told(f"{script}; tools.choose('path'); draw([1, 1], [4, 5]); {left}")[-1] == [2, False]


class TestClearing:
    def test_forgets_what_was_drawn_and_says_so_once(self, told):
        script = "tools.choose('path'); press('-clear'); draw([1, 1], [4, 5]); press('-clear'); press('-clear')"
        assert told(script + "; told.push(tools.path.length, tools.tool)")[1:] == ["cleared", 0, "path"]

    def test_escape_puts_the_tool_away_and_leaves_the_drawing(self, told):
        escape = "find('-modes').dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape' }))"
        script = f"tools.choose('path'); draw([1, 1], [4, 5]); {escape}; told.push(tools.tool, find('-drawing').hidden)"
        assert told(script)[1:] == ["walk", False]
