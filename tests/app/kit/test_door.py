"""What Gradio keeps of visitors."""

import time
import tracemalloc

import gradio as gr
import gradio.route_utils
import gradio.state_holder
import pytest

from app.explore.limits import MAX_LOG_LINES
from app.kit import door  # whose sessions Gradio makes from then on

COUNT = 10


@pytest.fixture
def page():
    with gr.Blocks() as page:
        for number in range(100):
            gr.Number(0, label=f"Number {number}", info="What it is for. " * 20)
    return page


@pytest.mark.parametrize("module", [gradio.state_holder, gradio.route_utils], ids=["of a visitor", "of one question"])
def test_a_session_takes_little_memory(page, module):
    box = min(page.blocks)
    tracemalloc.start()
    sessions = [module.SessionState(page) for _ in range(COUNT)]
    for session in sessions:
        session._update_value_in_config(box, "what was shown" * 10_000)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken / COUNT < 20_000


def test_what_a_handler_changes_is_of_its_visitor_alone(page):
    mine, another = (gradio.state_holder.SessionState(page) for _ in range(2))
    box = next(block for block in page.blocks.values() if isinstance(block, gr.Number))
    mine[box._id] = gr.Number(1, label="Another", render=False)
    assert (mine[box._id].label, another[box._id].label) == ("Another", "Number 0")


def test_what_anyone_can_have_logged_has_some_lines_a_minute(capsys, monkeypatch):
    lines, minutes = door.Lines(), [1.0]
    monkeypatch.setattr(time, "monotonic", lambda: 60 * minutes[0])
    for number in range(5000):
        lines.write(f"request {number}")
    assert capsys.readouterr().err.splitlines() == [f"Not answered: request {n}" for n in range(MAX_LOG_LINES)]
    minutes[0] += 1.1
    lines.write("another")
    assert capsys.readouterr().err == f"Not answered: {5000 - MAX_LOG_LINES:,} more.\nNot answered: another\n"
