"""A model as it was at moments of its training, for the visitor's browser (`train/snapshots.py` writes the files)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from app.explore.limits import MAX_SNAPSHOTS, SNAPSHOT_BYTES
from vae.files import check_file

# Run -> its folder in a model's. The second is of the same data without the KL.
FOLDERS = {"with": "snapshots", "without": "snapshots-without-kl"}
_NAME = re.compile(r"step-(\d{1,12})\.safetensors")


@dataclass(frozen=True)
class Snapshot:
    """One moment.

    Attributes:
        step: of the training.
        content: safetensors, as the browser's codec takes it (`app/web/codec`).
        digest: a name for the content, which another content does not have.
    """

    step: int
    content: bytes
    digest: str


def read_snapshots(folder: Path) -> dict[str, list[Snapshot]]:
    """Those of a model folder by run, in the order of their steps; of a run that is not there, none.

    A file that is too large, or no regular one, is left out, and so is what comes after the first 64.
    """
    return {run: _read_run(folder, run) for run in FOLDERS}


def find_snapshots(folder: Path, run: str = "with") -> dict[int, Path]:
    """Step -> file, of a run of a model folder, in the order of the steps; at most 64."""
    inside = folder / FOLDERS[run]
    found = {int(match[1]): path for path in inside.glob("*") if (match := _NAME.fullmatch(path.name))}
    return dict(sorted(found.items())[:MAX_SNAPSHOTS])


def _read_run(folder: Path, run: str) -> list[Snapshot]:
    snapshots = []
    for step, path in find_snapshots(folder, run).items():
        try:
            content = check_file(path, SNAPSHOT_BYTES).read_bytes()
        except OSError:
            continue
        snapshots.append(Snapshot(step, content, hashlib.sha256(content).hexdigest()[:16]))
    return snapshots
