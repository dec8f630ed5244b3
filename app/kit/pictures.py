"""Pictures and colour scales in the form in which a page takes them."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from app.explore.limits import LIGHT_SIDE, SHOWN_QUALITY
from vae.images import centre_crop

LEVELS = 255
SHEET_LIMIT = 8192  # pixels; a sheet's sides stay below, since many phones decode nothing larger
LOSSLESS_PIXELS = 1 << 19  # of a sheet: up to here, lossless weighs little; above, WebP with loss saves the most


def sheet(pictures: Sequence[Image.Image]) -> dict[str, Any]:
    """Packs pictures into one, row by row from the top left: the sprite sheet that web/sheet.js cuts.

    Args:
        pictures: at least one, all of one size.

    Returns:
        `sheet` (a data URL), `count` and `columns` of pictures in it, `width` and `height` of one in pixels.

    Raises:
        ValueError: there is none, their sizes differ, or they do not fit a sheet below 8192 pixels.
    """
    if not pictures:
        raise ValueError("no pictures given; a sheet needs at least 1")
    sizes = {picture.size for picture in pictures}
    if len(sizes) > 1:
        raise ValueError(f"pictures of different sizes given: {sorted(sizes)}; a sheet needs one size")
    width, height = pictures[0].size
    columns = _columns(len(pictures), width, height)
    whole = Image.new("RGB", (columns * width, math.ceil(len(pictures) / columns) * height))
    for k, picture in enumerate(pictures):
        whole.paste(picture.convert("RGB"), (k % columns * width, k // columns * height))
    return {
        "sheet": _sheet_url(whole, max(width, height)),
        "count": len(pictures),
        "columns": columns,
        "width": width,
        "height": height,
    }


def square(picture: Image.Image, side: int) -> Image.Image:
    """A picture as a square of so many pixels: its middle, enlarged without smoothing where it is smaller."""
    cut = centre_crop(picture)
    return cut.resize((side, side), Image.Resampling.NEAREST if cut.width < side else Image.Resampling.BOX)


def _sheet_url(whole: Image.Image, side: int) -> str:
    """Of pictures of this side, in one."""
    if side > LIGHT_SIDE or whole.width * whole.height > LOSSLESS_PIXELS:
        return _webp_url(whole, quality=SHOWN_QUALITY)
    if side == max(whole.size):
        return data_url(whole)
    return _webp_url(whole, lossless=True, quality=50)  # of a lossless picture, how hard it tries


def _columns(count: int, width: int, height: int) -> int:
    """Columns of the squarest grid whose sides stay below the limit."""
    columns = min(max(1, round(math.sqrt(count * height / width))), (SHEET_LIMIT - 1) // width)
    if columns == 0 or math.ceil(count / columns) * height >= SHEET_LIMIT:
        raise ValueError(f"{count} pictures of {width} x {height} pixels do not fit a sheet below {SHEET_LIMIT} pixels")
    return columns


def picture_url(picture: Image.Image) -> str:
    """One picture as a data URL, in the form that `sheet` gives it."""
    return sheet([picture])["sheet"]


def strip_url(pictures: Sequence[Image.Image], side: int) -> str:
    """Thumbnails side by side, each of so many pixels, as the data URL of a WebP that weighs little."""
    strip = Image.new("RGB", (side * len(pictures), side))
    for k, picture in enumerate(pictures):
        strip.paste(picture.convert("RGB").resize((side, side), Image.Resampling.LANCZOS), (k * side, 0))
    return _webp_url(strip, quality=SHOWN_QUALITY)


def data_url(picture: Image.Image) -> str:
    """A picture as a PNG data URL: to be kept, or of few colours."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _webp_url(picture: Image.Image, **options: Any) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", method=3, **options)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def colour(values: Float[np.ndarray, "height width"], scale: str) -> Image.Image:
    """A picture of numbers in [0, 1]; what is outside takes the colour of the end.

    Args:
        scale: a name of Plotly's, such as "Viridis" (even steps to the eye, also to colour-blind ones) or "RdBu_r".
    """
    return Image.fromarray(_colours(scale)[(values.clip(0, 1) * 255 + 0.5).astype(np.uint8)])


def heat_map(values: Float[np.ndarray, "height width"], limit: float) -> dict[str, Any]:
    """Numbers of pixels as a picture of colours (`url`), with its scale's `limit` and their `mean` in levels of 255."""
    url = data_url(colour(values / limit, "Viridis"))
    return {"url": url, "limit": limit * LEVELS, "mean": float(values.mean()) * LEVELS}


def scale_end(values: Float[np.ndarray, "height width"]) -> float:
    """Where the scale of a heat map may end: a few stray pixels would darken all others."""
    return float(np.quantile(values, 0.995))


@cache
def _colours(scale: str) -> UInt8[np.ndarray, "256 3"]:
    from plotly.colors import sample_colorscale  # plotly takes a quarter of a second to import

    colours = sample_colorscale(scale, np.linspace(0, 1, 256), colortype="tuple")
    return (np.array(colours) * 255 + 0.5).astype(np.uint8)
