"""Any picture <-> a (height, width, 3) float array in [0, 1]. The only place that decodes pictures."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageOps, UnidentifiedImageError

from vae.costly import CostlyError, check_cost

# Larger files are refused before anything is decoded.
MAX_BYTES = 100_000_000
MAX_PIXELS = 64_000_000  # such a picture takes 256 MB once decoded
MAX_WEBP_PIXELS = 32_000_000  # of a WebP or AVIF, of which Pillow holds several copies as it decodes them
MAX_SIDE = 30_000
MAX_FRAMES = 5_000  # of an animation
MAX_GIF_BLOCKS = 400_000  # of up to 255 bytes; Pillow goes through them one by one,
MAX_GIF_COMMENT = 1 << 18  # and copies the bytes of a comment once more for each
STRIP_PIXELS = 1 << 20  # that are converted at a time, as a whole picture in floats would take gigabytes

THUMBNAIL_SIDE = 64  # pixels at most, of a small original that an atlas keeps

# What people and cameras make. Pillow reads many more, some by running other programs or by decoding on opening.
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")

ANIMATED = ("AVIF", "GIF", "PNG", "WEBP")  # not JPEG, whose further frames are previews

MANY_FRAMES = f"The animation has more than {MAX_FRAMES:,} pictures. Send one of them."
TOO_MUCH_MEMORY = "The picture takes more memory to read than there is. Scale it down first."
DAMAGED_GIF = "The picture is damaged and cannot be read: a GIF of far more blocks than pictures take."

# Pillow warns at half of its own limit and raises at twice: ours replaces both, and a warning never fires.
Image.MAX_IMAGE_PIXELS = None

Picture = Image.Image | np.ndarray | bytes | str | Path


class PictureError(ValueError):
    """A picture that cannot be used, with a message that says why and what to do, fit for showing to a person."""


class LargePictureError(PictureError):
    """It has more pixels than whoever opens it takes, and not more than are accepted."""


def open_picture(source: Picture, most: int = MAX_PIXELS) -> Image.Image:
    """Decodes and normalises a picture: upright RGB, 8 bits a channel.

    EXIF rotation is applied; transparency is laid on white; grey, palette, CMYK and 16-bit pictures become RGB. Of an
    animation the first frame is taken; how many there are is in the picture's `info["frames"]`.

    Args:
        source: encoded bytes, a path, a Pillow picture, or an array (H, W), (H, W, 3) or (H, W, 4) of uint8 in 0..255
            or floats in 0..1.
        most: pixels that it may have. More than 64 million, of a WebP or AVIF more than 32 million, are never accepted.

    Raises:
        LargePictureError: it has more than `most`.
        PictureError: it has more than are accepted, is not a picture, or is damaged.
    """
    try:
        if isinstance(source, np.ndarray):
            picture = _from_array(source)
        elif isinstance(source, Image.Image):
            picture = source
        else:
            _check_file(source)
            picture = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS)
        accepted = MAX_WEBP_PIXELS if picture.format in ("AVIF", "WEBP") else MAX_PIXELS
        if (pixels := picture.width * picture.height) > accepted or max(picture.size) > MAX_SIDE:
            raise PictureError(
                f"The picture has {picture.width} x {picture.height} pixels; at most {accepted // 1_000_000} "
                f"megapixels are accepted, and {MAX_SIDE:,} pixels a side. Scale it down first."
            )
        if pixels > most:
            raise LargePictureError(f"The picture has {pixels / 1e6:.0f} megapixels, more than {most / 1e6:.0f}.")
        frames = getattr(picture, "n_frames", 1) if picture.format in ANIMATED else 1
        if frames > MAX_FRAMES:
            raise PictureError(MANY_FRAMES)
        picture.load()
        if picture is not source:
            ImageOps.exif_transpose(picture, in_place=True)  # else it is copied, also where it is upright
        else:
            picture = ImageOps.exif_transpose(picture)
        is_whole = picture is not source and picture.mode == "RGB" and frames == 1
        upright = picture if is_whole and not picture.has_transparency_data else _to_rgb(picture)
        upright.info["frames"] = frames
        return upright
    except PictureError:
        raise
    except CostlyError as error:
        raise PictureError(str(error)) from None
    except FileNotFoundError:
        assert not isinstance(source, bytes)  # which are not looked for anywhere
        raise PictureError(f"There is no picture at {source}.") from None
    except UnidentifiedImageError:
        raise PictureError("This file is not a picture that can be read. Try a JPEG, PNG or WebP.") from None
    except MemoryError:
        raise PictureError(TOO_MUCH_MEMORY) from None
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        TypeError,
        RuntimeError,
    ) as error:  # what Pillow's decoders raise
        raise PictureError(f"The picture is damaged and cannot be read ({error}).") from error


def write_thumbnail(pixels: UInt8[np.ndarray, "height width 3"]) -> bytes:
    """A picture as a WebP of at most 64 pixels a side, which loses nothing but size.

    Lossless: at quality 90 it would be 33 dB from the original, where some models' reconstructions are too.
    """
    picture = Image.fromarray(pixels)
    picture.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", lossless=True, quality=90, method=4)
    return buffer.getvalue()


def read_thumbnail(content: bytes) -> Image.Image:
    """What `write_thumbnail` wrote, in RGB; whoever wrote it, nothing larger is decoded.

    Raises:
        PictureError: it is no WebP, damaged, or more than 64 pixels a side.
    """
    try:
        picture = Image.open(io.BytesIO(content), formats=("WEBP",))
    except (OSError, SyntaxError, ValueError, EOFError, TypeError, RuntimeError, MemoryError):
        raise PictureError("A small original of the map is no picture.") from None
    if max(picture.size) > THUMBNAIL_SIDE:
        raise PictureError(f"A small original of the map has more than {THUMBNAIL_SIDE} pixels a side.")
    return open_picture(picture)


def _from_array(array: np.ndarray) -> Image.Image:
    if not array.size or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise PictureError(f"An array of shape {array.shape} is not a picture; use (H, W), (H, W, 3) or (H, W, 4).")
    if array.dtype != np.uint8:
        array = (np.nan_to_num(array).clip(0, 1) * 255 + 0.5).astype(np.uint8)
    return Image.fromarray(array)


def _check_file(source: bytes | str | Path) -> None:
    """Bounds what Pillow is given, where it has no bounds of its own.

    Raises:
        PictureError: it has no bytes, or too many; or is a GIF of too many pictures or blocks.
        CostlyError: it would take very long to read.
    """
    count = len(source) if isinstance(source, bytes) else os.stat(source).st_size
    if count == 0:
        raise PictureError("This file is empty: it has 0 bytes. Choose it again, or another one.")
    if count > MAX_BYTES:
        raise PictureError(f"The file has {count / 1e6:.0f} MB; at most {MAX_BYTES // 1_000_000} are accepted.")
    content = source if isinstance(source, bytes) else Path(source).read_bytes()
    if content.startswith(b"GIF8"):
        _check_gif(content)
    check_cost(content)


def _check_gif(content: bytes) -> None:
    """Goes through a GIF's blocks without decoding any (GIF89a specification)."""

    def colours(flags: int) -> int:
        return 3 << ((flags & 7) + 1) if flags & 0x80 else 0

    frames = blocks = comment = 0
    try:
        place = 13 + colours(content[10])
        while (kind := content[place]) != 0x3B:
            blocks += 1
            place += 1
            if kind == 0x2C:  # a picture
                frames += 1
                place += 10 + colours(content[place + 8])
            elif kind == 0x21:  # an extension
                place += 1
            else:
                if blocks > MAX_GIF_BLOCKS:
                    raise PictureError(DAMAGED_GIF)
                continue
            is_comment = kind == 0x21 and content[place - 1] == 0xFE
            while size := content[place]:
                blocks += 1
                place += 1 + size
                comment += size if is_comment else 0
                if blocks > MAX_GIF_BLOCKS or comment > MAX_GIF_COMMENT:
                    raise PictureError(DAMAGED_GIF)
            place += 1
            if frames > MAX_FRAMES:
                raise PictureError(MANY_FRAMES)
            if blocks > MAX_GIF_BLOCKS:
                raise PictureError(DAMAGED_GIF)
    except IndexError:  # it ends early, as many do; Pillow says what can be done with it
        pass


