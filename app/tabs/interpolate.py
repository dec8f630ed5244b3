"""Interpolate: what lies between pictures: from one to another, between four, and a difference added to a third."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.components import Component

from app.explore import interpolate
from app.explore.opened import OpenModel
from app.explore.subject import open_subject
from app.kit.events import QUIET
from app.kit.inputs import PictureInput
from app.kit.questions import Questions
from app.kit.sending import Target, keep_picture, received
from app.kit.workspace import Workspace
from app.tabs.training import ThroughTraining, walk
from app.widgets.analogy import Analogy
from app.widgets.corners import Corners
from app.widgets.examples import offer_examples
from app.widgets.scrubber import Scrubber
from app.words import LATEX, words

NAME, TITLE = "interpolate", "Interpolate"

TWO, SQUARE, ANALOGY = "two", "square", "analogy"
MODES = [("Between two", TWO), ("Four corners", SQUARE), ("Analogy: A - B + C", ANALOGY)]
NEEDED = {TWO: "AB", SQUARE: "ABCD", ANALOGY: "ABC"}
EMPTY = {
    TWO: "Choose A and B above. The pictures between them appear here.",
    SQUARE: "Choose A, B, C and D above. The square between them appears here.",
    ANALOGY: "Choose A, B and C above. Whatever turns B into A is added to C.",
}
METHODS = [("Spherical (slerp)", "slerp"), ("Straight (lerp)", "lerp")]
STEPS = [9, 17, 33, 65]


def targets() -> dict[str, Target]:
    """Where this tab takes pictures."""
    return {letter.lower(): Target(f"Interpolate: {letter}", NAME, _input(letter)) for letter in "AB"}


def _input(letter: str) -> PictureInput:
    return PictureInput(f"Picture {letter}", height=200, elem_id=f"interpolate-{letter.lower()}", render=False)


def build(work: Workspace) -> dict[str, Component]:
    """Fills the tab; returns the inputs that the address holds."""
    library, questions = work.library, Questions(work.library)
    pictures = [work.targets["a"].input, work.targets["b"].input, _input("C"), _input("D")]
    gr.Markdown(words(NAME, "introduction"), elem_classes="introduction")
    with gr.Row(elem_classes="send"):
        mode = gr.Radio(MODES, value=TWO, label="What to look at", show_label=False, elem_id="interpolate-mode")
        swap = gr.Button("Swap A and B", size="sm", min_width=0)
    columns = []
    with gr.Row(equal_height=False):
        for letter, picture in zip("ABCD", pictures, strict=True):
            with gr.Column(min_width=150, elem_classes=_away(letter not in NEEDED[TWO])) as column:
                picture.render()
                offer_examples(work, f"Examples for {letter}", picture)
            columns.append(column)
    sent = gr.Markdown(visible=False, elem_classes="note")
    spatial = gr.Markdown(visible=False, elem_classes="note")
    with gr.Column():
        with gr.Row(elem_id="interpolate-settings") as settings:
            method = gr.Radio(
                METHODS,
                value="slerp",
                label="Path",
                info="Spherical keeps the latent's length on the way: pictures stay sharp. Straight is the shortest.",
                min_width=300,
            )
            steps = gr.Radio(STEPS, value=33, label="Pictures on the way", elem_id="interpolate-steps")
        with gr.Column() as two_column:
            scrubber = Scrubber(
                server=[questions.decode, questions.film],
                empty_text=EMPTY[TWO],
                address=f"{NAME}.t",
                elem_id="scrubber",
            )
            with gr.Column(visible=False) as two_tools:
                frame = _sending(work, scrubber)
            training = ThroughTraining(work, NAME, words("training", "interpolate"), walk)
        with gr.Column(elem_classes=_away(True)) as square_column:
            corners = Corners(
                server=[questions.decode], empty_text=EMPTY[SQUARE], address=f"{NAME}.place", elem_id="corners"
            )
            with gr.Column(visible=False) as square_tools:
                gr.Markdown("Click a picture to choose it.", elem_classes="caption")
                corner = _sending(work, corners)
        with gr.Column(elem_classes=_away(True)) as analogy_column:
            gr.Markdown(words(NAME, "analogy"))
            analogy = Analogy(
                server=[questions.decode], empty_text=EMPTY[ANALOGY], address=f"{NAME}.strength", elem_id="analogy"
            )
            with gr.Column(visible=False) as analogy_tools:
                result = _sending(work, analogy)
    with gr.Accordion("How it works", open=False):
        gr.Markdown(words(NAME, "how"), latex_delimiters=LATEX)
        numbers = gr.Markdown(elem_id="interpolate-numbers")

    # Of each mode: the widget, what goes with it, and the picture that is sent, which is of the pictures chosen now.
    parts = {
        TWO: (scrubber, two_tools, frame),
        SQUARE: (corners, square_tools, corner),
        ANALOGY: (analogy, analogy_tools, result),
    }

    def draw(name, mode, steps, method, *paths):
        model, (widget, tools, picture) = library[name], parts[mode]
        subjects = [path and open_subject(path) for path in paths[: len(NEEDED[mode])]]
        said = [
            f"**{letter}.** {note}"
            for letter, subject in zip("ABCD", subjects, strict=False)
            if subject and (note := received(library, model, subject))
        ]
        updates: dict[Component, Any] = {
            spatial: _spatial_note(model),
            sent: gr.update(value="\n\n".join(said), visible=bool(said)),
            picture: None,
            numbers: "",
            **training.of([]),
        }
        if None in subjects:
            return updates | {widget: None, tools: gr.update(visible=False)}
        latents = [model.latent(subject) for subject in subjects]
        updates |= {tools: gr.update(visible=True)}
        if mode == TWO:
            value = Scrubber.between(model, *latents, steps, method)
            updates |= training.of([model], *paths[:2], method)
            return updates | {widget: value, numbers: describe(model, interpolate.ends(*latents))}
        return updates | {
            widget: Corners.payload(model, latents, method) if mode == SQUARE else Analogy.payload(model, *latents)
        }

    def lay_out(mode):
        shown = dict(zip(columns, (letter in NEEDED[mode] for letter in "ABCD"), strict=True))
        shown |= {settings: mode != ANALOGY, steps: mode == TWO}
        shown |= {two_column: mode == TWO, square_column: mode == SQUARE, analogy_column: mode == ANALOGY}
        return {part: gr.update(elem_classes=_away(not visible)) for part, visible in shown.items()}

    layout = [*columns, settings, steps, two_column, square_column, analogy_column]
    swap.click(None, pictures[:2], pictures[:2], js="(a, b) => [b, a]")
    mode.change(lay_out, mode, layout, trigger_mode="multiple", queue=False, **QUIET)
    inputs = [mode, steps, method, *pictures]
    outputs = [spatial, sent, numbers, *training.parts, *(part for each in parts.values() for part in each)]
    changes = [component.change for component in inputs]
    widgets = [widget for widget, *_ in parts.values()]
    work.refresh.keep_drawn(NAME, draw, inputs, outputs, changes, show_progress="minimal", show_progress_on=widgets)
    return dict(zip("abcd", pictures, strict=True)) | {"mode": mode, "path": method, "steps": steps}


def _sending(work: Workspace, widget: Scrubber | Corners | Analogy) -> gr.State:
    """What a widget shows, kept as a picture, and buttons that send it; A and B are here."""
    kept = gr.State(None)
    work.send_buttons(kept, "a", "b")
    keep_picture(work.library, widget.commit, kept)
    return kept


def _away(away: bool) -> list[str]:
    """Classes of what stays in the page, unseen: what Gradio itself hides comes back without its widgets' settings."""
    return ["away"] if away else []


def _spatial_note(model: OpenModel) -> dict:
    if not model.info.is_spatial:
        return gr.update(visible=False)
    height, width, _ = model.info.latent_shape
    return gr.update(value=words(NAME, "spatial", height=height, width=width), visible=True)


def describe(model: OpenModel, ends: interpolate.Ends) -> str:
    """How two latents lie to each other."""
    figures = {
        "angle": f"{ends.angle:.0f}",
        "length_a": f"{ends.length_a:.1f}",
        "length_b": f"{ends.length_b:.1f}",
        "numbers": f"{model.info.latent_size:,}",
        "radius": f"{ends.prior_length:.1f}",
    }
    said = words(NAME, "these_two", **figures)
    return f"{said} {words(NAME, 'means_are_shorter')}" if model.info.has_variance else said
