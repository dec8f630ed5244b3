"""OpenModel on the models that ship: pictures to latents and back, and what a model lacks."""

import dataclasses
import json
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from app.explore import decoder_file, files, latents
from app.explore.limits import DECODED_AT_ONCE, ENCODED_AT_ONCE, RequestError
from app.explore.opened import OpenModel
from app.explore.subject import open_subject
from app.words import plain
from tests.app.explore.conftest import MODELS, difference
from vae.checkpoint import ModelFolderError

NAMES = ("faces", "fruits", "emoji", "photos")


@pytest.fixture
def encoded(monkeypatch):
    """`encoded(model)`: a list that grows with every picture that the model encodes."""

    def watch(model: OpenModel) -> list:
        calls, encode = [], model._encode
        monkeypatch.setattr(model, "_encode", lambda images: calls.append(images) or encode(images))
        return calls

    return watch


@pytest.mark.parametrize("name", NAMES)
def test_its_card_and_description_say_what_it_is(library, name):
    model = library[name]
    size, shape = model.info.image_size, model.info.latent_shape
    card = json.loads(json.dumps(model.card))
    assert card == model.card
    codec = card.pop("codec")
    assert card == {"name": name, "title": name.title(), "size": size, "shape": list(shape)}
    assert codec["architecture"] == json.loads((model.folder / "config.json").read_text())["architecture"]
    assert codec["bytes"] == len(model.decoder_file.content) < 4_000_000
    assert model.describe().startswith(f"**{name.title()}.** Trained on")
    words = model.figures()
    assert " x ".join(map(str, shape)) in words
    assert f"On held-out pictures: {model.metrics['psnr_db']:.1f} dB" in words
    assert "map" not in words, "the map is the UMAP"


def test_what_a_folder_says_of_itself_is_shown_as_it_is(fruits, monkeypatch):
    info = dataclasses.replace(fruits.info, title="<img src=x>", summary="See ![it](http://example.org/x.png).")
    monkeypatch.setattr(fruits, "info", info)
    assert fruits.describe().startswith(f"**{plain(info.title)}.** {plain(info.summary)}")


def test_figures_of_pictures_that_were_trained_on_are_not_called_held_out(fruits, monkeypatch):
    monkeypatch.setattr(fruits, "metrics", fruits.metrics | {"held_out": False})
    assert "On pictures that it was trained on: 28.3 dB" in fruits.describe()
    monkeypatch.setattr(fruits, "metrics", {})
    assert "dB" not in fruits.describe()


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_survives_the_round_trip(library, examples, name):
    model, subject = library[name], open_subject(examples[name])
    posterior = model.posterior(subject)
    assert posterior.mean.shape == posterior.log_var.shape == model.info.latent_shape
    picture, grey = subject.fitted(model.info.image_size), Image.new("RGB", (model.info.image_size,) * 2, "grey")
    assert difference(model.decode(posterior.mean), picture) < 0.5 * difference(grey, picture)


def test_a_picture_is_encoded_once_for_each_model(fruits, emoji, subject_of, encoded):
    calls = encoded(fruits), encoded(emoji)
    subject = subject_of(Image.new("RGB", (80, 80), "teal"))
    for _ in range(3):
        for model in (fruits, emoji):
            model.posterior(open_subject(subject.path))
            model.latent(open_subject(subject.path))
    assert [*map(len, calls)] == [1, 1]


# ---- Pictures that carry their latent ----


@pytest.mark.parametrize("name", NAMES)
def test_a_drawn_picture_dropped_in_again_is_its_latent_and_is_not_encoded(library, name, encoded):
    model, row = library[name], 7
    drawn = model.atlas.latent(row)  # in float16, so that also a spatial one travels without loss
    subject = open_subject(files.save_drawn(model, drawn, "point 7"))
    calls = encoded(model)
    np.testing.assert_array_equal(model.own_latent(subject), drawn)
    np.testing.assert_array_equal(model.latent(subject), drawn)
    assert calls == []
    assert (subject.latent_model, subject.words) == (name, "point 7")


def test_another_model_encodes_it(fruits, emoji, encoded):
    subject = open_subject(files.save_drawn(fruits, fruits.atlas.latent(9), "point 9"))
    calls = encoded(emoji)
    assert emoji.own_latent(subject) is None
    np.testing.assert_array_equal(emoji.latent(subject), emoji.posterior(subject).mean)
    assert len(calls) == 1


