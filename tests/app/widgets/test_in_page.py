"""What the widgets say in the page when the server refuses, or does not answer at all."""

import re
from collections.abc import Iterator

import gradio as gr
import numpy as np
import pytest
from playwright.sync_api import expect

from app.explore.library import Library
from app.explore.limits import RequestError
from app.kit import web
from app.kit.starts import start_at
from app.widgets.corners import Corners
from app.widgets.direction_sliders import DirectionSliders
from app.widgets.local_grid import LocalGrid
from app.widgets.sample_grid import Panel, SampleGrid
from app.widgets.scrubber import Scrubber
from tests.conftest import ROOT

pytestmark = pytest.mark.browser

REFUSAL = "This cannot be done now."
NO_ANSWER = "No answer came. Is the app still running?"
MESSAGES = {
    "scrubber": ".scrubber-message",
    "corners": ".corners-message",
    "samples": ".sample-grid-message",
    "directions": ".direction-message",
    "around": ".local-grid-message",
}


def decode(model: str, latents: str) -> dict:
    """Refuses, as do the others."""
    raise RequestError(REFUSAL)


def sample(model: str, distribution: str, count: int, temperature: float, seed: int, label: dict) -> dict:
    raise RequestError(REFUSAL)


def directions(model: str) -> dict:
    raise RequestError(REFUSAL)


def local_directions(model: str, latent: str) -> dict:
    raise RequestError(REFUSAL)


@pytest.fixture(scope="module")
def refusing() -> Iterator[str]:
    """The address of a page of widgets that a click fills, whose server refuses everything."""
    model = Library(ROOT / "assets" / "models")["fruits"]
    latent = np.zeros(model.info.latent_shape, np.float32)
    with gr.Blocks() as page:
        fill = gr.Button("Fill")
        widgets = [
            Scrubber(server=[decode], elem_id="scrubber", empty_text="Nothing yet."),
            Corners(server=[decode], elem_id="corners"),
            SampleGrid(server=[sample, decode], elem_id="samples"),
            DirectionSliders(server=[directions, decode], elem_id="directions"),
            LocalGrid(server=[local_directions, decode], elem_id="around"),
        ]
        start = start_at(model, latent, "Here")
        values = [
            Scrubber.between(model, latent, latent + 1, 33, "slerp"),
            Corners.payload(model, [latent, latent + 1, latent - 1, latent + 2], "slerp"),
            SampleGrid.payload([Panel(model, "prior", "Prior")], 4, 1, 0),
            start,
            start,
        ]
        fill.click(lambda: values, None, widgets)
        gr.Button("Say otherwise").click(lambda: Scrubber(empty_text="Still nothing."), None, widgets[0])
    page.launch(app_kwargs={"routes": web.routes()}, prevent_thread_lock=True, quiet=True, ssr_mode=False)
    yield f"http://127.0.0.1:{page.server_port}/"
    page.close()


def test_a_refusal_is_told_in_its_sentence(page, refusing):
    page.goto(refusing)
    expect(page.locator("#scrubber .scrubber-message")).to_have_text("Nothing yet.")
    page.get_by_role("button", name="Fill").click()
    for name, message in MESSAGES.items():
        expect(page.locator(f"#{name} {message}")).to_have_text(REFUSAL)


def test_a_server_that_is_gone_is_told_in_words(page, refusing):
    page.goto(refusing)
    expect(page.locator("#scrubber .scrubber-message")).to_have_text("Nothing yet.")
    page.route(re.compile("component_server"), lambda route: route.abort())
    page.get_by_role("button", name="Fill").click()
    for name, message in MESSAGES.items():
        expect(page.locator(f"#{name} {message}")).to_have_text(NO_ANSWER)


def test_a_handler_changes_what_the_empty_state_says(page, refusing):
    page.goto(refusing)
    page.get_by_role("button", name="Say otherwise").click()
    expect(page.locator("#scrubber .scrubber-message")).to_have_text("Still nothing.")
