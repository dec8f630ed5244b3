"""The points in the page: what the widget's value says of them, which labels hold a text, and groups by colour."""

import numpy as np
import pytest

from app.explore.map import Categories, Numbers, Overview
from app.explore.points_file import pack_points
from app.widgets.latent_map import LatentMap

pytestmark = pytest.mark.browser

POINTS, GROUPING = (f"../widgets/latent_map/{name}" for name in ("points", "grouping"))


NEW_POINTS = "new Points(sent.value, Uint8Array.from(sent.file).buffer)"


def value(
    kinds: list[str],
    names: list[str] | None = None,
    numbers: list[float] | None = None,
    orders: dict[str, list[str]] | None = None,
) -> dict:
    """A widget's value, and the file of its points, which lie on a diagonal.

    They have a column of kinds, one of names, and one of numbers; each may be in an order of its own.
    """
    columns = []
    for column, texts in (("kind", kinds), ("name", names or [])):
        labels = sorted(set(texts), key=lambda label: (-texts.count(label), label))
        codes = np.array([labels.index(text) for text in texts], np.uint16)
        columns += [Categories(column, labels, codes)] if texts else []
    measured = [Numbers("size", np.array(numbers, np.float32), 1.0, 3.0)] if numbers else []
    positions = np.array([[k, 2 * k] for k in range(len(kinds))], np.float32)
    overview = Overview(positions, columns, measured, 0.5)
    payload = LatentMap.payload({"name": "m"}, overview, "points/0/m.bin", orders=orders)
    return {"value": payload, "file": [*pack_points(overview)]}


@pytest.fixture
def points(run):
    """`points(expression, value)`: its value, where `p` are the points of a widget's value."""
    return lambda expression, value: run(
        POINTS, f"(({{ Points }}) => {{ const p = {NEW_POINTS}; return {expression}; }})(m)", sent=value
    )


@pytest.fixture
def grouped(run):
    """`grouped(grouping, expression, value)`: the same, where `g` is a grouping of them."""

    def evaluate(grouping: str, expression: str, value: dict):
        body = f"""(async () => {{
            const {{ Points }} = await import("/widgets/latent_map/points.js");
            const p = {NEW_POINTS};
            const g = {grouping};
            return {expression};
        }})()"""
        return run(GROUPING, body, sent=value)

    return evaluate


class TestPoints:
    def test_arrive_as_they_were_sent(self, points):
        sent = value(["b", "a", "b"], numbers=[1.5, float("nan"), -2])
        assert points("[list(p.x), list(p.y), p.spacing, p.count, p.model.name]", sent) == [
            [0, 1, 2],
            [0, 2, 4],
            0.5,
            3,
            "m",
        ]
        assert points("p.bounds", sent) == {"left": 0, "right": 2, "bottom": 0, "top": 4}
        assert points("list(p.numbers[0].values).map((n) => Number.isNaN(n) ? null : n)", sent) == [1.5, None, -2]

    def test_have_their_labels(self, points):
        sent = value(["b", "a", ""], names=["x", "y", ""])
        assert points("p.labels(1)", sent) == [["kind", "a"], ["name", "y"]]
        assert points("[0, 1, 2].map((i) => p.describe(i))", sent) == ["b, x", "a, y", "Point 2"]

    def test_beside_another_map_have_its_colours(self, points):
        sent = value(["b", "a", "b", "c"], orders={"kind": ["a", "z", "b", "c"]})
        assert points("p.labels(0).concat(p.labels(1), p.labels(3)).map(([, label]) => label)", sent) == ["b", "a", "c"]
        assert points("[p.columns[0].categories, list(p.columns[0].codes)]", sent) == [[*"azbc"], [2, 0, 2, 3]]

    def test_may_have_more_labels_than_fit_a_byte(self, points):
        sent = value([str(k) for k in range(300)], numbers=[1.0] * 300)
        assert points("[0, 256, 299].map((i) => p.labels(i)[0][1])", sent) == ["0", "256", "299"]

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("apple", [1, 0, 1, 0]),
            (" APPLE ", [1, 0, 1, 0]),
            ("red", [1, 0, 0, 1]),
            ("plum", [0, 1, 1, 0]),
            ("", None),
            ("  ", None),
            ("pear", None),
        ],
    )
    def test_are_found_by_any_of_their_labels(self, points, text, found):
        sent = value(["Apple", "Plum", "Apple", "Cherry"], names=["red one", "two", "plum", "Red"])
        assert points(f"p.search({text!r}) && list(p.search({text!r}))", sent) == found

    def test_that_do_not_exist_have_no_place(self, points):
        sent = value(["a", "b"])
        assert points("p.places([1, 7, -1, 0.5])", sent) == [[1, 2]]
        assert points("[0, 1, 2, -1, null, 0.5, '0'].map((i) => p.has(i))", sent) == [True, True] + [False] * 5

    def test_are_drawn_in_an_order_that_favours_none(self, points):
        sent = value(["a"] * 500)
        assert sorted(points("list(p.shuffled)", sent)) == [*range(500)]
        assert abs(np.corrcoef(points("list(p.shuffled)", sent), range(500))[0, 1]) < 0.2


