"""Entry point: arguments -> Library -> page -> served until it is stopped.

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
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # run as a script, Python knows app/ and not its neighbour vae/

from vae.xla import use_fast_cpu_reductions

use_fast_cpu_reductions()
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # works offline, and tells nobody

from app.explore import files
from app.explore.library import Library
from app.explore.limits import KEPT_SECONDS, TIDY_SECONDS, RequestError
from app.page import launch
from vae.checkpoint import ModelFolderError

MODELS = ROOT / "assets" / "models"


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parses the command line; a wrong value prints the flag, what was given and what is accepted, and exits with 2."""
    parser = argparse.ArgumentParser(
        description="Explore the latent space of an image autoencoder.", allow_abbrev=False
    )
    parser.add_argument(
        "--model",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME_OR_FOLDER",
        help="what to open: names from assets/models, or model folders; the first is shown at first (default: fruits)",
    )
    parser.add_argument("--host", metavar="H", help="address to listen on (default: 127.0.0.1; on a Space 0.0.0.0)")
    parser.add_argument("--port", type=_port, metavar="P", help="port to listen on (default: the first free from 7860)")
    return parser.parse_args(arguments)


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} given; accepted: a whole number from 1 to 65535")
    return int(text)


def use_temporary_folder() -> None:
    """One folder for what visitors upload and what the app writes, since Gradio serves only what is in its own.

    It is deleted when the app stops, unless GRADIO_TEMP_DIR named it.
    """
    if "GRADIO_TEMP_DIR" not in os.environ:
        os.environ["GRADIO_TEMP_DIR"] = tempfile.mkdtemp(prefix="latentscape-")
        atexit.register(shutil.rmtree, os.environ["GRADIO_TEMP_DIR"], ignore_errors=True)
    tempfile.tempdir = os.environ["GRADIO_TEMP_DIR"]
    os.makedirs(tempfile.tempdir, exist_ok=True)


def keep_tidy() -> None:
    """Deletes every hour what the app wrote more than a day ago; Gradio does so with what was uploaded."""
    while True:
        time.sleep(TIDY_SECONDS)
        files.remove_older_than(KEPT_SECONDS)


def main() -> None:
    """Runs the app until it is stopped."""
    arguments = parse_arguments()
    use_temporary_folder()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # how services stop a process: as Ctrl-C does
    try:
        library = Library(MODELS, arguments.model)
        page = launch(library, arguments.host, arguments.port)
    except (RequestError, ModelFolderError) as error:
        print(f"error: argument --model: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError:
        where = f"{arguments.host or '127.0.0.1'}, port {arguments.port or 'any from 7860 on'}"
        sys.exit(
            f"error: cannot listen on {where}; the port may be in use, or the address not one of this machine. "
            "Choose another --port, or none; or another --host."
        )
    for task in (library.warm_up, keep_tidy):
        threading.Thread(target=task, daemon=True).start()
    page.block_thread()


if __name__ == "__main__":
    main()
