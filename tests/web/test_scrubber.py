"""The Scrubber's parts: playing, and the plot of its steps."""

import pytest

pytestmark = pytest.mark.browser

PLAYING, PLOT = "../widgets/scrubber/playing", "../widgets/scrubber/plot"


def advance(run, seconds, mode, t=0.5, direction=1, speed=1):
    return run(
        PLAYING,
        "m.advance({ t, direction }, seconds, speed, mode)",
        t=t,
        direction=direction,
        seconds=seconds,
        speed=speed,
        mode=mode,
    )


@pytest.mark.parametrize("mode", ["ping-pong", "loop", "once"])
def test_playing_goes_from_end_to_end_in_three_seconds(run, mode):
    assert advance(run, 1.2, mode, t=0.1) == pytest.approx({"t": 0.5, "direction": 1})
    assert advance(run, 0.6, mode, t=0.1, speed=2) == pytest.approx({"t": 0.5, "direction": 1})


def test_at_the_end_playing_turns_back_starts_again_or_stops(run):
    assert advance(run, 1, "ping-pong", t=0.9) == {"t": 1, "direction": -1, "isOver": False}
    assert advance(run, 1, "loop", t=0.9) == {"t": pytest.approx(0.9 + 1 / 3 - 1), "direction": 1}
    assert advance(run, 1, "once", t=0.9)["isOver"]


def test_back_at_the_start_playing_turns_round(run):
    assert advance(run, 0.6, "ping-pong", t=0.5, direction=-1) == {"t": pytest.approx(0.3), "direction": -1}
    assert advance(run, 1, "ping-pong", t=0.1, direction=-1) == {"t": 0, "direction": 1}


@pytest.mark.parametrize(
    ("t", "mode", "found"),
    [
        (0.4, "ping-pong", {"t": 0.4, "direction": 1}),
        (1, "ping-pong", {"t": 1, "direction": -1}),
        (1, "loop", {"t": 0, "direction": 1}),
        (1, "once", {"t": 0, "direction": 1}),
    ],
)
def test_playing_begins_where_it_is_or_turns_at_the_end(run, t, mode, found):
    assert run(PLAYING, "m.begin(t, mode)", t=t, mode=mode) == found


def test_steps_are_in_units_of_their_mean(run):
    assert run(PLOT, "m.stepShares([1, 2, 3])") == [0.5, 1, 1.5]
    assert run(PLOT, "m.stepShares([0, 0])") == [0, 0], "equal ends"


def test_every_step_is_a_level_of_the_plot(run):
    found = run(
        PLOT,
        """(() => {
            const figure = document.createElement("figure");
            figure.innerHTML = "<svg></svg><figcaption></figcaption>";
            m.plotSteps(figure, { latent: [1, 1], picture: [1, 3] });
            const points = (k) => figure.querySelectorAll("polyline")[k].getAttribute("points");
            const even = figure.querySelector("line").getAttribute("y1");
            return { even: Number(even), latent: points(0), picture: points(1), words: figure.textContent };
        })()""",
    )

    def levels(points):
        return [tuple(map(float, point.split(","))) for point in points.split()]

    latent, picture = levels(found["latent"]), levels(found["picture"])
    assert [x for x, _ in picture] == [0, 50, 50, 100]
    assert [y for _, y in latent] == pytest.approx([found["even"]] * 4, abs=0.01)
    assert picture[0][1] > found["even"] > picture[3][1], "above the mean is up"
    assert "largest: latent 1.0, picture 1.5" in found["words"]


def test_without_lengths_there_is_no_plot(run):
    assert run(PLOT, "(() => { const f = document.createElement('figure'); m.plotSteps(f, {}); return f.hidden; })()")
