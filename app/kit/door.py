"""The door: what anyone may send, checked before any handler, named or not, and whatever Gradio makes of it.

`Page` checks what a handler's inputs hold. `Door` stands before all of Gradio's routes: it bounds what a request
weighs, closes the routes that the app has no use for, and answers one sentence where a route fails on what it was sent.
Neither repeats Gradio's own words for a failure, which hold paths, types and versions. What keeps or lets pass too much
in Gradio and Uvicorn themselves is replaced (app/kit/bounded.py, app/kit/connection.py).
"""

from __future__ import annotations

import errno
import html
import json
import logging
import math
import re
import sys
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import gradio as gr
import gradio.blocks
import gradio.mcp
import gradio.queueing
import gradio.route_utils
import gradio.routes
import gradio.state_holder
import uvicorn.loops.auto
import uvicorn.protocols.http.auto
from gradio.data_classes import BlocksConfigDict
from gradio.utils import get_upload_folder
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.explore.batch import check_count
from app.explore.limits import (
    FILE_PARTS,
    LET_IN_AT_ONCE,
    LONG_BYTES_A_SECOND,
    MAX_CHOICES,
    MAX_FIELD_BYTES,
    MAX_FILES,
    MAX_JSON_LISTS,
    MAX_JSON_PARTS,
    MAX_KEPT,
    MAX_LOG_LINES,
    MAX_REQUEST_MEGABYTES,
    MAX_TEXT,
    MAX_UPLOAD_MEGABYTES,
    MEGABYTE,
    SMALL_BYTES,
    WIDE_PARTS,
    WIDE_PARTS_A_SECOND,
    RequestError,
)
from app.explore.turns import ASKED, Asked, LeftError, asking
from app.kit import bounded
from app.kit.bounded import CLOSED_WORDS, mappings
from app.kit.connection import Connection, Loop
from app.kit.events import FORGED
from app.kit.inputs import REFUSED, PictureFile, PictureInput, own_file, served_file
from app.kit.lines import Gate, Pace, Threads, passing
from app.kit.shares import NoRoomError, visitor_of
from app.kit.temporary import is_crowded

FAILED = "The server failed at this. Try again, or with something else."
FULL = "The server could not write or read a file: its disk may be full. Try again later."
FETCHED = "Pictures are not fetched from other addresses: send the file itself."
TOO_LARGE = "This request is too large."
OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE)  # and no fault of the program's
# What FastAPI, and the server of the agents' tools, answer to a request that they cannot read, with all that pydantic
# has to say of it.
UNREADABLE, UNREADABLE_TOOL = 422, 400

# Gradio's routes that the app has no use for. They write files that nothing removes, fetch what a visitor names, or
# tell about others. As they begin, below the root; Gradio's own prefix may be there.
CLOSED = (
    "deep_link",
    "custom_component/",
    "dev/",
    "proxy=",
    "file=http",
    "process_recording",
    "run-history",
    "runs",
    "monitoring",
    "vibe",
    "stream/",
    # The older way of agents: who asks so gives their place back before the tool has begun.
    "mcp/sse",
    "mcp/messages",
)
PREFIX = "gradio_api/"
FILE = re.compile(r"file[=/](.*)", re.DOTALL)  # where Gradio hands out files, by their paths

# Where Gradio and Uvicorn find the parts that stand in the places of their own.
gradio.queueing.Queue = bounded.Queue
gradio.mcp.GradioMCPServer = bounded.Tools
for module in (gradio.blocks, gradio.mcp, gradio.route_utils, gradio.state_holder):
    module.SessionState = bounded.Session
