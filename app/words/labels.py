"""Labels of a data set as people read them. `web/labels.js` does the same in the page.

Addresses and the API keep columns and labels as they are.
"""

from __future__ import annotations

from collections.abc import Mapping

NONE = "none"  # a label that says what a picture lacks


def spaced(name: str) -> str:
    """A column's name, or a label where its column is named: "hair_colour" -> "hair colour"."""
    return name.replace("_", " ")


def label_in_words(column: str, label: str) -> str:
    """A label with its column: "hair colour: red"; and "glasses", not "glasses: glasses"."""
    return spaced(label) if label == column else f"{spaced(column)}: {spaced(label)}"


def labels_in_words(labels: Mapping[str, str]) -> str:
    """What a picture shows, by its columns: "micah, long, no glasses"; empty labels are left out."""
    known = ((column, label) for column, label in labels.items() if label)
    return ", ".join(f"no {spaced(column)}" if label == NONE else spaced(label) for column, label in known)
