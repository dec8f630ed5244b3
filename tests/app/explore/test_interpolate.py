"""Between pictures: paths of latents, and the lengths of their steps."""

from contextlib import ExitStack

import numpy as np
import pytest

from app.explore import files, turns
from app.explore.interpolate import ends, interpolate, interpolation, path
from app.explore.limits import ENCODED_AT_ONCE, PEER_MANY, RequestError
from app.explore.subject import open_subject
from tests.app.explore.conftest import NO_NUMBERS, difference, kind


@pytest.mark.parametrize("method", ["lerp", "slerp"])
def test_interpolation_runs_from_one_reconstruction_to_the_other(fruits, apple, lemon, method):
    frames = interpolation(fruits, apple, lemon, 9, method)
    first, last = (fruits.decode(fruits.latent(subject)) for subject in (apple, lemon))
    assert len(frames) == 9
    assert difference(frames[0], first) < 1
    assert difference(frames[-1], last) < 1
    away = [difference(frame, first) for frame in frames]
    assert away[-1] > 8
    assert away == sorted(away), "the pictures move steadily away from the first"
    assert difference(frames[4], interpolate(fruits, apple, lemon, 0.5, method)) < 1
    assert difference(frames[2], interpolate(fruits, apple, lemon, 0.25, method)) < 1


def test_a_straight_path_has_equal_steps_that_add_up(fruits, apple, lemon):
    a, b = fruits.latent(apple), fruits.latent(lemon)
    steps = np.linalg.norm(np.diff(path(a, b, 9, "lerp"), axis=0), axis=1)
    assert len(steps) == 8
    np.testing.assert_allclose(steps, np.linalg.norm(b - a) / 8, rtol=1e-3)


def test_a_spherical_path_keeps_to_the_sphere_and_a_straight_one_cuts_it(fruits):
    a, b = np.random.default_rng(0).normal(size=(2, 128)).astype(np.float32)
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    np.testing.assert_allclose(np.linalg.norm(path(a, b, 5, "slerp"), axis=1), 1, rtol=1e-4)
    assert np.linalg.norm(path(a, b, 5, "lerp")[2]) < 0.8


def test_two_latents_are_compared():
    right = ends(np.array([3.0, 0, 0, 0], np.float32), np.array([0, 4.0, 0, 0], np.float32))
    assert (right.angle, right.length_a, right.length_b, right.prior_length) == pytest.approx((90, 3, 4, 2))


def test_a_picture_that_the_model_drew_is_where_it_was_drawn_from(fruits, lemon):
    drawn = fruits.atlas.latent(40)
    subject = open_subject(files.save_drawn(fruits, drawn, "point 40"))
    frames = interpolation(fruits, subject, lemon, 3, "slerp")
    assert difference(frames[0], fruits.decode(drawn)) == 0


def test_where_too_many_ask_for_many_pictures_a_path_is_refused_before_anything_is_encoded(fruits, apple, lemon):
    """Else those that wait for their encodings have all threads, and nobody else finds one."""
    with ExitStack() as others:
        for _ in range(PEER_MANY):
            others.enter_context(turns.ASKED_FOR_MANY)
        for _ in range(ENCODED_AT_ONCE):
            others.enter_context(turns.ENCODING)
        with pytest.raises(RequestError, match="people before you ask for many pictures"):
            interpolation(fruits, apple, lemon, 9)
    assert len(interpolation(fruits, apple, lemon, 2)) == 2


@pytest.mark.parametrize("name", ["fruits", "photos"])
def test_pictures_between_carry_their_latents(library, apple, lemon, name):
    model = library[name]
    latents = path(model.latent(apple), model.latent(lemon), 3, "slerp")
    frames = [*interpolation(model, apple, lemon, 3), interpolate(model, apple, lemon, 0.5)]
    for frame, latent, words in zip(frames, [*latents, latents[1]], ["0.00", "0.50", "1.00", "0.50"], strict=True):
        subject = open_subject(files.save_picture(frame, "frame"))
        assert subject.words == f"between {words}"
        np.testing.assert_allclose(model.own_latent(subject), latent, atol=2e-3)


@pytest.mark.parametrize("value", [*NO_NUMBERS, -0.01, 1.01], ids=kind)
def test_a_place_outside_the_path_is_refused(fruits, apple, lemon, value):
    with pytest.raises(RequestError, match="t is"):
        interpolate(fruits, apple, lemon, value)


@pytest.mark.parametrize("value", [*NO_NUMBERS, 1, 66, 2.5], ids=kind)
def test_a_number_of_steps_that_is_not_one_is_refused(fruits, apple, lemon, value):
    with pytest.raises(RequestError, match="steps is"):
        interpolation(fruits, apple, lemon, value)


@pytest.mark.parametrize("method", ["cubic", "", None, ["lerp"], 1, "lerp " * 200_000], ids=kind)
def test_another_method_is_refused(fruits, apple, lemon, method):
    for ask in (interpolate, interpolation):
        with pytest.raises(RequestError, match='accepted: "lerp", "slerp"'):
            ask(fruits, apple, lemon, 1 if ask is interpolate else 2, method)
