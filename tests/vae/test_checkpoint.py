"""Model folders: what is saved comes back, what is damaged is explained, and a failed write harms nothing."""

import errno
import json
import shutil
import struct

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from safetensors.numpy import load_file, save_file

from vae import checkpoint
from vae.checkpoint import CONFIG, WEIGHTS, ModelFolderError, ModelInfo, load_info, load_model, parameters, save_model
from vae.model import VAEConfig, compile_codec

pytestmark = pytest.mark.usefixtures("quick_compiling")

SPATIAL = VAEConfig(image_size=16, latent="spatial", latent_dim=3, channels=(8, 16))
VECTOR = VAEConfig(image_size=16, latent="vector", latent_dim=5, channels=(8, 16), halve_first=True)
KERNEL = "encoder.stem.kernel"


def info(config=SPATIAL):
    return ModelInfo(config, title="A title", summary="A summary.", training={"steps": 3})


def half(values):
    return np.asarray(values).astype(np.float16)


@pytest.fixture
def vae(draw_vae):
    return draw_vae(SPATIAL)


@pytest.fixture
def folder(vae, tmp_path):
    save_model(tmp_path / "model", parameters(vae), info())
    return tmp_path / "model"


@pytest.mark.parametrize("config", [SPATIAL, VECTOR], ids=lambda config: config.latent)
def test_a_loaded_model_computes_what_the_saved_one_did(config, draw_vae, tmp_path):
    """But for the float16 of its kernels."""
    vae = draw_vae(config)
    save_model(tmp_path / "nested" / "model", parameters(vae), info(config))
    loaded = load_model(tmp_path / "nested" / "model")

    pictures = np.random.default_rng(0).random((2, 16, 16, 3)).astype(np.float32)
    outputs = []
    for model in (vae, loaded):
        encode, decode = compile_codec(model)
        posterior = encode(pictures)
        outputs.append((*posterior, decode(posterior.mean)))
    for before, after in zip(*outputs, strict=True):
        assert_allclose(before, after, atol=2e-3)


def test_kernels_are_stored_in_half_the_bytes_unless_that_cannot_hold_them(draw_vae, tmp_path):
    values = {name: np.asarray(value) for name, value in parameters(draw_vae(VECTOR)).items()}
    values[KERNEL] = values[KERNEL] + np.float32(1e5)
    save_model(tmp_path / "model", values, info(VECTOR))
    stored = load_file(tmp_path / "model" / WEIGHTS)
    assert {name for name, value in stored.items() if value.dtype == np.float32} == {
        name for name, value in values.items() if value.ndim == 1
    } | {KERNEL}
    assert_array_equal(stored[KERNEL], values[KERNEL])


def test_what_config_json_says(folder):
    assert load_info(folder) == info()
    content = json.loads((folder / CONFIG).read_text())
    assert content["format_version"] == 1
    assert content["architecture"] == SPATIAL.to_dict()
    assert content["preprocessing"] == {"size": 16, "crop": "centre", "range": [0, 1], "channels": "RGB"}


def test_a_folder_holds_two_files_that_anybody_may_read(folder):
    """And no pickle: they are JSON, and safetensors, which begins with the length of its JSON header."""
    assert {path.name for path in folder.iterdir()} == {CONFIG, WEIGHTS}
    assert all(path.stat().st_mode & 0o444 == 0o444 for path in [folder, *folder.iterdir()])
    content = (folder / WEIGHTS).read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    assert set(json.loads(content[8 : 8 + length])) - {"__metadata__"} == set(load_file(folder / WEIGHTS))


def test_the_two_files_alone_make_a_model(folder, vae, tmp_path):
    (tmp_path / "copy").mkdir()
    for name in (CONFIG, WEIGHTS):
        shutil.copy(folder / name, tmp_path / "copy")
    assert_array_equal(parameters(load_model(tmp_path / "copy"))[KERNEL], half(parameters(vae)[KERNEL]))


