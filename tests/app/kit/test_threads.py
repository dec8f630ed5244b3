"""Whose turn it is at the server's threads, and in lines."""

import asyncio
import itertools
import threading
import time
from contextlib import suppress
from types import SimpleNamespace

import anyio.to_thread
import pytest

from app.explore.limits import WORKING_AT_ONCE
from app.explore.turns import ASKED, Asked, LeftError, Seats, Turns, held
from app.kit import bounded, lines
from app.kit.lines import Gate, Line, Threads
from tests.app.kit.asking import run, settle

MANY = 3 * WORKING_AT_ONCE


class Asking:
    """Questions of visitors to threads; `begun` says whose have one."""

    def __init__(self, threads):
        self.threads, self.begun, self.go_on = threads, [], threading.Event()

    def ask(self, who, work=None):
        async def asked():
            ASKED.set(Asked(who))
            await anyio.to_thread.run_sync(work or self.wait, who, limiter=self.threads)

        return asyncio.create_task(asked())

    def wait(self, who):
        self.begun.append(who)
        assert self.go_on.wait(30)

    async def until(self, count):
        async with asyncio.timeout(30):
            while len(self.begun) < count:
                await asyncio.sleep(0.001)


def test_few_threads_work_at_a_time_and_addresses_take_turns():
    async def story():
        asking = Asking(Threads())
        tasks = [asking.ask(("many", made_up)) for made_up in range(2 * MANY)]
        await asking.until(WORKING_AT_ONCE)
        await asyncio.sleep(0.05)
        assert len(asking.begun) == WORKING_AT_ONCE
        tasks.append(asking.ask(("one",)))
        await settle()
        asking.go_on.set()
        await asyncio.gather(*tasks)
        assert len(asking.begun) == 2 * MANY + 1
        return asking.begun.index(("one",))

    assert run(story) < MANY  # some that come later begin before its thread says so


def test_who_waits_for_their_turn_in_a_thread_keeps_no_place_from_others():
    async def story():
        asking, turn = Asking(Threads()), Turns(1)

        def work(who):
            asking.begun.append(who)
            with turn:
                asking.begun.append(("had a turn", who))

        with turn:
            waiting = [asking.ask("many", work) for _ in range(MANY)]
            await asking.until(MANY)
            asking.go_on.set()
            others = [asking.ask("one") for _ in range(WORKING_AT_ONCE)]
            await asyncio.wait_for(asyncio.gather(*others), 30)
            assert asking.begun == ["many"] * MANY + ["one"] * WORKING_AT_ONCE
        await asyncio.gather(*waiting)
        asking.begun.clear()
        asking.go_on.clear()
        tasks = [asking.ask("one") for _ in range(MANY)]
        await asking.until(WORKING_AT_ONCE)
        await asyncio.sleep(0.05)
        assert len(asking.begun) == WORKING_AT_ONCE, "places are given back once each"
        asking.go_on.set()
        await asyncio.gather(*tasks)

    run(story)


def test_one_address_has_only_some_of_those_that_wait(monkeypatch):
    monkeypatch.setattr(lines, "PEER_BEGUN", 5)

    async def story():
        asking, turn = Asking(Threads()), Turns(1)

        def work(who):
            asking.begun.append(who[0])
            with turn:
                pass

        with turn:
            tasks = [asking.ask(("many", made_up), work) for made_up in range(20)]
            await asking.until(5)
            tasks.append(asking.ask(("one",), work))
            await asking.until(6)
            await asyncio.sleep(0.05)
            assert asking.begun == ["many"] * 5 + ["one"]
        await asyncio.gather(*tasks)

    run(story)


