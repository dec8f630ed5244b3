"""What the tabs share: the models, the ways between the tabs, a picture input, and errors as messages."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
from gradio.components import Component

from app.explorer import Library, RequestError
from vae.checkpoint import ModelFolderError
from vae.images import PictureError

EXAMPLES = [
    str(path)
    for kind in ("fruit", "emoji", "photo")
    for path in sorted((Path(__file__).parents[2] / "assets" / "examples").glob(f"{kind}-*"))
]


QUIET = {"api_visibility": "private", "show_progress": "hidden"}


def explained(handler: Callable) -> Callable:
    """The handler, with the errors that a person can mend shown on the page as messages."""

    @functools.wraps(handler)
    def wrapped(*arguments):
        with _explaining():
            return handler(*arguments)

    @functools.wraps(handler)
    def wrapped_generator(*arguments):
        with _explaining():
            yield from handler(*arguments)

    return wrapped_generator if inspect.isgeneratorfunction(handler) else wrapped


@contextmanager
def _explaining():
    try:
        yield
    except (PictureError, RequestError, ModelFolderError) as error:
        raise gr.Error(str(error), title="That did not work", print_exception=False) from None


class PictureInput(gr.Image):
    """A picture from disk, clipboard or camera. Hands its path on undecoded: `vae.images` decodes, and explains."""

    is_template = True  # the front end is gr.Image's own

    def __init__(self, label: str, **options):
        super().__init__(
            label=label, type="filepath", image_mode=None, sources=["upload", "clipboard", "webcam"], **options
        )

    def get_config(self, cls=None) -> dict:
        """gr.Image's own: Gradio reads the names of the settings off the constructor, and this one has others."""
        return super().get_config(gr.Image)

    def preprocess(self, payload):
        """The path of the uploaded file, or None."""
        try:
            return super().preprocess(payload)
        except gr.Error:
            raise
        except Exception as error:  # gr.Image looks into the file with Pillow, which raises many kinds
            raise gr.Error(
                "This file is not a picture that can be read. Try a JPEG, PNG or WebP.",
                title="That did not work",
                print_exception=False,
            ) from error


@dataclass(frozen=True)
class Destination:
    """Where a picture can be sent: the words on the button, the tab, and the input that takes it."""

    label: str
    tab: str
    input: PictureInput


@dataclass(frozen=True)
class Workspace:
    """What the tabs share.

    Attributes:
        library: the models.
        model: the picker; its value is a name in the library.
        model_changed: registers what follows when a person picks another model.
        tabs: to open one from another.
        open_tab: hidden; its value is the id of the open tab.
        destinations: the tabs' picture inputs by name; each is rendered by its tab.
    """

    library: Library
    model: gr.Dropdown
    model_changed: Callable
    tabs: gr.Tabs
    open_tab: gr.Textbox
    destinations: dict[str, Destination]

    @property
    def tab_names(self) -> set[str]:
        """The ids of the tabs."""
        return {destination.tab for destination in self.destinations.values()}

    def tab(self, title: str) -> gr.Tab:
        """A tab, whose id is its title in small letters."""
        tab = gr.Tab(title, id=title.lower())
        tab.select(None, None, self.open_tab, js=f"() => '{tab.id}'")
        return tab

    def send_buttons(self, picture: Component, *but: str) -> None:
        """A row of buttons that take the path that `picture` holds to every destination but those named."""

        def send(path, tab):
            if path is None:
                raise gr.Error("There is no picture to send yet.", title="Nothing to send", print_exception=False)
            return path, gr.Tabs(selected=tab)

        with gr.Row(elem_classes="send"):
            gr.Markdown("Send to", elem_classes="caption")
            for name, destination in self.destinations.items():
                if name in but:
                    continue
                button = gr.Button(destination.label, size="sm", min_width=0, elem_classes=f"send-{name}")
                button.click(
                    functools.partial(send, tab=destination.tab), picture, [destination.input, self.tabs], **QUIET
                )

    def draw_for_model(
        self, tab: gr.Tab, draw: Callable, inputs: Sequence[Component], outputs: Sequence[Component], **options
    ) -> None:
        """Calls `draw(model, *inputs)` when the model changes: at once if the tab is open, else when it is opened."""
        drawn_for = gr.State(None)
        draw = explained(draw)

        def draw_if_stale(name, drawn, *values):
            return gr.skip() if name == drawn else (name, *_as_tuple(draw(name, *values)))

        def draw_if_open(opened, *values):
            return draw_if_stale(*values) if opened == tab.id else gr.skip()

        options |= {"api_visibility": "private", "trigger_mode": "always_last"}
        inputs, outputs = [self.model, drawn_for, *inputs], [drawn_for, *outputs]
        tab.select(draw_if_stale, inputs, outputs, **options)
        # Not as one more listener of the picker: Gradio, when a listener that keeps the last event is done, sends the
        # event again to all listeners, and several of those would wake each other for ever.
        self.model_changed(draw_if_open, [self.open_tab, *inputs], outputs, **options)


def _as_tuple(values) -> tuple:
    return values if isinstance(values, tuple) else (values,)
