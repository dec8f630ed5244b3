"""A drawn picture carries its latent: a text chunk of the PNG says which model drew it, from what, and what it is."""

from __future__ import annotations

import json
from typing import NamedTuple

from PIL import Image

from app.explore.limits import MAX_NAME, MAX_WORDS

CHUNK = "latentscape"  # the keyword of the PNG's text chunk (PNG specification, tEXt)
MAX_TEXT = 1 << 20  # characters that are read; a spatial latent of 65,536 numbers takes 175,000


class Drawn(NamedTuple):
    """Where a drawn picture says that it comes from. It may be forged: `OpenModel.own_latent` checks it.

    Attributes:
        model: name of the model that drew it.
        latent: in the wire form.
        words: what it is, for people, such as "sample 3 of seed 7".
    """

    model: str
    latent: str
    words: str


def mark_drawn(picture: Image.Image, drawn: Drawn) -> None:
    """Makes a picture carry its latent, in every PNG that it is written to with its `info` as text chunks."""
    picture.info[CHUNK] = json.dumps(drawn._asdict())


def read_drawn(text: str | None) -> Drawn | None:
    """What a picture says of its origin in that chunk; None if it says nothing that can be read."""
    if text is None or len(text) > MAX_TEXT:
        return None
    try:
        content = json.loads(text)
        drawn = Drawn(content["model"], content["latent"], content["words"])
        for part in drawn:
            part.encode()  # of halves of a character, nothing can be sent on
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    # The page repeats the model's name and the words; the latent is within the text's bound.
    return drawn if len(drawn.model) <= MAX_NAME and len(drawn.words) <= MAX_WORDS else None
