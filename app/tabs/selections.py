"""Selections of the map that a person keeps for the visit: named, shown again, and downloaded as a table."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.explore import selections
from app.explore.library import Library
from app.explore.limits import MAX_SELECTION_NAME, RequestError
from app.explore.opened import OpenModel
from app.kit.events import QUIET, explained
from app.widgets.latent_map import LatentMap, bits

NONE = ""  # of what is shown alone: all points


class Selections:
    """A row below the map: a name for what is selected, and what is kept of this model's map."""

    def __init__(self):
        self.groups = gr.State([])  # rows of the groups that are drawn now
        self.kept = gr.State({})  # map, by `_map_of` -> name -> packed bits (`app.explore.selections`)
        with gr.Column(visible=False, elem_id="map-keep") as self.keeping, gr.Row(elem_classes="with-choice"):
            self.name = gr.Textbox(
                label="Keep this selection as",
                max_length=MAX_SELECTION_NAME,
                max_lines=1,
                elem_id="selection-name",
                scale=2,
                min_width=200,
            )
            self.keep = gr.Button("Keep", min_width=100, scale=0, elem_id="selection-keep")
        with gr.Column(visible=False, elem_id="map-kept") as self.list, gr.Row(elem_classes="with-choice"):
            self.shown = gr.Dropdown(
                [("All points", NONE)],
                value=NONE,
                label="Show a kept selection",
                elem_id="selection-shown",
                scale=2,
                min_width=200,
            )
            self.delete = gr.Button("Delete", min_width=100, scale=0, elem_id="selection-delete")
            self.csv = gr.DownloadButton("Download (CSV)", min_width=190, scale=0, elem_id="selection-csv")
        self.parts = [self.groups, self.keeping, self.name, self.list, self.shown, self.csv, self.kept]

    def listen(self, library: Library, drawn: gr.State, chart: LatentMap) -> None:
        """Follows what a person does; `drawn` holds the name of the model whose map is shown."""

        def keep(model, name, groups, kept):
            if model is None:
                raise RequestError("There is no map to select from.")
            opened = library[model]
            kept = {**kept, _map_of(opened): selections.add(opened, kept.get(_map_of(opened), {}), name, groups)}
            return self._filled(opened, kept) | {self.kept: kept, self.name: ""}

        def show(model, name, kept):
            if model is None or not isinstance(name, str):
                return LatentMap(narrowed=None)
            opened = library[model]
            found = kept.get(_map_of(opened), {}).get(name)
            return LatentMap(narrowed=None if found is None else bits(selections.rows_of(opened, found)))

        def delete(model, name, kept):
            own = {} if model is None else kept.get(_map_of(library[model]), {})
            left = {other: packed for other, packed in own.items() if other != name}
            if len(left) == len(own):
                raise RequestError("Choose which selection to delete.")
            kept = {**kept, _map_of(library[model]): left}
            return self._filled(library[model], kept) | {self.kept: kept, chart: LatentMap(narrowed=None)}

        inputs = [drawn, self.name, self.groups, self.kept]
        gr.on([self.keep.click, self.name.submit], explained(keep), inputs, self.parts, trigger_mode="once", **QUIET)
        self.shown.input(explained(show), [drawn, self.shown, self.kept], chart, **QUIET)
        self.delete.click(explained(delete), [drawn, self.shown, self.kept], [chart, *self.parts], **QUIET)

    def of_groups(self, groups: list) -> dict:
        """What is drawn now can be kept."""
        return {self.groups: groups, self.keeping: gr.update(visible=bool(groups))}

    def of_model(self, model: OpenModel | None, kept: dict) -> dict:
        """Another model's map is shown, or none."""
        nothing = {self.list: gr.update(visible=False)}
        return self.of_groups([]) | (self._filled(model, kept) if model else nothing)

    def _filled(self, model: OpenModel, kept: dict[tuple, dict[str, Any]]) -> dict:
        own = kept.get(_map_of(model), {})
        choices = [
            ("All points", NONE),
            *((f"{name} ({selections.rows_of(model, rows).sum():,})", name) for name, rows in own.items()),
        ]
        return {
            self.list: gr.update(visible=bool(own)),
            self.shown: gr.Dropdown(choices, value=NONE),
            self.csv: selections.save(model, own) if own else None,
        }


def _map_of(model: OpenModel) -> tuple:
    """What selections belong to: a map that is made anew has other points."""
    return model.name, model.written
