"""What Reconstruct asks of Explorer and of its widgets: error, uncertainty, edits, batches; and forged requests."""

import csv
import io
import json
import shutil
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from app import batch
from app.checks import RequestError
from app.explorer import Explorer
from app.library import Library
from app.main import MODELS
from app.tabs.common import examples_for
from app.tabs.reconstruct import describe_workings
from app.widgets.encoding import uploaded_file
from app.widgets.heat_maps import HeatMaps
from app.widgets.latent_editor import LatentEditor
from app.widgets.numbers import Limits
from app.widgets.tiles import compression_in_words
from vae.images import to_array


@pytest.fixture(scope="module")
def library() -> Library:
    return Library(MODELS)


@pytest.fixture
def uploads(tmp_path, monkeypatch) -> Path:
    """The folder that Gradio keeps uploads in."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    (tmp_path / "uploads").mkdir()
    return tmp_path / "uploads"


class TestReconstruction:
    def test_error_is_of_each_pixel_and_averages_to_the_l1(self, library, examples):
        made = library["fruits"].reconstruct(examples["fruits"])
        assert made.error.shape == (64, 64)
        assert made.error.mean() == pytest.approx(made.metrics["l1"], abs=1e-3)

    def test_bits_are_those_of_the_latent_and_of_a_png(self, library, examples):
        made = library["fruits"].reconstruct(examples["fruits"])
        assert made.latent_bits == pytest.approx(made.metrics["kl_nats"] * 1.442695)
        file = io.BytesIO()
        made.picture.save(file, "PNG")
        assert made.png_bits == pytest.approx(8 * len(file.getvalue()), rel=0.1)
        assert "364 times more" in compression_in_words(143, 52_000)

    def test_the_latent_is_what_was_decoded(self, library, examples):
        fruits = library["fruits"]
        for temperature in (0, 1):
            made = fruits.reconstruct(examples["fruits"], temperature, seed=3)
            np.testing.assert_allclose(to_array(fruits.decode(made.latent)), to_array(made.reconstruction), atol=0.005)


@pytest.mark.parametrize(("likelihood", "term"), [("gaussian", r"\log(2 \pi s^2)"), ("bernoulli", r"\log \hat x_j")])
def test_the_loss_shown_is_the_one_trained_with(likelihood, term, library, examples, tmp_path):
    shutil.copytree(MODELS / "fruits", tmp_path / "other")
    config = json.loads((tmp_path / "other" / "config.json").read_text())
    config["training"]["likelihood"] = likelihood
    (tmp_path / "other" / "config.json").write_text(json.dumps(config))

    made = library["fruits"].reconstruct(examples["fruits"])
    other, own = (
        describe_workings(explorer, made, 0) for explorer in (Explorer(tmp_path / "other"), library["fruits"])
    )

    assert term in other
    assert "SSIM" not in other
    assert "SSIM" in own
    assert term not in own


class TestUncertainty:
    def test_is_how_much_samples_vary(self, library, examples):
        fruits, path = library["fruits"], str(examples["fruits"])
        deviation, count = fruits.uncertainty(path)
        assert deviation.shape == (64, 64)
        samples = [to_array(fruits.reconstruct(path, 1, seed).reconstruction) for seed in range(count)]
        np.testing.assert_allclose(deviation, np.std(samples, axis=0, ddof=1).mean(-1), atol=0.004)


class TestEdit:
    def test_without_edits_is_the_reconstruction(self, library, examples):
        for name, temperature in (("fruits", 0), ("fruits", 1), ("photos", 0)):
            path = str(examples[name])
            made = library[name].reconstruct(path, temperature, 5).reconstruction
            np.testing.assert_allclose(
                to_array(library[name].edit(path, {}, temperature, 5)), to_array(made), atol=0.005
            )

    def test_sets_numbers_of_a_vector(self, library, examples):
        fruits, path = library["fruits"], str(examples["fruits"])
        latent = fruits.reconstruct(path).latent.copy()
        latent[7] = -2.5
        np.testing.assert_array_equal(to_array(fruits.edit(path, {7: -2.5})), to_array(fruits.decode(latent)))

    def test_scales_channels_of_a_map(self, library, examples):
        photos, path = library["photos"], str(examples["photos"])
        latent = photos.reconstruct(path).latent.copy()
        latent[..., 2] *= 0.5
        np.testing.assert_allclose(to_array(photos.edit(path, {2: 0.5})), to_array(photos.decode(latent)), atol=0.005)

    @pytest.mark.parametrize(
        ("name", "edits", "words"),
        [
            ("fruits", {128: 0.0}, "number is 128; it must be a number from 0 to 127"),
            ("fruits", {-1: 0.0}, "number is -1"),
            ("fruits", {0: 1e9}, "value is 1000000000"),
            ("fruits", {0: float("nan")}, "value is nan"),
            ("photos", {4: 1.0}, "channel is 4; it must be a number from 0 to 3"),
            ("photos", {0: 2.5}, "scale is 2.5; it must be a number from 0 to 2"),
        ],
    )
    def test_refuses_what_there_is_not(self, library, examples, name, edits, words):
        with pytest.raises(RequestError, match=words):
            library[name].edit(str(examples[name]), edits)


class TestWidgets:
    def test_only_uploaded_files_are_taken(self, uploads):
        (uploads / "a.png").touch()
        (uploads.parent / "secret.png").touch()
        assert uploaded_file(str(uploads / "a.png"))
        for forged in (uploads.parent / "secret.png", uploads / "../secret.png", uploads, uploads / "none.png"):
            with pytest.raises(ValueError, match="no longer here"):
                uploaded_file(str(forged))
        for forged in (None, 3, ["a"], "a\0b"):
            with pytest.raises(ValueError, match="no longer here"):
                uploaded_file(forged)

    def test_edits_reach_the_model_as_numbers(self, uploads):
        (uploads / "a.png").touch()
        asked = []
        editor = LatentEditor(edit=lambda *arguments: asked.append(arguments) or Image.new("RGB", (2, 2)))
        source = {"model": "m", "picture": str(uploads / "a.png"), "temperature": 0, "seed": 4}
        assert editor.edit([source, [[3, 1.5], [4, 0]]])["picture"].startswith("data:image/png")
        assert asked == [("m", source["picture"], {3: 1.5, 4: 0.0}, 0.0, 4)]
        assert LatentEditor.edit_of(SimpleNamespace(source=source, edits=[[3, 1.5]]))[2] == {3: 1.5}

    @pytest.mark.parametrize(
        "arguments",
        [
            [],
            None,
            [{}, []],
            [{"model": "m"}, [[0, 1]]],
            ["m", [[0, 1]]],
            [{}, [["a", "b"]]],
            [{}, 7],
            [{"model": "m", "picture": "/etc/passwd", "temperature": 0, "seed": 0}, [[0, 1]]],
            [{"model": "m", "picture": "a", "temperature": 0, "seed": float("inf")}, [[0, 1]]],
            [{"model": "m", "picture": "a", "temperature": 0, "seed": 0}, [[0, 1]] * 5000],
        ],
    )
    def test_forged_requests_are_answered_and_not_followed(self, arguments):
        editor = LatentEditor(edit=lambda *_: pytest.fail("reached the model"))
        assert set(editor.edit(arguments)) == {"refused"}
        maps = HeatMaps(uncertainty=lambda *_: pytest.fail("reached the model"))
        assert set(maps.uncertainty(arguments)) == {"refused"}

    def test_a_refusal_of_the_model_is_passed_on(self, uploads):
        (uploads / "a.png").touch()

        def refuse(*_):
            raise RequestError("There is no model 'm'.")

        assert HeatMaps(uncertainty=refuse).uncertainty(["m", str(uploads / "a.png")]) == {
            "refused": "There is no model 'm'."
        }


class TestBatch:
    def test_damaged_files_are_rows_and_the_worst_come_first(self, library, examples, tmp_path):
        (tmp_path / "broken.png").write_bytes(b"text")
        paths = [str(examples["fruits"]), str(tmp_path / "broken.png"), str(examples["photos"])]
        rows = batch.worst_first(list(batch.reconstruct_many(library["fruits"], paths)))
        assert [row.name for row in rows] == ["photo-coffee.jpg", "fruit-apple.png", "broken.png"]
        assert "not a picture" in rows[2].note
        made = library["fruits"].reconstruct(examples["fruits"])
        assert rows[1].metrics == made.metrics

    def test_files_hold_the_table_and_a_picture_for_each_reconstruction(self, library, examples):
        path = str(examples["fruits"])
        rows = list(batch.reconstruct_many(library["fruits"], [path, path]))
        table, archive = batch.save(rows, "fruits")
        lines = list(csv.DictReader(Path(table).read_text().splitlines()))
        assert float(lines[0]["PSNR (dB)"]) == pytest.approx(rows[0].metrics["psnr_db"], abs=0.01)
        with zipfile.ZipFile(archive) as file:
            pictures = [name for name in file.namelist() if name.endswith(".png")]
            assert len(set(pictures)) == 2, "two files of one name are two pictures"
            assert [line["reconstruction"] for line in lines] == pictures
            with file.open(pictures[0]) as stored:
                np.testing.assert_array_equal(to_array(Image.open(stored)), to_array(rows[0].reconstruction))

    def test_too_many_are_refused(self, library):
        with pytest.raises(RequestError, match="201 files given; at most 200"):
            next(batch.reconstruct_many(library["fruits"], ["x"] * 201))


def test_examples_of_the_models_kind_come_first_and_none_is_left_out():
    for model, kind in (("fruits", "fruit-"), ("emoji", "emoji-"), ("photos", "photo-")):
        names = [Path(path).name for path in examples_for(model)]
        mine = sum(name.startswith(kind) for name in names)
        assert mine > 0
        assert all(name.startswith(kind) for name in names[:mine])
    assert sorted(examples_for("another")) == sorted(examples_for("fruits"))


@pytest.mark.filterwarnings("ignore::UserWarning")  # outside a page, Gradio's messages are warnings
@pytest.mark.parametrize(
    ("given", "taken"),
    [(3, 3), (1.5, 2), (-1, 0), (99, 10), (None, 0), ("", 0), ("x", 0), (float("nan"), 0), (float("inf"), 10)],
)
def test_typed_numbers_become_the_nearest_accepted(given, taken):
    assert Limits("It", 0, 10, whole=True).settle(given)[0] == taken
