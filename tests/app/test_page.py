"""The page as it is built."""

import gradio as gr
import pytest

from app import page
from app.explore.limits import KEPT_SESSIONS


def test_two_tabs_cannot_take_one_name_for_a_target():
    assert page._joined([{"a": 1}, {"b": 2}]) == {"a": 1, "b": 2}
    with pytest.raises(ValueError, match=r"two tabs use \['a'\]"):
        page._joined([{"a": 1}, {"a": 2}])


def test_every_tab_has_a_name_of_its_own():
    names = [tab.NAME for tab in page.TABS]
    assert len({*names}) == len(names)


def test_few_sessions_are_kept(monkeypatch):
    """By default, Gradio keeps ten thousand."""
    given = {}
    monkeypatch.setattr(page, "build", lambda library, may_open, watch: gr.Blocks())
    for routes in ("decoder_routes", "latents_routes", "points_routes", "snapshot_routes"):
        monkeypatch.setattr(page.web, routes, lambda library: [])
    monkeypatch.setattr(gr.Blocks, "launch", lambda self, **options: given.update(options))
    page.launch(None)
    assert given["state_session_capacity"] == KEPT_SESSIONS <= 500
