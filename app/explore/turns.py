"""Who is next: work is cut into short pieces, and the pieces of different people take turns."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, TypeVar

from app.explore.limits import (
    DECODED_AT_ONCE,
    ENCODED_AT_ONCE,
    HALF_SECONDS,
    KEPT_SERVED,
    LATER_AT_ONCE,
    MANY_AT_ONCE,
    PEER_MANY,
    RequestError,
)


class Asked:
    """One request of a visitor's: whose, how many pieces of it were begun, and whether the visitor is still there.

    Attributes:
        who: the visitor; None for the app itself.
        asks_for_many: whether it is for many pictures, and counted as such.
        holds_many: whether others wait for `MANY` until the piece at work is done.
    """

    def __init__(self, who: Hashable = None) -> None:
        self.who = who
        self.left = threading.Event()
        self.pieces = 0
        self.asks_for_many = self.holds_many = False
        self._wakes: threading.Event | None = None

    def leave(self) -> None:
        """The visitor is gone."""
        self.left.set()
        if self._wakes:
            self._wakes.set()

    def wait(self, turn: threading.Event) -> None:
        """Until it is this one's turn, or the visitor is gone.

        Nobody looks now and then whether they are: hundreds who do, and have to wait for each other even to look, keep
        the processor from everybody else.
        """
        self._wakes = turn  # before it is looked: `leave` does these in the other order
        if not self.left.is_set():
            turn.wait()


# What this thread works on; None where nobody in particular asked for it.
ASKED: ContextVar[Asked | None] = ContextVar("asked", default=None)


def asking() -> Hashable:
    """The visitor for whom this thread works; None for the app itself."""
    asked = ASKED.get()
    return asked.who if asked else None


class Counted(Protocol):
    """A thread that is counted among those at work (`app.kit.lines.Threads`).

    Attributes:
        holds: how many locks and places it has that others wait for.
    """

    holds: int

    def wait(self) -> None:
        """It waits for others: meanwhile, another works in its place."""

    def go_on(self) -> None:
        """It does so no more, and works."""

    def come_back(self) -> None:
        """It does so no more, and works once it is its turn to."""

    def are_too_many(self) -> bool:
        """Whether more work than may, as those who waited for something that others want go on at once with it."""


# How this thread is counted; None where it is not.
COUNTED: ContextVar[Counted | None] = ContextVar("counted", default=None)


@contextmanager
def waiting() -> Iterator[None]:
    """This thread waits for its turn: meanwhile, another works in its place."""
    counted = COUNTED.get()
    if counted:
        counted.wait()
    try:
        yield
    finally:
        if counted:
            counted.go_on()


@contextmanager
def held(lock: threading.Lock) -> Iterator[None]:
    """The lock. Whoever had to wait for it waits for their turn afterwards, as hundreds may have done so at once."""
    had_to_wait = not lock.acquire(blocking=False)
    if had_to_wait:
        with waiting():
            lock.acquire()
    hold()
    try:
        yield
    finally:
        lock.release()
        let_go(by_turn=had_to_wait)


def hold() -> None:
    """This thread has something now that others wait for."""
    counted = COUNTED.get()
    if counted:
        counted.holds += 1


def let_go(by_turn: bool = False) -> None:
    """It has that no more. If it has nothing else of the kind, and too many work, it waits for its turn.

    Args:
        by_turn: whether it does so even if not too many work.
    """
    counted = COUNTED.get()
    if not counted:
        return
    counted.holds -= 1
    if not counted.holds and (by_turn or counted.are_too_many()):
        counted.wait()
        counted.come_back()


class LeftError(Exception):
    """Nobody waits for this any more."""


@dataclass(eq=False)
class _Waiting:
    who: Hashable
    is_later: bool = False
    holds_many: bool = False
    turn: threading.Event = field(default_factory=threading.Event)


class Order:
    """Which visitors had a turn, and when: of those who wait, who had one longest ago is next.

    A visitor that is a tuple is somebody within a group within a group, such as one of those for whom an address says
    that it speaks, who may be made up: groups have turns first, and then those within.
    """

    def __init__(self) -> None:
        # When each visitor and group had one, and the visitor's `kind` then; the latest last.
        self._served: dict[Hashable, tuple[int, bool]] = {}
        self._turns = 0

    def note(self, who: Hashable, kind: bool | None = None) -> None:
        """A visitor has a turn now. Of those whose piece is of no `kind`, the last that was of one stays known."""
        self._turns += 1
        for name in _groups(who):
            _, before = self._served.pop(name, (0, False))
            self._served[name] = (self._turns, before if kind is None or name != who else kind)
        while len(self._served) > 2 * KEPT_SERVED:
            del self._served[next(iter(self._served))]

    def when(self, who: Hashable, kind: bool = False) -> tuple[list[int], bool]:
        """What is least for who is next; of one visitor's, the two kinds alternate."""
        served = [self._served.get(name, NEVER) for name in _groups(who)]
        return [turn for turn, _ in served], kind == served[-1][1]


