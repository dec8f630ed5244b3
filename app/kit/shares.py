"""Shares: how much of the server one visitor has at a time, and that whoever leaves gives it back at once."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import time
from collections import Counter
from collections.abc import Hashable
from contextlib import AsyncExitStack, suppress

from gradio.queueing import Queue
from gradio.server_messages import ProcessCompletedMessage
from gradio.utils import get_upload_folder
from starlette.datastructures import QueryParams
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.explore.limits import (
    ALL_MEGABYTES,
    ANSWER_MEGABYTES,
    COUNTED_SECONDS,
    CROWDED_SECONDS,
    FILES_AT_ONCE,
    KEPT_PROGRESS,
    KEPT_STREAMS,
    KEPT_UPLOADERS,
    LET_IN_AT_ONCE,
    LONG_AT_ONCE,
    LONGEST_ADDRESS,
    LONGEST_PATH,
    LONGEST_QUERY,
    MEGABYTE,
    NOTICED_SECONDS,
    PAGES_AT_ONCE,
    PEER_WAITING,
    SHORT_AT_ONCE,
    SMALL_BYTES,
    SPOKEN_FOR,
    UNHEARD_SECONDS,
    UNREAD_SECONDS,
    VISITOR_AT_ONCE,
    VISITOR_FILES,
    VISITOR_MEGABYTES,
    VISITOR_WAITING,
)
from app.explore.turns import ASKED, Asked, LeftError
from app.kit import temporary
from app.kit.connection import Room, has_left
from app.kit.lines import Gate, Places, are_many, counted_as, take_off

ASKS = re.compile(r"/(component_server|(run|api)/[^/]+)$")  # Gradio's routes that answer at once
# And those of the page and its descriptions, which take long.
PAGES = re.compile(r"(^|/(config|info|openapi\.json|mcp/schema))$")
TOOLS = re.compile(r"/mcp(/.*)?$")  # what agents ask (--mcp): a thread waits for each answer
UPLOADS = re.compile(r"/upload$")
BEATS = re.compile(r"/heartbeat/[^/]+$")  # and that says as long as a page is open that it is
WATCHES = re.compile(r"/upload_progress$")  # and that tells how much of an upload has come, many times a second
READS = re.compile(r"/queue/data$|/call/(v2/)?[^/]+/([^/]+)$")  # Gradio's routes that hand out answers, as they come
JOINS = re.compile(r"/(queue/join|call/(v2/)?[^/]+)$")  # Gradio's routes that put a question into its queue
BOUNDARY = b"\r\n--"  # between the parts of a form: how it begins
ADDRESS_HEADERS = (b"host", b"x-forwarded-host", b"x-forwarded-proto", b"x-gradio-server")  # of which Gradio makes it
UNESCAPED = re.compile(rb'["<>\\^`{|}]')  # as browsers and the page never leave them
VISITOR = "latentscape.visitor"  # in a request's scope
TOO_LONG = "This address is too long."
TOO_MUCH = "Your address has uploaded as much as there is room for. Try again in an hour."
UNHEARD = "Nobody listened for the answer. Ask again."
TOO_MANY = "Too many questions at once come from your address. Try again in a moment."


class Shares:
    """ASGI middleware, for `launch(app_kwargs={"middleware": ...})`, before the page and the widgets' server functions.

    Of a visitor's questions, those past VISITOR_AT_ONCE wait until the visitor's others are answered, without a thread;
    those past VISITOR_WAITING are refused. A visitor is an address. Behind a proxy that is the proxy's, with what it
    says of whom it speaks for: anyone can say that, so that this shares the server among those who mean well, and keeps
    nobody out. What all of an address's visitors have waiting is bounded too (PEER_WAITING), whatever it says; and of
    those whom a proxy heard from, one has half of that.

    Before Gradio's queue too, which goes by turns (`bounded.Queue`). It keeps every answer until it is fetched: those
    that nobody fetches are dropped after a while, and at once where they are many. Who still reads, however slowly,
    loses none for being late.

    What was sent and is not answered yet lies in memory, also of requests that never arrive in full: it has a bound, a
    visitor's and everybody's. Uploads lie on the disk: a visitor's of an hour take at most as much as they leave, and
    are not more files than people send.
    """

    def __init__(self, app: ASGIApp):
        self._app = app
        self._questions, self._pages = Places(VISITOR_AT_ONCE), Places(PAGES_AT_ONCE)
        self._short, self._long = Places(SHORT_AT_ONCE), Places(LONG_AT_ONCE)
        self._gate = Gate(LET_IN_AT_ONCE)
        self._joined: dict[str, _Joined] = {}
        self._asked, self._count_again = Counter[Hashable](), 0.0  # questions in Gradio's queue, by `counted_as`
        self._reading = Counter[str]()  # sessions whose answers are being read
        self._readers = Counter[Hashable]()  # who reads them, by `counted_as`
        self._sent = Counter[tuple]()  # bytes of each visitor's requests that lie in memory
        self._uploads: dict[tuple, _Uploads] = {}
        self._beating = Counter[tuple]()  # pages that say that they are open: of each visitor, and of each address
        self._watched: dict[str, tuple] = {}  # upload -> who is told how much of it has come

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if has_left(scope):
            return
        if are_many(visitor_of(scope), self._gate.waiting, PEER_WAITING):
            await _refusal(TOO_MANY)(scope, receive, send)
            return
        try:
            await self._gate.enter(visitor_of(scope), lambda: has_left(scope))
        except LeftError:
            return
        if not _has_short_address(scope):
            refusal = _refusal(TOO_LONG, 414)
            with suppress(LeftError):
                await self._in_turn(refusal, scope, _Ahead(receive), send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", "")).rstrip("/")
        if scope["method"] != "POST":
            with suppress(LeftError):
                await self._share(path, scope, _Ahead(receive), send)
            return
        is_upload = UPLOADS.search(path)
        body = _Upload(self, scope, receive) if is_upload else _Body(self, scope, receive)

        async def tell(message: Message) -> None:
            if not body.is_refused:
                await send(message)

        try:
            await self._share(path, scope, body, tell)
        except (NoRoomError, LeftError):
            pass
        finally:
            if not body.is_queued:
                body.leave()
        if body.is_refused:
            words = TOO_MUCH if is_upload else TOO_MANY
            await _refusal(words)(scope, receive, send)

    def has_room(self, who: tuple, scope: Scope) -> bool:
        """Whether the requests that lie in memory are no more than there is room for: this visitor's, and all."""

        def is_room() -> bool:
            return self._sent[who] <= VISITOR_MEGABYTES * MEGABYTE and self._sent.total() <= ALL_MEGABYTES * MEGABYTE

        if not is_room():
            self._waiting(scope["app"].get_blocks()._queue)  # finds those that were answered meanwhile
        return is_room()

    def has_left_room(self, who: tuple, size: int, files: int) -> bool:
        """Notes an upload's next bytes and files, and says whether as many bytes as the visitor has sent have room
        beside them, and whether the files are no more than VISITOR_FILES.

        Where nobody's bytes have room, the door says so.
        """
        now = time.monotonic()
        sent = self._uploads.get(who)
        if sent is None or now - sent.since > CROWDED_SECONDS:
            self._uploads.pop(who, None)
            while len(self._uploads) >= KEPT_UPLOADERS:
                del self._uploads[next(iter(self._uploads))]
            sent = self._uploads[who] = _Uploads(now)
        sent.bytes += size
        sent.files += files
        room = temporary.room(get_upload_folder())
        return sent.files <= VISITOR_FILES and (room < 0 or sent.bytes <= room)

    async def _share(self, path: str, scope: Scope, receive: _Ahead, send: Send) -> None:
        is_tool, is_upload = (scope["method"] == "POST" and kind.search(path) for kind in (TOOLS, UPLOADS))
        is_page = PAGES.search(path)
        if not (is_page or ASKS.search(path) or is_tool or is_upload):
            await self._in_turn(self._short_answer(path, receive), scope, receive, send)
            return
        # For a tool, Gradio asks the app from this machine, perhaps under the same address: in other places. Uploads
        # take long where the network is slow.
        who = (*visitor_of(scope), *([b"tools"] if is_tool else [b"uploads"] if is_upload else []))
        places = self._pages if is_page else self._questions
        if places.are_full(who):
            await self._in_turn(_refusal(TOO_MANY), scope, receive, send)
            return
        await self._at(places, who, self._answer, scope, receive, send)

    def _short_answer(self, path: str, receive: _Ahead) -> ASGIApp:
        if isinstance(receive, _Body) and JOINS.search(path):
            return self._join
        routes = ((READS, self._read), (WATCHES, self._watch), (BEATS, self._beat))
        return next((answer for pattern, answer in routes if pattern.search(path)), self._app)

    async def _in_turn(self, answer: ASGIApp, scope: Scope, receive: _Ahead, send: Send) -> None:
        """Answers what takes little, while some of its visitor's others are.

        Who asks a thousand at once would have each step of everybody else's wait for one of each of these.
        """
        who = visitor_of(scope)
        if are_many(who, self._short.asked, PEER_WAITING):
            await _refusal(TOO_MANY)(scope, receive, send)
            return
        await self._at(self._short, who, answer, scope, receive, send)

    async def _at(self, places: Places, who: tuple, answer: ASGIApp, scope: Scope, receive: _Ahead, send: Send) -> None:
        async with AsyncExitStack() as place:
            await place.enter_async_context(places.place(who, receive.has_left))
            await answer(scope, receive, _Outgoing(scope, send, place, self._long))

    async def _read(self, scope: Scope, receive: Receive, send: Send) -> None:
        session, who = _session_of(scope), visitor_of(scope)
        if are_many(who, self._readers, VISITOR_WAITING):
            await _refusal(TOO_MANY)(scope, receive, send)
            return
        self._reading[session] += 1
        self._readers.update(counted_as(who))
        try:
            await self._app(scope, receive, send)
        finally:
            take_off(self._reading, [session])
            take_off(self._readers, counted_as(who))

    async def _beat(self, scope: Scope, receive: Receive, send: Send) -> None:
        who = visitor_of(scope)
        if are_many(who, self._beating, VISITOR_WAITING):
            await _refusal(TOO_MANY)(scope, receive, send)
            return
        self._beating.update(counted_as(who))
        try:
            await self._app(scope, receive, send)
        finally:
            take_off(self._beating, counted_as(who))

    async def _watch(self, scope: Scope, receive: Receive, send: Send) -> None:
        upload = QueryParams(scope["query_string"]).get("upload_id", "")
        who, watching = visitor_of(scope), [*self._watched.values()]
        is_much = watching.count(who) >= VISITOR_AT_ONCE or len(watching) >= KEPT_PROGRESS
        if upload in self._watched or is_much:
            await _refusal(TOO_MANY)(scope, receive, send)
            return
        self._watched[upload] = who
        try:
            await self._app(scope, receive, send)
        finally:
            del self._watched[upload]

    async def _join(self, scope: Scope, receive: _Body, send: Send) -> None:
        queue, who = scope["app"].get_blocks()._queue, visitor_of(scope)
        await self._look_after(queue)
        if are_many(who, self._asked, VISITOR_WAITING):
            await _refusal(TOO_MANY)(scope, receive, send)
            return
        answer = bytearray()

        async def tell(message: Message) -> None:
            answer.extend(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, tell)
        finally:
            if event := _event_of(answer):
                self._joined[event] = _Joined(who, receive)
                self._asked.update(counted_as(who))
                receive.is_queued = True

    async def _look_after(self, queue: Queue) -> None:
        """Counts the questions in Gradio's queue anew, and ends those for whose answers nobody listens.

        Where that takes long, as where thousands are asked, it is done for a twentieth of the time.
        """
        if time.monotonic() < self._count_again:
            return
        begun = time.thread_time()
        await self._end_unheard(queue)
        self._asked = self._waiting(queue)
        taken = time.thread_time() - begun
        pause = min(20 * taken, COUNTED_SECONDS) if taken > NOTICED_SECONDS else 0.0
        self._count_again = time.monotonic() + pause

    def _waiting(self, queue: Queue) -> Counter[Hashable]:
        """How many questions of whom, by `counted_as`, are in Gradio's queue, or at work.

        Of the answers that are there to be fetched, too old ones and too many of one visitor's are forgotten; and
        sessions that wait for none, which Gradio keeps for good.
        """
        now, waiting, unread = time.monotonic(), Counter[Hashable](), Counter[tuple | str]()
        sessions = {event: session for session, events in queue.pending_event_ids_session.items() for event in events}
        for event, joined in reversed([*self._joined.items()]):  # the latest first
            who = joined.who
            if event in queue.event_ids_to_events:
                waiting.update(counted_as(who))
                continue
            if joined.body:
                joined.body.leave()
                joined.body = None
            if event in sessions:
                joined.answered = joined.answered or now
                unread.update([who, who[0]])
                is_read = sessions[event] in self._reading
                is_late = now - joined.answered > UNREAD_SECONDS and not is_read
                if not is_late and unread[who] <= VISITOR_WAITING and unread[who[0]] <= PEER_WAITING:
                    continue
                _forget(queue, sessions[event], event)
            del self._joined[event]
        over = [
            session
            for session in queue.pending_messages_per_session
            if not queue.pending_event_ids_session.get(session) and session not in self._reading
        ]
        for session in over[: max(0, len(over) - KEPT_STREAMS)]:
            queue.pending_event_ids_session.pop(session, None)
            del queue.pending_messages_per_session[session]
        return waiting

    async def _end_unheard(self, queue: Queue) -> None:
        """Ends questions for whose answers nobody has listened since they were asked."""
        now = time.monotonic()
        for session, events in [*queue.pending_event_ids_session.items()]:
            if session in self._reading:
                continue
            for event in [*events]:
                joined, asked = self._joined.get(event), queue.event_ids_to_events.get(event)
                if joined and asked and asked.alive and now - joined.since > UNHEARD_SECONDS:
                    queue.send_message(asked, ProcessCompletedMessage(output={"error": UNHEARD}, success=False))
                    asked.alive = False
                    await queue.clean_events(event_id=event)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Has it answered; tells those who work on it (`app.explore.turns`) when the visitor is gone."""
        asked, arrived = Asked(visitor_of(scope)), asyncio.Event()
        ASKED.set(asked)

        async def heard() -> Message:
            message = await receive()
            if not message.get("more_body"):
                arrived.set()
            return message

        async def watch() -> None:
            await arrived.wait()
            while (await receive())["type"] != "http.disconnect":
                pass
            asked.leave()

        watching = asyncio.create_task(watch())
        try:
            await self._app(scope, heard, send)
        finally:
            watching.cancel()


def _refusal(words: str, status: int = 429) -> ASGIApp:
    """An answer of one sentence, for pages, which read one of the two, and for programs."""
    return JSONResponse({"error": words, "detail": words}, status)


def _event_of(answer: bytes) -> str | None:
    """The question's name, in what Gradio answers as it joins the queue; None if it was refused."""
    try:
        return json.loads(answer)["event_id"]
    except (ValueError, KeyError, TypeError):
        return None


