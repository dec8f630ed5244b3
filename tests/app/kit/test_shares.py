"""Shares: one address does not take the whole server, and who leaves gives back what they had."""

import asyncio
import itertools
import math
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from types import SimpleNamespace

import gradio as gr
import httpx
import pytest
from starlette.middleware import Middleware

from app.explore import turns
from app.explore.limits import (
    CROWDED_SECONDS,
    LONG_AT_ONCE,
    MEGABYTE,
    PAGES_AT_ONCE,
    PEER_WAITING,
    SHORT_AT_ONCE,
    SMALL_BYTES,
    SPOKEN_FOR,
    VISITOR_AT_ONCE,
    VISITOR_WAITING,
)
from app.explore.turns import Turns
from app.kit import bounded, lines, shares
from app.kit.connection import Room
from app.kit.door import Page
from app.kit.shares import TOO_MANY, Shares
from tests.app.kit.asking import ask, run, settle
from tests.conftest import free_port

ASKED = VISITOR_AT_ONCE + VISITOR_WAITING


class Server:
    """Stands behind the shares; answers when it is let go on."""

    def __init__(self):
        self.working, self.go_on = 0, asyncio.Event()

    async def __call__(self, scope, receive, send):
        await receive()
        self.working += 1
        await self.go_on.wait()
        self.working -= 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def test_one_address_has_a_few_at_work_and_others_go_on():
    async def story():
        server = Server()
        app = Shares(server)
        paths = itertools.cycle(["/gradio_api/component_server", "/gradio_api/run/decode", "/gradio_api/api/decode"])
        many = [ask(app, path=path) for path, _ in zip(paths, range(ASKED), strict=False)]
        await settle()
        assert server.working == VISITOR_AT_ONCE
        others = [ask(app, host="4.3.2.1"), ask(app, forwarded=b"9.9.9.9"), ask(app, path="/theme.css")]
        await settle()
        assert server.working == VISITOR_AT_ONCE + len(others)
        assert await ask(app) == 429  # while all of its places, and those to wait, are taken
        server.go_on.set()
        assert await asyncio.gather(*many, *others) == [200] * (ASKED + len(others))
        assert await ask(app) == 200
        assert not app._questions.asked, "nothing is kept of who was here"

    run(story)


def test_a_visitor_has_few_files_and_pages_at_a_time_and_others_go_on():
    async def story():
        server = Server()
        app = Shares(server)
        pages = [ask(app, path=path) for path in ["/", "/config", "/gradio_api/info"] * 20]
        files = [ask(app, path="/theme.css") for _ in range(400)]
        await settle()
        assert server.working == PAGES_AT_ONCE + SHORT_AT_ONCE
        others = [ask(app, host="4.3.2.1", path="/theme.css"), ask(app, forwarded=b"9.9.9.9", path="/"), ask(app)]
        await settle()
        assert server.working == PAGES_AT_ONCE + SHORT_AT_ONCE + len(others)
        server.go_on.set()
        assert await asyncio.gather(*pages, *files, *others) == [200] * (len(pages) + len(files) + len(others))
        assert not app._pages.asked + app._short.asked, "nothing is kept of who was here"

    run(story)


@pytest.mark.parametrize("path", ["/nothing", "/gradio_api/component_server"])
def test_what_waits_for_nothing_lets_others_in_between(path):
    """As refusals do: hundreds in a row would keep each step of everybody else's waiting."""
    answered = []

    async def at_once(scope, _receive, send):
        answered.append(scope["client"][0])
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def story():
        app = Shares(at_once)
        many = [ask(app, path=path) for _ in range(400)]
        other = ask(app, host="4.3.2.1", path=path)
        await other
        assert sum(task.done() for task in many) < 200
        await asyncio.gather(*many)

    run(story)


@pytest.mark.parametrize(
    ("method", "path", "at_once"),
    [
        ("GET", "/", PAGES_AT_ONCE),
        ("GET", "/theme.css", SHORT_AT_ONCE),
        ("POST", "/gradio_api/component_server", VISITOR_AT_ONCE),
        ("POST", "/gradio_api/cancel", SHORT_AT_ONCE),
    ],
)
def test_who_leaves_before_their_turn_is_not_answered(method, path, at_once):
    async def story():
        server = Server()
        app, gone = Shares(server), asyncio.Event()
        first = [ask(app, path=path, method=method) for _ in range(at_once)]
        await settle()
        left, stays = ask(app, path=path, method=method, gone=gone), ask(app, path=path, method=method)
        await settle()
        gone.set()
        server.go_on.set()
        assert await asyncio.gather(*first, left, stays) == [200] * at_once + [None, 200]

    run(story)


