"""The cache: computed once, bounded in bytes, and asked by several threads at the same time."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from app.explore.cache import ENTRY_BYTES, Cache, size_of


def test_what_was_computed_is_not_computed_again():
    cache, calls = Cache(1000), []
    assert [cache.get("key", lambda: calls.append(1) or 7) for _ in range(3)] == [7, 7, 7]
    assert len(calls) == 1
    assert cache.get("other", lambda: 8) == 8


def test_above_its_bytes_the_least_recently_used_are_dropped():
    cache = Cache(2500 + 3 * ENTRY_BYTES)
    for key in "abc":
        cache.get(key, lambda: np.zeros(1000, np.uint8))
        assert cache.bytes <= 2500 + 3 * ENTRY_BYTES
        cache.get("a", list)  # used again
    recomputed = []
    for key in "abc":
        cache.get(key, lambda key=key: recomputed.append(key) or np.zeros(1, np.uint8))
    assert recomputed == ["b"]


def test_what_is_larger_than_the_cache_is_returned_and_not_kept():
    cache = Cache(ENTRY_BYTES + 100)
    cache.get("small", lambda: 7)
    before = cache.bytes
    assert cache.get("large", lambda: np.ones(100)).sum() == 100
    assert cache.bytes == before
    assert cache.get("small", lambda: 8) == 7, "and pushes out nothing"


def test_threads_that_ask_at_the_same_time_share_one_computation():
    cache, begun, calls = Cache(1000), threading.Barrier(8), []

    def compute():
        calls.append(1)
        time.sleep(0.1)  # long enough for all of them to ask
        return object()

    def ask(_):
        begun.wait()
        return cache.get("key", compute)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(8)))
    assert len(calls) == 1
    assert len(set(map(id, found))) == 1


def test_another_key_does_not_wait():
    cache, is_waiting, may_go_on = Cache(1000), threading.Event(), threading.Event()

    def slow():
        is_waiting.set()
        assert may_go_on.wait(10)
        return "slow"

    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(cache.get, "slow", slow)
        assert is_waiting.wait(10)
        assert cache.get("quick", lambda: "quick") == "quick"
        may_go_on.set()
        assert pending.result() == "slow"


def test_a_failure_is_raised_and_not_kept():
    cache = Cache(1000)

    def fail():
        raise ValueError("this once")

    with pytest.raises(ValueError, match="this once"):
        cache.get("key", fail)
    assert cache.get("key", lambda: 5) == 5
    assert cache.bytes == ENTRY_BYTES + size_of("key") + size_of(5)


def test_many_small_results_under_long_keys_stay_within_the_bytes_too():
    cache = Cache(20_000)
    for number in range(100):
        cache.get(("question", "x" * 1000, number), lambda: None)
    computed = []
    for number in range(100):
        cache.get(("question", "x" * 1000, number), lambda number=number: computed.append(number))
    assert len(computed) > 80
    assert cache.bytes <= 20_000


def test_an_array_of_jax_takes_its_bytes():
    assert size_of(jnp.zeros((100, 10))) == 4000


def test_sizes_are_those_of_what_is_inside():
    @dataclass
    class Made:
        array: np.ndarray
        pictures: dict

    made = Made(np.zeros((10, 10), np.float32), {64: Image.new("RGB", (64, 64)), 8: Image.new("L", (8, 8))})
    assert 400 + 64 * 64 * 3 + 64 <= size_of(made) <= 400 + 64 * 64 * 3 + 64 + 100
    assert size_of((np.zeros(3, np.float64), None, b"12345")) == pytest.approx(24 + 5, abs=40)
