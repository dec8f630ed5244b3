"""Model folders from strangers: each odd file is refused in a sentence, or read without what is odd. Nothing hangs."""

import datetime
import io
import json
import os
import re
import shutil
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from safetensors.numpy import save_file

from vae.atlas import Atlas, AtlasError
from vae.checkpoint import (
    ATLAS,
    CONFIG,
    METRICS,
    PRIOR,
    WEIGHTS,
    ModelFolderError,
    ModelInfo,
    load_metrics,
    load_model,
    parameter_shapes,
    parameters,
    save_model,
)
from vae.codec import describe
from vae.files import MAX_JSON_BYTES, MAX_TEXT
from vae.images import PictureError, read_thumbnail
from vae.model import VAEConfig
from vae.priors import PriorError, load_priors

SMALL = VAEConfig(image_size=16, latent="vector", latent_dim=4, channels=(8,))
SECONDS = 5.0  # on a busy machine

DEEP = json.loads("[" * 900 + "]" * 900)


@pytest.fixture(scope="module")
def good(tmp_path_factory, draw_vae) -> Path:
    folder = tmp_path_factory.mktemp("good") / "model"
    save_model(folder, parameters(draw_vae(SMALL)), ModelInfo(SMALL, "Small"))
    return folder


@pytest.fixture
def folder(tmp_path, good) -> Path:
    """A model that can be opened, to be damaged."""
    return Path(shutil.copytree(good, tmp_path / "model"))


@pytest.fixture(autouse=True)
def in_bounded_time():
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < SECONDS


def is_one_sentence(error: Exception) -> bool:
    return 0 < len(str(error)) < 1000 and not re.search(r"Traceback|0x[0-9a-f]{8}", str(error))


# ---- config.json ----

ARCHITECTURES = {
    "2,000 blocks": {"blocks": 2000},
    "2,000 stages": {"channels": [8] * 2000},
    "a million channels": {"channels": [8_000_000]},
    "fractional channels": {"channels": [8.5]},
    "NaN channels": {"channels": [float("nan")]},
    "NaN in place of channels": {"channels": float("nan")},
    "channels are a word": {"channels": "88"},
    "channels are a mapping": {"channels": {"8": 8}},
    "no channels": {"channels": []},
    "a huge size": {"image_size": 2**40},
    "a size of 10^400": {"image_size": 10**400},
    "a feature map of 16 GB": {"image_size": 4096, "channels": [1024]},
    "a latent of 10^9 numbers": {"latent_dim": 10**9},
    "a true size": {"image_size": True},
    "a negative latent": {"latent_dim": -1},
    "blocks are a list": {"blocks": [1]},
    "an unknown field": {"__class__": "x"},
    "halve_first is a word": {"halve_first": "no"},
    "an unknown latent": {"latent": ["vector"]},
    "deep nesting": {"channels": DEEP},
}
CONFIGS: dict[str, Any] = {
    "a list": [],
    "null": None,
    "a number": 3,
    "no architecture": {"architecture": None},
    "a deep training note": {"training": {"x": DEEP}},
    "version true": {"format_version": "1" * 10_000},
    "kind is a list": {"kind": ["conv-vae"] * 1000},
    "kind is a mapping": {"kind": {}},
    "class is a list": {"_class_name": ["AutoencoderKL"]},
    "diffusers with 10^9 channels": {"_class_name": "AutoencoderKL", "latent_channels": 10**9},
}
CONTENTS = {
    "empty": b"",
    "half": b'{"format_version": 1, "archi',
    "not UTF-8": b'{"format_version": "\xff\xfe"}',
    "NULs": b"\0" * 1000,
    "deeper than Python": b"[" * 1_000_000,
    "too large": b'{"x": "' + b"x" * MAX_JSON_BYTES + b'"}',
    "a number of a million digits": b'{"format_version": ' + b"9" * 900_000 + b"}",
}


def config_of(folder: Path) -> dict:
    return json.loads((folder / CONFIG).read_text())


