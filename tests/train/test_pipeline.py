"""fit -> evaluate -> atlas by the command line, in miniature, on the embedded data set; and what each figure means."""

import argparse
import dataclasses
import io
import json
import shutil
import sys
from contextlib import redirect_stdout

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from app.explore.failures import original
from app.explore.map import decode_at, neighbours
from app.explore.opened import OpenModel
from app.explore.sample import sample
from app.explore.through_training import movement
from tests.conftest import ROOT
from train import atlas
from train.__main__ import main, parse_arguments
from train.atlas import (
    describe_trust,
    keep_originals,
    lay_out,
    lay_out_snapshots,
    measure_trustworthiness,
    run_atlas,
)
from train.config import FlagError
from train.data import Pictures, load_pictures
from train.encode import encode_all, in_batches
from train.evaluate import describe_collapse, evaluate, measure_factors, was_trained_on
from train.samples import compare_samples, draw, features_of, features_of_decoded, measure_samples
from train.snapshots import write_snapshot
from vae.atlas import ERROR_COLUMN, KL_COLUMN, Atlas, read_facts
from vae.checkpoint import load_info, load_metrics
from vae.codec import Codec, Description, open_codec
from vae.latent import Posterior
from vae.priors import load_priors

pytestmark = pytest.mark.usefixtures("quick_compiling")

EMOJI = ROOT / "assets" / "datasets" / "emoji.parquet"
FACES, FACES_MODEL = ROOT / "assets" / "datasets" / "faces.parquet", ROOT / "assets" / "models" / "faces"


SMALL = ["--preset", "emoji", "--channels", "8,16,16", "--batch-size", 4]


def train(*arguments: object) -> str:
    """What `python -m train ...` prints, run in this process, which has imported and compiled much of it already."""
    with redirect_stdout(io.StringIO()) as printed, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["train", *map(str, arguments)])
        main()
    return printed.getvalue()


@pytest.fixture(scope="module")
def model(tmp_path_factory, quick_compiling):
    """A model folder made by the four commands, for a few seconds of training."""
    folder = tmp_path_factory.mktemp("runs") / "mini"
    train("fit", "--dataset", EMOJI, "--out", folder, *SMALL, "--steps", 6, "--limit", 80)
    printed = train("evaluate", "--model", folder, "--dataset", EMOJI, "--limit", 12)
    assert "psnr_db" in printed
    printed = train("atlas", "--model", folder, "--dataset", EMOJI, "--limit", 70)
    assert "trustworthiness" in printed
    printed = train("prior", "--model", folder, "--dataset", EMOJI, "--limit", 70, "--steps", 20)
    assert "70 pictures" in printed
    return folder


@pytest.fixture(scope="module")
def held_out() -> Pictures:
    return load_pictures(str(EMOJI), "validation", 64, limit=12)


def test_the_folder_is_whole_and_holds_no_pickle(model):
    names = {path.name for path in model.iterdir()}
    assert names == {
        "config.json", "model.safetensors", "metrics.json", "atlas.parquet", "prior.safetensors", "README.md",
        "training-curves.png", "training",
    }  # fmt: skip
    assert not [path for path in model.rglob("*") if path.suffix in (".pkl", ".pickle", ".pt", ".npy")]


def test_metrics_are_those_of_scikit_image(model, held_out):
    metrics = json.loads((model / "metrics.json").read_text())
    opened = OpenModel(model)
    encoded = (opened.encode(Image.fromarray(image)) for image in held_out.images)
    pairs = [(a, np.asarray(opened.decode(b.mean))) for a, b in zip(held_out.images, encoded, strict=True)]
    psnr = np.mean([peak_signal_noise_ratio(a, b) for a, b in pairs])
    ssim = np.mean([
        structural_similarity(
            a / 255, b / 255, channel_axis=-1, data_range=1, gaussian_weights=True, sigma=1.5,
            use_sample_covariance=False,
        )
        for a, b in pairs
    ])  # fmt: skip
    assert metrics["count"] == len(pairs) == 12
    assert (metrics["split"], metrics["held_out"]) == ("validation", True)
    assert metrics["psnr_db"] == pytest.approx(psnr, abs=0.05)
    assert metrics["ssim"] == pytest.approx(ssim, abs=0.005)
    assert metrics["l1"] == pytest.approx(np.mean([np.abs(a / 255 - b / 255).mean() for a, b in pairs]), abs=2e-3)


