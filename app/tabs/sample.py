"""Sample: pictures decoded from N(0, I)."""

from __future__ import annotations

import random

import gradio as gr

from app.explorer import MAX_COUNT, MAX_SEED, MAX_TEMPERATURE
from app.tabs.common import QUIET, Workspace, explained

INTRODUCTION = """Latents drawn at random from the prior N(0, I), decoded: pictures that were in no data set. The same
seed draws the same grid again; temperature scales how far from the middle it is drawn."""

SPATIAL_NOTE = """**Why these are texture, and not photographs.** This model's latent is a map of {height} x {width}
places with {channels} numbers each. N(0, I) draws every one of them independently of its neighbours, but in the latent
of a real picture they depend on each other: that is where shapes are. The decoder turns the draw faithfully into
what it says, texture without global structure. Latent diffusion models learn just this missing part: a prior over
such maps."""


def build(work: Workspace, tab: gr.Tab) -> gr.Number:
    """Fills the tab; returns its seed, which the address bar holds."""
    gr.Markdown(INTRODUCTION)
    with gr.Row(equal_height=True):
        count = gr.Slider(1, MAX_COUNT, value=16, step=1, label="How many")
        temperature = gr.Slider(
            0, MAX_TEMPERATURE, value=1, step=0.05, label="Temperature", info="1 is the prior itself."
        )
        seed = gr.Number(
            0, label="Seed", precision=0, minimum=0, maximum=MAX_SEED, info="Keep it to have a grid again."
        )
    work.destinations["centre"].input.render()
    with gr.Row():
        again = gr.Button("Sample", variant="primary", elem_id="sample-button")
        shuffle = gr.Button("New seed", elem_id="shuffle-button")
    note = gr.Markdown(visible=False, elem_classes="note")
    grid = gr.Gallery(
        label="Samples",
        show_label=False, format="png", object_fit="contain", height="auto", interactive=False, elem_id="samples",
    )  # fmt: skip

    def draw(name, count, temperature, seed):
        explorer = work.library[name]
        pictures = explorer.sample(count, temperature, seed)
        if not explorer.is_spatial:
            return gr.update(visible=False), pictures
        height, width, channels = explorer.config.latent_shape
        text = SPATIAL_NOTE.format(height=height, width=width, channels=channels)
        return gr.update(value=text, visible=True), pictures

    shuffle.click(lambda: random.randrange(1_000_000), None, seed, **QUIET)
    inputs, outputs = [count, temperature, seed], [note, grid]
    gr.on(
        [again.click, count.release, temperature.release, seed.change],
        explained(draw),
        [work.model, *inputs],
        outputs,
        api_visibility="private",
        trigger_mode="always_last",
    )
    work.draw_for_model(tab, draw, inputs, outputs)
    return seed
