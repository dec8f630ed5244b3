"""Pictures that replace those before them once the first have come."""

import pytest
from PIL import Image

from app.explore.limits import MAX_LATENTS
from app.kit.pictures import sheet

pytestmark = pytest.mark.browser

# A server whose answers wait until they are let go, one after another.
SERVER = """
    const waiting = [];
    const server = { decode: async (name, text) => {
        const count = atob(text).length / 8;
        const refused = await new Promise((resolve) => waiting.push(resolve));
        return refused ?? sheets[count - 1];
    } };
    const rest = () => new Promise((done) => setTimeout(done, 50));
    const answer = async (refused) => { waiting.shift()(refused); await rest(); };
    const told = [];
    const element = document.createElement("div");
    document.body.append(element);
    const series = new m.Series(server, element, {
        onFirst: ({ name }) => told.push(`first of ${name}`),
        onMore: ({ name, pictures }) => told.push(`${Object.keys(pictures).length} of ${name}`),
        onError: (error) => told.push(error),
    });
    const load = (name) => {
        const model = { name, title: "M", size: 1, shape: [2] };
        const latents = Array.from({ length: 4 }, () => new Float32Array(2));
        series.load({ model, latents, name }, [0, 3, 1, 2]);
        return rest();
    };
    const shown = () => series.shown?.name ?? null;
"""


@pytest.fixture
def series(run):
    """`series(steps)`: what these steps return, with a `series` of such a server."""
    sheets = [sheet([Image.new("RGB", (1, 1))] * count) for count in range(1, MAX_LATENTS + 1)]
    return lambda steps: run("series", f"(async () => {{ {SERVER} {steps} }})()", sheets=sheets)


def test_pictures_come_and_are_kept(series):
    found = series("await load('a'); await answer(); await answer(); return { told, shown: shown() };")
    assert found == {"told": ["first of a", "3 of a", "4 of a"], "shown": "a"}


def test_what_is_shown_stays_until_the_first_others_have_come(series):
    found = series(
        """
        await load("b"); await answer(); await answer();
        const before = [shown(), series.isCurrent];
        await load("c");
        const during = [shown(), series.isCurrent];
        await answer();
        return { before, during, after: [shown(), series.isCurrent] };
        """
    )
    assert found == {"before": ["b", True], "during": ["b", False], "after": ["c", True]}


def test_what_is_overtaken_shows_nothing_any_more(series):
    found = series(
        """
        await load("d");
        await load("e");
        await answer(); await answer();
        return { told, shown: shown() };
        """
    )
    assert found == {"told": ["first of e", "3 of e"], "shown": "e"}


def test_after_a_refusal_nothing_of_before_is_shown(series):
    found = series(
        """
        await load("f"); await answer(); await answer();
        told.length = 0;
        await load("g"); await answer({ error: "Not these." });
        return { told, shown: shown() };
        """
    )
    assert found == {"told": ["Not these."], "shown": None}


def test_a_refusal_half_way_leaves_what_has_come(series):
    found = series(
        "await load('h'); await answer(); await answer({ error: 'No more.' }); return { told, shown: shown() };"
    )
    assert found == {"told": ["first of h", "3 of h", "No more."], "shown": "h"}


def test_what_is_cleared_stays_empty(series):
    found = series("await load('i'); series.clear(); await answer(); return { told, shown: shown() };")
    assert found == {"told": [], "shown": None}
