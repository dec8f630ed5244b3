"""Interpolate: from the encoding of one picture to that of another."""

from __future__ import annotations

import gradio as gr

from app.explorer import MAX_STEPS
from app.tabs.common import Workspace, explained
from app.widgets.scrubber import Scrubber

INTRODUCTION = """Two pictures, and what lies between their latents. Drag the slider: every picture on the way is
decoded from a point between the two encodings."""

SPATIAL_NOTE = """This model's latent is a small map, each place of which describes its own patch of the picture. On the
way from A to B every patch changes by itself, so that pictures **cross-fade** more than they turn into each other. The
fruit and emoji models squeeze the whole picture into one vector, and morph."""

EMPTY = "Choose two pictures above: the way between them appears here."


def build(work: Workspace, tab: gr.Tab) -> None:
    """Fills the tab."""
    picture_a, picture_b = (work.destinations[name].input for name in ("a", "b"))
    gr.Markdown(INTRODUCTION)
    with gr.Row(equal_height=False):
        with gr.Column(min_width=260):
            picture_a.render()
            work.examples("Examples for A", picture_a)
        with gr.Column(min_width=260):
            picture_b.render()
            work.examples("Examples for B", picture_b)
    with gr.Row():
        method = gr.Radio(
            [("Spherical (slerp)", "slerp"), ("Straight (lerp)", "lerp")], value="slerp", label="Path",
            info="Spherical keeps the latent's length, where decoded pictures stay sharp; straight cuts the corner.",
        )  # fmt: skip
        steps = gr.Slider(3, MAX_STEPS, value=25, step=2, label="Pictures on the way")
    note = gr.Markdown(SPATIAL_NOTE, visible=work.library[work.library.default].is_spatial, elem_classes="note")
    scrubber = Scrubber(empty_text=EMPTY, elem_id="scrubber")
    gif = gr.DownloadButton("Download as GIF", visible=False, elem_id="gif", size="sm")
    frames = gr.State([])

    def interpolation(name, path_a, path_b, steps, method):
        explorer = work.library[name]
        note = gr.update(visible=explorer.is_spatial)
        if path_a is None or path_b is None:
            return note, None, [], gr.update(visible=False)
        frames = explorer.interpolation(path_a, path_b, steps, method)
        return note, Scrubber.payload(frames), frames, gr.update(visible=False)

    def save_gif(name, frames):
        return gr.update(value=work.library[name].save_gif(frames), visible=True) if frames else gr.update()

    inputs = [picture_a, picture_b, steps, method]
    outputs = [note, scrubber, frames, gif]
    work.draw_for_model(tab, interpolation, inputs, outputs)
    shown = gr.on(
        [picture_a.change, picture_b.change, steps.release, method.change],
        explained(interpolation),
        [work.model, *inputs],
        outputs,
        api_visibility="private",
        trigger_mode="always_last",
    )
    # After the pictures are there: writing the file takes longer than decoding them.
    shown.success(explained(save_gif), [work.model, frames], gif, api_visibility="private", show_progress="hidden")
