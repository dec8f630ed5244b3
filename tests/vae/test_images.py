"""Any picture comes in as upright 8-bit RGB with its right colours, or is refused with words that help."""

import io
import struct
import zlib

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from vae.images import PictureError, centre_crop, fit, grid, open_picture, to_array, to_picture, to_uint8

ORANGE, BLUE, WHITE = (200, 100, 50), (20, 60, 180), (255, 255, 255)


def encode(picture, kind, **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def two_halves(mode="RGB", left=ORANGE, right=BLUE):
    """40 x 20 pixels of two colours."""
    picture = Image.new(mode, (40, 20), left)
    picture.paste(right, (20, 0, 40, 20))
    return picture


def palette_with_transparency():
    picture = two_halves().convert("P", palette=Image.Palette.ADAPTIVE, colors=2)
    return encode(picture, "PNG", transparency=picture.getpixel((30, 10)))


def two_frames(kind):
    return encode(two_halves(), kind, save_all=True, append_images=[two_halves(left=BLUE, right=ORANGE)])


def png(width, height, depth, colour_type, pixels):
    """A PNG file written by hand: Pillow writes neither 16 bits of RGB nor headers that lie."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    chunks = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(pixels)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def sixteen_bit_rgb():
    pixels = np.zeros((20, 40, 3), ">u2")
    pixels[:, :20], pixels[:, 20:] = np.array(ORANGE) * 257, np.array(BLUE) * 257
    return png(40, 20, 16, 2, b"".join(b"\0" + row.tobytes() for row in pixels))


def sixteen_bit_grey():
    pixels = np.full((20, 40), 200 * 257, np.uint16)
    pixels[:, 20:] = 20 * 257
    return encode(Image.fromarray(pixels), "PNG")


def grey_floats():
    pixels = np.full((20, 40), 200 / 255, np.float32)
    pixels[:, 20:] = 20 / 255
    return encode(Image.fromarray(pixels), "TIFF")


GREYS = ((200,) * 3, (20,) * 3)
MODES = {
    "RGB": (encode(two_halves(), "PNG"), ORANGE, BLUE),
    "grey": (encode(two_halves("L", 200, 20), "PNG"), *GREYS),
    "grey with alpha": (encode(two_halves("LA", (200, 255), (20, 0)), "PNG"), (200,) * 3, WHITE),
    "RGBA, transparent": (encode(two_halves("RGBA", (*ORANGE, 255), (*BLUE, 0)), "PNG"), ORANGE, WHITE),
    "RGBA, a fifth opaque": (encode(two_halves("RGBA", (*ORANGE, 255), (0, 0, 0, 51)), "PNG"), ORANGE, (204,) * 3),
    "palette": (encode(two_halves().convert("P", palette=Image.Palette.ADAPTIVE), "PNG"), ORANGE, BLUE),
    "palette with transparency": (palette_with_transparency(), ORANGE, WHITE),
    "RGB with a transparent colour": (encode(two_halves(), "PNG", transparency=BLUE), ORANGE, WHITE),
    "black and white": (encode(two_halves("1", 1, 0), "PNG"), WHITE, (0, 0, 0)),
    "CMYK": (encode(two_halves("CMYK", (0, 255, 255, 0), (255, 0, 0, 0)), "TIFF"), (255, 0, 0), (0, 255, 255)),
    "CMYK JPEG": (encode(two_halves("CMYK", (0, 255, 255, 0), (255, 0, 0, 0)), "JPEG"), (255, 0, 0), (0, 255, 255)),
    "16-bit grey": (sixteen_bit_grey(), *GREYS),
    "16-bit RGB": (sixteen_bit_rgb(), ORANGE, BLUE),
    "grey floats": (grey_floats(), *GREYS),
    "JPEG": (encode(two_halves(), "JPEG", quality=95), ORANGE, BLUE),
    "WebP": (encode(two_halves(), "WEBP", lossless=True), ORANGE, BLUE),
    "WebP, transparent": (
        encode(two_halves("RGBA", (*ORANGE, 255), (*BLUE, 0)), "WEBP", lossless=True), ORANGE, WHITE,
    ),
    "animated GIF": (two_frames("GIF"), ORANGE, BLUE),
    "animated WebP": (two_frames("WEBP"), ORANGE, BLUE),
    "BMP": (encode(two_halves(), "BMP"), ORANGE, BLUE),
}  # fmt: skip


@pytest.mark.parametrize(("content", "left", "right"), MODES.values(), ids=MODES)
def test_every_mode_becomes_rgb_with_its_colours(content, left, right, tmp_path):
    (tmp_path / "picture").write_bytes(content)
    for source in (content, tmp_path / "picture", str(tmp_path / "picture"), Image.open(io.BytesIO(content))):
        picture = open_picture(source)
        assert (picture.mode, picture.size) == ("RGB", (40, 20))
        pixels = np.asarray(picture).astype(int)
        assert np.abs(pixels[10, 5] - left).max() <= 3
        assert np.abs(pixels[10, 35] - right).max() <= 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_pictures_come_upright(orientation, kind):
    """Files that cameras wrote lying, mirrored or upside down, as their EXIF orientation says."""
    corners = {(0, 0): (220, 30, 30), (1, 0): (30, 220, 30), (0, 1): (30, 30, 220), (1, 1): (220, 220, 30)}
    upright = Image.new("RGB", (64, 32))
    for (x, y), colour in corners.items():
        upright.paste(colour, (x * 32, y * 16, x * 32 + 32, y * 16 + 16))
    undo = {
        1: [],
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],  # shown by turning it a quarter clockwise, so stored a quarter against
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }[orientation]
    stored = upright
    for step in undo:
        stored = stored.transpose(step)
    exif = Image.Exif()
    exif[0x0112] = orientation

    picture = open_picture(encode(stored, kind, exif=exif))

    assert picture.size == (64, 32)
    for (x, y), colour in corners.items():
        assert np.abs(np.array(picture.getpixel((x * 32 + 16, y * 16 + 8))) - colour).max() < 12


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.full((4, 6, 3), ORANGE, np.uint8), ORANGE),
        (np.full((4, 6), 77, np.uint8), (77,) * 3),
        (np.full((4, 6, 4), (*ORANGE, 0), np.uint8), WHITE),
        (np.full((4, 6, 3), np.array(ORANGE) / 255, np.float32), ORANGE),
        (np.full((4, 6), 0.5, np.float64), (128,) * 3),
        (np.full((4, 6, 3), [-1.0, 2.0, 1.0]), (0, 255, 255)),
        (np.full((4, 6, 3), np.nan), (0, 0, 0)),
    ],
)
def test_arrays_are_pictures_too(array, expected):
    picture = open_picture(array)
    assert (picture.mode, picture.size) == ("RGB", (6, 4))
    assert picture.getpixel((3, 2)) == expected


@pytest.mark.parametrize("shape", [(5,), (4, 4, 2), (4, 4, 5), (2, 4, 4, 3), (0, 4, 3), (4, 0)])
def test_arrays_that_are_no_pictures_are_refused(shape):
    with pytest.raises(PictureError) as error:
        open_picture(np.zeros(shape, np.uint8))
    assert str(shape) in str(error.value)
    assert "(H, W, 3)" in str(error.value)


NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
REFUSED = {
    "nothing": (b"", "empty"),
    "text": (b"Hello! I am no picture at all." * 10, "not a picture"),
    "a PNG's first bytes": (b"\x89PNG\r\n\x1a\n", "not a picture"),
    "zeros": (bytes(5000), "not a picture"),
    **{f"half a {kind}": (encode(NOISE, kind)[:3000], "damaged") for kind in ("PNG", "JPEG", "GIF", "TIFF", "BMP")},
    "half a WebP": (encode(NOISE, "WEBP")[:1000], "damaged|not a picture"),
    "a PNG with too few pixels": (png(64, 64, 8, 2, bytes(1000)), "damaged"),
    "half an AVIF": (encode(NOISE, "AVIF")[:1000], "damaged|not a picture"),
}


@pytest.mark.parametrize(("content", "words"), REFUSED.values(), ids=REFUSED)
def test_files_that_are_not_pictures_are_refused(content, words, tmp_path):
    (tmp_path / "picture.png").write_bytes(content)
    for source in (content, tmp_path / "picture.png"):
        with pytest.raises(PictureError, match=words):
            open_picture(source)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "AVIF"])
def test_damage_anywhere_is_never_another_error(kind):
    """A hundred files of each kind with a few bytes changed: a picture or a `PictureError`, nothing else."""
    generator = np.random.default_rng(0)
    sound = np.frombuffer(encode(NOISE.resize((16, 16)), kind), np.uint8)
    refused = 0
    for _ in range(100):
        damaged = sound.copy()
        damaged[generator.integers(0, len(sound), 4)] = generator.integers(0, 256, 4)
        try:
            assert open_picture(damaged.tobytes()).mode == "RGB"
        except PictureError:
            refused += 1
    assert refused > 0


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(PictureError, match=r"no picture at .*gone\.png"):
        open_picture(tmp_path / "gone.png")


def test_a_folder_is_not_a_picture(tmp_path):
    with pytest.raises(PictureError):
        open_picture(tmp_path)


@pytest.mark.parametrize("make", [lambda content: content, lambda content: Image.open(io.BytesIO(content))])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(make):
    """A small file whose header promises 400 megapixels; its few bytes of pixels are never looked at."""
    bomb = make(png(20_000, 20_000, 8, 2, b"\0" * 1000))
    with pytest.raises(PictureError, match="20000 x 20000 pixels; at most 64 megapixels"):
        open_picture(bomb)


def test_a_large_photograph_is_accepted():
    """48 megapixels, as telephones take them: no warning, no refusal."""
    assert open_picture(encode(Image.new("L", (8000, 6000), 9), "PNG")).size == (8000, 6000)


@pytest.mark.parametrize(
    ("size", "square", "corner"),
    [((40, 20), 20, (10, 0)), ((20, 40), 20, (0, 10)), ((21, 20), 20, (0, 0)), ((1, 9), 1, (0, 4))],
)
def test_centre_crop_takes_the_largest_centred_square(size, square, corner):
    width, height = size
    pixels = np.stack([*np.meshgrid(np.arange(width), np.arange(height)), np.zeros((height, width))], axis=-1)

    cropped = centre_crop(Image.fromarray(pixels.astype(np.uint8)))

    assert cropped.size == (square, square)
    assert cropped.getpixel((0, 0)) == (*corner, 0)


def test_fit_crops_then_resizes():
    bars = two_halves()  # the centred square of its 40 x 20 is half orange, half blue

    small = fit(bars, 8)

    assert small.size == (8, 8)
    assert np.abs(np.array(small.getpixel((0, 4))) - ORANGE).max() < 8
    assert np.abs(np.array(small.getpixel((7, 4))) - BLUE).max() < 8
    assert fit(bars, 20).tobytes() == centre_crop(bars).tobytes()
    assert fit(bars, 50).size == (50, 50)


def test_a_very_large_picture_is_fitted_nearly_as_from_all_its_pixels():
    blocks = np.random.default_rng(0).integers(0, 2, (60, 60, 3)).astype(np.uint8) * 255
    large = Image.fromarray(np.kron(blocks, np.ones((50, 50, 1), np.uint8)))
    whole = np.asarray(large.resize((64, 64), Image.Resampling.LANCZOS)).astype(int)
    fitted = np.asarray(fit(large, 64)).astype(int)
    assert np.abs(fitted - whole).mean() < 1


def test_fit_antialiases():
    """One-pixel stripes shrink to their average grey, not to a moire of black and white."""
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    small = np.asarray(fit(Image.fromarray(stripes), 8)).astype(int)
    assert np.abs(small[2:-2, 2:-2] - 127).max() < 12


def test_pictures_survive_the_way_to_arrays_and_back():
    levels = np.arange(256, dtype=np.uint8)
    picture = Image.fromarray(np.stack([levels, levels[::-1], np.roll(levels, 7)], axis=-1).reshape(16, 16, 3))

    array = to_array(picture)

    assert (array.dtype, array.shape) == (np.float32, (16, 16, 3))
    assert (array.min(), array.max()) == (0, 1)
    assert to_picture(array).tobytes() == picture.tobytes()
    assert_array_equal(to_uint8(array), np.asarray(picture))


def test_values_outside_the_range_are_clipped():
    assert_array_equal(to_uint8(np.array([-0.5, 0.0, 0.5, 1.0, 1.5])), [0, 0, 128, 255, 255])


def test_grid_lays_pictures_out_on_white():
    colours = np.array([ORANGE, BLUE, (0, 0, 0)], np.uint8)
    sheet = grid(np.broadcast_to(colours[:, None, None], (3, 4, 5, 3)), columns=2, gap=2)

    assert sheet.size == (5 + 2 + 5, 4 + 2 + 4)
    assert [sheet.getpixel(xy) for xy in ((0, 0), (7, 0), (0, 6), (7, 6), (5, 0))] == [
        ORANGE, BLUE, (0, 0, 0), WHITE, WHITE,
    ]  # fmt: skip
