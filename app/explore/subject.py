"""What a person put in: a picture file, decoded once, and kept at the sizes that the models need."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from app.explore.cache import Cache
from app.explore.drawn import CHUNK, read_drawn
from app.explore.limits import SUBJECT_BYTES
from app.explore.reader import read_picture
from vae.images import PictureError


@dataclass(frozen=True)
class Subject:
    """A picture that can be asked about.

    Attributes:
        path: of its file.
        key: tells its content from that of any other file, or of this file at another time.
        width, height: as uploaded, upright, in pixels.
        frames: how many pictures an animation has; the first is used.
        latent: which the picture says it was drawn from, in the wire form; None if the app did not draw it. It may be
            forged: `OpenModel.own_latent` checks it.
        latent_model: the name of the model that it says drew it.
        words: what it says it is, such as "sample 3 of seed 7"; empty if the app did not draw it.
    """

    path: str
    key: tuple
    width: int
    height: int
    frames: int
    latent: str | None
    latent_model: str | None
    words: str
    _fitted: dict[int, Image.Image] = field(repr=False, compare=False)

    def fitted(self, size: int) -> Image.Image:
        """Its central square at `size` x `size` pixels, as `vae.images.fit`."""
        if size not in self._fitted:  # a size that no model had when the file was decoded
            prepare_for([size])
            self._fitted.update(read_picture(self.path, [size], []).fitted)
        return self._fitted[size]

    def note(self, size: int) -> str:
        """How it was changed to fit, in sentences; empty if it was not."""
        sentences = []
        if self.frames > 1:
            sentences.append(f"Of the animation's {self.frames} pictures, the first was used.")
        if self.width != self.height:
            side = min(self.width, self.height)
            sentences.append(
                f"The picture is {self.width} x {self.height}: its central {side} x {side} pixels were used, "
                f"at {size} x {size}."
            )
        elif self.width != size:
            sentences.append(f"Resized from {self.width} x {self.width} to {size} x {size}.")
        return " ".join(sentences)


_subjects = Cache(SUBJECT_BYTES)
_sizes: set[int] = set()


def prepare_for(sizes: Iterable[int]) -> None:
    """Has every picture opened from now on fitted to these sizes too, while it is decoded."""
    _sizes.update(sizes)


def open_subject(path: str | Path) -> Subject:
    """Opens a picture file. A file that was opened before, and has not changed, is not decoded again.

    Raises:
        PictureError: there is no such file, or it is not a picture that can be read.
    """
    path = os.path.realpath(path) if "\0" not in str(path) else ""
    try:
        found = os.stat(path)
    except OSError:
        found = None
    if found is None or not stat.S_ISREG(found.st_mode):
        raise PictureError("This picture is no longer here. Add it again.")
    key = (path, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    return _subjects.get(key, lambda: _open(path, key))


def _open(path: str, key: tuple) -> Subject:
    opened = read_picture(path, sorted(_sizes), [CHUNK])
    drawn = read_drawn(opened.texts.get(CHUNK))
    return Subject(
        path=path,
        key=key,
        width=opened.width,
        height=opened.height,
        frames=opened.frames,
        latent=drawn and drawn.latent,
        latent_model=drawn and drawn.model,
        words=drawn.words if drawn else "",
        _fitted=opened.fitted,
    )
