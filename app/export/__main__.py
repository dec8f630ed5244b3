"""The command line: `python -m app.export --model faces --out site`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from app.explore.library import Library
from app.explore.limits import MEGABYTE, RequestError
from app.export import FolderError, export
from app.main import MODELS
from vae.checkpoint import ModelFolderError


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parses the command line; a wrong value prints the flag, what was given and what is accepted, and exits with 2."""
    parser = argparse.ArgumentParser(
        prog="python -m app.export",
        description="Write a page of one model, with map, samples and latent editor, as files that need no Python.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--model", required=True, metavar="M", help="a name from assets/models, a model folder, or an id on the Hub"
    )
    parser.add_argument(
        "--out", required=True, type=Path, metavar="FOLDER", help="where to write; new, empty, or of an earlier export"
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Writes the site, and says what it weighs and how to look at it."""
    given = parse_arguments(arguments)
    try:
        library = Library(MODELS, [given.model])
        written = export(library.look_at(library.default), given.out)
    except (RequestError, ModelFolderError) as error:
        _stop("--model", error)
    except FolderError as error:
        _stop("--out", error)
    except OSError as error:
        _stop("--out", f"'{given.out}' cannot be written to ({error.strerror})")
    print(f"{len(written)} files, {sum(written.values()) / MEGABYTE:.1f} MB, in {given.out}")
    print(f"Look at it: python -m http.server --directory {given.out}")


def _stop(flag: str, error: object) -> None:
    print(f"error: argument {flag}: {error}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
