"""Events: what they carry comes from the browser, and may be anything."""

import gradio as gr
import pytest

from app.kit.events import told


@pytest.mark.parametrize("data", [None, 3, True, "index", ["index"], {}], ids=str)
def test_an_event_that_carries_nothing_of_that_name_tells_nothing(data):
    assert told(gr.EventData(None, data), "index") is None


def test_an_event_tells_what_it_carries():
    assert told(gr.EventData(None, {"index": 3, "_data": 4}), "index") == 3
