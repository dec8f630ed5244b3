"""Events: what they carry comes from the browser, and may be anything."""

import gradio as gr
import pytest

from app.kit.events import Shown, _mark_of, told


@pytest.mark.parametrize("data", [None, 3, True, "index", ["index"], {}], ids=str)
def test_an_event_that_carries_nothing_of_that_name_tells_nothing(data):
    assert told(gr.EventData(None, data), "index") is None


def test_an_event_tells_what_it_carries():
    assert told(gr.EventData(None, {"index": 3, "_data": 4}), "index") == 3


def test_what_a_tab_was_drawn_from_is_told_from_other_values_in_a_few_bytes():
    mark = _mark_of(("fruits", 1, ["a"], Shown(("before",))))
    assert mark == _mark_of(("fruits", 1.0, ["a"], Shown(("after",))))
    assert len(mark) == len(_mark_of(("x" * 100_000,))) == 16
    for other in (
        ("emoji", 1, ["a"]),
        ("fruits", "1", ["a"]),
        ("fruits", -1, ["a"]),
        ("fruits", 1, "a"),
        ("fruits", 1),
    ):
        assert mark != _mark_of((*other, Shown()))
    with pytest.raises(TypeError):  # else another of it would not be drawn
        _mark_of((object(),))
