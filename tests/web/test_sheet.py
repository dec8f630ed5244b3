"""The page cuts the sheets that Python packs."""

import numpy as np
import pytest
from PIL import Image

from app.kit.pictures import sheet

pytestmark = pytest.mark.browser


def noise(count: int, width: int, height: int) -> list[Image.Image]:
    pixels = np.random.default_rng(0).integers(0, 256, (count, height, width, 3), np.uint8)
    return [Image.fromarray(picture) for picture in pixels]


@pytest.mark.parametrize(("count", "width", "height"), [(1, 16, 16), (5, 16, 16), (7, 24, 10), (64, 8, 8)])
def test_every_picture_arrives_as_it_was(run, count, width, height):
    pictures = noise(count, width, height)
    found = run(
        "sheet",
        """m.cut(sheet).then((pictures) => pictures.map((picture) => {
            const context = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
            context.drawImage(picture, 0, 0);
            return list(context.getImageData(0, 0, picture.width, picture.height).data);
        }))""",
        sheet=sheet(pictures),
    )
    for pixels, picture in zip(found, pictures, strict=True):
        received = np.array(pixels).reshape(height, width, 4)[..., :3]
        np.testing.assert_array_equal(received, np.asarray(picture))


def test_a_sheet_that_did_not_arrive_whole_is_refused(run):
    broken = sheet(noise(3, 8, 8)) | {"sheet": "data:image/webp;base64,UklGRg=="}
    assert run("sheet", "m.cut(sheet).then(() => 'cut', () => 'refused')", sheet=broken) == "refused"


def test_a_picture_that_the_browser_cannot_write_is_refused_with_a_sentence(run):
    canvas = "Object.assign(document.createElement('canvas'), { width: 1, height })"
    saved = f"m.blobOf({canvas}).then((blob) => blob.type, (error) => error.message)"
    assert run("sheet", saved, height=1) == "image/png"
    assert run("sheet", saved, height=100_000) == "This picture is too large for your browser to save."


def test_boxes_run_row_by_row(run):
    boxes = run("sheet", "[0, 2, 3, 7].map((k) => m.boxOf({ columns: 3, width: 20, height: 10 }, k))")
    assert boxes == [[0, 0, 20, 10], [40, 0, 20, 10], [0, 10, 20, 10], [20, 20, 20, 10]]


def test_equal_pictures_have_equal_urls(run):
    one, other = noise(2, 16, 16)
    urls = "m.cut(sheet).then((pictures) => pictures.map(m.urlOf))"
    first, second = run("sheet", urls, sheet=sheet([one, other]))
    (alone,) = run("sheet", urls, sheet=sheet([one]))
    assert first == alone != second


def test_the_distance_of_pictures_is_the_root_mean_square_of_colours(run):
    one, other = noise(2, 16, 12)
    found = run("sheet", "m.cut(sheet).then(([a, b]) => m.pictureDistance(a, b))", sheet=sheet([one, other]))
    expected = np.sqrt(np.mean(((np.asarray(one, float) - np.asarray(other, float)) / 255) ** 2))
    assert found == pytest.approx(expected, rel=1e-6)