def test_a_model_of_another_name_encodes_it_too(fruits):
    subject = open_subject(files.save_drawn(fruits, fruits.atlas.latent(9), "point 9"))
    assert OpenModel(MODELS / "fruits", "a copy").own_latent(subject) is None


def repaint(path: str, tmp_path, change) -> str:
    """The picture after `change`, saved by a program that keeps text chunks."""
    picture = Image.open(path)
    chunks = PngInfo()
    for key, text in picture.text.items():
        chunks.add_text(key, text)
    change(picture.convert("RGB")).save(tmp_path / "changed.png", pnginfo=chunks)
    return str(tmp_path / "changed.png")


def spot(picture: Image.Image) -> Image.Image:
    picture.paste("magenta", (20, 20, 23, 23))
    return picture


@pytest.mark.parametrize(
    "change",
    [spot, lambda p: p.transpose(Image.Transpose.FLIP_LEFT_RIGHT), lambda p: p.crop((0, 0, 60, 60)),
     lambda p: p.resize((128, 128))],
    ids=["painted", "flipped", "cut", "resized"],
)  # fmt: skip
def test_a_drawn_picture_that_was_changed_since_is_encoded(fruits, tmp_path, change):
    path = files.save_drawn(fruits, fruits.atlas.latent(11), "point 11")
    assert fruits.own_latent(open_subject(repaint(path, tmp_path, lambda p: p))) is not None
    subject = open_subject(repaint(path, tmp_path, change))
    assert subject.latent is not None
    assert fruits.own_latent(subject) is None
    np.testing.assert_array_equal(fruits.latent(subject), fruits.posterior(subject).mean)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "[" * 100_000,
        "{}",
        "[]",
        "null",
        '{"model": "fruits"}',
        '{"model": "fruits", "latent": 3, "words": ""}',
        '{"model": ["fruits"], "latent": "AAAA", "words": ""}',
        json.dumps({"model": "fruits", "latent": "AAAA", "words": "x" * 1000}),
        json.dumps({"model": "fruits", "latent": "A" * 2_000_000, "words": ""}),
        json.dumps({"model": "x" * 900_000, "latent": "AAAA", "words": ""}),
        json.dumps({"model": "fruits", "latent": "AAAA", "words": "\ud800"}),
    ],
    ids=range(13),
)
def test_a_forged_chunk_makes_a_picture_no_worse_than_one_without(fruits, tmp_path, text):
    chunks = PngInfo()
    chunks.add_text("latentscape", text)
    Image.new("RGB", (64, 64), "red").save(tmp_path / "forged.png", pnginfo=chunks)
    subject = open_subject(tmp_path / "forged.png")
    assert (subject.latent, subject.latent_model, subject.words) == (None, None, "")
    assert fruits.latent(subject).shape == (128,)


@pytest.mark.parametrize("latent", ["", "AAAA", "!" * 684, "é", "//8="])
def test_a_forged_latent_is_left_aside(fruits, tmp_path, latent):
    chunks = PngInfo()
    chunks.add_text("latentscape", json.dumps({"model": "fruits", "latent": latent, "words": "mine"}))
    Image.new("RGB", (64, 64), "red").save(tmp_path / "forged.png", pnginfo=chunks)
    assert fruits.own_latent(open_subject(tmp_path / "forged.png")) is None


# ---- Cost ----


def test_the_cost_of_a_decode_is_measured_at_warm_up_and_decides_how_many_are_affordable(tmp_path):
    model = OpenModel(MODELS / "fruits")
    assert model.seconds_per_decode is None
    model.warm_up()
    assert 0 < model.seconds_per_decode < 10
    model.seconds_per_decode = 0.05
    assert model.affordable(0.5, least=4, most=16) == 10
    assert model.affordable(0.1, least=4, most=16) == 4
    assert model.affordable(9.0, least=4, most=16) == 16


# ---- The map, and what a model lacks ----


def test_a_crowd_is_decoded_for_a_few_at_a_time_also_inside_other_questions(monkeypatch, subject_of):
    model, running, most = OpenModel(MODELS / "fruits"), [], []

    def decode(latents):
        running.append(1)
        most.append(len(running))
        time.sleep(0.02)  # long enough for the others to come
        running.pop()
        return np.zeros((1, 64, 64, 3), np.float32)

    monkeypatch.setattr(model, "_decode", decode)
    subject = subject_of(latents.draw(model, np.zeros(128, np.float32), "black"))
    asked = [lambda: model.decode(np.zeros(128, np.float32)), lambda: model.own_latent(subject)] * 8
    asked += [lambda key=key: model.remember("it", key, lambda: model.decode(np.ones(128, np.float32))) for key in "ab"]
    with ThreadPoolExecutor(len(asked)) as pool:
        for pending in [pool.submit(ask) for ask in asked]:
            pending.result(timeout=30)
    assert max(most) == DECODED_AT_ONCE


