"""The digits: the same pictures every time, whole, and in a form that `fit` takes."""

from collections import Counter

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from tests.conftest import ROOT
from train import digits
from train.config import FlagError
from train.data import load_pictures


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "digits"
    digits.build(folder)
    return folder


def test_all_digits_are_there_and_a_tenth_is_held_out(folder):
    train, held_out = (load_pictures(str(folder), split, digits.SIDE) for split in ("train", "validation"))
    assert len(train) + len(held_out) == 1797
    assert 0.08 < len(held_out) / 1797 < 0.12
    counts = Counter(train.labels["digit"])
    assert sorted(counts) == [*"0123456789"]
    assert min(counts.values()) > 140


def test_a_digit_is_black_on_white_with_a_margin():
    zero = np.asarray(digits.enlarge(load_digits().images[0]))
    assert zero.shape == (32, 32)
    assert zero[:4].min() == zero[:, -4:].min() == 255
    assert zero.min() < 30
    assert zero[16, 16] > 200, "the middle of a zero is empty"


def test_the_examples_of_the_app_are_held_out_digits(folder):
    held_out = load_pictures(str(folder), "validation", digits.SIDE)
    for digit in "0123456789":
        picture = np.asarray(Image.open(ROOT / "assets" / "examples" / f"digit-{digit}.png").convert("RGB"))
        (row,) = np.flatnonzero((held_out.images == picture).all(axis=(1, 2, 3)))[:1]
        assert held_out.labels["digit"][row] == digit


def test_a_folder_with_another_data_set_is_left_alone(tmp_path):
    other = tmp_path / "faces-00000-of-00001.parquet"
    other.write_bytes(b"faces")
    with pytest.raises(FlagError, match="holds another data set"):
        digits.build(tmp_path)
    assert [*tmp_path.iterdir()] == [other]