@pytest.mark.parametrize("change", ARCHITECTURES.values(), ids=ARCHITECTURES.keys())
def test_an_architecture_out_of_bounds_is_refused(folder, change):
    content = config_of(folder)
    (folder / CONFIG).write_text(json.dumps(content | {"architecture": content["architecture"] | change}))
    with pytest.raises(ModelFolderError, match=r"config\.json cannot be used") as error:
        describe(folder)
    assert is_one_sentence(error.value)


@pytest.mark.parametrize("change", CONFIGS.values(), ids=CONFIGS.keys())
def test_a_config_that_is_none_is_refused(folder, change):
    content = config_of(folder) | change if isinstance(change, dict) else change
    (folder / CONFIG).write_text(json.dumps(content))
    with pytest.raises(ModelFolderError, match=r"config\.json") as error:
        describe(folder)
    assert is_one_sentence(error.value)


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS.keys())
def test_a_config_that_cannot_be_read_is_refused(folder, content):
    (folder / CONFIG).write_bytes(content)
    with pytest.raises(ModelFolderError, match=r"config\.json cannot be used") as error:
        describe(folder)
    assert is_one_sentence(error.value)


@pytest.mark.parametrize(
    "training",
    [
        [1], "x", None, 3, {"likelihood": "unheard-of"}, {"likelihood": ["l1-ssim"]}, {"likelihood": {}},
        {"weights": [1, 2, 3]}, {"weights": {"l1": 10**400, "ssim": 1, "kl": 1}}, {"weights": {"l1": "x"}},
        {"weights": {"l1": float("nan"), "ssim": 1, "kl": 1}}, {"weights": {"x" * 1000: 1}}, {"dataset": ["a", {}]},
    ],
    ids=lambda training: str(training)[:40],
)  # fmt: skip
def test_an_odd_training_note_is_passed_over(folder, training):
    (folder / CONFIG).write_text(json.dumps(config_of(folder) | {"training": training}))
    assert describe(folder).objective is None


@pytest.mark.parametrize(
    "title", [3, [], {}, None, True, "x" * 100_000, "\0", "<script>", "\u202e", "a\ud800", "   "], ids=ascii
)
def test_a_title_is_a_text_of_bounded_length(folder, title):
    (folder / CONFIG).write_text(json.dumps(config_of(folder) | {"title": title, "summary": title}))
    found = describe(folder)
    assert isinstance(found.title, str)
    assert 0 < len(found.title.strip()) <= MAX_TEXT
    assert len(found.summary) <= MAX_TEXT
    assert "\u202e" not in found.title + found.summary, "it turns the page's own words around"
    assert (found.title + found.summary).encode(), "half a character cannot be sent"


# ---- metrics.json ----


@pytest.mark.parametrize(
    "change",
    [
        {"psnr_db": 10**400}, {"psnr_db": "NaN"}, {"psnr_db": float("nan")}, {"ssim": None}, {"l1": [1]},
        {"kl_nats": float("inf")}, {"kl_nats": DEEP}, {"psnr_db": "x" * 2_000_000},
    ],
    ids=lambda change: str(change)[:40],
)  # fmt: skip
def test_metrics_that_are_no_numbers_are_none(folder, change):
    good = {"psnr_db": 20.0, "ssim": 0.5, "l1": 0.1, "kl_nats": 3.0, "split": "test"}
    (folder / METRICS).write_text(json.dumps(good | change))
    assert load_metrics(folder) == {}


def test_of_metrics_only_numbers_and_short_texts_are_taken(folder):
    odd = {
        "active_units": ["<script>"],
        "\ud800": "\ud800",
        "count": 10**400,
        "x": "y" * 10_000,
        "latent_units": {"a": 1},
        "held_out": "x",
    }
    good = {"psnr_db": 20.0, "ssim": 0.5, "l1": 0.1, "kl_nats": None, "split": "test"}
    (folder / METRICS).write_text(json.dumps(good | odd))
    assert load_metrics(folder) == good | {"held_out": True, "?": "?"}


# ---- model.safetensors ----


def test_parameters_that_are_not_finite_are_refused(folder):
    values = {name: np.full(shape, np.nan, np.float32) for name, shape in parameter_shapes(SMALL).items()}
    save_file(values, folder / WEIGHTS)
    with pytest.raises(ModelFolderError, match="no finite numbers"):
        load_model(folder)


