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
        self.kept = gr.State({})  # model -> name -> packed bits (`app.explore.selections`)
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
            found = selections.add(opened, kept.get(model, {}), name, groups)
            return self._filled(opened, {**kept, model: found}) | {self.name: ""}

        def show(model, name, kept):
            found = kept.get(model, {}).get(name) if isinstance(name, str) else None
            return LatentMap(narrowed=None if found is None else bits(selections.rows_of(library[model], found)))

        def delete(model, name, kept):
            left = {other: packed for other, packed in kept.get(model, {}).items() if other != name}
            if model is None or len(left) == len(kept.get(model, {})):
                raise RequestError("Choose which selection to delete.")
            return self._filled(library[model], {**kept, model: left}) | {chart: LatentMap(narrowed=None)}

        inputs = [drawn, self.name, self.groups, self.kept]
        gr.on([self.keep.click, self.name.submit], explained(keep), inputs, self.parts, trigger_mode="once", **QUIET)
        self.shown.input(explained(show), [drawn, self.shown, self.kept], chart, **QUIET)
        self.delete.click(explained(delete), [drawn, self.shown, self.kept], [chart, *self.parts], **QUIET)

    def of_groups(self, groups: list) -> dict:
        """What is drawn now can be kept."""
        return {self.groups: groups, self.keeping: gr.update(visible=bool(groups))}

    def of_model(self, model: OpenModel | None, kept: dict) -> dict:
        """Another model's map is shown, or none."""
        nothing = {self.list: gr.update(visible=False), self.kept: kept}
        return self.of_groups([]) | (self._filled(model, kept) if model else nothing)

    def _filled(self, model: OpenModel, kept: dict[str, dict[str, Any]]) -> dict:
        own = kept.get(model.name, {})
        choices = [
            ("All points", NONE),
            *((f"{name} ({selections.rows_of(model, rows).sum():,})", name) for name, rows in own.items()),
        ]
        return {
            self.kept: kept,
            self.list: gr.update(visible=bool(own)),
            self.shown: gr.Dropdown(choices, value=NONE),
            self.csv: selections.save(model, own) if own else None,
        }