def _session_of(scope: Scope) -> str:
    """Whose answers a request for answers asks for: its session's, or that of the question that it names."""
    if session := QueryParams(scope["query_string"]).get("session_hash"):
        return session
    name = scope["path"].rstrip("/").rpartition("/")[2]
    event = scope["app"].get_blocks()._queue.event_ids_to_events.get(name)
    return event.session_hash if event else name


def _forget(queue: Queue, session: str, event: str) -> None:
    """Drops an answer that nobody fetched."""
    queue.pending_event_ids_session[session].discard(event)
    if messages := queue.pending_messages_per_session.get(session):
        kept = [message for message in messages._queue if message.event_id != event]
        messages._queue.clear()
        messages._queue.extend(kept)


class NoRoomError(Exception):
    pass


class _Outgoing:
    """How an answer goes out: what is large, in pieces, as it is read.

    Somebody may read it slowly: it leaves the place at which it was made, and a stream too. While a large one is not
    read it lies in memory; of those of one address for which there is no room, none is begun.
    """

    _unread = Room(ANSWER_MEGABYTES * MEGABYTE)  # bytes

    def __init__(self, scope: Scope, send: Send, place: AsyncExitStack, long: Places) -> None:
        self._scope, self._send, self._place, self._long = scope, send, place, long
        self._start: Message | None = None
        self._is_long = self._is_refused = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_stream(message):
            self._is_long = True
            await self._place.aclose()
            await self._send(message)
        elif message["type"] == "http.response.start":
            self._start = message  # to be sent with the first of its body
        elif not self._is_refused:
            await self._go_on(message.get("body", b""), message.get("more_body", False))

    async def _go_on(self, body: bytes, is_more: bool) -> None:
        is_large = len(body) > SMALL_BYTES
        if (is_large or is_more) and not self._is_long:
            self._is_long = True
            await self._place.aclose()
            who = visitor_of(self._scope)
            if is_large:
                if not self._unread.take(who[0], len(body)):
                    self._is_refused = True
                    await _refusal(TOO_MANY)(self._scope, _nothing, self._send)
                    return
                self._place.callback(self._unread.give_back, who[0], len(body))
            await self._place.enter_async_context(self._long.place(who))
        if self._start:
            await self._send(self._start)
            self._start = None
        for begin in range(0, max(1, len(body)), SMALL_BYTES):
            end = begin + SMALL_BYTES
            piece = {"type": "http.response.body", "body": body[begin:end], "more_body": is_more or end < len(body)}
            await self._send(piece)


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


