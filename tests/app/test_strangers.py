"""What anyone can send to the running app: every input of each handler and server function, as an attacker fills it.

All of them are found in the page's own configuration, so that a new one is asked too.
"""

import asyncio
import base64
import errno
import functools
import http.client
import inspect
import itertools
import json
import math
import os
import pickle
import re
import socket
import sys
import tempfile
import threading
import time
import urllib.parse
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import gradio as gr
import gradio.mcp
import gradio.networking
import gradio.route_utils
import gradio.routes
import httpx
import numpy as np
import pytest
import uvicorn
from PIL import Image

from app.explore import turns
from app.explore.library import Library
from app.explore.limits import (
    DECODED_AT_ONCE,
    KEPT_PROGRESS,
    MAX_FIELD_BYTES,
    MAX_HASH,
    MAX_JSON_LISTS,
    MAX_JSON_PARTS,
    MAX_LOG_LINES,
    MAX_REQUEST_MEGABYTES,
    MEGABYTE,
)
from app.kit import connection, door, temporary
from app.kit.connection import OPEN, UNREAD, Connection
from app.kit.door import CLOSED, FULL, TOO_LARGE, keep_log_short
from app.kit.events import FORGED
from app.landing import LandscapeQuestions  # all questions, and its own
from app.page import launch
from tests.conftest import free_port
from vae.atlas import Atlas
from vae.checkpoint import ModelInfo, parameters, save_model
from vae.model import VAEConfig

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # Gradio's own way to tell a page

SECONDS = 10  # that any answer may take, on a busy machine
SECRET = "the-secret-of-the-server"

# What a client may send where something else is expected.
WRONG = [
    None, True, -1, 10**9, 10**400, float("nan"), float("inf"), "../../etc/passwd", "x" * 1_000_000, [], [[[[1]]]],
    {"model": ["x"]}, "\0z:a",
]  # fmt: skip
DEEP = functools.reduce(lambda inner, _: [inner], range(500), "x")  # a list in a list in a list ...
FEW = [None, 10**400, [float("nan")], "../../etc/passwd"]

_opened: set[str] = set()  # every file that this process opened
sys.addaudithook(lambda event, arguments: event == "open" and _opened.add(str(arguments[0])))


class Server(NamedTuple):
    page: gr.Blocks
    port: int
    uploads: Path
    upload: str  # the path of a picture that a visitor sent
    is_open: bool  # whether anyone may ask without the queue, as the app is launched


