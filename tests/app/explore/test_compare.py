"""Two models on the same pictures."""

import csv
import dataclasses
import zipfile
from pathlib import Path

import numpy as np
import pytest

from app.explore import compare
from app.explore.batch import METRICS, Row
from app.explore.library import Library
from app.explore.reconstruct import reconstruct
from app.explore.subject import open_subject
from app.tabs.batch_tables import describe_comparison
from app.tabs.compared import compared
from tests.conftest import ROOT

TITLES = ["Fruits", "Emoji"]


@pytest.fixture(scope="module")
def models():
    library = Library(ROOT / "assets" / "models")
    return [library["fruits"], library["emoji"]]


@pytest.fixture(scope="module")
def pairs(models, examples, tmp_path_factory):
    broken = tmp_path_factory.mktemp("files") / "broken.png"
    broken.write_text("text")
    paths = [str(examples["another fruit"]), str(broken), str(examples["emoji"])]
    return list(compare.reconstruct_pairs(*models, paths))


def row(name: str, psnr: float) -> Row:
    return Row(name, "", metrics={"psnr_db": psnr, "ssim": 0.5, "l1": 0.1, "kl_nats": None})


def test_a_pair_has_the_figures_of_both_and_the_seconds_minus_the_firsts(models, pairs, examples):
    made = [reconstruct(model, open_subject(examples["emoji"])) for model in models]
    cells = dict(zip(compare.columns(TITLES), pairs[2].cells(), strict=True))
    assert cells["name"] == "emoji-panda.png"
    for name, (title, digits) in METRICS.items():
        first, second = (one.metrics[name] for one in made)
        figures = [cells[f"{title} {of}"] for of in (*TITLES, "difference")]
        assert figures == [round(figure, digits) for figure in (first, second, second - first)]


def test_those_on_which_two_models_differ_most_come_first_and_failures_last(pairs):
    ordered = compare.most_different_first(pairs)
    apart = [abs(pair.difference("psnr_db")) for pair in ordered[:2]]
    assert apart[0] > apart[1] > 0
    assert ordered[2].pictures == []
    assert "not a picture" in ordered[2].cells()[-1]


def test_what_a_comparison_comes_to(pairs):
    summary = compare.summarise(pairs)
    assert (summary.count, summary.failed, summary.first_nearer, summary.second_nearer) == (2, 1, 0, 2)
    differences = [pairs[k].difference("psnr_db") for k in (0, 2)]
    assert summary.mean_difference == pytest.approx(np.mean(differences))
    assert (summary.worst_of_first, summary.worst_of_second) == ("emoji-panda.png", "emoji-panda.png")
    said = describe_comparison(TITLES, summary)
    assert f"on average Emoji by {summary.mean_difference:.2f} dB" in said
    assert "1 could not be read" in said
    assert compare.summarise(pairs[1:2]).mean_difference is None


def test_the_files_hold_both_models(models, pairs):
    table, archive = compare.save(pairs, models, TITLES)
    rows = list(csv.DictReader(Path(table).read_text().splitlines()))
    assert float(rows[0]["PSNR (dB) difference"]) == round(pairs[0].difference("psnr_db"), 2)
    with zipfile.ZipFile(archive) as files:
        names = {"001-fruit-lemon-fruits.png", "001-fruit-lemon-emoji.png"}
        assert names < set(files.namelist())


def test_the_map_of_errors_is_negative_where_the_second_is_nearer_also_between_sizes(models, examples):
    library = Library(ROOT / "assets" / "models")
    apple = open_subject(examples["fruits"])
    fruits, photos = (reconstruct(library[name], apple) for name in ("fruits", "photos"))
    difference = compare.error_difference(fruits, photos)
    assert difference.shape == (256, 256)
    assert difference.mean() == pytest.approx(photos.error.mean() - fruits.error.mean(), abs=2e-3)
    assert np.abs(compare.error_difference(fruits, fruits)).max() == 0


class TestFigures:
    def test_held_out_figures_of_other_pictures_have_no_difference(self, models, examples):
        made = [reconstruct(model, open_subject(examples["fruits"])) for model in models]
        shown = compared(models, TITLES, *made)
        assert shown.count("Difference") == 1
        assert "of different pictures" in shown
        assert "<b>Emoji</b> comes nearer" in shown
        assert f"{models[0].metrics['active_units']} of 128" in shown

    def test_of_two_runs_on_one_data_set_they_have(self, models, examples):
        made = reconstruct(models[0], open_subject(examples["fruits"]))
        shown = compared([models[0], models[0]], ["<b>", "second"], made, made)
        assert shown.count("Difference") == 2
        assert "equally near" in shown
        assert "&lt;b&gt;" in shown
        assert "<td><b></td>" not in shown

    def test_what_neither_model_has_is_left_out(self, models, examples):
        made = reconstruct(models[0], open_subject(examples["fruits"]))
        bare = dataclasses.replace(made, metrics=made.metrics | {"kl_nats": None})
        assert "KL, nats" not in compared(models, TITLES, bare, bare).partition("Held-out")[0]
