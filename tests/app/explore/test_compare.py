"""Several models on the same pictures."""

import csv
import dataclasses
import zipfile
from pathlib import Path

import numpy as np
import pytest

from app.explore import compare, dimensions, failures
from app.explore.batch import METRICS, Row
from app.explore.library import Library
from app.explore.opened import OpenModel
from app.explore.reconstruct import reconstruct
from app.explore.subject import open_subject
from app.tabs.batch_tables import SeveralModels, describe_comparison
from app.tabs.compared import compared
from app.tabs.compared_maps import collapse_in_words, compared_maps
from tests.conftest import ROOT
from vae.atlas import ERROR_COLUMN, Atlas

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
    return list(compare.reconstruct_compared(models, paths))


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
    apart = [pair.spread() for pair in ordered[:2]]
    assert apart[0] > apart[1] > 0
    assert ordered[2].pictures == []
    assert "not a picture" in ordered[2].cells()[-1]


def test_what_a_comparison_comes_to(pairs):
    summary = compare.summarise(pairs)
    assert (summary.count, summary.failed, summary.nearest) == (2, 1, [0, 2])
    differences = [pairs[k].differences("psnr_db")[0] for k in (0, 2)]
    assert summary.mean_differences == [pytest.approx(np.mean(differences))]
    assert summary.worst == ["emoji-panda.png", "emoji-panda.png"]
    said = describe_comparison(TITLES, summary)
    assert f"On average Emoji is {summary.mean_differences[0]:.2f} dB nearer than Fruits." in said
    assert "1 could not be read" in said
    assert compare.summarise(pairs[1:2]).mean_differences == []


def test_the_files_hold_both_models(models, pairs):
    table, archive = compare.save(pairs, models, TITLES)
    rows = list(csv.DictReader(Path(table).read_text().splitlines()))
    assert float(rows[0]["PSNR (dB) difference"]) == round(pairs[0].differences("psnr_db")[0], 2)
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


def test_three_models_are_compared_with_the_first(models, examples):
    library = Library(ROOT / "assets" / "models")
    three, titles = [*models, library["faces"]], [*TITLES, "Faces"]
    (found,) = compare.reconstruct_compared(three, [str(examples["emoji"])])
    cells = dict(zip(compare.columns(titles), found.cells(), strict=True))
    first, _, third = (row.metrics["psnr_db"] for row in found.rows)
    assert cells["PSNR (dB) Faces minus Fruits"] == pytest.approx(third - first, abs=0.006)
    assert len(found.pictures) == 4
    made = [reconstruct(model, open_subject(examples["emoji"])) for model in three]
    shown = compared(three, titles, made)
    assert shown.count("<figure>") == 2
    assert "Fruits or Emoji: which is nearer" in shown
    assert "Fruits or Faces: which is nearer" in shown
    assert "Faces − Fruits" in shown
    best = max(range(3), key=lambda k: made[k].metrics["psnr_db"])
    assert f"<b>{titles[best]}</b> comes nearest" in shown


def test_models_of_two_sizes_are_not_ranked(models, examples):
    photos, path = Library(ROOT / "assets" / "models")["photos"], str(examples["photos"])
    two, titles = [models[0], photos], ["Fruits", "Photos"]
    shown = compared(two, titles, [reconstruct(model, open_subject(path)) for model in two])
    assert "Fruits at 64 x 64 pixels, Photos at 256 x 256 pixels" in shown
    assert "comes nearer" not in shown
    assert "Difference" not in shown
    rows = [*compare.reconstruct_compared(two, [path])]
    assert "different sizes" in SeveralModels(two, titles).summary(rows)
    assert "different sizes" not in SeveralModels(models, TITLES).summary([])


