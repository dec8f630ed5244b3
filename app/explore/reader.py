"""Picture files are decoded in processes of their own, which end when one takes too long, or breaks the decoder.

Whoever sends such a file gets an answer, and everybody else's go on. Run as a program, this is such a process: it reads
questions from its input, a line of JSON each, and answers with a line of JSON and the pixels of small pictures.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from PIL import Image

from app.explore.limits import OPENED_AT_ONCE, READER_MEGABYTES, READER_SECONDS, READER_WAITS
from vae.costly import SLOW
from vae.images import PictureError, fit, open_picture
from vae.xla import give_memory_back

try:
    import resource
except ImportError:  # Windows: the time alone is bounded
    resource = None  # type: ignore[assignment]

ROOT = Path(__file__).resolve().parent.parent.parent
BROKEN = "The picture is damaged and cannot be read: it breaks the program that reads such files."


@dataclass(frozen=True)
class Opened:
    """What is kept of a picture.

    Attributes:
        width, height: upright, in pixels.
        frames: how many pictures an animation has; the first is used.
        texts: what its file says of it in text chunks, as far as they were asked for.
        fitted: by size, its central square (`vae.images.fit`).
    """

    width: int
    height: int
    frames: int
    texts: dict[str, str]
    fitted: dict[int, Image.Image]


def read_picture(path: str, sizes: list[int], keywords: list[str]) -> Opened:
    """Decodes a picture file, in another process.

    Args:
        path: of the file, absolute.
        sizes: at which it is wanted.
        keywords: of the text chunks that are wanted.

    Raises:
        PictureError: it is no picture that can be read, or it takes too long.
    """
    with _places:
        try:
            reader = _idle.pop()
        except IndexError:
            reader = _Reader()
        try:
            return reader.read(path, sizes, keywords)
        finally:
            if reader.is_there:
                _idle.append(reader)


def start_reader() -> None:
    """Starts the first of these processes, which takes a while, before somebody waits for it."""
    _idle.append(_Reader())


class _Reader:
    """A process that reads one picture at a time."""

    def __init__(self) -> None:
        self._process = self._start()

    @property
    def is_there(self) -> bool:
        return self._process.poll() is None

    def read(self, path: str, sizes: list[int], keywords: list[str]) -> Opened:
        question = json.dumps({"path": path, "sizes": sizes, "keywords": keywords}).encode() + b"\n"
        if not self._ask(question):  # it was ended from outside while it waited
            self._process = self._start()
            self._ask(question)
        is_late = threading.Event()

        def end() -> None:
            is_late.set()
            self._process.kill()

        ending = threading.Timer(READER_WAITS, end)
        ending.start()
        try:
            return self._answer()
        except EOFError:
            status = self._process.wait()
            took_too_long = is_late.is_set() or status == -getattr(signal, "SIGXCPU", signal.SIGTERM)
            raise PictureError(SLOW if took_too_long else BROKEN) from None
        finally:
            ending.cancel()

    def _start(self) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-m", "app.explore.reader"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # decoders complain there, of damaged files thousands of times
        )

    def _ask(self, question: bytes) -> bool:
        try:
            self._input.write(question)
            self._input.flush()
        except OSError:
            return False
        return True

    @property
    def _input(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    def _answer(self) -> Opened:
        output = self._process.stdout
        assert output is not None
        said = json.loads(_all_of(output.readline()))
        if "refused" in said:
            raise PictureError(said["refused"])
        fitted = {}
        for size in said.pop("sizes"):
            pixels = _all_of(output.read(3 * size * size), 3 * size * size)
            fitted[size] = Image.frombytes("RGB", (size, size), pixels)
        return Opened(fitted=fitted, **said)


_idle: list[_Reader] = []
_places = threading.Semaphore(OPENED_AT_ONCE)


def _all_of(content: bytes, length: int = 1) -> bytes:
    if len(content) < length:
        raise EOFError
    return content


# ---- The process ----


def main() -> None:
    """Answers questions until there are no more, or the server is gone."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nothing else may speak there
    _bound(READER_MEGABYTES << 20)
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        _begin_clock()
        try:
            said, pictures = _open(**asked)
        except PictureError as error:
            said, pictures = {"refused": str(error)}, []
        answers.write(json.dumps(said).encode() + b"\n")
        for picture in pictures:
            answers.write(picture.tobytes())
        answers.flush()
        del pictures
        give_memory_back()


def _open(path: str, sizes: list[int], keywords: list[str]) -> tuple[dict[str, Any], list[Image.Image]]:
    picture = open_picture(path)
    (width, height), frames = picture.size, picture.info["frames"]
    texts = {key: text for key in keywords if isinstance(text := picture.info.get(key), str)}
    pictures = [fit(picture, size) for size in sizes]
    return {"width": width, "height": height, "frames": frames, "texts": texts, "sizes": sizes}, pictures


def _bound(memory: int) -> None:
    if resource:
        with suppress(ValueError, OSError):  # it is bounded more already
            resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _begin_clock() -> None:
    """From now on so many seconds of the processor; then the system ends the process."""
    if resource:
        used = resource.getrusage(resource.RUSAGE_SELF)
        until = int(used.ru_utime + used.ru_stime) + 1 + READER_SECONDS
        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_CPU, (until, most))


if __name__ == "__main__":
    main()
