"""Puts this checkout on the Hugging Face Hub as a Space: `python -m app.space owner/name`.

Only what the Space needs travels, as it stands in the working tree, with no history: the Hub refuses a push whose
history holds a large file, or a binary one outside of its large storage. `huggingface_hub` uploads to that storage.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

from vae.uploads import UploadError, uploading

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = (
    ".ci/*",
    ".git*",
    "CONTRIBUTING.md",
    "Dockerfile",
    ".dockerignore",
    "Makefile",
    "assets/*/training/*",
    "assets/screenshots/*.py",
    "bench/*",
    "biome.json",
    "docs/*",
    "pyproject.toml",
    "requirements-*.txt",
    "tests/*",
)
LARGEST_FILE = 10 * 2**20  # bytes; what the Hub takes without large storage, and what we keep to
LARGEST_SPACE = 100 * 10**6  # bytes
CARD, PREVIEW = "README.md", "assets/preview.jpg"

# For those who clone the Space and push to it with git.
BINARY = ("gif", "jpg", "parquet", "png", "safetensors", "wasm", "webp")
ATTRIBUTES = ".gitattributes"
ATTRIBUTES_TEXT = "".join(f"*.{kind} filter=lfs diff=lfs merge=lfs -text\n" for kind in BINARY)


class SpaceError(RuntimeError):
    """The Space cannot be made, with a message that says what to do."""


def files(root: Path = ROOT) -> dict[str, int]:
    """What goes to the Space: path below `root` -> size in bytes, of the files that git knows.

    Raises:
        SpaceError: `root` is not a git checkout.
    """
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True)
    if listed.returncode:
        raise SpaceError(f"{root} is not a git checkout: the files of a Space are those that git knows.")
    kept = [path for path in listed.stdout.split("\0") if path and not any(fnmatch(path, left) for left in LEFT_OUT)]
    return {path: (root / path).stat().st_size for path in sorted(kept) if (root / path).is_file()}


def check_sizes(sizes: Mapping[str, int]) -> None:
    """Does nothing where these files fit a Space.

    Raises:
        SpaceError: a file is too large, or all together are.
    """
    too_large = [f"{path} ({size / 2**20:.1f} MiB)" for path, size in sizes.items() if size > LARGEST_FILE]
    if too_large:
        raise SpaceError(f"A file of a Space may have 10 MiB; these have more: {', '.join(too_large)}.")
    if (whole := sum(sizes.values())) > LARGEST_SPACE:
        raise SpaceError(f"These files have {whole / 1e6:.0f} MB; a Space may have 100 MB.")


def upload(name: str, model: str = "", private: bool = False, root: Path = ROOT) -> str:
    """Creates or updates the Space, and returns its address.

    Args:
        name: owner/name on the Hub.
        model: what the Space opens first: a model's name or a Hub id; it becomes the variable LATENTSCAPE_MODEL.
        private: whether a Space that is made now is hidden from others.

    Raises:
        SpaceError: a file is too large.
        UploadError: no token, no permission, no network, or an invalid name.
    """
    hub = HfApi()
    sizes = files(root)
    check_sizes(sizes)
    written = {CARD: card((root / CARD).read_text("utf-8"), name, model, hub.endpoint), ATTRIBUTES: ATTRIBUTES_TEXT}
    added = [
        CommitOperationAdd(path, written[path].encode() if path in written else root / path)
        for path in sorted(sizes.keys() | written.keys())
    ]
    with uploading(name):
        space = hub.create_repo(name, repo_type="space", space_sdk="gradio", private=private, exist_ok=True)
        earlier = set(hub.list_repo_files(name, repo_type="space")) - {one.path_in_repo for one in added}
        removed = [CommitOperationDelete(path) for path in sorted(earlier)]
        hub.create_commit(name, [*added, *removed], commit_message="Latentscape", repo_type="space")
        if model:
            hub.add_space_variable(name, "LATENTSCAPE_MODEL", model, description="The model to open first")
    return str(space)


def card(readme: str, name: str, model: str, hub: str) -> str:
    """The README with the fields of a Space's card that depend on which Space it is, at the end of its header.

    They are the address of the picture of link previews and, where the first model is one on the Hub, its id: the
    model's page there then names this Space.
    """
    begin, header, text = readme.split("---\n", 2)
    fields = f"thumbnail: {hub}/spaces/{name}/resolve/main/{PREVIEW}\n"
    if "/" in model:
        fields += f"models:\n  - {model}\n"
    return f"{begin}---\n{header}{fields}---\n{text}"


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m app.space", description=__doc__.splitlines()[0], allow_abbrev=False
    )
    parser.add_argument("name", metavar="OWNER/NAME", help="the Space to create or update")
    parser.add_argument("--model", default="", metavar="NAME_OR_HUB_ID", help="the model that the Space opens first")
    parser.add_argument("--private", action="store_true", help="hide a Space that is made now from others")
    parser.add_argument("--dry-run", action="store_true", help="list what would be uploaded, and upload nothing")
    given = parser.parse_args(arguments)
    try:
        if given.dry_run:
            sizes = files()
            for path, size in sizes.items():
                print(f"{size / 1000:10,.1f} kB  {path}")
            print(f"{sum(sizes.values()) / 1e6:10,.1f} MB  in {len(sizes)} files. Left out: {', '.join(LEFT_OUT)}")
            check_sizes(sizes)
        else:
            print(f"Open {upload(given.name, given.model, given.private)}")
    except (SpaceError, UploadError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
