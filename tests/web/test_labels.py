"""Labels as people read them: in the page as on the server."""

import pytest

from app.words.labels import label_in_words, labels_in_words, spaced

pytestmark = pytest.mark.browser

LABELS = "labels"


@pytest.mark.parametrize(
    ("column", "label", "words"),
    [
        ("hair_colour", "red", "hair colour: red"),
        ("glasses", "glasses", "glasses"),
        ("label", "Granny_Smith", "label: Granny Smith"),
    ],
)
def test_a_label_is_read_with_its_column_unless_that_says_it_twice(run, column, label, words):
    assert label_in_words(column, label) == words
    assert run(LABELS, "m.labelInWords(...value)", value=[column, label]) == words


def test_the_labels_of_a_picture_are_a_list_without_those_that_say_nothing(run):
    labels = {"style": "open_peeps", "name": "", "glasses": "none", "beard": "beard", "hair_colour": "none"}
    words = "open peeps, no glasses, beard, no hair colour"
    assert labels_in_words(labels) == words
    assert run(LABELS, "m.labelsInWords(Object.entries(value))", value=labels) == words
    assert spaced("hair_colour") == run(LABELS, "m.spaced(value)", value="hair_colour") == "hair colour"
