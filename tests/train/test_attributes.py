"""The classifier reads what is drawn, and edits are judged by what changes and by what should not have."""

import numpy as np
import pytest

from train.attributes import accuracy, confidence, edit, train_classifier

SIZE = 16
SHADES, SIDES = ("bright", "dark"), ("left", "right")


def draw(latents):
    """A square on one side of a plain ground: latent 0 is how bright the ground is, latent 1 where the square is."""
    latents = np.asarray(latents, np.float32)
    ground = 1 / (1 + np.exp(-3 * latents[:, 0]))[:, None, None, None]
    images = 0.2 + 0.5 * ground * np.ones((len(latents), SIZE, SIZE, 3), np.float32)
    right = latents[:, 1] > 0
    images[~right, 5:11, 2:6, 0] = 1
    images[right, 5:11, 10:14, 0] = 1
    return images


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    latents = rng.choice([-1, 1], (400, 2)) + 0.2 * rng.standard_normal((400, 2))
    labels = {
        "shade": np.where(latents[:, 0] > 0, "bright", "dark"),
        "side": np.where(latents[:, 1] > 0, "right", "left"),
    }
    return latents.astype(np.float32), labels


@pytest.fixture(scope="module")
def classifier(data):
    latents, labels = data
    pictures = np.round(255 * draw(latents[:300])).astype(np.uint8)
    return train_classifier(pictures, {name: column[:300] for name, column in labels.items()}, steps=60)


def test_it_reads_pictures_that_it_has_not_seen(classifier, data):
    latents, labels = data
    held_out = {name: column[300:] for name, column in labels.items()}
    assert classifier.values == {"shade": SHADES, "side": SIDES}
    assert min(accuracy(classifier, draw(latents[300:]), held_out).values()) > 0.97
    swapped = {"shade": held_out["shade"], "side": np.where(held_out["side"] == "left", "right", "left")}
    read = accuracy(classifier, draw(latents[300:]), swapped)
    assert read["shade"] > 0.97
    assert read["side"] < 0.03


def test_clear_pictures_are_read_with_confidence_and_blends_are_not(classifier, data):
    clear = draw(data[0][300:])
    assert confidence(classifier, clear)["mean"] > 0.9
    left, right = draw([[1, -1]] * 20), draw([[1, 1]] * 20)
    blend = confidence(classifier, (left + right) / 2)
    assert blend["shade"] > 0.9
    assert blend["side"] < 0.5


def test_an_edit_that_changes_only_its_factor_is_told_from_one_that_changes_more(classifier, data):
    latents, labels = data
    dark = latents[300:][labels["shade"][300:] == "dark"]
    clean = edit(classifier, draw, data, dark, "shade", "dark", "bright")
    assert clean.changed > 0.95
    assert clean.kept > 0.95

    def entangled(latents):  # whatever is bright has its square on the right
        latents = np.array(latents)
        latents[:, 1] = np.where(latents[:, 0] > 0, 1, latents[:, 1])
        return draw(latents)

    careless = edit(classifier, entangled, data, dark, "shade", "dark", "bright")
    assert careless.changed > 0.95
    assert careless.kept < 0.7
    assert careless.worst[0] == "side"
    weak = edit(classifier, draw, data, dark, "shade", "dark", "bright", strength=0.1)
    assert weak.changed < 0.1
