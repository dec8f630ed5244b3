"""Ranges of a histogram, and points that stand out: pure."""

import numpy as np
import pytest

from app.widgets.latent_map import bits

pytestmark = pytest.mark.browser

RANGES = "../widgets/failures/ranges"
EDGES = [0, 1, 2, 3, 4]


def test_a_range_goes_from_bin_to_bin_and_is_open_at_the_ends(run):
    ask = "m.rangeOf(edges, one, other)"
    assert run(RANGES, ask, edges=EDGES, one=1, other=2) == [1, 3]
    assert run(RANGES, ask, edges=EDGES, one=2, other=1) == [1, 3]
    assert run(RANGES, ask, edges=EDGES, one=0, other=1) == [None, 2]
    assert run(RANGES, ask, edges=EDGES, one=3, other=3) == [3, None]


@pytest.mark.parametrize("one", range(4))
@pytest.mark.parametrize("other", range(4))
def test_the_bins_of_a_range_are_those_it_was_made_of(run, one, other):
    found = run(RANGES, "m.binsOf(edges, m.rangeOf(edges, one, other))", edges=EDGES, one=one, other=other)
    assert found == sorted([one, other])


def test_a_range_that_is_open_at_both_ends_is_none(run):
    ask = "m.withRange(ranges, 'kl', range)"
    assert run(RANGES, ask, ranges={"l1": [1, None]}, range=[2, 3]) == {"l1": [1, None], "kl": [2, 3]}
    assert run(RANGES, ask, ranges={"kl": [2, 3]}, range=[None, None]) == {}


def test_points_travel_as_bits(run):
    points = "../widgets/latent_map/points"
    rows = np.random.default_rng(0).random(21) < 0.5
    assert run(points, "list(m.unpackBits(text, 21))", text=bits(rows)) == rows.astype(int).tolist()
    both = "m.inBoth(one, other)"
    assert run(points, both, one=None, other=[1, 0]) == [1, 0]
    assert run(points, both, one=None, other=None) is None
    assert run(points, "list(m.inBoth(f32([1, 1, 0]), [1, 0, 1]))") == [1, 0, 0]


def test_the_histograms_are_drawn_as_a_picture_of_their_own(run):
    parts = [{"title": "KL", "edges": [0, 1, 2], "counts": [2, 4], "chosen": [2, 0]}] * 2
    drawn = """(() => {
        const svg = m.figureOf(value, { ground: "white", ink: "black", accent: "teal", font: "serif" });
        const found = (name) => [...svg.querySelectorAll(name)];
        return {
            words: found("text").map((text) => text.textContent),
            tall: found("rect[fill=teal]").map((bar) => Number(bar.getAttribute("height"))),
            right: Math.max(...found("rect[width]").slice(1).map((bar) => Number(bar.getAttribute("x")))),
            width: Number(svg.getAttribute("width")),
        };
    })()"""
    found = run("../widgets/failures/figure", drawn, value=parts)
    assert found["words"] == ["KL", "0", "2"] * 2
    assert found["tall"] == [60, 0] * 2, "half as tall as the tallest, and nothing"
    assert found["right"] < found["width"], "all of it is in the picture"
