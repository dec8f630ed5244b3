"""The model folders and the data that ship: whole, documented, and as good as their cards say."""

import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.conftest import ROOT
from train.card import figure
from train.config import PRESETS
from train.curves import CURVES, write_curves
from train.data import load_pictures
from train.evaluate import evaluate
from vae.atlas import Atlas
from vae.checkpoint import load_info, load_model
from vae.codec import describe, open_codec

MODELS = ROOT / "assets" / "models"
NAMES = ("faces", "faces128", "digits", "fruits", "emoji", "photos", "photos16")
EMOJI = str(ROOT / "assets" / "datasets" / "emoji.parquet")


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_model_is_whole(name):
    folder = MODELS / name
    load_model(folder)  # raises if any tensor is missing, left over or of the wrong shape
    info = load_info(folder)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert {"split", "count", "psnr_db", "ssim", "l1", "kl_nats", "active_units"} <= metrics.keys()
    atlas = Atlas.read(folder / "atlas.parquet", info.config.latent_shape)
    assert len(atlas) >= (100 if name == "photos16" else 150), "a latent of photos16 weighs 32 KB"
    assert atlas.labels
    assert np.isfinite(atlas.positions).all()
    group = pq.read_metadata(folder / "atlas.parquet").row_group(0)
    used = {encoding for k in range(group.num_columns) for encoding in group.column(k).encodings}
    assert used <= {"PLAIN", "RLE", "RLE_DICTIONARY"}, "DuckDB, and so Embedding Atlas, reads every column"
    assert not [path for path in folder.rglob("*") if path.suffix in (".pkl", ".pt", ".npy", ".npz", ".jpg")]


@pytest.mark.parametrize("name", NAMES)
def test_a_card_tells_licence_data_command_and_figures(name):
    card = (MODELS / name / "README.md").read_text()
    metrics = json.loads((MODELS / name / "metrics.json").read_text())
    header, _, body = card.removeprefix("---\n").partition("---\n")
    assert "license:" in header
    assert load_info(MODELS / name).training["command"] in body
    assert f"| psnr_db | {figure(metrics['psnr_db'])} |" in body
    assert all(f"## {section}" in body for section in ("Data", "Training", "Metrics", "Limits"))
    assert "Add here" not in body


@pytest.mark.parametrize("name", NAMES)
def test_a_card_shows_the_curves_of_the_run_that_made_the_model(name, tmp_path):
    folder = MODELS / name
    assert f"![Training curves]({CURVES})" in (folder / "README.md").read_text()
    last = json.loads((folder / "training" / "metrics.jsonl").read_text().splitlines()[-1])
    training = load_info(folder).training
    assert last["step"] in {training["steps"], training.get("kept_step")}, "one stopped before its end says where"
    with Image.open(folder / CURVES) as curves:
        assert curves.width == 1600
        shipped = np.asarray(curves.convert("RGB"))
    again = tmp_path / name
    (again / "training").mkdir(parents=True)
    shutil.copy(folder / "training" / "metrics.jsonl", again / "training")
    write_curves(again, describe(folder).objective.curves)
    with Image.open(again / CURVES) as curves:
        # Versions of Matplotlib place a letter a little differently; another run would be another line.
        assert np.abs(np.asarray(curves.convert("RGB")).astype(int) - shipped).mean() < 1


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_still_describes_the_model_that_it_made(name):
    info, preset = load_info(MODELS / name), PRESETS[name]
    assert info.config == preset.model
    assert describe(MODELS / name).objective == preset.objective
    settings = preset.to_dict()
    assert info.training["steps"] == settings["steps"]
    compared = (settings.keys() & info.training) - {"likelihood", "weights"}
    assert {key: info.training[key] for key in compared} == {key: settings[key] for key in compared}


def test_the_fruit_model_reaches_25_db():
    assert json.loads((MODELS / "fruits" / "metrics.json").read_text())["psnr_db"] >= 25


def test_the_emoji_figures_can_be_had_again():
    pictures = load_pictures(EMOJI, "validation", 64)
    metrics = json.loads((MODELS / "emoji" / "metrics.json").read_text())
    again = evaluate(open_codec(MODELS / "emoji"), pictures)
    for name in ("psnr_db", "ssim", "l1", "kl_nats", "count"):
        assert again[name] == pytest.approx(metrics[name], rel=1e-3)


def test_the_reference_configuration_is_the_photo_models():
    config = load_info(MODELS / "photos").config
    assert config.latent_shape == (32, 32, 4)
    assert config.channels == (32, 64, 128)


def test_no_held_out_emoji_was_trained_on_in_another_style():
    train, held_out = (load_pictures(EMOJI, split, 64) for split in ("train", "validation"))
    # Two designs share a name upstream; all others are on one side, in both styles.
    assert set(train.labels["name"]) & set(held_out.labels["name"]) <= {"man in tuxedo"}
    by_style = {style: [] for style in ("google", "twitter")}
    for name, style in zip(held_out.labels["name"], held_out.labels["style"], strict=True):
        by_style[style].append(name)
    assert by_style["google"] == by_style["twitter"]
    assert 0.08 < len(held_out) / (len(train) + len(held_out)) < 0.12
    assert set(held_out.labels["style"]) == set(train.labels["style"]) == {"google", "twitter"}
    assert train.images[:, 0, 0].mean() > 200, "most corners are white: transparency was laid on white"
