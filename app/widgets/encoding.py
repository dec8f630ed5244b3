"""Pictures in the form that a page takes them."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

from PIL import Image


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
    buffer = io.BytesIO()
    sheet.save(buffer, "WEBP", quality=90, method=2)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def small_url(picture: Image.Image) -> str:
    """A picture as a data URL: PNG up to 128 pixels, WebP above, where PNG would weigh a hundred kilobytes."""
    if picture.width <= 128:
        return data_url(picture)
    return strip_url([picture], picture.width)