def test_the_atlas_says_without_being_read_how_many_dimensions_are_active(model):
    opened = OpenModel(model)
    active = np.count_nonzero(opened.atlas.latents.astype(np.float32).var(0) > 0.01)
    assert read_facts(model / "atlas.parquet")["active_dimensions"] == str(active) == str(opened.activity.active)


def test_the_card_holds_the_figures_and_the_command(model):
    card = (model / "README.md").read_text()
    metrics = json.loads((model / "metrics.json").read_text())
    assert f"{metrics['psnr_db']:.4g}" in card
    assert "python -m train fit --dataset" in card
    assert "Not evaluated yet" not in card


def test_collapse_is_told_from_use():
    def described(count, active):
        return describe_collapse({"count": count, "active_units": active, "latent_units": 128})

    assert "nothing of the picture" in described(100, 0)
    assert "10 of 128 dimensions of the latent are active" in described(100, 10)
    assert "no posterior collapse" in described(100, 128)
    assert "cannot be told from so few pictures (1)" in described(1, 0), "the variance over one picture is 0"


def test_active_units_counts_those_that_vary(model, held_out):
    codec = open_codec(model)
    metrics = evaluate(codec, held_out)
    means = encode_all(codec, held_out.images).mean
    assert metrics["active_units"] == np.sum(means.var(axis=0) > 0.01)
    assert metrics["latent_units"] == 128
    one = Pictures(held_out.images[:1].repeat(3, axis=0), ["a", "b", "c"], {}, "same", [])
    assert evaluate(codec, one)["active_units"] == 0, "the same picture thrice makes no unit vary"


def test_factors_are_the_label_columns_that_some_pictures_share(model):
    pictures = load_pictures(str(EMOJI), "train", 64, limit=70)
    found = measure_factors(open_codec(model), pictures)
    assert all(0 <= found[name] <= 1 for name in ("mig", "dci_disentanglement", "dci_completeness", "sap"))
    assert set(found["factors"]) == {name for name, labels in pictures.labels.items() if 1 < len(set(labels)) <= 50}
    one = Pictures(pictures.images[:3], ["a", "b", "c"], {"kind": ["x", "y", "x"]}, "same", [])
    with pytest.raises(FlagError, match=r"--factors: given, but there are 128 dimensions and 1 factors \(kind\)"):
        measure_factors(open_codec(model), one)


@pytest.mark.parametrize("count", [1, 15, 16, 17, 33])
def test_going_through_pictures_in_batches_meets_each_once_and_in_order(count):
    images = np.zeros((count, 64, 64, 3), np.uint8)
    lengths = set()

    def numbers(rows):
        lengths.add(len(rows))
        return {"twice": 2 * rows, "nothing": None}

    assert in_batches(numbers, images.shape, "count")["twice"].tolist() == [2 * i for i in range(count)]
    assert len(lengths) == 1, "every shape is a compilation"


def test_encoding_in_batches_is_encoding_one_by_one(model, held_out):
    codec = open_codec(model)
    together = encode_all(codec, held_out.images)
    alone = codec.encode(held_out.images[7:8] / np.float32(255))
    np.testing.assert_allclose(together.mean[7:8], alone.mean, atol=1e-4)
    np.testing.assert_allclose(together.log_var[7:8], alone.log_var, atol=1e-4)


def test_a_deterministic_encoder_is_measured_without_a_kl(held_out):
    """A codec of its own, as no model that ships is deterministic: it keeps the mean colour."""
    description = Description("mean", "Mean", "", 64, (3,), has_variance=False, objective=None, training={})
    codec = Codec(
        description,
        encode=lambda images: Posterior(images.mean((1, 2)), None),
        decode=lambda latents: np.broadcast_to(latents[:, None, None], (len(latents), 64, 64, 3)),
    )
    metrics = evaluate(codec, held_out)
    assert (metrics["kl_nats"], metrics["posterior_variance"]) == (None, 0)
    images = held_out.images / 255
    assert metrics["l1"] == pytest.approx(np.abs(images - images.mean((1, 2), keepdims=True)).mean(), rel=1e-4)


TRAINED = "train (all but a fixed tenth)"


