"""Events: how listeners are set, errors that a person can mend, and what keeps a tab true to its inputs.

Of the events that come while one is answered, the last is to be answered next (`trigger_mode="always_last"`). For that,
Gradio sends the data of the event that it has just answered once more. So a widget tells every event of a kind in one
object, whose content is always the newest: `telling` in web/dom.js.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from app.explore.limits import RequestError
from vae.checkpoint import ModelFolderError
from vae.images import PictureError

# With the empty list, no component waits for an answer. Else the page, at each step of each event, copies the values
# of all that have ever waited, and of tabs those of everything inside.
UNSEEN = {"show_progress": "hidden", "show_progress_on": []}
QUIET = {"api_visibility": "private"} | UNSEEN
NEWEST = QUIET | {"trigger_mode": "always_last"}

# What `gr.skip()` is in the page. A listener there that writes a value back as it was would undo what another has
# written since it was read.
SKIP = "({__type__: 'update'})"

FORGED = "This request is not understood. Reload the page."  # what no page of ours sends

# What a person can mend: the message says how.
REFUSALS = (PictureError, RequestError, ModelFolderError)


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
    except REFUSALS as error:
        raise gr.Error(str(error), title="That did not work", print_exception=False) from None


def told(event: gr.EventData, name: str) -> Any:
    """What an event carries under a name; None if it carries nothing. It comes from the browser, and may be anything.

    Reading `event.name` fails where a forged event carries no object, and `gr.SelectData` cannot even be made of one.
    """
    return event._data.get(name) if isinstance(event._data, dict) else None


@dataclass
class Shown:
    """What a part of the page shows. One of these for each part and session, in a `gr.State`.

    Attributes:
        values: that it was drawn from, or what tells them from others; None before the first drawing, and after one
            that failed.
    """

    values: tuple | bytes | None = None


class Refresh:
    """Keeps what each tab shows true to the model and the tab's inputs, drawing only the tab that is open.

    A tab is asked to draw by a new value in a hidden number box of its own, written in the browser (the time, which is
    always another value): so a tab that is not open costs no request, and one listener draws it, whatever asked.

    Attributes:
        model: the picker; its value is a model's name.
        open_tab: hidden; its value is the id of the open tab.
        version: another value draws all tabs again, each when it is open: the model is the same, and what it is is not.
        moments: another value says that more of the model's training can be looked at, and that nothing else changed.
        requests: hidden, one for each tab, by its id.
        undone: hidden; has another value each time that Back has brought inputs back.
    """

    def __init__(self, model: gr.Dropdown, tabs: Sequence[str]):
        """Makes the hidden components, inside a Blocks; the first of these ids is the tab that is open at first."""
        self.model = model
        self.open_tab = gr.Textbox(tabs[0], visible=False)
        self.requests = {tab: gr.Number(0, visible=False) for tab in tabs}
        self.version = gr.State(0)
        self.moments = gr.State(0)
        self.undone = gr.Number(0, visible=False)
        if_open = f"(open) => {[*tabs]}.map((tab) => tab === open ? performance.now() : {SKIP})"
        gr.on([model.change, self.version.change], None, self.open_tab, [*self.requests.values()], js=if_open)

    def tab(self, title: str, tab: str) -> gr.Tab:
        """A tab that is drawn when it is opened."""
        made = gr.Tab(title, id=tab)
        made.select(None, None, [self.open_tab, self.requests[tab]], js=f"() => ['{tab}', performance.now()]")
        return made

    def keep_drawn(
        self,
        tab: str,
        draw: Callable,
        inputs: Sequence[Component],
        outputs: Sequence[Component],
        changes: Sequence[Callable] = (),
        is_built: bool = True,
        **options,
    ) -> None:
        """Draws a tab when its inputs or the model change while it is open, or as it is opened.

        Everything that makes it draw goes through one listener, of an event that nothing else listens to. Two listeners
        would run side by side, and the one that began first might end last. And when a listener that keeps the last
        event is done, Gradio sends the event again, to all that listen to it.

        Args:
            tab: its id.
            draw: `draw(model, *inputs)` returns values for `outputs`, or a dict of those that change.
            inputs: what the drawing depends on besides the model.
            outputs: what it is drawn on.
            changes: the inputs' events that ask for a drawing. Without any, only another model does.
            is_built: where there are changes, whether the page as it is built shows the drawing of the inputs' values
                and of the default model.
            options: of the listener.
        """
        draw = explained(draw)
        built = (self.version.value, self.model.value, *(component.value for component in inputs))
        shown = gr.State(Shown(_mark_of(built) if changes and is_built else None))

        def follow(shown, version, *values):
            asked = _mark_of((version, *(values if changes else values[:1])))
            if shown.values == asked:
                return gr.skip()
            shown.values = None
            updates = draw(*values)
            shown.values = asked
            return updates

        request = self.requests[tab]
        inputs = [shown, self.version, self.model, *inputs]
        if changes:
            if_open = f"(open) => open === '{tab}' ? performance.now() : {SKIP}"
            gr.on([*changes, self.undone.change], None, self.open_tab, request, js=if_open)
        request.change(follow, inputs, outputs, trigger_mode="always_last", api_visibility="private", **options)


def _mark_of(values: tuple) -> bytes:
    """Tells what a visitor sends, which may be megabytes, from other values, in the few bytes that a session may keep.

    1 and 1.0 are one. What the app itself notes there of what is shown is left out.

    Raises:
        TypeError: there is something else that is not JSON.
    """

    def left_out(value: object) -> None:
        if not isinstance(value, Shown):
            raise TypeError(f"a {type(value).__name__} among what a tab is drawn from")

    plain = json.loads(json.dumps(values, default=left_out), parse_int=float)
    return hashlib.blake2b(repr(plain).encode(), digest_size=16).digest()
