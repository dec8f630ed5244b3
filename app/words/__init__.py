"""The page's long explanations: a Markdown file for each page, in parts that begin with `<!-- name -->`."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

# How Markdown marks formulas, in the text and on lines of their own.
LATEX = [{"left": "$$", "right": "$$", "display": True}, {"left": "$", "right": "$", "display": False}]

_FORMULA = re.compile(r"(\$\$.+?\$\$|\$.+?\$)", re.DOTALL)  # its braces are LaTeX's


def words(page: str, part: str, **figures: object) -> str:
    """A part of a page's Markdown, with the figures put in at their `{names}` outside formulas.

    Raises:
        KeyError: there is no such part, or it asks for a figure that is not given.
    """
    pieces = _FORMULA.split(_parts(page)[part])
    return "".join(piece if k % 2 else piece.format_map(figures) for k, piece in enumerate(pieces))


def plain(text: str) -> str:
    """A text that somebody else wrote, so that Markdown and HTML show it as it is."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)  # Markdown takes a backslash before any punctuation


def code(text: str) -> str:
    """A text that somebody else wrote as a code span of Markdown, whatever is in it."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence} {' '.join(text.split())} {fence}"  # Markdown takes a space at each end off


@cache
def _parts(page: str) -> dict[str, str]:
    text = Path(__file__).with_name(f"{page}.md").read_text("utf-8")
    _, *pieces = re.split(r"^<!-- (\w+) -->$", text, flags=re.MULTILINE)
    return {name: part.strip() for name, part in zip(pieces[::2], pieces[1::2], strict=True)}
