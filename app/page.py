"""The page: a header with the model picker, the tabs, and the address bar; and how it is served."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import gradio as gr
from fastapi.exceptions import RequestValidationError
from starlette.middleware import Middleware

from app import address, api, front, guide, landing, opening, watching
from app.explore.library import Library
from app.explore.limits import KEPT_SECONDS, KEPT_SESSIONS, MAX_FILE_MEGABYTES, QUEUED_AT_ONCE, TIDY_SECONDS
from app.kit import web
from app.kit.door import Door, Page, keep_log_short, unreadable
from app.kit.events import QUIET, REFUSALS, Refresh
from app.kit.examples import FOLDER as EXAMPLES
from app.kit.inputs import ModelPicker
from app.kit.shares import Shares
from app.kit.workspace import Workspace
from app.tabs import interpolate, learnt, map, reconstruct, sample
from app.theme import STYLE, theme
from app.widgets.latent_map import PRELOAD
from app.words import plain

T = TypeVar("T")

# The first is open at first. A tab is a file with a NAME (its id, and how its keys in the address begin), a TITLE,
# `targets()` of "Send to", and `build(workspace)`, which returns the inputs that the address holds.
TABS: tuple[ModuleType, ...] = (reconstruct, interpolate, sample, map, learnt)

# web/who_draws.js fills it.
WHO_DRAWS = (
    '<span id="who-draws" class="caption" title="Once your browser has loaded the model, it draws the pictures itself '
    'if that is faster. Moving a slider then sends nothing over the network."></span>'
)

COPY_LINK = "() => window.latentscape.copyLink(document.querySelector('#copy-link'))"
FULL_SCREEN = "() => document.fullscreenElement ? document.exitFullscreen() : document.body.requestFullscreen()"

# What the page's head runs, each in a scope of its own.
SCRIPTS = "".join(
    f"<script>{{{(Path(__file__).parent / name).read_text('utf-8')}}}</script>"
    for name in ("storage.js", "answers.js", "file_names.js", "small_pictures.js")
)

# On a phone, Gradio hides the first of the footer's two links, and not the dot between them. The rules of style.css are
# for what is inside of the page, and the footer is not.
FOOTER = "<style>@media (width <= 640px) { footer .divider { display: none } }</style>"


def build(library: Library, may_open: opening.Opening = "off", watch: bool = False) -> gr.Blocks:
    """The page of these models, and of those that it may open; `watch` follows the folder of the picked one."""
    with Page(title=front.TITLE, fill_width=False, delete_cache=(TIDY_SECONDS, KEPT_SECONDS)) as page:
        api.build(library)  # first: its endpoints get the plain names, whatever the tabs' handlers are called
        has_guide = guide.is_possible(library)
        with gr.Row(elem_id="header", equal_height=True):
            gr.Markdown("# Latentscape\nExplore what an image autoencoder has learnt.", elem_id="title")
            with gr.Row(elem_id="tools", elem_classes="send"):
                open_guide = guide.open_button(visible=has_guide)
                open_model = opening.open_button() if may_open != "off" else None
                copy = gr.Button("Copy link", size="sm", min_width=0, scale=0, elem_id="copy-link")
                whole = gr.Button("Full screen", size="sm", min_width=0, scale=0, elem_id="full-screen")
            choices = ModelPicker.choices_of(library)
            model = ModelPicker(choices, value=library.default, label="Model", elem_id="model", scale=0, min_width=240)
        if open_model:
            opening.build(library, model, open_model, may_open)
        with gr.Row(elem_id="model-line"):
            about = gr.Markdown(library.look_at(library.default).describe(), elem_id="about")
            gr.HTML(WHO_DRAWS, elem_id="drawing")
        copy.click(None, None, None, js=COPY_LINK)
        whole.click(None, None, None, js=FULL_SCREEN)
        model.change(lambda name: _about(library, name), model, about, queue=False, **QUIET)
        notice = gr.HTML(visible=False, elem_id="notice", elem_classes="note")
        refresh = Refresh(model, [tab.NAME for tab in TABS])
        if watch:
            watching.build(library, refresh)
        targets = _joined(tab.targets() for tab in TABS)
        has_landing = landing.is_possible(library)
        first = gr.Column(elem_id=landing.NAME, visible=has_landing)
        above_tabs = gr.Column(elem_id=guide.NAME, visible=has_guide)
        with gr.Tabs(elem_id="tabs") as tabs:
            work = Workspace(library, refresh, tabs, targets)
            kept = {"model": model}
            for tab in TABS:
                with refresh.tab(tab.TITLE, tab.NAME):
                    kept |= {f"{tab.NAME}.{key}": component for key, component in tab.build(work).items()}
        titles = {tab.NAME: tab.TITLE for tab in TABS}
        if has_landing:
            with first:
                landing.build(work, open_guide, titles)
        if has_guide:
            with above_tabs:
                kept |= guide.build(work, open_guide, titles)
        address.build(page, work, kept, notice)
    return page


def _about(library: Library, name: str) -> str:
    """What a model is, in a line of Markdown; of one that cannot be loaded, why."""
    try:
        return library[name].describe()
    except REFUSALS as error:
        return plain(str(error))


def launch(
    library: Library,
    host: str | None = None,
    port: int | None = None,
    *,
    root_path: str | None = None,
    auth: tuple[str, str] | None = None,
    share: bool = False,
    mcp: bool = False,
    may_open: opening.Opening = "off",
    watch: bool = False,
) -> gr.Blocks:
    """Serves the page, in threads of its own; `local_url` of what is returned is where.

    Args:
        library: the models.
        host: address to listen on; None for this machine alone, or on a Space for all.
        port: to listen on; None for the first that is free from 7860 on.
        root_path: where a reverse proxy serves the page, such as "/latents" or a whole address; None for what
            GRADIO_ROOT_PATH says.
        auth: a user's name and password, without which nobody sees the page or asks it anything.
        share: whether Gradio makes a public address for it too, for three days.
        mcp: whether the endpoints are offered as tools to agents (the Model Context Protocol).
        may_open: which models the page opens besides; see app/opening.py.
        watch: whether the page follows a training under way; see app/watching.py.

    Raises:
        OSError: it cannot listen there.
    """
    keep_log_short()
    page = build(library, may_open, watch)
    page.api_open = False  # as on a Space: what goes by the queue does so whoever asks, and waits there for its turn
    page.launch(
        server_name=host,
        server_port=port,
        root_path=root_path,
        auth=auth,
        share=share,
        mcp_server=mcp,
        theme=theme(),
        css_paths=[*STYLE],
        head=address.head({tab.NAME: tab.TITLE for tab in TABS}) + PRELOAD + SCRIPTS + FOOTER,
        favicon_path=front.ICON,
        app_kwargs={
            "routes": [
                *front.routes(),
                *web.decoder_routes(library),
                *web.latents_routes(library),
                *web.points_routes(library),
                *web.snapshot_routes(library),
                *web.routes(),
            ],
            "middleware": [Middleware(Shares), Middleware(front.Front), Middleware(Door)],
            "exception_handlers": {RequestValidationError: unreadable},
        },
        state_session_capacity=KEPT_SESSIONS,
        max_threads=QUEUED_AT_ONCE,  # Gradio's name for what the queue begins; of threads, `Threads` says
        max_file_size=f"{MAX_FILE_MEGABYTES}mb",
        allowed_paths=[str(EXAMPLES)],  # wherever the app is started from
        footer_links=["api", "settings"],
        ssr_mode=False,  # the page is light enough without, and Node.js is one part less to need
        prevent_thread_lock=True,
        _frontend=False,  # else Gradio asks itself for the page, and does not start where that takes it three seconds
    )
    return page


def _joined(parts: Iterable[Mapping[str, T]]) -> dict[str, T]:
    """Several tabs' mappings in one.

    Raises:
        ValueError: two tabs use one key.
    """
    whole: dict[str, T] = {}
    for part in parts:
        if both := whole.keys() & part.keys():
            raise ValueError(f"two tabs use {sorted(both)}")
        whole |= part
    return whole
