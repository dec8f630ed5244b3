"""A model on one page of HTML."""

import re
import shutil

import numpy as np
import pytest

from tests.conftest import ROOT
from train.report import dimension_kl, report
from vae.atlas import ERROR_COLUMN, Atlas
from vae.checkpoint import load_metrics
from vae.codec import open_codec

MODELS = ROOT / "assets" / "models"


@pytest.fixture(scope="module")
def page() -> str:
    return report(MODELS / "digits")


def headings(page: str) -> list[str]:
    return re.findall("<h2>(.*?)</h2>", page)


def test_the_page_is_whole_by_itself(page):
    assert headings(page) == [
        "Metrics", "Training", "What each dimension says", "Samples", "Worst reconstructions", "The map",
        "How it was made",
    ]  # fmt: skip
    assert "<script" not in page
    assert "http" not in page
    assert all(source.startswith("data:image/") for source in re.findall(r'src="(.*?)"', page))
    assert "prefers-color-scheme: dark" in page
    assert f"{load_metrics(MODELS / 'digits')['psnr_db']:#.4g}" in page
    assert page.count("<rect") == 2, "a bar for each dimension"


def test_the_worst_pictures_are_those_of_the_largest_errors(page):
    atlas = Atlas.read(MODELS / "digits" / "atlas.parquet", (2,))
    errors = np.sort(atlas.numbers[ERROR_COLUMN])[::-1]
    shown = re.findall(r"L1 ([\d.]+)</figcaption>", page)
    assert shown == [f"{error:.3f}" for error in errors[: len(shown)]]
    assert len(shown) == 16


def test_the_dimensions_kl_sums_to_about_the_models():
    codec = open_codec(MODELS / "digits")
    atlas = Atlas.read(MODELS / "digits" / "atlas.parquet", (2,))
    nats = dimension_kl(codec, atlas)
    assert nats.sum() == pytest.approx(load_metrics(MODELS / "digits")["kl_nats"], rel=0.15)


def test_what_is_missing_is_left_out_and_words_are_text(tmp_path):
    for name in ("config.json", "model.safetensors"):
        shutil.copy(MODELS / "digits" / name, tmp_path)
    config = (tmp_path / "config.json").read_text()
    (tmp_path / "config.json").write_text(config.replace('"title": "Digits"', '"title": "<b>Mine"'))
    page = report(tmp_path)
    assert headings(page) == ["Samples", "How it was made"]
    assert "<h1>&lt;b&gt;Mine</h1>" in page
