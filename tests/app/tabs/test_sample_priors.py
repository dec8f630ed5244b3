"""What the Sample tab asks for, of models with and without a flow."""

import gradio as gr
import pytest

from app.explore.library import Library
from app.kit.events import Refresh
from app.kit.inputs import LabelChoice
from app.kit.questions import Questions
from app.kit.workspace import Workspace
from app.tabs import sample
from tests.conftest import ROOT

NUMBERS = [4, 1, 0]


@pytest.fixture(scope="module")
def library() -> Library:
    return Library(ROOT / "assets" / "models", ["fruits"])


@pytest.fixture(scope="module")
def grid(library) -> sample._Grid:
    with gr.Blocks():
        refresh = Refresh(gr.Dropdown(library.names, value=library.default), ["sample"])
        return sample._Grid(Workspace(library, refresh, gr.Tabs(), {}), Questions(library))


def drawn(grid, model, distribution, preset=None) -> tuple[list[tuple[str, str]], str, str | None]:
    """The panels, the choice that is shown, and whether it is the app's own."""
    updates = grid.of_model(model, distribution, preset, [], True, [], NUMBERS)
    panels = [(panel["distribution"], panel["title"]) for panel in updates[grid.samples]["panels"]]
    return panels, updates[grid.distribution].value, updates[grid.preset]


PRIOR, FLOW = ("prior", "Prior N(0, I)"), ("flow", "Flow learnt from the data")


def test_a_model_with_a_flow_opens_with_it_beside_the_prior(library, grid):
    assert drawn(grid, library["fruits"], None) == ([PRIOR, FLOW], "flow", "flow")
    assert drawn(grid, library["photos"], None) == ([PRIOR], "prior", "prior")


def test_another_model_keeps_what_a_person_chose_and_only_that(library, grid):
    assert drawn(grid, library["fruits"], "prior") == ([PRIOR], "prior", None)
    assert drawn(grid, library["fruits"], "prior", preset="prior") == ([PRIOR, FLOW], "flow", "flow")
    assert drawn(grid, library["photos"], "flow") == ([PRIOR], "prior", "prior")


def test_numbers_that_come_before_the_tab_is_drawn_are_for_the_same_distribution(library, grid):
    updates = grid.asked(library["fruits"], None, [], False, [], NUMBERS)
    assert [panel["title"] for panel in updates[grid.samples]["panels"]] == [FLOW[1]]


def test_only_the_flow_is_asked_for_labels_of_each_column_the_last(library, grid):
    chosen = ["kind: Apple", "kind: Cherry", "variety: Apple Red 2", "hair: long"]
    updates = grid.asked(library["fruits"], "flow", chosen, True, [], NUMBERS)
    labels = [panel["label"] for panel in updates[grid.samples]["panels"]]
    assert labels == [{}, {"kind": "Cherry", "variety": "Apple Red 2"}]
    assert updates[grid.labels]["value"] == ["kind: Cherry", "variety: Apple Red 2"]
    assert updates[grid.labels]["visible"]
    said = "kind: Cherry takes the place of kind: Apple."
    assert LabelChoice.replaced(library["fruits"], chosen) == [said]
    assert LabelChoice.replaced(library["fruits"], ["kind: Apple", "hair: long"]) == []
    assert not grid.asked(library["fruits"], "prior", chosen, True, [], NUMBERS)[grid.labels]["visible"]
    emptied = grid.of_model(library["photos"], "flow", None, chosen, True, [], NUMBERS)[grid.labels]
    assert (emptied["choices"], emptied["value"], emptied["visible"]) == ([], [], False)


def test_the_flow_is_explained_where_there_is_one(library):
    assert "rectified flow" in sample.how_it_works(library["fruits"])
    assert "rectified flow" not in sample.how_it_works(library["photos"])


def test_another_model_is_drawn_beside_with_the_same_seed_from_what_it_has(library, grid):
    chosen = ["kind: Cherry"]
    updates = grid.asked(library["fruits"], "flow", chosen, True, ["emoji"], NUMBERS)
    panels = updates[grid.samples]["panels"]
    assert [(panel["model"]["name"], panel["title"], panel["label"]) for panel in panels] == [
        ("fruits", f"Fruits: {FLOW[1]}", {"kind": "Cherry"}),
        ("emoji", f"Emoji: {FLOW[1]}", {}),
    ]
    assert not updates[grid.beside]["visible"], "the prior would be beside which of them?"
    assert "the same noise" in updates[grid.other].info
    assert "fruits" not in dict(updates[grid.other].choices).values()
    without = grid.asked(library["fruits"], "flow", chosen, True, ["photos"], NUMBERS)
    assert without[grid.samples]["panels"][1]["title"] == f"Photos: {PRIOR[1]}"
    assert "noise is not" in without[grid.other].info
    assert len(grid.asked(library["fruits"], "prior", [], True, ["fruits"], NUMBERS)[grid.samples]["panels"]) == 1


def test_why_n_0_i_is_not_like_the_data_is_said_where_that_is_plain_to_see(library):
    notes = {name: sample.prior_note(library[name]) for name in ("faces", "faces128", "photos", "digits")}
    assert [note["visible"] for note in notes.values()] == [True, True, True, False]
    assert "The flow has learnt where" in notes["faces"]["value"]
    assert "latent diffusion" in notes["faces128"]["value"]
    assert "grid of 32 x 32 places" in notes["photos"]["value"]
