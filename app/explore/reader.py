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
from typing import Any

from PIL import Image

from app.explore.drawn import MAX_TEXT
from app.explore.limits import (
    LARGE_AT_ONCE,
    LARGE_PIXELS,
    OPENED_AT_ONCE,
    READER_MEGABYTES,
    READER_SECONDS,
    READER_WAITS,
    RequestError,
)
from app.explore.turns import Seats, waiting
from vae.costly import SLOW
from vae.images import MAX_PIXELS, TOO_MUCH_MEMORY, LargePictureError, PictureError, fit, open_picture
from vae.xla import give_memory_back

try:
    import resource
except ImportError:  # Windows: the clock's time alone is bounded; macOS does not bound what is mapped either
    resource = None  # type: ignore[assignment]

ROOT = Path(__file__).resolve().parent.parent.parent
BROKEN = "The picture is damaged and cannot be read: it breaks the program that reads such files."
NO_READER = "Pictures cannot be read at the moment. Try again in a moment."


@dataclass(frozen=True)
class Opened:
    """What is kept of a picture.

    Attributes:
        width, height: upright, in pixels.
        frames: how many pictures an animation has; the first is used.
        texts: what its file says of it in text chunks, as far as they were asked for, and are not too long.
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
        RequestError: there is no such process to be had.
        LeftError: whoever asked has left.
    """
    question = {"path": path, "sizes": sizes, "keywords": keywords}
    with suppress(_LargeError), _places, waiting():  # for the other process
        return _read(question | {"most": LARGE_PIXELS})
    with _large_places, waiting():
        return _read(question | {"most": MAX_PIXELS})


def _read(question: dict[str, Any]) -> Opened:
    with suppress(_KilledError):  # by somebody else, as the system does where memory is short
        return _try_to_read(question)
    try:
        return _try_to_read(question)
    except _KilledError:
        raise PictureError(BROKEN) from None


def _try_to_read(question: dict[str, Any]) -> Opened:
    reader = _one_that_waits() or _Reader()
    try:
        return reader.read(question)
    finally:
        if reader.is_idle:
            _idle.append(reader)
        else:
            reader.end()


def _one_that_waits() -> _Reader | None:
    while True:
        try:
            reader = _idle.pop()
        except IndexError:
            return None
        if reader.is_there:
            return reader
        reader.end()  # it was ended from outside


def start_reader() -> None:
    """Starts the first of these processes, which takes a while, before somebody waits for it."""
    with suppress(RequestError):
        _idle.append(_Reader())


class _KilledError(Exception):
    pass


class _LargeError(Exception):
    """The picture has more than LARGE_PIXELS."""


class _Reader:
    """A process that reads one picture at a time.

    Attributes:
        is_idle: whether it has answered all that it was asked. One that has not is of no use any more: its next answer
            would be that of the last question.
    """

    def __init__(self) -> None:
        # Of the folder that the server was started in, it must not see the files.
        paths = filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "app.explore.reader"],
                env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # decoders complain there, of damaged files thousands of times
            )
        except OSError as error:
            print(f"Pictures cannot be read: no process could be started ({error}).", file=sys.stderr)
            raise RequestError(NO_READER) from None
        self.is_idle, self._has_begun = True, False

    def read(self, question: dict[str, Any]) -> Opened:
        """`read_picture`, here."""
        assert self._process.stdin is not None
        is_late = threading.Event()

        def give_up() -> None:
            is_late.set()
            self._process.kill()

        giving_up = threading.Timer(READER_WAITS, give_up)
        giving_up.start()
        self.is_idle = False
        try:
            self._begin()
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
            answer = self._answer()
        except (EOFError, OSError):
            status = self._process.wait()
            if not self._has_begun:
                print(f"Pictures cannot be read: the process for it ended with {status}.", file=sys.stderr)
                raise RequestError(NO_READER) from None
            if status == -getattr(signal, "SIGKILL", 0) and not is_late.is_set():
                raise _KilledError from None
            is_slow = is_late.is_set() or (hasattr(signal, "SIGXCPU") and status == -signal.SIGXCPU)
            raise PictureError(SLOW if is_slow else BROKEN) from None
        finally:
            giving_up.cancel()
        self.is_idle = not is_late.is_set()
        if answer is None:
            raise _LargeError
        if isinstance(answer, str):
            raise PictureError(answer)
        return answer

    @property
    def is_there(self) -> bool:
        return self._process.poll() is None

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # what was to be sent goes nowhere
                if pipe:
                    pipe.close()

    def _begin(self) -> None:
        if not self._has_begun:
            self._line()
            self._has_begun = True

    def _answer(self) -> Opened | str | None:
        """What it found, or why it refuses; None where the picture is larger than was asked for."""
        said = json.loads(self._line())
        if said is None:
            return None
        if "refused" in said:
            return said["refused"]
        fitted = {}
        for size in said.pop("sizes"):
            assert self._process.stdout is not None
            pixels = _all_of(self._process.stdout.read(3 * size * size), 3 * size * size)
            fitted[size] = Image.frombytes("RGB", (size, size), pixels)
        return Opened(fitted=fitted, **said)

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        return _all_of(self._process.stdout.readline())


_idle: list[_Reader] = []
_places, _large_places = Seats(OPENED_AT_ONCE), Seats(LARGE_AT_ONCE)


def _all_of(content: bytes, length: int = 1) -> bytes:
    if len(content) < length:
        raise EOFError
    return content


# ---- The process ----


def main() -> None:
    """Answers questions until there are no more, or the server is gone; first of all it says that it is there."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nothing else may speak there
    _bound(READER_MEGABYTES << 20)
    answers.write(b"ready\n")
    answers.flush()
    for line in sys.stdin.buffer:
        _begin_clock()
        said, pictures = _answer(**json.loads(line))
        answers.write(json.dumps(said).encode() + b"\n")
        for pixels in pictures:
            answers.write(pixels)
        answers.flush()
        give_memory_back()


def _answer(path: str, sizes: list[int], keywords: list[str], most: int) -> tuple[dict[str, Any] | None, list[bytes]]:
    try:
        picture = open_picture(path, most)
        (width, height), frames = picture.size, picture.info["frames"]
        found = {key: picture.info.get(key) for key in keywords}
        texts = {key: text for key, text in found.items() if isinstance(text, str) and len(text) <= MAX_TEXT}
        pictures = [fit(picture, size).tobytes() for size in sizes]
    except LargePictureError:
        return None, []
    except PictureError as error:
        return {"refused": str(error).replace(path, Path(path).name)}, []  # of one that is gone, it says where
    except MemoryError:
        return {"refused": TOO_MUCH_MEMORY}, []
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
