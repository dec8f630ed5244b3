"""The door: what anyone may send, checked before any handler, named or not, and whatever Gradio makes of it.

`Page` checks what a handler's inputs hold. `Door` stands before all of Gradio's routes: it bounds what a request
weighs, closes the routes that the app has no use for, and answers one sentence where a route fails on what it was sent.
Neither repeats Gradio's own words for a failure, which hold paths, types and versions.
"""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import math
import re
import sys
import time
import warnings
from collections import Counter
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

import gradio as gr
import gradio.blocks
import gradio.mcp
import gradio.queueing
import gradio.route_utils
import gradio.routes
import gradio.state_holder
import h11
import uvicorn.protocols.http.auto
from fastapi import HTTPException
from gradio.data_classes import BlocksConfigDict
from gradio.queueing import Event
from gradio.server_messages import EventMessage
from gradio.utils import get_upload_folder
from pydantic import Field
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from app.explore.limits import (
    KEPT_PROGRESS,
    LEAST_CHUNK,
    MAX_DEPTH,
    MAX_FIELD_BYTES,
    MAX_HASH,
    MAX_HEADERS,
    MAX_JSON_LISTS,
    MAX_JSON_PARTS,
    MAX_LOG_LINES,
    MAX_REQUEST_MEGABYTES,
    MAX_UPLOAD_MEGABYTES,
    MEGABYTE,
    REQUEST_SECONDS,
    VISITOR_AT_ONCE,
    RequestError,
)
from app.explore.turns import ASKED, Asked, LeftError
from app.kit.events import FORGED
from app.kit.inputs import REFUSED, PictureFile, PictureInput, own_file
from app.kit.shares import NoRoomError, visitor_of
from app.kit.temporary import is_crowded

FAILED = "The server failed at this. Try again, or with something else."
FULL = "The server could not write or read a file: its disk may be full. Try again later."
FETCHED = "Pictures are not fetched from other addresses: send the file itself."
TOO_LARGE = "This request is too large."
CLOSED_WORDS = "There is nothing here."
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
)
PREFIX = "gradio_api/"


class Parser(gradio.route_utils.GradioMultiPartParser):
    """Gradio's own, which bounds the files of an upload and not the texts beside them."""

    _texts = 0  # bytes so far

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        """Gradio's own, for texts of at most MAX_FIELD_BYTES together."""
        if self._current_part.file is None:
            self._texts += end - start
            if self._texts > MAX_FIELD_BYTES:
                raise MultiPartException(f"The texts exceeded the maximum allowed size of {MAX_FIELD_BYTES} bytes.")
        super().on_part_data(data, start, end)


class Uploaded(gradio.route_utils.GradioUploadFile):
    """Gradio's own, which stays open until all others of its upload have come, a thousand of them."""

    async def seek(self, offset: int) -> None:
        """Gradio's own, once the file has come in full: it is moved by its name."""
        self.file.close()


class Progress(gradio.route_utils.FileUploadProgress):
    """Gradio's own, of the latest uploads: it keeps what it knows of one until somebody asks, which nobody may."""

    def track(self, upload_id: str) -> None:
        """Gradio's own, forgetting the oldest."""
        super().track(upload_id)
        self._forget()

    async def is_tracked(self, upload_id: str) -> bool:
        """Gradio's own, forgetting the oldest: it makes a signal for every name that is asked for."""
        tracked = self._signals[upload_id]
        self._forget()
        return await tracked.wait()

    def _forget(self) -> None:
        for known in (self._statuses, self._signals):
            while len(known) > KEPT_PROGRESS:
                del known[next(iter(known))]


class Sites(gradio.route_utils.CustomCORSMiddleware):
    """Gradio's own, which lets pages of every site ask, in the name of who is logged in, too."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Gradio's own, where no password is asked for; else browsers keep the pages of other sites out."""
        has_password = scope["type"] == "http" and scope["app"].auth is not None
        await (self.app if has_password else super().__call__)(scope, receive, send)


