"""A codec is what its folder holds, and a folder that holds no codec is explained."""

import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from vae.checkpoint import (
    CONFIG,
    METRICS,
    ModelFolderError,
    ModelInfo,
    load_metrics,
    load_model,
    parameters,
    save_model,
)
from vae.codec import describe, open_codec
from vae.losses import L1SSIM, OBJECTIVES, LossWeights
from vae.model import VAEConfig, compile_codec

pytestmark = pytest.mark.usefixtures("quick_compiling")

SPATIAL = VAEConfig(image_size=16, latent="spatial", latent_dim=3, channels=(8, 16))
VECTOR = VAEConfig(image_size=16, latent="vector", latent_dim=5, channels=(8, 16), halve_first=True)
TRAINING = {"steps": 3, "likelihood": "l1-ssim", "weights": {"l1": 1.0, "ssim": 0.25, "kl": 3e-5}}
NONE = object()


@pytest.fixture
def folder(draw_vae, tmp_path):
    info = ModelInfo(VECTOR, title="A title", summary="A summary.", training=TRAINING)
    save_model(tmp_path / "model", parameters(draw_vae(VECTOR)), info)
    return tmp_path / "model"


def edit_config(folder, **changes):
    """Changes keys of `config.json`; NONE takes one away."""
    content = json.loads((folder / CONFIG).read_text()) | changes
    (folder / CONFIG).write_text(json.dumps({key: value for key, value in content.items() if value is not NONE}))


def test_a_description_says_what_config_json_does(folder):
    description = describe(folder)
    assert (description.kind, description.title, description.summary) == ("conv-vae", "A title", "A summary.")
    assert (description.image_size, description.latent_shape) == (16, (5,))
    assert (description.is_spatial, description.latent_size, description.has_variance) == (False, 5, True)
    assert description.objective == L1SSIM(LossWeights(1.0, 0.25, 3e-5))
    assert description.training == TRAINING


def test_a_spatial_latent_has_places(draw_vae, tmp_path):
    save_model(tmp_path / "model", parameters(draw_vae(SPATIAL)), ModelInfo(SPATIAL))
    description = describe(tmp_path / "model")
    assert (description.is_spatial, description.latent_shape, description.latent_size) == (True, (4, 4, 3), 48)


def test_a_folder_of_the_first_version_opens_without_a_kind(folder):
    before = describe(folder)
    edit_config(folder, kind=NONE)
    assert describe(folder) == before
    open_codec(folder)


@pytest.mark.parametrize("kind", ["diffusion", None, 3, ["conv-vae"], {}])
def test_an_unknown_kind_is_explained(kind, folder):
    edit_config(folder, kind=kind)
    for attempt in (describe, open_codec):
        with pytest.raises(ModelFolderError) as error:
            attempt(folder)
        assert str(folder / CONFIG) in str(error.value)
        assert f"of kind {kind!r}; this version opens 'conv-vae'" in str(error.value)


def test_a_codec_computes_what_the_model_does(folder):
    codec = open_codec(folder)
    encode, decode = compile_codec(load_model(folder))
    pictures = np.random.default_rng(0).random((2, 16, 16, 3)).astype(np.float32)
    assert codec.description == describe(folder)
    for mine, its in zip(codec.encode(pictures), encode(pictures), strict=True):
        assert_array_equal(mine, its)
    latents = np.random.default_rng(1).normal(size=(2, 5)).astype(np.float32)
    assert_array_equal(codec.decode(latents), decode(latents))


