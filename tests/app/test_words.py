"""The long explanations: whole, and safe to put somebody else's words into."""

import re
from pathlib import Path

import pytest

from app import words as room
from app.words import plain, words

PAGES = [path.stem for path in Path(room.__file__).parent.glob("*.md")]


@pytest.mark.parametrize("page", PAGES)
def test_every_part_is_used_by_the_app(page):
    source = "".join(path.read_text() for path in Path(room.__file__).parents[1].rglob("*.py"))
    for part in room._parts(page):
        assert re.search(rf"[\"']{part}[\"']", source), f"{part} of {page}.md is used nowhere"


def test_figures_go_in_outside_formulas_only():
    said = words("reconstruct", "encoder", numbers="128", live="*This picture:* x.")
    assert "each of 128 latent numbers" in said
    assert r"\mathcal{N}\big(\mu(x)" in said
    assert said.endswith("*This picture:* x.")


def test_a_missing_figure_is_an_error():
    with pytest.raises(KeyError, match="numbers"):
        words("reconstruct", "encoder", live="")


def test_somebody_elses_words_are_shown_as_they_are():
    assert plain("a_b") == r"a\_b"
    assert "<" not in plain("<img>").replace(r"\<", "")
    assert plain("![x](http://example.org)") == r"\!\[x\]\(http\:\/\/example\.org\)"