def test_hundreds_who_wait_for_the_same_go_on_a_few_at_a_time():
    """Else all of them go on at once when it is there, and keep each other and everybody else from the interpreter."""

    async def story():
        asking, lock = Asking(Threads()), threading.Lock()

        def work(who):
            with held(lock):
                pass
            asking.wait(who)

        with lock:
            tasks = [asking.ask("many", work) for _ in range(MANY)]
            while asking.threads._begun.total() < MANY or asking.threads._free < WORKING_AT_ONCE:
                await asyncio.sleep(0.001)
        await asking.until(WORKING_AT_ONCE)
        await asyncio.sleep(0.05)
        assert len(asking.begun) == WORKING_AT_ONCE
        asking.go_on.set()
        await asyncio.wait_for(asyncio.gather(*tasks), 30)
        assert (len(asking.begun), asking.threads._free, asking.threads._begun.total()) == (MANY, WORKING_AT_ONCE, 0)

    run(story)


@pytest.mark.parametrize("turns", [Turns(1), Seats(1)], ids=["turns", "seats"])
def test_hundreds_who_had_their_turn_go_on_a_few_at_a_time(turns):
    """They go on at once when it is theirs, as others wait for it, and with what comes afterwards as others do."""

    async def story():
        asking = Asking(Threads())

        def work(who):
            ASKED.set(Asked(who))
            with turns:
                time.sleep(0.003)
            asking.wait(who)

        with turns:
            tasks = [asking.ask(f"visitor {number}", work) for number in range(MANY)]
            while asking.threads._begun.total() < MANY or asking.threads._free < WORKING_AT_ONCE:
                await asyncio.sleep(0.001)
        await asking.until(WORKING_AT_ONCE)
        await asyncio.sleep(0.5)
        assert len(asking.begun) <= WORKING_AT_ONCE + 3
        asking.go_on.set()
        await asyncio.wait_for(asyncio.gather(*tasks), 30)
        assert (len(asking.begun), asking.threads._free, asking.threads._begun.total()) == (MANY, WORKING_AT_ONCE, 0)

    run(story)


def test_a_line_goes_on_when_somebody_leaves_it():
    async def story():
        line, begun = Line(), []

        async def ask(who, asked=None):
            ASKED.set(asked)
            async with line.turn(who):
                begun.append(who)
                await asyncio.sleep(0)

        gone = Asked("gone")
        gone.left.set()
        async with line.turn("first"):
            tasks = [asyncio.create_task(ask(*one)) for one in (("ends",), ("gone", gone), ("last",))]
            await settle()
            tasks[0].cancel()
            await settle()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert begun == ["last"]
        assert [type(one) for one in ended] == [asyncio.CancelledError, LeftError, type(None)]

    run(story)


def test_hundreds_who_come_at_once_keep_nobody_from_coming_in_and_nobody_holds_a_place():
    async def story():
        gate, came, never = Gate(4), [], asyncio.Event()

        async def come(who):
            await gate.enter(who)
            came.append(who[0])
            await never.wait()

        tasks = [asyncio.create_task(come(("many", made_up))) for made_up in range(400)]
        await asyncio.sleep(0)
        tasks.append(asyncio.create_task(come(("one",))))
        while len(came) < 401:
            await asyncio.sleep(0)
        assert came.index("one") <= 8
        tasks.append(asyncio.create_task(come(("last",))))
        await settle()
        assert came[-1] == "last"
        never.set()
        await asyncio.gather(*tasks)

    run(story)


def test_who_leaves_before_they_are_let_in_keeps_nobody_out():
    async def story():
        gate = Gate(1)
        tasks = [asyncio.create_task(gate.enter((number,))) for number in range(3)]
        await asyncio.sleep(0)
        for task in tasks[:2]:
            task.cancel()
        await asyncio.wait_for(tasks[2], 10)
        await asyncio.wait_for(gate.enter((4,)), 10)
        assert not gate.waiting

    run(story)


