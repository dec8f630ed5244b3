"""Failures: how well the pictures of a data set are drawn: histograms to choose ranges in, labels, and the worst."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from app.explore import failures
from app.explore.opened import OpenModel
from app.kit.widget import Widget


class Failures(Widget):
    """A histogram for each measure of a picture, the labels by how badly they are drawn, and the worst pictures.

    The value is what `payload` builds, or None for nothing. All else is asked of the server when the widget comes into
    view.

    Props:
        address: the key under which the address keeps what is chosen; None for not at all.

    Server: `failures(model, ranges, column, label)` and `worst(model, ranges, column, label, first)`.

    Events; what they carry comes from the browser and may be forged:
        choose: a picture was clicked: `index` is its row.
        narrow: a person chose others: `ranges`, `column` and `label`, as the server functions take them; or nothing of
            these, for all pictures.
    """

    EVENTS = ("choose", "narrow")
    PROPS: ClassVar[dict[str, Any]] = {"address": None}

    @staticmethod
    def payload(model: OpenModel, titles: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
        """What there is to ask about.

        Args:
            model: whose map it is.
            titles: of the measures, by column: what the page calls it, and a note on what it means.
        """
        known = [
            {"name": name, "title": title, "note": note}
            for name in failures.measures(model)
            for title, note in [titles.get(name, (name, ""))]
        ]
        return {"model": model.card, "measures": known, "columns": failures.columns(model)}
