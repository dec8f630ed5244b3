"""The points of a map that has too many of them for Plotly: where they are drawn, in which colour, shape and order."""

import pytest

pytestmark = pytest.mark.browser

# Draws points of a view of 100 x 100 pixels about (0, 0), ten pixels for one of the map, and answers the colours at
# some places of its picture, or of the page after a picture of another size: [red, green, blue, alpha], each 0 to 255.
DRAW = """(async () => {
    const { Viewport } = await import("/widgets/latent_map/view.js");
    const bounds = { left: -5, right: 5, bottom: -5, top: 5 };
    const points = { x: f32(given.x), y: f32(given.y), bounds };
    const slots = { 1: "#ff0000", 2: "#0000ff" };
    const palette = { slot: (name) => slots[name], ink: "#000000", ramp: ["#000000", "#00ff00"] };
    const groups = [{ slot: 1, shape: given.shape }, { slot: 2, shape: "circle" }];
    const number = given.values && { values: f32(given.values.map((value) => value ?? NaN)), range: [0, 10] };
    const state = { points, grouping: { groups, groupOf: given.groupOf ?? given.x.map(() => 0), number } };
    const plot = document.body.appendChild(document.createElement("div"));
    const cloud = new m.PointCloud({ plot, state, palette, onLost() {} });
    const size = { width: 100, height: 100 };
    const place = { viewport: new Viewport(bounds, size, { x: given.middle ?? 0, y: 0, scale: 10 }), size };
    const rows = given.rows ?? given.x.map((_, row) => row);
    cloud.draw([{ rows, size: 20, opacity: 1, outline: given.outline ?? 0 }], place);
    const picture = new Image();
    picture.src = cloud.image([], place, { scale: 1 });
    await picture.decode();
    const context = Object.assign(document.createElement("canvas"), size).getContext("2d");
    if (given.isOnPage) {
        cloud.image([], { ...place, size: { width: 50, height: 50 } }, { scale: 4 });
        context.drawImage(plot.querySelector("canvas"), 0, 0);
    } else {
        context.drawImage(picture, 0, 0);
    }
    cloud.clear();
    return given.at.map(([x, y]) => list(context.getImageData(x, y, 1, 1).data));
})()"""

RED, BLUE, NOTHING = [255, 0, 0, 255], [0, 0, 255, 255], [0, 0, 0, 0]


@pytest.fixture
def drawn(run):
    """`drawn(x, y, at, ...)`: the colours at places of the view, in pixels from its top left corner."""
    return lambda x, y, at, **others: run(
        "../widgets/latent_map/point_cloud", DRAW, given={"x": x, "y": y, "at": at, "shape": "circle", **others}
    )


def test_points_are_where_they_belong_in_the_colours_of_their_groups(drawn):
    found = drawn([-3, 3], [2, -2], [(20, 30), (80, 70), (50, 50)], groupOf=[0, 1])
    assert found == [RED, BLUE, NOTHING]


def test_they_move_with_the_view(drawn):
    assert drawn([-3], [2], [(20, 30), (50, 30)], middle=-3) == [NOTHING, RED]


def test_they_stay_where_they_are_while_a_picture_is_made(drawn):
    found = drawn([-3, 3], [2, -2], [(20, 30), (80, 70), (50, 50)], groupOf=[0, 1], isOnPage=True)
    assert found == [RED, BLUE, NOTHING]


def test_without_webgl_it_says_so(run):
    said = """(() => {
        const plot = document.createElement("div");
        const cloud = new m.PointCloud({ plot, state: {}, palette: {}, onLost() {} });
        const { getContext } = HTMLCanvasElement.prototype;
        HTMLCanvasElement.prototype.getContext = () => null;
        try {
            return [1, 2].map(() => {
                try { cloud.draw([], {}); } catch ({ message }) { return message; }
            });
        } finally {
            HTMLCanvasElement.prototype.getContext = getContext;
        }
    })()"""
    assert run("../widgets/latent_map/point_cloud", said) == ["this browser has no WebGL left"] * 2


def test_of_two_in_one_place_the_later_covers_the_earlier(drawn):
    assert drawn([0, 0], [0, 0], [(50, 50)], groupOf=[0, 1]) == [BLUE]
    assert drawn([0, 0], [0, 0], [(50, 50)], groupOf=[0, 1], rows=[1, 0]) == [RED]


def test_rows_that_are_not_asked_for_are_not_drawn(drawn):
    assert drawn([-3, 3], [0, 0], [(20, 50), (80, 50)], rows=[1]) == [NOTHING, RED]


def test_numbers_are_colours_of_the_ramp_and_those_without_one_of_their_group(drawn):
    found = drawn([-3, 0, 3], [0, 0, 0], [(20, 50), (50, 50), (80, 50)], values=[5, 99, None], groupOf=[0, 0, 1])
    assert found == [[0, 128, 0, 255], [0, 255, 0, 255], BLUE], "half way, beyond the end, and none"


@pytest.mark.parametrize(
    ("shape", "inside", "outside"),
    [
        ("circle", [(50, 41), (58, 50)], [(58, 42), (58, 58)]),
        ("square", [(57, 43), (57, 57)], [(50, 40), (60, 50)]),
        ("diamond", [(50, 39), (60, 50)], [(57, 43), (57, 57)]),
        ("triangle-up", [(50, 38), (58, 56)], [(57, 43), (50, 60)]),
    ],
)
def test_each_shape_can_be_told_from_the_others(drawn, shape, inside, outside):
    found = drawn([0], [0], inside + outside, shape=shape)
    assert found == [RED] * len(inside) + [NOTHING] * len(outside)


def test_what_a_search_found_is_outlined(drawn):
    assert drawn([0], [0], [(50, 50), (50, 38), (50, 35)], outline=3) == [RED, [0, 0, 0, 255], NOTHING]


def test_of_what_is_not_drawn_yet_there_is_no_picture(run):
    picture = "(() => { try { new m.PointCloud({}).image([], {}, {}); } catch ({ message }) { return message; } })()"
    assert run("../widgets/latent_map/point_cloud", picture) == "The map is not drawn yet. Try again in a moment."