@pytest.mark.parametrize(
    ("training", "expected"),
    [
        ({"likelihood": "gaussian"}, OBJECTIVES["gaussian"]),
        ({"likelihood": "bernoulli", "weights": {}}, OBJECTIVES["bernoulli"]),
        # The first version had one loss, and called the weight of L1 "rec".
        ({"weights": {"rec": 1.0, "ssim": 0.5, "kl": 1e-4}}, L1SSIM(LossWeights(1.0, 0.5, 1e-4))),
        (
            {"likelihood": "l1-ssim", "weights": {"l1": 1.0, "ssim": 0.5, "kl": 1e-4, "tc": 6.0, "perceptual": 0.1}},
            L1SSIM(LossWeights(1.0, 0.5, 1e-4, 6.0, 0.1)),
        ),
        ({"likelihood": "l1-ssim", "weights": {"l1": 1.0, "ssim": 0.5, "tc": 6.0}}, None),
        ({"likelihood": "l1-ssim", "weights": {"l1": 1.0, "ssim": 0.5, "kl": 1e-4, "gan": 0.1}}, None),
        ({"likelihood": "gaussian", "weights": {"rec": 1.0, "ssim": 0.5, "kl": 1e-4}}, OBJECTIVES["gaussian"]),
        ({}, None),
        ({"steps": 3}, None),
        ({"likelihood": "perceptual"}, None),
        ({"likelihood": ["l1-ssim"]}, None),
        ({"likelihood": "l1-ssim"}, None),
        ({"likelihood": "l1-ssim", "weights": {"l1": 1.0, "ssim": 0.5}}, None),
        ({"likelihood": "l1-ssim", "weights": {"l1": 1.0, "rec": 1.0, "ssim": 0.5, "kl": 1.0}}, None),
        ({"likelihood": "l1-ssim", "weights": {"l1": 1.0, "ssim": 0.5, "kl": "small"}}, None),
        ({"likelihood": "l1-ssim", "weights": {"l1": 1.0, "ssim": 0.5, "kl": float("nan")}}, None),
        ({"likelihood": "l1-ssim", "weights": 3}, None),
    ],
)
def test_the_objective_is_the_recorded_one_or_unknown(training, expected, folder):
    edit_config(folder, training=training)
    assert describe(folder).objective == expected


@pytest.mark.parametrize("value", [[], ["a"], 3, "words", None, True])
def test_odd_notes_are_no_facts(value, folder):
    edit_config(folder, training=value, title=value, summary=value)
    description = describe(folder)
    assert description.training == {}
    assert description.objective is None
    assert (description.title, description.summary) == (("words", "words") if value == "words" else ("model", ""))


@pytest.mark.parametrize(("text", "said"), [("[" * 100_000, "nested"), ("9" * 5_000, "a number of too many digits")])
def test_a_config_without_end_is_explained(folder, text, said):
    (folder / CONFIG).write_text(text)
    with pytest.raises(ModelFolderError, match=f"cannot be used.*{said}"):
        describe(folder)


FIGURES = {"split": "validation", "count": 9, "psnr_db": 20, "ssim": 0.5, "l1": 0.1, "kl_nats": 3}


@pytest.mark.parametrize(
    ("change", "held_out"),
    [
        ({}, True),
        ({"split": "test"}, True),
        ({"split": "validation (a fixed tenth, 9 pictures)"}, True),
        ({"split": "train (all but a fixed tenth)"}, False),
        ({"split": "all"}, False),
        ({"split": "validation", "held_out": False}, False),
        ({"split": "all", "held_out": True}, True),
    ],
)
def test_metrics_tell_whether_the_pictures_were_held_out(change, held_out, folder):
    (folder / METRICS).write_text(json.dumps(FIGURES | change))
    assert load_metrics(folder) == {**FIGURES, "psnr_db": 20.0, "kl_nats": 3.0, **change, "held_out": held_out}


@pytest.mark.parametrize("change", [{"ssim": "high"}, {"l1": None}, {"psnr_db": float("nan")}, {"kl_nats": []}])
def test_damaged_metrics_are_empty(change, folder):
    (folder / METRICS).write_text(json.dumps(FIGURES | change))
    assert load_metrics(folder) == {}


def test_a_deterministic_encoder_has_no_kl(folder):
    (folder / METRICS).write_text(json.dumps(FIGURES | {"kl_nats": None}))
    assert load_metrics(folder)["kl_nats"] is None
