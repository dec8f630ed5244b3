"""Of several requests, the newest wins."""

import pytest

pytestmark = pytest.mark.browser


def test_work_that_is_overtaken_knows_it(run):
    assert run(
        "latest",
        """(() => {
            const work = m.newest();
            const first = work.begin();
            const before = first();
            const second = work.begin();
            const after = [first(), second()];
            work.drop();
            return [before, ...after, second()];
        })()""",
    ) == [True, False, True, False]


def test_what_overtaken_work_fetches_is_given_up(run):
    found = run(
        "latest",
        """(async () => {
            const [work, fetched] = [m.newest(), window.fetch];
            const asked = [];
            window.fetch = (_, { signal }) => new Promise((_, reject) => {
                asked.push(signal);
                signal.addEventListener("abort", () => reject(signal.reason));
            });
            const { fetchPoints } = await import("/widgets/latent_map/points.js");
            const fetching = () => fetchPoints({ points: "x" }, work.begin().signal).catch(({ message }) => message);
            const first = fetching();
            const second = fetching();
            const before = asked.map(({ aborted }) => aborted);
            work.drop();
            window.fetch = fetched;
            return [before, asked.map(({ aborted }) => aborted), await first, await second];
        })()""",
    )
    said = "its points could not be fetched"
    assert found == [[True, False], [True, True], said, said]


def test_two_pieces_of_work_do_not_overtake_each_other(run):
    assert run("latest", "(() => { const one = m.newest().begin(); m.newest().begin(); return one(); })()")


def test_of_the_calls_during_a_run_only_the_last_is_run(run):
    found = run(
        "latest",
        """(async () => {
            const [begun, ended] = [[], []];
            let release;
            const task = async (value) => {
                begun.push(value);
                await new Promise((resolve) => { release = resolve; });
                ended.push(value);
            };
            const call = m.oneAtATime(task);
            const all = [1, 2, 3].map((value) => call(value));
            const during = [...begun];
            release();
            while (begun.length < 2) await null;
            const unfinished = [...ended];
            release();
            await Promise.all(all);
            return { during, unfinished, begun, ended };
        })()""",
    )
    assert found == {"during": [1], "unfinished": [1], "begun": [1, 3], "ended": [1, 3]}


def test_a_run_that_fails_does_not_stop_those_after_it(run):
    found = run(
        "latest",
        """(async () => {
            const seen = [];
            const call = m.oneAtATime(async (value) => {
                seen.push(value);
                if (value === 1) throw new Error("no");
            });
            const failed = await call(1).catch((error) => error.message);
            await call(2);
            return [failed, ...seen];
        })()""",
    )
    assert found == ["no", 1, 2]


def test_a_call_that_waited_for_one_that_fails_is_run_all_the_same(run):
    found = run(
        "latest",
        """(async () => {
            const seen = [];
            let fail;
            const call = m.oneAtATime(async (value) => {
                seen.push(value);
                if (value === 1) await new Promise((_, reject) => { fail = reject; });
            });
            const all = [1, 2, 3].map((value) => call(value).catch((error) => error.message));
            fail(new Error("no"));
            return { told: await Promise.all(all), seen };
        })()""",
    )
    assert found == {"told": ["no"] * 3, "seen": [1, 3]}
