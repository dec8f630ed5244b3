"""The bars of the LatentEditor."""

import pytest

pytestmark = pytest.mark.browser

BARS = "../widgets/latent_editor/bars"
BUILD = """
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const bars = new m.Bars(svg, {});
    bars.build(f32([1, -2, 0.5]), deviation && f32(deviation), 3);
    const numberOf = (node, name) => Number(node.getAttribute(name));
    const barOf = (index) => {
        const [, , bar, spread] = svg.children[index + 1].children;
        const [y, height] = ["y", "height"].map((name) => numberOf(bar, name));
        return { y, height, spread: spread && [numberOf(spread, "y1"), numberOf(spread, "y2")].map((v) => 3 - v) };
    };
"""


def bars(run, expression, deviation=(0.25, 0.5, 2.0)):
    return run(BARS, f"(() => {{ {BUILD} return {expression}; }})()", deviation=deviation and list(deviation))


def test_a_bar_goes_from_zero_to_its_number(run):
    assert bars(run, "barOf(0)") == {"y": 2, "height": 1, "spread": [1.25, 0.75]}
    assert bars(run, "barOf(1)") == {"y": 3, "height": 2, "spread": [-1.5, -2.5]}


def test_a_spread_ends_with_the_axis(run):
    assert bars(run, "barOf(2)")["spread"] == [2.5, -1.5]
    assert bars(run, "(bars.show(2, 2.5), barOf(2))")["spread"] == [3, 0.5]


def test_an_encoder_without_a_variance_has_no_spread(run):
    assert bars(run, "barOf(0)", deviation=None)["spread"] is None
    assert bars(run, "svg.children[1].querySelector('title').textContent", deviation=None) == "latent 0: 1.00"


def test_an_edited_bar_is_marked_and_says_what_it_was(run):
    shown = "(bars.show(1, 0.75), [svg.children[2].classList.contains('edited'), svg.children[2].textContent])"
    assert bars(run, shown) == [True, "latent 1: 0.75 ± 0.50; -2.00 as encoded"]
    back = "(bars.show(1, 0.75), bars.show(1, -2), svg.children[2].classList.contains('edited'))"
    assert bars(run, back) is False


def test_bars_in_another_order_keep_their_numbers(run):
    placed = "(bars.arrange([2, 0, 1]), [0, 1, 2].map((i) => svg.children[i + 1].getAttribute('transform')))"
    assert bars(run, placed) == ["translate(1 0)", "translate(1 0)", "translate(-2 0)"]
    assert bars(run, "(bars.arrange([2, 0, 1]), bars.show(2, 1), svg.children[3].textContent)").startswith(
        "latent 2: 1.00"
    )


EFFECTS = "../widgets/latent_editor/effects"


def test_each_number_is_raised_alone(run):
    assert run(EFFECTS, "m.raised(f32(latent)).map(list)", latent=[0, -2]) == [[1, -2], [0, -1]]


def test_what_moves_the_picture_most_comes_first_and_equals_stay(run):
    assert run("numbers", "m.largestFirst(effects)", effects=[0.5, 3, 0.5, 7]) == [3, 1, 0, 2]
    said = run(EFFECTS, "m.inWords(effects)", effects=[0.5, 3, 0.25, 7])
    assert "by 7.0 of 255 levels at most. 2 of 4 numbers change it by less than one" in said


def test_the_number_that_says_most_is_narrow_or_far_from_zero(run):
    expression = "m.mostTelling(f32(latent), deviation && f32(deviation))"
    assert run(BARS, expression, latent=[0, 1, 0], deviation=[1, 1, 1]) == 1
    assert run(BARS, expression, latent=[0, 1, 0], deviation=[1, 1, 0.01]) == 2
    assert run(BARS, expression, latent=[0, 1, -2], deviation=None) == 2