class Tools(gradio.mcp.GradioMCPServer):
    """Gradio's own, whose client asks from this very machine: it would upload the server's files for who names them."""

    def convert_strings_to_filedata(self, value: Any, filedata_positions: list[list[str | int]]) -> Any:
        """Gradio's own, of what names no file by a path.

        Raises:
            RequestError: it does.
            ValueError: it is nested too deeply, or is no file where one is asked.
        """
        if any("path" in holder and "meta" in holder for holder in _mappings(value)):
            raise RequestError(FORGED)
        return super().convert_strings_to_filedata(value, filedata_positions)


END_OF_HEAD = re.compile(rb"\n\r?\n")  # as h11 has it
HELD_BYTES = 1 << 16  # of next requests, while one is answered
TAKEN_BYTES = 4096  # of a body in chunks at a time
FRAME_BYTES = 8  # around a chunk: its size and two ends of lines


class Connection(H11Protocol):
    """Uvicorn's own, which waits for ever for a first request, for one that comes a byte at a time, and for its body.

    A process can have so many connections and files open; whoever holds them all keeps everybody out. Who sends on, if
    only a byte of a body at a time, is let do so.
    """

    _silence: asyncio.TimerHandle | None = None
    _held = b""  # what has come, and is not h11's yet
    _lines = 0  # of a head so far
    _tail = b""  # its last bytes
    _content = _frames = 0  # bytes of a body in chunks so far, and of what stands around it

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Uvicorn's own, for a while only if nothing is asked."""
        super().connection_made(transport)
        self._wait_for_request()

    def data_received(self, data: bytes) -> None:
        """Uvicorn's own; of a body, more has to come within that while.

        What has many headers, or comes in pieces of a few bytes each, or in long frames, ends the connection: every
        line takes h11 so long that nobody else is answered meanwhile, and headers many times their size of memory.
        """
        self._held += data
        self._take()
        if self._lacks_body():
            self._wait_for_request()

    def _take(self) -> None:
        """Hands on what is held, as what it is; of a next request, nothing before the one before it is answered."""
        while self._held and not self.transport.is_closing():
            state = self.conn.their_state
            if state is h11.IDLE:
                self._take_head()
            elif state is not h11.SEND_BODY:
                self.flow.pause_reading()
                if len(self._held) > HELD_BYTES:
                    self.transport.close()
                return
            elif self._is_chunked():
                self._take_chunks()
            else:  # of a known length, of which h11 counts what is still to come
                self._hand_on(max(1, self.conn._reader._remaining))

    def _hand_on(self, size: int) -> None:
        piece, self._held = self._held[:size], self._held[size:]
        super().data_received(piece)

    def _take_head(self) -> None:
        """As far as it has come: its end may have begun with what came before."""
        end = END_OF_HEAD.search(self._tail + self._held)
        size = end.end() - len(self._tail) if end else len(self._held)
        self._lines += self._held.count(b"\n", 0, size)
        if self._lines > MAX_HEADERS:
            self.transport.close()
            return
        self._tail = (self._tail + self._held[:size])[-2:]
        self._hand_on(size)
        if self.conn.their_state is not h11.IDLE:  # it is complete
            self._lines, self._tail, self._content, self._frames = 0, b"", 0, 0
            if {b"content-length", b"transfer-encoding"} <= {name for name, _ in self.cycle.scope["headers"]}:
                self.cycle.keep_alive = False  # what follows may be meant as its body (RFC 9112, section 6.3)

    def _take_chunks(self) -> None:
        """A little of a body, and whether it is worth its frames."""
        if self.cycle.response_complete:  # what is not kept is not weighed
            self.transport.close()
            return
        size, before = min(len(self._held), TAKEN_BYTES), len(self.cycle.body)
        self._hand_on(size)
        content = len(self.cycle.body) - before
        self._content += content
        self._frames += size - content
        if self._lacks_body() and self._frames > TAKEN_BYTES + FRAME_BYTES * self._content // LEAST_CHUNK:
            self.transport.close()

    def on_response_complete(self) -> None:
        """Uvicorn's own, for a while only if nothing more is asked."""
        super().on_response_complete()
        self._wait_for_request()
        self._take()

    def send_400_response(self, msg: str) -> None:
        """Uvicorn's own; where an answer has begun already, the connection ends."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Uvicorn's own."""
        super().connection_lost(exc)
        self._stop_waiting()

    def _wait_for_request(self) -> None:
        self._stop_waiting()
        self._silence = self.loop.call_later(REQUEST_SECONDS, self._end_if_silent, self.cycle)

    def _stop_waiting(self) -> None:
        if self._silence:
            self._silence.cancel()

    def _end_if_silent(self, before: RequestResponseCycle | None) -> None:
        if self._lacks_body() and self.flow.read_paused:  # what came is not read yet
            self._wait_for_request()
            return
        is_silent = self.cycle is before and (before is None or before.response_complete)
        if (is_silent or self._lacks_body()) and self in self.connections:
            self.transport.close()

    def _is_chunked(self) -> bool:
        return any(name == b"transfer-encoding" for name, _ in self.cycle.scope["headers"])

    def _lacks_body(self) -> bool:
        return self.cycle is not None and self.cycle.more_body and not self.cycle.response_complete


