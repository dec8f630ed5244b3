"""Pictures and colour scales in the form that a page takes them, and files in the form that it sends them."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from gradio.utils import get_upload_folder
from jaxtyping import Float, UInt8
from PIL import Image
from plotly.colors import sample_colorscale

from app.checks import RequestError


def data_url(picture: Image.Image) -> str:
    """A picture as a PNG data URL."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def strip_url(pictures: Sequence[Image.Image], side: int) -> str:
    """Pictures side by side, each `side` pixels high and wide, as a WebP data URL: one sprite sheet of one row."""
    sheet = Image.new("RGB", (side * len(pictures), side))
    for k, picture in enumerate(pictures):
        sheet.paste(picture.resize((side, side), Image.Resampling.LANCZOS), (k * side, 0))
    return webp_url(sheet, quality=90, method=2)


def webp_url(picture: Image.Image, **options) -> str:
    """A picture as a WebP data URL; the options are Pillow's."""
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", **options)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def small_url(picture: Image.Image) -> str:
    """A picture as a data URL: PNG up to 128 pixels, WebP above, where PNG would weigh a hundred kilobytes."""
    if picture.width <= 128:
        return data_url(picture)
    return strip_url([picture], picture.width)


def colour(values: Float[np.ndarray, "height width"], scale: str) -> Image.Image:
    """A picture of numbers in [0, 1]; what is outside takes the colour of the end.

    Args:
        scale: a name of Plotly's, such as "Viridis" (even steps to the eye, also to colour-blind ones) or "RdBu_r".
    """
    return Image.fromarray(_colours(scale)[(values.clip(0, 1) * 255 + 0.5).astype(np.uint8)])


@cache
def _colours(scale: str) -> UInt8[np.ndarray, "256 3"]:
    colours = sample_colorscale(scale, np.linspace(0, 1, 256), colortype="tuple")
    return (np.array(colours) * 255 + 0.5).astype(np.uint8)


def uploaded_file(path: object) -> str:
    """A path that came back from the page, if it is that of a file that Gradio keeps.

    Raises:
        RequestError: it is not, which means that the request is forged, or the file is gone.
    """
    found = Path(path).resolve() if isinstance(path, str) and "\0" not in path else None
    if found is None or not found.is_relative_to(Path(get_upload_folder()).resolve()) or not found.is_file():
        raise RequestError("This picture is no longer here. Drop it again.")
    return str(path)
