"""Widget: a component of our own, made of the files in its folder."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import gradio as gr

from app.kit import web
from app.kit.events import FORGED, REFUSALS


class Widget(gr.HTML):
    """A gr.HTML from a folder: `template.html`, `style.css`, and the module `main.js`, which exports

        mount({ element, trigger, props, server, upload, watch })

    A subclass stands in the folder's `__init__.py`. Gradio fills the template and the style sheet with the props (as
    Handlebars and as a JavaScript template string), and nests the style sheet in a rule for the component: no
    `@keyframes` there, and no backslash in either.

    What an event carries comes from the browser, and may be forged: check it before use. Gradio tells an event "change"
    by itself whenever the value changes; an event for what a person did needs another name.

    Class attributes:
        EVENTS: names of the events that the script tells.
        PROPS: settings that the script reads in `props`, with their defaults. A handler sets them by returning
            `Subclass(name=value)`; there None is a value, which `gr.update` would drop.

    Args:
        value: JSON-ready, or None for nothing.
        server: functions that the script calls, as `server.<name>(...)`, by way of `ask` in web/ask.js. Arguments are
            checked against the annotations of their parameters; they may raise what a person can mend, and the page
            gets `{"error": sentence}`.
        options: values of PROPS, and what `gr.HTML` takes, such as `elem_id` and `visible`.
    """

    EVENTS: ClassVar[Sequence[str]] = ()
    PROPS: ClassVar[dict[str, Any]] = {}

    def __init__(self, value: Any = None, *, server: Sequence[Callable] = (), **options: Any):
        folder = Path(inspect.getfile(type(self))).parent
        settings = self.PROPS | options
        super().__init__(
            value,
            html_template=(folder / "template.html").read_text("utf-8"),
            css_template=(folder / "style.css").read_text("utf-8"),
            js_on_load=web.mounting(f"widgets/{folder.name}/main.js", {name: settings[name] for name in self.PROPS}),
            apply_default_css=False,
            server_functions=[guarded(function) for function in server],
            **settings,
        )


def guarded(function: Callable) -> Callable:
    """A function in the form in which Gradio calls a server function: with all arguments in one list.

    (A single argument comes by itself.) Any client can send that list. Where it does not fit the function's parameters,
    or asks for what cannot be done, the answer is `{"error": sentence}`: an exception would end as a traceback in the
    log, and as no answer in the page.
    """
    hints = typing.get_type_hints(function)
    parameters = [hints[name] for name in inspect.signature(function).parameters]

    def answer(arguments: Any) -> dict:
        if len(parameters) == 1:
            arguments = [arguments]
        if not isinstance(arguments, list) or len(arguments) != len(parameters):
            return {"error": FORGED}
        if not all(_fits(value, kind) for value, kind in zip(arguments, parameters, strict=True)):
            return {"error": FORGED}
        try:
            return function(*arguments)
        except REFUSALS as error:
            return {"error": str(error)}

    answer.__name__ = function.__name__
    return answer


def _fits(value: Any, kind: Any) -> bool:
    """Whether a value from JSON is of an annotated type. What a list holds is for the function to check."""
    if isinstance(kind, types.UnionType):
        return any(_fits(value, one) for one in typing.get_args(kind))
    if kind is float:
        return type(value) in (int, float)
    if kind is int:
        return type(value) is int  # True is an int to Python
    return isinstance(value, typing.get_origin(kind) or kind)
