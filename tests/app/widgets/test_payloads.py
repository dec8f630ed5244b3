"""What the widgets send to the page."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from app.explore.latents import unpack
from app.explore.library import Library
from app.explore.opened import OpenModel
from app.explore.reconstruct import reconstruct
from app.explore.subject import open_subject
from app.kit.examples import EXAMPLES, which_of
from app.kit.inputs import own_file
from app.kit.questions import Questions
from app.kit.starts import start_at
from app.kit.widget import guarded
from app.widgets.corners import Corners
from app.widgets.examples import Examples
from app.widgets.heat_maps import HeatMaps
from app.widgets.latent_editor import LatentEditor
from app.widgets.sample_grid import Panel, SampleGrid
from app.widgets.scrubber import Scrubber
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def library() -> Library:
    """The models that ship."""
    return Library(ROOT / "assets" / "models")


@pytest.fixture(params=["fruits", "photos"])
def model(library, request) -> OpenModel:
    """One with a vector latent, one with a spatial latent."""
    return library[request.param]


def latents(model: OpenModel, count: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, *model.info.latent_shape)).astype(np.float32)


def opened(url: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))


def test_latents_arrive_as_they_were_sent(model):
    sent = latents(model, 4)
    path = Scrubber.between(model, *sent[:2], count=33, method="slerp")
    card = path["model"]
    assert (card["name"], card["title"]) == (model.name, model.info.title)
    assert (card["size"], card["shape"]) == (model.info.image_size, list(model.info.latent_shape))
    assert card["codec"]["weights"].endswith(f"/{model.name}.safetensors"), "where a browser finds the decoder"
    precision = {"atol": 2e-3 if model.info.is_spatial else 0}
    np.testing.assert_allclose(unpack(path["ends"], model), sent[:2], **precision)
    along = Scrubber.along(model, sent, "along a path")
    np.testing.assert_allclose(unpack(along["latents"], model), sent, **precision)
    square = Corners.payload(model, list(sent), "lerp")
    np.testing.assert_allclose(unpack(square["corners"], model), sent, **precision)
    start = start_at(model, sent[0], "Here")
    np.testing.assert_allclose(unpack(start["latent"], model), sent[:1], **precision)


def test_a_grid_names_its_panels(model):
    grid = SampleGrid.payload(
        [Panel(model, "prior", "Prior"), Panel(model, "flow", "Flow", {"kind": "Apple"})], 16, 0.5, 7
    )
    assert [panel["title"] for panel in grid["panels"]] == ["Prior", "Flow"]
    assert [panel["label"] for panel in grid["panels"]] == [{}, {"kind": "Apple"}]
    assert (grid["count"], grid["temperature"], grid["seed"]) == (16, 0.5, 7)


class TestLatentEditor:
    @pytest.fixture
    def made(self, model, examples):
        return reconstruct(model, open_subject(examples[model.name]))

    def test_says_how_much_is_known(self, model, made):
        value = LatentEditor.payload(model, made.latent, made.posterior_deviation, made.reconstruction)
        if model.info.is_spatial:
            assert [channel["caption"][:9] for channel in value["channels"]] == [f"Channel {k}" for k in range(4)]
            assert opened(value["channels"][0]["url"]).size == (32, 32)
            assert "deviation" in value["channels"][0]["caption"]
        else:
            assert f"{made.known_well} of them are known well" in value["words"]
            np.testing.assert_array_equal(unpack(value["deviation"], model)[0], made.posterior_deviation)

    def test_an_encoder_without_a_variance_has_no_deviation(self, model, made):
        value = LatentEditor.payload(model, made.latent, None, made.reconstruction)
        said = value["words"] + "".join(channel["caption"] for channel in value.get("channels", []))
        assert "deviation" not in said
        assert "known" not in said
        assert value.get("deviation") is None


class TestHeatMaps:
    def test_two_errors_beside_each_other_have_one_scale(self, library):
        model = library["fruits"]
        small, large = np.full((64, 64), 0.1), np.full((64, 64), 0.5)
        one, other = (
            HeatMaps.payload(model, "", a, {"emoji": b})["error"] for a, b in ((small, large), (large, small))
        )
        assert one["limit"] == other["limit"] == pytest.approx(0.5 * 255)
        assert HeatMaps.payload(model, "", small)["error"]["limit"] == pytest.approx(0.1 * 255)
        assert one["mean"] == pytest.approx(0.1 * 255)

    def test_next_to_no_error_looks_like_it(self, library):
        drawn = HeatMaps.payload(library["fruits"], "", np.full((64, 64), 1e-4))["error"]
        assert drawn["limit"] == pytest.approx(8)
        assert opened(drawn["url"]).getpixel((5, 5)) == pytest.approx((68, 1, 84), abs=2), "the dark end of the scale"

    def test_uncertainty_is_of_files_that_a_visitor_may_see(self, library, examples):
        ask = guarded(Questions(library).uncertainty)
        answer = ask(["fruits", str(examples["fruits"]), []])
        assert answer["samples"] >= 4
        assert opened(answer["url"]).size == (64, 64)
        for path in ("/etc/passwd", "", "no such picture"):
            assert ask(["fruits", path, []]).keys() == {"error"}
        assert ask(["no such model", str(examples["fruits"]), []]).keys() == {"error"}
        for beside in (["no such model"], [["emoji"]], ["emoji"] * 3):
            assert ask(["fruits", str(examples["fruits"]), beside]).keys() == {"error"}

    def test_the_uncertainty_of_two_models_has_one_scale(self, library, examples):
        questions, picture = Questions(library), str(examples["fruits"])
        alone = [questions.uncertainty(name, picture, [])["limit"] for name in ("fruits", "emoji")]
        assert alone[0] != alone[1]
        for name, other in (("fruits", "emoji"), ("emoji", "fruits")):
            assert questions.uncertainty(name, picture, [other])["limit"] == max(alone)


def test_examples_have_names_and_small_pictures(examples):
    offered = Examples.payload("Examples", [examples["fruits"], examples["photos"]])
    assert [(one["file"], one["name"]) for one in offered["pictures"]] == [
        ("fruit-apple.png", "apple"),
        ("photo-coffee.jpg", "coffee"),
    ]
    for one in offered["pictures"]:
        assert opened(one["thumbnail"]).size == (104, 104)
        assert len(one["thumbnail"]) < 8000
    assert own_file(str(examples["fruits"]))


def test_an_example_is_known_by_its_content_and_not_by_its_name_alone(examples, tmp_path):
    (tmp_path / "fruit-apple.png").write_bytes(examples["fruits"].read_bytes())
    assert which_of(EXAMPLES, str(tmp_path / "fruit-apple.png")) == "fruit-apple.png"
    (tmp_path / "fruit-apple.png").write_bytes(examples["photos"].read_bytes())
    assert which_of(EXAMPLES, str(tmp_path / "fruit-apple.png")) is None
    assert which_of(EXAMPLES, None) is None
