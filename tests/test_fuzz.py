"""Hypothesis looks for what a reader or an endpoint fails on. Short here; `make fuzz` looks longer."""

import io
import json
import os
import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from app.explore import interpolate, latents, map, reconstruct, sample
from app.explore.library import Library
from app.explore.opened import OpenModel
from app.explore.subject import open_subject
from app.kit.events import REFUSALS
from app.kit.inputs import own_file
from app.kit.questions import Questions
from app.kit.widget import guarded
from tests.conftest import EXAMPLES, ROOT
from vae.atlas import Atlas, AtlasError
from vae.checkpoint import CONFIG, METRICS, ModelFolderError, load_metrics
from vae.codec import describe
from vae.images import FORMATS, PictureError, open_picture

EXAMPLES_EACH = int(os.environ.get("LATENTSCAPE_FUZZ", "25"))
fuzzed = settings(
    max_examples=EXAMPLES_EACH,
    deadline=None,
    database=None,
    derandomize="LATENTSCAPE_FUZZ" not in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

FRUITS = ROOT / "assets" / "models" / "fruits"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)
ODD_NUMBERS = JSON | st.sampled_from([10**400, -1, 0, 1e308, "1e9", "../x"])


@fuzzed
@given(st.data())
def test_pictures(data):
    kind = data.draw(st.sampled_from(FORMATS))
    file = io.BytesIO()
    Image.fromarray(data.draw(arrays(np.uint8, (8, 9, 3)))).save(file, kind)
    content = bytearray(file.getvalue())
    for place, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=6)
    ):
        content[place] = value
    with suppress(PictureError):
        assert open_picture(bytes(content)[: data.draw(st.integers(0, len(content)))]).mode == "RGB"


@pytest.fixture
def folder(tmp_path) -> Path:
    for name in (CONFIG, METRICS):
        shutil.copy(FRUITS / name, tmp_path)
    return tmp_path


@fuzzed
@given(st.data())
def test_config_and_metrics(folder, data):
    """One field, wherever it is, is something else."""
    for name, read in ((CONFIG, describe), (METRICS, load_metrics)):
        content = json.loads((FRUITS / name).read_text())
        inner = data.draw(
            st.sampled_from([content, *(one for one in content.values() if isinstance(one, dict) and one)])
        )
        inner[data.draw(st.sampled_from(sorted(inner)))] = data.draw(JSON)
        (folder / name).write_text(json.dumps(content))
        with suppress(ModelFolderError):
            read(folder)


@fuzzed
@given(st.data())
def test_atlas(folder, data):
    columns = {"id": ["a", "b"], "x": [0.0, 1.0], "y": [0.0, 1.0], "latent": [[0.0] * 3] * 2, "kind": ["a", "b"]}
    kinds = st.sampled_from(
        [pa.string(), pa.int64(), pa.float64(), pa.bool_(), pa.date32(), pa.timestamp("us"), pa.binary()]
    )
    name = data.draw(st.sampled_from(sorted(columns)))
    values = data.draw(st.lists(st.none() | st.integers(-(2**31), 2**31 - 1), min_size=2, max_size=2))
    try:
        columns[name] = pa.array(values, pa.int64()).cast(data.draw(kinds))
    except pa.ArrowException:
        columns[name] = values
    metadata = data.draw(st.dictionaries(st.binary(max_size=9), st.binary(max_size=9), max_size=3))
    pq.write_table(pa.table(columns).replace_schema_metadata(metadata), folder / "atlas.parquet")
    content = bytearray((folder / "atlas.parquet").read_bytes())
    if data.draw(st.booleans()):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    (folder / "atlas.parquet").write_bytes(content)
    with suppress(AtlasError):
        atlas = Atlas.read(folder / "atlas.parquet", (3,))
        assert all(isinstance(text, str) for texts in (atlas.ids, *atlas.labels.values()) for text in texts)


@pytest.fixture(scope="module")
def fruits() -> OpenModel:
    return Library(FRUITS.parent)["fruits"]


@fuzzed
@given(ODD_NUMBERS, ODD_NUMBERS, ODD_NUMBERS)
def test_endpoints(fruits, a, b, c):
    apple = open_subject(EXAMPLES / "fruit-apple.png")
    questions = [
        lambda: reconstruct.reconstruct(fruits, apple, a, b),
        lambda: interpolate.interpolate(fruits, apple, apple, a, b),
        lambda: interpolate.interpolation(fruits, apple, apple, a, b),
        lambda: sample.sample(fruits, a, b, c),
        lambda: latents.from_lists(a, fruits),
        lambda: latents.decode(fruits, a),
        lambda: map.latent_at(fruits, a, b),
        lambda: map.point(fruits, a),
        lambda: map.walk(fruits, a),
        lambda: map.group(fruits, a),
        lambda: map.thumbnails(fruits, a),
        lambda: own_file(a),
    ]
    for ask in questions:
        with suppress(*REFUSALS):
            ask()


@fuzzed
@given(st.data())
def test_server_functions(fruits, data):
    questions = Questions(Library(FRUITS.parent))
    for name in (
        "decode",
        "sample",
        "label_direction",
        "local_directions",
        "decode_place",
        "thumbnails",
        "uncertainty",
    ):
        arguments = data.draw(JSON | st.lists(st.just("fruits") | JSON, max_size=5))
        assert isinstance(guarded(getattr(questions, name))(arguments), dict)