NEVER = (0, False)


class Had:
    """How much of something each visitor had lately: of those who wait, who had least is next.

    What somebody had counts half as much after HALF_SECONDS, as in schedulers that decay usage. So who comes now and
    then has it at once, also beside many who ask for it all the time; these share the rest alike. Groups as in `Order`.
    """

    def __init__(self) -> None:
        self._had: dict[Hashable, float] = {}  # as of `_since`; the latest last
        self._since = time.monotonic()

    def add(self, who: Hashable, seconds: float) -> None:
        """A visitor had it for so long, until now."""
        now = time.monotonic()
        if now - self._since > FURTHEST * HALF_SECONDS:
            self._had, self._since = {name: self._worth(had) for name, had in self._had.items()}, now
        for name in _groups(who):
            self._had[name] = self._had.pop(name, 0.0) + seconds / self._worth(1.0)
        while len(self._had) > 2 * KEPT_SERVED:
            del self._had[next(iter(self._had))]

    def of(self, who: Hashable) -> list[float]:
        """What is least for who is next."""
        return [self._had.get(name, 0.0) for name in _groups(who)]

    def _worth(self, had: float) -> float:
        return had * 0.5 ** ((time.monotonic() - self._since) / HALF_SECONDS)


FURTHEST = 500  # halves of which nothing overflows


def _groups(who: Hashable) -> list[Hashable]:
    """The groups that a visitor is in, the largest first, and the visitor."""
    return [who[:length] for length in range(1, len(who) + 1)] if isinstance(who, tuple) else [who]


def speakers(who: Hashable) -> dict[Hashable, int]:
    """Who speaks for a visitor, and by which number that is divided which all may have for whom an address does.

    That is the address where they ask from, which may have all; and, as that may be a proxy's, who asks it, half.
    """
    if not isinstance(who, tuple):
        return {who: 1}
    return {who[:length]: length for length in range(1, min(len(who), 2) + 1)}


class Turns:
    """A semaphore that is fair: visitors take turns, and short requests do not wait for long ones.

    Of the pieces that wait, those that are the first of their request and those that are not take turns; of each kind,
    that of the visitor who had a turn longest ago is next. So a pointer, which asks for one picture, waits for other
    people's first pieces, and not for all that those ask who draw many; these still have half of the work, one at a
    time; and whoever asks for much of it waits for themselves. A piece for which others wait, as its thread holds
    `MANY`, counts as a first one, and has every second turn of its visitor's.

    `threading.Semaphore` is not fair: a thread that gives its place back and asks again at once, as one that draws many
    pictures does, often gets it before a thread that has waited all the while.

    Raises:
        LeftError: as a turn begins: whoever asked has left.
    """

    def __init__(self, at_once: int):
        self._lock = threading.Lock()
        self._free = at_once
        self._waiting: list[_Waiting] = []
        self._later = 0  # of those at work
        self._next_is_later = False
        self._order = Order()
        self._own = threading.local()  # what this thread has a turn for

    def __enter__(self) -> None:
        asked = ASKED.get()
        if asked and asked.left.is_set():
            raise LeftError
        holds_many = bool(asked and asked.holds_many)
        is_later = bool(asked and asked.pieces) and not holds_many
        one = self._own.turn = _Waiting(asking(), is_later, holds_many)
        with self._lock:
            if asked:
                asked.pieces += 1
            self._waiting.append(one)
            self._begin()
        if not one.turn.is_set():
            with waiting():
                one.turn.wait()
        hold()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._free += 1
            self._later -= self._own.turn.is_later
            self._begin()
        let_go()

    def _begin(self) -> None:
        while self._free:
            first = [one for one in self._waiting if not one.is_later]
            later = [one for one in self._waiting if one.is_later and self._later < LATER_AT_ONCE]
            can = later if later and (self._next_is_later or not first) else first
            if not can:
                return
            following = min(can, key=lambda one: self._order.when(one.who, one.holds_many))
            self._waiting.remove(following)
            self._free -= 1
            self._later += following.is_later
            self._next_is_later = not following.is_later
            self._order.note(following.who, None if following.is_later else following.holds_many)
            following.turn.set()