@pytest.mark.parametrize(
    ("training", "dataset", "split", "expected"),
    [
        ({"dataset": "data/fruits", "split": "train"}, "data/fruits", "validation", False),
        ({"dataset": "data/fruits", "split": "train"}, "/elsewhere/fruits", "train", True),
        ({"dataset": "data/fruits", "split": "train"}, "data/emoji", "train", False),
        ({"dataset": "data/fruits", "split": TRAINED}, "data/fruits", TRAINED, True),
        ({"dataset": "data/fruits", "split": TRAINED}, "data/fruits", "validation (a fixed tenth, 3 pictures)", False),
        ({"dataset": "data/fruits", "split": "train"}, "data/fruits", "all", True),
        ({"dataset": "data/fruits", "split": "all"}, "data/fruits", "validation", True),
        ({"dataset": "data/fruits"}, "data/fruits", "train", True),  # of an earlier version
        ({"dataset": "data/fruits"}, "data/fruits", "validation", False),
        ({"dataset": 3, "split": []}, "data/fruits", "train", False),
        ({}, "data/fruits", "train", False),
    ],
)
def test_pictures_that_were_trained_on_are_told_from_others(training, dataset, split, expected):
    description = Description("conv-vae", "", "", 64, (3,), has_variance=True, objective=None, training=training)
    assert was_trained_on(description, dataset, split) is expected


