"""Pictures in the form in which a page takes them."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from app.kit.pictures import SHEET_LIMIT, colour, data_url, picture_url, sheet, strip_url


def opened(url: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))


def picture_of(packed: dict, k: int) -> Image.Image:
    """Picture k, cut out as the page does."""
    width, height, columns = packed["width"], packed["height"], packed["columns"]
    left, top = k % columns * width, k // columns * height
    return opened(packed["sheet"]).convert("RGB").crop((left, top, left + width, top + height))


def noise(count: int, width: int, height: int) -> list[Image.Image]:
    pixels = np.random.default_rng(0).integers(0, 256, (count, height, width, 3), np.uint8)
    return [Image.fromarray(picture) for picture in pixels]


class TestSheet:
    @pytest.mark.parametrize(("count", "width", "height"), [(1, 16, 16), (3, 16, 16), (7, 24, 10), (64, 16, 16)])
    def test_every_picture_is_at_its_place(self, count, width, height):
        pictures = noise(count, width, height)
        packed = sheet(pictures)
        assert (packed["count"], packed["width"], packed["height"]) == (count, width, height)
        for k, picture in enumerate(pictures):
            np.testing.assert_array_equal(np.asarray(picture_of(packed, k)), np.asarray(picture))

    def test_large_pictures_are_nearly_the_same(self):
        ramp = np.linspace(0, 255, 256).astype(np.uint8)
        pictures = [Image.fromarray(np.stack([np.roll(np.tile(ramp, (256, 1)), k, 1)] * 3, -1)) for k in range(20)]
        apart = np.abs(np.asarray(picture_of(sheet(pictures), 13), int) - np.asarray(pictures[13], int))
        assert 0 < apart.mean() < 4

    @pytest.mark.parametrize(
        ("count", "side", "form"), [(1, 128, "PNG"), (1, 129, "WEBP"), (2, 16, "WEBP"), (64, 256, "WEBP")]
    )
    def test_has_the_form_that_weighs_least(self, count, side, form):
        assert opened(sheet([Image.new("RGB", (side, side))] * count)["sheet"]).format == form

    @pytest.mark.parametrize(("count", "width", "height"), [(101, 512, 512), (7, 8191, 40), (7, 40, 8191)])
    def test_stays_below_the_limit(self, count, width, height):
        packed = sheet([Image.new("RGB", (width, height))] * count)
        rows = -(-count // packed["columns"])
        assert opened(packed["sheet"]).size == (packed["columns"] * width, rows * height)
        assert max(opened(packed["sheet"]).size) < SHEET_LIMIT

    @pytest.mark.parametrize(
        ("pictures", "complaint"),
        [
            ([], "no pictures given"),
            (noise(1, 4, 4) + noise(1, 5, 4), "different sizes"),
            ([Image.new("L", (9000, 1))] * 2, "do not fit"),
            ([Image.new("L", (4096, 4096))] * 5, "do not fit"),
        ],
    )
    def test_says_what_does_not_fit(self, pictures, complaint):
        with pytest.raises(ValueError, match=complaint):
            sheet(pictures)


def test_urls_hold_the_picture():
    (picture,) = noise(1, 20, 12)
    for url in (data_url(picture), picture_url(picture)):
        np.testing.assert_array_equal(np.asarray(opened(url).convert("RGB")), np.asarray(picture))


def test_a_strip_has_its_pictures_side_by_side_at_one_size():
    strip = opened(strip_url([Image.new("RGB", (64, 64), "red"), Image.new("L", (300, 300), 255)], 48))
    assert strip.size == (96, 48)
    assert strip.getpixel((24, 24))[1] < 40 < 215 < strip.getpixel((72, 24))[1]


def test_colours_run_from_one_end_of_a_scale_to_the_other_and_stay_there():
    (row,) = np.asarray(colour(np.array([[-1.0, 0.0, 0.5, 1.0, 2.0]]), "Viridis")).tolist()
    assert row[0] == row[1] == [68, 1, 84]
    assert row[3] == row[4] == [253, 231, 37]
    assert row[1] != row[2] != row[3]
