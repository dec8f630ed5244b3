"""Reconstruct: a picture through the model and back."""

from __future__ import annotations

import gradio as gr

from app.explorer import MAX_TEMPERATURE
from app.tabs.common import Workspace, explained
from app.widgets.latent_view import latent_view
from app.widgets.tiles import metric_tiles

INTRODUCTION = """Drop in a picture: the encoder squeezes it into the latent, the decoder draws it again from that
alone. What comes back is what the model can say about it; what is lost, it has no words for."""

EMPTY = "Drop a picture on the left, or click an example: its reconstruction appears here."


def build(work: Workspace, tab: gr.Tab) -> None:
    """Fills the tab."""
    picture = work.destinations["picture"].input
    gr.Markdown(INTRODUCTION)
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            picture.render()
            work.examples("Or click one of these", picture, elem_id="reconstruct-examples")
            temperature = gr.Slider(
                0, MAX_TEMPERATURE, value=0, step=0.05, label="Posterior temperature",
                info="0 decodes the most likely latent; 1 a sample of what the encoder thinks possible.",
            )  # fmt: skip
            seed = gr.Number(
                0, label="Seed", precision=0, minimum=0, info="Which sample. Only matters above temperature 0."
            )
        with gr.Column(scale=3, min_width=300):
            empty = gr.Markdown(EMPTY, elem_classes="empty")
            with gr.Column(visible=False) as result:
                comparison = gr.ImageSlider(
                    label="Input | reconstruction", type="pil", format="png", interactive=False,
                    elem_id="comparison", max_height=460, buttons=["download", "fullscreen"],
                )  # fmt: skip
                note = gr.Markdown(visible=False, elem_classes="note")
                tiles = gr.HTML(elem_id="metrics")
                gr.Markdown("### The latent")
                latent = gr.HTML(elem_id="latent")
                work.send_buttons(picture, "picture")

    def reconstruct(name, path, temperature, seed):
        if path is None:
            return gr.update(visible=True), gr.update(visible=False), None, None, None, None
        made = work.library[name].reconstruct(path, temperature, seed)
        return (
            gr.update(visible=False),
            gr.update(visible=True),
            (made.picture, made.reconstruction),
            gr.update(value=made.note, visible=bool(made.note)),
            metric_tiles(made.metrics, work.library[name].metrics),
            latent_view(made.posterior_mean, made.posterior_deviation),
        )

    inputs = [picture, temperature, seed]
    outputs = [empty, result, comparison, note, tiles, latent]
    gr.on(
        [picture.change, temperature.release, seed.change],
        explained(reconstruct),
        [work.model, *inputs],
        outputs,
        api_visibility="private",
        trigger_mode="always_last",
        show_progress="minimal",
    )
    work.draw_for_model(tab, reconstruct, inputs, outputs, show_progress="minimal")
