"""LatentMap: the 2-D map of a data set's latents, to look at, walk over and click."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Bool, Int

from app.explore.map import Overview
from app.explore.points_file import offsets
from app.kit import web
from app.kit.widget import Widget

# For the head of a page with a map.
PRELOAD = f"""<script>{{
const PLOTLY = {json.dumps(f"/{web.HOME}/{web.version()}/{web.PLOTLY}")};
{Path(__file__).with_name("preload.js").read_text("utf-8")}}}</script>"""


class LatentMap(Widget):
    """A scatter plot of up to some hundred thousand pictures that decodes what the pointer is over.

    The value is what `payload` builds, or None for the empty state. To update, return from a handler
    `LatentMap(value=...)`, `LatentMap(marker=...)`, `LatentMap(selected=...)`, or several of them in one; None takes
    a marker or a selection away.

    Events; what they carry is in the `gr.EventData`, comes from the browser and may be forged:
        select: a person chose a point: `index` is its row.
        walk_path: a person drew a line: `path` is its corners, a list of [x, y] in map coordinates.
        compare_groups: a person gathered points: `a` and `b` are lists of rows, `b` empty for one group alone, and
            `point` is the row to start from, or None.
        clear_drawing: a person is done with what was drawn.

    Server functions, which the page needs all, until it decodes by itself:
        decode_place(model, index, x, y, layout): while the pointer moves, one call at a time for each page. `index` is
            the row of a point, or None for a place between points; answers a sheet of one picture.
        thumbnails(model, places, layout): a sheet of small pictures, one for each place: a row, or a pair [x, y].
        decode(model, latents): a sheet of the latents' pictures.
        unit(model, unit): where the value has `units`, the points' `values` of one, and the `range` of its colours.

    Props:
        marker: None, or a picture of the person's own: `{"x", "y", "neighbours": rows, "label": str}`.
        selected: row of the selected point, or None. One that a handler sets is flown to.
        neighbours: None, or `{"index": row, "rows": rows}`: what is near a point is marked while that one is selected.
        narrowed: the points that alone are to stand out, as `bits` packs them; None for all.
        empty_text: what the empty state says; `code` in backquotes.
        drop_target: id of the gr.Image that gets a picture file dropped on the map; None where none may be dropped.
        title: what stands above the map; None for a map that is alone. Maps with a title are linked: what is pointed at
            or selected in one is so in the others.
        compact: whether it is a map beside another, without tools, that is coloured as that one is, by what
            both have.
        address: how the keys begin under which the page's address keeps what is set on the map; None for not at all.
            These are `point`, the row of the selected one; `colour`, a name or `dimension:17`; `find`; `layers`;
            `view`; `hidden`, the groups; and `path`.
    """

    EVENTS = ("select", "walk_path", "compare_groups", "clear_drawing")
    PROPS: ClassVar[dict[str, Any]] = {
        "marker": None,
        "selected": None,
        "narrowed": None,
        "empty_text": "This model has no map yet.",
        "drop_target": None,
        "neighbours": None,
        "title": None,
        "compact": False,
        "address": None,
    }

    @staticmethod
    def payload(
        model: dict[str, Any],
        overview: Overview,
        points: str,
        titles: Mapping[str, tuple[str, str]] | None = None,
        latents: str | None = None,
        units: int = 0,
        pictures: Int[np.ndarray, " count"] | None = None,
        orders: Mapping[str, Sequence[str]] | None = None,
        ranges: Mapping[str, tuple[float, float]] | None = None,
        written: Sequence[int] = (),
    ) -> dict[str, Any]:
        """What the page is told of a map, besides the file with the numbers of its points.

        Args:
            model: the card of the model whose map it is.
            overview: the points.
            points: where the page finds the file (`app.explore.points_file.points_address`).
            titles: of numeric columns, by name: what the page calls it, and a note on what it means; else its name.
            latents: where it finds those of the points (`OpenModel.map_latents`); None if it is not to.
            units: how many dimensions (of a spatial latent: channels) the points can be coloured by.
            pictures: of a map beside another, for each point the row of its picture there, or -1; None for the other.
            orders: of label columns, by name: all of their labels in the order in which they are coloured, if not from
                the most to the least frequent; there may be others among them.
            ranges: of numeric columns, by name: the values of the first and the last colour, if not the column's own.
            written: when the model's files were (`OpenModel.written`): maps of one model that agree in it have the same
                points, whatever their layouts.

        Returns:
            `model`, `points`, `latents`, `count`, `spacing`, `layout`, `units`; `pictures`, the base64 of little-endian
            int32; `written`, as a text; `first`, the column to colour by at first, or None; `x` and `y`; `columns` of
            labels, each with `name`, its `labels` from the most to the least frequent, `codes` and `order`, or None;
            `numbers`, each with `name`, `note`, `values` and the `range` of its colours. Of `x`, `y`, `codes` and
            `values`, where they begin in the file.
        """
        titles, orders, ranges, at = titles or {}, orders or {}, ranges or {}, offsets(overview)
        columns = [
            {"name": column.name, "labels": column.labels, "codes": codes, "order": orders.get(column.name)}
            for column, codes in zip(overview.categories, at.codes, strict=True)
        ]
        numbers = [
            {"name": title, "note": note, "values": values, "range": ranges.get(column.name, [column.low, column.high])}
            for column, values in zip(overview.numbers, at.numbers, strict=True)
            for title, note in [titles.get(column.name, (column.name, ""))]
        ]
        return {
            "model": model,
            "points": points,
            "latents": latents,
            "count": len(overview.positions),
            "x": at.x,
            "y": at.y,
            "columns": columns,
            "numbers": numbers,
            "spacing": overview.spacing,
            "first": overview.first,
            "layout": overview.layout,
            "units": units,
            "pictures": None if pictures is None else base64.b64encode(pictures.astype("<i4").tobytes()).decode(),
            "written": ",".join(map(str, written)),  # nanoseconds are more than a number of JavaScript holds
        }


def bits(rows: Bool[np.ndarray, " count"]) -> str:
    """Which points, as base64: a bit for each, the first in the highest of a byte."""
    return base64.b64encode(np.packbits(rows).tobytes()).decode()