@pytest.fixture(scope="module")
def model(tmp_path_factory, draw_vae) -> Path:
    """A small model with a map: what it draws does not matter here."""
    folder = tmp_path_factory.mktemp("models") / "small"
    config = VAEConfig(image_size=16, latent="vector", latent_dim=4, channels=(8,))
    save_model(folder, parameters(draw_vae(config)), ModelInfo(config, "Small"))
    random, count = np.random.default_rng(0), 60
    Atlas(
        ids=[f"{k}.png" for k in range(count)],
        positions=random.normal(size=(count, 2)).astype(np.float32),
        latents=random.normal(size=(count, 4)).astype(np.float16),
        labels={"kind": ["a", "b"] * (count // 2)},
    ).write(folder / "atlas.parquet")
    return folder


@pytest.fixture(scope="module")
def server(model, tmp_path_factory) -> Iterator[Server]:
    """The app, in this process, so that it can be seen which files it opens."""
    uploads = tmp_path_factory.mktemp("uploads")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(uploads))
        patch.setattr(tempfile, "tempdir", str(uploads))
        patch.setattr(gradio.networking, "url_ok", lambda _: False)  # as on a busy machine: the app starts nevertheless
        library = Library(model.parent)
        library.warm_up()
        page = launch(library, "127.0.0.1", may_open="ids", mcp=True)
        is_open, page.api_open = page.api_open, True  # most is asked here past the queue, whose doors are the same
        (uploads / "own").mkdir()
        own = uploads / "own" / "picture.png"
        Image.new("RGB", (20, 16), "red").save(own)
        yield Server(page, page.server_port, uploads, str(own), is_open)
        page.close()


class Answer(NamedTuple):
    status: int
    text: str
    sent: str
    seconds: float


class Client:
    """One connection, kept open; what it gets is checked for what no stranger may see."""

    def __init__(self, server: Server):
        self._server = server
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=3 * SECONDS)

    def ask(
        self,
        path: str,
        body: object = None,
        method: str = "POST",
        content_type: str = "application/json",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        sent = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        begun = time.monotonic()
        self._connection.request(method, path, sent, {"Content-Type": content_type} | (headers or {}))
        response = self._connection.getresponse()
        text = response.read().decode(errors="replace")
        return Answer(
            response.status, text, f"{path} {(sent or b'').decode(errors='replace')}", time.monotonic() - begun
        )

    def run(self, fn: int, data: list, event_data: object = None) -> Answer:
        # In a session: Gradio copies the whole page for each request without one.
        body = {"data": data, "fn_index": fn, "event_data": event_data, "session_hash": "a-session"}
        return self.ask("/gradio_api/run/predict", body)

    def wrong_with(self, answer: Answer) -> str:
        """What no stranger may see or wait for, in words; empty if there is nothing."""
        if answer.seconds > SECONDS:
            return f"took {answer.seconds:.0f} s"
        if SECRET in answer.text or "root:" in answer.text:
            return "shows a foreign file"
        if answer.status >= 400 and not re.search(r'"(error|detail)":\s*("|\[)', answer.text):
            return f"is refused without a sentence: {answer.status} {answer.text[:200]}"
        # Gradio names the files that it serves by where they are in its own folder.
        rest = answer.text.replace(str(self._server.uploads), "")
        shown = re.findall(
            r"Traceback|pydantic|<class|(?<=[\"' =(])/(?:home|usr|tmp|work|etc|dev|opt|root|var)/[^\"' <]*", rest
        )
        # What was sent may be repeated, cut to a readable length.
        ends = {one: one.rstrip("\\:;,.…").removesuffix("\\u2026") for one in shown}
        return "".join(f"shows {one}" for one, end in ends.items() if end not in answer.sent)


@pytest.fixture
def client(server, capfd) -> Iterator[Client]:
    """And afterwards, nothing of it may have left a trace in the log."""
    capfd.readouterr()
    yield Client(server)
    log = "".join(capfd.readouterr())
    assert "Traceback" not in log, log[log.index("Traceback") :][:3000]


def handlers(page: gr.Blocks) -> list[tuple[int, gr.blocks.BlockFunction]]:
    """What the server runs, of whatever visibility."""
    return [(number, fn) for number, fn in page.fns.items() if fn.fn is not None]


def numbers(page: gr.Blocks) -> dict[str, int]:
    """By which questions name the endpoints, and the batch, which takes files."""
    known = handlers(page)
    batch = next(number for number, fn in known if any(isinstance(block, gr.File) for block in fn.inputs))
    return {fn.api_name: number for number, fn in known} | {"the batch": batch}


def code_of(fn: gr.blocks.BlockFunction) -> object:
    """What a handler runs: the same for handlers that several tabs have."""
    function = inspect.unwrap(fn.fn)
    function = inspect.unwrap(getattr(function, "func", function))  # of a partial
    return getattr(function, "__func__", function).__code__


def takes_files(block: gr.blocks.Block) -> bool:
    return isinstance(block, gr.Image | gr.File)


def usual(block: gr.blocks.Block, server: Server) -> object:
    """What a page sends: so that what is wrong with the other inputs is all that is wrong."""
    if isinstance(block, gr.State):
        return None
    if takes_files(block):
        file = {"path": server.upload, "meta": {"_type": "gradio.FileData"}}
        return [file] if isinstance(block, gr.File) else file
    return getattr(block, "value", None)


def each_input(server: Server) -> Iterator[tuple[str, int, list, int, gr.blocks.Block]]:
    """A name for messages; the handler, what a page sends, and the place of one of its inputs."""
    for number, fn in handlers(server.page):
        data = [usual(block, server) for block in fn.inputs]
        for place, block in enumerate(fn.inputs):
            yield f"{number} {fn.name}, {place} ({type(block).__name__})", number, data, place, block


@pytest.fixture(scope="module")
def foreign(server, tmp_path_factory) -> dict[str, str]:
    """Files that no visitor sent, some of them made so as to seem so; under what they are."""
    outside = tmp_path_factory.mktemp("outside")
    picture, pipe, folder = outside / "foreign.png", server.uploads / "pipe.png", server.uploads / "folder.png"
    Image.new("RGB", (16, 16), "blue").save(picture)
    (outside / "secret.png").write_text(SECRET)
    link = server.uploads / "link.png"
    link.symlink_to(picture)
    os.mkfifo(pipe)
    folder.mkdir()
    paths = {
        "text": "/etc/passwd",
        "picture": str(picture),
        "secret": str(outside / "secret.png"),
        "missing": str(outside / "missing.png"),
        "by way of the folder": f"{server.uploads}/../{outside.name}/foreign.png",
        "link": str(link),
        "pipe": str(pipe),
        "folder": str(folder),
        "device": "/dev/stdout",
        "NUL": f"{server.uploads}/a\0.png",
        "address": "http://127.0.0.1:9/a.png",
        "script": str(Path(gr.__file__)),
    }
    _opened.difference_update(paths.values())  # by this test's own writing
    return paths


def test_no_input_of_any_handler_opens_a_file_that_is_not_the_apps(server, foreign, client):
    """Nor tells whether it is there."""
    wrong, met = [], set()
    for name, number, data, place, block in each_input(server):
        if isinstance(block, gr.State):
            continue  # of the server's own; what is sent for it is not looked at
        code = (code_of(server.page.fns[number]), place)
        kinds = ("picture", "missing") if takes_files(block) else ("picture",)
        answers = {}
        for kind in foreign if takes_files(block) and code not in met else kinds:
            file = {"path": foreign[kind]}
            with_meta = [file | {"meta": {"_type": "gradio.FileData"}}] if kind in ("picture", "address") else []
            for form in [file, *with_meta]:
                sent = [form] if isinstance(block, gr.File) else form
                answer = client.run(number, [*data[:place], sent, *data[place + 1 :]])
                wrong += [f"{name}, {kind}: {found}" for found in [client.wrong_with(answer)] if found]
                answers[kind] = re.sub(r'"(average_)?duration":[^,}]*|0x[0-9a-f]+', "", answer.text)
        met.add(code)
        if takes_files(block) and answers["picture"] != answers["missing"]:
            wrong.append(f"{name}: a foreign picture is answered {answers['picture'][:300]}")
    opened = [kind for kind, path in foreign.items() if path in _opened]
    assert not wrong, "\n".join(wrong[:20])
    assert not opened


def test_every_input_of_every_handler_takes_anything(server, client):
    """With an answer or one sentence. The same handler in another tab meets some of it."""
    met, wrong = set(), []
    for name, number, data, place, block in each_input(server):
        code = (code_of(server.page.fns[number]), type(block))
        for value in FEW[:1] if isinstance(block, gr.State) else FEW[1:] if code in met else WRONG:
            answer = client.run(number, [*data[:place], value, *data[place + 1 :]])
            wrong += [f"{name}, {str(value)[:60]!r}: {found}" for found in [client.wrong_with(answer)] if found]
        met.add(code)
    assert not wrong, "\n".join(wrong[:20])


def test_every_handler_takes_any_event(server, client):
    wrong = []
    keys = ("model", "latent", "words", "index", "path", "a", "b", "point", "file", "row_value")
    keys += ("ranges", "column", "label")
    forged = [None, "x", [1], {}, *(dict.fromkeys(keys, value) for value in FEW)]
    forged += [
        {"a": [10**30], "b": [-1]},
        {"path": [[0, float("nan")]] * 3},
        {"path": [[0, 0]] * 5000},
        {"path": "x" * 5000},
        {"model": {"path": "\ud800", "meta": {"_type": "gradio.FileData"}}},
    ]
    for number, fn in {code_of(fn): (number, fn) for number, fn in handlers(server.page)}.values():
        data = [usual(block, server) for block in fn.inputs]
        for event in forged if "event" in inspect.signature(fn.fn).parameters else forged[:1]:
            answer = client.run(number, data, event)
            wrong += [
                f"{number} {fn.name}, {str(event)[:60]}: {found}" for found in [client.wrong_with(answer)] if found
            ]
    assert not wrong, "\n".join(wrong[:20])


def test_the_queue_refuses_as_the_direct_way_does(server, foreign, client):
    wrong = []
    query = "model=../../etc/passwd&tab=%00&reconstruct.picture=/etc/passwd&sample.seed=1e999"
    for number, fn in {code_of(fn): (number, fn) for number, fn in handlers(server.page)}.values():
        data = [{"path": foreign["picture"]} if takes_files(block) else 10**400 for block in fn.inputs]
        joined = client.ask(
            f"/gradio_api/queue/join?{query}", {"data": data, "fn_index": number, "session_hash": "queued"}
        )
        answer = client.ask("/gradio_api/queue/data?session_hash=queued", method="GET")
        wrong += [
            f"{number} {fn.name}: {found}"
            for found in map(client.wrong_with, (joined, answer._replace(sent=query)))
            if found
        ]
    assert not wrong, "\n".join(wrong[:20])
    assert foreign["picture"] not in _opened


def server_functions(page: gr.Blocks) -> Iterator[tuple[int, str]]:
    """Of every component: its number, and the function's name."""
    for number, block in page.blocks.items():
        for name in {*dir(type(block)), *vars(block)}:
            if getattr(getattr(block, name, None), "_is_server_fn", False):
                yield number, name


def test_every_server_function_takes_anything(server, foreign, client):
    latent = base64.b64encode(np.zeros(4, "<f4").tobytes()).decode()
    known = {
        "model": "small",
        "latents": latent,
        "latent": latent,
        "distribution": "prior",
        "count": 2,
        "temperature": 1,
    }
    known |= {"seed": 0, "column": "kind", "start": "a", "end": "b", "index": 0, "x": 0, "y": 0, "places": [0]}
    known |= {"picture": server.upload, "beside": [], "ranges": {"prior_distance": [0, 1]}, "label": "a", "first": 0}
    wrong, met = [], set()
    for number, name in server_functions(server.page):
        parameters = [*inspect.signature(getattr(LandscapeQuestions, name)).parameters][1:]
        usual = [known.get(parameter) for parameter in parameters]
        sent = [None, [], usual * 2, {"model": "small"}]
        for place, value in itertools.product(range(len(usual)), FEW if name in met else [*WRONG, foreign["picture"]]):
            sent.append([*usual[:place], value, *usual[place + 1 :]])
        for data in sent:
            data = data[0] if isinstance(data, list) and len(data) == 1 else data
            body = {"data": data, "component_id": number, "fn_name": name, "session_hash": "a-session"}
            answer = client.ask("/gradio_api/component_server", body)
            if answer.status != 200 or (found := client.wrong_with(answer)):
                wrong.append(f"{number} {name}{str(data)[:80]}: {answer.status} {found}")
        met.add(name)
    assert met >= {"decode", "uncertainty", "decode_place", "thumbnails", "sample"}
    assert not wrong, "\n".join(wrong[:20])
    assert foreign["picture"] not in _opened


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b"[" * 100_000, b'{"data": "x"}', b'{"data": []}', b'{"data": [], "fn_index": 9999}',
        b'{"data": [], "fn_index": -1}', b'{"data": [], "fn_index": 1e400}', b'{"data": [1], "fn_index": 0}',
        b'{"data": [], "fn_index": 0, "session_hash": 3}', b'{"data": [], "fn_index": 0, "trigger_id": 123456}',
        b'{"data": [], "fn_index": 0, "batched": true}', b'{"data": [], "fn_index": 0, "event_id": "x"}',
        b'{"data": [], "component_id": 99999, "fn_name": "decode", "session_hash": "s"}',
        b'{"data": [], "component_id": 1, "fn_name": "__init__", "session_hash": "s"}',
        b'{"data": [], "component_id": "1", "fn_name": [], "session_hash": {}}',
        b"{\"data\": [" + b"[" * 900 + b"]" * 900 + b"], \"fn_index\": 6}",
    ],
    ids=lambda body: body[:40].decode(),
)  # fmt: skip
def test_every_route_takes_any_body(server, client, body):
    routes = (
        "run/predict run/reconstruct run/no-such queue/join component_server call/sample call/v2/no cancel reset upload"
    )
    for path in routes.split():
        answer = client.ask(f"/gradio_api/{path}", body)
        assert not client.wrong_with(answer), path
        assert answer.status < 500 or '"error"' in answer.text
        assert answer.status != 422 or FORGED in answer.text


