"""Watching: the page follows a training that is under way, in the folder of the model that is picked."""

from __future__ import annotations

import gradio as gr

from app.explore import through_training
from app.explore.library import Library
from app.explore.opened import OpenModel
from app.kit.events import QUIET, REFUSALS, Refresh, Shown
from app.words import words

SECONDS = 5  # between two looks at the folder


def build(library: Library, refresh: Refresh) -> None:
    """A line that says what the page shows, and a clock that looks for something newer."""
    line = gr.Markdown(words("watching", "waiting"), elem_id="watching", elem_classes="note")
    clock = gr.Timer(SECONDS)

    def look(name, version, moments, told):
        try:
            library.renew(name)
            model = library.look_at(name)
        except REFUSALS:
            return gr.skip()
        state, before = (name, model.written, through_training.steps(model)), told.values
        if state == before:
            return gr.skip()
        told.values = state
        updates = {line: in_words(model)}
        if before is not None and before[0] == name:  # else the picker asks for the drawing
            if state[1] != before[1]:
                updates[refresh.version] = version + 1
            else:
                updates[refresh.moments] = moments + 1
        return updates

    inputs = [refresh.model, refresh.version, refresh.moments, gr.State(Shown())]
    outputs = [line, refresh.version, refresh.moments]
    gr.on([clock.tick, refresh.model.change], look, inputs, outputs, trigger_mode="once", **QUIET)


def in_words(model: OpenModel) -> str:
    """Which step of its training a model is of, and what is kept of others."""
    training, kept = model.info.training, through_training.steps(model)
    step, total = training.get("kept_step"), training.get("steps")
    if isinstance(step, int) and isinstance(total, int):
        said = words("watching", "step", step=f"{step:,}", total=f"{total:,}")
    else:
        said = words("watching", "no_step")
    return f"{said} {words('watching', 'snapshots', count=len(kept), last=f'{kept[-1]:,}')}" if kept else said