def test_a_file_of_parameters_that_is_too_large_is_not_read(folder):
    with (folder / WEIGHTS).open("r+b") as file:
        file.truncate(1 << 40)  # a hole: it takes no disk
    with pytest.raises(ModelFolderError, match="bytes; at most"):
        load_model(folder)


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 8, b"\xff" * 8, b"\xff" * 7 + b"\x7f{}", b"\2\0\0\0\0\0\0\0{}", b'\5\0\0\0\0\0\0\0{"":1'],
    ids=repr,
)
def test_parameters_that_cannot_be_read_are_refused(folder, content):
    (folder / WEIGHTS).write_bytes(content)
    with pytest.raises(ModelFolderError) as error:
        load_model(folder)
    assert len(str(error.value)) < 5000


# ---- prior.safetensors ----


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e38])
def test_a_prior_beyond_all_latents_is_refused(folder, value):
    good = {"mean": np.zeros(4), "directions": np.eye(4), "deviations": np.ones(4), "residual": np.zeros(4)}
    tensors = {f"gaussian.{name}": array.astype(np.float32) for name, array in good.items()}
    save_file(tensors, folder / PRIOR)
    assert "gaussian" in load_priors(folder, (4,))
    tensors["gaussian.mean"][0] = value
    save_file(tensors, folder / PRIOR)
    with pytest.raises(PriorError, match="not finite, or beyond"):
        load_priors(folder, (4,))


def test_a_prior_of_thousands_of_tensors_is_refused(folder):
    save_file({f"flow.net.blocks.{k}.x": np.zeros(1, np.float32) for k in range(3000)}, folder / PRIOR)
    with pytest.raises(PriorError, match="3000 tensors"):
        load_priors(folder, (4,))


# ---- atlas.parquet ----


def table(count: int = 6, metadata: dict | None = None, **columns: Any) -> pa.Table:
    latents = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(4 * count), pa.float32()), 4)
    good = {"id": [f"{k}.png" for k in range(count)], "x": np.arange(count, dtype=np.float32)}
    good |= {"y": np.arange(count, dtype=np.float32), "latent": latents, "kind": ["a"] * count}
    return pa.table(good | columns).replace_schema_metadata(metadata or {})


LABELS = {
    "numbers": pa.array([1, 2, 3, 4, 5, None]),
    "booleans": pa.array([True, None, False, True, True, True]),
    "dates": pa.array([datetime.date(2020, 1, 1)] * 6),
    "dates beyond the calendar": pa.array([2**62] * 6, pa.timestamp("us")),
    "lists": pa.array([["a", "b"], [], None, ["c"], [None], []]),
    "mappings": pa.array([{"a": 1}] * 6),
    "missing": pa.array([None] * 6, pa.string()),
    "of type null": pa.nulls(6),
    "bytes": pa.array([b"\xff\xfe"] * 6),
    "views": pa.array(["a", "b"] * 3, pa.string_view()),
    "bytes of one length": pa.array([b"1234"] * 6, pa.binary(4)),
    "a dictionary": pa.array(["a", "b"] * 3).dictionary_encode(),
    "very long": pa.array(["x" * 100_000] * 6),
    "decimals": pa.array([1, 2, 3, 4, 5, 6]).cast(pa.decimal128(30, 2)),
    "markup": pa.array(["<script>alert(1)</script>"] * 6),
    "turned around": pa.array(["\u202ea\u2067b"] * 6),
    "of no time zone": pa.array([0] * 6, pa.timestamp("us", tz="Mars/Phobos")),
    "durations": pa.array([2**62] * 6, pa.duration("ns")),
}


@pytest.mark.parametrize("column", ["kind", "id"])
@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS.keys())
def test_labels_of_any_kind_become_texts(folder, labels, column):
    pq.write_table(table(**{column: labels}), folder / ATLAS)
    atlas = Atlas.read(folder / ATLAS, (4,))
    texts = [*atlas.ids, *(text for values in atlas.labels.values() for text in values)]
    assert all(isinstance(text, str) and len(text) <= MAX_TEXT for text in texts)
    assert not {*"".join(texts)} & {"\u202e", "\u2067"}
    assert len(atlas.ids) == 6


