"""Interpolate: what lies between pictures: on the way from one to another, between four, and past a third."""

from __future__ import annotations

import functools
import math

import gradio as gr
from gradio.components import Component

from app.explorer import MAX_STRENGTH, Explorer, Way
from app.tabs.common import LATEX, NEWEST, QUIET, PictureInput, Workspace, explained
from app.widgets.corners import Corners
from app.widgets.encoding import small_url
from app.widgets.numbers import Limits, RawSlider
from app.widgets.scrubber import Scrubber

INTRODUCTION = """Pictures, and what lies between their latents. Choose two, and every picture on the way is decoded
from a point between the two encodings; or look at a square between four, or apply one difference to another picture."""

SPATIAL_NOTE = """This model's latent is a small map, each place of which describes its own patch of the picture. On the
way from A to B every patch changes by itself, so that pictures **cross-fade** more than they turn into each other. The
fruit and emoji models squeeze the whole picture into one vector, and morph."""

WAY, SQUARE, ANALOGY = "way", "square", "analogy"
MODES = [("Between two", WAY), ("Four corners", SQUARE), ("Analogy: A - B + C", ANALOGY)]
NEEDED = {WAY: "AB", SQUARE: "ABCD", ANALOGY: "ABC"}
EMPTY = {
    WAY: "Choose A and B above: the way between them appears here.",
    SQUARE: "Choose A, B, C and D above: the square between them appears here.",
    ANALOGY: "Choose A, B and C above: what makes A of B is done to C.",
}
ANALOGY_WORDS = """The difference of two latents as an instruction: what makes A of B, done to C. It makes sense where A
and B differ in one thing only (the same emoji in two styles, a fruit and its mate of another colour); otherwise
everything in which they differ comes along."""

STRENGTH = Limits("Strength", 0, int(MAX_STRENGTH))

EXPORTS = {"gif": "GIF, there and back", "mp4": "MP4, there and back", "png": "PNG, a strip of 9"}

DOWNLOAD = "() => document.querySelector('#export-file')?.click()"

HOW_IT_WORKS = r"""
The encoder gives each picture a posterior mean, $a$ and $b$. **lerp** goes straight, $(1 - t)\,a + t\,b$. **slerp**
turns evenly through the angle $\Omega$ between them (Shoemake 1985; White 2016 for latents), and goes evenly from one
length to the other:

$$\frac{\sin((1 - t)\,\Omega)}{\sin\Omega}\,\hat a + \frac{\sin(t\,\Omega)}{\sin\Omega}\,\hat b,
\qquad \text{times } (1 - t)\,\lVert a\rVert + t\,\lVert b\rVert$$

In many dimensions N(0, I) lives near a sphere of radius $\sqrt d$, and the straight line between two of its points
passes through the empty inside: pictures there are paler. The plot under the slider shows the length of each step:
where the picture's curve has a peak and the latent's has none, the decoder jumps.
"""