def test_an_answer_that_goes_on_for_long_takes_no_place():
    async def story():
        go_on = asyncio.Event()

        async def stream(_scope, _receive, send):
            headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await go_on.wait()
            await send({"type": "http.response.body", "body": b""})

        app = Shares(stream)
        streams = [ask(app, path="/gradio_api/queue/data", query=b"session_hash=abc") for _ in range(2 * SHORT_AT_ONCE)]
        await settle()
        assert not app._short.asked
        go_on.set()
        assert await asyncio.gather(*streams) == [200] * len(streams)

    run(story)


def test_large_files_that_are_read_slowly_leave_the_places_of_others_to_their_visitor():
    async def story():
        go_on, begun = asyncio.Event(), []

        async def serve(scope, _receive, send):
            is_large = scope["path"] == "/large"
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"", "more_body": is_large})
            if is_large:
                begun.append(1)
                await go_on.wait()
                await send({"type": "http.response.body", "body": b""})

        app = Shares(serve)
        large = [ask(app, path="/large") for _ in range(2 * LONG_AT_ONCE)]
        await settle()
        assert len(begun) == LONG_AT_ONCE
        assert await asyncio.wait_for(ask(app, path="/theme.css"), 10) == 200
        go_on.set()
        assert await asyncio.gather(*large) == [200] * len(large)
        assert not app._long.asked + app._short.asked

    run(story)


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"query": b"sample.latent=" + b"Az%2B" * 1_600}, 200),
        ({"query": b'"' * 3_000}, 414),
        ({"query": b"a" * 20_000}, 414),
        ({"path": "/" + '"' * 3_000}, 414),
        ({"headers": [(b"x-forwarded-host", b"a" * 1_000)]}, 414),
    ],
)
def test_an_address_that_takes_long_to_read_is_refused(asked, status):
    """Gradio reads it several times, in the loop that answers everybody: 60,000 quotes took 40 ms."""

    async def story():
        server = Server()
        server.go_on.set()
        assert await ask(Shares(server), **{"path": "/gradio_api/queue/join", "method": "GET"} | asked) == status

    run(story)


def test_uploads_have_places_of_their_own_and_wait_for_them():
    async def story():
        server = Server()
        app = Shares(server)
        many = [ask(app, path="/gradio_api/upload") for _ in range(2 * VISITOR_AT_ONCE)]
        await settle()
        assert server.working == VISITOR_AT_ONCE
        asked = ask(app)
        await settle()
        assert server.working == VISITOR_AT_ONCE + 1
        server.go_on.set()
        assert await asyncio.gather(*many, asked) == [200] * (2 * VISITOR_AT_ONCE + 1)

    run(story)


def test_agents_tools_have_places_of_their_own():
    """Gradio asks the app what a tool needs, from the same machine: else they would wait for each other."""

    async def story():
        server = Server()
        app = Shares(server)
        tools = [ask(app, path="/gradio_api/mcp/") for _ in range(ASKED)]
        await settle()
        assert server.working == VISITOR_AT_ONCE
        other = ask(app, path="/config")
        await settle()
        assert server.working == VISITOR_AT_ONCE + 1
        server.go_on.set()
        assert await asyncio.gather(*tools, other) == [200] * (ASKED + 1)

    run(story)


def test_an_address_that_claims_to_speak_for_others_has_an_end_too():
    async def story():
        server = Server()
        app = Shares(server)
        many = [ask(app, forwarded=b"%d" % number) for number in range(PEER_WAITING)]
        await settle()
        assert await ask(app, forwarded=b"another") == 429
        other = ask(app, host="4.3.2.1", forwarded=b"another")
        server.go_on.set()
        assert await asyncio.gather(*many, other) == [200] * (PEER_WAITING + 1)
        assert not app._questions.asked

    run(story)


