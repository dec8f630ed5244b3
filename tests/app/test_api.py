"""Every endpoint of the HTTP API, through `gradio_client`, against the running app with the models that ship."""

import base64
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from app import api
from app.explore.library import Library
from app.explore.limits import RequestError
from tests.conftest import ROOT, running_app

ENDPOINTS = {
    "/models": [],
    "/reconstruct": ["image", "temperature", "seed", "model"],
    "/interpolate": ["image_a", "image_b", "t", "method", "model"],
    "/interpolation": ["image_a", "image_b", "steps", "method", "model"],
    "/sample": ["count", "temperature", "seed", "model", "distribution", "label"],
    "/encode": ["image", "model"],
    "/decode": ["latent", "model"],
    "/locate": ["image", "model"],
    "/decode_at": ["x", "y", "model"],
}


def test_nothing_is_left_behind(tmp_path, monkeypatch, examples):
    """Neither uploads nor what was made of them, once the app has stopped."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    picture = handle_file(str(examples["fruits"]))
    with running_app() as url:
        client = Client(url, verbose=False, download_files=False)
        client.predict(picture, 0, 0, "", api_name="/reconstruct")
        assert [*tmp_path.rglob("*.png")], "the app keeps its files elsewhere"
    assert [*tmp_path.rglob("*.png")] == []


@pytest.fixture(scope="module")
def client(server) -> Client:
    return Client(server, verbose=False)


@pytest.fixture(scope="module")
def picture(examples):
    return handle_file(str(examples["fruits"]))


@pytest.fixture(scope="module")
def other(examples):
    return handle_file(str(examples["another fruit"]))


def pixels(path: str) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"), int)


def test_the_endpoints_and_their_parameters_are_the_contract(client):
    found = client.view_api(print_info=False, return_format="dict")["named_endpoints"]
    assert {name: [p["parameter_name"] for p in info["parameters"]] for name, info in found.items()} == ENDPOINTS
    assert all(info["description"] for info in found.values())


def test_models(client):
    models = client.predict(api_name="/models")
    assert {"fruits", "emoji", "photos"} <= {m["name"] for m in models}
    assert [m["name"] for m in models if m["default"]] == ["fruits"]
    assert all(m["has_map"] and m["metrics"]["psnr_db"] > 10 for m in models)


@pytest.mark.parametrize(("model", "size"), [("", 64), ("emoji", 64), ("photos", 256)])
def test_reconstruct(client, picture, model, size):
    made, metrics = client.predict(picture, 0, 0, model, api_name="/reconstruct")
    assert pixels(made).shape == (size, size, 3)
    assert set(metrics) == {"psnr_db", "ssim", "l1", "kl_nats"}


def test_interpolate_and_interpolation_agree(client, picture, other):
    frames = client.predict(picture, other, 5, "lerp", "", api_name="/interpolation")
    middle = client.predict(picture, other, 0.5, "lerp", "", api_name="/interpolate")
    assert len(frames) == 5
    np.testing.assert_array_equal(pixels(frames[2]["image"]), pixels(middle))


def test_sample_repeats_with_its_seed(client):
    first = [pixels(p["image"]) for p in client.predict(3, 1, 11, "", api_name="/sample")]
    again = [pixels(p["image"]) for p in client.predict(3, 1, 11, "", api_name="/sample")]
    np.testing.assert_array_equal(first, again)
    assert np.abs(first[0] - first[1]).mean() > 2


def test_sample_takes_a_distribution_and_the_prior_is_the_default(client):
    prior, named, mixture = (
        pixels(client.predict(1, 1, 11, "", *more, api_name="/sample")[0]["image"])
        for more in ([], ["prior"], ["mixture"])
    )
    np.testing.assert_array_equal(prior, named)
    assert np.abs(prior - mixture).mean() > 2


@pytest.mark.parametrize(("model", "shape"), [("", (128,)), ("photos", (32, 32, 4))])
def test_encode_then_decode_is_reconstruct(client, picture, model, shape):
    mean, log_var = client.predict(picture, model, api_name="/encode")
    assert np.shape(mean) == np.shape(log_var) == shape
    decoded = client.predict(mean, model, api_name="/decode")
    made, _ = client.predict(picture, 0, 0, model, api_name="/reconstruct")
    assert np.abs(pixels(decoded) - pixels(made)).max() <= (1 if model == "" else 4), "float16 for a spatial latent"


@pytest.mark.parametrize("endpoint", ["/decode", "/sample", "/interpolate", "/decode_at"])
def test_a_drawn_picture_carries_its_latent(client, picture, other, endpoint):
    arguments = {
        "/decode": (np.random.default_rng(0).normal(size=128).tolist(), ""),
        "/sample": (2, 1, 0, ""),
        "/interpolate": (picture, other, 0.5, "slerp", ""),
        "/decode_at": (0, 0, ""),
    }[endpoint]
    drawn = client.predict(*arguments, api_name=endpoint)
    for path in [one["image"] for one in drawn] if isinstance(drawn, list) else [drawn]:
        carried = json.loads(Image.open(path).info["latentscape"])
        assert carried["model"] == "fruits"
        again = np.frombuffer(base64.b64decode(carried["latent"]), "<f4").tolist()
        decoded = client.predict(again, "", api_name="/decode")
        assert np.abs(pixels(decoded) - pixels(path)).max() <= 1


def test_locate_then_decode_there(client, picture):
    x, y, neighbours = client.predict(picture, "", api_name="/locate")
    assert len(neighbours) == 8
    assert {"index", "id", "labels", "weight"} <= neighbours[0].keys()
    assert sum(n["weight"] for n in neighbours) == pytest.approx(1)
    assert pixels(client.predict(x, y, "", api_name="/decode_at")).shape == (64, 64, 3)


def test_a_seed_may_be_written_as_floats_are(client):
    first, second = (client.predict(1, 1, seed, "", "prior", {}, api_name="/sample") for seed in (10, "1e1"))
    assert np.array_equal(pixels(first[0]["image"]), pixels(second[0]["image"]))


def test_mistakes_are_explained_without_a_stack_trace(client, picture, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n then nothing")
    for arguments, words in [
        ((handle_file(str(broken)), 0, 0, ""), "not a picture|damaged"),
        ((picture, 9, 0, ""), "temperature is 9"),
        ((picture, 0, 0, "nowhere"), "no model 'nowhere'"),
        ((picture, 0, 0, "../../etc"), "no model"),
    ]:
        with pytest.raises(AppError, match=words) as raised:
            client.predict(*arguments, api_name="/reconstruct")
        assert "Traceback" not in str(raised.value)


@pytest.mark.parametrize(
    ("endpoint", "arguments", "words"),
    [
        ("/reconstruct", ("PICTURE", 0, 1.5, ""), "seed is 1.5; it must be a whole number from 0 to"),
        ("/reconstruct", ("PICTURE", 0, None, ""), "seed is None"),
        ("/reconstruct", ("PICTURE", "warm", 0, ""), "temperature is warm; it must be a number from 0 to 3"),
        ("/interpolate", ("PICTURE", "PICTURE", "x", "lerp", ""), "t is x; it must be a number from 0 to 1"),
        ("/interpolation", ("PICTURE", "PICTURE", [3], "lerp", ""), "steps is .*it must be a number from 2 to"),
        ("/sample", (2.5, 1, 0, ""), "count is 2.5; it must be a whole number from 1 to"),
        ("/decode_at", ({"x": 1}, 0, ""), "x is .*it must be a number"),
        ("/decode", ([0.0] * 127, ""), "latent must be 128 numbers, in a list"),
        ("/decode", ([[0.0] * 128], ""), "latent must be 128 numbers, in a list"),
        ("/decode", ([1e9] * 128, ""), "must be finite, from -100 to 100"),
        ("/decode", (None, ""), "latent must be 128 numbers"),
        ("/sample", (1, 1, 0, "", "flows"), "distribution is flows; accepted:"),
        ("/sample", (1, 1, 0, "", "prior", {"kind": "Apple"}), 'only "flow" can be asked'),
    ],
)
def test_values_of_a_wrong_type_are_named(client, picture, endpoint, arguments, words):
    with pytest.raises(AppError, match=words):
        client.predict(*(picture if a == "PICTURE" else a for a in arguments), api_name=endpoint)


def test_reconstruct_decodes_the_mean_unless_told_otherwise(client, picture):
    made, _ = client.predict(picture, api_name="/reconstruct")
    mean, _ = client.predict(picture, 0, 0, "", api_name="/reconstruct")
    sampled, _ = client.predict(picture, 1, 0, "", api_name="/reconstruct")
    np.testing.assert_array_equal(pixels(made), pixels(mean))
    assert np.abs(pixels(made) - pixels(sampled)).max() > 0


def test_who_asks_for_many_pictures_does_not_wait_while_others_open_slow_files(monkeypatch):
    opening, go_on = threading.Event(), threading.Event()

    def open_slowly(path):
        opening.set()
        go_on.wait(60)
        raise RequestError("enough")

    monkeypatch.setattr(api, "open_subject", open_slowly)
    asked = api._API(Library(ROOT / "assets" / "models", ["digits"]))
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(asked.interpolation, "a.png", "b.png", 9, "slerp", "digits")
        opening.wait(60)
        drawn = pool.submit(asked.sample, 2, 1.0, 0, "digits", "prior", {})
        try:
            assert len(drawn.result(60)) == 2
        finally:
            go_on.set()
        with pytest.raises(RequestError):
            slow.result(60)
