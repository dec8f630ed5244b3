"""Pictures as strangers make them: each is a picture or one sentence, soon, and in little memory."""

import io
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.conftest import ROOT
from vae.images import FORMATS, MAX_FRAMES, MAX_GIF_COMMENT, PictureError, open_picture

SECONDS = 2.0  # of the processor


def png(width: int, height: int, depth: int, colour: int, rows: int | None = None) -> bytes:
    """Of zeros; colour 0 is grey, 2 RGB, 4 grey with alpha, 6 RGBA. With fewer rows than it says, it is damaged."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    row = b"" if rows == 0 else b"\0" + b"\0" * (width * {0: 1, 2: 3, 4: 2, 6: 4}[colour] * depth // 8)
    packer = zlib.compressobj(1)
    data = b"".join(packer.compress(row) for _ in range(height if rows is None else rows)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


GIF = b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff"
GIF_PICTURE = b",\0\0\0\0\1\0\1\0\0\2\2D\1\0"

MADE: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "a PNG's first bytes": lambda: b"\x89PNG\r\n\x1a\n",
    "a PNG of no rows": lambda: png(1000, 1000, 8, 2, 0),
    "a PNG of 2^31 pixels a side": lambda: png(2**31 - 1, 2**31 - 1, 8, 2, 0),
    "a PNG of 0 x 0": lambda: png(0, 0, 8, 2),
    "a line of 64 million pixels": lambda: png(64_000_000, 1, 8, 0),
    "a column of 40,000 pixels": lambda: png(1, 40_000, 16, 6),
    "16 bits and transparent": lambda: png(300, 200, 16, 6),
    "16 bits and grey": lambda: png(300, 200, 16, 0),
    "16 bits, grey and transparent": lambda: png(300, 200, 16, 4),
    "a GIF with a comment of 24 MB in single bytes": lambda: GIF + b"!\xfe" + b"\1a" * 12_000_000 + b"\0" + GIF_PICTURE,
    "a GIF with a comment of 4 MB": lambda: (
        GIF + b"!\xfe" + (b"\xff" + b"a" * 255) * 16_000 + b"\0" + GIF_PICTURE + b";"
    ),
    "a GIF of a million pictures": lambda: GIF + GIF_PICTURE * 1_000_000 + b";",
    "a GIF of small blocks": lambda: GIF + GIF_PICTURE[:-3] + b"\1D" * 12_000_000 + b"\0;",
    "a GIF of junk": lambda: GIF + b"\xaa" * 5_000_000,
    "a GIF that ends early": lambda: GIF + GIF_PICTURE[:-2],
    "PostScript": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "SVG": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    "a PDF": lambda: b"%PDF-1.4\n",
    "HTML": lambda: b"<script>alert(1)</script>",
    "a ZIP": lambda: b"PK\3\4" + b"\0" * 100,
    "a PPM of a billion pixels": lambda: b"P6 32000 32000 255\n",
    "a PPM of words": lambda: b"P3 9 9 255\n" + b"a " * 1000,
    "a BMP of a negative size": lambda: b"BM" + struct.pack("<IIIIiiHH", 54, 0, 54, 40, -5, -5, 1, 24) + b"\0" * 24,
    "a PNG with a text that unpacks to 60 MB": lambda: with_text(60_000_000),
}


def with_text(length: int) -> bytes:
    info, file = PngInfo(), io.BytesIO()
    info.add_text("latentscape", "x" * length, zip=True)
    Image.new("RGB", (4, 4)).save(file, "PNG", pnginfo=info)
    return file.getvalue()


def picture_or_sentence(content: bytes) -> Image.Image | str:
    begun = time.process_time()
    try:
        found: Image.Image | str = open_picture(content)
    except PictureError as error:
        found = str(error)
        assert 10 < len(found) < 300
        assert "Traceback" not in found
    assert time.process_time() - begun < SECONDS
    return found


@pytest.mark.parametrize("make", MADE.values(), ids=MADE.keys())
def test_an_odd_file_is_a_picture_or_a_sentence(make):
    picture_or_sentence(make())


@pytest.mark.parametrize("kind", FORMATS)
def test_a_damaged_file_is_a_picture_or_a_sentence(kind):
    file, random = io.BytesIO(), np.random.default_rng(0)
    Image.fromarray(random.integers(0, 255, (24, 32, 3), dtype=np.uint8)).save(file, kind)
    content = file.getvalue()
    for k in range(40):
        damaged = bytearray(content[: random.integers(1, len(content))] if k % 2 else content)
        for place in random.integers(0, len(damaged), k % 8):
            damaged[place] = random.integers(0, 255)
        picture_or_sentence(bytes(damaged))


def test_an_empty_file_is_said_to_be_empty(tmp_path):
    (tmp_path / "empty.png").touch()
    for source in (b"", tmp_path / "empty.png"):
        with pytest.raises(PictureError, match="empty: it has 0 bytes"):
            open_picture(source)


def test_an_animation_has_a_bounded_number_of_pictures():
    assert open_picture(GIF + GIF_PICTURE * 20 + b";").info["frames"] == 20
    with pytest.raises(PictureError, match="more than 5,000 pictures"):
        open_picture(GIF + GIF_PICTURE * (MAX_FRAMES + 1) + b";")


def test_a_comment_of_a_usual_length_is_no_hindrance():
    comment = b"!\xfe" + (b"\xff" + b"a" * 255) * (MAX_GIF_COMMENT // 255 - 1) + b"\0"
    assert open_picture(GIF + comment + GIF_PICTURE + b";").size == (1, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the memory")
def test_64_megapixels_of_16_bits_take_less_than_2_seconds_and_500_megabytes(tmp_path):
    """In a process of its own, as memory can only be measured at its highest."""
    (tmp_path / "large.png").write_bytes(png(8000, 8000, 16, 0))
    code = f"""
import re, time
from vae.images import open_picture
begun = time.process_time()
open_picture({str(tmp_path / "large.png")!r})
highest = re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())
print(time.process_time() - begun, int(highest[1]) / 1000)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    seconds, megabytes = map(float, done.stdout.split())
    assert seconds < SECONDS
    assert megabytes < 500