def test_saving_again_replaces_the_model_and_keeps_other_files(folder, draw_vae):
    (folder / "README.md").write_text("by hand")
    other = draw_vae(VECTOR, seed=1)

    save_model(folder, parameters(other), info(VECTOR))

    assert load_info(folder).config == VECTOR
    assert_array_equal(parameters(load_model(folder))[KERNEL], half(parameters(other)[KERNEL]))
    assert {path.name: path.is_file() for path in folder.iterdir()} == {CONFIG: True, WEIGHTS: True, "README.md": True}
    assert (folder / "README.md").read_text() == "by hand"


@pytest.mark.parametrize("existing", [True, False], ids=["over a model", "in a new place"])
def test_a_full_disk_leaves_everything_as_it_was(existing, folder, draw_vae, tmp_path, monkeypatch):
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def write_half(_values, path):
        path.write_bytes(b"half a file")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", write_half)
    with pytest.raises(OSError, match="No space left"):
        save_model(folder if existing else tmp_path / "new", parameters(draw_vae(SPATIAL, seed=1)), info())

    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    load_model(folder)


def test_every_tensor_that_does_not_fit_is_named(folder):
    tensors = load_file(folder / WEIGHTS)
    tensors["decoder.extra"] = np.zeros((2, 5), np.float32)
    del tensors["encoder.norm.scale"]
    tensors[KERNEL] = tensors[KERNEL][:1]
    save_file(tensors, folder / WEIGHTS)

    with pytest.raises(ModelFolderError) as error:
        load_model(folder)

    message = str(error.value)
    assert "missing: encoder.norm.scale (16,)" in message
    assert "left over: decoder.extra (2, 5)" in message
    assert f"wrong shape: {KERNEL} is (1, 3, 3, 8), the architecture in config.json has (3, 3, 3, 8)" in message
    assert len(message.splitlines()) == 4  # these three and no other


def edit_config(**changes):
    def edit(folder):
        content = json.loads((folder / CONFIG).read_text())
        (folder / CONFIG).write_text(json.dumps({**content, **changes}))

    return edit


def truncate(folder):
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-100])


def overwrite(name, content):
    return lambda folder: (folder / name).write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (truncate, [WEIGHTS, "damaged", "Copy it again"]),
        (overwrite(WEIGHTS, b""), [WEIGHTS, "damaged"]),
        (overwrite(WEIGHTS, b"a pointer: oid sha256:0123"), [WEIGHTS, "damaged", "Copy it again"]),
        (lambda folder: (folder / WEIGHTS).unlink(), ["has no model.safetensors", "Copy it"]),
        (lambda folder: (folder / CONFIG).unlink(), ["not a model folder", "no config.json", "train fit"]),
        (shutil.rmtree, ["not a model folder", "train fit"]),
        (overwrite(CONFIG, b'{"format_version": 1,'), [CONFIG, "cannot be used"]),
        (overwrite(CONFIG, b"\xff\xfe"), [CONFIG, "cannot be used"]),
        (overwrite(CONFIG, b"[]"), [CONFIG, "cannot be used"]),
        (overwrite(CONFIG, b'{"architecture": {}}'), [CONFIG, "no format_version", "diffusers"]),
        (edit_config(format_version=2), [CONFIG, "format_version 2", "reads 1"]),
        (edit_config(architecture={"depth": 3}), [CONFIG, "cannot be used", "depth"]),
        (edit_config(architecture={"channels": [10]}), [CONFIG, "channels is (10,)", "multiples of 8"]),
        (edit_config(architecture={"image_size": "big"}), [CONFIG, "cannot be used"]),
    ],
)
def test_damage_is_explained(damage, words, folder):
    damage(folder)
    with pytest.raises(ModelFolderError) as error:
        load_model(folder)
    assert [word for word in words if word not in str(error.value)] == []
    assert str(folder) in str(error.value)
