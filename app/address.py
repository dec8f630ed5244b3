"""The address bar: what a person looks at is in it, so that a link brings it back."""

from __future__ import annotations

import base64
import html
import json
import time
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from gradio.components import Component

from app.explore import files
from app.explore.library import Library
from app.explore.limits import MAX_LINKED_TEXT, RequestError, check_range, check_seed, check_whole, shown
from app.explore.subject import open_subject
from app.explore.wire import check_bounds
from app.kit.events import QUIET, REFUSALS, explained
from app.kit.examples import EXAMPLES, which_of
from app.kit.inputs import MOST_OTHERS, LabelChoice, ModelPicker, OtherModels, PictureInput, PriorRadio
from app.kit.workspace import Workspace

SCRIPT = Path(__file__).with_suffix(".js")
SEPARATOR = "|"  # between the choices of one input
DRAWN = "z"  # begins the text of a picture that stands for a latent: z:MODEL:NUMBERS


def head(tabs: Mapping[str, str]) -> str:
    """The script that keeps the address, for the head of the page.

    Args:
        tabs: titles by ids; the first is open at first.
    """
    ids = json.dumps({title.lower(): name for name, title in tabs.items()})
    return f"<script>const TABS = {ids};\n{SCRIPT.read_text('utf-8')}</script>"


def build(page: gr.Blocks, work: Workspace, kept: Mapping[str, Component], notice: gr.HTML) -> None:
    """Keeps the open tab and these inputs in the address, and puts them back when the page is opened, and by Back.

    Of the pictures, those that are examples, and those that were drawn from a latent that is short enough: a link holds
    no uploads. What a link asks for and is not available is said in the notice, and taken out of the address. The
    widgets keep values of their own, such as the place between two pictures.

    Args:
        page: that is being built.
        work: has the tabs and the models.
        kept: inputs by their keys in the address.
        notice: hidden until there is something to say.
    """
    refused, views = gr.JSON(visible=False), gr.State({})
    inner = [component for component in kept.values() if isinstance(component, gr.Tabs)]
    for key, component in kept.items():
        if isinstance(component, gr.Tabs):
            for k, (name, tab) in enumerate(_tabs_of(component).items()):
                value = json.dumps(name if k else "")
                tab.select(None, None, None, js=f"() => window.latentscape.remember({json.dumps(key)}, {value})")
            continue
        text = component
        if isinstance(component, PictureInput):
            text = gr.Textbox(visible=False)
            tell = partial(_picture_text, work.library)
            component.change(tell, component, text, trigger_mode="multiple", queue=False, **QUIET)
        join = f"?.join({json.dumps(SEPARATOR)})" if isinstance(component, LabelChoice | OtherModels) else ""
        text.change(None, text, None, js=f"(value) => window.latentscape.remember({json.dumps(key)}, value{join})")
    library, built = work.library, work.library.names
    open_tab = work.refresh.open_tab
    open_tab.change(None, open_tab, None, js="(tab) => window.latentscape.visit(tab)")

    def restore(request: gr.Request):
        asked = {key: text for key, text in request.query_params.items() if key in kept or key == "tab"}
        updates, refusals, opened = {}, {}, {}
        if library.names != built:  # others have been opened since
            updates[work.model] = ModelPicker(ModelPicker.choices_of(library))
        for key, text in asked.items():
            try:
                if key == "tab":
                    updates[work.tabs] = gr.Tabs(selected=_one_of(work.refresh.requests, text))
                elif isinstance(kept[key], gr.Tabs):
                    opened[key] = _one_of(_tabs_of(kept[key]), text)
                else:
                    updates[kept[key]] = _value(library, kept[key], text, asked.get("model", ""))
            except REFUSALS as error:
                refusals[key] = str(error)
        if refusals:
            updates[notice] = gr.HTML(_complaint(refusals, asked), visible=True)
            updates[refused] = [*refusals]
        return updates | {views: opened} if updates or opened else gr.skip()

    def restore_views(opened):
        return {kept[key]: gr.Tabs(selected=name) for key, name in opened.items()} or gr.skip()

    restored = page.load(restore, None, [*kept.values(), work.tabs, notice, refused, views], queue=False, **QUIET)
    # Then: what is in the first of some tabs is there only once that was open, and the others may begin with it.
    restored.then(restore_views, views, inner, queue=False, **QUIET)
    restored.then(None, refused, None, js="(keys) => window.latentscape.forget(keys ?? [])")

    def bring_back(model, asked):
        updates = {}
        for key, text in asked.items() if isinstance(asked, dict) else ():
            if key in kept and isinstance(text, str | None):
                try:
                    updates[kept[key]] = _first(kept[key]) if text is None else _value(library, kept[key], text, model)
                except REFUSALS:  # it was of another model
                    continue
        return updates | {work.refresh.undone: time.monotonic()} if updates else gr.skip()

    asked = gr.JSON(visible=False)
    undo = gr.Button("Undo", visible="hidden", elem_id="undo")  # address.js presses it
    undo.click(
        explained(bring_back),
        [work.model, asked],
        [*kept.values(), work.refresh.undone],
        js="(model) => [model, window.latentscape.undone()]",
        queue=False,
        **QUIET,
    )
    work.model.input(lambda: gr.HTML(visible=False), None, notice, queue=False, **QUIET)


