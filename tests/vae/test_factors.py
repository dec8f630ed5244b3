"""Mutual information, MIG, DCI and SAP, on codes of which the answers are known."""

import numpy as np
import pytest

from vae.factors import (
    MAX_VALUES,
    entropy,
    factors_of,
    measure_disentanglement,
    mutual_information,
    mutual_information_gap,
)

COUNT = 4000
HAIR = np.random.default_rng(0).integers(4, size=COUNT)
GLASSES = np.random.default_rng(1).integers(2, size=COUNT)
LABELS = {"hair": HAIR.astype(str).tolist(), "glasses": GLASSES.astype(str).tolist()}
FACTORS = {"hair": HAIR, "glasses": GLASSES}


def jitter(seed: int, scale: float = 0.05) -> np.ndarray:
    return scale * np.random.default_rng(seed).standard_normal(COUNT)


def codes(*columns: np.ndarray) -> np.ndarray:
    return np.stack(columns, axis=1).astype(np.float32)


ONE_EACH = codes(HAIR + jitter(2), GLASSES + jitter(3), jitter(4), np.zeros(COUNT))
TWICE = codes(HAIR + jitter(2), HAIR + jitter(5), GLASSES + jitter(3), GLASSES + jitter(6))
TURNED = codes(HAIR + GLASSES + jitter(2), HAIR - GLASSES + jitter(3))


def test_a_dimension_that_is_the_factor_knows_its_entropy_and_one_that_never_varies_nothing():
    known = mutual_information(ONE_EACH, HAIR)
    assert entropy(HAIR) == pytest.approx(np.log(4), abs=0.01)
    assert known[0] == pytest.approx(entropy(HAIR), abs=1e-6)
    assert known[3] == 0
    bias = 19 * 3 / (2 * COUNT)
    assert known[[1, 2]] == pytest.approx(0, abs=2 * bias), "independent, but for what few pictures feign"


def test_a_noisy_channel_has_its_textbook_information():
    """A binary symmetric channel that errs one time in ten tells log 2 - H(0.1)."""
    errs = np.random.default_rng(7).random(COUNT) < 0.1
    known = mutual_information(codes(GLASSES ^ errs, jitter(4)), GLASSES)[0]
    assert known == pytest.approx(np.log(2) + 0.1 * np.log(0.1) + 0.9 * np.log(0.9), abs=0.03)


def test_the_gap_is_one_where_one_dimension_knows_each_factor_and_none_where_two_do():
    assert mutual_information_gap(ONE_EACH, FACTORS) == pytest.approx(1, abs=0.02)
    assert mutual_information_gap(TWICE, FACTORS) == pytest.approx(0, abs=0.02)


def test_figures_of_a_latent_with_a_dimension_for_each_factor():
    found = measure_disentanglement(ONE_EACH, LABELS)
    assert found.mig > 0.97
    assert found.informativeness > 0.99
    assert found.disentanglement > 0.95
    assert found.completeness > 0.95
    # The best dimension tells hair and glasses always; the second guesses: right in one of four, and one of two.
    assert found.sap == pytest.approx((0.75 + 0.5) / 2, abs=0.05)


def test_a_factor_in_two_dimensions_is_disentangled_and_not_complete():
    found = measure_disentanglement(TWICE, LABELS)
    assert found.disentanglement > 0.95
    assert found.completeness == pytest.approx(0.5, abs=0.1), "two of four: half of the largest entropy"
    assert found.sap == pytest.approx(0, abs=0.02)


def test_turned_by_45_degrees_all_is_known_and_nothing_disentangled():
    found = measure_disentanglement(TURNED, LABELS)
    assert found.informativeness > 0.95
    assert found.disentanglement < 0.3
    assert found.mig < 0.3


def test_columns_that_never_or_always_differ_are_no_factors():
    assert [*factors_of({**LABELS, "name": [str(i) for i in range(COUNT)], "same": ["x"] * COUNT})] == [*LABELS]
    most = [str(i % MAX_VALUES) for i in range(COUNT)]
    assert [*factors_of({"most": most, "more": [str(i % (MAX_VALUES + 1)) for i in range(COUNT)]})] == ["most"]


def test_one_factor_or_one_dimension_is_too_few():
    with pytest.raises(ValueError, match=r"4 dimensions and 1 factors \(hair\)"):
        measure_disentanglement(ONE_EACH, {"hair": LABELS["hair"]})
    with pytest.raises(ValueError, match="1 dimensions"):
        measure_disentanglement(ONE_EACH[:, :1], LABELS)
