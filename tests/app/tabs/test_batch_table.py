"""The batch table of the Reconstruct tab."""

import pickle
import shutil

import gradio as gr
import pytest

from app.explore.library import Library
from app.kit import inputs
from app.kit.events import Refresh
from app.kit.workspace import Workspace
from app.tabs import reconstruct
from tests.conftest import EXAMPLES, ROOT


@pytest.fixture(scope="module")
def many() -> reconstruct._Many:
    library = Library(ROOT / "assets" / "models")
    with gr.Blocks():
        targets = reconstruct.targets()
        targets["picture"].input.render()
        refresh = Refresh(gr.Dropdown(library.names, value=library.default), ["reconstruct"])
        other = inputs.OtherModels.beside(library, library.default)
        return reconstruct._Many(Workspace(library, refresh, gr.Tabs(), targets), other)


@pytest.fixture
def paths(tmp_path, monkeypatch) -> list[str]:
    monkeypatch.setattr(inputs, "get_upload_folder", lambda: str(tmp_path))
    return [shutil.copy(path, tmp_path) for path in sorted(EXAMPLES.glob("fruit-*"))[:5]]


def test_a_row_leads_to_its_picture_and_is_encoded_once(many, paths, monkeypatch):
    encoded = []
    encode = reconstruct.strip_url
    monkeypatch.setattr(reconstruct, "strip_url", lambda *asked: encoded.append(1) or encode(*asked))
    monkeypatch.setattr(reconstruct, "SECONDS_BETWEEN_TABLES", -1.0)  # a table for every row
    *growing, last = many.run(reconstruct.Newest(), "fruits", [], paths)
    assert len(growing) == len(encoded) == len(paths)
    drawn = last[many.drawn]
    assert len(pickle.dumps(drawn)) < 1000, "what is kept for each visitor"
    found = [many.look_at(drawn, gr.EventData(None, {"row_value": row})) for row in last[many.table]["value"]]
    assert sorted(found) == sorted(paths)


def test_of_two_runs_the_newest_goes_on(many, paths, monkeypatch):
    """Files were added, or another model picked, while the first was at work: the two would write into one table."""
    monkeypatch.setattr(reconstruct, "SECONDS_BETWEEN_TABLES", -1.0)
    newest = reconstruct.Newest()
    first = many.run(newest, "fruits", [], paths)
    next(first)
    second = many.run(newest, "emoji", [], paths[:2])
    next(second)
    assert [*first] == []
    *_, last = second
    assert last[many.drawn][0] == ["emoji"]
    emptied = many.run(newest, "fruits", [], None)
    assert many.table in next(emptied)


@pytest.mark.parametrize("data", [None, 3, {}, {"row_value": 7}, {"row_value": [None]}, {"row_value": ["\ud800"]}])
def test_forged_rows_lead_nowhere(many, data):
    for drawn in (None, (["fruits"], {"0": "apple.png"})):
        assert many.look_at(drawn, gr.EventData(None, data)) == gr.skip()