class Room:
    """A place for so many at a time, half of them for one visitor; who finds none is told so at once, and holds up
    nobody else.

    Of all visitors for whom one address speaks, `of_address` may have one, if that is given (`speakers`).
    """

    def __init__(self, seats: int, what: str, of_address: int | None = None):
        self._lock = threading.Lock()
        self._seats, self._taken, self._what = seats, Counter[Hashable](), what
        self._of_address, self._spoken_for = of_address, Counter[Hashable]()

    def __enter__(self) -> None:
        who = asking()
        with self._lock:
            if who is not None and self._taken[who] >= max(1, self._seats // 2):
                raise RequestError(f"You ask for {self._what} already. Try again in a moment.")
            full = [(self._taken.total(), self._seats)]
            if self._of_address:
                full += [(self._spoken_for[name], self._of_address // part) for name, part in speakers(who).items()]
            if most := next((most for taken, most in full if taken >= most), None):
                raise RequestError(f"{most} people before you ask for {self._what}. Try again in a moment.")
            self._taken[who] += 1
            self._spoken_for.update([*speakers(who)])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._taken[asking()] -= 1
            self._spoken_for.subtract([*speakers(asking())])
            self._taken += Counter()  # without those who have none left
            self._spoken_for += Counter()


class Seats:
    """A semaphore of which each visitor has one place at a time; of those who wait, who had least of it is next.

    For work that may take seconds in one piece. Whoever asks for much of it waits for themselves, and for others.

    Raises:
        LeftError: whoever asked has left before it was their turn.
    """

    def __init__(self, seats: int):
        self._lock = threading.Lock()
        self._free = seats
        self._waiting: list[_Waiting] = []
        self._seated: set[Hashable] = set()
        self._had = Had()
        self._own = threading.local()  # since when this thread has a place

    def __enter__(self) -> None:
        asked = ASKED.get() or Asked()
        if asked.left.is_set():
            raise LeftError
        one = _Waiting(asked.who)
        with self._lock:
            self._waiting.append(one)
            self._seat()
        if not one.turn.is_set():
            with waiting():
                asked.wait(one.turn)
            with self._lock:
                if one in self._waiting:
                    self._waiting.remove(one)
                    raise LeftError
        self._own.since = time.monotonic()
        hold()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._had.add(asking(), time.monotonic() - self._own.since)
            self._seated.discard(asking())
            self._free += 1
            self._seat()
        let_go()

    def _seat(self) -> None:
        while self._free:
            can = [one for one in self._waiting if one.who is None or one.who not in self._seated]
            if not can:
                return
            following = min(can, key=lambda one: self._had.of(one.who))
            self._waiting.remove(following)
            self._free -= 1
            self._seated.add(following.who)
            following.turn.set()


# One for all models: they share the processor, and each decoding takes all of it.
DECODING = Turns(DECODED_AT_ONCE)
# For large pictures an encoding takes a gigabyte; and as it is one piece, nothing is gained by turns between its parts.
ENCODING = Seats(ENCODED_AT_ONCE)
# Questions for many pictures work as long as dozens for a single one: of all that are asked, one picture at a time.
MANY = Seats(1)
# As none of them ends soon where many are asked, they are fewer than the threads: others find one.
ASKED_FOR_MANY = Room(MANY_AT_ONCE, "many pictures", PEER_MANY)

Made = TypeVar("Made")


@contextmanager
def many(count: int) -> Iterator[None]:
    """A question for so many pictures, as long as it is worked on; within another, nothing more.

    Raises:
        RequestError: as it is entered: too many ask for several already.
    """
    asked = ASKED.get() or Asked()
    if count <= 1 or asked.asks_for_many:
        yield
        return
    with ASKED_FOR_MANY:
        asked.asks_for_many = True
        try:
            yield
        finally:
            asked.asks_for_many = False


def each_in_turn(make: Callable[..., Made], arguments: Iterable[tuple]) -> list[Made]:
    """What is made of each of these arguments; between two of one question, others' questions for many have a turn.

    Raises:
        RequestError: too many ask already.
    """
    arguments = [*arguments]
    if len(arguments) == 1:  # which is not many
        return [make(*arguments[0])]
    made, asked = [], ASKED.get() or Asked()
    with many(len(arguments)):
        for each in arguments:
            with MANY:
                asked.holds_many = True
                try:
                    made.append(make(*each))
                finally:
                    asked.holds_many = False
    return made
