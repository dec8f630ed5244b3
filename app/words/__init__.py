"""The page's long explanations: a Markdown file for each page, in parts that begin with `<!-- name -->`.

`[[PSNR]]`, or with other words `[[round cloud|prior]]`, is a term that a newcomer may not know: a pointer, a tap or the
keyboard shows what it means, which `terms.md` says.
"""

from __future__ import annotations

import html
import re
from functools import cache
from pathlib import Path

# How Markdown marks formulas, in the text and on lines of their own.
LATEX = [{"left": "$$", "right": "$$", "display": True}, {"left": "$", "right": "$", "display": False}]

_TERM = re.compile(r"\[\[(\w[\w -]*)(?:\|(\w[\w -]*))?\]\]")
_FORMULA = re.compile(r"(\$\$.+?\$\$|\$.+?\$)", re.DOTALL)  # its braces are LaTeX's


def words(page: str, part: str, **figures: object) -> str:
    """A part of a page's Markdown, with the figures put in at their `{names}` outside formulas.

    Raises:
        KeyError: there is no such part, or it asks for a figure that is not given.
    """
    pieces = _FORMULA.split(_parts(page)[part])
    return "".join(piece if k % 2 else with_terms(piece).format_map(figures) for k, piece in enumerate(pieces))


def with_terms(text: str) -> str:
    """A text of ours with its `[[terms]]` as HTML, each with what it means inside; for Markdown and HTML alike.

    Raises:
        KeyError: there is no such term.
    """

    def explained(found: re.Match) -> str:
        shown, term = found[1], found[2] or found[1]
        meaning = " ".join(_parts("terms")[_key(term)].split())
        return f'<dfn tabindex="0">{shown}<span>{html.escape(meaning)}</span></dfn>'

    return _TERM.sub(explained, text)


def without_terms(text: str) -> str:
    """The same text for where nothing can be pointed at."""
    return _TERM.sub(r"\1", text)


def plain(text: str) -> str:
    """A text that somebody else wrote, so that Markdown and HTML show it as it is."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)  # Markdown takes a backslash before any punctuation


def code(text: str) -> str:
    """A text that somebody else wrote as a code span of Markdown, whatever is in it."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence} {' '.join(text.split())} {fence}"  # Markdown takes a space at each end off


def _key(term: str) -> str:
    return re.sub(r"\W", "_", term.lower())


@cache
def _parts(page: str) -> dict[str, str]:
    text = Path(__file__).with_name(f"{page}.md").read_text("utf-8")
    _, *pieces = re.split(r"^<!-- (\w+) -->$", text, flags=re.MULTILINE)
    return {name: part.strip() for name, part in zip(pieces[::2], pieces[1::2], strict=True)}