gradio.route_utils.GradioMultiPartParser = bounded.Parser
gradio.route_utils.GradioUploadFile = bounded.Uploaded
gradio.routes.CustomCORSMiddleware = bounded.Sites
gradio.routes.BrotliMiddleware = bounded.uncompressed
gradio.routes.file_upload_statuses = bounded.Progress()
gradio.routes.PredictBody = bounded.Question
gradio.routes.ComponentServerJSONBody = bounded.WidgetQuestion
gradio.routes.cancel_tasks = bounded.note_who_cancels
gradio.processing_utils.async_move_files_to_cache = bounded.move_files
uvicorn.protocols.http.auto.AutoHTTPProtocol = Connection
uvicorn.loops.auto.auto_loop_factory = lambda **_options: Loop
gr.Error.__str__ = lambda error: error.message  # what an agent is told; Gradio's own is as Python writes it


class Lines(logging.Filter):
    """Lines of the log that anyone can cause, of which a minute has some, and then the number of those left out."""

    def __init__(self) -> None:
        super().__init__()
        self._since, self._count = -math.inf, 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this one is written; of a message of several lines, which repeats what was sent, the first is."""
        if not self.is_room():
            return False
        record.msg, record.args = record.getMessage().partition("\n")[0], ()
        return True

    def write(self, line: str) -> None:
        """Writes one, if there is room."""
        if self.is_room():
            print(f"Not answered: {line}", file=sys.stderr)

    def is_room(self) -> bool:
        """Counts one more, and says whether it has room."""
        if time.monotonic() - self._since > 60:
            if self._count > MAX_LOG_LINES:
                print(f"Not answered: {self._count - MAX_LOG_LINES:,} more.", file=sys.stderr)
            self._since, self._count = time.monotonic(), 0
        self._count += 1
        return self._count <= MAX_LOG_LINES


LINES = Lines()


def keep_log_short() -> None:
    """Has Python not write into the log, and keep for good, what a picture's oddities are and what a person was told.

    Both hold what was sent; to a client that asks past the queue, Gradio tells nothing, and warns in the log. Of what
    Uvicorn and the server of the agents' tools say of requests that are none, a minute has some lines.
    """
    for name in ("uvicorn.error", "python_multipart.multipart", None):  # None: where libraries write in nobody's name
        logging.getLogger(name).addFilter(LINES)
    # The tools' server writes a trace for each request that is none. Failures of its own are lost with these.
    logging.getLogger("mcp").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.|gradio\.helpers")


# ---- Before a handler ----


class Page(gr.Blocks):
    """Blocks whose handlers get no path but of the app's own files, and whose failures are told in one sentence.

    What is done in the loop before and after a thread answers begins for a few at a time, by turns: of hundreds of
    questions that are at work, else each would have a step of its own before each of anybody's.
    """

    def __init__(self, *arguments, **options) -> None:
        self._gate = Gate(LET_IN_AT_ONCE)
        super().__init__(*arguments, **options)

    async def preprocess_data(self, block_fn, inputs, state, explicit_call=False):
        """Gradio's own, after every input was checked."""
        await self._gate.enter(asking())
        try:
            checked = [_checked(value, block) for value, block in zip(inputs, block_fn.inputs, strict=True)]
        except ValueError as error:
            said = str(error) if isinstance(error, RequestError) else FORGED
            raise gr.Error(said, title=REFUSED, print_exception=False) from None
        try:
            with passing():
                return await super().preprocess_data(block_fn, checked, state, explicit_call)
        except Exception as error:  # Gradio's and pydantic's, of any kind, with all that was sent in their words
            raise _told(error) from None

    async def postprocess_data(self, block_fn, predictions, state):
        """Gradio's own, a step for each output."""
        await self._gate.enter(asking())
        with passing():
            return await super().postprocess_data(block_fn, predictions, state)

    def create_limiter(self) -> None:
        """Gradio's own limit of threads is of forty, in the order in which all came, and files' too."""
        self.limiter = Threads()

    def get_config_file(self) -> BlocksConfigDict:
        """Gradio's own, without where in the server's memory a function is."""
        config = super().get_config_file()
        for component in config["components"]:
            component["props"].pop("delete_callback", None)
        return config

    async def process_api(self, *arguments, **options):
        """Gradio's own. An error that is not for people stays in the log, and the answer is a sentence."""
        if ASKED.get() is None:  # else app/kit/shares.py watches whether they are still there
            asked = Asked(_visitor(options.get("request")))
            ASKED.set(asked)
            self._queue.begin(options.get("event_id"), asked)
        try:
            return await super().process_api(*arguments, **options)
        except gr.Error as error:
            told = _told(error)
            told.message = html.escape(told.message, quote=False)  # a page shows it as HTML
            raise told from None
        except LeftError:  # nobody is there to be told
            raise gr.Error(FAILED, title=REFUSED, print_exception=False) from None
        except OSError as error:
            if error.errno in OF_THE_DISK:
                LINES.write(str(error.strerror))
                raise gr.Error(FULL, title=REFUSED, print_exception=False) from None
            if error.errno == errno.ENAMETOOLONG:  # in an event, where Gradio looks for files too
                raise gr.Error(FORGED, title=REFUSED, print_exception=False) from None
            raise gr.Error(FULL, title=REFUSED, print_exception=LINES.is_room()) from error
        except UnicodeEncodeError:  # as of a name of a file there
            raise gr.Error(FORGED, title=REFUSED, print_exception=False) from None
        except Exception as error:
            raise gr.Error(FAILED, title=REFUSED, print_exception=LINES.is_room()) from error


