"""The folder of what visitors send and the app writes: one for each server, tidied by age, and gone with the server.

Gradio serves only what is in its own temporary folder, so this is that folder. A server that was killed leaves it; the
next one that starts removes it, which it knows by a lock that only a living process holds.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from app.explore.limits import LEAST_FILES, LEAST_FREE, MEGABYTE

try:
    import fcntl
except ImportError:  # Windows: what a killed server left stays there
    fcntl = None  # type: ignore[assignment]

PREFIX = "latentscape-server-"
LOCK = ".lock"


def make_folder() -> Path:
    """Makes the folder, in GRADIO_TEMP_DIR if that is set, and has Gradio and `tempfile` use it."""
    around = Path(os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir())
    around.mkdir(parents=True, exist_ok=True)
    _remove_left(around)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=around))
    _lock(folder)
    os.environ["GRADIO_TEMP_DIR"] = tempfile.tempdir = str(folder)
    return folder


def room(folder: str | Path) -> int:
    """Bytes of the folder's disk that uploads may still take; below 0 once the app has taken of what is left to it."""
    disk = shutil.disk_usage(folder)
    return disk.free - min(LEAST_FREE * MEGABYTE, disk.total // 10)


def is_crowded(folder: str | Path) -> bool:
    """Whether the folder's disk has so little left that uploads must not take it: of room, or of names for files."""
    return room(folder) < 0 or _has_few_names(folder)


def is_filling(folder: str | Path) -> bool:
    """Whether what lies in the folder takes more than uploads may still take, or its disk is crowded."""
    taken = 0
    for inside, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # removed meanwhile
                taken += os.lstat(os.path.join(inside, name)).st_size
    return taken > room(folder) or is_crowded(folder)


def _has_few_names(folder: str | Path) -> bool:
    """Whether the disk can hold few more files, however small: a million of a byte each take no room."""
    if not hasattr(os, "statvfs"):  # Windows
        return False
    disk = os.statvfs(folder)  # some file systems have no such bound, and say 0
    return disk.f_favail < min(LEAST_FILES, disk.f_files // 10)


def forget_removed(sets: Iterable[set[str]]) -> None:
    """Takes out of Gradio's sets of files those that are no more: it forgets only what it has removed itself."""
    for files in sets:
        for file in files.copy():
            if not os.path.lexists(file):
                files.discard(file)


def remove_older_than(folder: Path, seconds: float, unfinished: float) -> None:
    """Deletes the files that were written, or handed out once more, longer ago than that; and folders left empty.

    Those are uploads, what Gradio made of them, and all that the app wrote. By the time of a file's last change of any
    kind: a copy keeps the time when the original was written.

    Args:
        folder: the server's.
        seconds: the age of whole files, which lie in folders of their own.
        unfinished: the age of those outside of them, which are still being written, or were abandoned: aborted uploads,
            and what did not fit on a full disk.
    """
    now = time.time()
    oldest = now - seconds
    for inside, _, names in os.walk(folder, topdown=False):
        oldest_file = now - unfinished if inside == str(folder) else oldest
        for name in names:
            path = os.path.join(inside, name)
            with suppress(OSError):  # another thread was here first; or one that cannot be removed keeps no other
                is_lock = name == LOCK and inside == str(folder)
                if not is_lock and os.lstat(path).st_ctime < oldest_file:
                    os.unlink(path)
        with suppress(OSError):  # it is not empty
            if inside != str(folder) and os.lstat(inside).st_mtime < oldest:
                os.rmdir(inside)


def _remove_left(around: Path) -> None:
    for folder in around.glob(f"{PREFIX}*"):
        with suppress(OSError):
            if not folder.is_symlink() and folder.stat().st_uid == os.getuid() and (held := _lock(folder)) is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(held)


def _lock(folder: Path) -> int | None:
    """Takes the folder's lock, until the process ends; None if another has it."""
    if fcntl is None:
        return None
    file = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        return None
    return file
