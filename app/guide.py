"""The guide: "What is a latent space?" in seven short steps above the tabs, each with something to touch.

Which step is open is the value of a gr.Radio, which the address keeps; None is a closed guide. What of the guide is
seen follows from that by `style.css` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr
import numpy as np
from gradio.components import Component

from app.explore import reconstruct, sample
from app.explore.library import Library
from app.explore.opened import OpenModel
from app.explore.subject import open_subject
from app.kit.events import NEWEST, QUIET, explained, told
from app.kit.examples import EXAMPLES
from app.kit.inputs import PictureInput
from app.kit.questions import Questions
from app.kit.workspace import Workspace
from app.widgets.comparison import Comparison
from app.widgets.examples import Examples
from app.widgets.plane import Plane
from app.widgets.scrubber import Scrubber
from app.words import words

NAME = "guide"
DIGITS, FACES = "digits", "faces"  # the models that it shows
NUMBERS, CLOUD, KL, WALK, GLASSES, FAILS, YOURS = STEPS = [str(step) for step in range(1, 8)]

WALK_ENDS = ("face-bob.png", "face-glasses.png")
BARE_FACE = "face-bob.png"  # wears no glasses
GLASSES_STEPS, GLASSES_REACH = 25, 1.5  # times the distance from the mean without to the mean with glasses
STRANGERS = ("photo-cat.jpg", "emoji-panda.png", "fruit-apple.png", "face-mohawk.png")  # the last is none

OPEN = f"(step) => step ?? '{STEPS[0]}'"
CLOSE = "() => null"
FORWARD = f"(step) => String(Math.min(Number(step) + 1, {STEPS[-1]}))"
BACK = f"(step) => String(Math.max(Number(step) - 1, {STEPS[0]}))"
# After Next, at the bottom, a reader begins at the top: once the other step is laid out, which moves the page too.
SHOW_TOP = """(step) => {
  const guide = document.querySelector("#guide");
  const isOpen = () => guide.querySelector("#guide-steps input:checked")?.value === step;
  const show = (frames) => {
    if (!isOpen() && frames) requestAnimationFrame(() => show(frames - 1));
    else if (guide.getBoundingClientRect().top < 0) guide.scrollIntoView();
  };
  if (step) show(60);
}"""


def is_possible(library: Library) -> bool:
    """Whether the models that the guide shows are there, with what it shows of them."""
    if not {DIGITS, FACES} <= {*library.names}:
        return False
    digits = library.look_at(DIGITS)
    return digits.info.latent_shape == (2,) and all(digits.snapshots.values())


def open_button(visible: bool) -> gr.Button:
    """The button that opens it."""
    return gr.Button("What is a latent space?", size="sm", elem_id="open-guide", min_width=0, scale=0, visible=visible)


def build(work: Workspace, opener: gr.Button, titles: Mapping[str, str]) -> dict[str, Component]:
    """Fills the place above the tabs.

    Args:
        work: has the models and the tabs.
        opener: `open_button`, in the header.
        titles: of the tabs, by their names.

    Returns:
        What the address holds.
    """
    library, questions = work.library, Questions(work.library)
    with gr.Row(elem_id="guide-steps", elem_classes="send"):
        step = gr.Radio(STEPS, value=None, label="Step of the guide", show_label=False, container=False)
        close = gr.Button("Close", size="sm", min_width=0, scale=0)
    parts = ("numbers", "cloud", "kl", "walk", "glasses", "fails", "yours")
    for number, part in zip(STEPS, parts, strict=True):
        gr.Markdown(words(NAME, part), elem_id=f"guide-{number}", elem_classes="guide-words")
    gr.Markdown(words(NAME, "without_kl"), elem_id=f"guide-{KL}-without", elem_classes="guide-words")
    plane = Plane(plane=Plane.describe(library.look_at(DIGITS)), elem_id="guide-plane")
    walk = Scrubber(server=[questions.decode, questions.film], empty_text="Decoding …", elem_id="guide-walk")
    glasses = Scrubber(server=[questions.decode, questions.film], empty_text="Decoding …", elem_id="guide-glasses")
    with gr.Column(elem_id="guide-fails"):
        strangers = Examples(Examples.payload("Choose a picture", [EXAMPLES[name] for name in STRANGERS]))
        comparison = Comparison()
    with gr.Column(elem_id="guide-yours"):
        yours = PictureInput("Your picture", height=240)
        with gr.Row(elem_classes="send"):
            for tab, title in titles.items():
                button = gr.Button(f"Open {title}", size="md", min_width=0, scale=0)
                button.click(lambda tab=tab: (None, gr.Tabs(selected=tab)), None, [step, work.tabs], **QUIET)
    with gr.Row(elem_id="guide-ways", elem_classes="send"):
        back = gr.Button("Back", size="md", min_width=0, scale=0, elem_id="guide-back")
        forward = gr.Button("Next", variant="primary", size="md", min_width=0, scale=0, elem_id="guide-next")

    reconstructed = work.targets["picture"].input

    def fill(number):
        faces = library[FACES]
        if number == WALK:
            return {walk: walk_between_faces(faces)}
        if number == GLASSES:
            return {glasses: put_on_glasses(faces)}
        if number == FAILS:
            return show_stranger(STRANGERS[0])
        return gr.skip()

    def send(path):
        if path is None:
            return gr.skip()
        return {reconstructed: path, step: None, work.tabs: gr.Tabs(selected=work.targets["picture"].tab)}

    def choose(event: gr.EventData):
        file = told(event, "file")
        return show_stranger(file) if file in STRANGERS else gr.skip()

    def show_stranger(name):
        return {strangers: Examples(chosen=name), comparison: compare(library[FACES], name)}

    for button, script in ((opener, OPEN), (close, CLOSE), (back, BACK), (forward, FORWARD)):
        button.click(None, step, step, js=script)
    step.change(None, step, plane, js="(step) => step")
    step.change(None, step, None, js=SHOW_TOP)
    step.change(explained(fill), step, [walk, glasses, strangers, comparison], trigger_mode="multiple", **QUIET)
    yours.change(send, yours, [reconstructed, step, work.tabs], trigger_mode="multiple", **QUIET)
    strangers.select(explained(choose), None, [strangers, comparison], **NEWEST)
    return {NAME: step}


def walk_between_faces(model: OpenModel) -> dict[str, Any]:
    """From one face to another."""
    ends = [model.latent(open_subject(EXAMPLES[name])) for name in WALK_ENDS]
    return Scrubber.between(model, *ends, count=33, method="slerp", captions=("one", "another"), t=0.0)


def put_on_glasses(model: OpenModel) -> dict[str, Any]:
    """From a face without glasses along the direction in which the data's faces wear some."""
    start = model.latent(open_subject(EXAMPLES[BARE_FACE]))
    found, apart = sample.label_direction(model, "glasses", "none", "glasses")
    way = apart * found.deviations[0] * found.directions[0]
    latents = np.stack([start + share * way for share in np.linspace(0, GLASSES_REACH, GLASSES_STEPS)])
    return Scrubber.along(model, latents, "adding glasses", captions=("none", "glasses"), t=0.0)


def compare(model: OpenModel, name: str) -> dict[str, str]:
    """An example picture before and after a model."""
    found = reconstruct.reconstruct(model, open_subject(EXAMPLES[name]))
    return Comparison.payload(found.picture, found.reconstruction, f"{model.name}-{name}")
