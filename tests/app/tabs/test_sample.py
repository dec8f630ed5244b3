"""Where walks start, and what Sample says of a model."""

import dataclasses
import re
import shutil

import pytest

from app.explore.library import Library
from app.explore.limits import RequestError
from app.explore.opened import OpenModel
from app.kit.examples import examples_for
from app.kit.inputs import OtherModels
from app.kit.starts import start_at
from app.tabs.sample import MEAN, PICTURE, SELECTED, find_start, how_it_works, in_numbers
from tests.conftest import ROOT

MODELS = ROOT / "assets" / "models"


@pytest.fixture(scope="module")
def library() -> Library:
    """The models that ship."""
    return Library(MODELS)


def test_a_walk_starts_where_a_person_asked(library, examples):
    fruits, apple = library["fruits"], str(examples["fruits"])
    chosen = start_at(fruits, fruits.atlas.latent(0), "Sample 3 of seed 7")
    assert find_start(library, "fruits", SELECTED, chosen, apple) == chosen
    assert find_start(library, "fruits", PICTURE, chosen, apple)["words"] == "Example: apple"
    point = find_start(library, "fruits", PICTURE, chosen, str(examples_for(fruits).popitem()[1]))
    assert re.fullmatch(r"\w[\w ]*, point \d+ of the map", point["words"]), "and not a person's own picture"
    assert find_start(library, "fruits", MEAN, chosen, apple)["words"] == "The mean of the data"


def test_a_drawing_does_not_undo_a_choice_of_other_models_that_was_made_meanwhile(library):
    models = [library["fruits"], library["emoji"]]
    assert "value" not in OtherModels.of(library, models, ["emoji"]).constructor_args
    assert OtherModels.of(library, models, ["emoji", "fruits"]).constructor_args["value"] == ["emoji"]


def test_a_start_that_is_not_there_is_said(library):
    fruits = library["fruits"]
    chosen = start_at(fruits, fruits.atlas.latent(0), "Sample 3 of seed 7")
    with pytest.raises(RequestError, match="No sample of this model is selected"):
        find_start(library, "fruits", SELECTED, None, None)
    with pytest.raises(RequestError, match="No sample of this model is selected"):
        find_start(library, "emoji", SELECTED, chosen, None)
    with pytest.raises(RequestError, match="no picture yet"):
        find_start(library, "fruits", PICTURE, chosen, None)


def test_without_a_map_a_walk_starts_at_the_priors_mean(tmp_path):
    for name in ("config.json", "model.safetensors"):
        shutil.copy(MODELS / "fruits" / name, tmp_path)
    library = Library(MODELS, [str(tmp_path)])
    assert find_start(library, library.default, MEAN, None, None)["words"] == "The prior's mean"


def test_the_workings_hold_the_models_numbers_and_nothing_of_a_missing_variance(library):
    fruits = library["fruits"]
    assert "128 numbers" in in_numbers(fruits)[0]
    assert "posterior is nearly as wide" in how_it_works(fruits)
    without = OpenModel(MODELS / "fruits")
    without.info = dataclasses.replace(without.info, has_variance=False)
    assert "posterior is nearly as wide" not in how_it_works(without)
    assert r"\sigma" not in how_it_works(without)