def test_labels_say_what_they_are(folder):
    columns = {"kind": LABELS["numbers"], "when": LABELS["dates"], "known": LABELS["a dictionary"]}
    columns |= {"view": LABELS["views"], "short": LABELS["bytes of one length"]}
    pq.write_table(table(**columns, more=LABELS["lists"], zone=LABELS["of no time zone"]), folder / ATLAS)
    labels = Atlas.read(folder / ATLAS, (4,)).labels
    assert labels["kind"] == ["1", "2", "3", "4", "5", ""]
    assert labels["when"] == ["2020-01-01"] * 6
    assert labels["known"] == labels["view"] == ["a", "b"] * 3
    assert labels["short"] == ["b'1234'"] * 6
    assert labels.keys() == columns.keys(), "what is no single value, or cannot be read, is left out"


@pytest.mark.parametrize("name", ["kind", "thumbnail"])
@pytest.mark.parametrize("says_dictionary", [True, False])
def test_a_text_that_few_bytes_repeat_many_times_takes_no_memory(folder, name, says_dictionary):
    count, length = 500, 1_000_000
    text = pa.array(["x" * length] if name == "kind" else [b"x" * length])
    same = pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), text)
    pq.write_table(table(count, **{name: same}), folder / ATLAS, store_schema=says_dictionary)
    pool = pa.default_memory_pool()
    before = pool.max_memory()
    tracemalloc.start()
    try:
        atlas = Atlas.read(folder / ATLAS, (4,))
        taken = pool.max_memory() - before, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert max(taken) < 30 * length
    assert atlas.thumbnails == {}
    assert len(atlas.labels["kind"]) == count


def test_texts_that_point_outside_their_dictionary_are_left_out(folder, monkeypatch):
    """As Arrow reads them from a damaged file."""
    lost = pa.array([0, 7, -1, 0, 0, 0], pa.int32())
    columns = {
        name: pa.DictionaryArray.from_arrays(lost, pa.array([value]), safe=False)
        for name, value in (("kind", "a"), ("thumbnail", b"a"))
    }
    pq.write_table(table(), folder / ATLAS)
    monkeypatch.setattr(pq, "read_table", lambda *_, **_options: table(**columns))
    atlas = Atlas.read(folder / ATLAS, (4,))
    assert (atlas.labels, atlas.thumbnails) == ({}, {})


def test_numbers_that_are_not_finite_are_missing(folder):
    pq.write_table(table(error=np.array([1, np.inf, np.nan, 1e300, -1e300, 2])), folder / ATLAS)
    assert np.isfinite(Atlas.read(folder / ATLAS, (4,)).numbers["error"]).tolist() == [True, *[False] * 4, True]


def test_metadata_that_is_not_utf8_is_read(folder):
    pq.write_table(table(metadata={b"split": b"\xff\xfe", b"\xff": b"x" * 100_000}), folder / ATLAS)
    facts = Atlas.read(folder / ATLAS, (4,)).facts
    assert all(len(text) <= MAX_TEXT for pair in facts.items() for text in pair)


def webp(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(buffer, "WEBP", lossless=True)
    return buffer.getvalue()


def webp_that_says(side: int) -> bytes:
    """A lossless WebP of 64 pixels that says it has another size: two numbers of 14 bits, after its signature."""
    content = bytearray(webp(64, 64))
    place = content.index(b"VP8L") + 9
    content[place : place + 4] = ((side - 1) | (side - 1) << 14).to_bytes(4, "little")
    return bytes(content)


def png(side: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), "red").save(buffer, "PNG")
    return buffer.getvalue()


THUMBNAILS = {
    "markup": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "another format": png(8),
    "268 megapixels": webp_that_says(16_384),
    "a little too wide": webp(65, 1),
    "cut off": webp(64, 64)[:20],
    "nothing": b"RIFF\0\0\0\0WEBP",
}


