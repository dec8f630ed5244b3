"""Parts of Gradio's own that keep, do or let pass too much of what anyone may send, and what stands in their places."""

from __future__ import annotations

import copy
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Annotated, Any
from weakref import WeakKeyDictionary

import gradio as gr
import gradio.mcp
import gradio.processing_utils
import gradio.queueing
import gradio.route_utils
import gradio.routes
import gradio.state_holder
from fastapi import HTTPException
from gradio.blocks import BlockFunction
from gradio.queueing import Event
from gradio.server_messages import EventMessage
from gradio.utils import get_upload_folder
from pydantic import BaseModel, Field, field_validator
from starlette.formparsers import MultiPartException
from starlette.types import ASGIApp, Receive, Scope, Send

from app.explore.limits import (
    KEPT_PROGRESS,
    MAX_DEPTH,
    MAX_FIELD_BYTES,
    MAX_FILES,
    MAX_HASH,
    MAX_PATH,
    VISITOR_AT_ONCE,
    VISITOR_WAITING,
    RequestError,
)
from app.explore.turns import Asked, Order
from app.kit.events import FORGED
from app.kit.lines import Line, take_off
from app.kit.shares import visitor_of
from app.kit.web import version

CLOSED_WORDS = "There is nothing here."
BEGIN_SECONDS = 0.01  # between two questions of the queue that begin
WAIT_SECONDS = 0.02  # between two looks at who may begin, where nobody might


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


def uncompressed(app: ASGIApp, **_options: Any) -> ASGIApp:
    """In place of Gradio's compression, which does all files anew for each request, in the loop that answers everybody.

    What is large and asked for by each page is compressed once, or not in the loop (app/kit/web.py, app/front.py).
    """
    return app


class Tools(gradio.mcp.GradioMCPServer):
    """Gradio's own, whose client asks from this very machine: it would upload the server's files for who names them."""

    def convert_strings_to_filedata(self, value: Any, filedata_positions: list[list[str | int]]) -> Any:
        """Gradio's own, of what names no file by a path.

        Raises:
            RequestError: it does.
            ValueError: it is nested too deeply, or is no file where one is asked.
        """
        if any("path" in holder and "meta" in holder for holder in mappings(value)):
            raise RequestError(FORGED)
        # Where a picture is written that is sent within a question: Gradio's own folder is never tidied.
        gradio.mcp.DEFAULT_TEMP_DIR = get_upload_folder()
        return super().convert_strings_to_filedata(value, filedata_positions)

    def pop_returned_state(self, components: Sequence[Any], data: Any) -> list:  # type: ignore[override]
        """Gradio's own, of what JSON can hold: a model of pydantic's would be written as Python writes it."""
        kept = super().pop_returned_state(components, data)
        return [one.model_dump() if isinstance(one, BaseModel) else one for one in kept]

    def get_block_fn_from_endpoint_name(self, endpoint_name: str) -> BlockFunction | None:
        """Gradio's own, of which none is queued: what an agent asks is worked on within their own request.

        For what is queued, Gradio asks itself over the network, and goes on listening after the agent has left.
        """
        found = copy.copy(super().get_block_fn_from_endpoint_name(endpoint_name))
        if found:
            found.queue = False
        return found

    def create_mcp_server(self) -> Any:
        """Gradio's own, of tools alone: where an app has no prompts, Gradio runs an endpoint for any that is named."""

        class Server(self.Server):
            """The library's own, which would check what is sent item by item, in the loop: the handlers check it.

            And it would tell its own version as the app's.
            """

            def __init__(self, name: str) -> None:
                super().__init__(name, version=version())

            def call_tool(self, **options: Any) -> Any:
                return super().call_tool(**options, validate_input=False)

        self.Server = Server
        server, kinds = super().create_mcp_server(), self.types
        kept = (kinds.PingRequest, kinds.ListToolsRequest, kinds.CallToolRequest)
        handlers = {kind: answer for kind, answer in server.request_handlers.items() if kind in kept}
        listing, answer_list = Line(), handlers[kinds.ListToolsRequest]

        async def list_tools(request: Any) -> Any:
            async with listing.turn(None):  # it takes long, and nobody else is answered meanwhile
                return await answer_list(request)

        server.request_handlers = handlers | {kinds.ListToolsRequest: list_tools}
        return server


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
        self._asked = WeakKeyDictionary[Event, Asked]()
        self.default_concurrency_limit = None  # a few of each function would be few people's who ask for much
        self._order = Order()
        self._working = Counter[tuple]()  # in each share
        self._look_again = self._next_begins = 0.0

    def begin(self, event_id: str | None, asked: Asked) -> None:
        """Notes who works on a question: they are told when its visitor leaves."""
        if event := self.event_ids_to_events.get(event_id):
            self._asked[event] = asked

    async def clean_events(self, *, session_hash: str | None = None, event_id: str | None = None) -> None:
        """Gradio's own, which would let those at work go on to their end; they end with the next piece of it."""
        await super().clean_events(session_hash=session_hash, event_id=event_id)
        for event in (event for job in self.active_jobs for event in job or ()):
            if not event.alive and event in self._asked:
                self._asked[event].leave()

    def send_message(self, event: Event, event_message: EventMessage) -> None:
        """Gradio's own. To a session that is gone it would fail, and the queue stop for everybody."""
        if event.session_hash in self.pending_messages_per_session:
            super().send_message(event, event_message)

    def broadcast_estimations(self, concurrency_id: str, after: int | None = None) -> None:
        """Gradio's own, where few wait: each time that one begins, it tells all others how many are before them."""
        if len(self.event_queue_per_concurrency_id[concurrency_id].queue) <= VISITOR_WAITING:
            super().broadcast_estimations(concurrency_id, after)

    async def push(self, *arguments, **options) -> Any:
        """Gradio's own, after which somebody may begin."""
        self._look_again = 0.0
        return await super().push(*arguments, **options)

    def get_events(self) -> tuple[list[Event], bool, str] | None:
        """Gradio's own, by turns: of those who wait and may begin, who had one longest ago is next.

        A visitor has few questions at work. Of a function, each page has one, so that its answers come in the order of
        the questions; of those that say how many all may have, as they take long, each visitor has a quarter of theirs.
        """
        # Gradio asks each millisecond, and hundreds may wait; if they began at once, each of their steps would be
        # before each of anybody's.
        if time.monotonic() < max(self._look_again, self._next_begins):
            return None
        can = [
            event
            for waiting in self.event_queue_per_concurrency_id.values()
            if waiting.concurrency_limit is None or waiting.current_concurrency < waiting.concurrency_limit
            for event in waiting.queue
            if all(self._working[name] < most for name, most in _shares(event).items())
        ]
        if not can:
            self._look_again = time.monotonic() + WAIT_SECONDS
            return None
        first = dict[tuple, Event]()  # of each visitor
        for event in sorted(can, key=lambda event: event.enqueue_time):
            first.setdefault(visitor_of(event.request.scope), event)
        whose = min(first, key=self._order.when)
        following = first[whose]
        self._order.note(whose)
        self._working.update([*_shares(following)])
        self.event_queue_per_concurrency_id[following.concurrency_id].queue.remove(following)
        self._next_begins = time.monotonic() + BEGIN_SECONDS
        return [following], following.fn.batch, following.concurrency_id

    async def process_events(self, events: list[Event], *arguments, **options) -> None:
        """Gradio's own, after which somebody may begin."""
        try:
            await super().process_events(events, *arguments, **options)
        finally:
            for event in events:
                take_off(self._working, _shares(event))
            self._look_again = 0.0

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


