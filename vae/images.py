"""Any picture <-> a (height, width, 3) float array in [0, 1]. The only place that decodes pictures."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageOps, UnidentifiedImageError

MAX_PIXELS = 64_000_000  # a 64-megapixel picture takes 200 MB once decoded; larger ones are refused before decoding

# What people and cameras make. Pillow reads many more, some by running other programs or by decoding on opening.
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")

ANIMATED = ("AVIF", "GIF", "PNG", "WEBP")  # not JPEG, whose further frames are previews

# Pillow warns at half of its own limit and raises at twice: ours replaces both, and a warning never fires.
Image.MAX_IMAGE_PIXELS = None

Picture = Image.Image | np.ndarray | bytes | str | Path


class PictureError(ValueError):
    """A picture that cannot be used, with a message that says why and what to do, fit for showing to a person."""


def open_picture(source: Picture) -> Image.Image:
    """Decodes and normalises a picture: upright RGB, 8 bits a channel.

    EXIF rotation is applied; transparency is laid on white; grey, palette, CMYK and 16-bit pictures become RGB. Of an
    animation the first frame is taken; how many there are is in the picture's `info["frames"]`.

    Args:
        source: encoded bytes, a path, a Pillow picture, or an array (H, W), (H, W, 3) or (H, W, 4) of uint8 in 0..255
            or floats in 0..1.

    Raises:
        PictureError: not a picture, damaged, or larger than 64 megapixels.
    """
    try:
        if isinstance(source, np.ndarray):
            picture = _from_array(source)
        elif isinstance(source, Image.Image):
            picture = source
        else:
            picture = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS)
        if picture.width * picture.height > MAX_PIXELS:
            raise PictureError(
                f"The picture has {picture.width} x {picture.height} pixels; "
                f"at most {MAX_PIXELS // 1_000_000} megapixels are accepted. Scale it down first."
            )
        frames = getattr(picture, "n_frames", 1) if picture.format in ANIMATED else 1
        picture.load()
        upright = _to_rgb(ImageOps.exif_transpose(picture))
        upright.info["frames"] = frames
        return upright
    except PictureError:
        raise
    except FileNotFoundError:
        assert not isinstance(source, bytes)  # which are not looked for anywhere
        raise PictureError(f"There is no picture at {source}.") from None
    except UnidentifiedImageError:
        raise PictureError("This file is not a picture that can be read. Try a JPEG, PNG or WebP.") from None
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        TypeError,
        RuntimeError,
        MemoryError,
    ) as error:  # what Pillow's decoders raise
        raise PictureError(f"The picture is damaged and cannot be read ({error}).") from error


def _from_array(array: np.ndarray) -> Image.Image:
    if not array.size or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise PictureError(f"An array of shape {array.shape} is not a picture; use (H, W), (H, W, 3) or (H, W, 4).")
    if array.dtype != np.uint8:
        array = (np.nan_to_num(array).clip(0, 1) * 255 + 0.5).astype(np.uint8)
    return Image.fromarray(array)


def _to_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I") or picture.mode == "F":
        values = np.asarray(picture, np.float64)
        # 16-bit files come as "I;16", older ones as "I"; a float picture is taken as 0..1 unless it says otherwise.
        peak = 65535 if picture.mode.startswith("I") else max(1.0, float(values.max(initial=0)))
        picture = Image.fromarray((values / peak * 255 + 0.5).clip(0, 255).astype(np.uint8))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return picture.convert("RGB")


def centre_crop(picture: Image.Image) -> Image.Image:
    """The largest centred square."""
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    return picture.crop((left, top, left + side, top + side))


def fit(picture: Image.Image, size: int) -> Image.Image:
    """The centred square of a picture, `size` pixels a side, resized with antialiasing (Lanczos)."""
    square = centre_crop(picture)
    return square if square.width == size else square.resize((size, size), Image.Resampling.LANCZOS)


def to_array(picture: Image.Image) -> Float[np.ndarray, "height width 3"]:
    """An RGB picture as float32 in [0, 1]."""
    return np.asarray(picture, np.float32) / 255


def to_picture(array: Float[np.ndarray, "height width 3"]) -> Image.Image:
    """Floats in [0, 1] as an RGB picture, rounded to 8 bits; values outside are clipped."""
    return Image.fromarray(to_uint8(array))


def to_uint8(array: Float[np.ndarray, "*shape"]) -> UInt8[np.ndarray, "*shape"]:
    """Floats in [0, 1] as 0..255, rounded."""
    return (np.asarray(array).clip(0, 1) * 255 + 0.5).astype(np.uint8)


def grid(pictures: UInt8[np.ndarray, "count height width 3"], columns: int, gap: int = 2) -> Image.Image:
    """Pictures of one size laid out row by row on white, `gap` pixels apart."""
    count, height, width, _ = pictures.shape
    rows = -(-count // columns)
    sheet = Image.new("RGB", (columns * (width + gap) - gap, rows * (height + gap) - gap), "white")
    for i, picture in enumerate(pictures):
        sheet.paste(Image.fromarray(picture), ((i % columns) * (width + gap), (i // columns) * (height + gap)))
    return sheet
