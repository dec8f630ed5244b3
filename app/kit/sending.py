"""Pictures from one tab to another: an upload or an example as the file itself, a drawn one with its latent in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import gradio as gr
from gradio.components import Component

from app.explore.files import save_drawn
from app.explore.latents import unpack
from app.explore.library import Library
from app.explore.limits import RequestError
from app.explore.opened import OpenModel
from app.explore.reconstruct import Reconstruction, is_foreign, reconstruct
from app.explore.subject import Subject
from app.kit.events import NEWEST, QUIET, explained, told
from app.kit.examples import EXAMPLES, name_of, which_of
from app.kit.inputs import PictureInput
from app.words import plain, words

PHOTOS = "photos"  # the model that knows photographs


@dataclass(frozen=True)
class Target:
    """Where a picture can be sent.

    Attributes:
        label: the words on the button.
        tab: the id of the tab that is opened.
        input: what takes the picture. It is made before the tabs (`render=False`), each of which renders its own.
    """

    label: str
    tab: str
    input: PictureInput


def send_buttons(targets: Mapping[str, Target], tabs: gr.Tabs, picture: Component, *but: str) -> None:
    """A row of buttons that take the path that `picture` holds to every target but those named."""

    def send(path, tab):
        if path is None:
            raise gr.Error("There is no picture to send yet.", title="Nothing to send", print_exception=False)
        return path, gr.Tabs(selected=tab)

    with gr.Row(elem_classes="send"):
        gr.Markdown("Send to", elem_classes="caption")
        for name, target in targets.items():
            if name in but:
                continue
            button = gr.Button(target.label, size="sm", min_width=0, elem_classes=f"send-{name}")
            button.click(partial(send, tab=target.tab), picture, [target.input, tabs], **QUIET)


def drawn_picture(library: Library, event: gr.EventData) -> str:
    """The picture of the latent that a widget's event carries: decoded, and written as a PNG that holds the latent.

    Args:
        library: has the model.
        event: with `model`, a name; `latent`, one latent in the wire form; `words`, what the picture is. It comes from
            the browser, and may be forged.

    Returns:
        The path of the file, which is named after the model and the words.

    Raises:
        RequestError: it is forged.
        ModelFolderError: the model cannot be loaded.
    """
    name = told(event, "model")
    if not isinstance(name, str):
        raise RequestError("The event names no model. Reload the page.")
    model = library[name]
    return save_drawn(model, unpack(told(event, "latent"), model, most=1)[0], told(event, "words"))


def keep_picture(library: Library, commit: Callable, *kept: Component) -> None:
    """Keeps the path of the picture whose latent a widget tells.

    Args:
        library: has the model.
        commit: the widget's event, which carries what `drawn_picture` takes.
        kept: what gets the path.
    """

    def keep(event: gr.EventData):
        return dict.fromkeys(kept, drawn_picture(library, event))

    commit(explained(keep), None, kept, **NEWEST)


def called(subject: Subject) -> str:
    """What the page calls a picture: "Point 7 of the map", "Sample 3 of seed 7", "Example: apple"; others are yours."""
    if subject.latent is None:
        example = which_of(EXAMPLES, subject.path)
        return f"Example: {name_of(example)}" if example else "Your picture"
    said = subject.words.partition(":")[0].strip() or "a drawn picture"
    return said[:1].upper() + said[1:]


def received(library: Library, model: OpenModel, subject: Subject) -> str:
    """Which latent a model takes of a picture that the app drew, in a sentence; empty for any other picture."""
    if subject.latent is None:
        return ""
    own = subject.latent_model == model.name
    drawn_by = (
        library.info(subject.latent_model).title if subject.latent_model in library.names else subject.latent_model
    )
    part = "encoded_anew" if not own else "altered" if model.own_latent(subject) is None else "used_as_it_is"
    figures = {"model": model.info.title, "drawn_by": drawn_by, "words": subject.words}
    return words("received", part, **{name: plain(text) for name, text in figures.items()})


def foreign(library: Library, model: OpenModel, subject: Subject, made: Reconstruction | None = None) -> str:
    """What to expect of a picture of another kind than a model's data, in a sentence or two; empty for its own kind.

    Args:
        library: may have a model that knows photographs.
        model: whose data.
        subject: the picture.
        made: its reconstruction from the posterior mean, where that is at hand.
    """
    if not is_foreign(model, made or reconstruct(model, subject)):
        return ""
    said = words("received", "foreign", model=plain(model.info.title))
    if PHOTOS not in library.names or model.name == PHOTOS:
        return said
    return f"{said} {words('received', 'try_photos', photos=plain(library.info(PHOTOS).title))}"
