"""Which pictures are drawn badly, on the emoji's map, which keeps originals, and the fruits', which does not."""

import dataclasses

import numpy as np
import pytest

from app.explore.failures import by_label, choose, columns, histograms, measures, original, worst
from app.explore.limits import WORST_COUNT, RequestError
from app.explore.opened import OpenModel
from tests.app.explore.conftest import MODELS
from vae.atlas import ERROR_COLUMN


def test_the_worst_come_first_page_by_page(emoji):
    errors = emoji.atlas.numbers[ERROR_COLUMN]
    everything = choose(emoji, {})
    rows = worst(emoji, everything) + worst(emoji, everything, WORST_COUNT)
    assert rows == np.argsort(-errors, kind="stable")[: 2 * WORST_COUNT].tolist()
    assert worst(emoji, everything, len(errors)) == []


def test_ranges_and_a_label_choose_together(emoji):
    atlas = emoji.atlas
    errors, kls = atlas.numbers[ERROR_COLUMN], atlas.numbers["kl_nats"]
    chosen = choose(emoji, {ERROR_COLUMN: [0.05, None], "kl_nats": [None, 350]}, "category", "Flags")
    expected = (errors >= 0.05) & (kls <= 350) & (np.array(atlas.labels["category"]) == "Flags")
    np.testing.assert_array_equal(chosen, expected)
    assert 0 < chosen.sum() < 300
    assert {atlas.labels["category"][row] for row in worst(emoji, chosen)} == {"Flags"}


def test_a_histogram_counts_every_picture_also_beyond_its_ends(emoji):
    chosen = choose(emoji, {}, "category", "Flags")
    for name, found in histograms(emoji, chosen).items():
        assert found.counts.sum() == len(emoji.atlas), name
        assert found.chosen.sum() == chosen.sum()
        inner = (measures(emoji)[name] >= found.edges[5]) & (measures(emoji)[name] < found.edges[6])
        assert (found.counts[5], found.chosen[5]) == (inner.sum(), (inner & chosen).sum())


def test_labels_are_sorted_by_how_badly_they_are_drawn(emoji):
    found = by_label(emoji, "category", choose(emoji, {}))
    assert sum(one.count for one in found) == len(emoji.atlas)
    medians = [one.median for one in found]
    assert medians == sorted(medians, reverse=True)
    flags = np.array(emoji.atlas.labels["category"]) == "Flags"
    of_flags = next(one for one in found if one.label == "Flags")
    assert of_flags.median == pytest.approx(np.median(emoji.atlas.numbers[ERROR_COLUMN][flags]))
    assert columns(emoji) == ["category", "style", "name", "subcategory"], "those of few labels first"


def test_labels_count_the_chosen_pictures_and_no_others(emoji):
    errors, categories = emoji.atlas.numbers[ERROR_COLUMN], np.array(emoji.atlas.labels["category"])
    among = choose(emoji, {ERROR_COLUMN: [float(np.quantile(errors, 0.99)), None]})
    found = {one.label: one for one in by_label(emoji, "category", among)}
    assert found.keys() == {*categories[among]}, "and some are left out"
    assert len(found) < len({*categories})
    for label, one in found.items():
        theirs = errors[among & (categories == label)]
        assert (one.count, one.median) == (len(theirs), pytest.approx(np.median(theirs)))


def test_an_original_is_the_picture_that_was_drawn_worst_and_no_other(emoji, fruits):
    """The shown pair belongs together: its error is the one that the map has."""
    row = worst(emoji, choose(emoji, {}))[0]
    kept, drawn = original(emoji, row), emoji.decode(emoji.atlas.latent(row))
    error = np.abs(np.asarray(kept, float) - np.asarray(drawn, float)).mean() / 255
    assert error == pytest.approx(emoji.atlas.numbers[ERROR_COLUMN][row], abs=0.002)
    assert original(fruits, 0) is None, "the fruits' data are not ours to give away"


def test_a_damaged_original_is_none(emoji):
    model = OpenModel(MODELS / "emoji")
    model._atlas = dataclasses.replace(emoji.atlas, thumbnails={0: b"<svg onload=alert(1)>"})
    assert original(model, 0) is None


def test_a_map_without_errors_is_sorted_by_what_it_has(fruits):
    model = OpenModel(MODELS / "fruits")
    model._atlas = dataclasses.replace(fruits.atlas, numbers={ERROR_COLUMN: np.full(len(fruits.atlas), np.nan)})
    assert [*measures(model)] == ["prior_distance"]
    assert worst(model, choose(model, {}))[0] == int(model.atlas.prior_distance.argmax())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([],), "ranges is"),
        (({"x": [0, 1]},), "accepted: a range for some of"),
        (({ERROR_COLUMN: [0]},), "two numbers"),
        (({ERROR_COLUMN: [0, "x" * 1000]},), "must be a number"),
        (({ERROR_COLUMN: [float("nan"), None]},), "must be a number"),
        (({ERROR_COLUMN: [None, 10**400]},), "must be a number"),
        (({}, "nothing", "x"), "accepted"),
        (({}, "category", ["x"]), "no label"),
        (({}, ["category"], "Flags"), "accepted"),
    ],
)
def test_what_cannot_be_chosen_is_refused_in_a_sentence(emoji, arguments, words):
    with pytest.raises(RequestError, match=words) as refused:
        choose(emoji, *arguments)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("first", [-1, 1.5, None, 10**9])
def test_a_page_that_there_is_not_is_refused(emoji, first):
    with pytest.raises(RequestError, match="first"):
        worst(emoji, choose(emoji, {}), first)