def _complaint(refusals: Mapping[str, str], asked: Mapping[str, str]) -> str:
    """What of a link is not available, as HTML. The texts come from the link: anyone may have written them."""
    rows = (
        f"<li><b>{html.escape(key)}</b> = {html.escape(shown(asked[key]))}: {html.escape(words)}</li>"
        for key, words in refusals.items()
    )
    words = "This link asks for what is not available here. It was left out:"
    return f'<div role="alert">{words}<ul>{"".join(rows)}</ul></div>'


# ---- What a text in the address means ----


def _tabs_of(component: gr.Tabs) -> dict[str, gr.Tab]:
    """The tabs in it, by their ids."""
    return {tab.id: tab for tab in component.children}


def _first(component: Component) -> Any:
    """What an input holds while the address says nothing of it."""
    if isinstance(component, gr.Tabs):
        return gr.Tabs(selected=next(iter(_tabs_of(component))))
    return gr.skip() if isinstance(component, PriorRadio) else component.value  # the model's own is not known here


def _value(library: Library, component: Component, text: str, model: str = "") -> Any:
    """The value of an input that a text in the address means; of a choice that depends on the model, with the choices.

    Raises:
        RequestError: it means none, or there is no such model.
        ModelFolderError: the model cannot be loaded.
    """
    if isinstance(component, PictureInput):
        return _picture(library, text)
    if isinstance(component, gr.Tabs):
        return gr.Tabs(selected=_one_of(_tabs_of(component), text))
    if isinstance(component, gr.Checkbox):
        return _chosen({"true": True, "false": False}, text)
    if isinstance(component, PriorRadio):
        choices = component.choices_of(library[model])
        return gr.Radio(choices=choices, value=_one_of((name for _, name in choices), text))
    if isinstance(component, ModelPicker):
        models = component.choices_of(library)
        return ModelPicker(models, value=_one_of((name for _, name in models), text))
    if isinstance(component, OtherModels):
        others = component.choices_of(library, model)
        chosen = dict.fromkeys(_one_of((name for _, name in others), part) for part in text.split(SEPARATOR))
        return OtherModels(others, multiselect=True, value=[*chosen][:MOST_OTHERS])
    if isinstance(component, LabelChoice):
        choices = component.choices_of(library[model])
        values = [value for _, value in choices]
        return LabelChoice(choices, multiselect=True, value=[_one_of(values, part) for part in text.split(SEPARATOR)])
    if isinstance(component, gr.Radio | gr.Dropdown):
        return _chosen({str(value): value for _, value in component.choices}, text)
    if isinstance(component, gr.Slider):
        check = check_whole if component.step == 1 else check_range
        return check(component.label, text, component.minimum, component.maximum)
    return check_seed(text)  # all number boxes are seeds


def _one_of(names: Iterable[str], text: str) -> str:
    return _chosen({name: name for name in names}, text)


def _chosen(values: Mapping[str, Any], text: str) -> Any:
    if text not in values:
        raise RequestError(f"There is no such choice; there are: {', '.join(filter(None, values))}.")
    return values[text]


def _picture(library: Library, text: str) -> str:
    """The file of a picture in the address: an example's name, or a latent."""
    if text in EXAMPLES:
        return str(EXAMPLES[text])
    kind, _, rest = text.partition(":")
    name, _, numbers = rest.rpartition(":")
    if kind != DRAWN or not name:
        raise RequestError("There is no such example picture.")
    model = library[name]
    latent = _from_text(numbers, model.info.latent_shape)
    return files.save_drawn(model, latent, "from a link")


def _picture_text(library: Library, path: str | None) -> str:
    """What the address says of a picture; nothing of an upload, or of a latent that is too long."""
    if path is None:
        return ""
    if name := which_of(EXAMPLES, path):
        return name
    subject = open_subject(path)
    try:
        model = library[subject.latent_model] if subject.latent_model else None
        latent = model and model.own_latent(subject)
    except REFUSALS:
        return ""
    if latent is None or latent.ndim > 1:
        return ""
    text = f"{DRAWN}:{model.name}:{_to_text(latent)}"
    return text if len(text) <= MAX_LINKED_TEXT else ""


def _to_text(latent: np.ndarray) -> str:
    """A latent in letters that an address takes as they are; float16 is enough for eight bits a pixel."""
    return base64.urlsafe_b64encode(latent.astype("<f2").tobytes()).decode().rstrip("=")


def _from_text(text: str, shape: tuple[int, ...]) -> np.ndarray:
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), altchars="-_", validate=True)
        latent = np.frombuffer(content, "<f2").reshape(shape)
    except ValueError:
        raise RequestError("This is not a latent of that model.") from None
    return check_bounds(latent).astype(np.float32)
