"""docs/design.md is true: its rooms name every file, and nothing is imported against its arrows."""

import ast
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.conftest import ROOT

DESIGN = (ROOT / "docs" / "design.md").read_text("utf-8")

# Room -> what it may import of ours, besides itself.
ARROWS = {
    "vae": set(),
    "train": {"vae"},
    "app.words": set(),
    "app.web": {"vae"},
    "app.explore": {"vae", "app.web", "app.words"},
    "app.kit": {"vae", "app.explore", "app.web", "app.words"},
    "app.widgets": {"vae", "app.kit", "app.explore", "app.words"},
    "app.tabs": {"vae", "app.widgets", "app.kit", "app.explore", "app.words"},
}
SOURCES = sorted(path for name in ("vae", "train", "app") for path in (ROOT / name).rglob("*.py"))


def room_of(module: str) -> str:
    return next((room for room in ARROWS if module == room or module.startswith(room + ".")), "app")


def imported_by(path: Path) -> set[str]:
    """Our own modules that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.partition(".")[0] in ("vae", "train", "app")}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_nothing_is_imported_against_the_arrows(path):
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    room = room_of(module)
    rooms = {room_of(name) for name in imported_by(path) if name != "app"} - {room}
    if room == "app":  # main, page, api, address: above all rooms, and beside each other
        assert "train" not in rooms
    else:
        assert rooms <= ARROWS[room]


def test_the_rooms_name_every_file():
    rooms = DESIGN[DESIGN.index("```\nvae/") : DESIGN.index("Arrows:")]
    named = {*re.findall(r"[\w*]+\.py\b", rooms), "__init__.py"}  # `autoencoder_*.py` names a whole family
    for folder in ("vae", "train", "app"):
        files = {path.name for path in (ROOT / folder).glob("*.py")}
        missing = {name for name in files if not any(fnmatch(name, pattern) for pattern in named)}
        assert not missing, f"docs/design.md does not name these files of {folder}/"
