"""Selections of the map that a person keeps in the browser: named, shown again, and downloaded as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from app.explore import selections
from app.explore.library import Library
from app.explore.limits import MAX_SELECTION_NAME, RequestError
from app.explore.opened import OpenModel
from app.kit.events import QUIET, explained
from app.widgets.latent_map import LatentMap, bits

NONE = ""  # of what is shown alone: all points

DOWNLOAD = """(file) => {
  if (file) Object.assign(document.createElement("a"), { href: file.url, download: file.orig_name }).click();
}"""


class Selections:
    """A row below the map: a name for what is selected, and what is kept of this model's map."""

    def __init__(self):
        self.groups = gr.State(None)  # that are drawn now
        # What it holds says `app.explore.selections`. With a key that is drawn anew at each start of the app, as is
        # usual, it would be lost.
        self.kept = gr.BrowserState({}, storage_key="latentscape-selections", secret="latentscape")
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
            self.csv = gr.Button("Download (CSV)", min_width=190, scale=0, elem_id="selection-csv")
            self.file = gr.DownloadButton(elem_classes="away")  # what is written when it is asked for
        self.parts = [self.groups, self.keeping, self.name, self.list, self.shown, self.kept]

    def listen(self, library: Library, drawn: gr.State, chart: LatentMap) -> None:
        """Follows what a person does; `drawn` holds the name of the model whose map is shown."""

        def keep(model, name, groups, kept):
            opened = with_map(model)
            own = selections.add(opened, selections.read(opened, kept), name, groups)
            return self._filled(opened, own) | {self.kept: selections.store(opened, kept, own), self.name: ""}

        def show(model, name, kept):
            found = selections.read(library[model], kept).get(name) if model and isinstance(name, str) else None
            return LatentMap(narrowed=None if found is None else bits(selections.rows_of(library[model], found)))

        def delete(model, name, kept):
            opened = with_map(model)
            own = selections.read(opened, kept)
            left = {other: packed for other, packed in own.items() if other != name}
            if len(left) == len(own):
                raise RequestError("Choose which selection to delete.")
            stored = selections.store(opened, kept, left)
            return self._filled(opened, left) | {self.kept: stored, chart: LatentMap(narrowed=None)}

        def write(model, kept):
            opened = with_map(model)
            return selections.save(opened, selections.read(opened, kept))

        def with_map(model):
            if model is None:
                raise RequestError("There is no map to select from.")
            return library[model]

        inputs = [drawn, self.name, self.groups, self.kept]
        gr.on([self.keep.click, self.name.submit], explained(keep), inputs, self.parts, trigger_mode="once", **QUIET)
        self.shown.input(explained(show), [drawn, self.shown, self.kept], chart, **QUIET)
        self.delete.click(explained(delete), [drawn, self.shown, self.kept], [chart, *self.parts], **QUIET)
        written = self.csv.click(explained(write), [drawn, self.kept], self.file, **QUIET)
        written.success(None, self.file, None, js=DOWNLOAD)

    def of_groups(self, groups: selections.Groups | None) -> dict:
        """What is drawn now can be kept."""
        return {self.groups: groups, self.keeping: gr.update(visible=bool(groups and groups.packed))}

    def of_model(self, model: OpenModel | None, kept: Any) -> dict:
        """Another model's map is shown, or none; `kept` is what the browser keeps."""
        nothing = {self.list: gr.update(visible=False)}
        return self.of_groups(None) | (self._filled(model, selections.read(model, kept)) if model else nothing)

    def _filled(self, model: OpenModel, own: Mapping[str, selections.Packed]) -> dict:
        choices = [
            ("All points", NONE),
            *((f"{name} ({selections.rows_of(model, rows).sum():,})", name) for name, rows in own.items()),
        ]
        return {self.list: gr.update(visible=bool(own)), self.shown: gr.Dropdown(choices, value=NONE)}