class TestGroups:
    def test_are_the_categories_from_the_most_frequent_on(self, grouped):
        sent = value(["b", "a", "b", "", "b", "a"])
        names = grouped("m.groupByColumn(p.columns[0])", "g.groups.map((one) => [one.name, list(one.members)])", sent)
        assert names == [["b", [0, 2, 4]], ["a", [1, 5]], ["no label", [3]]]

    def test_past_the_colours_all_are_one_group_in_grey(self, grouped):
        sent = value([str(k).zfill(2) for k in range(48) for _ in range(48 - k)])
        groups = grouped(
            "m.groupByColumn(p.columns[0])", "g.groups.map((one) => [one.name, one.slot, one.members.length])", sent
        )
        assert len(groups) == 45
        assert groups[10] == ["10", 11, 38]
        assert groups[44] == ["other (4 more)", "other", 4 + 3 + 2 + 1]

    def test_are_told_apart_by_colour_and_then_by_shape_and_the_last_may_have_the_grey_to_itself(self, grouped):
        sent = value([str(k).zfill(2) for k in range(45) for _ in range(45 - k)])
        looks = grouped("m.groupByColumn(p.columns[0])", "g.groups.map(({ slot, shape }) => `${slot} ${shape}`)", sent)
        assert looks[:2] + looks[10:12] == ["1 circle", "2 circle", "11 circle", "1 square"]
        assert looks[44] == "other circle"
        assert len({*looks}) == 45

    def test_by_a_number_are_those_that_have_it_and_those_that_have_not(self, grouped):
        sent = value(["a"] * 3, numbers=[1.5, float("nan"), 2])
        grouping = "m.groupByNumber(p.numbers[0])"
        assert grouped(grouping, "g.groups.map((one) => list(one.members))", sent) == [[0, 2], [1]]
        assert grouped(grouping, "[0, 1, 2].map((i) => g.numberAt(i))", sent) == [1.5, None, 2]

    def test_are_drawn_with_the_grey_under_all_colours(self, grouped):
        sent = value(["a"] * 5, numbers=[1.5, float("nan"), 2, float("nan"), 1])
        drawn = "list(g.toDraw(Uint32Array.of(4, 3, 2, 1, 0)))"
        assert grouped("m.groupByNumber(p.numbers[0])", drawn, sent) == [3, 1, 4, 2, 0]
        assert grouped("m.groupByNumber(p.numbers[0])", f"(g.toggle(g.groups[1]), {drawn})", sent) == [4, 2, 0]
        assert grouped("m.groupByColumn(p.columns[0])", drawn, sent) == [4, 3, 2, 1, 0]

    def test_are_hidden_and_shown_one_by_one_or_alone(self, grouped):
        sent = value(["a", "a", "b", "c"])
        shown = "[0, 1, 2, 3].map((i) => g.isShown(i))"
        by_kind = "m.groupByColumn(p.columns[0])"
        assert grouped(by_kind, f"(g.toggle(g.groups[0]), {shown})", sent) == [False, False, True, True]
        alone = "g.toggleAlone(g.groups[1])"
        assert grouped(by_kind, f"({alone}, {shown})", sent) == [False, False, True, False]
        assert grouped(by_kind, f"({alone}, {alone}, {shown})", sent) == [True] * 4


@pytest.mark.parametrize("kinds", [["a"] * 3, [f"kind {k}" for k in range(300)]])
def test_a_file_that_was_cut_on_its_way_is_named_in_words(run, kinds):
    sent = value(kinds, numbers=[1.0] * len(kinds))
    codes = len(kinds) * (1 if len(set(kinds)) <= 256 else 2)  # the last array; what follows fills up
    end = sent["value"]["columns"][0]["codes"] + codes
    found = run(
        POINTS,
        """(async () => {
            const fetched = window.fetch;
            const points = async (length) => {
                const file = Uint8Array.from(sent.file.slice(0, length));
                window.fetch = async () => new Response(file);
                return m.fetchPoints(sent.value).then(({ count }) => count, ({ message }) => message);
            };
            const found = [await points(end), await points(end - 1), await points(0)];
            window.fetch = fetched;
            return found;
        })()""",
        sent=sent,
        end=end,
    )
    assert found == [len(kinds), "a part of its points is missing", "a part of its points is missing"]
