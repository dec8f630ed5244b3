"""What the tabs share: the models, the ways between the tabs, a picture input, and errors as messages."""

from __future__ import annotations

import functools
import html
import inspect
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
from gradio.components import Component

from app.checks import RequestError
from app.library import Library
from app.widgets.examples import Examples
from vae.checkpoint import ModelFolderError
from vae.images import PictureError, open_picture

EXAMPLES = {
    path.name: path
    for kind in ("fruit", "emoji", "photo")
    for path in sorted((Path(__file__).parents[2] / "assets" / "examples").glob(f"{kind}-*"))
}


def examples_for(model: str) -> list[Path]:
    """The example pictures, those of a model's own kind first: of "fruits", the files called fruit-*."""
    return sorted(EXAMPLES.values(), key=lambda path: not model.startswith(path.name.partition("-")[0]))


# How Markdown marks formulas, in the text and on lines of their own.
LATEX = [{"left": "$$", "right": "$$", "display": True}, {"left": "$", "right": "$", "display": False}]

QUIET = {"api_visibility": "private", "show_progress": "hidden"}
# Of events that come while one is answered, the last is answered next. For that, Gradio sends the data of the event
# that it has just answered once more: so each of our widgets tells its events in one object, which says the newest.
NEWEST = QUIET | {"trigger_mode": "always_last"}


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


def answered(function: Callable, *kinds: type | tuple[type, ...]) -> Callable:
    """A server function for a widget: takes what the page sent as one list, and answers with a dict.

    The list may come from anyone: where it is not of these kinds, or asks what cannot be done, the answer is
    `{"error": sentence}`, since an exception would end as a traceback in the log.
    """

    def answer(arguments: list) -> dict:
        fits = isinstance(arguments, list) and len(arguments) == len(kinds) and all(map(isinstance, arguments, kinds))
        if not fits:
            return {"error": "This request is not understood. Reload the page."}
        try:
            return function(*arguments)
        except (PictureError, RequestError, ModelFolderError) as error:
            return {"error": str(error)}

    answer.__name__ = function.__name__
    return answer


class PictureFile(gr.Image):
    """A picture as a file. Hands its path on undecoded: `vae.images` decodes, and explains."""

    def __init__(self, label: str, **options):
        super().__init__(
            label=label, type="filepath", image_mode=None, sources=["upload", "clipboard", "webcam"], **options
        )

    def get_block_name(self) -> str:
        """The front end is gr.Image's own."""
        return "image"

    def get_config(self, cls=None) -> dict:
        """gr.Image's own: Gradio reads the names of the settings off the constructor, and this one has others."""
        return super().get_config(gr.Image)

    def preprocess(self, payload) -> str | None:
        """The path of the uploaded file, or None."""
        if payload is not None and payload.url and payload.url.startswith("data:"):
            return super().preprocess(payload)  # writes it to a file
        return payload and payload.path


class PictureInput(PictureFile):
    """A picture from disk, clipboard or camera. A file that is none is turned away with one message.

    Handlers get the path of a picture that can be read, or None. Gradio shows an error that a handler raises over every
    one of its outputs, and hands the same file to each handler that takes it as input: so the complaint is made here,
    once for each upload, and the input is cleared.
    """

    def render(self):
        """Gradio's own, and what follows an upload."""
        super().render()
        self.upload(self._turn_away, self, self, preprocess=False, **NEWEST)
        return self

    def preprocess(self, payload) -> str | None:
        """The path of a picture that can be read, or None."""
        path = super().preprocess(payload)
        return None if path is None or _complaint(path) else path

    def _turn_away(self, payload: dict | None):
        """Takes the upload as it came, which Gradio has checked to be a file of its upload folder."""
        path = payload and payload.get("path")
        return gr.skip() if not path or is_picture(path) else None


def is_picture(path: str) -> bool:
    """Whether a file is a picture that can be read. Where it is none, the page says why."""
    words = _complaint(path)
    if words:
        gr.Warning(html.escape(words), title="That did not work")
    return not words


@functools.lru_cache(maxsize=256)  # Gradio names an uploaded file by its content
def _complaint(path: str) -> str:
    """Why this file is no picture that can be read; empty if it is one."""
    try:
        open_picture(path)
    except PictureError as error:
        return str(error)
    return ""