def test_routes_that_the_app_has_no_use_for_are_closed(server, client):
    for route in CLOSED:
        for prefix in ("/gradio_api/", "/"):
            assert client.ask(f"{prefix}{route}x?session_hash=a", method="GET").status == 404, route


def test_a_request_that_is_too_large_is_refused(server, client):
    answer = client.ask("/gradio_api/run/models", b" " * (MAX_REQUEST_MEGABYTES * MEGABYTE + 1))
    assert (answer.status, "too large" in answer.text) == (413, True)


def test_what_costs_much_to_read_is_refused_before_it_is_read(server, client):
    lists = b'{"data": [' + b"[]," * MAX_JSON_PARTS + b"0]}"
    assert client.ask("/gradio_api/component_server", lists).status in (400, 413)
    assert client.ask("/gradio_api/queue/join", lists).status in (400, 413)
    answer = client.ask("/gradio_api/mcp/", lists, headers={"Accept": "application/json, text/event-stream"})
    assert (answer.status, json.loads(answer.text)["error"]) == (413, TOO_LARGE)
    pairs = {"data": [], "fn_index": 0, "session_hash": "pairs", "event_data": [[0, 0]] * MAX_JSON_LISTS}
    assert client.ask("/gradio_api/run/models", pairs).status in (400, 413)
    form = "multipart/form-data; boundary=x"
    text = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"." * (MAX_FIELD_BYTES + 1) + b"\r\n--x--\r\n"
    assert client.ask("/gradio_api/upload", text, content_type=form).status == 413
    assert client.ask("/gradio_api/component_server", text, content_type=form).status == 415