def test_figures_of_training_pictures_say_so(model, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(model, folder, ignore=shutil.ignore_patterns("training"))
    printed = train(
        "evaluate", "--model", folder, "--dataset", EMOJI, "--split", "train", "--limit", 5, "--samples", 16
    )
    assert "was trained on these pictures" in printed
    assert load_metrics(folder)["held_out"] is False
    card = (folder / "README.md").read_text()
    assert "5 pictures that it was trained on, split: train." in card
    assert "held-out pictures, split" not in card

    # Samples, measured on the way: the figures are `tests/train/test_distances.py`'s.
    samples = json.loads((folder / "metrics.json").read_text())["samples"]
    assert (samples["count"], samples["decoded"], samples["real"]) == (16, 5, 5)
    assert samples["priors"].keys() == {"prior", "gaussian", "mixture", "flow", "posteriors"}
    for row in samples["priors"].values():
        assert f"| {row['title']} | {row['frechet_decoded']:.2f} |" in card
        assert f"| {row['title']} | {row['frechet_decoded']:.2f} |" in printed
        assert row["frechet_real"] > row["frechet_decoded"] > 0, "a model that has learnt nothing draws nothing real"
    with Image.open(folder / "training" / "samples.png") as sheet:
        assert sheet.width >= 16 * 64
        assert sheet.height >= 4 * 2 * 64, "each prior's samples, and the nearest pictures below them"


def test_samples_of_the_flow_are_nearer_to_faces_than_those_of_the_standard_normal():
    """With the model that ships, whose N(0, I) draws ragged heads."""
    codec, pictures = open_codec(FACES_MODEL), load_pictures(str(FACES), "validation", 64, limit=60)
    priors = load_priors(FACES_MODEL, (128,))
    latents = draw({name: priors[name] for name in ("prior", "flow")}, (128,), 60, seed=0)
    features = {name: features_of_decoded(codec, some, name) for name, some in latents.items()}
    decoded = features_of_decoded(codec, encode_all(codec, pictures.images).mean, "held out")

    found = measure_samples(features, decoded, features_of(pictures.images, "held out"))

    for against in ("decoded", "real"):
        for figure in ("frechet", "kid"):
            assert found["flow"][f"{figure}_{against}"] < 0.6 * found["prior"][f"{figure}_{against}"]
        for figure in ("precision", "recall"):
            assert found["flow"][f"{figure}_{against}"] > found["prior"][f"{figure}_{against}"]


def test_samples_need_the_pictures_that_were_trained_on():
    arguments = argparse.Namespace(model=FACES_MODEL, dataset=str(FACES), samples=16, image_column=None, limit=None)
    pictures = load_pictures(str(FACES), "validation", 64, limit=4)
    with pytest.raises(FlagError, match=r"--samples: compares with training pictures too, and .* 'train' given"):
        compare_samples(arguments, open_codec(FACES_MODEL), pictures)
    few = Pictures(pictures.images[:3], ["a", "b", "c"], {}, "validation", [])
    with pytest.raises(FlagError, match="--samples: given; accepted: only with 4 pictures or more"):
        compare_samples(arguments, open_codec(FACES_MODEL), few)


def test_priors_are_those_of_the_latents(model):
    codec = open_codec(model)
    pictures = load_pictures(str(EMOJI), "train", 64, limit=70)
    posterior = encode_all(codec, pictures.images)
    priors = load_priors(model, (128,))
    assert {"prior", "gaussian", "mixture", "flow"} <= priors.keys()
    noise = np.random.default_rng(0).standard_normal((4000, 128)).astype(np.float32)
    for name in ("gaussian", "mixture"):
        drawn = priors[name](noise, np.random.default_rng(1).random(4000))
        # Fitted to one sample of each picture's posterior, 70 in all.
        assert np.abs(drawn.mean(0) - posterior.mean.mean(0)).mean() < 0.15
        total = posterior.mean.var(0) + np.exp(posterior.log_var).mean(0)
        assert drawn.var(0).mean() == pytest.approx(total.mean(), rel=0.1)


def test_the_atlas_holds_the_latents_and_labels_of_the_data_set(model):
    opened = OpenModel(model)
    atlas: Atlas = opened.atlas
    pictures = load_pictures(str(EMOJI), "train", 64, limit=70)
    assert len(atlas) == 70
    assert atlas.labels == pictures.labels
    assert set(atlas.labels) == {"name", "category", "subcategory", "style"}
    assert atlas.latents.dtype == np.float16
    np.testing.assert_allclose(atlas.latent(5), opened.encode(Image.fromarray(pictures.images[5])).mean, atol=5e-3)
    assert np.isfinite(atlas.positions).all()
    assert np.ptp(atlas.positions, axis=0).min() > 0.5


def test_the_atlas_keeps_the_worst_drawn_originals_and_every_kl(model):
    opened = OpenModel(model)
    pictures = load_pictures(str(EMOJI), "train", 64, limit=70)
    assert sorted(opened.atlas.thumbnails) == [*range(70)], "they fit the budget"
    np.testing.assert_array_equal(np.asarray(original(opened, 5)), pictures.images[5])
    posterior = opened.encode(Image.fromarray(pictures.images[5]))
    kl = 0.5 * np.sum(posterior.mean**2 + np.exp(posterior.log_var) - 1 - posterior.log_var)
    assert opened.atlas.numbers[KL_COLUMN][5] == pytest.approx(kl, rel=1e-3)
    errors = np.random.default_rng(0).random(70)
    some = keep_originals(pictures.images, errors, budget=20_000)
    assert 2 < len(some) < 60
    assert {*some} == {*np.argsort(-errors)[: len(some)].tolist()}
    assert sum(map(len, some.values())) <= 20_000


def test_an_atlas_can_be_measured_anew_where_it_lies(model, tmp_path):
    folder = tmp_path / "again"
    shutil.copytree(model, folder)
    before = OpenModel(model).atlas
    dataclasses.replace(before, positions=before.positions + 1, numbers={}).write(folder / "atlas.parquet")
    again = ["atlas", "--model", str(folder), "--dataset", str(EMOJI), "--keep-layout", "--no-thumbnails"]
    run_atlas(parse_arguments([*again, "--limit", "70"]))
    after = OpenModel(folder).atlas
    np.testing.assert_array_equal(after.positions, before.positions + 1)
    assert (after.numbers.keys(), after.thumbnails) == ({ERROR_COLUMN, KL_COLUMN}, {})
    with pytest.raises(FlagError, match=r"--keep-layout.*same pictures: 70 and 60 differ"):
        run_atlas(parse_arguments([*again, "--limit", "60"]))
    (folder / "atlas.parquet").unlink()
    with pytest.raises(FlagError, match=r"--keep-layout.*only where the model has an atlas"):
        run_atlas(parse_arguments([*again, "--limit", "60"]))


def test_the_app_can_explore_it(model):
    opened = OpenModel(model)
    x, y = opened.atlas.positions[3]
    picture, _ = decode_at(opened, float(x), float(y))
    assert picture.size == (64, 64)
    assert len(sample(opened, count=2)) == 2
    assert len(neighbours(opened, 3, 4)) == 4


@pytest.mark.parametrize("laid_out", [90, 60])
def test_the_layout_keeps_clusters_apart_and_repeats_with_its_seed(laid_out, monkeypatch):
    """Also where UMAP lays out a part, and the others are placed among these."""
    monkeypatch.setattr(atlas, "LAID_OUT", laid_out)
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, 16)) * 20
    latents = (centres[:, None] + rng.normal(size=(3, 30, 16))).reshape(90, 16).astype(np.float32)
    positions = lay_out(latents, seed=1)
    middles = positions.reshape(3, 30, 2).mean(axis=1)
    spread = positions.reshape(3, 30, 2).std(axis=1).max()
    assert min(np.linalg.norm(middles[i] - middles[j]) for i, j in [(0, 1), (0, 2), (1, 2)]) > 2 * spread
    np.testing.assert_array_equal(positions, lay_out(latents, seed=1))
    assert measure_trustworthiness(latents, positions) > 0.8
    assert measure_trustworthiness(latents, rng.normal(size=(90, 2))) < 0.7
    assert "low" in describe_trust(0.64)
    assert "low" not in describe_trust(0.95)