class Newest:
    """What a tab was asked for last, and what it shows. One of these for each tab and session, in a `gr.State`."""

    def __init__(self, shown: object):
        self._asked = self._shown = shown

    def shows(self, asked: object) -> bool:
        """Whether this has been drawn to its end, and nothing else since."""
        return self._shown == asked

    def ask(self, asked: object) -> None:
        """Takes note of what is asked for."""
        self._asked = asked

    def drawing(self, asked: object) -> Callable[[], bool]:
        """Takes note that this is being drawn; returns what says no as soon as something else is asked for."""
        self._asked, self._shown = asked, None
        return lambda: self._asked == asked

    def drawn(self, asked: object) -> None:
        """Takes note that this has been drawn, if it was not left off for something else."""
        if self._asked == asked:
            self._shown = asked


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
        redraw: hidden, one for each tab: another value asks the tab, which is open, to see to what it shows.
        tabs: to open one from another.
        open_tab: hidden; its value is the id of the open tab.
        destinations: the tabs' picture inputs by name; each is rendered by its tab.
    """

    library: Library
    model: gr.Dropdown
    redraw: dict[str, gr.Number]
    tabs: gr.Tabs
    open_tab: gr.Textbox
    destinations: dict[str, Destination]

    def tab(self, title: str) -> gr.Tab:
        """A tab, whose id is its title in small letters."""
        tab = gr.Tab(title, id=title.lower())
        asked = [self.open_tab, self.redraw[tab.id]]
        tab.select(None, None, asked, js=f"() => ['{tab.id}', performance.now()]")
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

    def examples(self, legend: str, picture: PictureInput, **options) -> None:
        """A row of pictures that fill an input by a click; those of the model's own kind come first."""

        def offer(name):
            return Examples.payload(legend, examples_for(name))

        def choose(event: gr.EventData):
            return str(EXAMPLES[event.file]) if event.file in EXAMPLES else gr.skip()

        choice = Examples(offer(self.library.default), **options)
        choice.select(choose, None, picture, **NEWEST)
        self.model.change(offer, self.model, choice, trigger_mode="multiple", queue=False, **QUIET)

    def keep_drawn(
        self,
        tab: gr.Tab,
        draw: Callable,
        inputs: Sequence[Component],
        outputs: Sequence[Component],
        changes: Sequence[Callable] = (),
        **options,
    ) -> None:
        """Keeps what a tab shows true to the model and its inputs: draws when the tab is open, or as it is opened.

        Everything that makes it draw goes through one listener, of an event that nothing else listens to. Two listeners
        would run side by side, and the one that began first might end last. And when a listener that keeps the last
        event is done, Gradio sends the event again, to all that listen to it.

        Args:
            tab: the tab.
            draw: `draw(model, *inputs)` returns values for `outputs`. Or `draw(model, *inputs, wanted)` is a generator,
                which yields them as they come, and ends early once `wanted()` says no.
            inputs: what the drawing depends on besides the model.
            outputs: what it is drawn on.
            changes: the inputs' events that ask for a drawing; as it is built, the page shows that of their values
                and of the default model. Without any, only another model does.
            options: of the listener.
        """
        grows = inspect.isgeneratorfunction(draw)
        draw = explained(draw)
        shown = (self.library.default, *(component.value for component in inputs)) if changes else None
        newest = gr.State(Newest(shown))

        def follow(newest, *values):
            asked = values if changes else values[:1]
            if newest.shows(asked):
                yield gr.skip()
                return
            wanted = newest.drawing(asked)
            if grows:
                yield from draw(*values, wanted)
            else:
                yield draw(*values)
            newest.drawn(asked)

        def ask(newest, *values):
            newest.ask(values)

        redraw = self.redraw[tab.id]
        inputs = [newest, self.model, *inputs]
        if changes:
            if_open = f"(open, time) => open === '{tab.id}' ? performance.now() : time"
            gr.on(changes, None, [self.open_tab, redraw], redraw, js=if_open)
        if grows:
            # Gradio keeps a person's next request back until the one before it is done: this ends that one early.
            redraw.change(ask, inputs, queue=False, trigger_mode="multiple", **QUIET)
        redraw.change(follow, inputs, outputs, trigger_mode="always_last", api_visibility="private", **options)