@pytest.mark.parametrize("body", [b"zz", b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--"])
def test_a_form_that_is_none_is_refused_in_our_own_words(server, client, body):
    answer = client.ask("/gradio_api/upload", body, content_type="multipart/form-data; boundary=x")
    assert (answer.status, json.loads(answer.text)["detail"]) == (400, FORGED)


def test_a_range_that_is_none_is_refused_in_our_own_words(server, client):
    path = f"/gradio_api/file={server.upload}"
    answer = client.ask(path, method="GET", headers={"Range": "bytes=a-b"})
    assert (answer.status, json.loads(answer.text)["error"]) == (400, FORGED)
    assert client.ask(path, method="GET", headers={"Range": "bytes=0-1"}).status == 206


def test_a_name_and_a_password_are_taken_as_the_page_sends_them(server, client, monkeypatch):
    monkeypatch.setattr(server.page.app, "auth", {"me": "secret"})
    form, part = "multipart/form-data; boundary=x", '--x\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'

    def login(password: str) -> int:
        fields = part.format("username", "me") + part.format("password", password) + "--x--\r\n"
        return client.ask("/login", fields.encode(), content_type=form).status

    assert [login("secret"), login("another"), login("x" * MAX_FIELD_BYTES)] == [200, 400, 413]


def test_where_there_is_a_password_no_other_site_asks_in_the_name_of_who_knows_it(server, monkeypatch):
    def allowed(method: str) -> str | None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=SECONDS)
        headers = {"Host": "a.space", "Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
        connection.request(method, "/theme.css", headers=headers)
        return connection.getresponse().getheader("Access-Control-Allow-Origin")

    assert [allowed("GET"), allowed("OPTIONS")] == ["http://evil.example"] * 2
    monkeypatch.setattr(server.page.app, "auth", {"me": "secret"})
    assert [allowed("GET"), allowed("OPTIONS")] == [None, None]


@pytest.mark.parametrize("route", ["queue/join", "run/models", "call/models", "component_server"])
def test_a_session_whose_name_is_long_is_refused(server, client, route):
    """Gradio would keep the name, for good where nobody fetches the answer."""
    body = {"data": [], "fn_index": 0, "component_id": 0, "fn_name": "x", "session_hash": "x" * (MAX_HASH + 1)}
    answer = client.ask(f"/gradio_api/{route}", body)
    assert answer.status in (400, 422)
    assert not client.wrong_with(answer)
    kept = server.page._queue.pending_event_ids_session
    assert max(map(len, kept), default=0) <= MAX_HASH


def test_the_progress_of_uploads_that_nobody_asks_for_is_forgotten(server, client):
    form = "multipart/form-data; boundary=x"
    part = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\na\r\n--x--\r\n'
    for number in range(KEPT_PROGRESS + 5):
        assert client.ask(f"/gradio_api/upload?upload_id={number}", part, content_type=form).status == 200
    progress = gradio.routes.file_upload_statuses
    assert len(progress._statuses) == len(progress._signals) == KEPT_PROGRESS
    last = client.ask(f"/gradio_api/upload_progress?upload_id={number}", method="GET")
    assert '"done"' in last.text


def test_who_cancels_questions_leaves_none_of_them_at_work(server, client):
    """Gradio would end the task of one so that its place is never free again, here and in the visitor's share."""
    fn = next(number for number, fn in handlers(server.page) if fn.api_name == "sample")
    asked = {"session_hash": "cancelled", "fn_index": fn}

    def cancel(_number: int) -> None:
        again = Client(server)
        for _ in range(15):
            assert again.ask("/gradio_api/cancel", {**asked, "event_id": "x"}).status == 404, (
                "there is no such question"
            )

    with ThreadPoolExecutor(8) as threads:
        cancelling = threads.map(cancel, range(7))
        for seed in range(15):
            data = [1, 1.0, seed, "", "prior", {}]
            assert client.ask("/gradio_api/queue/join", {**asked, "data": data}).status == 200
        list(cancelling)
    ends = time.monotonic() + SECONDS
    while server.page._queue.event_ids_to_events and time.monotonic() < ends:
        time.sleep(0.05)
    assert not server.page._queue.event_ids_to_events


def test_who_would_pass_by_the_queue_is_told_to_join_it(server, client, monkeypatch):
    """It bounds what each visitor, and each page, has at work of a function that takes seconds."""
    monkeypatch.setattr(server.page, "api_open", server.is_open)
    for path in ("run/predict", "api/predict", "run/models"):
        answer = client.ask(f"/gradio_api/{path}", {"fn_index": numbers(server.page)["models"], "data": []})
        assert answer.status == 404, path
        assert "join the queue" in answer.text


def test_what_a_visitor_uploads_is_not_compressed_for_who_fetches_it(server, client):
    """Each compression holds 8 MB as long as somebody reads it, and is done in the loop that answers everybody."""
    path = server.uploads / "own" / "long.csv"
    path.write_text("a,b\n" * 100_000)
    answer = httpx.get(
        f"http://127.0.0.1:{server.port}/gradio_api/file={path}", headers={"Accept-Encoding": "br, gzip"}
    )
    assert answer.status_code == 200
    assert "content-encoding" not in answer.headers


def test_what_the_server_has_open_cannot_be_fetched_by_its_number(server, client):
    """Others' uploads were, as they came: Gradio follows a link before it looks where a file is, and opens the link."""
    folder = server.uploads / "own"
    with (folder / "picture.png").open("rb") as file, (folder / ".half").open("wb+") as hidden:
        (folder / "link.png").symlink_to(folder / "picture.png")
        paths = [
            f"{base}/fd/{number}"
            for base in ("/dev", "/proc/self", f"/proc/{os.getpid()}", "/proc/thread-self")
            for number in (file.fileno(), hidden.fileno())
        ]
        paths += [hidden.name, str(folder / "link.png"), str(folder), f"{folder}/../own/.half"]
        for path in paths:
            for route in (f"file={path}", f"file={urllib.parse.quote(path, safe='')}", f"file/{path}"):
                assert client.ask(f"/gradio_api/{route}", method="GET").status in (403, 404), route
    for route in (f"file={server.upload}", f"file/{server.upload}", f"file={folder}/../own/picture.png"):
        answer = httpx.get(f"http://127.0.0.1:{server.port}/gradio_api/{route}")
        assert answer.content == Path(server.upload).read_bytes(), route


def test_a_session_keeps_little_of_what_is_sent(server, client):
    """Anyone may have as many as are kept, by other names: 19 MB of each made three gigabytes in two minutes."""
    rows, selections = [number % 60 for number in range(100_000)], {"another map": {"selection": "A" * 1_900_000}}
    asked = 0
    for number, fn in handlers(server.page):
        if fn.name == "compare_groups":
            assert client.run(number, ["small"], {"a": rows, "b": rows[::-1]}).status == 200
        elif fn.name == "follow" and any(isinstance(block, gr.BrowserState) for block in fn.inputs):
            data = [selections if isinstance(block, gr.BrowserState) else usual(block, server) for block in fn.inputs]
            assert client.run(number, data).status == 200
        else:
            continue
        asked += 1
    assert asked == 2, "else nothing could be kept"
    kept = server.page.state_holder.session_data["a-session"].state_data
    assert len(pickle.dumps(kept)) < 20_000


@pytest.mark.parametrize("to", ["latent", "label", "pictures", "event"])
def test_a_thousand_files_in_a_question_keep_nobody_waiting(server, client, to):
    """Gradio looks for each on the disk, ten times, while nobody else is answered; 9,900 took it ten seconds."""
    file = {"path": server.upload, "meta": {"_type": "gradio.FileData"}}
    many = [file] * (MAX_JSON_LISTS // 5 - 100)  # each of two mappings and three keys
    of = numbers(server.page)
    asked = {
        "latent": {"fn_index": of["decode"], "data": [many, ""]},
        "label": {"fn_index": of["sample"], "data": [1, 1.0, 7, "", "prior", {"kind": many}]},
        "pictures": {"fn_index": of["the batch"], "data": [None, "", [], many]},
        "event": {"fn_index": of["models"], "data": [], "event_data": {"rows": many}},
    }[to]
    files = len([*server.uploads.rglob("*")])
    answer = client.ask("/gradio_api/run/predict", {**asked, "session_hash": "many-files"})
    said = f"{len(many):,} files given; at most 200" if to == "pictures" else FORGED
    assert said in answer.text
    assert answer.seconds < 2
    assert len([*server.uploads.rglob("*")]) == files


@pytest.mark.parametrize("to", ["picture", "latent", "event", "pictures"])
def test_a_long_path_keeps_nobody_waiting(server, client, to):
    """To follow the links in one takes as long as the square of its length: 400 KB took it seven seconds."""
    slow = {"path": f"{server.uploads}{150_000 * '/a'}", "meta": {"_type": "gradio.FileData"}}
    of = numbers(server.page)
    asked = {
        "picture": {"fn_index": of["encode"], "data": [slow, ""]},
        "latent": {"fn_index": of["decode"], "data": [slow, ""]},
        "event": {"fn_index": of["models"], "data": [], "event_data": slow},
        "pictures": {"fn_index": of["the batch"], "data": [None, "", [], [slow]]},
    }[to]
    answer = client.ask("/gradio_api/run/predict", {**asked, "session_hash": "long-path"})
    assert answer.seconds < 1
    assert re.search(r'"(error|detail)":', answer.text)


@pytest.mark.parametrize("path", ["cancel", "reset", "queue/join", "run/predict", "call/sample"])
@pytest.mark.parametrize("wrong", [[0] * 490_000, {f"{number}": 0 for number in range(490_000)}])
def test_a_large_request_that_is_none_keeps_nobody_waiting(client, path, wrong):
    """FastAPI would send all of it back, once for each thing that is wrong in it, while nobody else is answered."""
    answer = client.ask(f"/gradio_api/{path}", wrong)
    assert answer.status in (400, 413, 422)
    assert answer.seconds < 3  # of which one it waits for its turn


@pytest.mark.parametrize(
    "text",
    ["x" * 5_000_000, ["x" * 5_000_000], ["x"] * 15_000, DEEP, {"sample.labels": "x" * 5_000_000}],
)
def test_no_input_that_is_typed_or_chosen_is_longer_than_one_can_be(server, client, text):
    """A session may keep it, and there are hundreds."""
    for number, fn in handlers(server.page):
        for place, block in enumerate(fn.inputs):
            kind = {str: gr.Textbox | gr.Number | gr.Slider | gr.Radio, list: gr.Dropdown, dict: gr.JSON}[type(text)]
            if isinstance(block, kind):
                data = [None if isinstance(one, gr.State) else getattr(one, "value", None) for one in fn.inputs]
                answer = client.run(number, [*data[:place], text, *data[place + 1 :]])
                assert FORGED in answer.text, (number, block)
                break


def test_nobody_cancels_the_question_of_another(server, client):
    """Whose stream would then never end: nothing comes of it, and nobody says so."""
    fn = next(number for number, fn in handlers(server.page) if fn.api_name == "sample")
    asked = {"session_hash": "owner", "fn_index": fn, "data": [1, 1.0, 7, "", "prior", {}]}
    event = json.loads(client.ask("/gradio_api/queue/join", asked).text)["event_id"]
    for other in ({"session_hash": "other"}, {"fn_index": fn + 1}):
        assert client.ask("/gradio_api/cancel", {**asked, **other, "event_id": event}).status == 404
    told = client.ask("/gradio_api/queue/data?session_hash=owner", method="GET").text
    assert re.search(r'"process_completed".*"output":\{"data":\[', told)
    assert "close_stream" in told


def test_nobody_sets_the_address_that_others_are_told(server, client):
    """Gradio keeps the description of the endpoints, with code that asks at the address by which the first came."""
    for host in ("evil.example", f"127.0.0.1:{server.port}"):
        for query in ("", "?page=none"):
            told = client.ask(f"/gradio_api/info{query}", method="GET", headers={"Host": host}).text
            assert f"http://{host}" in told
            assert host == "evil.example" or "evil.example" not in told


def test_no_tool_of_an_agent_uploads_a_file_of_the_servers():
    """Its client would, from this machine, and tell which files there are."""
    named = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
    tools = object.__new__(gradio.mcp.GradioMCPServer)  # what it is made of is an optional package
    for arguments in ({"latent": named}, {"label": {"hair": [named]}}):
        with pytest.raises(ValueError, match=FORGED):
            tools.convert_strings_to_filedata(arguments, [["image"]])
    told = tools.convert_strings_to_filedata({"label": {"path": "a label"}, "image": "https://a.example/a.png"}, [])
    assert told == {"label": {"path": "a label"}, "image": "https://a.example/a.png"}


def rpc(client: Client, method: str, **params) -> Answer:
    """What an agent asks the tools' server, and what it is told."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return client.ask("/gradio_api/mcp/", body, headers={"Accept": "application/json, text/event-stream"})


def test_an_agent_calls_a_tool_and_reads_what_is_wrong_with_its_arguments(server, client):
    offered = {*re.findall(r'"name":"(\w+)"', rpc(client, "tools/list").text)}
    assert offered >= {"models", "reconstruct", "interpolate", "sample", "locate", "decode_at", "encode", "decode"}
    assert '"isError":false' in rpc(client, "tools/call", name="sample", arguments={"count": 1}).text
    told = rpc(client, "tools/call", name="sample", arguments={"count": 10**9}).text
    assert "count is 1000000000; it must be a number from 1 to 64." in told


def test_many_numbers_of_an_agents_keep_nobody_waiting(server, client):
    """The library for tools would look at each of them; 400,000 took it two seconds, while nobody else is answered."""
    told = rpc(client, "tools/call", name="decode", arguments={"latent": [0.5] * 400_000})
    assert "latent must be" in told.text
    assert told.seconds < 1.5


def test_an_agent_sends_a_picture_and_gets_its_reconstruction(server, client):
    picture = base64.b64encode(Path(server.upload).read_bytes()).decode()
    told = rpc(client, "tools/call", name="reconstruct", arguments={"image": f"data:image/png;base64,{picture}"}).text
    assert '"isError":false' in told
    assert "reconstruction.png" in told
    assert rpc(client, "tools/call", name="models").text.count("'small'") == 1
    for image in ("/etc/passwd", "http://127.0.0.1:1/a.png", f"file://{server.upload}"):
        assert '"isError":true' in rpc(client, "tools/call", name="reconstruct", arguments={"image": image}).text


def test_what_an_agent_asked_ends_when_the_agent_hangs_up(server, monkeypatch):
    """Gradio would go on listening for it."""
    begun, ended = threading.Event(), threading.Event()

    def slow(*_arguments, **_options):
        begun.set()
        while not turns.ASKED.get().left.wait(0.05):
            pass
        ended.set()
        raise turns.LeftError

    monkeypatch.setattr("app.explore.sample.sample", slow)
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "sample", "arguments": {}}}
    agent = http.client.HTTPConnection("127.0.0.1", server.port, timeout=SECONDS)
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    agent.request("POST", "/gradio_api/mcp/", json.dumps(body), headers)
    assert begun.wait(SECONDS)
    agent.close()
    assert ended.wait(SECONDS)


def test_agents_have_tools_alone_by_one_way_alone(server, client):
    """For a prompt of any name, Gradio would run an endpoint; and of the older way, a visitor has no bounded share."""
    for method, params in (
        ("prompts/get", {"name": "any"}),
        ("prompts/list", {}),
        ("resources/list", {}),
        ("resources/templates/list", {}),
        ("resources/read", {"uri": "file:///etc/passwd"}),
    ):
        assert "Method not found" in rpc(client, method, **params).text
    assert client.ask("/gradio_api/mcp/sse", method="GET").status == 404
    assert client.ask("/gradio_api/mcp/messages/?session_id=a", {}).status == 404
    listens = {"Accept": "application/json, text/event-stream"}
    for path in ("mcp", "mcp/", "mcp/http/"):
        assert client.ask(f"/gradio_api/{path}", method="GET", headers=listens).status == 405


def test_agents_are_told_the_apps_version_and_not_a_librarys(client):
    who = {"protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": {"name": "a", "version": "1"}}
    told = rpc(client, "initialize", **who).text
    assert "Latentscape" in told
    assert version("mcp") not in told


def wait_until(is_so: Callable[[], bool]) -> None:
    ends = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_a_few_addresses_have_some_of_the_connections(server, client, monkeypatch):
    monkeypatch.setattr(OPEN, "most", 60)
    with ExitStack() as held:
        for number in (1, 3, 4, 5, 6):
            source = (f"127.0.0.{number}", 0)
            for _ in range(30):
                one = socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS, source_address=source)
                held.enter_context(closing(one))
        other = http.client.HTTPConnection("127.0.0.1", server.port, timeout=SECONDS, source_address=("127.0.0.2", 0))
        other.request("GET", "/theme.css")
        assert other.getresponse().status == 200
        assert OPEN.all <= OPEN.most
        with pytest.raises(ConnectionError):
            client.ask("/theme.css", method="GET")
    wait_until(lambda: not OPEN.of("127.0.0.1"))
    assert Client(server).ask("/theme.css", method="GET").status == 200, "it has left them"


@contextmanager
def asking_without_reading(server: Server, count: int, own: str) -> Iterator[None]:
    """For so many large pages, several by each connection."""
    with ExitStack() as held:
        for _ in range(count):
            one = held.enter_context(closing(socket.socket()))
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.bind((own, 0))
            one.settimeout(SECONDS)
            one.connect(("127.0.0.1", server.port))
            one.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 4)
        yield


def test_of_one_address_some_connections_wait_for_their_answers_to_be_read(server, client, monkeypatch):
    monkeypatch.setattr(UNREAD, "most", 30)
    with asking_without_reading(server, 30, "127.0.0.3"):
        wait_until(lambda: UNREAD.of("127.0.0.3") == 10 and OPEN.of("127.0.0.3") == 10)
        assert len(client.ask("/", method="GET").text) > 100_000
    wait_until(lambda: not UNREAD.all and not OPEN.of("127.0.0.3"))


def test_an_answer_of_which_nothing_is_read_ends(server, monkeypatch):
    monkeypatch.setattr(connection, "UNREAD_ANSWER_SECONDS", 0.3)
    with asking_without_reading(server, 3, "127.0.0.3"):
        wait_until(lambda: UNREAD.of("127.0.0.3") > 0)
        wait_until(lambda: not OPEN.of("127.0.0.3") and not UNREAD.all)


def test_a_connection_that_was_reset_as_it_began_is_counted_no_more(server, monkeypatch):
    """Uvicorn asks the system who it was, which does not know any more."""
    monkeypatch.setattr("uvicorn.protocols.http.h11_impl.get_remote_addr", lambda _transport: None)
    with closing(socket.create_connection(("127.0.0.1", server.port), SECONDS, source_address=("127.0.0.3", 0))):
        wait_until(lambda: OPEN.of("127.0.0.3") == 1)
    wait_until(lambda: not OPEN.of("127.0.0.3"))


def test_who_comes_behind_hundreds_of_connections_does_not_wait_for_each_of_them(server, monkeypatch):
    loops, made = [], Connection.connection_made
    monkeypatch.setattr(Connection, "connection_made", lambda one, by: (loops.append(one.loop), made(one, by)))
    assert Client(server).ask("/theme.css", method="GET").status == 200
    loop, ended = loops[0], threading.Event()

    def keep_busy() -> None:  # each time that the loop comes round
        time.sleep(0.02)
        if not ended.is_set():
            loop.call_soon(keep_busy)

    with ExitStack() as held:
        held.callback(ended.set)
        loop.call_soon_threadsafe(keep_busy)
        for _ in range(300):
            one = socket.create_connection(("127.0.0.1", server.port), SECONDS, source_address=("127.0.0.3", 0))
            held.enter_context(closing(one))
        assert Client(server).ask("/theme.css", method="GET").seconds < 3


def test_what_is_no_question_of_an_agents_leaves_little_in_the_log(server, client, caplog, monkeypatch):
    monkeypatch.setattr(door.LINES, "_since", -math.inf)
    bodies = [b"\xff", b"[" * 2000, b'{"jsonrpc": "2.0", "id": ' + b"9" * 5000 + b"}"]
    bodies += [b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": 1}}'] * 3 * MAX_LOG_LINES
    for body in bodies:
        client.ask("/gradio_api/mcp/", body, headers={"Accept": "application/json, text/event-stream"})
    assert "Traceback" not in caplog.text
    assert len(caplog.text.splitlines()) <= 2 * MAX_LOG_LINES  # a minute may end meanwhile


def test_agents_are_told_valid_schemas(server):
    """They refuse every tool that has another, such as Gradio's own of JSON: type {}."""
    told = server.page.get_api_info()["named_endpoints"].values()
    kinds = {one["parameter_name"]: one["type"].get("type", "object") for each in told for one in each["parameters"]}
    assert kinds["label"] == "object"
    assert kinds["latent"] == "array"
    assert {*kinds.values()} <= {"object", "array", "string", "number"}


def test_a_question_to_the_tools_that_cannot_be_read_gets_one_sentence():
    """The server of the tools says what pydantic says, with its version."""
    told = []

    async def tools(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 400, "headers": []})
        await send({"type": "http.response.body", "body": b"https://errors.pydantic.dev/2.12"})

    async def send(message):
        told.append(message)

    scope = {"type": "http", "method": "POST", "path": "/gradio_api/mcp/", "headers": []}
    with ThreadPoolExecutor(1) as thread:  # a browser test's loop may run in this one
        thread.submit(asyncio.run, door.Door(tools)(scope, None, send)).result()
    assert (told[0]["status"], json.loads(told[1]["body"])["error"], len(told)) == (400, FORGED, 2)


def test_made_up_visitors_who_wait_for_pictures_keep_no_thread_from_others(server, client):
    """Each is said to be another's, so that no visitor has many."""
    widget = next(number for number, name in server_functions(server.page) if name == "film")
    with ExitStack() as asked:
        for _ in range(DECODED_AT_ONCE):
            asked.enter_context(turns.DECODING)
        for number in range(60):
            agent = asked.enter_context(closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=SECONDS)))
            latent = base64.b64encode(np.full(4, number, "<f4").tobytes()).decode()
            body = {"component_id": widget, "fn_name": "decode", "session_hash": "made-up", "data": ["small", latent]}
            headers = {"Content-Type": "application/json", "X-Forwarded-For": f"10.0.0.{number}"}
            agent.request("POST", "/gradio_api/component_server", json.dumps(body), headers)
        ends = time.monotonic() + SECONDS
        while len(turns.DECODING._waiting) < 60 and time.monotonic() < ends:
            time.sleep(0.01)
        assert len(turns.DECODING._waiting) == 60
        begun = time.monotonic()
        assert client.ask(f"/gradio_api/file={server.upload}", method="GET").status == 200
        assert '"small"' in client.ask("/gradio_api/run/models", {"data": []}).text
        assert time.monotonic() - begun < 2


