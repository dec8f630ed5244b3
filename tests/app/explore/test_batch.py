"""Many pictures at once: a row for each, what they come to, and the files."""

import csv
import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from app.explore import batch
from app.explore.limits import MAX_FILES, RequestError
from app.explore.reconstruct import reconstruct
from app.explore.subject import open_subject
from tests.app.explore.conftest import difference
from tests.app.explore.test_reconstruct import deterministic  # noqa: F401  (a fixture)


@pytest.fixture
def paths(examples, tmp_path) -> list[str]:
    (tmp_path / "text.png").write_text("this is text")
    Image.new("RGB", (300, 100), "red").save(tmp_path / "wide.png")
    return [
        str(examples["fruits"]),
        str(tmp_path / "text.png"),
        str(tmp_path / "wide.png"),
        str(examples["another fruit"]),
    ]


def test_each_file_has_a_row_also_one_that_is_not_a_picture(fruits, paths):
    rows = list(batch.reconstruct_many(fruits, paths))
    assert [row.name for row in rows] == ["fruit-apple.png", "text.png", "wide.png", "fruit-lemon.png"]
    made = reconstruct(fruits, open_subject(paths[0]))
    assert rows[0].metrics == made.metrics
    assert difference(rows[0].reconstruction, made.reconstruction) == 0
    assert rows[1].metrics == {}
    assert "not a picture" in rows[1].note
    assert "300 x 100" in rows[2].note
    cells = rows[0].cells()
    assert cells[:2] == ["fruit-apple.png", round(made.metrics["psnr_db"], 2)]
    assert rows[1].cells() == ["text.png", None, None, None, None, rows[1].note]
    assert len(cells) == len(batch.COLUMNS)


def test_the_worst_come_first_and_files_that_failed_last(fruits, paths):
    rows = batch.worst_first(list(batch.reconstruct_many(fruits, paths)))
    psnr = [row.metrics["psnr_db"] for row in rows[:3]]
    assert psnr == sorted(psnr)
    assert rows[3].name == "text.png"


def test_what_a_batch_comes_to(fruits, paths):
    rows = list(batch.reconstruct_many(fruits, paths))
    summary = batch.summarise(rows)
    assert (summary.count, summary.failed) == (3, 1)
    measured = [row.metrics["ssim"] for row in rows if row.metrics]
    assert summary.means["ssim"] == pytest.approx(sum(measured) / 3)
    assert batch.summarise(rows[1:2]) == batch.Summary(0, 1, {})


def test_table_and_archive_belong_together(fruits, paths):
    rows = list(batch.reconstruct_many(fruits, [*paths, paths[0]]))
    table, archive = batch.save(rows, fruits)
    assert [Path(table).name, Path(archive).name] == ["fruits-reconstructions.csv", "fruits-reconstructions.zip"]
    with open(table, newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    with zipfile.ZipFile(archive) as content:
        assert content.testzip() is None
        named = [line["reconstruction"] for line in lines]
        assert named == ["001-fruit-apple.png", "", "003-wide.png", "004-fruit-lemon.png", "005-fruit-apple.png"]
        assert set(content.namelist()) == {*filter(None, named), Path(table).name}
        for line, row in zip(lines, rows, strict=True):
            if line["reconstruction"]:
                picture = Image.open(io.BytesIO(content.read(line["reconstruction"])))
                assert difference(picture, row.reconstruction) == 0
                assert float(line["PSNR (dB)"]) == pytest.approx(row.metrics["psnr_db"], abs=0.01)


def test_an_encoder_without_a_variance_leaves_the_kl_empty(deterministic, examples):  # noqa: F811
    rows = list(batch.reconstruct_many(deterministic, [str(examples["fruits"])]))
    assert rows[0].cells()[4] is None
    means = batch.summarise(rows).means
    assert means["kl_nats"] is None
    assert means["psnr_db"] > 15


def test_too_many_files_are_refused_before_the_first_is_opened(fruits):
    with pytest.raises(RequestError, match="201 files given; at most 200"):
        next(batch.reconstruct_many(fruits, ["/missing.png"] * (MAX_FILES + 1)))