class _Ahead:
    """What a visitor sends with a request, of which one message is read ahead."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._next = receive, list[Message]()

    async def __call__(self) -> Message:
        return self._next.pop() if self._next else await self._receive()

    async def has_left(self) -> bool:
        """Whether the visitor is gone, before anything of it is read; False where more of a body is to come."""
        self._next = [await self._receive()]
        if self._next[0].get("more_body"):
            return False
        with suppress(TimeoutError):
            async with asyncio.timeout(0):
                return (await self._receive())["type"] == "http.disconnect"
        return False


class _Body(_Ahead):
    """What a visitor sends with a request, weighed as it arrives. What is small has room in any case."""

    def __init__(self, shares: Shares, scope: Scope, receive: Receive) -> None:
        super().__init__(receive)
        self._shares, self._scope = shares, scope
        self._who, self._size = visitor_of(scope), 0
        self.is_queued = self.is_refused = False

    async def __call__(self) -> Message:
        message = await super().__call__()
        size = len(message.get("body", b""))
        self._size += size
        self._shares._sent[self._who] += size
        if size and self._size > SMALL_BYTES and not self._shares.has_room(self._who, self._scope):
            self.is_refused = True
            raise NoRoomError
        return message

    def leave(self) -> None:
        """It lies in memory no more."""
        self._shares._sent[self._who] -= self._size
        if not self._shares._sent[self._who]:
            del self._shares._sent[self._who]


class _Upload(_Body):
    """An upload, which lies on the disk: handed on a few files at a time, which Gradio has open at once."""

    _rest: Message | None = None  # of what has come
    _tail = b""  # of what was handed on: a boundary may have begun there

    async def __call__(self) -> Message:
        message = self._rest or await _Ahead.__call__(self)
        body = message.get("body", b"")
        end = _end_of_parts(body, FILES_AT_ONCE)
        piece, rest = body[:end], body[end:]
        self._rest = {**message, "body": rest} if rest else None
        files = (self._tail + piece).count(BOUNDARY)
        self._tail = (self._tail + piece)[-len(BOUNDARY) + 1 :]
        if piece and not self._shares.has_left_room(self._who, len(piece), files):
            self.is_refused = True
            raise NoRoomError
        return {**message, "body": piece, "more_body": message.get("more_body", False) or bool(rest)}


def _end_of_parts(body: bytes, most: int) -> int:
    """Where so many parts of a form end that has been sent; where it has fewer, the end of it all."""
    end = 0
    for _ in range(most):
        found = body.find(BOUNDARY, end)
        if found < 0:
            return len(body)
        end = found + len(BOUNDARY)
    return end


class _Uploads:
    """What a visitor has uploaded lately."""

    def __init__(self, since: float) -> None:
        self.since, self.bytes, self.files = since, 0, 0


class _Joined:
    def __init__(self, who: tuple, body: _Body | None = None) -> None:
        self.who = who
        self.body = body  # until the question is answered
        self.since = time.monotonic()
        self.answered: float | None = None  # when that was found


def _is_stream(message: Message) -> bool:
    """Whether this begins an answer that comes bit by bit, as long as somebody listens."""
    return any(
        name.lower() == b"content-type" and value.startswith(b"text/event-stream")
        for name, value in message.get("headers", ())
    )


def _has_short_address(scope: Scope) -> bool:
    """Whether nobody waits long while Gradio reads the address: it does so in the loop, a letter at a time."""
    query = scope["query_string"]
    return (
        len(scope["path"]) <= LONGEST_PATH
        and len(query) <= LONGEST_QUERY
        and (len(query) <= LONGEST_PATH or not UNESCAPED.search(query))
        and all(len(value) <= LONGEST_ADDRESS for name, value in scope["headers"] if name in ADDRESS_HEADERS)
    )


def visitor_of(scope: Scope) -> tuple:
    """Who asks: the address, and, in a few bytes each, whom it says it speaks for, the nearest first.

    A proxy adds at the end whom it heard from. What is before that may be made up, by who has one share all the same.
    """
    if VISITOR not in scope:  # it is asked of each question that waits, each time that another comes
        host, _port = scope.get("client") or ("", 0)
        said = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for")
        nearest = said.rsplit(b",", SPOKEN_FOR)[::-1] if said else []
        scope[VISITOR] = (host, *(hashlib.blake2b(name.strip(), digest_size=16).digest() for name in nearest))
    return scope[VISITOR]
