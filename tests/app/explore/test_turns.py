"""Turns and places: nobody is overtaken for ever, and nobody waits for a full room."""

import contextvars
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.explore import turns
from app.explore.limits import UNCERTAIN_AT_ONCE, RequestError
from app.explore.turns import ASKED, Asked, LeftError, Order, Room, Seats, Turns, each_in_turn
from app.kit.inputs import MOST_OTHERS


def test_who_asks_again_goes_behind_those_who_wait():
    turns, done = Turns(1), []

    def work(name, pieces):
        for _ in range(pieces):
            with turns:
                time.sleep(0.002)
                done.append(name)

    many = threading.Thread(target=work, args=("many", 100))
    many.start()
    while not done:
        time.sleep(0.001)
    begun = len(done)
    work("one", 3)
    assert done.index("one") <= begun + 2, "at most the piece that was under way, and one that waited"
    assert done[done.index("one") :][:5].count("one") == 3
    many.join()
    assert done.count("many") == 100


def test_who_asks_for_one_piece_does_not_wait_for_those_who_ask_for_many():
    turns, done, waiting = Turns(1), [], threading.Barrier(9)

    def work(name, pieces):
        ASKED.set(Asked())
        waiting.wait()
        for _ in range(pieces):
            with turns:
                time.sleep(0.002)
                done.append(name)

    people = [threading.Thread(target=work, args=(f"many {k}", 50)) for k in range(8)]
    for person in people:
        person.start()
    waiting.wait()
    while len(done) < 100:
        time.sleep(0.001)

    def ask_for_one():
        ASKED.set(Asked())
        with turns:
            return len(done)

    waits = []
    for _ in range(5):
        begun = len(done)
        waits.append(contextvars.copy_context().run(ask_for_one) - begun)
    assert max(waits) <= 3, "at most the piece under way, and one of those who ask for many"
    for person in people:
        person.join()
    assert Counter(done) == {f"many {k}": 50 for k in range(8)}, "and they come to an end"


def test_who_asks_for_much_at_once_waits_for_themselves():
    """Else a picture of everybody else's many would come after one of each of theirs."""
    turns, done, begun = Turns(1), Counter(), threading.Barrier(10)

    def work(who, pieces):
        ASKED.set(Asked(who))
        begun.wait()
        for _ in range(pieces):
            with turns:
                time.sleep(0.002)
                done[who] += 1
        return done.copy()

    greedy = [threading.Thread(target=work, args=("greedy", 40)) for _ in range(8)]
    for thread in greedy:
        thread.start()
    with ThreadPoolExecutor(1) as other:
        asked = other.submit(work, "other", 20)
        begun.wait()
        assert asked.result(30)["greedy"] < 40
    for thread in greedy:
        thread.join(30)
    assert done == {"greedy": 320, "other": 20}


def test_those_who_ask_for_many_pictures_take_turns_at_each():
    """And somebody's single one comes after one of each of theirs, not after all."""
    done, making = [], threading.Event()

    def ask(who, pictures):
        ASKED.set(Asked(who))

        def make(number):
            making.set()
            time.sleep(0.005)
            done.append(who)
            return number

        return each_in_turn(make, ((number,) for number in range(pictures)))

    with ThreadPoolExecutor(2) as others:
        many = others.submit(ask, "many", 60)
        assert making.wait(30)
        assert others.submit(ask, "one", 1).result(30) == [0]
        assert done.index("one") < 20
        assert many.result(30) == [*range(60)]


def test_who_holds_up_others_does_not_wait_for_their_own():
    """Else those who ask for many pictures, and for much besides, keep others' single ones waiting for all of it."""
    turns, done, is_over = Turns(1), Counter(), threading.Event()

    def draw(who):
        with turns:
            time.sleep(0.005)
            done[who] += 1

    def greedy_besides():
        ASKED.set(Asked("greedy"))
        while not is_over.is_set():
            draw("besides")

    def ask(who, pictures):
        ASKED.set(Asked(who))
        each_in_turn(lambda _: draw(who), ((number,) for number in range(pictures)))
        return done["besides"]

    with ThreadPoolExecutor(10) as people:
        for _ in range(8):
            people.submit(greedy_besides)
        many = people.submit(ask, "greedy", 30)
        while not done["greedy"]:
            time.sleep(0.001)
        begun = done["besides"]
        meanwhile = people.submit(ask, "other", 3).result(30) - begun
        many.result(30)
        is_over.set()
    assert meanwhile < 16, "a few beside each of theirs, and not eight"


def test_what_others_wait_for_and_the_rest_of_a_visitors_pieces_alternate():
    """Else a page that asks for samples again and again gets no reconstruction while another visitor draws much."""
    order, begun = Order(), []
    for _ in range(4):
        begun.append(min((True, False), key=lambda kind: order.when("one", kind)))
        order.note("one", begun[-1])
        order.note("one")  # of those that have turns of their own
    assert begun == [True, False, True, False]


def test_addresses_take_turns_and_of_each_those_for_whom_it_speaks():
    order, begun = Order(), []
    waiting = [*(("many", made_up) for made_up in range(5)), ("one",), ("one",)]
    while waiting:
        begun.append(min(waiting, key=order.when))
        waiting.remove(begun[-1])
        order.note(begun[-1])
    assert [who[0] for who in begun] == ["one", "many", "one", "many", "many", "many", "many"]
    assert order.when(("many", 2)) < order.when(("many", 3)) < order.when(("many", 4))
    behind_a_proxy = ("proxy", "client", 1)
    order.note(("proxy", "client", 0))
    assert order.when(("proxy", "another")) < order.when(behind_a_proxy)


