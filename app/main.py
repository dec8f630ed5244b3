"""Entry point: arguments -> Library of Explorers -> Blocks -> launch.

`python app/main.py` from any working directory, and as it is on a Hugging Face Space.
"""

from __future__ import annotations

import argparse
import atexit
import os
import shutil
import signal
import sys
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # run as a script, Python knows app/ and not its neighbour vae/

from vae.xla import use_fast_cpu_reductions

use_fast_cpu_reductions()
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # works offline, and tells nobody

import gradio as gr

from app import address, api
from app.checks import RequestError
from app.library import Library
from app.tabs import interpolate, reconstruct, sample
from app.tabs import map as map_tab
from app.tabs.common import QUIET, Destination, PictureInput, Workspace, explained
from app.widgets.latent_map import PRELOAD
from vae.checkpoint import ModelFolderError

MODELS = ROOT / "assets" / "models"
EXAMPLES = ROOT / "assets" / "examples"
STYLE = Path(__file__).parent / "style.css"
HOUR, DAY = 3600, 86400
KEPT_FILES = (HOUR, DAY)  # how often uploads and results are looked through, and how old they may grow; seconds
TABS = ["reconstruct", "interpolate", "sample", "map"]


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parses the command line; a wrong value prints the flag, what was given and what is accepted, and exits with 2."""
    parser = argparse.ArgumentParser(description="Explore the latent space of an image VAE.", allow_abbrev=False)
    parser.add_argument(
        "--model",
        metavar="NAME_OR_FOLDER",
        help="the model to open first: a name from assets/models, or a model folder (default: fruits)",
    )
    parser.add_argument("--host", metavar="H", help="address to listen on (default: 127.0.0.1; on a Space 0.0.0.0)")
    parser.add_argument("--port", type=_port, metavar="P", help="port to listen on (default: the first free from 7860)")
    return parser.parse_args(arguments)


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} given; accepted: a whole number from 1 to 65535")
    return int(text)


def build(library: Library) -> gr.Blocks:
    """The page: a header with the model picker, and the four tabs."""
    with gr.Blocks(title="Latentscape", fill_width=False, delete_cache=KEPT_FILES) as page:
        api.build(library)  # first: its endpoints get the plain names, whatever the tabs' handlers are called
        with gr.Row(elem_id="header", equal_height=True):
            gr.Markdown("# Latentscape\nWalk through what a variational autoencoder has learnt.", elem_id="title")
            choices = [(library.info(name).title, name) for name in library.names]
            model = gr.Dropdown(choices, value=library.default, label="Model", elem_id="model", scale=0, min_width=240)
        about = gr.Markdown(library[library.default].describe(), elem_id="about")
        open_tab = gr.Textbox("reconstruct", visible=False)
        redraw = {tab: gr.Number(0, visible=False) for tab in TABS}
        if_open = f"(open, ...times) => {TABS}.map((tab, i) => tab === open ? performance.now() : times[i])"
        model.change(None, [open_tab, *redraw.values()], [*redraw.values()], js=if_open)
        model.change(explained(lambda name: library[name].describe()), model, about, queue=False, **QUIET)
        with gr.Tabs(elem_id="tabs") as tabs:
            work = Workspace(library, model, redraw, tabs, open_tab, destinations())
            with work.tab("Reconstruct") as tab:
                comparison = reconstruct.build(work, tab)
            with work.tab("Interpolate") as tab:
                ways = interpolate.build(work, tab)
            with work.tab("Sample") as tab:
                samples = sample.build(work, tab)
            with work.tab("Map") as tab:
                map_tab.build(work, tab)
        address.build(page, work, comparison | ways | samples)
    return page


def destinations() -> dict[str, Destination]:
    """The tabs' picture inputs. They are made before the tabs, so that each tab can send to all others."""
    return {
        name: Destination(label, tab, PictureInput(words, height=height, elem_id=f"{tab}-{name}", render=False))
        for name, label, tab, words, height in (
            ("picture", "Reconstruct", "reconstruct", "Picture", 300),
            ("a", "Interpolate: A", "interpolate", "Picture A", 200),
            ("b", "Interpolate: B", "interpolate", "Picture B", 200),
            ("centre", "Sample around it", "sample", "Around a picture", 240),
            ("place", "Map", "map", "Place a picture of yours", 240),
        )
    }


def theme() -> gr.themes.Base:
    """One calm look for light and dark."""
    return gr.themes.Soft(
        primary_hue="teal",
        secondary_hue="teal",
        neutral_hue="slate",
        font=["ui-sans-serif", "system-ui", "sans-serif"],
        font_mono=["ui-monospace", "Consolas", "monospace"],
    ).set(
        # Labels are captions, not buttons: plain text, dark enough to read (WCAG AA).
        block_label_background_fill="*background_fill_primary",
        block_label_background_fill_dark="*background_fill_primary",
        block_label_text_color="*neutral_600",
        block_label_text_color_dark="*neutral_300",
        block_label_text_weight="500",
        block_title_background_fill="transparent",
        block_title_background_fill_dark="transparent",
        block_title_text_color="*neutral_700",
        block_title_text_color_dark="*neutral_200",
        block_title_text_weight="500",
        block_title_padding="0",
        block_border_width="1px",
        block_border_width_dark="1px",
        # White on the lighter shades is too pale for WCAG AA.
        checkbox_label_background_fill_selected="*primary_700",
        checkbox_label_background_fill_selected_dark="*primary_700",
        checkbox_label_text_color_selected="white",
        checkbox_label_text_color_selected_dark="white",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_400",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_600",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_600",
        button_secondary_background_fill="*neutral_200",
        button_secondary_background_fill_hover="*neutral_300",
        button_secondary_text_color="*neutral_800",
    )


def use_temporary_folder() -> None:
    """One folder for what visitors upload and what the app writes, since Gradio clears only what is in its own.

    It is deleted when the app stops, unless GRADIO_TEMP_DIR named it.
    """
    if "GRADIO_TEMP_DIR" not in os.environ:
        os.environ["GRADIO_TEMP_DIR"] = tempfile.mkdtemp(prefix="latentscape-")
        atexit.register(shutil.rmtree, os.environ["GRADIO_TEMP_DIR"], ignore_errors=True)
    tempfile.tempdir = os.environ["GRADIO_TEMP_DIR"]
    os.makedirs(tempfile.tempdir, exist_ok=True)


def main() -> None:
    """Runs the app until it is stopped."""
    arguments = parse_arguments()
    use_temporary_folder()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # how services stop a process: as Ctrl-C does
    try:
        library = Library(MODELS, arguments.model)
        page = build(library)
    except (RequestError, ModelFolderError) as error:
        print(f"error: argument --model: {error}", file=sys.stderr)
        sys.exit(2)
    page.queue(default_concurrency_limit=2)
    try:
        page.launch(
            server_name=arguments.host,
            server_port=arguments.port,
            theme=theme(),
            css_paths=STYLE,
            head=address.HEAD + PRELOAD,
            max_file_size="30mb",
            allowed_paths=[str(EXAMPLES)],  # wherever the app is started from
            footer_links=["api", "settings"],
            ssr_mode=False,  # the page is light enough without, and Node.js is one part less to need
            prevent_thread_lock=True,
        )
    except OSError:
        where = f"{arguments.host or '127.0.0.1'}, port {arguments.port or 'any from 7860 on'}"
        sys.exit(
            f"error: cannot listen on {where}; the port may be in use, or the address not one of this machine. "
            "Choose another --port, or none; or another --host."
        )
    threading.Thread(target=library.warm_up, daemon=True).start()
    page.block_thread()


if __name__ == "__main__":
    main()
