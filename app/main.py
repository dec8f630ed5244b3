"""Entry point: arguments -> Library -> page -> served until it is stopped.

`python app/main.py` from any working directory, and as it is on a Hugging Face Space.
"""

from __future__ import annotations

import argparse
import gc
import os
import shutil
import signal
import sys
import threading
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # run as a script, Python knows app/ and not its neighbour vae/

from vae.xla import give_memory_back, keep_compiled_programs, use_fast_cpu_reductions, use_little_memory

use_little_memory()
use_fast_cpu_reductions()
keep_compiled_programs()
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # works offline, and tells nobody
# Else Gradio sums up every question so far, with pandas, after each: for a page that the app closes (app/kit/door.py).
os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", "1000000000")
# Else Gradio has Matplotlib look for a screen at the first question, for seconds in which nobody is answered.
os.environ.setdefault("MPLBACKEND", "agg")
gc.disable()  # a search for garbage in what the libraries are made of finds none, and takes a seventh of the start

from app.explore.library import Library
from app.explore.limits import (
    CROWDED_SECONDS,
    KEPT_SECONDS,
    STOP_SECONDS,
    TIDY_SECONDS,
    UNFINISHED_SECONDS,
    RequestError,
)
from app.kit import temporary
from app.kit.connection import OPEN
from app.opening import opening_for
from app.page import launch
from app.watching import wait_for_models
from vae.checkpoint import ModelFolderError

gc.freeze()  # nor later
gc.enable()

MODELS = ROOT / "assets" / "models"
SWITCH_SECONDS = 0.001  # after which a thread that computes lets others go on; a fifth of Python's own
FIRST_MODEL = "LATENTSCAPE_MODEL"  # the environment variable, which a Space sets in its settings


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
        metavar="MODEL",
        help="what to open: names from assets/models, model folders, or ids of models on the Hugging Face Hub; the "
        f"first is shown at first (default: what the environment variable {FIRST_MODEL} says, or faces)",
    )
    parser.add_argument("--host", metavar="H", help="address to listen on (default: 127.0.0.1; on a Space 0.0.0.0)")
    parser.add_argument("--port", type=_port, metavar="P", help="port to listen on (default: the first free from 7860)")
    parser.add_argument(
        "--root-path",
        type=_root_path,
        metavar="PATH",
        help="where a reverse proxy serves the page, such as /latents (default: GRADIO_ROOT_PATH, or the site's root)",
    )
    parser.add_argument(
        "--auth", type=_auth, metavar="USER:PASSWORD", help="ask for this name and password (default: open to all)"
    )
    parser.add_argument("--share", action="store_true", help="make a public address too, by way of Gradio's servers")
    parser.add_argument(
        "--mcp", action="store_true", help='offer the endpoints to agents as tools; needs: pip install "gradio[mcp]"'
    )
    parser.add_argument(
        "--allow-open",
        action="store_true",
        help="let everyone who sees the page open models of the Hugging Face Hub, which this machine downloads; where "
        "nobody else can see it, the page opens them and folders without this flag",
    )
    parser.add_argument(
        "--watch",
        action="store_true",
        help="follow a training under way in the model's folder: what it writes is shown without starting the app "
        "anew; before its first checkpoint, wait for it",
    )
    given = parser.parse_args(arguments)
    if given.mcp and find_spec("mcp") is None:
        parser.error('argument --mcp: a package is missing; install it: pip install "gradio[mcp]"')
    if given.mcp and given.auth:
        parser.error("argument --mcp: not together with --auth; agents cannot log in")
    if not given.model and (first := os.environ.get(FIRST_MODEL)):
        given.model = [first]
    return given


def _root_path(text: str) -> str:
    if not text.startswith(("/", "http://", "https://")):
        raise argparse.ArgumentTypeError(f"{text!r} given; accepted: a path that begins with /, or a whole address")
    return text.rstrip("/")


def _auth(text: str) -> tuple[str, str]:
    user, colon, password = text.partition(":")
    if not (user and colon and password):
        raise argparse.ArgumentTypeError("no name and password given; accepted: USER:PASSWORD")
    return user, password


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} given; accepted: a whole number from 1 to 65535")
    return int(text)


def allow_many_connections() -> None:
    """As many files and connections at once as the system lets the process have: often 1,024 unless it asks.

    Three quarters of them for connections, of which some have a file open besides.
    """
    with suppress(ImportError):  # Windows has no such bound
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        has, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if has != resource.RLIM_INFINITY:
            OPEN.most = min(OPEN.most, has * 3 // 4)


def warm_up(library: Library) -> None:
    """Readies the models. In what they are made of, too, a search for garbage finds none, while nobody is answered."""
    library.warm_up()
    gc.collect()
    gc.freeze()


def keep_tidy(folder: Path, written: list[set[str]]) -> None:
    """Deletes again and again what visitors sent and the app wrote long ago, and gives free memory back.

    Args:
        folder: the server's.
        written: the sets in which Gradio keeps the paths of files.
    """
    while True:
        time.sleep(TIDY_SECONDS)
        kept = CROWDED_SECONDS if temporary.is_filling(folder) else KEPT_SECONDS
        temporary.remove_older_than(folder, kept, UNFINISHED_SECONDS)
        temporary.forget_removed(written)
        give_memory_back()


def leave(folder: Path) -> NoReturn:
    """Ends the process at once, whatever its threads compute: Python would wait for them, and JAX's would abort.

    Where there is an `rm`, the process becomes one: threads that go on writing would put files into what is deleted.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    if rm := shutil.which("rm"):
        os.execv(rm, [rm, "-rf", "--", str(folder)])
    shutil.rmtree(folder, ignore_errors=True)
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
    sys.setswitchinterval(SWITCH_SECONDS)
    allow_many_connections()
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
        if arguments.watch:
            wait_for_models(arguments.model, MODELS)
        library = Library(MODELS, arguments.model)
        page = launch(
            library,
            arguments.host,
            arguments.port,
            root_path=arguments.root_path,
            auth=arguments.auth,
            share=arguments.share,
            mcp=arguments.mcp,
            may_open=opening_for(arguments.host, arguments.share, arguments.root_path, arguments.allow_open),
            watch=arguments.watch,
        )
    except (RequestError, ModelFolderError) as error:
        print(f"error: argument --model (or {FIRST_MODEL}): {error}", file=sys.stderr)
        sys.exit(2)
    except OSError:
        where = f"{arguments.host or '127.0.0.1'}, port {arguments.port or 'any from 7860 on'}"
        sys.exit(
            f"error: cannot listen on {where}; the port may be in use, or the address not one of this machine. "
            "Choose another --port, or none; or another --host."
        )
    for task in (lambda: warm_up(library), lambda: keep_tidy(folder, page.temp_file_sets)):
        threading.Thread(target=task, daemon=True).start()
    page.block_thread()


if __name__ == "__main__":
    main()
