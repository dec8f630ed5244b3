"""Opening a model on the page: one of the Hugging Face Hub by its id, or a folder of the machine that the app runs on.

The page offers it only where nobody but the person at this machine can see it, or where whoever starts the app says so
(`Opening`). Only that person can open a folder: nobody else learns what this machine's disk holds.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

import gradio as gr

from app.explore.library import Library
from app.explore.limits import RequestError
from app.explore.turns import LeftError, waiting
from app.kit.events import QUIET, REFUSALS
from app.kit.inputs import ModelPicker
from app.words import plain, words

NAME = "opening"
Opening = Literal["off", "ids", "folders"]  # nothing; ids of the Hub; these, and folders for who sits at this machine
SECONDS_BETWEEN_WORDS = 0.5
LONGEST = 1000  # characters of an id or a path


def opening_for(host: str | None, share: bool, root_path: str | None, allowed: bool) -> Opening:
    """What the page may open.

    Args:
        host: to listen on; None for what GRADIO_SERVER_NAME says, or else this machine alone.
        share: whether there is a public address too.
        root_path: where a proxy serves the page; None for what GRADIO_ROOT_PATH says.
        allowed: whether the person who starts the app lets everyone who sees the page open ids of the Hub.
    """
    host = host or os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1")
    elsewhere = share or root_path or any(map(os.environ.get, ("GRADIO_ROOT_PATH", "GRADIO_SHARE", "SPACE_ID")))
    if _is_loopback(host) and not elsewhere:
        return "folders"
    return "ids" if allowed else "off"


def open_button() -> gr.Button:
    """The button that shows the field."""
    return gr.Button("Open a model", size="sm", min_width=0, scale=0, elem_id="open-model")


def build(library: Library, model: ModelPicker, button: gr.Button, opening: Opening) -> None:
    """The field, hidden until the button is pressed; what it opens joins the picker and is picked."""
    is_shown = gr.State(False)
    with gr.Row(visible=False, elem_id=NAME) as row:
        text = gr.Textbox(
            label="A model's id on the Hugging Face Hub" + (", or a folder" if opening == "folders" else ""),
            placeholder="madebyollin/taesd" + (" or runs/mine" if opening == "folders" else ""),
            info=words(NAME, "folders" if opening == "folders" else "ids"),
            max_length=LONGEST,
            max_lines=1,
            elem_id="opening-text",
        )
        start = gr.Button("Open", variant="primary", min_width=120, scale=0, elem_id="opening-start")
    said = gr.Markdown(visible=False, elem_classes="note", elem_id="opening-said")

    def toggle(is_open: bool):
        return {row: gr.update(visible=not is_open), said: gr.update(visible=False), is_shown: not is_open}

    def run(asked: str, request: gr.Request):
        arrived: list[str] = []
        has_left = threading.Event()
        beside = ThreadPoolExecutor(1)

        def ends_soon(job: Future) -> bool:
            with waiting():
                return bool(wait([job], SECONDS_BETWEEN_WORDS).done)

        def tell(so_far: int, total: int | None) -> None:
            if has_left.is_set():
                raise LeftError
            arrived[:] = [words(NAME, "downloading", model=plain(asked), arrived=_megabytes(so_far, total))]

        try:
            asked = (asked or "").strip()
            if not 0 < len(asked) <= LONGEST:
                raise RequestError(words(NAME, "nothing"))
            with_folders = opening == "folders" and sits_here(request.client and request.client.host, request.headers)
            job = beside.submit(library.open, asked, with_folders=with_folders, on_progress=tell)
            while not ends_soon(job):
                yield {said: _note(arrived[-1] if arrived else words(NAME, "waiting", model=plain(asked)))}
            name = job.result()
        except REFUSALS as error:
            yield {said: _note(f"**That did not work.** {plain(str(error))}")}
            return
        finally:  # of who cancels, in the loop that answers everybody: the download ends as the next of it comes
            has_left.set()
            beside.shutdown(wait=False)
        opened = words(NAME, "opened", model=plain(library.title(name)))
        yield {said: _note(opened), model: ModelPicker(ModelPicker.choices_of(library), value=name), text: ""}

    button.click(toggle, is_shown, [row, said, is_shown], queue=False, **QUIET)
    gr.on([start.click, text.submit], run, text, [said, model, text], trigger_mode="once", concurrency_limit=1, **QUIET)


def sits_here(client: str | None, headers: Mapping[str, str]) -> bool:
    """Whether a request comes from a browser on this machine, from a page of ours: by no proxy, and no other site's.

    Args:
        client: the address that it comes from.
        headers: its own.
    """
    forwarded = any(name.startswith(("x-forwarded", "forwarded", "x-real-ip")) for name in map(str.lower, headers))
    hosts = [urlsplit(f"//{headers.get('host', '')}").hostname, urlsplit(headers.get("origin", "")).hostname]
    if "origin" not in headers:
        hosts.pop()
    return not forwarded and _is_loopback(client) and all(map(_is_loopback, hosts))


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False


def _megabytes(so_far: int, total: int | None) -> str:
    return f"{so_far / 1e6:,.1f} MB" + (f" of {total / 1e6:,.1f}" if total else "")


def _note(said: str) -> dict:
    return gr.update(value=said, visible=True)