def test_the_snapshots_of_a_training_lie_on_one_map_with_its_atlas(tmp_path):
    folder = tmp_path / "digits"
    shutil.copytree(ROOT / "assets" / "models" / "digits", folder)
    kept = sorted(folder.glob("snapshots/*"))[-3:]
    for path in sorted(folder.glob("snapshots/*"))[:-3]:
        path.unlink()
    for path in kept:
        tensors = {name: values for name, values in load_file(path).items() if name != "pictures.place"}
        write_snapshot(path, tensors, {"pictures.labels": json.dumps([f"digit {k}" for k in range(10)])})
    whole = OpenModel(folder).atlas
    assert lay_out_snapshots(folder, whole, seed=0) == 3
    *_, before, last = (load_file(path)["pictures.place"].astype(np.float32) for path in kept)
    nearest = np.linalg.norm(last[:, None] - whole.positions, axis=2).min(axis=1)
    assert np.median(nearest) < whole.map_spacing * 3
    assert np.linalg.norm(before - last, axis=1).mean() < np.linalg.norm(before - before.mean(axis=0), axis=1).mean()
    assert "decoder.head.bias" in load_file(kept[0]), "the parameters stay"
    assert movement(OpenModel(folder)).labels[9] == "digit 9", "and so do the names of the labels"


def test_snapshots_of_few_pictures_are_laid_out_past_those_that_are_odd(tmp_path):
    latents = np.random.default_rng(0).normal(size=(3, 2, 2, 1)).astype(np.float16)
    whole = Atlas(["a", "b", "c"], lay_out(latents.astype(np.float32), seed=0), latents, {})
    (tmp_path / "snapshots").mkdir()
    paths = {step: tmp_path / "snapshots" / f"step-{step:06}.safetensors" for step in (1, 2, 3, 999_999, 1_000_000)}
    paths[1].write_bytes(b"half of it")
    write_snapshot(paths[2], {"decoder.head.bias": np.zeros(3)})
    write_snapshot(paths[3], {"pictures.mean": np.zeros((3, 8))})
    write_snapshot(paths[999_999], {"pictures.mean": latents[:2]})
    write_snapshot(paths[1_000_000], {"pictures.mean": latents})
    assert lay_out_snapshots(tmp_path, whole, seed=0) == 1, "beside the last"
    np.testing.assert_allclose(load_file(paths[1_000_000])["pictures.place"], whole.positions, atol=0.01)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_handful_of_pictures_still_has_a_layout(count):
    positions = lay_out(np.random.default_rng(0).normal(size=(count, 8, 8, 4)).astype(np.float32), seed=0)
    assert positions.shape == (count, 2)
    assert len(np.unique(positions, axis=0)) == count


def test_a_true_elbo_is_trained_and_its_bound_measured(tmp_path):
    folder = tmp_path / "calibrated"
    train(
        "fit", "--dataset", EMOJI, "--out", folder, "--likelihood", "gaussian", "--free-bits", 0.01, "--kl-warmup", 0,
        *SMALL, "--steps", 6, "--limit", 40,
    )  # fmt: skip
    settings = load_info(folder).training
    assert (settings["likelihood"], settings["free_bits"], settings["kl_warmup"]) == ("gaussian", 0.01, 0)
    rows = [json.loads(line) for line in (folder / "training" / "metrics.jsonl").read_text().splitlines()]
    # Nats a number plus the 8 bits of a level; free bits make the loss the larger of the two.
    assert rows[-1]["loss"] >= (rows[-1]["bits_per_dim"] - 8) * np.log(2) - 1e-4

    train("evaluate", "--model", folder, "--dataset", EMOJI, "--limit", 6, "--nll", 3)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert (metrics["nll_samples"], metrics["nll_likelihood"]) == (3, "gaussian")
    assert metrics["nll_bits_per_dim"] == pytest.approx(metrics["nll_nats"] / (12288 * np.log(2)) + 8)
    assert 4 < metrics["nll_bits_per_dim"] < 9, "hardly trained: little better than the 8 bits of saying nothing"
    assert "bits" in (folder / "README.md").read_text()
