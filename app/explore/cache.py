"""A cache bounded in bytes: what is expensive is computed once, also when several threads ask for it at once."""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from PIL import Image

from app.explore.turns import held

T = TypeVar("T")

ENTRY_BYTES = 500  # that a result takes besides its own: its lock and its place


class Cache:
    """Results by key; of more bytes than allowed, the least recently used are dropped. Safe for several threads."""

    def __init__(self, most_bytes: int):
        self._most_bytes = most_bytes
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable, compute: Callable[[], T]) -> T:
        """The result for a key; computed if it is not here, while others who ask for it wait.

        What `compute` raises is raised, and nothing is kept.
        """
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
            self._entries.move_to_end(key)
        with held(entry.lock):
            if not entry.is_done:
                try:
                    entry.value = compute()
                except BaseException:
                    with self._lock:
                        if self._entries.get(key) is entry:
                            del self._entries[key]
                    raise
                self._keep(key, entry)
            return entry.value

    @property
    def bytes(self) -> int:
        """What the results take, with their keys."""
        return self._bytes

    def _keep(self, key: Hashable, entry: _Entry) -> None:
        with self._lock:
            entry.size, entry.is_done = ENTRY_BYTES + size_of(key) + size_of(entry.value), True
            if self._entries.get(key) is entry:
                if entry.size > self._most_bytes:  # it would push out all others, and go itself
                    del self._entries[key]
                    return
                self._bytes += entry.size
                self._entries.move_to_end(key)  # newer than what it was made of
            for oldest in list(self._entries):
                if self._bytes <= self._most_bytes:
                    break
                if self._entries[oldest].is_done:
                    self._bytes -= self._entries.pop(oldest).size


class _Entry:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.is_done = False
        self.size = 0
        self.value: Any = None


def size_of(value: Any) -> int:
    """About how many bytes a result takes."""
    if isinstance(nbytes := getattr(value, "nbytes", None), int):  # an array of NumPy's or JAX's
        return nbytes
    if isinstance(value, Image.Image):
        return value.width * value.height * len(value.getbands())
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, dict):
        return sum(size_of(key) + size_of(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return sum(map(size_of, value))
    if dataclasses.is_dataclass(value):
        return sum(map(size_of, vars(value).values()))
    return 32
