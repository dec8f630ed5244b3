"""Who is next: work is cut into short pieces, and the pieces of different people take turns."""

from __future__ import annotations

import threading
from collections import deque
from contextvars import ContextVar
from types import TracebackType

from app.explore.limits import DECODED_AT_ONCE, RequestError

# Set once the visitor for whom this thread works is gone; None where it works for nobody in particular.
LEFT: ContextVar[threading.Event | None] = ContextVar("left", default=None)


class LeftError(Exception):
    """Nobody waits for this any more."""


class Turns:
    """A semaphore that is fair: whoever came first goes first, and nobody goes again before those who wait.

    `threading.Semaphore` is not: a thread that gives its place back and asks again at once, as one that draws many
    pictures does, often gets it before a thread that has waited all the while.

    Raises:
        LeftError: as a turn begins: whoever asked has left.
    """

    def __init__(self, at_once: int):
        self._lock = threading.Lock()
        self._free = at_once
        self._waiting: deque[threading.Event] = deque()

    def __enter__(self) -> None:
        left = LEFT.get()
        if left and left.is_set():
            raise LeftError
        with self._lock:
            if self._free:  # nobody waits: a place that is given back goes to whoever does
                self._free -= 1
                return
            turn = threading.Event()
            self._waiting.append(turn)
        turn.wait()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1


class Room:
    """A place for so many at a time; who finds it full is told so at once, and holds up nobody else."""

    def __init__(self, seats: int, what: str):
        self._lock = threading.Lock()
        self._seats, self._taken, self._what = seats, 0, what

    def __enter__(self) -> None:
        with self._lock:
            if self._taken == self._seats:
                raise RequestError(f"{self._taken} people before you ask for {self._what}. Try again in a moment.")
            self._taken += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._taken -= 1


# One for all models: they share the processor, and each decoding takes all of it.
DECODING = Turns(DECODED_AT_ONCE)
