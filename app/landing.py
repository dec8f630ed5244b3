"""What a visitor sees first, above the tabs: a walk over the default model's map, and the ways on from there.

It is open on a page that was asked for nothing, until the address holds something: `address.js` says so by a class of
the page, without which `style.css` hides it. So it gives way to whatever is chosen, and links are not slowed by it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import gradio as gr

from app.explore import map
from app.explore.library import Library
from app.explore.tour import landmarks, tour
from app.kit.events import QUIET
from app.kit.inputs import PictureInput
from app.kit.questions import Questions
from app.kit.workspace import Workspace
from app.widgets.landscape import Landscape
from app.words import words

NAME = "landing"


class LandscapeQuestions(Questions):
    """What the landing's script asks the server besides pictures."""

    def walk(self, model: str) -> dict[str, Any]:
        """Where the walk over a model's map goes."""
        opened = self._library.look_at(model)
        return Landscape.walk(opened, tour(opened), landmarks(opened))

    def points(self, model: str) -> dict[str, Any]:
        """All points of its map."""
        opened = self._library.look_at(model)
        return Landscape.points(opened, map.overview(opened))


def is_possible(library: Library) -> bool:
    """Whether the default model has a map to walk."""
    return library.look_at(library.default).has_atlas


def build(work: Workspace, open_guide: gr.Button, titles: Mapping[str, str]) -> None:
    """Fills the place above the tabs.

    Args:
        work: has the models and the tabs.
        open_guide: the header's button, which the landing's presses.
        titles: of the tabs, by their names.
    """
    library, questions = work.library, LandscapeQuestions(work.library)
    target = work.targets["picture"]

    Landscape(
        model=library.default,
        server=[questions.walk, questions.points, questions.decode, questions.decode_place, questions.thumbnails],
        elem_id="landing-walk",
    )
    with gr.Column(elem_id="landing-yours"):
        gr.Markdown(words(NAME, "introduction"))
        yours = PictureInput("Your picture", height=200)
    with gr.Row(elem_id="landing-ways", elem_classes="send"):
        if open_guide.visible:
            seven = gr.Button("Seven steps that explain it", variant="primary", size="md", min_width=0, scale=0)
            seven.click(None, None, None, js=f"() => document.querySelector('#{open_guide.elem_id}').click()")
        for tab, title in titles.items():
            button = gr.Button(f"Open {title}", size="md", min_width=0, scale=0)
            button.click(lambda tab=tab: gr.Tabs(selected=tab), None, work.tabs, js=_enter(tab), **QUIET)

    def send(path):
        return gr.skip() if path is None else (path, gr.Tabs(selected=target.tab))

    yours.upload(None, None, None, js=_enter(target.tab))
    yours.change(send, yours, [target.input, work.tabs], trigger_mode="multiple", **QUIET)


def _enter(tab: str) -> str:
    return f"() => window.latentscape.enter({json.dumps(tab)})"
