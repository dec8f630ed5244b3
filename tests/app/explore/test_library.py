"""The models that the app offers: by name, each loaded once, and none in the way of another."""

import gc
import json
import os
import shutil
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.explore import library as module
from app.explore import opened
from app.explore.library import Library
from app.explore.limits import RequestError
from app.explore.opened import OpenModel
from app.explore.reconstruct import reconstruct, uncertainty
from app.explore.subject import open_subject
from tests.app.explore.conftest import MODELS, kind
from vae.checkpoint import ModelFolderError
from vae.codec import Codec, describe

NAMES = ["faces", "digits", "emoji", "faces128", "fruits", "photos", "photos16"]


def test_seven_models_ship_and_faces_is_the_default(library):
    assert library.names == NAMES
    assert library.default == "faces"
    assert library[""] is library["faces"] is library["faces"]
    assert library.info("").title == "Faces"


@pytest.mark.parametrize(
    "name",
    ["../fruits", "Fruits", 3, True, 1.5, ["fruits"], {"fruits": 1}, "x" * 1_000_000, "\0", str(MODELS / "fruits")],
    ids=kind,
)
def test_a_model_that_is_not_offered_is_refused(library, name):
    for ask in (library.__getitem__, library.info):
        with pytest.raises(RequestError, match=r"no model .* are: faces, digits, .*, photos") as refusal:
            ask(name)
        assert len(str(refusal.value)) < 200


def test_chosen_models_are_offered_and_the_first_is_the_default(tmp_path):
    assert Library(MODELS, ["emoji"]).names == ["emoji", "digits", "faces", "faces128", "fruits", "photos", "photos16"]
    for run in ("a", "b"):
        shutil.copytree(MODELS / "emoji", tmp_path / run / "model")
    library = Library(MODELS, [str(tmp_path / "a" / "model"), str(tmp_path / "b" / "model"), "photos"])
    assert library.default == "model"
    assert library.names == ["model", "digits", "emoji", "faces", "faces128", "fruits", "model-2", "photos", "photos16"]
    assert library["model-2"].folder == tmp_path / "b" / "model"
    assert library["model-2"].name == library["model-2"].card["name"] == "model-2"


def test_a_folder_that_is_offered_already_is_not_offered_twice():
    library = Library(MODELS, [str(MODELS / "photos")])
    assert library.names == ["photos", "digits", "emoji", "faces", "faces128", "fruits", "photos16"]


def test_a_model_of_the_hub_is_offered_under_its_own_name(tmp_path, monkeypatch):
    snapshot = tmp_path / "snapshots" / "0123456789abcdef"
    shutil.copytree(MODELS / "emoji", snapshot)
    fetched = []
    monkeypatch.setattr(module, "fetch", lambda model_id, on_progress: fetched.append(model_id) or snapshot)
    monkeypatch.chdir(tmp_path)
    names = Library(MODELS, ["someone/smileys"]).names
    assert names == ["smileys", "digits", "emoji", "faces", "faces128", "fruits", "photos", "photos16"]
    (tmp_path / "runs").mkdir()
    with pytest.raises(RequestError, match="'runs/nowhere' given"):  # a folder's path, not an id
        Library(MODELS, ["runs/nowhere"])
    assert fetched == ["someone/smileys"]


def test_what_is_neither_a_name_nor_a_model_folder_is_refused(tmp_path):
    with pytest.raises(RequestError, match=r"'nowhere' given; accepted: a model folder .*fruits"):
        Library(MODELS, ["nowhere"])
    for odd in ("~nobody-of-this-name", "~nobody-of-this-name/x", 300 * "x", 1_000 * "x"):
        with pytest.raises(RequestError, match="given; accepted: a model folder"):
            Library(MODELS, [odd])
    with pytest.raises(RequestError, match="Train one"):
        Library(tmp_path)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "config.json").write_text("{}")
    with pytest.raises(ModelFolderError, match=r"config\.json"):
        Library(MODELS, [str(tmp_path / "own")])


def test_a_damaged_one_among_chosen_models_is_left_out(tmp_path, capsys):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "config.json").write_text("{}")
    for chosen in ([str(tmp_path / "own"), "emoji"], ["emoji", str(tmp_path / "own")]):
        library = Library(MODELS, chosen)
        assert library.default == "emoji"
        assert "own" not in library.names
        assert "Left out" in capsys.readouterr().err


