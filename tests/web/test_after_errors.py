"""Widgets after a question to the server has failed: what they ask again, and what they go on saying."""

import base64

import numpy as np
import pytest
from PIL import Image

from app.explore.limits import MAX_LATENTS
from app.kit import web
from app.kit.pictures import sheet

pytestmark = pytest.mark.browser

ERROR = "Not now."

# A widget in the page. Its questions to the server are noted and wait for `answer(content)`; without content, the
# answer is the pictures asked for. `drawing` is a server that only lets the other questions wait.
PAGE = """
    const element = document.createElement("div");
    element.innerHTML = template;
    document.body.replaceChildren(element);
    const find = (selector) => element.querySelector(selector);
    const rest = () => new Promise((done) => setTimeout(() => requestAnimationFrame(() => setTimeout(done, 50))));

    const [asked, waiting] = [[], []];
    const pictures = (text) => sheets[atob(text).length / 8 - 1];
    const server = new Proxy({}, { get: (_, name) => async (...values) => {
        asked.push(name);
        return (await new Promise((resolve) => waiting.push(resolve))) ?? pictures(values[1]);
    } });
    const drawing = new Proxy(server, {
        get: (_, name) => (name === "decode" ? async (_, text) => pictures(text) : server[name]),
    });
    const answer = async (content) => { waiting.shift()(content); await rest(); };
    const answerAll = async () => { while (waiting.length) await answer(); };

    const [props, watchers] = [{ value: null, empty_text: "Nothing yet." }, {}];
    const watch = (name, act) => { watchers[name] = act; };
    const set = async (value) => { props.value = value; watchers.value(); await rest(); };
    const reopen = async () => {
        for (const hidden of [true, false]) { element.hidden = hidden; await rest(); }
    };
    const mount = (server) => m.mount({ element, props, server, watch, trigger() {} });
    const model = { name, title: "M", size: 1, shape: [2] };
"""


@pytest.fixture
def widget(run):
    """`widget(folder, steps)`: what these steps return, on a page with that widget."""
    sheets = [sheet([Image.new("RGB", (1, 1))] * count) for count in range(1, MAX_LATENTS + 1)]

    def evaluate(folder: str, steps: str):
        template = (web.APP / "widgets" / folder / "template.html").read_text("utf-8")
        body = f"(async () => {{ {PAGE} {steps} }})()"
        texts = {count: latents(count) for count in (1, 2, 3)}
        values = {"template": template, "sheets": sheets, "texts": texts, "error": ERROR, "name": folder}
        return run(f"../widgets/{folder}/main", body, **values)

    return evaluate


def latents(count: int) -> str:
    return base64.b64encode(np.zeros((count, 2), "<f4").tobytes()).decode()


@pytest.mark.parametrize(
    ("folder", "question", "message", "good"),
    [
        ("local_grid", "local_directions", ".local-grid-message", "{ directions: texts[2], deviations: [1, 1] }"),
        (
            "direction_sliders",
            "directions",
            ".direction-message",
            "{ directions: texts[2], deviations: [1, 1], shares: [0.5, 0.2], labels: {} }",
        ),
    ],
)
def test_a_tab_that_is_opened_again_asks_again_for_what_failed(widget, folder, question, message, good):
    found = widget(
        folder,
        f"""
        mount(drawing);
        await set({{ model, latent: texts[1], words: "here" }});
        await answer({{ error }});
        element.style.width = "300px";  // another size alone is no reason
        await rest();
        const failed = [find("{message}").textContent, asked.length];
        await reopen();
        await answer({good});
        const mended = [find("{message}").hidden, asked.length];
        await reopen();
        return {{ failed, mended, asked, images: [...element.querySelectorAll("img")].every(({{ src }}) => src) }};
        """,
    )
    assert found == {"failed": [ERROR, 1], "mended": [True, 2], "asked": [question] * 2, "images": True}


def test_the_error_of_a_slider_goes_with_the_next_picture(widget):
    found = widget(
        "analogy",
        """
        mount(server);
        await set({ model, latents: texts[3] });
        await answerAll();
        const said = [];
        for (const content of [{ error }, undefined]) {
            find("input").dispatchEvent(new Event("input"));
            await rest();
            await answer(content);
            said.push(find(".analogy-message").textContent);
        }
        return said;
        """,
    )
    assert found == [ERROR, ""]


def test_the_picture_of_a_slider_leaves_the_error_that_hides_it(widget):
    found = widget(
        "analogy",
        """
        mount(server);
        await set({ model, latents: texts[3] });
        await answerAll();
        await set({ model, latents: texts[3] });
        find("input").dispatchEvent(new Event("input"));
        await rest();
        await answer({ error });
        await answer();
        return find(".analogy-message").textContent;
        """,
    )
    assert found == ERROR


def test_an_error_that_comes_too_late_is_not_kept_for_the_picture(widget):
    found = widget(
        "heat_maps",
        """
        const map = { url: sheets[0].sheet, limit: 20, mean: 2, samples: 4 };
        const value = (picture, has_variance = true) => ({ model: "M", picture, has_variance, error: map, beside: [] });
        mount(server);
        await set(value("a"));
        await set(value("b", false));
        await answer({ error });
        await set(value("a"));
        await answer(map);
        const state = find("[data-map=uncertainty]").dataset.state;
        await set(value("a"));
        return { asked, state };
        """,
    )
    assert found == {"asked": ["uncertainty"] * 2, "state": "ready"}
