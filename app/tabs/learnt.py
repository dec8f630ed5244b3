"""Model: what it learnt; the dimensions of a model's latent, what they do, and what they know of the labels."""

from __future__ import annotations

import gradio as gr
from gradio.components import Component

from app.explore import dimensions
from app.explore.opened import OpenModel
from app.kit.events import UNSEEN
from app.kit.questions import Questions
from app.kit.sending import Target
from app.kit.workspace import Workspace
from app.widgets.dimensions import Dimensions
from app.words import LATEX, code, plain, words

NAME, TITLE = "learnt", "Model"

SCORES = {
    "mig": ("MIG", "mutual information gap: how much more the best dimension says about a label than the second best"),
    "dci_disentanglement": ("DCI, disentanglement", "whether a dimension matters for one label only"),
    "dci_completeness": ("DCI, completeness", "whether one dimension is enough for a label"),
    "dci_informativeness": ("DCI, informativeness", "how often a random forest predicts a label from the latent"),
    "sap": ("SAP", "how much better the best dimension predicts a label than the second best"),
}


def targets() -> dict[str, Target]:
    """Where this tab takes pictures: nowhere."""
    return {}


def build(work: Workspace) -> dict[str, Component]:
    """Fills the tab; returns the inputs that the address holds: none. The widget keeps there what is set."""
    library, questions = work.library, Questions(work.library)
    introduction = gr.Markdown(words(NAME, "introduction"), elem_classes="introduction")
    units = Dimensions(server=[questions.dimensions, questions.decode], address=NAME, elem_id="dimensions")
    scores = gr.HTML(elem_id="learnt-scores")
    with gr.Accordion("How it works", open=False):
        how = gr.Markdown(latex_delimiters=LATEX)

    def draw(name):
        model = library[name]
        return {
            introduction: introduce(model),
            units: Dimensions.payload(model) if model.has_atlas else None,
            scores: score_tiles(dimensions.scores(model)),
            how: how_it_works(model),
        }

    work.refresh.keep_drawn(NAME, draw, [], [introduction, units, scores, how], **UNSEEN)
    return {}


def introduce(model: OpenModel) -> str:
    """What there is to see, in Markdown; without a map, how to make one."""
    if not model.has_atlas:
        return words(NAME, "no_map", model=plain(model.info.title), command=code(model.atlas_command))
    return words(NAME, "spatial" if model.info.is_spatial else "introduction")


def score_tiles(scores: dict[str, float]) -> str:
    """The figures of disentanglement as tiles, each with what it means; empty without any."""
    tiles = (
        f"<div><dt>{title}</dt><dd>{scores[name]:.2f}</dd><dd>{meaning}; 1 is best</dd></div>"
        for name, (title, meaning) in SCORES.items()
        if name in scores
    )
    inside = "".join(tiles)
    return f'<dl class="tiles">{inside}</dl>' if inside else ""


def how_it_works(model: OpenModel) -> str:
    """The definitions behind the figures; what the model does not have is left out."""
    parts = ["kl" if model.info.has_variance else "", "active", "traversal", "" if model.info.is_spatial else "factors"]
    return "\n\n".join(words(NAME, part) for part in parts if part)