def test_who_comes_now_and_then_goes_before_those_who_have_much_all_the_time(monkeypatch):
    """A grid of pictures beside several who ask for grids without end; these share the rest."""
    now = [0.0]
    monkeypatch.setattr(turns.time, "monotonic", lambda: now[0])
    had, done = turns.Had(), Counter()

    def have(waiting, count):
        for _ in range(count):
            following = min(waiting, key=had.of)
            now[0] += 0.2
            had.add(following, 0.2)
            done[following[0]] += 1

    greedy = [(name, made_up) for name in "abc" for made_up in range(3)]
    have(greedy, 300)
    assert max(done.values()) - min(done.values()) <= 2
    done.clear()
    have([*greedy, ("one",)], 16)
    assert done["one"] > 12
    have([*greedy, ("one",)], 400)
    assert 85 < done["one"] < 125, "which is a quarter, as soon as they ask for much, too"
    now[0] += 3 * turns.FURTHEST * turns.HALF_SECONDS
    have([*greedy, ("one",)], 40)
    assert had.of(("one",)) < [100.0]


def take(seats, who, done, go_on=None, asked=None):
    """A thread of a visitor's that takes a seat, notes it, and leaves it once it may."""

    def work():
        ASKED.set(asked or Asked(who))
        try:
            with seats:
                done.append(who)
                if go_on:
                    assert go_on.wait(30)
        except LeftError:
            done.append("left")

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def wait_until(is_so):
    ends = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < ends
        time.sleep(0.001)


def test_a_visitor_has_one_seat_at_a_time_and_who_had_least_is_next():
    seats, done, first, go_on = Seats(2), [], threading.Event(), threading.Event()
    threads = [take(seats, "greedy", done, first)]
    wait_until(lambda: done)
    threads += [take(seats, "greedy", done, go_on) for _ in range(4)]
    wait_until(lambda: len(seats._waiting) == 4)
    assert done == ["greedy"], "one of the seats is free for others"
    threads.append(take(seats, "one", done, go_on))
    wait_until(lambda: len(done) == 2)
    threads.append(take(seats, "other", done, go_on))
    wait_until(lambda: len(seats._waiting) == 5)
    first.set()
    wait_until(lambda: len(done) == 3)
    assert done == ["greedy", "one", "other"], "not behind all who came before them"
    go_on.set()
    for thread in threads:
        thread.join(30)
    assert done.count("greedy") == 5
    assert (seats._free, seats._seated) == (2, set())


def test_who_leaves_while_they_wait_for_a_seat_is_not_served():
    seats, done, go_on, asked = Seats(1), [], threading.Event(), Asked("gone")
    first = take(seats, "one", done, go_on)
    wait_until(lambda: done)
    gone = take(seats, "gone", done, asked=asked)
    wait_until(lambda: seats._waiting)
    asked.leave()
    gone.join(30)
    go_on.set()
    first.join(30)
    assert done == ["one", "left"]
    assert (seats._free, seats._waiting) == (1, [])


def test_as_many_work_at_once_as_there_are_places_and_all_come_to_an_end():
    turns, lock, working, most, done = Turns(2), threading.Lock(), 0, 0, 0

    def work():
        nonlocal working, most, done
        for _ in range(50):
            with turns:
                with lock:
                    working += 1
                    most = max(most, working)
                time.sleep(0.0002)
                with lock:
                    working -= 1
                    done += 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert (most, done) == (2, 300)


def test_a_place_is_given_back_after_an_error():
    turns = Turns(1)
    for _ in range(3):
        with pytest.raises(KeyError), turns:
            raise KeyError


def test_a_full_room_says_how_many_are_before_and_is_free_again():
    room = Room(2, "the map")
    with room, room, pytest.raises(RequestError, match="2 people before you ask for the map"), room:
        pass
    with room, room:
        pass


def test_an_address_has_only_some_of_a_room_whoever_it_says_it_speaks_for():
    room = Room(4, "a film", of_address=2)
    for made_up in range(2):
        enter(room, ("many", made_up))
    with pytest.raises(RequestError, match="2 people before you ask for a film"):
        enter(room, ("many", 2))
    enter(room, ("one",))


def test_of_those_whom_a_proxy_speaks_for_one_has_half_of_that_whoever_they_say_they_speak_for():
    room = Room(8, "a film", of_address=4)
    for made_up in range(2):
        enter(room, ("proxy", "client", made_up))
    with pytest.raises(RequestError, match="2 people before you ask for a film"):
        enter(room, ("proxy", "client", 2))
    enter(room, ("proxy", "another"))


def enter(room, who):
    def as_visitor():
        ASKED.set(Asked(who))
        room.__enter__()

    contextvars.copy_context().run(as_visitor)


def test_a_visitor_has_half_of_a_room():
    room = Room(4, "a film")
    for who in ("greedy", "greedy", "one"):
        enter(room, who)
    with pytest.raises(RequestError, match="You ask for a film already"):
        enter(room, "greedy")
    enter(room, "other")
    with pytest.raises(RequestError, match="4 people before you"):
        enter(room, "one")


def test_who_compares_models_is_shown_the_uncertainty_of_each():
    room = Room(UNCERTAIN_AT_ONCE, "the uncertainty of a picture")
    for _ in range(1 + MOST_OTHERS):
        enter(room, "one")
    with pytest.raises(RequestError, match="You ask for the uncertainty of a picture already"):
        enter(room, "one")
