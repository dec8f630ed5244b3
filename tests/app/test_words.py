"""The long explanations: whole, and safe to put somebody else's words into."""

import ast
from pathlib import Path

import pytest

from app import words as room
from app.words import code, plain, with_terms, without_terms, words

TERMS = "terms"
PAGES = [path.stem for path in Path(room.__file__).parent.glob("*.md") if path.stem != TERMS]


def asked_for() -> set[tuple[str, str]]:
    """The page and the part of every call of `words` in the app; of a part in a variable, all texts of its function."""
    found = set()
    for path in Path(room.__file__).parents[1].rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            for call in ast.walk(function):
                if not isinstance(call, ast.Call) or getattr(call.func, "id", None) != "words":
                    continue
                page, part = call.args
                name = page.value if isinstance(page, ast.Constant) else path.stem  # a tab's file has its NAME
                found |= {(name, text) for text in texts(part) or texts(function)}
    return found


def texts(tree: ast.AST) -> set[str]:
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


@pytest.mark.parametrize("page", PAGES)
def test_every_part_is_asked_for(page):
    assert {(page, part) for part in room._parts(page)} <= asked_for()


def test_every_term_is_marked_somewhere_and_every_mark_is_a_term():
    """A mark without a term fails where it is shown, which may be a state that no other test reaches."""
    own = Path(room.__file__)
    files = [*own.parent.glob("*.md"), *(path for path in own.parents[1].rglob("*.py") if path != own)]
    texts = [path.read_text("utf-8") for path in files]
    marks = {mark for text in texts if "with_terms" in text or "<!--" in text for mark in room._TERM.findall(text)}
    for shown, term in marks:
        with_terms(f"[[{shown}|{term or shown}]]")
    marked = {room._key(term or shown) for shown, term in marks}
    assert marked == {*room._parts(TERMS)}


def test_a_term_holds_what_it_means_and_can_be_reached_by_keys():
    said = with_terms("33.5 dB [[PSNR]], and [[decoded|decoder]].")
    assert said.startswith('33.5 dB <dfn tabindex="0">PSNR<span>Peak signal-to-noise ratio')
    assert '<dfn tabindex="0">decoded<span>A neural network that draws' in said
    assert without_terms("[[PSNR]], [[decoded|decoder]]") == "PSNR, decoded"


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


def test_somebody_elses_commands_stay_in_their_code_span():
    assert code("ls  -l\n\n![x](y)") == "` ls -l ![x](y) `"
    assert code("a `b` ``c") == "``` a `b` ``c ```", "a longer fence than any in the text"