def _visitor(request: Any) -> tuple | None:
    """Who asks, of what Gradio knows of a request; None for the app itself."""
    request = request[0] if isinstance(request, list) and request else request
    scope = getattr(getattr(request, "request", None), "scope", None)
    return visitor_of(scope) if scope else None


def _told(error: Exception) -> gr.Error:
    """An error that is for people as it is, which is one that is not printed; else that a request is not understood."""
    is_ours = isinstance(error, gr.Error) and not error.print_exception
    return error if is_ours else gr.Error(FORGED, title=REFUSED, print_exception=False)


def _checked(value: Any, block: Any) -> Any:
    """An input as it may be handed on: for a page's picture that is not there any more, None.

    Raises:
        RequestError: a path in it is of no file of the app's, or an address; it is no picture, where one is asked; or
            it names more files than are taken.
        ValueError: it is nested too deeply, too long, or no choice where one is always made.
    """
    if isinstance(block, PictureFile) and value is not None and not _is_picture(value):
        raise RequestError(f"{block.label} is no picture: send a file, as gradio_client's handle_file(path) does.")
    if isinstance(block, gr.Radio | gr.Dropdown) and value is None and block.value is not None:
        raise ValueError("no choice")  # which no page of ours sends; Gradio lets it pass
    inside = [*mappings(value)]
    if (isinstance(value, str) or isinstance(block, gr.Dropdown)) and _is_long(value):
        raise ValueError("longer than anything that is typed or chosen")  # and a session may keep it
    if isinstance(block, gr.JSON) and any(_is_long(text) for one in inside for text in one.values()):
        raise ValueError("longer than anything in an address")
    if isinstance(block, gr.BrowserState) and _characters(inside) > 2 * MAX_KEPT:
        raise ValueError("longer than what a browser keeps")  # and it is gone through in one piece
    try:
        holders = [holder for holder in inside if holder.get("path") is not None]
        if isinstance(block, gr.File):
            check_count(len(holders))
        elif len(holders) > 1:
            raise ValueError("several files, where at most one is taken")
        for holder in holders:
            if isinstance(holder["path"], str) and "://" in holder["path"][:20]:
                raise RequestError(FETCHED)
            own_file(holder["path"])
    except RequestError:
        if isinstance(block, PictureInput):
            return None  # as for a link to an upload of yesterday: the page shows an empty input, and no error
        raise
    return value


def _characters(inside: list[dict]) -> int:
    return sum(len(name) + len(text) for one in inside for name, text in one.items() if isinstance(text, str))


