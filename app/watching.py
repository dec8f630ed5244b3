"""Watching: the page follows a training that is under way, in the folder of the model that is picked."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from app.explore import through_training
from app.explore.library import Library
from app.explore.opened import OpenModel
from app.kit.events import QUIET, REFUSALS, Refresh, Shown
from app.words import words
from vae.checkpoint import CONFIG

SECONDS = 5  # between two looks at the folder
SECONDS_BEFORE = 1.0  # between two looks for the first checkpoint


def wait_for_models(chosen: Sequence[str], assets: Path) -> None:
    """Waits until each training has written its first checkpoint, and says which are waited for.

    Args:
        chosen: names, folders and ids of the Hub, as `--model` takes them. A folder that is there, or that one that is
            there may come to hold, is a training's; a single word that is neither is a wrong name.
        assets: whose models go by their names.
    """
    places = [Path(one).expanduser() for one in chosen if not (assets / one / CONFIG).exists()]
    waiting = [place for place in places if _may_be_trained(place) and not (place / CONFIG).exists()]
    for place in waiting:
        print(f"Waiting for the first checkpoint in {place}. Ctrl-C stops.", file=sys.stderr, flush=True)
        while not (place / CONFIG).exists():  # its weights are written before it
            time.sleep(SECONDS_BEFORE)


def _may_be_trained(place: Path) -> bool:
    return place.is_dir() or (len(place.parts) > 1 and place.parent.is_dir())


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
        if before is None:  # what came since the page was drawn is not known
            updates[refresh.moments] = moments + 1
        elif before[0] == name:  # else the picker asks for the drawing
            which, count = (refresh.version, version) if state[1] != before[1] else (refresh.moments, moments)
            updates[which] = count + 1
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
