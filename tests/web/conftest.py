"""The page's modules, imported into Chromium."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.kit import web

HOME = "http://modules.test/"


@pytest.fixture(scope="module")
def run(browser) -> Iterator[Callable]:
    """`run("latents", "m.length(f32(a))", a=[...])`: the value of an expression of module `m`, here web/latents.js.

    A list of numbers comes as one; `f32(list)` makes it a Float32Array, and `list(array)` back.
    """
    page = browser.new_page()

    def serve(route):
        path = route.request.url.removeprefix(HOME)
        if path in web.files():
            route.fulfill(body=web.files()[path], content_type=web.TYPES[Path(path).suffix])
        else:
            route.fulfill(body="<!doctype html>", content_type="text/html", status=404 if path else 200)

    page.route(f"{HOME}**", serve)
    page.goto(HOME)

    def evaluate(module: str, expression: str, **values: Any) -> Any:
        return page.evaluate(
            f"""async ({{ {", ".join(values)} }}) => {{
                const m = await import("/web/{module}.js");
                const f32 = (numbers) => Float32Array.from(numbers);
                const list = (array) => Array.from(array);
                return await ({expression});
            }}""",
            values,
        )

    yield evaluate
    page.close()