def _is_long(value: Any) -> bool:
    """Whether this is more than a choice of several, or one text."""
    if isinstance(value, list):
        texts = sum(len(text) for text in value if isinstance(text, str))
        return len(value) > MAX_CHOICES or texts > MAX_TEXT or any(map(_is_long, value))
    return isinstance(value, str) and len(value) > MAX_TEXT


def _is_picture(value: Any) -> bool:
    """Whether a value has the form of Gradio's for a file; what the file holds is another question."""
    if not isinstance(value, dict):
        return False
    texts = [value.get(key) for key in ("path", "url")]
    return any(texts) and all(text is None or isinstance(text, str) for text in texts)


# ---- Before a route ----


async def unreadable(_request: Request, _error: Exception) -> Response:
    """Answers a request that is none. FastAPI would send all of it back, once for each thing that is wrong in it."""
    return Response(status_code=UNREADABLE)


class Door:
    """ASGI middleware between Gradio's routes and the world, for `launch(app_kwargs={"middleware": ...})`."""

    def __init__(self, app: ASGIApp):
        self._app, self._long, self._wide = app, Pace(LONG_BYTES_A_SECOND), Pace(WIDE_PARTS_A_SECOND)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", "")).lstrip("/").removeprefix(PREFIX)
        answer = _Answer(send, UNREADABLE_TOOL if path.startswith("mcp") else UNREADABLE)
        if path.startswith(CLOSED):
            await answer.refuse(404, CLOSED_WORDS)
            return
        if _listens_to_tools(path, scope):
            await answer.refuse(405, CLOSED_WORDS)
            return
        if found := FILE.match(path):
            try:  # Gradio would follow a link before it looks where the file is, and then open the link
                scope = {**scope, "path": scope["path"].removesuffix(path) + f"file={served_file(found[1])}"}
            except RequestError:
                await answer.refuse(404, CLOSED_WORDS)
                return
        is_upload, is_login = (path.rstrip("/") == name for name in ("upload", "login"))
        headers = dict(scope["headers"])
        kinds = (value.strip().lower() for name, value in scope["headers"] if name == b"content-type")
        if not (is_upload or is_login) and any(kind.startswith(b"multipart/") for kind in kinds):
            await answer.refuse(415, FORGED)
            return
        if not _has_origin(scope):
            await answer.refuse(400, FORGED)
            return
        if path.rstrip("/") == "info":
            # Of no page, Gradio tells all others too the address by which the first of all said that they came.
            scope = {**scope, "query_string": scope["query_string"] + b"&page="}
        most = (MAX_UPLOAD_MEGABYTES if is_upload else MAX_REQUEST_MEGABYTES) * MEGABYTE
        if is_login:
            most = MAX_FIELD_BYTES
        weighed = _Uploaded(receive, most) if is_upload else _Read(receive, most, self._long, self._wide, scope)

        async def tell(message: Message) -> None:
            if weighed.is_too_large:  # and who read it has an answer of their own to that
                await answer.refuse(413, TOO_LARGE)
            else:
                await answer.send(message)

        try:
            if int(headers.get(b"content-length", 0)) > most:
                raise _TooLargeError
            await self._app(scope, weighed, tell)
        except _TooLargeError:
            await answer.refuse(413, TOO_LARGE)
        except (LeftError, NoRoomError):
            pass  # nobody hears an answer, or another is given
        except OSError as error:
            if error.errno in (None, errno.ENAMETOOLONG):  # it is no matter of the disk
                await answer.refuse(404, CLOSED_WORDS)
                return
            LINES.write(f"{scope['method']} {path[:60]!r}: {error.strerror or error}")
            await answer.refuse(507, FULL)
        except Exception as error:
            where = error.__traceback__
            while where and where.tb_next:
                where = where.tb_next
            at = f"{Path(where.tb_frame.f_code.co_filename).name}:{where.tb_lineno}" if where else "?"
            LINES.write(f"{scope['method']} {path[:60]!r}: {type(error).__name__} at {at}")
            await answer.refuse(400, FORGED)