class Messages(dict):
    """What sessions have to fetch. Gradio deletes that of a reader who has hung up, also where it is gone already."""

    def __delitem__(self, session: str) -> None:
        self.pop(session, None)


class Queue(gradio.queueing.Queue):
    """Gradio's own, of which no visitor has all; who cancels a question at work frees its place once that has ended.

    Gradio would end the task, also one that has not begun or is about to say that it has ended: then the question would
    be at work for ever, in its visitor's share and perhaps in the queue.
    """

    def __init__(self, *arguments, **options) -> None:
        """Gradio's own, which keeps what is to be fetched of 2,000 sessions: app/kit/shares.py says of how many."""
        super().__init__(*arguments, **options)
        self.pending_messages_per_session = Messages()

    def send_message(self, event: Event, event_message: EventMessage) -> None:
        """Gradio's own. To a session that is gone it would fail, and the queue stop for everybody."""
        if event.session_hash in self.pending_messages_per_session:
            super().send_message(event, event_message)

    def get_events(self) -> tuple[list[Event], bool, str] | None:
        """Gradio's own, of visitors who have few questions at work, and of one function a quarter of what may be.

        Else one visitor's questions, which nobody may ever fetch, have all of the queue's places.
        """
        working = Counter[tuple]()
        for event in (event for job in self.active_jobs for event in job or ()):
            who = visitor_of(event.request.scope)
            working.update([who, (who, event.concurrency_id)])

        def may_begin(event: Event, limit: int | None) -> bool:
            who = visitor_of(event.request.scope)
            most = VISITOR_AT_ONCE if limit is None else max(1, limit // 4)
            return working[who] < VISITOR_AT_ONCE and working[who, event.concurrency_id] < most

        all_of = {name: [*waiting.queue] for name, waiting in self.event_queue_per_concurrency_id.items()}
        for name, events in all_of.items():
            waiting = self.event_queue_per_concurrency_id[name]
            waiting.queue[:] = [event for event in events if may_begin(event, waiting.concurrency_limit)]
        found = super().get_events()
        begun = {event._id for event in found[0]} if found else set()
        for name, events in all_of.items():
            queue = self.event_queue_per_concurrency_id[name].queue
            queue[:] = [event for event in events if event._id not in begun]
        return found

    async def remove_from_queue(self, event_id: str) -> None:
        """Gradio's own, for a question at work too: what comes of it goes nowhere.

        Raises:
            HTTPException: there is no such question any more, or it is another's. Gradio would put another end of it to
                what its visitor has to fetch, each time; or none.
        """
        event = self.event_ids_to_events.get(event_id)
        if event is None or CANCELLING.get() != f"{event.session_hash}_{event.fn._id}":
            raise HTTPException(404, CLOSED_WORDS)
        await self.clean_events(event_id=event_id)
        self.server_app.iterators.pop(event_id, None)  # else Gradio would close it here too

    async def reset_iterators(self, event_id: str) -> None:
        """Gradio's own, of what comes bit by bit, once its question has ended.

        Gradio takes a lock for this that all such questions need, and fails where another has closed it meanwhile: then
        the question would be at work for ever.
        """
        iterator = self.server_app.iterators.pop(event_id, None)
        if iterator is not None:
            with suppress(Exception):
                await iterator.aclose()


class Session(gradio.state_holder.SessionState):
    """Gradio's own, without a copy of the page's settings and of all values, from which it makes links that are closed.

    The copy takes 20 ms and half a megabyte, for each session and for each question without one.
    """

    def __init__(self, blocks: gr.Blocks) -> None:
        super().__init__(SimpleNamespace(default_config=blocks.default_config, blocks=()))

    @property
    def config_values(self) -> dict:
        """The copy: nothing; and what is put into it, is kept nowhere."""
        return {}

    @config_values.setter
    def config_values(self, _values: dict) -> None:
        pass

    def _update_config(self, key: int) -> None:
        pass

    def _update_value_in_config(self, key: int, value: Any) -> None:
        pass


# Who cancels: the session and the function of a question, as Gradio names tasks.
CANCELLING = ContextVar[str]("CANCELLING", default="")


async def _cancel_nothing(tasks: set[str]) -> list[str]:
    CANCELLING.set(*tasks)
    return []


# An empty one, Gradio takes for none in one place, and for a name in another.
Hash = Annotated[str, Field(min_length=1, max_length=MAX_HASH)]


class Question(gradio.routes.PredictBody):
    """Gradio's own, whose names are bounded: Gradio keeps them, some for good, whatever they weigh."""

    session_hash: Hash | None = None
    event_id: Hash | None = None


class WidgetQuestion(gradio.routes.ComponentServerJSONBody):
    """Gradio's own, of a server function, bounded like `Question`."""

    session_hash: Hash


# Where Gradio, and Uvicorn, find them.
gradio.queueing.Queue = Queue
gradio.mcp.GradioMCPServer = Tools
for module in (gradio.blocks, gradio.mcp, gradio.route_utils, gradio.state_holder):
    module.SessionState = Session
gradio.route_utils.GradioMultiPartParser = Parser
gradio.route_utils.GradioUploadFile = Uploaded
gradio.routes.CustomCORSMiddleware = Sites
gradio.routes.file_upload_statuses = Progress()
gradio.routes.PredictBody = Question
gradio.routes.cancel_tasks = _cancel_nothing
gradio.routes.ComponentServerJSONBody = WidgetQuestion
uvicorn.protocols.http.auto.AutoHTTPProtocol = Connection


class Lines(logging.Filter):
    """Lines of the log that anyone can cause, of which a minute has some, and then the number of those left out."""

    def __init__(self) -> None:
        super().__init__()
        self._since, self._count = -math.inf, 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this one is written."""
        return self.is_room()

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
    Uvicorn says of requests that are none, a minute has some lines.
    """
    logging.getLogger("uvicorn.error").addFilter(LINES)
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.|gradio\.helpers")


# ---- Before a handler ----


class Page(gr.Blocks):
    """Blocks whose handlers get no path but of the app's own files, and whose failures are told in one sentence."""

    async def preprocess_data(self, block_fn, inputs, state, explicit_call=False):
        """Gradio's own, after every input was checked."""
        try:
            checked = [_checked(value, block) for value, block in zip(inputs, block_fn.inputs, strict=True)]
        except ValueError as error:
            said = str(error) if isinstance(error, RequestError) else FORGED
            raise gr.Error(said, title=REFUSED, print_exception=False) from None
        try:
            return await super().preprocess_data(block_fn, checked, state, explicit_call)
        except Exception as error:  # Gradio's and pydantic's, of any kind, with all that was sent in their words
            raise _told(error) from None

    def get_config_file(self) -> BlocksConfigDict:
        """Gradio's own, without where in the server's memory a function is."""
        config = super().get_config_file()
        for component in config["components"]:
            component["props"].pop("delete_callback", None)
        return config

    async def process_api(self, *arguments, **options):
        """Gradio's own. An error that is not for people stays in the log, and the answer is a sentence."""
        if ASKED.get() is None:  # else app/kit/shares.py watches whether they are still there
            ASKED.set(Asked(_visitor(options.get("request"))))
        try:
            return await super().process_api(*arguments, **options)
        except gr.Error as error:
            raise _told(error) from None
        except LeftError:  # nobody is there to be told
            raise gr.Error(FAILED, title=REFUSED, print_exception=False) from None
        except OSError as error:
            if error.errno in OF_THE_DISK:
                LINES.write(str(error.strerror))
                raise gr.Error(FULL, title=REFUSED, print_exception=False) from None
            if error.errno == errno.ENAMETOOLONG:  # in an event, where Gradio looks for files too
                raise gr.Error(FORGED, title=REFUSED, print_exception=False) from None
            raise gr.Error(FULL, title=REFUSED) from error
        except Exception as error:
            raise gr.Error(FAILED, title=REFUSED) from error


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
        RequestError: a path in it is of no file of the app's, or an address; or it is no picture, where one is asked.
        ValueError: it is nested too deeply, or no choice where one is always made.
    """
    if isinstance(block, PictureFile) and value is not None and not _is_picture(value):
        raise RequestError(f"{block.label} is no picture: send a file, as gradio_client's handle_file(path) does.")
    if isinstance(block, gr.Radio | gr.Dropdown) and value is None and block.value is not None:
        raise ValueError("no choice")  # which no page of ours sends; Gradio lets it pass
    try:
        for holder in _mappings(value):
            if "path" in holder and holder["path"] is not None:
                if isinstance(holder["path"], str) and "://" in holder["path"][:20]:
                    raise RequestError(FETCHED)
                own_file(holder["path"])
    except RequestError:
        if isinstance(block, PictureInput):
            return None  # as for a link to an upload of yesterday: the page shows an empty input, and no error
        raise
    return value


def _is_picture(value: Any) -> bool:
    """Whether a value has the form of Gradio's for a file; what the file holds is another question."""
    if not isinstance(value, dict):
        return False
    texts = [value.get(key) for key in ("path", "url")]
    return any(texts) and all(text is None or isinstance(text, str) for text in texts)


def _mappings(value: Any):
    """Every mapping in a value from JSON, however it is nested.

    Raises:
        ValueError: deeper than MAX_DEPTH.
    """
    level = [value]
    for _ in range(MAX_DEPTH):
        yield from (one for one in level if isinstance(one, dict))
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise ValueError("nested too deeply")


# ---- Before a route ----


class Door:
    """ASGI middleware between Gradio's routes and the world, for `launch(app_kwargs={"middleware": ...})`."""

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", "")).lstrip("/").removeprefix(PREFIX)
        answer = _Answer(send, UNREADABLE_TOOL if path.startswith("mcp") else UNREADABLE)
        if path.startswith(CLOSED):
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
        try:
            if int(headers.get(b"content-length", 0)) > most:
                raise _TooLargeError
            await self._app(scope, _Weighed(receive, most, is_upload), answer.send)
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


def _has_origin(scope: Scope) -> bool:
    """Whether the address under which the app is asked can be read: Gradio needs it where nobody hears of an error."""
    try:
        gradio.route_utils.get_request_origin(Request(scope), "")
    except Exception:  # httpx's, of any kind
        return False
    return True


class _TooLargeError(Exception):
    pass


class _Weighed:
    """What a client sends: up to a number of bytes, and of parts of JSON, as reading millions of them stops all others.

    Of the parts, lists and mappings have a bound of their own: Gradio goes through them several times.

    An upload ends where it would leave no room on the disk for what the app writes for everybody else.
    """

    def __init__(self, receive: Receive, most: int, is_upload: bool):
        self._receive, self._left, self._is_upload = receive, most, is_upload
        self._lists, self._parts = MAX_JSON_LISTS, MAX_JSON_PARTS

    async def __call__(self) -> Message:
        message = await self._receive()
        body = message.get("body", b"")
        self._left -= len(body)
        if not self._is_upload:
            lists = body.count(b"[") + body.count(b"{")
            self._lists -= lists
            self._parts -= lists + body.count(b",")
        elif is_crowded(get_upload_folder()):
            raise OSError(errno.ENOSPC, "The disk is nearly full")
        if self._left < 0 or self._lists < 0 or self._parts < 0:
            raise _TooLargeError
        return message


class _Answer:
    """What a client gets; may be ended at any time."""

    def __init__(self, send: Send, unreadable: int = UNREADABLE):
        self._send, self._unreadable, self._begun, self._ended = send, unreadable, False, False

    async def send(self, message: Message) -> None:
        if self._ended:  # refused
            return
        if message["type"] == "http.response.start":
            if message["status"] == self._unreadable:
                await self.refuse(self._unreadable, FORGED)
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
            await self._send({"type": "http.response.body", "body": body, "more_body": False})
        self._begun = self._ended = True
