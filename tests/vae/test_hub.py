"""Models of the Hub, from a stand-in of it on this machine."""

import hashlib
import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from huggingface_hub import constants
from safetensors.numpy import save

from vae import hub
from vae.checkpoint import ModelFolderError, ModelInfo, parameters, save_model
from vae.codec import describe, open_codec
from vae.hub import fetch
from vae.model import VAEConfig

TINY = {
    "_class_name": "AutoencoderTiny",
    "encoder_block_out_channels": [4, 4],
    "decoder_block_out_channels": [4, 4],
    "num_encoder_blocks": [0, 0],
    "num_decoder_blocks": [0, 0],
}
OWN = VAEConfig(image_size=16, latent_dim=3, channels=(8,))
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def tiny_weights():
    shapes = {"encoder.layers.0": (4, 3), "encoder.layers.1": (4, 4), "encoder.layers.2": (4, 4)}
    shapes |= {"decoder.layers.0": (4, 4), "decoder.layers.3": (4, 4), "decoder.layers.4": (3, 4)}
    tensors = {f"{name}.weight": np.zeros((*shape, 3, 3), np.float32) for name, shape in shapes.items()}
    biased = {name: shape for name, shape in shapes.items() if name not in ("encoder.layers.1", "decoder.layers.3")}
    return save(tensors | {f"{name}.bias": np.zeros(shape[0], np.float32) for name, shape in biased.items()})


@pytest.fixture(scope="module")
def repositories(draw_vae, tmp_path_factory):
    """id -> file -> content, or what the Hub says in place of it: a status and its own code for the error."""
    own = tmp_path_factory.mktemp("own") / "model"
    save_model(own, parameters(draw_vae(OWN)), ModelInfo(OWN, title="Ours"))
    tiny, weights = json.dumps(TINY).encode(), tiny_weights()
    return {
        "someone/tiny": {
            "config.json": tiny,
            "diffusion_pytorch_model.safetensors": weights,
            "diffusion_pytorch_model.bin": b"not wanted",
        },
        "someone/half": {"config.json": tiny, "diffusion_pytorch_model.fp16.safetensors": weights},
        "someone/pipeline": {
            "model_index.json": b"{}",
            "vae/config.json": tiny,
            "vae/diffusion_pytorch_model.safetensors": weights,
            "unet/config.json": b'{"_class_name": "UNet2DConditionModel"}',
            "unet/diffusion_pytorch_model.safetensors": b"not wanted",
        },
        "someone/own": {path.name: path.read_bytes() for path in own.iterdir()} | {"metrics.json": b"{}"},
        "someone/pickled": {"config.json": tiny, "diffusion_pytorch_model.bin": b"not wanted"},
        "someone/language": {"config.json": b'{"architectures": ["GPT2"]}', "model.safetensors": b"not wanted"},
        "someone/gated": (403, "GatedRepo"),
        "someone/broken": (503, ""),
        "someone/busy": (429, ""),
    }


