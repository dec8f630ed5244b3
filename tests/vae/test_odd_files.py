"""Pictures as strangers make them: each is a picture or one sentence, soon, and in little memory."""

import io
import struct
import subprocess
import sys
import time
import tracemalloc
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.conftest import ROOT
from vae.images import FORMATS, MAX_FRAMES, MAX_GIF_COMMENT, PictureError, open_picture

SECONDS = 2.0  # of the processor
MEGABYTE = 1 << 20


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, depth: int, colour: int, rows: int | None = None, more: bytes = b"") -> bytes:
    """Of zeros; colour 0 is grey, 2 RGB, 4 grey with alpha, 6 RGBA. With fewer rows than it says, it is damaged."""
    row = b"" if rows == 0 else b"\0" + b"\0" * (width * {0: 1, 2: 3, 4: 2, 6: 4}[colour] * depth // 8)
    packer = zlib.compressobj(1)
    data = b"".join(packer.compress(row) for _ in range(height if rows is None else rows)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + more + chunk(b"IDAT", data) + chunk(b"IEND")


def jpeg(more: bytes = b"", scans: int = 0, side: int = 16, **options: Any) -> bytes:
    """With more in front of what it is made of, and with the last of its scans so many times again."""
    file = io.BytesIO()
    Image.new("L", (side, side)).save(file, "JPEG", **options)
    content = file.getvalue()
    last = content[content.rindex(b"\xff\xda") : -2]
    return content[:2] + more + content[2:-2] + last * scans + b"\xff\xd9"


def bmp_of_runs(width: int, height: int, runs: bytes) -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(runs), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 1078 + len(runs), 0, 0, 1078) + head + b"\0\0\0\0" * 256 + runs


def directory(count: int, size: int, kind: int = 7, entries: Sequence[tuple[int, int]] = ()) -> bytes:
    """Of a TIFF: so many entries that all name the same bytes, after others of one number each."""
    after = 14 + 12 * (count + len(entries))
    own = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    same = b"".join(struct.pack("<HHII", 40_000 + k, kind, size, after) for k in range(count))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", count + len(entries)) + own + same + bytes(4) + bytes(8 * size)


ONE_PIXEL = [(256, 1), (257, 1), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 1), (279, 1)]


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
    "a PNG of a million chunks": lambda: png(4, 4, 8, 2, more=chunk(b"abCd") * 1_000_000),
    "a PNG with EXIF a million times": lambda: png(4, 4, 8, 2, more=chunk(b"eXIf", b"Exif\0\0" * 1_000_000)),
    "a JPEG of a million segments": lambda: jpeg(b"\xff\xfe\0\2" * 1_000_000),
    "a JPEG of padding": lambda: jpeg(b"\xff" * 8_000_000),
    "a JPEG of junk": lambda: jpeg(b"\xff\xfe\0\2" + b"\0" * 8_000_000),
    "a JPEG of 10,000 scans": lambda: jpeg(scans=10_000, side=2000, progressive=True),
    "a large JPEG of 90 scans": lambda: jpeg(scans=80, side=8000, progressive=True),
    "a JPEG whose EXIF is in 20,000 pieces": lambda: jpeg((b"\xff\xe1\x05\x00Exif\0\0" + bytes(1272)) * 20_000),
    "a JPEG with scans between bytes that libjpeg passes over": lambda: jpeg_of_hidden_scans(3_000, 5),
    "a PNG with 2,000 colour profiles": lambda: png(
        4, 4, 8, 2, more=chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(MEGABYTE), 9)) * 2_000
    ),
    "a TIFF of 300 strips that are the same JPEG": lambda: tiff_of_one_strip(2_000, 20, 300),
    "a PPM of 255 levels": lambda: b"P6 3000 3000 254\n" + bytes(27_000_000),
    "a small PPM of 255 levels": lambda: b"P6 500 500 254\n" + bytes(750_000),
    "a PGM of levels in two parts": lambda: b"P5 3000 3000 25#\n4\n" + bytes(9_000_000),
    "a PPM of words and comments": lambda: b"P3 99 99 255\n" + b"#\n" * 500_000,
    "a PPM of many words": lambda: b"P2 3000 3000 255\n" + b"1 " * 9_000_000,
    "a PPM with a long comment": lambda: b"P5\n" + b"#\n" * 4_000_000 + b"9 9 255\n" + bytes(81),
    "a BMP of empty lines": lambda: bmp_of_runs(8, 8, bytes(20_000_000)),
    "a large BMP of runs": lambda: bmp_of_runs(30_000, 2_100, b"\1\1\0\0" * 2_100),
    "a PNG with a text that unpacks to 60 MB": lambda: with_text(60_000_000),
}


