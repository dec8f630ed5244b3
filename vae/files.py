"""How a file of a model folder is opened, whoever made it: what it is and how large, before anything is read of it."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path
from typing import Any

MAX_JSON_BYTES = 1 << 20  # of a config.json or metrics.json, which are a few KB
MAX_JSON_DEPTH = 16
MAX_ATLAS_BYTES = 1 << 30  # of an atlas.parquet, and of what is in it
MAX_PRIOR_BYTES = 1 << 28
MAX_PRIOR_TENSORS = 500  # a flow has some fifty
MAX_HEADER_BYTES = 1 << 24  # of a file of parameters, besides the parameters: their names
MAX_STORED = 1e4  # absolute, of a number of a latent or a prior; those of real ones are below 100
MAX_TEXT = 500  # characters of a title, a label, or another text that people see

_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")  # characters that turn the reading direction of what follows them


def check_file(path: Path | str, most_bytes: int) -> Path:
    """The path itself.

    Raises:
        OSError: there is no such file; it is no regular file, such as a named pipe, which would be waited on for ever;
            or it is larger.
    """
    found = Path(path).stat()
    if not stat.S_ISREG(found.st_mode):
        raise OSError("not a regular file")
    if found.st_size > most_bytes:
        raise OSError(f"{found.st_size:,} bytes; at most {most_bytes:,} are accepted")
    return Path(path)


def read_json(path: Path | str) -> dict[str, Any]:
    """The object in a JSON file; its numbers may be NaN, as Python reads them.

    Raises:
        OSError: as for `check_file`.
        ValueError: it is no JSON, no object, or nested more than 16 deep.
    """
    text = check_file(path, MAX_JSON_BYTES).read_text("utf-8")
    try:
        content = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except json.JSONDecodeError:
        raise
    except ValueError:  # Python reads no integer of more than 4,300 digits
        raise ValueError("a number of too many digits") from None
    if not isinstance(content, dict):
        raise ValueError("no object")
    if _depth(content) > MAX_JSON_DEPTH:
        raise ValueError(f"nested more than {MAX_JSON_DEPTH} deep")
    return content


def as_text(value: Any) -> str:
    """Any value as a text for people, of at most 500 characters; empty for None and NaN.

    Without characters that would turn around the words that stand after it, and with question marks for halves of
    characters, which nothing can be sent with.
    """
    if value is None or value != value:
        return ""
    text = (value if isinstance(value, str) else str(value))[:MAX_TEXT]
    return _TURNS.sub("", text.encode(errors="replace").decode())


def _depth(content: Any) -> int:
    depth, level = 0, [content]
    while level:
        depth += 1
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, dict | list)
        ]
    return depth