def test_who_has_left_before_they_are_let_in_does_not_go_on_and_takes_no_turn():
    async def story():
        gate, came = Gate(1), []

        async def come(who, has_left):
            with suppress(LeftError):
                await gate.enter(who, lambda: has_left)
                came.append(who)

        tasks = [asyncio.create_task(come(("a", number), number < 300)) for number in range(302)]
        await asyncio.sleep(0)
        for _ in range(4):
            await asyncio.sleep(0)
        assert came == [("a", 300), ("a", 301)]
        await asyncio.gather(*tasks)
        assert not gate.waiting

    run(story)


@pytest.mark.parametrize(
    ("came", "expected"),
    [
        ("a1 a1 a1 b1", "a1 b1 a1 a1"),
        ("a1 a2 a3 b1 b1", "a1 b1 a2 b1 a3"),
        ("a1 a1 a2 b1", "a1 b1 a2 a1"),
        ("p31 p41 p51 p61 p22", "p31 p22 p41 p51 p61"),
    ],
    ids=["visitors", "an address that makes up visitors", "both", "who makes up visitors behind a proxy"],
)
def test_the_queue_goes_by_turns(came, expected):
    assert begin_all(asked(came)) == expected


def test_who_keeps_asking_has_the_queue_no_more_than_others():
    """An address whose questions wait in hundreds had the next one each time, for as long as more of them came."""
    desk = queue(asked("a1 a2 a3 a4"))
    assert begin(desk) == "a1"
    desk.event_queue_per_concurrency_id["fn"].queue.extend(asked("b1 a5"))
    assert [begin(desk) for _ in range(3)] == ["b1", "a2", "a3"]


def test_hundreds_of_questions_do_not_begin_at_once(monkeypatch):
    monkeypatch.setattr(bounded, "BEGIN_SECONDS", 10)
    now = [1000.0]
    monkeypatch.setattr(bounded.time, "monotonic", lambda: now[0])
    desk = queue(asked("a1 b1"))
    assert begin(desk) == "a1"
    assert desk.get_events() is None
    now[0] += 11
    assert begin(desk) == "b1"


def test_of_one_visitors_questions_the_first_that_came_begins_whatever_it_asks():
    first, second, third = asked("a a a")
    second.concurrency_id = "another"
    desk = queue([second])
    desk.event_queue_per_concurrency_id = {"another": waiting([third, second]), "fn": waiting([first])}
    third.concurrency_id = "another"
    begun = [desk.get_events()[0][0] for _ in range(3)]
    assert begun == [first, second, third]


def test_the_answers_to_one_page_come_in_the_order_of_its_questions():
    first, second, of_another_page = asked("a a a")
    second.session_hash = first.session_hash
    desk = queue([first, second, of_another_page])
    begun = [desk.get_events()[0][0] for _ in range(2)]
    assert begun == [first, of_another_page]
    assert desk.get_events() is None


COUNT = itertools.count()


def asked(names):
    """Questions in the order in which they came, each of a page of its own; a name is an address and whom it names."""

    def event(number, name):
        headers = [(b"x-forwarded-for", ", ".join(name[1:]).encode())]  # as proxies do, the last is whom they heard
        request = SimpleNamespace(scope={"client": (name[0], 1), "headers": headers})
        fn = SimpleNamespace(batch=False, concurrency_limit="default")
        return SimpleNamespace(
            request=request, name=name, concurrency_id="fn", fn=fn, enqueue_time=number, session_hash=f"{number}"
        )

    return [event(next(COUNT), name) for name in names.split()]


def waiting(events):
    return SimpleNamespace(queue=events, concurrency_limit=None, current_concurrency=0)


def queue(events):
    desk = bounded.Queue(False, 1, 1, None, SimpleNamespace(fns={}), None)
    desk.event_queue_per_concurrency_id = {"fn": waiting(events)}
    return desk


@pytest.fixture(autouse=True)
def questions_begin_at_once(monkeypatch):
    monkeypatch.setattr(bounded, "BEGIN_SECONDS", 0)


def begin(desk):
    (event,), _, _ = desk.get_events()
    return event.name


def begin_all(events):
    desk = queue(events)
    return " ".join(begin(desk) for _ in range(len(events)))
