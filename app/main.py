"""Entry point: arguments -> Library -> page -> served until it is stopped.

`python app/main.py` from any working directory, and as it is on a Hugging Face Space.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # run as a script, Python knows app/ and not its neighbour vae/

from vae.xla import use_fast_cpu_reductions

use_fast_cpu_reductions()
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # works offline, and tells nobody

from app.explore.library import Library
from app.explore.limits import KEPT_SECONDS, STOP_SECONDS, TIDY_SECONDS, RequestError
from app.kit import temporary
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


def keep_tidy(folder: Path) -> None:
    """Deletes every hour what visitors sent and the app wrote more than a day ago."""
    while True:
        time.sleep(TIDY_SECONDS)
        temporary.remove_older_than(folder, KEPT_SECONDS)


def leave(folder: Path) -> NoReturn:
    """Ends the process at once, whatever its threads compute: Python would wait for them, and JAX's would abort."""
    shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def stop(folder: Path) -> NoReturn:
    """What a signal does: the server ends as on Ctrl-C, and if it is still busy after some seconds, without asking."""
    waiting = threading.Timer(STOP_SECONDS, leave, [folder])
    waiting.daemon = True
    waiting.start()
    raise KeyboardInterrupt


def main() -> None:
    """Runs the app until it is stopped."""
    arguments = parse_arguments()
    folder = temporary.make_folder()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop(folder))
    try:
        serve(arguments, folder)
    except KeyboardInterrupt:
        pass
    except SystemExit:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    leave(folder)


def serve(arguments: argparse.Namespace, folder: Path) -> None:
    """Serves until a signal comes."""
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
    for task in (library.warm_up, lambda: keep_tidy(folder)):
        threading.Thread(target=task, daemon=True).start()
    page.block_thread()


if __name__ == "__main__":
    main()