def test_a_crowd_is_encoded_for_a_few_at_a_time(monkeypatch):
    model, running, most = OpenModel(MODELS / "fruits"), [], []
    codec = model.load()

    def encode(pictures):
        running.append(1)
        most.append(len(running))
        time.sleep(0.02)  # long enough for the others to come
        running.pop()
        return codec.encode(pictures)

    monkeypatch.setattr(model, "_codec", dataclasses.replace(codec, encode=encode))
    picture = Image.new("RGB", (64, 64))
    model.encode(picture)  # the first is alone, as it compiles
    with ThreadPoolExecutor(8) as pool:
        for pending in [pool.submit(model.encode, picture) for _ in range(16)]:
            pending.result(timeout=30)
    assert max(most) == ENCODED_AT_ONCE


def test_a_model_without_a_map_says_how_to_make_one(without_map):
    assert not without_map.has_atlas
    with pytest.raises(RequestError, match=r"python -m train atlas --model .* --dataset data/fruits"):
        without_map.atlas  # noqa: B018


def test_the_command_that_makes_a_map_tells_no_paths_of_the_machine(without_map, tmp_path):
    config = json.loads((without_map.folder / "config.json").read_text())
    config["training"] = {"dataset": "/home/me/secret place/pictures/"}
    shutil.copytree(without_map.folder, tmp_path / "model")
    (tmp_path / "model" / "config.json").unlink()
    (tmp_path / "model" / "config.json").write_text(json.dumps(config))
    assert OpenModel(tmp_path / "model").atlas_command == "python -m train atlas --model model --dataset pictures"


def test_a_map_that_is_made_while_the_app_runs_is_found(without_map, tmp_path):
    shutil.copytree(without_map.folder, tmp_path / "model")
    model = OpenModel(tmp_path / "model")
    with pytest.raises(RequestError):
        model.atlas  # noqa: B018
    shutil.copy(MODELS / "fruits" / "atlas.parquet", model.folder)
    assert len(model.atlas) == 11894


def test_a_model_with_another_models_map_says_so_and_still_warms_up(without_map, tmp_path):
    shutil.copytree(without_map.folder, tmp_path / "model")
    shutil.copy(MODELS / "photos" / "atlas.parquet", tmp_path / "model")
    model = OpenModel(tmp_path / "model")
    model.warm_up()
    with pytest.raises(RequestError, match="another model's"):
        model.atlas  # noqa: B018


def test_the_map_is_read_once_also_by_several_threads(monkeypatch):
    model, reads = OpenModel(MODELS / "fruits"), []
    read = model._read_atlas
    monkeypatch.setattr(model, "_read_atlas", lambda: reads.append(1) or read())
    threads = [threading.Thread(target=lambda: model.atlas) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(reads) == 1


def test_a_damaged_folder_is_explained(tmp_path):
    with pytest.raises(ModelFolderError, match="not a model folder"):
        OpenModel(tmp_path)
    shutil.copy(MODELS / "fruits" / "config.json", tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"\0" * 100)
    damaged = OpenModel(tmp_path)
    assert damaged.describe().startswith("**Fruits.**")  # told without the weights
    for ask in (damaged.load, lambda: damaged.decode(np.zeros(128, np.float32))):
        with pytest.raises(ModelFolderError, match="damaged"):
            ask()


def test_a_decoder_that_is_too_large_or_of_another_kind_is_not_offered_to_browsers(fruits, monkeypatch):
    model = OpenModel(fruits.folder)
    monkeypatch.setattr(decoder_file, "DECODER_BYTES", 3_000_000)
    assert "codec" not in model.card
    monkeypatch.undo()
    model = OpenModel(fruits.folder)
    monkeypatch.setattr(model, "info", dataclasses.replace(model.info, kind="autoencoder-kl"))
    assert "codec" not in model.card


def test_a_model_whose_folder_has_gone_is_still_known(without_map, tmp_path):
    folder = shutil.copytree(without_map.folder, tmp_path / "model")
    model = OpenModel(folder)
    shutil.rmtree(folder)
    assert model.card["name"] == "model"
    assert "codec" not in model.card
