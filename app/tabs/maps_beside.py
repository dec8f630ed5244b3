"""The maps of other models beside one's own, with the same pictures marked in all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gradio as gr
import numpy as np

from app.explore import map
from app.explore.compare import same_pictures
from app.explore.opened import OpenModel
from app.explore.points_file import points_address
from app.kit.inputs import MOST_OTHERS
from app.tabs.compared import unequal_sizes
from app.widgets.latent_map import LatentMap
from app.words import plain, words

PLACES = ("second", "third")


class MapsBeside:
    """Columns, to be built inside a row, and a note above it."""

    def __init__(self, note: gr.Markdown, server: Sequence[Callable], columns: Mapping[str, tuple[str, str]]):
        self.note = note
        self._titles = columns  # of numeric columns
        self.columns, self.maps = [], []
        for place in PLACES[:MOST_OTHERS]:
            with gr.Column(scale=3, min_width=300, visible=False) as column:
                self.columns.append(column)
                self.maps.append(LatentMap(server=server, compact=True, elem_id=f"{place}-map"))
        self.parts = [note, *self.columns, *self.maps]

    def of(self, models: Sequence[OpenModel], titles: Sequence[str], layout: str) -> dict:
        """The maps of all but the first of these models, whose own map is there already."""
        updates: dict[Any, Any] = {self.note: gr.update(visible=False)}
        said = []
        for k, (column, chart) in enumerate(zip(self.columns, self.maps, strict=True), 1):
            updates[column] = gr.update(visible=k < len(models))
            updates[chart] = LatentMap(value=None, title=None)
            if k < len(models):
                updates[chart], sentence = self._map(models[0], models[k], titles[k], layout)
                said.append(sentence)
        if said:
            said.insert(0, plain(unequal_sizes(models, titles)))
            if any(other.has_atlas for other in models[1:]):
                said.append(words("map", "tools_beside"))
            updates[self.note] = gr.update(value=" ".join(filter(None, said)), visible=True)
        return updates

    def _map(self, first: OpenModel, other: OpenModel, title: str, layout: str) -> tuple[LatentMap, str]:
        """The map of another model, and what it has in common with the first's."""
        if not other.has_atlas:
            empty = words("map", "make_a_map", model=other.info.title, command=other.atlas_command)
            return LatentMap(value=None, title=title, empty_text=empty), words(
                "map", "no_other_map", model=plain(title)
            )
        found = map.overview(other, layout)
        pictures, orders, ranges = same_pictures(first, other) if first.has_atlas else None, {}, {}
        if pictures is not None:
            own = map.overview(first, layout)
            own_columns = {column.name: column for column in own.categories}
            orders = {
                c.name: map.in_order_of(c, own_columns[c.name]) for c in found.categories if c.name in own_columns
            }
            ranges = {column.name: (column.low, column.high) for column in own.numbers}
        theirs = -np.ones(len(other.atlas), int) if pictures is None else pictures
        units = other.info.latent_shape[-1]
        value = LatentMap.payload(
            other.card,
            found,
            points_address(other, layout),
            self._titles,
            other.map_latents,
            units,
            pictures=theirs,
            orders=orders,
            ranges=ranges,
            written=other.written,
        )
        count = int((theirs >= 0).sum())
        said = words("map", "linked" if count else "not_linked", model=plain(title), count=f"{count:,}")
        return LatentMap(value=value, title=title), said
