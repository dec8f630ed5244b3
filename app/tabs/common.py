"""What the tabs share: a picture input that explains bad files, and errors as messages."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import gradio as gr

from app.explorer import RequestError
from vae.checkpoint import ModelFolderError
from vae.images import PictureError

EXAMPLES = [
    str(path)
    for kind in ("fruit", "emoji", "photo")
    for path in sorted((Path(__file__).parents[2] / "assets" / "examples").glob(f"{kind}-*"))
]


def explained(handler: Callable) -> Callable:
    """The handler, with the errors that a person can mend shown on the page as messages."""

    @functools.wraps(handler)
    def wrapped(*arguments):
        try:
            return handler(*arguments)
        except (PictureError, RequestError, ModelFolderError) as error:
            raise gr.Error(str(error), title="That did not work", print_exception=False) from None

    return wrapped


class PictureInput(gr.Image):
    """A picture from disk, clipboard or camera. Hands its path on undecoded: `vae.images` decodes, and explains."""

    is_template = True  # the front end is gr.Image's own

    def __init__(self, label: str, **options):
        super().__init__(
            label=label, type="filepath", image_mode=None, sources=["upload", "clipboard", "webcam"], **options
        )

    def get_config(self, cls=None) -> dict:
        """gr.Image's own: Gradio reads the names of the settings off the constructor, and this one has others."""
        return super().get_config(gr.Image)

    def preprocess(self, payload):
        """The path of the uploaded file, or None."""
        try:
            return super().preprocess(payload)
        except gr.Error:
            raise
        except Exception as error:  # gr.Image looks into the file with Pillow, which raises many kinds
            raise gr.Error(
                "This file is not a picture that can be read. Try a JPEG, PNG or WebP.",
                title="That did not work",
                print_exception=False,
            ) from error
