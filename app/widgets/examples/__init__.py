"""Examples: pictures to click instead of one's own. Buttons with names, which those of gr.Examples have not."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import gradio as gr

from app.kit.events import NEWEST, QUIET, explained, told
from app.kit.examples import examples_for, name_of, which_of
from app.kit.inputs import PictureInput
from app.kit.pictures import strip_url
from app.kit.widget import Widget
from app.kit.workspace import Workspace
from vae.images import fit, open_picture

THUMBNAIL_SIDE = 104  # pixels; shown at half of it, so that it stays sharp on a dense screen


class Examples(Widget):
    """A row of pictures that are chosen by a click.

    The value is what `payload` builds.

    Events:
        select: one was chosen; with `file`, its file name.

    Props:
        chosen: the file name of the one that is marked; None for none.
    """

    EVENTS = ("select",)
    PROPS: ClassVar[dict[str, Any]] = {"chosen": None}

    @staticmethod
    def payload(legend: str, paths: Sequence[Path]) -> dict[str, Any]:
        """Packs examples for the browser.

        Args:
            legend: the words above them.
            paths: of the pictures, named after their kind and what they show: "fruit-apple.png" is an apple.

        Returns:
            `legend`, and `pictures`: of each its `file`, its `name`, and a `thumbnail` (a data URL).
        """
        pictures = [{"file": path.name, "name": name_of(path), "thumbnail": _thumbnail(path)} for path in paths]
        return {"legend": legend, "pictures": pictures}


def offer_examples(work: Workspace, legend: str, picture: PictureInput, **options: Any) -> None:
    """A row of pictures that fill an input by a click: those that suit the model, and another model's when it changes.

    The one that is in the input is marked.

    Args:
        work: has the models and the picker.
        legend: the words above them.
        picture: the input.
        options: of the component.
    """
    library = work.library

    def offer(name, path):
        offered = examples_for(library.look_at(name))
        value = Examples.payload(legend, [*offered.values()])
        return Examples(value, visible=bool(offered), chosen=which_of(offered, path))

    def mark(name, path):
        return Examples(chosen=which_of(examples_for(library.look_at(name)), path))

    def choose(name, event: gr.EventData):
        file = told(event, "file")
        offered = examples_for(library.look_at(name))
        return str(offered[file]) if isinstance(file, str) and file in offered else gr.skip()

    first = examples_for(library.look_at(library.default))
    choice = Examples(Examples.payload(legend, [*first.values()]), visible=bool(first), **options)
    choice.select(explained(choose), work.model, picture, **NEWEST)
    every = QUIET | {"trigger_mode": "multiple", "queue": False}
    picture.change(explained(mark), [work.model, picture], choice, **every)
    work.model.change(explained(offer), [work.model, picture], choice, **every)


@cache
def _thumbnail(path: Path) -> str:
    return strip_url([fit(open_picture(path), THUMBNAIL_SIDE)], THUMBNAIL_SIDE)