def _to_rgb(picture: Image.Image) -> Image.Image:
    """In RGB; strip by strip where that takes less memory."""
    is_deep = picture.mode.startswith("I") or picture.mode == "F"
    if not is_deep and not picture.has_transparency_data:
        return picture.convert("RGB")
    strips = [
        (0, top, picture.width, min(top + max(1, STRIP_PIXELS // picture.width), picture.height))
        for top in range(0, picture.height, max(1, STRIP_PIXELS // picture.width))
    ]
    # 16-bit files come as "I;16", older ones as "I"; a float picture is taken as 0..1 unless it says otherwise.
    peak = 65535.0
    if picture.mode == "F":
        peak = max(1.0, *(float(np.asarray(picture.crop(strip)).max(initial=0)) for strip in strips))
    whole = Image.new("RGB", picture.size)
    whole.info = picture.info.copy()
    for strip in strips:
        part = picture.crop(strip)
        if is_deep:
            values = np.asarray(part, np.float32)
            part = Image.fromarray((values * (255 / peak) + 0.5).clip(0, 255).astype(np.uint8))
        if part.has_transparency_data:
            part = part.convert("RGBA")
            part = Image.alpha_composite(Image.new("RGBA", part.size, "white"), part)
        whole.paste(part.convert("RGB"), strip[:2])
    return whole


def centre_crop(picture: Image.Image) -> Image.Image:
    """The largest centred square."""
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    return picture.crop((left, top, left + side, top + side))


def fit(picture: Image.Image, size: int) -> Image.Image:
    """The centred square of a picture, `size` pixels a side, resized with antialiasing (Lanczos).

    One of sixteen times that side or more is first reduced by a whole factor, to eight times or more: up to nine times
    as fast, and less than a level of 255 away on average.
    """
    square = centre_crop(picture)
    return square if square.width == size else square.resize((size, size), Image.Resampling.LANCZOS, reducing_gap=8)


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
