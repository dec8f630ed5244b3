"""Picture files that cost far more to read than they show: refused before Pillow goes through them.

Pillow reads what is around the pixels in Python, piece by piece, and some decoders do so for the pixels; it holds a
directory of EXIF or TIFF as often as its entries name the same bytes; and a JPEG may draw the whole picture anew in
each of many scans, or have its EXIF in many pieces, which are joined one by one. The bounds are far above what cameras
and programs write.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from PIL import Image, TiffImagePlugin

MAX_PARTS = 100_000  # segments and chunks of a file, and bytes between them, that Pillow goes through one by one
MAX_SCANS = 100  # of a JPEG; a progressive one has ten
MAX_SCANNED_PIXELS = 1_000_000_000  # of all scans together; ten of 64 megapixels
MAX_EXIF_SEGMENTS = 100  # of a JPEG, of 64 KB each
MAX_PROFILES = 10  # of colours in a PNG, which has one: each is unpacked
MAX_SLOW_BYTES = 1 << 20  # of a picture in words or of unusual levels, or a BMP of runs, which Pillow decodes in Python
MAX_SLOW_PIXELS = 1 << 21
MAX_COMMENTS = 100  # comments in a PPM, each of which copies what is read
MAX_HEADER = 4096  # bytes of a PPM's
MAX_OVERLAP = 2  # times the bytes of a TIFF, that its strips or tiles may be together
MAX_NUMBERS = 500_000  # in a TIFF's directory; strips and tiles take two each

DAMAGED = "The picture is damaged and cannot be read: its file has far more parts than pictures take."
SLOW = "The picture is written in a way that takes very long to read. Save it as a PNG first."

_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # without those inside a scan
# Markers after which Pillow, or libjpeg inside a scan, skips nothing.
_BARE = frozenset([*range(0x01, 0xC0), 0xC8, 0xD8, 0xD9, *range(0xF0, 0xFE)])
_SAYS_EXIF = re.compile(rb"\A(?:Exif\x00\x00)+")
_COMMENT = re.compile(rb"#[^\r\n]*[\r\n]?")
_FRAMES = frozenset([*range(0xC0, 0xD0)]) - {0xC4, 0xC8, 0xCC}  # markers of a JPEG that tell how large it is


class CostlyError(ValueError):
    """A picture that would take too long, or too much memory, to read; with a sentence for a person."""


def check_cost(content: bytes) -> None:
    """Goes through an encoded picture's parts without decoding any.

    Raises:
        CostlyError: it would take very long to read.
    """
    if content.startswith(b"\xff\xd8"):
        _check_jpeg(content)
    elif content.startswith(b"\x89PNG"):
        _check_png(content)
    elif content.startswith(b"BM"):
        _check_bmp(content)
    elif content.startswith(b"P"):
        _check_ppm(content)


def _check_jpeg(content: bytes) -> None:
    place, parts, scans, exifs, pixels = 2, 0, 0, 0, 0
    while found := _MARKER.search(content, place):
        kind, end = content[found.end() - 1], found.end()
        parts += 1 if scans else end - place  # before the first scan, Pillow reads what is between, byte by byte
        scans += kind == 0xDA
        exifs += kind == 0xE1 and content.startswith(b"Exif", end + 2)
        if kind in _FRAMES:
            height, width = content[end + 3 : end + 5], content[end + 5 : end + 7]
            pixels = max(pixels, int.from_bytes(height) * int.from_bytes(width))
        if scans > MAX_SCANS or scans * pixels > MAX_SCANNED_PIXELS:
            raise CostlyError(SLOW)
        if parts > MAX_PARTS or exifs > MAX_EXIF_SEGMENTS:
            raise CostlyError(DAMAGED)
        if kind == 0xD9 and scans:
            return
        place = end if kind in _BARE else end + max(2, int.from_bytes(content[end : end + 2]))
    if not scans and len(content) - place > MAX_PARTS:
        raise CostlyError(DAMAGED)


def _check_png(content: bytes) -> None:
    place, profiles = 8, 0
    for _ in range(MAX_PARTS):
        if place >= len(content):
            return
        profiles += content[place + 4 : place + 8] == b"iCCP"
        if profiles > MAX_PROFILES:
            break
        place += 12 + int.from_bytes(content[place : place + 4])
    raise CostlyError(DAMAGED)


def _check_bmp(content: bytes) -> None:
    width, height = (abs(int.from_bytes(content[at : at + 4], "little", signed=True)) for at in (18, 22))
    is_of_runs = int.from_bytes(content[30:34], "little") in (1, 2)
    if is_of_runs and (len(content) > MAX_SLOW_BYTES or width * height > MAX_SLOW_PIXELS):
        raise CostlyError(SLOW)


def _check_ppm(content: bytes) -> None:
    kind = content[1:2]
    if kind in b"123" and (len(content) > MAX_SLOW_BYTES or content.count(b"#") > MAX_COMMENTS):
        raise CostlyError(SLOW)
    tokens = 3 if kind in b"14" else 4
    header = _COMMENT.sub(b"", content[:MAX_HEADER]).split(None, tokens)
    if len(content) > MAX_HEADER and len(header) < tokens:
        raise CostlyError(DAMAGED)
    if len(content) > MAX_SLOW_BYTES and kind not in b"14f":
        is_raw = header[3].lstrip(b"0") == b"255" or (kind == b"5" and header[3].lstrip(b"0") == b"65535")
        if not is_raw:
            raise CostlyError(SLOW)


class Directory(TiffImagePlugin.ImageFileDirectory_v2):
    """Pillow's own, of a TIFF or of EXIF in any file, of at most as many bytes as the file has."""

    def load(self, fp: Any) -> None:
        """Pillow's own, after the entries were counted.

        Raises:
            CostlyError: there are very many, or together they name more bytes than there are, or very many numbers; or
                the strips or tiles of the picture do, as several may be the same bytes.
        """
        begin, length = fp.tell(), fp.seek(0, 2)
        fp.seek(begin)
        order: Literal["little", "big"] = "little" if self._endian == "<" else "big"
        wide, entry, word = (8, 20, 8) if self._bigtiff else (2, 12, 4)
        entries = fp.read(min(int.from_bytes(fp.read(wide), order) * entry, length))
        fp.seek(begin)
        named = numbers = 0
        for at in range(0, len(entries), entry):
            size, _ = self._load_dispatch.get(int.from_bytes(entries[at + 2 : at + 4], order), (0, None))
            many = int.from_bytes(entries[at + 4 : at + 4 + word], order)
            if many * size > length:
                break  # as Pillow does there
            named += many * size
            numbers += many if size > 1 else 0
            if named > length or numbers > MAX_NUMBERS or at > MAX_PARTS:
                raise CostlyError(DAMAGED)
        super().load(fp)
        for tag in (TiffImagePlugin.STRIPBYTECOUNTS, TiffImagePlugin.TILEBYTECOUNTS):
            sizes = self.get(tag, ())
            sizes = sizes if isinstance(sizes, tuple) else (sizes,)
            if sum(min(size, length) for size in sizes if isinstance(size, int)) > MAX_OVERLAP * length:
                raise CostlyError(DAMAGED)


class Exif(Image.Exif):
    """Pillow's own, which copies all of it once for every time that it says "Exif" at its beginning."""

    def load(self, data: bytes) -> None:
        """Pillow's own, of what comes after that."""
        super().load(_SAYS_EXIF.sub(b"", data, count=1) if data else data)


# Where Pillow finds them for every file.
TiffImagePlugin.ImageFileDirectory_v2 = Directory  # type: ignore[misc]
Image.Exif = Exif  # type: ignore[misc]