def build(work: Workspace, tab: gr.Tab) -> dict[str, Component]:
    """Fills the tab; returns the inputs that the address bar holds, by name."""
    library = work.library
    pictures = [work.destinations[name].input for name in ("a", "b")]
    pictures += [
        PictureInput(f"Picture {letter}", height=200, elem_id=f"interpolate-{letter.lower()}", render=False)
        for letter in "CD"
    ]
    gr.Markdown(INTRODUCTION)
    mode = gr.Radio(MODES, value=WAY, label="What to look at", show_label=False, elem_id="interpolate-mode")
    columns = []
    with gr.Row(equal_height=False):
        for letter, picture in zip("ABCD", pictures, strict=True):
            with gr.Column(min_width=200, elem_classes=_away(letter not in NEEDED[WAY])) as column:
                picture.render()
                work.examples(f"Examples for {letter}", picture)
            columns.append(column)
    note = gr.Markdown(SPATIAL_NOTE, visible=library[library.default].is_spatial, elem_classes="note")
    with gr.Row() as settings:
        method = gr.Radio(
            [("Spherical (slerp)", "slerp"), ("Straight (lerp)", "lerp")], value="slerp", label="Path",
            info="Spherical keeps the latent's length, where decoded pictures stay sharp; straight cuts the corner.",
            min_width=300,
        )  # fmt: skip
        steps = gr.Radio([9, 17, 33, 65], value=33, label="Pictures on the way", elem_id="interpolate-steps")
    with gr.Column() as way_column:
        scrubber = Scrubber(empty_text=EMPTY[WAY], address="t", elem_id="scrubber")
        frames = gr.State([])
        frame = gr.State(None)
        with gr.Column(visible=False) as way_tools:
            with gr.Row(elem_classes="send"):
                gr.Markdown("Download", elem_classes="caption")
                exports = {
                    kind: gr.Button(words, size="sm", min_width=0, elem_id=f"export-{kind}", interactive=False)
                    for kind, words in EXPORTS.items()
                }
            work.send_buttons(frame, "a", "b")
    with gr.Column(elem_classes=_away(True)) as square_column:
        corners = Corners(empty_text=EMPTY[SQUARE], elem_id="corners")
        square = gr.State([])
        corner = gr.State(None)
        with gr.Column(visible=False) as square_tools:
            gr.Markdown("Click a picture to choose it.", elem_classes="caption")
            work.send_buttons(corner, "a", "b")
    with gr.Column(elem_classes=_away(True)) as analogy_column:
        gr.Markdown(ANALOGY_WORDS)
        strength = RawSlider(
            0,
            MAX_STRENGTH,
            value=1,
            step=0.05,
            label="Strength",
            info="0 leaves C as it is, 1 is the whole difference.",
        )
        equation = gr.HTML(_empty(EMPTY[ANALOGY]), elem_id="analogy")
        result = gr.State(None)
        with gr.Column(visible=False) as analogy_tools:
            work.send_buttons(result, "a", "b")
    export_file = gr.DownloadButton("Download", visible="hidden", elem_id="export-file")
    with gr.Accordion("How it works", open=False):
        gr.Markdown(HOW_IT_WORKS, latex_delimiters=LATEX)
        numbers = gr.Markdown(elem_id="interpolate-numbers")

    inputs = [mode, *pictures, steps, method, strength]
    buttons = [*exports.values()]
    outputs = [
        note, scrubber, frames, frame, way_tools, *buttons, numbers, corners, square, corner, square_tools, equation,
        result, analogy_tools,
    ]  # fmt: skip
    # What is sent on or downloaded is of the pictures chosen now, or there is none.
    unfinished = {
        WAY: {frames: [], frame: None} | dict.fromkeys(buttons, gr.update(interactive=False)),
        SQUARE: {square: [], corner: None},
        ANALOGY: {result: None},
    }
    emptied = {
        WAY: {scrubber: None, way_tools: gr.update(visible=False), numbers: ""},
        SQUARE: {corners: None, square_tools: gr.update(visible=False)},
        ANALOGY: {equation: _empty(EMPTY[ANALOGY]), analogy_tools: gr.update(visible=False)},
    }

    def draw(name, mode, a, b, c, d, steps, method, strength, wanted):
        """What the mode shows, as it comes; the other modes are left alone."""
        explorer = library[name]
        for changes in results(explorer, mode, [a, b, c, d][: len(NEEDED[mode])], steps, method, strength, wanted):
            changes[note] = gr.update(visible=explorer.is_spatial)
            yield tuple(changes.get(output, gr.skip()) for output in outputs)

    def results(explorer, mode, chosen, steps, method, strength, wanted):
        yield dict(unfinished[mode])
        if None in chosen:
            yield dict(emptied[mode])
        elif mode == WAY:
            for way in explorer.way(*chosen, steps, method, wanted):
                changes = {scrubber: _show_way(way, steps), way_tools: gr.update(visible=True)}
                if len(way.frames) == steps:
                    changes |= {frames: way.frames, numbers: _describe(explorer, way)}
                    changes |= dict.fromkeys(buttons, gr.update(interactive=True))
                yield changes
        elif mode == SQUARE:
            for pictures in explorer.corners(chosen, method, wanted):
                yield {
                    corners: Corners.payload(pictures),
                    square: pictures,
                    square_tools: gr.update(visible=True),
                }
        else:
            kept = STRENGTH.take(strength)
            made = explorer.analogy(*chosen, kept)
            yield {
                equation: _equation(made, kept),
                result: explorer.save(made[-1], explorer.name, "analogy"),
                analogy_tools: gr.update(visible=True),
            }

    def lay_out(mode):
        shown = [letter in NEEDED[mode] for letter in "ABCD"]
        shown += [mode != ANALOGY, mode == WAY, mode == WAY, mode == SQUARE, mode == ANALOGY]
        return [gr.update(elem_classes=_away(not visible)) for visible in shown]

    def export(name, frames, kind):
        return library[name].export(frames, kind)

    def keep_frame(name, frames, event: gr.EventData):
        return library[name].save_frame(frames, getattr(event, "t", None)) if frames else None

    def keep_corner(name, square, event: gr.EventData):
        place = (getattr(event, key, None) for key in "uv")
        return library[name].save_corner(square, *place) if square else None

    layout = [*columns, settings, steps, way_column, square_column, analogy_column]
    mode.change(lay_out, mode, layout, trigger_mode="multiple", queue=False, **QUIET)
    scrubber.settle(explained(keep_frame), [work.model, frames], frame, **NEWEST)
    corners.settle(explained(keep_corner), [work.model, square], corner, **NEWEST)
    for kind, button in exports.items():
        made = button.click(
            explained(functools.partial(export, kind=kind)), [work.model, frames], export_file,
            api_visibility="private", show_progress="minimal",
        )  # fmt: skip
        made.success(None, None, None, js=DOWNLOAD)
    work.keep_drawn(tab, draw, inputs, outputs, [component.change for component in inputs], show_progress="minimal")
    return dict(zip("abcd", pictures, strict=True)) | {"mode": mode, "path": method, "steps": steps}


def _away(away: bool) -> list[str]:
    """Classes of what stays in the page, unseen: what Gradio itself hides comes back without its widgets' settings."""
    return ["away"] if away else []


def _show_way(way: Way, total: int) -> dict:
    distances = {"latent": way.latent_steps, "picture": way.picture_steps}
    return Scrubber.payload(way.frames, total=total, distances=distances)


def _describe(explorer: Explorer, way: Way) -> str:
    size = math.prod(explorer.info.latent_shape)
    return (
        f"**These two:** {way.angle:.0f}° apart; lengths {way.length_a:.1f} and {way.length_b:.1f}, where the prior's "
        f"samples have about √{size:,} = {math.sqrt(size):.1f}. Posterior means are shorter than samples: what the "
        "encoder leaves open is missing from them."
    )


def _equation(made: list, strength: float) -> str:
    """A - B + C = result, as pictures."""
    signs = ("", "−", "+", "=") if strength == 1 else (f"{strength:g} × (", "−", ") +", "=")
    names = ("A", "B", "C", "result")
    terms = [
        f'<span class="sign">{sign}</span><figure><img src="{small_url(picture)}" alt="{name}, decoded">'
        f"<figcaption>{name}</figcaption></figure>"
        for sign, name, picture in zip(signs, names, made, strict=True)
    ]
    return f'<div class="analogy">{"".join(terms)}</div>'


def _empty(words: str) -> str:
    return f'<p class="empty-words">{words}</p>'