@pytest.fixture
def server(repositories, monkeypatch, tmp_path):
    """A stand-in for the Hub; counts what is downloaded. `server.shutdown()` is the network's end."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.answer(with_body=False)

        def do_GET(self):
            self.answer(with_body=True)

        def answer(self, with_body):
            owner, name, resolve, _, *path = self.path.lstrip("/").split("/")
            files = repositories.get(f"{owner}/{name}", (401, "RepoNotFound"))
            refusal = files if isinstance(files, tuple) else None
            body = b"" if refusal or resolve != "resolve" else files.get("/".join(path))
            if body is None:
                refusal, body = (404, "EntryNotFound"), b""
            self.send_response(refusal[0] if refusal else 200)
            if refusal:
                self.send_header("X-Error-Code", refusal[1])
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if with_body:
                server.downloads["/".join(path)] += 1  # before the client can have read it
                self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.downloads = Counter()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def test_only_what_is_needed_is_downloaded_and_once(server):
    folder = fetch("someone/tiny")
    assert set(server.downloads) == {"config.json", "diffusion_pytorch_model.safetensors"}
    assert describe(folder).title == "someone/tiny"
    open_codec(folder)
    assert fetch("someone/tiny") == folder
    assert set(server.downloads.values()) == {1}


def test_weights_in_half_precision_stand_in(server):
    half, full = (open_codec(fetch(f"someone/{name}")) for name in ("half", "tiny"))
    latents = np.ones((1, *full.description.latent_shape), np.float32)
    np.testing.assert_array_equal(half.decode(latents), full.decode(latents))


@pytest.mark.parametrize("subfolder", [None, "vae"])
def test_the_autoencoder_of_a_pipeline(subfolder, server):
    folder = fetch("someone/pipeline", subfolder)
    assert describe(folder).title == "someone/pipeline/vae"
    assert set(server.downloads) == {"vae/config.json", "vae/diffusion_pytorch_model.safetensors"}
    open_codec(folder)


def test_a_model_of_ours_comes_with_what_belongs_to_it(server):
    folder = fetch("someone/own")
    assert describe(folder).title == "Ours"
    assert {path.name for path in folder.iterdir()} == {"config.json", "model.safetensors", "metrics.json"}
    open_codec(folder)


def test_progress_is_told(server):
    told = []
    fetch("someone/tiny", on_progress=lambda so_far, total: told.append((so_far, total)))
    size = len(tiny_weights())
    assert told[-1] == (size, size)


@pytest.mark.parametrize("model_id", ["someone/tiny", "someone/half", "someone/pipeline", "someone/own"])
def test_without_a_network_the_cache_serves(model_id, server, monkeypatch):
    folder = fetch(model_id)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert fetch(model_id) == folder


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("taesd",), ["'taesd'", "like madebyollin/taesd"]),
        (("../etc/passwd",), ["no id"]),
        (("../etc",), ["no id"]),
        (("someone/tiny\n",), ["no id"]),
        (("a" * 10_000,), ["no id"]),
        (("someone/tiny--2",), ["someone/tiny--2"]),
        (("someone/tiny", "../vae"), ["'../vae'", "no subfolder"]),
        (("someone/tiny", "/etc"), ["no subfolder"]),
        (("someone/nobody",), ["no model someone/nobody", "private", "hf auth login"]),
        (("someone/gated",), ["gated", "accept its terms", "hf auth login"]),
        (("someone/tiny", "vae"), ["no vae/config.json"]),
        (("someone/pipeline", "unet"), ["'UNet2DConditionModel'", "AutoencoderKL"]),
        (("someone/language",), ["no format_version"]),
        (("someone/pickled",), ["no diffusion_pytorch_model.safetensors", "other formats"]),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(arguments, words, server):
    with pytest.raises(ModelFolderError) as error:
        fetch(*arguments)
    message = str(error.value)
    assert [word for word in words if word not in message] == []
    assert len(message) < 500
    assert "not wanted" not in server.downloads


def test_a_broken_hub_and_no_network_are_told_apart_from_a_wrong_name(server, monkeypatch):
    begun = time.monotonic()
    for name, status in (("broken", 503), ("busy", 429)):  # huggingface_hub tries again, for 23 s and more
        with pytest.raises(ModelFolderError, match=f"answered {status}, and someone/{name} was not downloaded before"):
            fetch(f"someone/{name}")
    assert time.monotonic() - begun < 10
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelFolderError, match="cannot be reached, and someone/tiny was not downloaded before"):
        fetch("someone/tiny")


def test_a_file_too_large_is_not_downloaded(server, monkeypatch):
    monkeypatch.setattr(hub, "MAX_BYTES", 1000)
    with pytest.raises(ModelFolderError, match="GB"):
        fetch("someone/tiny")
    assert "diffusion_pytorch_model.safetensors" not in server.downloads
