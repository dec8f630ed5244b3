"""What is asked for is checked, whoever asks, and refused in a sentence."""

import re
from pathlib import Path

import numpy as np
import pytest

from app.explore import limits
from app.explore.limits import (
    MAX_SEED,
    RequestError,
    check_choice,
    check_coordinates,
    check_range,
    check_seed,
    check_whole,
    for_page,
)
from tests.app.explore.conftest import NO_NUMBERS, kind

APP = Path(limits.__file__).parents[1]


@pytest.mark.parametrize("value", [*NO_NUMBERS, -0.01, 3.01, 1e9], ids=kind)
def test_what_is_not_a_number_in_range_is_refused_in_a_short_sentence(value):
    with pytest.raises(RequestError, match="it must be a number from 0 to 3") as refusal:
        check_range("temperature", value, 0, 3.0)
    assert str(refusal.value).startswith("temperature is ")
    assert len(str(refusal.value)) < 150


@pytest.mark.parametrize("value", [0, 3, 1.5, "1.5", np.float32(3), np.int64(2)])
def test_the_ends_of_a_range_belong_to_it(value):
    assert check_range("temperature", value, 0, 3) == float(value)


@pytest.mark.parametrize("value", [*NO_NUMBERS, 1.5, "2.5", -1, 65, 1e300], ids=kind)
def test_what_is_counted_must_be_whole(value):
    with pytest.raises(RequestError, match="count is"):
        check_whole("count", value, 0, 64)


def test_a_whole_number_is_taken_however_it_is_written():
    taken = [check_whole("count", value, 1, 64) for value in (7, 7.0, "7", np.float32(7))]
    assert taken == [7, 7, 7, 7]
    assert all(type(value) is int for value in taken)


def test_seeds_are_those_of_jax():
    assert check_seed(MAX_SEED) == 2**32 - 1
    with pytest.raises(RequestError, match=re.escape("from 0 to 4294967295")):
        check_seed(2**32)


@pytest.mark.parametrize("place", [(None, 0), (0, "x"), (float("nan"), 0), (0, 1e7), ([1], 0)])
def test_a_place_is_two_numbers_on_the_map(place):
    with pytest.raises(RequestError, match="from -1000000 to 1000000"):
        check_coordinates(*place)


@pytest.mark.parametrize(
    "value", ["cubic", "", None, 3, ["slerp"], {"slerp"}, True, "slerp" * 1_000_000, "../slerp", "\ud800"], ids=kind
)
def test_a_choice_is_one_of_those_accepted(value):
    with pytest.raises(RequestError, match=re.escape('accepted: "lerp", "slerp"')) as refusal:
        check_choice("method", value, ("lerp", "slerp"))
    assert len(str(refusal.value).encode()) < 150
    assert check_choice("method", "slerp", ("lerp", "slerp")) == "slerp"


def test_every_number_is_used_and_those_for_the_page_by_its_scripts():
    scripts = "".join(path.read_text("utf-8") for path in APP.rglob("*.js"))
    assert set(re.findall(r"\bLIMITS\.(\w+)", scripts)) == set(for_page())
    sources = "".join(path.read_text("utf-8") for path in APP.rglob("*.py"))
    for name in filter(str.isupper, vars(limits)):
        assert len(re.findall(rf"\b{name}\b", sources)) > 1, f"{name} is used nowhere"


def test_the_page_gets_plain_numbers():
    assert all(type(value) in (int, float) for value in for_page().values())
