"""What the Dimensions say and in which order: pure."""

import pytest

pytestmark = pytest.mark.browser

MEASURES = "../widgets/dimensions/measures"
FOUND = {
    "kl": [0.001, 2.5, 1.0],
    "deviation": [0.01, 1.2, 0.8],
    "active": [0, 1, 1],
    "places": 1,
    "telling": 2,
    "factors": ["hair", "skin"],
    "shares": [[0, 0.01], [0.3, 0.2], [0.25, 0.4]],
}


def test_bars_can_show_what_is_known(run):
    names = "m.measuresOf(found).map(({ id }) => id)"
    assert run(MEASURES, names, found=FOUND) == ["kl", "deviation", "effect", "factor 0", "factor 1"]
    assert run(MEASURES, names, found=FOUND | {"kl": None})[0] == "deviation"
    assert run(MEASURES, "m.measuresOf(found).at(-1).values", found=FOUND) == [1, 20, 40]


def test_bars_stand_by_size_or_by_number(run):
    assert run(MEASURES, "m.orderOf(kl, 'size')", kl=FOUND["kl"]) == [1, 2, 0]
    assert run(MEASURES, "m.orderOf(kl, 'number')", kl=FOUND["kl"]) == [0, 1, 2]


def test_rows_are_the_best_of_each_factor_in_turn_or_of_one(run):
    shares = [[0, 0], [0.9, 0.8], [0.3, 0.2], [0.1, 0.4]]
    assert run(MEASURES, "m.rowsBy(shares, null)", shares=shares) == [1, 3, 2, 0]
    assert run(MEASURES, "m.rowsBy(shares, 0)", shares=shares) == [1, 2, 3, 0]
    assert run(MEASURES, "m.rowsBy(shares, 1)", shares=shares) == [1, 3, 2, 0]


def test_a_direction_is_a_dimension_or_all_places_of_a_channel(run):
    assert run(MEASURES, "list(m.directionOf(1, 3, 3))") == [0, 1, 0]
    assert run(MEASURES, "list(m.directionOf(1, 2, 6))") == [0, 1, 0, 1, 0, 1]


def test_what_is_said_of_the_bars_and_of_one(run):
    say = "m.summary(m.measuresOf(found)[0], found, 'dimension')"
    assert run(MEASURES, say, found=FOUND) == (
        "How much each dimension says about a picture, in nats (1.44 bits): 3.5 in all. Of 3 numbers, 2 say at "
        "least half a bit (0.35 nats) about a picture. Grey: 1 that have collapsed."
    )
    facts = run(MEASURES, "m.factsOf(found, 2, 12.345)", found=FOUND)
    assert (
        facts == "KL 1 nats · active · spread 0.8 · changes the picture by 12.3 levels · says 40% of skin, 25% of hair"
    )
    assert run(MEASURES, "m.factsOf(found, 0)", found=FOUND).startswith("KL 0.001 nats · collapsed · spread 0.01")
    places = FOUND | {"places": 1024, "active": [0, 1000, 1024], "kl": None, "factors": [], "shares": [[], [], []]}
    assert run(MEASURES, "m.factsOf(found, 1)", found=places) == "1000 of 1024 places active · spread 1.2"