def test_of_one_address_only_so_many_wait_to_be_let_in():
    async def story():
        server = Server()
        server.go_on.set()
        app = Shares(server)
        many = [ask(app, path="/theme.css") for _ in range(PEER_WAITING + 100)]
        other = ask(app, host="4.3.2.1", path="/theme.css")
        answers = await asyncio.gather(*many, other)
        assert answers == [200] * PEER_WAITING + [429] * 100 + [200]
        assert not app._gate.waiting

    run(story)


def test_one_client_of_a_proxy_does_not_have_all_of_what_it_may_have_waiting():
    async def story():
        server = Server()
        app = Shares(server)
        many = [ask(app, forwarded=b"%d, 5.6.7.8" % number) for number in range(PEER_WAITING // 2)]
        await settle()
        assert await ask(app, forwarded=b"another, 5.6.7.8") == 429
        other = ask(app, forwarded=b"8.7.6.5")
        server.go_on.set()
        assert await asyncio.gather(*many, other) == [200] * (PEER_WAITING // 2 + 1)

    run(story)


def test_who_is_told_how_much_of_an_upload_has_come_is_bounded(monkeypatch):
    """Each of them is told twenty times a second."""
    monkeypatch.setattr(shares, "KEPT_PROGRESS", VISITOR_AT_ONCE + 1)

    async def story():
        server = Server()
        app = Shares(server)

        def watch(upload, host="1.2.3.4"):
            return ask(app, host, "/gradio_api/upload_progress", query=b"upload_id=%d" % upload)

        first = [watch(upload) for upload in range(VISITOR_AT_ONCE)]
        await settle()
        assert await watch(99) == 429, "one visitor's are a few"
        assert await watch(0, "4.3.2.1") == 429, "an upload has one who watches it"
        other = watch(99, "4.3.2.1")
        await settle()
        assert await watch(100, "4.3.2.1") == 429, "all together are not many"
        server.go_on.set()
        assert await asyncio.gather(*first, other) == [200] * (VISITOR_AT_ONCE + 1)
        assert await watch(0) == 200
        assert not app._watched, "nothing is kept of who was here"

    run(story)


def test_nobody_uploads_more_files_in_an_hour_than_people_send(monkeypatch):
    monkeypatch.setattr(shares, "VISITOR_FILES", 3)
    content = b"--x\r\n\r\n1\r\n--x\r\n\r\n2\r\n--x--"  # two

    async def reads_all(_scope, receive, send):
        while (await receive())["more_body"]:
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def story():
        for pieces in ([content], [content[k : k + 1] for k in range(len(content))]):
            app = Shares(reads_all)
            for host, status in (("1.2.3.4", 200), ("1.2.3.4", 429), ("4.3.2.1", 200)):
                assert await ask(app, host=host, path="/gradio_api/upload", pieces=pieces) == status

    run(story)


def test_nobody_uploads_more_in_an_hour_than_is_left_for_others(monkeypatch):
    """Else one visitor fills the disk, and nobody uploads until that is old."""

    async def story():
        server = Server()
        server.go_on.set()
        app, now = Shares(server), [1000.0]
        monkeypatch.setattr(shares.temporary, "room", lambda _: 5)
        monkeypatch.setattr(shares, "KEPT_UPLOADERS", 2)
        monkeypatch.setattr(shares.time, "monotonic", lambda: now[0])

        async def upload(host: str) -> int:  # two bytes
            return await ask(app, host=host, path="/gradio_api/upload")

        assert [await upload("1.2.3.4") for _ in range(3)] == [200, 200, 429]
        assert await upload("4.3.2.1") == 200
        now[0] += CROWDED_SECONDS + 1
        assert await upload("1.2.3.4") == 200
        assert await upload("9.9.9.9") == 200
        assert len(app._uploads) == 2

    run(story)


@pytest.mark.parametrize("bound", ["VISITOR_MEGABYTES", "ALL_MEGABYTES"])
@pytest.mark.parametrize("path", ["queue/join", "component_server", "cancel"])
def test_requests_that_never_arrive_in_full_have_an_end(monkeypatch, bound, path):
    monkeypatch.setattr(shares, bound, 1)
    queued = SimpleNamespace(
        pending_event_ids_session={},
        pending_messages_per_session={},
        event_ids_to_events={},
        event_queue_per_concurrency_id={},
    )
    page = SimpleNamespace(get_blocks=lambda: SimpleNamespace(_queue=queued))

    async def reads_all(scope, receive, send):
        while (await receive())["more_body"]:
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def send_part(app, size, go_on):
        parts, status = iter([size, 0]), []

        async def receive():
            if (part := next(parts)) == 0:
                await go_on.wait()
            return {"type": "http.request", "body": b"x" * part, "more_body": part > 0}

        async def send(message):
            status.extend([message["status"]] if "status" in message else [])

        async def asked():
            scope = {"type": "http", "method": "POST", "path": f"/gradio_api/{path}", "headers": [], "app": page}
            await app(scope | {"client": ("1.2.3.4", 1), "query_string": b""}, receive, send)
            return status[0]

        return asyncio.create_task(asked())

    async def story():
        app, go_on = Shares(reads_all), asyncio.Event()
        sent = [send_part(app, size, go_on) for size in (MEGABYTE // 2, MEGABYTE // 2, MEGABYTE // 2, 1000)]
        await settle()
        go_on.set()
        assert await asyncio.gather(*sent) == [200, 200, 429, 200]
        assert await send_part(app, MEGABYTE // 2, go_on) == 200
        assert not app._sent, "nothing is kept of who was here"

    run(story)


def test_who_leaves_frees_their_place():
    turns, drawn, began = Turns(1), [], threading.Event()

    def draw_many():
        for _ in range(1000):
            with turns:
                began.set()
                time.sleep(0.002)
            drawn.append(1)

    async def server(_scope, receive, _send):
        await receive()
        await asyncio.to_thread(draw_many)

    async def story():
        gone = asyncio.Event()
        request = ask(Shares(server), gone=gone)
        await asyncio.to_thread(began.wait, 10)
        gone.set()
        assert await request is None

    run(story)
    assert len(drawn) < 500


@pytest.fixture
def slow_page():
    """A page with one endpoint, which answers one at a time; what was asked, in order, and when it may answer."""
    asked, go_on = queue.Queue(), threading.Event()

    def answer(name):
        go_on.wait()
        asked.put(name)

    with gr.Blocks() as page:
        name = gr.Textbox()
        name.submit(answer, name, None, api_name="ask", concurrency_limit=1)
    options = {"middleware": [Middleware(Shares)]}
    page.launch(server_port=free_port(), prevent_thread_lock=True, quiet=True, ssr_mode=False, app_kwargs=options)
    yield page, asked, go_on
    go_on.set()
    page.close()


def test_who_queued_much_does_not_hold_up_who_asks_once(slow_page):
    page, asked, go_on = slow_page
    url = page.local_url

    def join(who):
        content = {"data": [who], "fn_index": 0, "session_hash": who}
        return httpx.post(f"{url}gradio_api/queue/join", json=content, headers={"X-Forwarded-For": who})

    def call(who):
        return httpx.post(f"{url}gradio_api/call/ask", json={"data": [who]}, headers={"X-Forwarded-For": who})

    while (answer := join("greedy")).status_code == 200:
        assert call("greedy").status_code in (200, 429)
    assert answer.json()["detail"] == call("greedy").json()["detail"] == TOO_MANY
    assert join("other").status_code == 200
    go_on.set()
    before = [*iter(lambda: asked.get(timeout=60), "other")]
    assert len(before) <= 2  # the one at work, and the first of those that waited


def test_one_visitors_questions_do_not_have_all_of_the_queues_places():
    at_work, go_on = [], threading.Event()

    def answer(name):
        at_work.append(name)
        go_on.wait()

    with gr.Blocks() as page:
        name = gr.Textbox()
        for _ in range(VISITOR_AT_ONCE + 2):
            name.submit(partial(answer), name, None)  # each a function of its own
    options = {"middleware": [Middleware(Shares)]}
    page.launch(server_port=free_port(), prevent_thread_lock=True, quiet=True, ssr_mode=False, app_kwargs=options)

    def join(who, fn):
        content = {"data": [who], "fn_index": fn, "session_hash": who}
        where = f"{page.local_url}gradio_api/queue/join"
        assert httpx.post(where, json=content, headers={"X-Forwarded-For": who}).status_code == 200

    assert isinstance(page._queue, bounded.Queue)
    try:
        for _ in range(2):
            for fn in range(VISITOR_AT_ONCE + 2):
                join("greedy", fn)
        limit = time.monotonic() + 60
        while len(at_work) < VISITOR_AT_ONCE and time.monotonic() < limit:
            time.sleep(0.01)
        join("other", 0)
        while "other" not in at_work and time.monotonic() < limit:
            time.sleep(0.01)
        assert at_work == ["greedy"] * VISITOR_AT_ONCE + ["other"]
        go_on.set()
        while page._queue.event_ids_to_events and time.monotonic() < limit:
            time.sleep(0.01)
        assert at_work.count("greedy") == 2 * (VISITOR_AT_ONCE + 2), "nobody's is lost"
    finally:
        go_on.set()
        page.close()


def test_who_cancels_what_comes_bit_by_bit_has_nothing_at_work_afterwards():
    """Gradio would close it twice, and fail at the second, so that it would count as at work for ever."""

    working = threading.Event()

    def answer():
        for number in range(1_000):
            working.set()
            time.sleep(0.01)
            yield number

    with gr.Blocks() as page:
        gr.Button().click(answer, None, gr.Number(), concurrency_limit=8)
    options = {"middleware": [Middleware(Shares)]}
    page.launch(server_port=free_port(), prevent_thread_lock=True, quiet=True, ssr_mode=False, app_kwargs=options)
    url = f"{page.local_url}gradio_api/queue"
    limit = time.monotonic() + 60

    def ask_and_cancel(number):
        asked = {"session_hash": f"session {number}", "fn_index": 0}
        event = httpx.post(f"{url}/join", json={**asked, "data": []}).json()["event_id"]
        while event not in page.app.iterators and time.monotonic() < limit:
            time.sleep(0.001)
        working.clear()
        working.wait(10)  # so that it is cancelled while it works, and not between
        httpx.post(f"{page.local_url}gradio_api/cancel", json={**asked, "event_id": event})

    try:
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(ask_and_cancel, range(12)))
        while page._queue.event_ids_to_events and time.monotonic() < limit:
            time.sleep(0.01)
        assert not page._queue.event_ids_to_events
        assert not page.app.iterators
    finally:
        page.close()


def test_what_works_on_a_question_is_told_when_its_asker_hangs_up():
    """Else whoever asks for much and leaves keeps the server from everybody else."""
    working, told = threading.Event(), threading.Event()

    def answer():
        working.set()
        if turns.ASKED.get().left.wait(30):
            told.set()

    with Page() as page:
        gr.Button().click(answer, None, None)
    page.launch(server_port=free_port(), prevent_thread_lock=True, quiet=True, ssr_mode=False)
    try:
        asked = {"session_hash": "gone", "fn_index": 0, "data": []}
        assert httpx.post(f"{page.local_url}gradio_api/queue/join", json=asked).status_code == 200
        assert working.wait(30)
        address = f"{page.local_url}gradio_api/queue/data?session_hash=gone"
        with httpx.stream("GET", address) as stream:
            next(stream.iter_lines())
        assert told.wait(15), "Gradio looks every ten seconds whether somebody still reads"
    finally:
        page.close()


@pytest.mark.parametrize("route", ["heartbeat/{}", "queue/data?session_hash={}"])
def test_what_one_address_listens_to_for_long_is_bounded(monkeypatch, route):
    monkeypatch.setattr(lines, "PEER_WAITING", 2)

    async def story():
        server = Server()
        app = Shares(server)

        def listen(page, **who):
            path, _, query = f"/gradio_api/{route}".format(page).partition("?")
            return ask(app, path=path, query=query.encode(), method="GET", **who)

        listening = [listen(page) for page in "ab"]
        await settle()
        assert await listen("c") == 429
        listening.append(listen("c", host="4.3.2.1"))
        await settle()
        server.go_on.set()
        assert await asyncio.gather(*listening) == [200] * 3
        assert (app._beating, app._reading, app._readers) == ({}, {}, {})

    run(story)


def test_what_waits_in_the_queue_has_a_size(slow_page, monkeypatch):
    page, asked, go_on = slow_page
    monkeypatch.setattr(shares, "VISITOR_MEGABYTES", 1)

    def join(size, who="greedy"):
        content = {"data": ["x" * size], "fn_index": 0, "session_hash": who}
        where = f"{page.local_url}gradio_api/queue/join"
        return httpx.post(where, json=content, headers={"X-Forwarded-For": who}).status_code

    assert [join(600_000), join(600_000), join(100), join(600_000, "other")] == [200, 429, 200, 200]
    go_on.set()
    for _ in range(3):
        asked.get(timeout=60)
    limit = time.monotonic() + 60
    while page._queue.event_ids_to_events and time.monotonic() < limit:
        time.sleep(0.001)
    assert join(600_000) == 200


def test_who_still_reads_loses_no_answer_for_being_late(monkeypatch):
    monkeypatch.setattr(shares, "UNREAD_SECONDS", -1)
    monkeypatch.setattr(shares, "KEPT_STREAMS", 0)
    queued = SimpleNamespace(
        event_ids_to_events={},
        pending_event_ids_session={"slow": {"1"}, "gone": {"2"}},
        pending_messages_per_session=dict.fromkeys(["slow", "gone"]),
    )
    desk = Shares(None)
    desk._joined = {event: shares._Joined((event,)) for event in "12"}
    desk._reading["slow"] += 1
    desk._waiting(queued)
    assert queued.pending_event_ids_session == {"slow": {"1"}}
    assert set(queued.pending_messages_per_session) == {"slow"}


@pytest.mark.parametrize(("most", "seconds", "left"), [(3, 60, 3), (100, 0, 1)])
def test_answers_that_nobody_fetches_are_dropped(slow_page, monkeypatch, most, seconds, left):
    page, asked, go_on = slow_page
    queued = page._queue
    monkeypatch.setattr(shares, "VISITOR_WAITING", most)
    monkeypatch.setattr(shares, "UNREAD_SECONDS", seconds)
    monkeypatch.setattr(shares, "KEPT_STREAMS", 0)
    go_on.set()

    def ask_and_leave(session):
        content = {"data": ["x"], "fn_index": 0, "session_hash": session}
        assert httpx.post(f"{page.local_url}gradio_api/queue/join", json=content).status_code == 200
        asked.get(timeout=60)
        limit = time.monotonic() + 60
        while queued.event_ids_to_events and time.monotonic() < limit:
            time.sleep(0.001)

    for number in range(8):
        ask_and_leave(f"{number // 2}")  # some share a session
    ask_and_leave("last")
    kept = [len(events) for events in queued.pending_event_ids_session.values()]
    assert sum(kept) <= left + 2  # what the last two questions found done is dropped by those that follow
    assert set(queued.pending_messages_per_session) == set(queued.pending_event_ids_session)
    told = httpx.get(f"{page.local_url}gradio_api/queue/data?session_hash=last").text
    assert "process_completed" in told


def join(page, session, who="greedy"):
    """Asks through the queue; the answer's status."""
    content = {"data": [session], "fn_index": 0, "session_hash": session}
    where = f"{page.local_url}gradio_api/queue/join"
    return httpx.post(where, json=content, headers={"X-Forwarded-For": who}).status_code


def test_a_session_without_a_name_is_refused_and_the_queue_goes_on(slow_page):
    page, asked, go_on = slow_page
    assert join(page, "slow") == 200
    for _ in range(3):
        assert join(page, "") == 422
        assert httpx.post(f"{page.local_url}gradio_api/call/ask", json={"data": [""], "session_hash": ""}).is_error
    go_on.set()
    assert join(page, "other", "other") == 200
    assert {asked.get(timeout=60), asked.get(timeout=60)} == {"slow", "other"}
    assert asked.empty()


def test_the_queue_goes_on_where_a_session_is_gone(slow_page):
    page, asked, go_on = slow_page
    for number in range(3):
        assert join(page, f"{number}") == 200
    page._queue.pending_messages_per_session.clear()
    go_on.set()
    assert join(page, "other", "other") == 200
    assert [*iter(lambda: asked.get(timeout=60), "other")] <= ["0", "1", "2"]
    assert "process_completed" in httpx.get(f"{page.local_url}gradio_api/queue/data?session_hash=other").text


def test_sessions_that_have_read_all_answers_are_forgotten_but_the_latest(slow_page, monkeypatch):
    """A page may open its stream of answers anew as another's question comes, and its own next one is on its way."""
    page, _, go_on = slow_page
    monkeypatch.setattr(shares, "KEPT_STREAMS", 2)
    go_on.set()
    for number in range(5):
        assert join(page, f"{number}") == 200
        told = httpx.get(f"{page.local_url}gradio_api/queue/data?session_hash={number}").text
        assert "process_completed" in told
    assert join(page, "last") == 200
    known = {"3", "4", "last"}
    assert set(page._queue.pending_messages_per_session) == set(page._queue.pending_event_ids_session) == known


@pytest.mark.parametrize("path", ["queue/data?session_hash=waits", "call/ask/{event}"])
@pytest.mark.parametrize("is_read", [False, True])
def test_a_question_for_whose_answer_nobody_listens_is_ended(slow_page, monkeypatch, is_read, path):
    page, asked, go_on = slow_page
    monkeypatch.setattr(shares, "NOTICED_SECONDS", math.inf)  # a slow machine looks each time too
    assert join(page, "at work") == 200
    while not any(page._queue.active_jobs):
        time.sleep(0.01)
    assert join(page, "waits") == 200
    (event,) = page._queue.pending_event_ids_session["waits"]
    where = f"{page.local_url}gradio_api/{path.format(event=event)}"
    with ExitStack() as reading:
        stream = reading.enter_context(httpx.stream("GET", where, timeout=60)) if is_read else None
        monkeypatch.setattr(shares, "UNHEARD_SECONDS", 0)
        assert join(page, "last", "other") == 200
        monkeypatch.setattr(shares, "UNHEARD_SECONDS", 60)
        go_on.set()
        told = stream.read().decode() if stream else httpx.get(where).text
    assert (shares.UNHEARD in told) != is_read
    assert shares.UNHEARD in httpx.get(f"{page.local_url}gradio_api/queue/data?session_hash=at%20work").text
    while page._queue.event_ids_to_events:
        time.sleep(0.01)
    assert {asked.get_nowait() for _ in range(asked.qsize())} == {"at work", "last", *(["waits"] if is_read else [])}


def test_whom_an_address_speaks_for_is_known_by_a_few_bytes():
    one, other = (
        shares.visitor_of({"client": ("1.2.3.4", 1), "headers": [(b"x-forwarded-for", name * 60_000)]})
        for name in (b"a", b"b")
    )
    assert one != other
    assert len(repr(one)) < 200
    named = {"client": ("1.2.3.4", 1), "headers": [(b"x-forwarded-for", b"," * 15_000)]}
    assert len(shares.visitor_of(named)) == 2 + SPOKEN_FOR
    assert shares.visitor_of(named) is shares.visitor_of(named), "else it is read for each question that waits"
    assert shares.visitor_of({"client": ("1.2.3.4", 1), "headers": []}) == ("1.2.3.4",)


def test_large_answers_go_out_in_pieces_and_those_that_one_address_does_not_read_have_some_room(monkeypatch):
    """A thousand pages that nobody reads would be a gigabyte."""
    page = bytes(range(256)) * 4096
    monkeypatch.setattr(shares._Outgoing, "_unread", Room(4 * len(page)))

    async def story():
        app, goes_on = Shares(answers), asyncio.Event()

        async def get(host: str) -> list[dict]:
            sent: list[dict] = []

            async def send(message):
                await goes_on.wait()
                sent.append(message)

            scope = {"type": "http", "method": "GET", "path": "/config", "headers": [], "client": (host, 1)}
            await app({**scope, "query_string": b""}, receive, send)
            return sent

        asked = [asyncio.create_task(get(host)) for host in ("1.2.3.4", "1.2.3.4", "4.3.2.1")]
        await settle()
        goes_on.set()
        first, second, other = await asyncio.gather(*asked)
        assert [one[0]["status"] for one in (first, second, other)] == [200, 429, 200]
        assert b"".join(piece["body"] for piece in first[1:]) == page
        assert max(len(piece["body"]) for piece in first[1:]) <= SMALL_BYTES
        assert [piece["more_body"] for piece in first[-2:]] == [True, False]
        assert (await get("1.2.3.4"))[0]["status"] == 200, "it has read the first"

    async def answers(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": page})

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    run(story)
