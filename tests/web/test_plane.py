"""The plane of two numbers: what a visitor draws becomes a picture like the data's, and places are where they are."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from train.digits import enlarge

pytestmark = pytest.mark.browser

INK, SPACE = "../widgets/plane/ink", "../widgets/plane/space"


def test_cells_of_ink_become_the_picture_that_the_data_set_has_of_them(run):
    for ink in load_digits().images[:3]:
        drawn = np.reshape(run(INK, "list(m.toPicture(f32(cells)))", cells=(ink / 16).ravel().tolist()), (32, 32, 3))
        expected = np.asarray(enlarge(ink), float)[..., None] / 255
        assert np.abs(drawn - expected).max() < 2 / 255  # Pillow rounds in between


def test_a_digit_is_as_large_as_the_datas_wherever_and_however_large_it_is_drawn(run):
    def cells_of(height, width, left, top):
        ink = np.zeros((64, 64))
        ink[top : top + height, left : left + width] = 1
        expression = "list(m.toCells(f32(ink), 64, m.boxAround(f32(ink), 64)))"
        return np.reshape(run(INK, expression, ink=ink.ravel().tolist()), (8, 8))

    large, small = cells_of(48, 36, 4, 8), cells_of(16, 12, 40, 30)
    np.testing.assert_allclose(large, small, atol=1e-5)
    np.testing.assert_allclose(large, np.pad(np.ones((8, 6)), ((0, 0), (1, 1))), atol=1e-5)
    one = cells_of(48, 6, 4, 8)
    assert (one.sum(axis=0) > 0.1).sum() == 2, "a one stays thin"
    assert run(INK, "m.boxAround(new Float32Array(64), 8)") is None


def test_a_place_on_the_plane_and_back(run):
    assert run(SPACE, "m.toLatent(0, 0, 3)") == [-3, 3]
    assert run(SPACE, "m.toDrawing(m.toLatent(0.25, 0.75, 3), 3)") == [25, 75]
    lattice = run(SPACE, "m.latticeOf(3, 3)")
    assert lattice[0] == pytest.approx([-2, 2])
    assert lattice[5] == pytest.approx([2, 0])


def test_the_plane_reaches_as_far_as_the_data_and_never_less_than_the_prior(run):
    assert run(SPACE, "m.reachOf([[0.1, 0.2]])") == 3
    assert run(SPACE, "m.reachOf(Array.from({ length: 100 }, (_, k) => [k / 10, 0]))") == 11, "without the farthest"


def test_the_empty_part_is_where_the_prior_draws_and_no_picture_is(run):
    empty = run(SPACE, "m.emptyCells([[1, 0], [3, 3]], 40, 4)")
    places = np.asarray(empty)
    assert (np.hypot(*places.T) < 2).all()
    assert (np.hypot(*(places - [1, 0]).T) > 0.5).all()
    assert len(places) == pytest.approx((np.pi * 4 - np.pi / 4) / 0.04, rel=0.05)


def test_samples_have_the_posteriors_mean_and_deviation(run):
    expression = "m.noisePairs(4000).map((pair) => m.sampleOf({ mean: [1, -2], logVar: [0, Math.log(0.25)] }, pair, 2))"
    samples = np.array(run(SPACE, expression))
    np.testing.assert_allclose(samples.mean(axis=0), [1, -2], atol=0.15)
    np.testing.assert_allclose(samples.std(axis=0), [2, 1], rtol=0.1)
