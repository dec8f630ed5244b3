"""Connections, of which a process can have so many: whoever holds them all keeps everybody out."""

from __future__ import annotations

import asyncio
import re
import socket
from collections import Counter, deque
from contextlib import suppress
from typing import Any

import h11
from starlette.types import Scope
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from app.explore.limits import (
    ACCEPTED_AT_ONCE,
    ALL_CONNECTIONS,
    LEAST_CHUNK,
    MAX_HEADERS,
    REQUEST_SECONDS,
    UNREAD_ANSWER_SECONDS,
    UNREAD_CONNECTIONS,
    UNSENT_BYTES,
)
from app.kit.lines import take_off

END_OF_HEAD = re.compile(rb"\n\r?\n")  # as h11 has it
HELD_BYTES = 1 << 16  # of next requests, while one is answered
TAKEN_BYTES = 4096  # of a body in chunks at a time
FRAME_BYTES = 8  # around a chunk: its size and two ends of lines

CYCLE = "latentscape.cycle"  # in a request's scope: Uvicorn's own of it


def has_left(scope: Scope) -> bool:
    """Whether the connection of a request has ended, as far as is known yet."""
    return CYCLE in scope and scope[CYCLE].disconnected


class Room:
    """What all share. One address has a third of what others leave, so that a few cannot have all."""

    def __init__(self, most: int) -> None:
        self.most, self.all = most, 0
        self._of = Counter[str]()

    def take(self, address: str, amount: int = 1) -> bool:
        """Counts so much more of an address, unless it would have more than it may."""
        theirs = self._of[address]
        if 3 * (theirs + amount) > self.most - (self.all - theirs):
            return False
        self._of[address] += amount
        self.all += amount
        return True

    def give_back(self, address: str, amount: int = 1) -> None:
        """Counts so much less."""
        take_off(self._of, [address], amount)
        self.all -= amount

    def of(self, address: str) -> int:
        """How much an address has."""
        return self._of[address]


def _address_in(peername: Any) -> str:
    return peername[0] if isinstance(peername, tuple) else ""  # a socket of another kind has none


OPEN = Room(ALL_CONNECTIONS)
UNREAD = Room(UNREAD_CONNECTIONS)  # connections that wait for who asked to read what was answered


class Loop(asyncio.SelectorEventLoop):
    """Python's own, which begins a few of the connections it accepts each time that it comes round, by turns.

    Else it reads from all that have come: of thousands a second, each round would take a second, and an answer takes
    dozens of rounds. uvloop accepts one a round: who comes behind hundreds waits for as many rounds, before there can
    be turns (`Shares`). Where too few are accepted, the system drops others' connections, which try again after
    seconds.
    """

    def __init__(self) -> None:
        super().__init__()
        self._waiting: dict[str, deque[tuple[socket.socket, asyncio.Future[bool]]]] = {}  # whose turn is next is first
        self._is_beginning = False

    async def _accept_connection2(self, factory: Any, conn: socket.socket, extra: dict[str, Any], *more: Any) -> None:
        address = _address_in(extra["peername"])
        if not OPEN.take(address):
            conn.close()
            return
        try:
            begins = await self._turn(address, conn)
        except asyncio.CancelledError:  # the server ends
            begins = False
        if begins:
            await super()._accept_connection2(factory, conn, extra, *more)  # type: ignore[misc]
        else:
            conn.close()
            OPEN.give_back(address)

    async def _turn(self, address: str, conn: socket.socket) -> bool:
        """Whether there is somebody still, once it is an address's turn."""
        turn: asyncio.Future[bool] = self.create_future()
        self._waiting.setdefault(address, deque()).append((conn, turn))
        if not self._is_beginning:
            self._is_beginning = True
            self.call_soon(self._begin)
        return await turn

    def _begin(self) -> None:
        begun = 0
        while self._waiting and begun < ACCEPTED_AT_ONCE:
            address = next(iter(self._waiting))
            theirs = self._waiting.pop(address)
            conn, turn = theirs.popleft()
            if theirs:
                self._waiting[address] = theirs
            if not turn.done():
                is_there = not conn.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # else it was reset
                begun += is_there
                turn.set_result(is_there)
        self._is_beginning = bool(self._waiting)
        if self._is_beginning:
            self.call_soon(self._begin)


class Connection(H11Protocol):
    """Uvicorn's own, which waits for ever for a first request, for one that comes a byte at a time, and for its body.

    Who sends on, if only a byte of a body at a time, is let do so. It waits for ever too for an answer to be read, and
    whatever is written meanwhile lies in memory, here and in the system. `Loop` makes them, of those that are `OPEN`.
    """

    _stuck: asyncio.TimerHandle | None = None
    _silence: asyncio.TimerHandle | None = None
    _held = b""  # what has come, and is not h11's yet
    _lines = 0  # of a head so far
    _tail = b""  # its last bytes
    _content = _frames = 0  # bytes of a body in chunks so far, and of what stands around it

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Uvicorn's own, for a while only if nothing is asked."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(0)  # what comes after it waits (`drain`), until all of it is the system's
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            with suppress(OSError):  # of a socket of another kind
                own = transport.get_extra_info("socket")
                own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
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
        if self.conn.their_state not in (h11.IDLE, h11.ERROR):  # it is complete
            self.cycle.scope[CYCLE] = self.cycle
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

    def pause_writing(self) -> None:
        """Uvicorn's own, for a while; and for few, of one address."""
        super().pause_writing()
        if UNREAD.take(self._address()):
            self._stuck = self.loop.call_later(UNREAD_ANSWER_SECONDS, self.transport.abort)
        else:
            self.transport.abort()

    def resume_writing(self) -> None:
        """Uvicorn's own."""
        super().resume_writing()
        self._is_read()

    def connection_lost(self, exc: Exception | None) -> None:
        """Uvicorn's own."""
        super().connection_lost(exc)
        OPEN.give_back(self._address())
        self._is_read()
        self._stop_waiting()

    def _should_upgrade_to_ws(self) -> bool:
        """Never: the app has no use for WebSockets, of which this would know nothing any more."""
        return False

    def _address(self) -> str:
        return _address_in(self.transport.get_extra_info("peername"))  # `client` is None if it was reset before

    def _is_read(self) -> None:
        if self._stuck:
            self._stuck.cancel()
            self._stuck = None
            UNREAD.give_back(self._address())

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
