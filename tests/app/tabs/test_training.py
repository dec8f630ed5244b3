"""The part through training: which models and moments it shows, and what it answers to what no page sends."""

import re
import shutil

import gradio as gr
import pytest

from app.explore.library import Library
from app.explore.limits import RequestError
from app.kit.events import Refresh, Shown
from app.kit.workspace import Workspace
from app.tabs.training import ThroughTraining, picture_and_samples
from tests.conftest import EXAMPLES, ROOT

MODELS = ROOT / "assets" / "models"
STEP = re.compile(r"Step ([\d,]+) of ([\d,]+)")
PICTURE = str(EXAMPLES / "digit-3.png")


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> Library:
    """The models that ship, and "run": the digits in the middle of their training, with 5 of 20 snapshots."""
    run = tmp_path_factory.mktemp("runs") / "run"
    shutil.copytree(MODELS / "digits", run)
    for path in sorted(run.glob("snapshots/*"))[5:]:
        path.unlink()
    return Library(MODELS, ["digits", str(run)])


@pytest.fixture(scope="module")
def part(library) -> ThroughTraining:
    with gr.Blocks():
        refresh = Refresh(gr.Dropdown(library.names), ["reconstruct"])
        work = Workspace(library, refresh, gr.Tabs(), {})
        return ThroughTraining(work, "reconstruct", "", picture_and_samples)


@pytest.fixture
def draw(part, library):
    """`draw(index, *names)`: the HTML of these models' pictures, and what it sets the slider to, if it does."""
    shown = Shown()

    def draw(index, *names):
        asked = part.of([library.look_at(name) for name in names], PICTURE)[part.asked]
        updates = part.draw(asked, index, shown)
        return updates[part.pictures], updates.get(part.moment, {}).get("value")

    return draw


def test_it_is_there_where_a_model_has_moments_and_there_is_something_to_show(part, library):
    def is_visible(*names, question=(PICTURE,)):
        return part.of([library.look_at(name) for name in names], *question)[part.part]["visible"]

    assert [is_visible("digits"), is_visible("fruits"), is_visible("fruits", "digits")] == [True, False, True]
    assert not is_visible("digits", question=())


def test_several_trainings_are_side_by_side_each_at_its_own_nearest_moment(draw):
    found, index = draw(1, "digits", "run", "fruits")
    assert STEP.findall(found) == [("1,500", "1,500"), ("66", "66")], "the last of each, to begin with"
    assert index == 19
    assert "Digits (run)</h4>" in found
    assert "Fruits keeps no moments" in found
    found, index = draw(3, "digits", "run", "fruits")
    assert STEP.findall(found) == [("37", "1,500"), ("37", "66")]
    assert index is None, "a slider that somebody holds is let alone"
    samples = re.findall(r'<img src="([^"]+)" alt="Sample', found)
    assert samples[:8] == samples[8:], "of the same weights and the same noise"


def test_whoever_looks_at_the_last_moment_sees_the_next_and_others_stay(draw, library):
    snapshots = library.look_at("run").folder / "snapshots"
    draw(0, "run")
    shutil.copy(MODELS / "digits" / "snapshots" / "step-000104.safetensors", snapshots)
    assert draw(4, "run")[1] == 5
    draw(2, "run")
    shutil.copy(MODELS / "digits" / "snapshots" / "step-000150.safetensors", snapshots)
    found, index = draw(2, "run")
    assert (STEP.findall(found), index) == ([("17", "150")], 2)


def test_a_slider_that_is_held_stays_at_its_step(draw, library):
    """Also where another training that is compared brings or loses steps before it."""
    snapshots = library.look_at("run").folder / "snapshots"
    first, second, *_ = sorted(snapshots.glob("*"))
    kept = second.read_bytes()
    second.unlink()
    draw(0, "run")
    before, _ = draw(1, "run")
    second.write_bytes(kept)
    found, index = draw(1, "run")
    assert (STEP.findall(found), index) == (STEP.findall(before), 2)
    first.rename(snapshots / "kept")
    second.unlink()
    found, index = draw(2, "run")
    assert (STEP.findall(found), index) == (STEP.findall(before), 0)
    (snapshots / "kept").rename(first)
    second.write_bytes(kept)


def test_a_damaged_moment_hides_nothing_else(draw, library):
    (library.look_at("run").folder / "snapshots" / "step-000004.safetensors").write_bytes(b"half of it")
    draw(0, "digits", "run")
    found, _ = draw(1, "digits", "run")
    assert STEP.findall(found) == [("4", "1,500")]
    assert re.search(r"<p role=\"status\">run/snapshots/step-000004.safetensors is damaged", found)


@pytest.mark.parametrize("index", [-1, 20, 1.5, "last", None, [], {}, 1e400, "1" * 9])
def test_a_moment_that_is_none_gets_one_sentence(draw, index):
    draw(0, "digits")
    with pytest.raises(RequestError, match=r"^The moment is .*; it must be a"):
        draw(index, "digits")
