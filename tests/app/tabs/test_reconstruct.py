"""What Reconstruct says: its figures, its equations, and what it leaves out."""

import dataclasses
import json
import re
import shutil

import numpy as np
import pytest

from app.explore import batch, map, reconstruct
from app.explore.files import save_drawn
from app.explore.library import Library
from app.explore.opened import OpenModel
from app.explore.subject import open_subject
from app.kit.sending import received
from app.tabs.batch_tables import describe_batch
from app.tabs.reconstruct import describe_workings, edited_latent, received_note
from app.tabs.tiles import compression_in_words, metric_tiles
from tests.conftest import ROOT
from vae.latent import Posterior

MODELS = ROOT / "assets" / "models"


@pytest.fixture(scope="module")
def library() -> Library:
    """The models that ship."""
    return Library(MODELS)


@pytest.fixture(scope="module")
def fruits(library) -> OpenModel:
    return library["fruits"]


@pytest.fixture(scope="module")
def deterministic() -> OpenModel:
    """The fruits as if their encoder gave no variance and nobody had recorded their training."""
    model = OpenModel(MODELS / "fruits")
    model.info = dataclasses.replace(model.info, has_variance=False, objective=None)
    encode = model._encode
    model._encode = lambda pixels: Posterior(encode(pixels).mean, None)
    return model


@pytest.fixture
def apple(examples):
    return open_subject(examples["fruits"])


def drawn(model: OpenModel, latent: np.ndarray, words: str):
    return open_subject(save_drawn(model, latent, words))


def titles_of(tiles: str) -> list[str]:
    return re.findall("<dt>(?:<dfn[^>]*>)?([^<]*)", tiles)


class TestFigures:
    def test_five_tiles_say_what_they_mean_and_what_is_usual(self, fruits, apple):
        tiles = metric_tiles(reconstruct.reconstruct(fruits, apple), fruits.metrics)
        assert titles_of(tiles) == ["PSNR", "SSIM", "L1", "KL", "Information"]
        assert f"usual: {fruits.metrics['psnr_db']:.1f} dB" in tiles

    def test_without_a_variance_there_is_no_kl_and_no_information(self, deterministic, apple):
        tiles = metric_tiles(reconstruct.reconstruct(deterministic, apple), {"kl_nats": None, "psnr_db": 28.0})
        assert titles_of(tiles) == ["PSNR", "SSIM", "L1"]

    def test_a_png_is_compared_with_the_latent(self):
        assert "364 times more" in compression_in_words(143, 52_000)


class TestWorkings:
    @pytest.mark.parametrize(
        ("likelihood", "term"), [("gaussian", r"\log(2 \pi s^2)"), ("bernoulli", r"\log \hat x_j")]
    )
    def test_the_loss_shown_is_the_one_trained_with(self, likelihood, term, fruits, apple, tmp_path):
        shutil.copytree(MODELS / "fruits", tmp_path / "other")
        config = json.loads((tmp_path / "other" / "config.json").read_text())
        config["training"] |= {"likelihood": likelihood, "weights": None}
        (tmp_path / "other" / "config.json").write_text(json.dumps(config))

        made = reconstruct.reconstruct(fruits, apple)
        other, own = (describe_workings(model, made, 0) for model in (OpenModel(tmp_path / "other"), fruits))

        assert term in other
        assert "SSIM" not in other
        assert "SSIM" in own
        assert term not in own

    def test_an_objective_that_is_not_recorded_is_not_made_up(self, apple):
        model = OpenModel(MODELS / "fruits")
        model.info = dataclasses.replace(model.info, objective=None)
        said = describe_workings(model, reconstruct.reconstruct(model, apple), 0)
        assert "Loss" not in said
        assert "SSIM" not in said
        assert r"\mathrm{KL} = \tfrac12" in said

    def test_without_a_variance_only_the_encoder_is_left(self, deterministic, apple):
        said = describe_workings(deterministic, reconstruct.reconstruct(deterministic, apple), 0)
        assert "no uncertainty and no KL" in said
        assert "Reparameterisation" not in said
        assert r"\sigma" not in said

    def test_the_numbers_are_this_pictures(self, fruits, apple):
        made = reconstruct.reconstruct(fruits, apple)
        said = describe_workings(fruits, made, 0)
        assert f"{made.metrics['kl_nats']:.1f} nats are {made.latent_bits:,.0f} bits" in said
        assert f"{made.known_well:,} of 128 numbers are known well" in said
        assert "*This picture:*" not in describe_workings(fruits, None, 0)


class TestDrawnPictures:
    def test_the_latent_shown_is_the_one_it_was_drawn_from(self, fruits):
        latent = np.random.default_rng(1).normal(size=128).astype(np.float32)
        subject = drawn(fruits, latent, "sample 1 of seed 1")
        made = reconstruct.reconstruct(fruits, subject)
        value = edited_latent(fruits, subject, made, fruits.own_latent(subject))
        assert value["latent"] != edited_latent(fruits, subject, made, None)["latent"]
        np.testing.assert_array_equal(fruits.latent(subject), latent)

    def test_a_note_says_what_to_make_of_its_figures(self, library, fruits):
        said = received_note(library, fruits, drawn(fruits, np.zeros(128, np.float32), "sample 3 of seed 7"))
        assert said.startswith("**Drawn by Fruits** (sample 3 of seed 7).")
        assert "better than a photograph" in said
        assert "original" not in said

    def test_of_a_point_of_the_map_it_says_the_error_of_the_original(self, library, fruits):
        point = map.point(fruits, 4724)
        said = received_note(library, fruits, drawn(fruits, point.latent, point.words))
        assert "not the original picture from the data set" in said
        assert f"{point.numbers['reconstruction_l1']:.3f} (L1)" in said

    def test_another_model_encodes_it_anew_and_says_so(self, library, fruits):
        subject = drawn(fruits, np.zeros(128, np.float32), "sample 3 of seed 7")
        said = received_note(library, library["emoji"], subject)
        assert said == r"Drawn by Fruits (sample 3 of seed 7), encoded anew by Emoji."

    def test_the_other_tabs_say_that_nothing_was_encoded(self, library, fruits, apple):
        subject = drawn(fruits, np.zeros(128, np.float32), "sample 3 of seed 7")
        said = received(library, fruits, subject)
        assert said == "A latent of Fruits (sample 3 of seed 7), used as it is: nothing was encoded."
        assert received(library, fruits, apple) == ""

    def test_what_a_picture_says_of_itself_is_shown_as_text(self, library, fruits):
        subject = drawn(fruits, np.zeros(128, np.float32), "![x](http://example.org) <b>")
        assert r"\!\[x\]\(http\:\/\/example\.org\) \<b\>" in received(library, fruits, subject)


def test_a_batch_is_summed_up(fruits, examples, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"text")
    rows = list(batch.reconstruct_many(fruits, [str(examples["fruits"]), str(tmp_path / "broken.png")]))
    said = describe_batch(fruits, batch.summarise(rows))
    assert "**Fruits**: 1 of 2 pictures reconstructed." in said
    assert f"On average {rows[0].metrics['psnr_db']:.1f} dB" in said
    assert "1 could not be read" in said