def jpeg_of_hidden_scans(side: int, blocks: int) -> bytes:
    """With 3,000 scans in each block of 64 KB, between markers that say to be as long as the block."""

    def segment(kind: int, data: bytes) -> bytes:
        return struct.pack(">BBH", 0xFF, kind, len(data) + 2) + data

    tables = segment(0xDB, bytes([0] + [16] * 64))
    frame = segment(0xC2, struct.pack(">BHHBBBB", 8, side, side, 1, 1, 0x11, 0))
    codes = b"".join(segment(0xC4, bytes([kind, 1, *[0] * 16])) for kind in (0x00, 0x10))
    restarts = segment(0xDD, struct.pack(">H", 8))
    first, later = (segment(0xDA, bytes([1, 1, 0, *band, 0])) + b"\0" for band in ((0, 0), (1, 63)))
    hidden = ((later + b"\xff\x02") * 3_000)[:65_533]
    return (
        b"\xff\xd8" + tables + frame + codes + restarts + first
        + (b"\xff\x02\xff\xff" + hidden.ljust(65_533, b"\0")) * blocks + b"\xff\xd9"
    )  # fmt: skip


def tiff_of_one_strip(side: int, rows: int, strips: int) -> bytes:
    strip, noise = io.BytesIO(), np.random.default_rng(0).integers(0, 256, (rows, side), np.uint8)
    Image.fromarray(noise).save(strip, "JPEG", quality=95)
    data = strip.getvalue() + b"\0" * (len(strip.getvalue()) % 2)
    numbers = struct.pack(f"<{2 * strips}I", *[8] * strips, *[len(data)] * strips)
    places = 8 + len(data)
    entries = [(256, 1, side), (257, 1, rows * strips), (258, 1, 8), (259, 1, 7), (262, 1, 1), (273, strips, places),
               (277, 1, 1), (278, 1, rows), (279, strips, places + 4 * strips)]  # fmt: skip
    own = b"".join(struct.pack("<HHII", tag, 4, count, value) for tag, count, value in entries)
    begin = struct.pack("<I", places + len(numbers))
    return b"II*\0" + begin + data + numbers + struct.pack("<H", len(entries)) + own + bytes(4)


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


@pytest.mark.parametrize(
    "make",
    {
        "a TIFF": lambda: directory(200, 100_000, entries=ONE_PIXEL),
        "a TIFF of fractions": lambda: directory(1, 600_000, kind=5, entries=ONE_PIXEL),
        "a PNG": lambda: png(4, 4, 8, 2, more=chunk(b"eXIf", directory(200, 100_000))),
        "a JPEG": lambda: jpeg(exif=b"Exif\0\0" + directory(200, 6_000)),
    }.items(),
    ids=lambda made: made[0],
)
def test_a_directory_that_names_more_than_the_file_has_takes_no_memory(make):
    content = make[1]()
    tracemalloc.start()
    try:
        picture_or_sentence(content)
        assert tracemalloc.get_traced_memory()[1] < 3 * len(content) + MEGABYTE
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("kind", "options"), [("WEBP", {"lossless": True, "method": 0}), ("AVIF", {"speed": 10})])
def test_a_webp_or_avif_of_a_few_bytes_takes_no_gigabyte(kind, options):
    file = io.BytesIO()
    Image.new("L", (6000, 6000)).save(file, kind, **options)
    with pytest.raises(PictureError, match="at most 32 megapixels"):
        open_picture(file.getvalue())


def test_what_cameras_and_programs_write_is_no_hindrance():
    assert open_picture(jpeg(progressive=True)).size == (16, 16)
    comment = b"\xff" * 9 + b"\xff\xfe\xff\xff" + b"a" * 65_533
    assert open_picture(jpeg(comment, restart_marker_blocks=1)).size == (16, 16)
    assert open_picture(bmp_of_runs(2, 2, b"\2\1\0\0\2\1\0\1")).size == (2, 2)
    assert open_picture(b"P3\n# made by hand\n1 1 # small\n255\n1 2 3\n").size == (1, 1)
    assert open_picture(b"P5 # grey\n1000 1000\n65535\n" + bytes(2_000_000)).size == (1000, 1000)
    assert open_picture(b"P6 1000 1000 255\n" + bytes(3_000_000)).size == (1000, 1000)


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