class TestMaps:
    def test_what_collapsed_more_is_said_with_a_reason(self, models):
        """The fruits' KL weighs 0.00033, the emoji's 0.00003."""
        said = collapse_in_words(models, TITLES)
        fruits, emoji = (dimensions.dimensions(model).telling for model in models)
        assert fruits < emoji
        assert said.startswith("Fruits has collapsed more.")
        assert f"{fruits} of 128 (Fruits) and {emoji} of 128 (Emoji)" in said
        assert "weighs 0.00033 and 3e-05 in their losses" in said
        assert said.endswith("They learnt from different pictures, which may be a reason too.")
        assert said == collapse_in_words(models[::-1], TITLES[::-1])
        assert collapse_in_words([models[0]] * 2, TITLES).startswith("Neither")

    def test_what_each_draws_worst_is_shown_as_all_draw_it(self, models):
        fruits, emoji = models
        worst = compare.drawn_worst([emoji, fruits, emoji], 0, 3)
        errors = emoji.atlas.numbers[ERROR_COLUMN]
        assert [one.errors[0] for one in worst] == pytest.approx(np.sort(errors)[::-1][:3])
        assert worst[0].errors == [worst[0].errors[0], None, worst[0].errors[0]]
        assert [picture is None for picture in worst[0].drawn] == [False, True, False]
        assert worst[0].original is not None
        column, label = failures.worst_label(emoji)
        rows = np.array(emoji.atlas.labels[column]) == label.label
        assert label.median == pytest.approx(np.median(errors[rows]))
        shown = compared_maps([emoji, fruits], ["<i>", "Fruits"])
        assert f"{column.replace('_', ' ')}: {label.label}".replace("&", "&amp;") in shown
        assert "<h4>Drawn worst by &lt;i&gt;</h4>" in shown


class TestSamePictures:
    def test_a_picture_has_one_name_in_one_data_set(self, models, tmp_path):
        fruits = models[0]
        atlas = fruits.atlas
        rows = np.array([7, 3, 5, 0])
        names = [*(atlas.ids[row] for row in rows[:3]), "a stranger.jpg"]
        for facts, expected in ((atlas.facts, [7, 3, 5, -1]), (atlas.facts | {"dataset": "other"}, None)):
            labels = {name: [values[row] for row in rows] for name, values in atlas.labels.items()}
            subset = Atlas(names, atlas.positions[rows], atlas.latents[rows], labels, facts=facts)
            other = copy_with_atlas(fruits, tmp_path, subset)
            found = compare.same_pictures(fruits, other)
            assert (found if found is None else found.tolist()) == expected

    def test_maps_of_two_data_sets_share_none(self, models):
        assert compare.same_pictures(*models) is None

    def test_two_maps_of_one_reading_are_of_the_same_rows(self, models):
        """Also where names come twice, as the fruits' do."""
        fruits = models[0]
        assert len({*fruits.atlas.ids}) < len(fruits.atlas)
        assert compare.same_pictures(fruits, fruits).tolist() == [*range(len(fruits.atlas))]


def copy_with_atlas(model: OpenModel, folder: Path, atlas: Atlas) -> OpenModel:
    for name in ("config.json", "model.safetensors"):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(model.folder / name)
    atlas.write(folder / "atlas.parquet")
    return OpenModel(folder)


class TestFigures:
    def test_held_out_figures_of_other_pictures_have_no_difference(self, models, examples):
        made = [reconstruct(model, open_subject(examples["fruits"])) for model in models]
        shown = compared(models, TITLES, made)
        assert shown.count("Difference") == 1
        assert "of different pictures" in shown
        assert "<b>Emoji</b> comes nearer" in shown
        assert f"{models[0].metrics['active_units']} of 128" in shown

    def test_of_two_runs_on_one_data_set_they_have(self, models, examples):
        made = reconstruct(models[0], open_subject(examples["fruits"]))
        shown = compared([models[0], models[0]], ["<b>", "second"], [made, made])
        assert shown.count("Difference") == 2
        assert "equally near" in shown
        assert "&lt;b&gt;" in shown
        assert "<td><b>" not in shown.replace("<td><b>0", "")  # of equal figures, the difference is 0

    def test_what_neither_model_has_is_left_out(self, models, examples):
        made = reconstruct(models[0], open_subject(examples["fruits"]))
        bare = dataclasses.replace(made, metrics=made.metrics | {"kl_nats": None})
        assert "KL, nats" not in compared(models, TITLES, [bare, bare]).partition("Held-out")[0]
