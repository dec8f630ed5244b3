"""The pictures on the map as they are asked for: for the newest view, in batches that suit who draws, and kept."""

import pytest

from app.explore.limits import MAX_THUMBNAILS

pytestmark = pytest.mark.browser

CACHE, THUMBNAILS = (f"../widgets/latent_map/{name}" for name in ("cache", "thumbnails"))

# What draws notes what it is asked for; `delay` milliseconds for each picture.
DRAWER = """
    const state = { points: {} };
    const asked = [];
    let arrivals = 0;
    const picture = new ImageData(1, 1);
    const small = async (points, places) => {
        asked.push(places);
        if (refusal) return { error: refusal };
        await new Promise((resolve) => setTimeout(resolve, delay * places.length));
        return { pictures: await Promise.all(places.map(() => createImageBitmap(picture))) };
    };
    const t = new m.Thumbnails({ state, places: { small }, onArrival: () => arrivals++ });
    const until = async (isSo) => { while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5)); };
    const rows = (first, count) => Array.from({ length: count }, (_, k) => first + k);
"""


@pytest.fixture
def fetch(run):
    """`fetch(script)`: what was asked for, after a script that uses `t`, the thumbnails."""

    def evaluate(script: str, delay: float = 0, refusal: str | None = None):
        body = f"(async () => {{ {DRAWER} {script} return asked; }})()"
        return run(THUMBNAILS, body, delay=delay, refusal=refusal)

    return evaluate


def test_each_is_asked_for_once_the_most_wanted_first(fetch):
    asked = fetch("t.want(rows(0, 40)); await until(() => t.has(39)); t.want(rows(30, 10)); t.want([40]);")
    assert [place for batch in asked for place in batch] == [*range(41)]


def test_points_and_places_between_them_are_kept_apart(fetch):
    fetch(
        "t.want([3, [3, 0.5]]); await until(() => t.has(3)); if (!t.has([3, 0.5]) || t.has([3, 0.25])) throw 'mixed';"
    )


def test_the_first_batch_is_small_and_later_ones_as_large_as_a_quick_server_allows(fetch):
    asked = fetch("t.want(rows(0, 200)); await until(() => t.has(199));")
    assert len(asked[0]) == 2
    assert max(map(len, asked)) == MAX_THUMBNAILS


def test_a_slow_server_is_asked_for_few(fetch):
    asked = fetch("t.want(rows(0, 8)); await until(() => t.has(7));", delay=140)
    assert {len(batch) for batch in asked} == {2}


def test_a_server_that_becomes_slow_is_asked_for_fewer(fetch):
    asked = fetch(
        """t.want(rows(0, 100));
        await until(() => t.has(99));
        delay = 20;
        t.want(rows(100, 60));
        await until(() => t.has(159));"""
    )
    slow = [len(batch) for batch in asked if batch[0] >= 100]
    assert slow[0] == MAX_THUMBNAILS
    assert slow[1] == MAX_THUMBNAILS / 2


def test_another_view_is_served_before_what_the_last_one_still_lacked(fetch):
    asked = fetch("t.want(rows(0, 20)); t.want(rows(50, 4)); await until(() => t.has(53));", delay=1)
    assert asked[0] == [0, 1]
    assert [place for batch in asked[1:] for place in batch] == [50, 51, 52, 53]


def test_pictures_of_the_map_before_are_not_taken_for_those_of_this_one(fetch):
    asked = fetch(
        """t.want([1, 2]);
        state.points = {};
        t.clear();
        await new Promise((resolve) => setTimeout(resolve, 60));
        if (t.has(1) || arrivals) throw "stale";""",
        delay=10,
    )
    assert asked == [[1, 2]]


def test_a_refusal_ends_it_until_the_view_changes(fetch):
    asked = fetch(
        "t.want([1]); await until(() => asked.length); t.want([1]); await until(() => asked.length > 1);", refusal="No."
    )
    assert asked == [[1], [1]]


class TestCache:
    def test_the_one_used_longest_ago_makes_room(self, run):
        expression = """(() => {
            const dropped = [];
            const cache = new m.Cache(2, (entry) => dropped.push(entry));
            cache.set("a", 1);
            cache.set("b", 2);
            cache.get("a");
            cache.set("c", 3);
            return [dropped, ["a", "b", "c"].map((key) => cache.get(key) ?? null)];
        })()"""
        assert run(CACHE, expression) == [[2], [1, None, 3]]

    def test_clearing_drops_all(self, run):
        expression = """(() => {
            const dropped = [];
            const cache = new m.Cache(9, (entry) => dropped.push(entry));
            cache.set("a", 1);
            cache.set("b", 2);
            cache.clear();
            return [dropped, cache.has("a")];
        })()"""
        assert run(CACHE, expression) == [[1, 2], False]
