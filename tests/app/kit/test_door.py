"""What Gradio keeps of visitors."""

import asyncio
import time
import tracemalloc

import gradio as gr
import gradio.route_utils
import gradio.state_holder
import pytest

from app.explore.limits import (
    FILE_PARTS,
    LONG_BYTES_A_SECOND,
    MAX_FILES,
    MAX_LOG_LINES,
    MEGABYTE,
    WIDE_PARTS,
    WIDE_PARTS_A_SECOND,
)
from app.kit import door  # whose sessions Gradio makes from then on
from tests.app.kit.asking import ask, run

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


@pytest.mark.parametrize(
    ("pieces", "parts"),
    [
        ((2 * WIDE_PARTS * b"0,", b"0"), 2 * WIDE_PARTS),
        ((2 * MAX_FILES * b'{"path":', b"0"), 2 * MAX_FILES * FILE_PARTS),
    ],
    ids=["numbers", "files"],
)
def test_long_lists_are_read_with_time_for_others_between_them_and_by_turns(pieces, parts):
    read, begun = [], []  # by whom, and when

    async def server(scope, receive, send):
        while (await receive()).get("more_body"):
            pass
        read.append((scope["client"][0], time.monotonic()))

    async def story():
        app = door.Door(server)
        begun.append(time.monotonic())
        long = [ask(app, host, pieces=pieces) for host in ("many", "many", "many", "one")]
        await asyncio.gather(*long, ask(app, "short"))

    run(story)
    who = [who for who, _ in read]
    assert who.index("short") < 2
    assert who.index("one") < 3  # but for "short", at most one of "many" comes before
    times = [when - begun[0] for who, when in read if who != "short"]
    between = parts / WIDE_PARTS_A_SECOND
    assert all(when >= number * between for number, when in enumerate(times))


def test_long_questions_are_read_with_time_for_others_between_their_pieces():
    read = []

    async def server(scope, receive, send):
        while (await receive()).get("more_body"):
            pass
        read.append(scope["client"][0])

    async def story():
        app, begun = door.Door(server), time.monotonic()
        piece = b'"' + b"x" * MEGABYTE
        await asyncio.gather(*(ask(app, "long", pieces=(piece,) * 3) for _ in range(4)), ask(app, "short"))
        return time.monotonic() - begun

    taken = run(story)
    assert read == ["short", *["long"] * 4]
    assert taken > 11 * MEGABYTE / LONG_BYTES_A_SECOND


def test_who_hangs_up_before_all_of_a_long_list_was_sent_keeps_nobody_waiting():
    async def server(_scope, receive, _send):
        while (await receive())["type"] != "http.disconnect":
            pass

    async def story():
        app, gone = door.Door(server), asyncio.Event()
        gone.set()
        long = WIDE_PARTS_A_SECOND // 2 * b"0,"
        begun = time.monotonic()
        await asyncio.gather(*(ask(app, f"{number}", pieces=(long,), ends=False, gone=gone) for number in range(5)))
        return time.monotonic() - begun

    assert run(story) < 1