@pytest.mark.parametrize("content", THUMBNAILS.values(), ids=THUMBNAILS.keys())
def test_a_small_original_that_is_no_small_picture_is_not_decoded(content):
    with pytest.raises(PictureError) as error:
        read_thumbnail(content)
    assert is_one_sentence(error.value)


@pytest.mark.parametrize(
    "column",
    [pa.array(["<b>"] * 6), pa.array([[1]] * 6), pa.nulls(6), pa.array([b"x" * 70_000] * 6), pa.array([1.0] * 6)],
    ids=lambda column: str(column.type),
)
def test_a_column_of_small_originals_that_are_none_is_left_out(folder, column):
    pq.write_table(table(thumbnail=column), folder / ATLAS)
    atlas = Atlas.read(folder / ATLAS, (4,))
    assert (atlas.thumbnails, "thumbnail" in atlas.labels, "thumbnail" in atlas.numbers) == ({}, False, False)


LATENTS = {
    "1e38": np.full(24, 1e38),
    "1e300": np.full(24, 1e300),
    "NaN": np.full(24, np.nan),
    "infinite": np.full(24, -np.inf),
}
ATLASES = {
    **{name: table(latent=pa.FixedSizeListArray.from_arrays(pa.array(v), 4)) for name, v in LATENTS.items()},
    "latents are words": table(latent=["a"] * 6),
    "latents are missing": table(latent=pa.nulls(6, pa.list_(pa.float32(), 4))),
    "latents of different lengths": table(latent=pa.array([[1.0] * k for k in (4, 4, 4, 4, 3, 5)])),
    "positions are words": table(x=["a"] * 6),
    "positions of 1e38": table(y=np.full(6, 1e38)),
    "positions are missing": table(x=pa.nulls(6, pa.float32())),
    "positions are words that are missing": table(x=pa.nulls(6, pa.string())),
    "no points": table(0),
}


@pytest.mark.parametrize("content", ATLASES.values(), ids=ATLASES.keys())
def test_an_atlas_without_latents_or_places_is_refused(folder, content):
    pq.write_table(content, folder / ATLAS)
    with pytest.raises(AtlasError) as error:
        Atlas.read(folder / ATLAS, (4,))
    assert is_one_sentence(error.value)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"\xff" * 100 + b"PAR1", b"\0" * 1000], ids=repr)
def test_an_atlas_that_cannot_be_read_is_refused(folder, content):
    (folder / ATLAS).write_bytes(content)
    with pytest.raises(AtlasError, match="cannot be read") as error:
        Atlas.read(folder / ATLAS, (4,))
    assert is_one_sentence(error.value)


def test_an_atlas_that_unpacks_to_gigabytes_is_not_unpacked(folder):
    zeros = pa.array(np.zeros(2_100_000, np.float32))
    many = pa.table({"id": pa.nulls(2_100_000, pa.string()), "x": zeros, "y": zeros, "latent": zeros})
    pq.write_table(many, folder / ATLAS, compression="zstd")
    with pytest.raises(AtlasError, match="2,100,000 points"):
        Atlas.read(folder / ATLAS, (4,))


# ---- No files at all ----


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS, METRICS, PRIOR, ATLAS])
@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "link to nothing", "link to itself"])
def test_what_is_no_file_is_not_waited_for(folder, name, kind):
    path = folder / name
    path.unlink(missing_ok=True)
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "device":
            path.symlink_to("/dev/zero")
        case "link to nothing":
            path.symlink_to(folder / "nothing")
        case "link to itself":
            path.symlink_to(path)
    opened = {
        CONFIG: lambda: describe(folder),
        WEIGHTS: lambda: load_model(folder),
        METRICS: lambda: load_metrics(folder) or (_ for _ in ()).throw(ModelFolderError("none")),
        PRIOR: lambda: load_priors(folder, (4,)),
        ATLAS: lambda: Atlas.read(path, (4,)),
    }
    if name == PRIOR and "link" in kind:  # as good as none
        return
    with pytest.raises((ModelFolderError, PriorError, AtlasError)) as error:
        opened[name]()
    assert is_one_sentence(error.value)