POST = (
    b"POST /gradio_api/queue/join HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
)


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HTTP/1.1\r\nHost: a", b"GET /theme.css HTTP/1.1\r\nHost: a\r\n\r\nGET", POST]
)
def test_a_connection_that_asks_nothing_is_ended(server, monkeypatch, sent):
    """So that nobody holds them all."""
    monkeypatch.setattr(connection, "REQUEST_SECONDS", 0.2)
    with socket.create_connection(("127.0.0.1", server.port), timeout=4) as silent:
        silent.sendall(sent)
        while silent.recv(1 << 16):
            pass


def test_a_body_that_comes_slowly_is_waited_for(server, monkeypatch):
    monkeypatch.setattr(connection, "REQUEST_SECONDS", 1)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as slow:
        slow.sendall(POST)
        for _ in range(4):
            time.sleep(0.4)
            slow.sendall(b" ")
        slow.sendall(b"    ")
        assert slow.recv(1 << 16).startswith(b"HTTP/1.1 4"), "it is no question, which an answer says"


def test_a_body_that_is_not_read_yet_is_waited_with(monkeypatch):
    monkeypatch.setattr(connection, "REQUEST_SECONDS", 0.5)

    async def busy(_scope, receive, send):
        await asyncio.sleep(1.5)
        size, is_more = 0, True
        while is_more:
            message = await receive()
            size, is_more = size + len(message.get("body", b"")), message.get("more_body", False)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(size).encode()})

    port = free_port()
    server = uvicorn.Server(uvicorn.Config(busy, port=port, http=Connection, lifespan="off", log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        assert httpx.post(f"http://127.0.0.1:{port}/", content=b"." * MEGABYTE, timeout=10).text == str(MEGABYTE)
    finally:
        server.should_exit = True
        thread.join()


CHUNKED = POST[: POST.index(b"Content-Length")] + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("start", "crumb"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n", b"a:\r\n"),
        (b"GET / HTTP/1.1\nHost: a\n", b"a:\n"),
        (CHUNKED, b"1\r\na\r\n"),
        (CHUNKED, b"1;" + b"e" * 126 + b"\r\na\r\n"),
        (CHUNKED, b"84\r\n" + b"a" * 0x84 + b"\r\n"),
    ],
    ids=["headers", "headers with bare line ends", "chunks of a byte", "long frames", "small chunks"],
)
def test_what_comes_in_very_small_pieces_ends_the_connection(server, start, crumb):
    """A second of it would keep the server from everybody else for many."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=4) as many:
        many.sendall(start)
        with suppress(ConnectionError):
            for _ in range(100):
                many.sendall(crumb * 100)
                time.sleep(0.002)
        with suppress(ConnectionError):
            assert many.recv(1 << 16) == b""


GET = b"GET /robots.txt HTTP/1.1\r\nHost: a\r\n\r\n"
ASKED = b'{"data":[]}'
ASK = b"POST /gradio_api/run/models HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
WITH_LENGTH = ASK + b"Content-Length: %d\r\n\r\n" % len(ASKED) + ASKED
IN_CHUNKS = ASK + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(ASKED) + ASKED + b"\r\n0\r\n\r\n"


def answers(server, sent: bytes, most: int, part: int = 1 << 20) -> int:
    """How many answers come on one connection to all that is sent at once, or in parts."""
    received = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS) as connection, suppress(OSError):
        for at in range(0, len(sent), part):
            connection.sendall(sent[at : at + part])
        while received.count(b"HTTP/1.1 200") < most and (more := connection.recv(1 << 16)):
            received += more
    return received.count(b"HTTP/1.1 200")


@pytest.mark.parametrize("first", [WITH_LENGTH, WITH_LENGTH.replace(b"\r\n\r\n", b"\n\n"), IN_CHUNKS])
def test_a_head_behind_a_body_has_few_headers_too(server, first):
    many = GET[:-2] + b"a:\r\n" * 30_000 + b"\r\n"
    assert answers(server, first + many, 2) <= 1
    assert answers(server, first + many[:-2], 2, 1000) <= 1


@pytest.mark.parametrize("part", [1 << 20, 7])
@pytest.mark.parametrize("first", [WITH_LENGTH, IN_CHUNKS, GET])
def test_requests_sent_before_the_answers_are_all_answered(server, first, part):
    assert answers(server, (first + GET + GET) * 20, 60, part) == 60


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\n\n",
        b"GET / HTTP/1.1\r\n\r\n",
        WITH_LENGTH.replace(b"Length: ", b"Length: -"),
    ],
)
def test_what_is_no_request_leaves_no_trace_in_the_log(server, client, sent):
    with socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS) as connection:
        connection.sendall(sent)
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 400")


def test_what_a_refusal_repeats_is_text_where_the_page_shows_markup(client):
    answer = client.ask("/gradio_api/run/sample", {"data": [1, 1, 0, "<img src=x> & so", "prior", {}]})
    assert "&lt;img src=x&gt; &amp; so" in json.loads(answer.text)["error"]


def test_a_body_of_two_lengths_ends_its_connection(server):
    """A proxy may read it by the other one, and take what follows for somebody else's request."""
    both = IN_CHUNKS.replace(b"Transfer", b"Content-Length: 5\r\nTransfer")
    assert answers(server, both + GET + GET, 3) == 1


@pytest.mark.parametrize("path", ["/nowhere", "/gradio_api/deep_link"])
def test_who_is_refused_before_all_is_sent_hears_of_it(client, path):
    assert client.ask(path, os.urandom(5_000_000)).status in (404, 405)


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_head_whose_end_comes_in_two_parts_is_no_matter_of_its_bodys_lines(server, cut):
    body = b"[" + b"\n" * 1000 + b"]"
    head = POST[: POST.index(b"Content-Length")] + b"Content-Length: %d\r\n\r\n" % len(body)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(head[:-cut])
        time.sleep(0.1)
        connection.sendall(head[-cut:] + body)
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 4"), "it is no question, which an answer says"


@pytest.mark.parametrize("line", [b"\n", b"a word\r\n", b"\x00" * 100 + b"\r\n"])
def test_bodies_of_many_lines_arrive(server, line):
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\n'
    body = head + line * 20_000 + b"\r\n--x--\r\n"
    where = f"http://127.0.0.1:{server.port}/gradio_api/upload"
    asked = {"content": body, "headers": {"Content-Type": "multipart/form-data; boundary=x"}}
    assert httpx.post(where, **asked).status_code == 200
    asked["content"] = (body[at : at + 5_000] for at in range(0, len(body), 5_000))
    assert httpx.post(where, **asked).status_code == 200, "in chunks"


def test_two_kinds_of_content_are_no_way_around_the_door(server):
    body = b'--x\r\nContent-Disposition: form-data; name="session_hash"\r\n\r\na\r\n--x--\r\n'
    for kinds in ((b"multipart/form-data; boundary=x", b"application/json"), (b"Multipart/form-data; boundary=x",)):
        heads = b"".join(b"Content-Type: " + kind + b"\r\n" for kind in kinds)
        asked = b"POST /gradio_api/component_server HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + heads
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            connection.sendall(asked + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            assert connection.recv(1 << 16).startswith(b"HTTP/1.1 415")


def test_a_full_disk_gets_one_sentence_and_frees_itself(server, client):
    """Seen by way of a limit on the size of files, at which writing fails as it does on a full disk."""
    resource = pytest.importorskip("resource")

    def upload(size: int) -> Answer:
        head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
        body = head + b"." * size + b"\r\n--x--\r\n"
        return client.ask("/gradio_api/upload", body, content_type="multipart/form-data; boundary=x")

    before = {path for path in server.uploads.iterdir() if path.is_file()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        answer = upload(1_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (answer.status, json.loads(answer.text)["error"]) == (507, FULL)
    assert upload(1_000_000).status == 200
    temporary.remove_older_than(server.uploads, 1000, unfinished=-1)
    assert {path for path in server.uploads.iterdir() if path.is_file()} <= before


def test_a_full_disk_leaves_one_line_in_the_log(server, client, monkeypatch, capfd):
    monkeypatch.setattr(door, "LINES", door.Lines())

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("app.explore.files.save_picture", fail)
    picture = {"path": server.upload, "meta": {"_type": "gradio.FileData"}}
    answer = client.ask("/gradio_api/run/reconstruct", {"data": [picture, 0, 0, ""], "session_hash": "full"})
    assert json.loads(answer.text)["error"] == FULL
    assert capfd.readouterr().err == "Not answered: No space left on device\n"


def test_uploads_leave_room_on_the_disk_for_what_the_app_writes(server, client, monkeypatch):
    form, part = (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"',
    )
    monkeypatch.setattr(temporary, "LEAST_FREE", 10**9)
    monkeypatch.setattr(temporary.shutil, "disk_usage", lambda _: temporary.shutil._ntuple_diskusage(1000, 901, 99))
    answer = client.ask("/gradio_api/upload", part + b"\r\n\r\na\r\n--x--\r\n", content_type=form)
    assert (answer.status, json.loads(answer.text)["error"]) == (507, FULL)


def test_what_was_sent_is_not_written_into_the_log_as_a_warning():
    with warnings.catch_warnings(record=True) as written:
        warnings.simplefilter("always")
        keep_log_short()
        gr.Warning("9\nSeed takes whole numbers")
        warnings.warn_explicit("Possibly corrupt EXIF data", UserWarning, "a.py", 1, "PIL.TiffImagePlugin")
    assert not written


@pytest.mark.parametrize("sent", [3, "apple.png", ["apple.png"], {}, {"path": 3}, {"name": "x"}, True])
def test_a_picture_argument_of_the_wrong_type_gets_one_clear_sentence(server, client, sent):
    answer = client.ask("/gradio_api/run/reconstruct", {"data": [sent, 0, 0, ""]})
    assert "image is no picture: send a file" in json.loads(answer.text)["error"]


def test_a_wrong_number_of_arguments_gets_one_clear_sentence(server, client):
    answer = client.ask("/gradio_api/run/reconstruct", {"data": [None]})
    assert json.loads(answer.text)["error"] == FORGED


@pytest.mark.parametrize("host", ["[::1", "\x80"])
def test_who_came_by_an_address_that_is_none_is_told_so(client, host):
    """Where the queue found it out, nobody heard of it, and the question had no answer."""
    for path in ("/gradio_api/queue/join", "/gradio_api/call/models"):
        content = {"data": [], "fn_index": 0, "session_hash": "somebody"}
        assert client.ask(path, content, headers={"X-Forwarded-Host": host}).status == 400


def test_the_page_tells_nothing_of_the_servers_memory(client):
    assert re.search(r"at 0x[0-9a-f]{6}", client.ask("/config", method="GET").text) is None


@pytest.mark.skipif(sys.platform != "linux", reason="counts what /proc tells")
def test_of_an_upload_of_many_files_few_are_open_at_once(server, monkeypatch):
    made, opened, make = [], lambda: len(os.listdir("/proc/self/fd")), gradio.route_utils.NamedTemporaryFile

    def count(**options):
        made.append(opened())
        return make(**options)

    monkeypatch.setattr(gradio.route_utils, "NamedTemporaryFile", count)
    head = b"POST /gradio_api/upload HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    file = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\na\r\n'
    before = opened()
    with socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS) as connection:
        connection.sendall(head + b"Content-Length: %d\r\n\r\n" % (300 * len(file)) + file * 299)
        ends = time.monotonic() + SECONDS
        while len(made) < 299 and time.monotonic() < ends:
            time.sleep(0.01)
        assert len(made) == 299
        assert max(made) - before < 30


def test_the_texts_of_an_upload_have_a_bound_together(client):
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"a" * (MAX_FIELD_BYTES // 4) + b"\r\n"
    sent = [
        client.ask("/gradio_api/upload", part * count + b"--x--\r\n", content_type="multipart/form-data; boundary=x")
        for count in (3, 5)
    ]
    assert [answer.status == 413 for answer in sent] == [False, True]


def test_a_body_that_breaks_once_the_answer_has_begun_ends_the_connection(server, client, caplog):
    with socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS) as connection:
        connection.sendall(b"GET /gradio_api/heartbeat/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200")
        connection.sendall(b"zzz\r\n")
        while connection.recv(1 << 16):
            pass
    assert not [record for record in caplog.records if record.name == "asyncio"], "a stack trace in the log"