def test_a_damaged_model_leaves_the_others_alone(tmp_path, capsys):
    for name in ("whole", "weights", "config", "figures"):
        shutil.copytree(MODELS / "fruits", tmp_path / name)
    (tmp_path / "weights" / "model.safetensors").write_bytes(b"\0" * 100)
    (tmp_path / "config" / "config.json").write_text('{"format_version": 1}')
    (tmp_path / "figures" / "metrics.json").write_text('{"split": "validation"}')

    library = Library(tmp_path, ["whole"])
    library.warm_up()

    assert library.names == ["whole", "figures", "weights"]
    errors = capsys.readouterr().err
    assert str(tmp_path / "config") in errors
    assert "weights/model.safetensors" in errors
    metrics = {model["name"]: model["metrics"] for model in library.list()}
    assert metrics["figures"] == {}
    assert metrics["whole"]["psnr_db"] > 25
    assert library["whole"].seconds_per_decode
    assert library["figures"].seconds_per_decode
    with pytest.raises(ModelFolderError, match="damaged"):
        library["weights"]


def test_the_list_is_ready_for_json_and_loads_no_model(monkeypatch):
    monkeypatch.setattr(module, "OpenModel", None)
    listed = Library(MODELS).list()
    assert json.loads(json.dumps(listed)) == listed
    assert [model["name"] for model in listed] == NAMES
    assert [model["default"] for model in listed] == [True, *[False] * (len(NAMES) - 1)]
    assert listed[5]["latent"] == "spatial"
    assert listed[5]["latent_shape"] == [32, 32, 4]
    assert listed[0]["has_map"]
    assert listed[0]["has_variance"]


def test_a_model_is_loaded_once_and_does_not_wait_for_another(monkeypatch):
    loaded, loading, may_go_on = [], threading.Event(), threading.Event()

    def load(folder):
        loaded.append(folder.name)
        if folder.name == "photos":
            loading.set()
            assert may_go_on.wait(10)
        return Codec(describe(folder), lambda pictures: pictures, lambda latents: latents)

    monkeypatch.setattr(opened, "open_codec", load)
    library = Library(MODELS)
    with ThreadPoolExecutor(4) as pool:
        slow = [pool.submit(library.__getitem__, "photos") for _ in range(3)]
        assert loading.wait(10)
        assert library["fruits"].name == "fruits"
        may_go_on.set()
        assert len({id(answer.result()) for answer in slow}) == 1
    assert sorted(loaded) == ["fruits", "photos"]


def test_large_models_are_left_cold_unless_they_are_the_default(tmp_path, monkeypatch):
    for name in ("a", "b", "c"):
        shutil.copytree(MODELS / "fruits", tmp_path / name)
    for name in ("a", "b"):
        os.truncate(tmp_path / name / "model.safetensors", 60 << 20)  # a hole: takes no room
    warmed = []
    monkeypatch.setattr(OpenModel, "load", lambda self: None)
    monkeypatch.setattr(OpenModel, "warm_up", lambda self: warmed.append(self.name))
    monkeypatch.setattr(OpenModel, "warm_up_map", lambda self: warmed.append(f"map of {self.name}"))
    monkeypatch.setattr(module.reconstruct, "warm_up", lambda model: None)
    Library(tmp_path, ["a"]).warm_up()
    assert warmed == ["a", "c", "map of a", "map of c"]


def test_looking_at_a_model_loads_no_weights(monkeypatch):
    monkeypatch.setattr(opened, "open_codec", None)
    looked_at = Library(MODELS).look_at("emoji")
    assert looked_at.describe().startswith("**Emoji.**")
    assert "mixture" in looked_at.prior_titles


def test_no_cache_keeps_a_model_alive(apple):
    model = OpenModel(MODELS / "fruits")
    reconstruct(model, apple)
    uncertainty(model, open_subject(apple.path))
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


class TestAFolderThatIsDamagedOrGone:
    @pytest.fixture
    def assets(self, tmp_path) -> Path:
        for name in ("good", "other"):
            shutil.copytree(MODELS / "fruits", tmp_path / "assets" / name)
        return tmp_path / "assets"

    def test_while_the_app_runs_the_others_go_on(self, assets):
        library = Library(assets)
        shutil.rmtree(assets / "other")
        assert [model["name"] for model in library.list()] == ["good", "other"]
        assert [model["has_map"] for model in library.list()] == [True, False]
        with pytest.raises(ModelFolderError) as error:
            library["other"]
        assert str(assets) not in str(error.value)
        assert "other" in str(error.value)
        assert library["good"].info.image_size == 64

    @pytest.mark.parametrize(
        ("name", "ask"),
        [
            ("config.json", lambda model: model()),
            ("model.safetensors", lambda model: model()),
            ("atlas.parquet", lambda model: model().atlas),
            ("prior.safetensors", lambda model: model().priors),
        ],
    )
    def test_what_visitors_read_of_it_holds_no_path(self, assets, name, ask):
        library = Library(assets)
        (assets / "other" / name).write_bytes(b"{")
        assert len(library.list()) == 2
        with pytest.raises((ModelFolderError, RequestError), match=f"other/{name}") as error:
            ask(lambda: library["other"])
        assert str(assets) not in str(error.value)
