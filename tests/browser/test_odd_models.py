"""Odd model folders in a real Chromium: what is wrong with them is said, as text; and browsers that keep nothing."""

import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import expect
from safetensors.numpy import load_file, save_file

from tests.browser.test_map import READY
from tests.conftest import ROOT, running_app

pytestmark = pytest.mark.browser

MARKUP = "<h1>Sign in</h1><img src=//localhost/x><form><input>"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The app with a model whose weights have a tensor of such a name, and one whose map has no place."""
    folder = tmp_path_factory.mktemp("odd")
    for name in ("weights", "map"):
        shutil.copytree(ROOT / "assets" / "models" / "digits", folder / name)
    path = folder / "weights" / "model.safetensors"
    tensors = load_file(path)
    save_file({MARKUP if k == 0 else name: tensor for k, (name, tensor) in enumerate(tensors.items())}, path)
    path = folder / "map" / "atlas.parquet"
    table = pq.read_table(path)
    nowhere = pa.array([float("nan")] * len(table))
    pq.write_table(table.set_column(table.schema.get_field_index("x"), "x", nowhere), path)
    with running_app("--model", str(folder / "map"), str(folder / "weights")) as url:
        yield url


def test_what_is_wrong_with_weights_is_said_as_text(page, server):
    errors = []
    page.on("console", lambda message: message.type == "error" and errors.append(message.text))
    page.goto(f"{server}?model=weights&tab=sample")
    toast = page.locator(".toast-body")
    expect(toast.first).to_contain_text("<h1>Sign in</h1>")
    assert toast.locator("h1, img, form, input").count() == 0
    expect(page.locator("#about")).to_contain_text("<h1>Sign in</h1>")
    assert page.locator("#about").locator("h1, img, form, input").count() == 0
    assert not errors


def test_what_is_wrong_with_a_map_stands_where_it_would_be(page, server):
    page.goto(f"{server}?model=map&tab=map")
    expect(page.locator(".latent-map")).to_contain_text("holds positions or latents that are not numbers")
    expect(page.locator("#tabs")).to_contain_text("This model's map cannot be shown.")


def test_a_browser_that_keeps_nothing_shows_the_map(page, server):
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.add_init_script(
        "Object.defineProperty(window, 'localStorage', "
        "{ configurable: true, get() { throw new DOMException('denied', 'SecurityError'); } })"
    )
    page.goto(f"{server}?model=digits&tab=map")
    expect(page.locator(READY)).to_be_visible()
    assert not errors