def _shares(event: Event) -> dict[tuple, int]:
    """What a question takes a place in while it is at work, and how many places each has."""
    who, is_long = visitor_of(event.request.scope), event.fn.concurrency_limit != "default"
    whose, most = (who, VISITOR_AT_ONCE // 4) if is_long else (event.session_hash, 1)
    return {who: VISITOR_AT_ONCE, (whose, event.concurrency_id): most}


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


_move_files = gradio.processing_utils.async_move_files_to_cache


async def move_files(data: Any, block: gr.blocks.Block, postprocess: bool = False, **options) -> Any:
    """Gradio's own, for what may hold a file: it looks at each number of a latent, while nobody else is answered.

    And dozens of times on the disk for each file; those of a list, which visitors sent, `door` has looked at.
    """
    if not postprocess and (isinstance(data, list) or not any("path" in holder for holder in mappings(data))):
        return data
    return await _move_files(data, block, postprocess, **options)


# Who cancels: the session and the function of a question, as Gradio names tasks.
CANCELLING = ContextVar[str]("CANCELLING", default="")


async def note_who_cancels(tasks: set[str]) -> list[str]:
    """In place of Gradio's own, which cancels tasks: none is, and `Queue` ends the question."""
    CANCELLING.set(*tasks)
    return []


# An empty one, Gradio takes for none in one place, and for a name in another.
Hash = Annotated[str, Field(min_length=1, max_length=MAX_HASH)]


class Question(gradio.routes.PredictBody):
    """Gradio's own, whose names are bounded: Gradio keeps them, some for good, whatever they weigh."""

    session_hash: Hash | None = None
    event_id: Hash | None = None

    @field_validator("event_data")
    @classmethod
    def bound_files(cls, event: Any) -> Any:
        """Gradio looks for each file of an event on the disk, while nobody else is answered."""
        paths = [holder["path"] for holder in mappings(event) if "path" in holder]
        texts = [path for path in paths if isinstance(path, str)]
        if len(paths) > MAX_FILES or any(len(path) > MAX_PATH or "\0" in path for path in texts):
            raise ValueError(FORGED)
        return event


class WidgetQuestion(gradio.routes.ComponentServerJSONBody):
    """Gradio's own, of a server function, bounded like `Question`."""

    session_hash: Hash


NESTED = frozenset({dict, list})  # `isinstance` takes three times as long, of half a million numbers


def mappings(value: Any):
    """Every mapping in a value from JSON, however it is nested.

    Raises:
        ValueError: deeper than MAX_DEPTH.
    """
    level = [value] if type(value) in NESTED else []
    for _ in range(MAX_DEPTH):
        yield from (one for one in level if isinstance(one, dict))
        parts = (one.values() if isinstance(one, dict) else one for one in level)
        level = [inner for part in parts for inner in part if type(inner) in NESTED]
        if not level:
            return
    raise ValueError("nested too deeply")
