"""The models that ship, and pictures to ask them about."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.explore.library import Library
from app.explore.opened import OpenModel
from app.explore.subject import Subject, open_subject

MODELS = Path(__file__).parents[3] / "assets" / "models"

# What a page or a client may send in place of a number; as parameters of a test, named by their types.
NO_NUMBERS = [
    "hot", "", None, [1], {}, True, float("nan"), float("inf"), 10**400, 10**5000, "9" * 1_000_000, "x" * 1_000_000,
    "../../etc/passwd",
]  # fmt: skip


def kind(value) -> str:
    """An id for a parameter that has no short text."""
    return type(value).__name__


@pytest.fixture(scope="session")
def library() -> Library:
    return Library(MODELS)


@pytest.fixture(scope="session")
def fruits(library) -> OpenModel:
    return library["fruits"]


@pytest.fixture(scope="session")
def emoji(library) -> OpenModel:
    return library["emoji"]


@pytest.fixture(scope="session")
def photos(library) -> OpenModel:
    return library["photos"]


@pytest.fixture
def apple(examples) -> Subject:
    return open_subject(examples["fruits"])


@pytest.fixture
def lemon(examples) -> Subject:
    return open_subject(examples["another fruit"])


@pytest.fixture
def subject_of(tmp_path) -> Callable[[Image.Image], Subject]:
    """`subject_of(picture)`: the picture, as if it had been uploaded."""

    def save(picture: Image.Image) -> Subject:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.png"
        picture.save(path)
        return open_subject(path)

    return save


@pytest.fixture(scope="session")
def without_map(tmp_path_factory) -> OpenModel:
    """The fruits, before anybody has made their map."""
    folder = tmp_path_factory.mktemp("no-map")
    for name in ("config.json", "model.safetensors"):
        shutil.copy(MODELS / "fruits" / name, folder)
    return OpenModel(folder)


def difference(a: Image.Image, b: Image.Image) -> float:
    """Mean absolute difference of two pictures, in levels of 255."""
    return float(np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64)).mean())