def _listens_to_tools(path: str, scope: Scope) -> bool:
    """Whether an agent asks for what the tools' server says by itself, which is nothing, for as long as they like."""
    accepted = (value for name, value in scope["headers"] if name == b"accept")
    return scope["method"] == "GET" and path.startswith("mcp") and any(b"text/event-stream" in one for one in accepted)


def _has_origin(scope: Scope) -> bool:
    """Whether the address under which the app is asked can be read: Gradio needs it where nobody hears of an error."""
    try:
        gradio.route_utils.get_request_origin(Request(scope), "")
    except Exception:  # httpx's, of any kind
        return False
    return True


class _TooLargeError(Exception):
    pass


class _Uploaded:
    """What a client uploads: up to a number of bytes, and what leaves room on the disk for all that the app writes."""

    is_too_large = False

    def __init__(self, receive: Receive, most: int):
        self._receive, self._left = receive, most

    async def __call__(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            self.is_too_large = True
            raise _TooLargeError
        if is_crowded(get_upload_folder()):
            raise OSError(errno.ENOSPC, "The disk is nearly full")
        return message


class _Read:
    """What a client asks: up to a number of bytes, and of parts of JSON, as reading millions of them stops all others.

    Of the parts, lists, mappings and keys have a bound of their own: Gradio goes through them several times. And each
    mapping may be a file, for which it looks on the disk.
    """

    is_too_large = False

    def __init__(self, receive: Receive, most: int, long: Pace, wide: Pace, scope: Scope):
        self._receive, self._most, self._long, self._wide, self._who = receive, most, long, wide, visitor_of(scope)
        self._size = self._lists = self._parts = self._mappings = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        body = message.get("body", b"")
        self._size += len(body)
        if body and self._size > SMALL_BYTES:
            await self._long.wait(self._who, len(body))
        mappings = body.count(b"{")
        lists = body.count(b"[") + mappings + body.count(b":")
        self._mappings += mappings
        self._lists += lists
        self._parts += lists + body.count(b",")
        if self._size > self._most or self._lists > MAX_JSON_LISTS or self._parts > MAX_JSON_PARTS:
            self.is_too_large = True
            raise _TooLargeError
        is_whole = message["type"] == "http.request" and not message.get("more_body")
        work = self._parts + FILE_PARTS * min(self._mappings, 2 * MAX_FILES)  # each of two; of more, none is looked for
        if is_whole and work > WIDE_PARTS:
            await self._wide.wait(self._who, work)
        return message


class _Answer:
    """What a client gets; may be ended at any time."""

    def __init__(self, send: Send, unreadable: int = UNREADABLE):
        self._send, self._unreadable, self._begun, self._ended = send, unreadable, False, False

    async def send(self, message: Message) -> None:
        if self._ended:  # refused
            return
        if message["type"] == "http.response.start":
            status, kind = message["status"], dict(message.get("headers", ())).get(b"content-type", b"")
            if status == self._unreadable or (status == 400 and kind.startswith(b"text/plain")):
                # In a parser's words: FastAPI's of JSON, Gradio's of a form, Starlette's of a range.
                await self.refuse(status, FORGED)
                return
            # A picture's name says nothing of what is in the file.
            message = {**message, "headers": [*message.get("headers", ()), (b"x-content-type-options", b"nosniff")]}
        self._begun = True
        self._ended = message["type"] == "http.response.body" and not message.get("more_body")
        await self._send(message)

    async def refuse(self, status: int, words: str) -> None:
        body = b""
        if not self._begun:
            body = json.dumps({"error": words, "detail": words}).encode()
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
            await self._send({"type": "http.response.start", "status": status, "headers": headers})
        if not self._ended:
            with suppress(Exception):  # a part was sent, and perhaps as much as was said, or more
                await self._send({"type": "http.response.body", "body": body, "more_body": False})
        self._begun = self._ended = True
