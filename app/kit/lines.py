"""Lines: who waits for a place, a turn or a thread, and who is next."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from app.explore.limits import BEGUN_AT_ONCE, PEER_BEGUN, PEER_WAITING, VISITOR_WAITING, WORKING_AT_ONCE
from app.explore.turns import ASKED, COUNTED, LeftError, Order, asking, speakers


def counted_as(who: Hashable) -> list[Hashable]:
    """By which something of a visitor's is counted: theirs, and that of all who have the same speaker."""
    return [("own", who), *speakers(who)]


def take_off(counts: Counter, names: Iterable[Hashable], amount: int = 1) -> None:
    """Counts so much less of each; of whom there is none left, nothing is kept."""
    for name in names:
        counts[name] -= amount
        if not counts[name]:
            del counts[name]


def are_many(who: tuple, counts: Counter[Hashable], most: int) -> bool:
    """Whether there are as many of a visitor's, or of all who have the same speaker, as may be."""
    of_peers = any(counts[name] >= PEER_WAITING // part for name, part in speakers(who).items())
    return of_peers or counts["own", who] >= most


class Places:
    """For so many of each visitor's requests at a time; the others wait, and nobody else's with them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.asked = Counter[Hashable]()  # how many have a place or wait for one, by `counted_as`
        self._free: dict[tuple, asyncio.Semaphore] = {}

    def are_full(self, who: tuple) -> bool:
        """Whether so many of a visitor's wait, or of all that one address speaks for, that no more may."""
        return are_many(who, self.asked, self._most + VISITOR_WAITING)

    @asynccontextmanager
    async def place(self, who: tuple, has_left: Callable[[], Awaitable[bool]] | None = None) -> AsyncIterator[None]:
        """One of them, once one is free; for who has left meanwhile, as far as that can be asked, none.

        Raises:
            LeftError: they have.
        """
        free = self._free.setdefault(who, asyncio.Semaphore(self._most))
        self.asked.update(counted_as(who))
        waits = free.locked()
        try:
            async with free:
                if waits and has_left and await has_left():
                    raise LeftError
                yield
                await asyncio.sleep(0)  # others' first: what waited for nothing has kept everybody waiting
        finally:
            take_off(self.asked, counted_as(who))
            if counted_as(who)[0] not in self.asked:
                del self._free[who]


class Line:
    """For so many at a time; of those who wait, who had a turn longest ago is next (`app.explore.turns.Order`)."""

    def __init__(self, places: int = 1) -> None:
        self._free = places
        self._waiting: list[_InLine] = []
        self._order = Order()

    @asynccontextmanager
    async def turn(self, who: Hashable) -> AsyncIterator[None]:
        """A visitor's, once it is there.

        Raises:
            LeftError: the visitor has left before it was, as far as that is known.
        """
        await self.enter(who)
        try:
            yield
        finally:
            self.leave(who)

    async def enter(self, who: Hashable) -> None:
        """Begins a visitor's turn, as `turn`."""
        one = _InLine(who, turn := asyncio.Event())
        self._waiting.append(one)
        self._begin()
        try:
            await turn.wait()
            asked = ASKED.get()
            if asked and asked.left.is_set():
                raise LeftError
        except BaseException:
            if turn.is_set():
                self.leave(who)
            else:
                self._waiting.remove(one)
            raise

    def leave(self, who: Hashable) -> None:
        """Ends a visitor's turn."""
        self._free += 1
        self._begin()

    def _may_begin(self, _one: _InLine) -> bool:
        return True

    def _begin(self) -> None:
        while self._free > 0 and (can := [one for one in self._waiting if self._may_begin(one)]):
            following = min(can, key=lambda one: self._order.when(one.who))
            self._waiting.remove(following)
            self._note(following)
            following.turn.set()

    def _note(self, one: _InLine) -> None:
        self._free -= 1
        self._order.note(one.who)


@dataclass(eq=False)
class _InLine:
    who: Hashable
    turn: asyncio.Event | threading.Event
    has_begun: bool = False


class Gate:
    """Lets in so many requests each time that the loop comes round, by turns.

    Else each of hundreds that come at once has a step of its own before each of anybody's. Nobody holds a place in it,
    so that nothing that is let in, and waits for others or a slow network, holds up who comes next.
    """

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._waiting: dict[Hashable, list[_AtGate]] = {}  # of each address
        self.waiting = Counter[Hashable]()  # how many there are, by `counted_as`
        self._order = Order()
        self._is_opening = False

    async def enter(self, who: Hashable, has_left: Callable[[], bool] = lambda: False) -> None:
        """Waits until it is a visitor's turn.

        Raises:
            LeftError: they have left before it was.
        """
        one = _AtGate(who, has_left, asyncio.Event())
        self._waiting.setdefault(one.address, []).append(one)
        self.waiting.update(counted_as(who))
        if not self._is_opening:
            self._is_opening = True
            asyncio.get_running_loop().call_soon(self._open)
        await one.turn.wait()
        if has_left():
            raise LeftError

    def _open(self) -> None:
        for _ in range(self._at_once):
            if not self._waiting:
                break
            address = min(self._waiting, key=self._order.when)
            all_here = self._waiting.pop(address)
            go_on = [one for one in all_here if one.has_left()]
            waiting = [one for one in all_here if not one.has_left()]
            if waiting:
                following = min(waiting, key=lambda one: self._order.when(one.who))
                self._order.note(following.who)
                waiting.remove(following)
                go_on.append(following)
            for one in go_on:
                take_off(self.waiting, counted_as(one.who))
                one.turn.set()
            if waiting:
                self._waiting[address] = waiting
        self._is_opening = bool(self._waiting)
        if self._is_opening:
            asyncio.get_running_loop().call_soon(self._open)


@dataclass(eq=False)
class _AtGate:
    who: Hashable
    has_left: Callable[[], bool]
    turn: asyncio.Event

    @property
    def address(self) -> Hashable:
        return next(iter(speakers(self.who)))


_PASSES: ContextVar[bool] = ContextVar("passes", default=False)


@contextmanager
def passing() -> Iterator[None]:
    """Within this, threads are not waited for: what is done takes little, and there is much of it."""
    before = _PASSES.set(True)
    try:
        yield
    finally:
        _PASSES.reset(before)


class Threads(Line):
    """The threads that answer, in place of Gradio's limit of them: WORKING_AT_ONCE work at a time.

    Of the others that have begun, all wait for their turn at something (`app.explore.turns.waiting`): so many that they
    hold up nobody, and no more than there is memory for; of one address, less than that.
    """

    def __init__(self) -> None:
        super().__init__(WORKING_AT_ONCE)
        self._begun = Counter[Hashable]()  # of all for whom somebody speaks
        self._all = 0

    async def __aenter__(self) -> None:
        if not _PASSES.get():
            await self.enter(asking())
            COUNTED.set(_Thread(self, asyncio.get_running_loop(), asking()))

    async def __aexit__(self, *_error: object) -> None:
        if not _PASSES.get():
            COUNTED.set(None)
            self.leave(asking())

    def leave(self, who: Hashable) -> None:
        """Ends a visitor's turn."""
        self._all -= 1
        take_off(self._begun, speakers(who))
        super().leave(who)

    def _may_begin(self, one: _InLine) -> bool:
        if one.has_begun:
            return True
        if self._all >= BEGUN_AT_ONCE:
            return False
        return all(self._begun[name] < PEER_BEGUN // part for name, part in speakers(one.who).items())

    def _note(self, one: _InLine) -> None:
        if not one.has_begun:
            self._all += 1
            self._begun.update([*speakers(one.who)])
        super()._note(one)

    def are_too_many(self) -> bool:
        """Whether more work than may; of a moment ago, as other threads ask."""
        return self._free < 0

    def wait(self) -> None:
        """One that has begun waits for others."""
        self._free += 1
        self._begin()

    def go_on(self) -> None:
        """It does so no more, and works."""
        self._free -= 1

    def come_back(self, who: Hashable, turn: threading.Event) -> None:
        """It does so no more, and works as soon as it is its turn to."""
        self._waiting.append(_InLine(who, turn, has_begun=True))
        self._begin()


class _Thread:
    """`Counted`, of `Threads`, whose counts are the loop's."""

    def __init__(self, threads: Threads, loop: asyncio.AbstractEventLoop, who: Hashable) -> None:
        self._threads, self._loop, self._who, self.holds = threads, loop, who, 0

    def wait(self) -> None:
        self._loop.call_soon_threadsafe(self._threads.wait)

    def go_on(self) -> None:
        self._loop.call_soon_threadsafe(self._threads.go_on)

    def come_back(self) -> None:
        turn = threading.Event()
        self._loop.call_soon_threadsafe(self._threads.come_back, self._who, turn)
        turn.wait()

    def are_too_many(self) -> bool:
        return self._threads.are_too_many()


class Pace:
    """Has what stops the loop for a while come one after another, with time for everybody else between."""

    def __init__(self, a_second: int) -> None:
        self._line, self._a_second, self._next = Line(), a_second, 0.0

    async def wait(self, who: Hashable, amount: int) -> None:
        """Until so much may come: at most so much a second does.

        Raises:
            LeftError: the visitor has left meanwhile, as `Line` says.
        """
        async with self._line.turn(who):
            await asyncio.sleep(self._next - time.monotonic())
            self._next = time.monotonic() + amount / self._a_second
