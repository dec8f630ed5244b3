"""Pictures from one tab to another."""

from types import SimpleNamespace

import numpy as np
import pytest

from app.explore.latents import pack
from app.explore.library import Library
from app.explore.limits import RequestError
from app.explore.subject import open_subject
from app.kit.sending import called, drawn_picture
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def library() -> Library:
    """The models that ship."""
    return Library(ROOT / "assets" / "models")


def event(**data) -> SimpleNamespace:
    return SimpleNamespace(_data=data)


def test_a_drawn_picture_carries_its_latent_to_where_it_is_sent(library):
    model = library["fruits"]
    latent = np.random.default_rng(7).normal(size=model.info.latent_shape).astype(np.float32)
    path = drawn_picture(library, event(model="fruits", latent=pack(latent, model), words="sample 1 of seed 7"))
    subject = open_subject(path)
    assert path.endswith("fruits-sample-1-of-seed-7.png")
    assert subject.words == "sample 1 of seed 7"
    assert called(subject) == "Sample 1 of seed 7"
    np.testing.assert_array_equal(model.own_latent(subject), latent)


def test_an_example_is_called_by_its_name_and_another_picture_of_that_name_is_a_persons_own(examples, tmp_path):
    assert called(open_subject(examples["faces"])) == "Example: glasses"
    other = tmp_path / examples["faces"].name
    other.write_bytes(examples["fruits"].read_bytes())
    assert called(open_subject(other)) == "Your picture"


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"model": ["fruits"], "latent": "", "words": ""},
        {"model": "no such model", "latent": "", "words": ""},
        {"model": "fruits", "words": ""},
        {"model": "fruits", "latent": "%", "words": ""},
        {"model": "fruits", "latent": "AAAA", "words": ""},
    ],
)
def test_forged_events_are_refused_in_words(library, data):
    with pytest.raises(RequestError):
        drawn_picture(library, event(**data))


def test_an_event_without_data_is_refused_in_words(library):
    with pytest.raises(RequestError):
        drawn_picture(library, SimpleNamespace(_data=None))


@pytest.mark.parametrize("words", [None, 3])
def test_words_are_checked(library, words):
    model = library["fruits"]
    latent = pack(np.zeros(model.info.latent_shape, np.float32), model)
    with pytest.raises(RequestError, match="words"):
        drawn_picture(library, event(model="fruits", latent=latent, words=words))
