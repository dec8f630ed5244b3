"""What asks for pictures of latents: in chunks, in the order that is wanted, until it is not wanted any more."""

import pytest
from PIL import Image

from app.explore.limits import MAX_LATENTS
from app.kit import web
from app.kit.pictures import sheet

pytestmark = pytest.mark.browser

# A server that notes what it is asked for, and draws every latent as one pixel; `delay` milliseconds for each latent.
SERVER = """
    const { unpack } = await import("/web/latents.js");
    const model = { name, title: "M", size: 1, shape: [2] };
    const asked = [];
    const server = { decode: async (name, text) => {
        const latents = unpack(text, model).map(([first]) => first);
        asked.push(latents);
        if (answer) return answer;
        await new Promise((resolve) => setTimeout(resolve, delay * latents.length));
        return sheets[latents.length - 1];
    } };
    const latents = Array.from({ length: count }, (_, k) => f32([k, 0]));
"""


@pytest.fixture
def ask(run):
    """`ask(expression)`: its value, with a decoder `d` of such a server, and what the server was asked."""
    sheets = [sheet([Image.new("RGB", (1, 1))] * count) for count in range(1, MAX_LATENTS + 1)]

    def evaluate(expression: str, name: str, count: int = 40, delay: float = 0, answer: dict | None = None):
        body = f"(async () => {{ {SERVER} const d = m.decoder(server); return {{ value: {expression}, asked }}; }})()"
        found = run("decoder", body, name=name, count=count, delay=delay, answer=answer, sheets=sheets)
        return found["value"], found["asked"]

    return evaluate


def test_every_latent_is_decoded_once_in_the_order_that_is_wanted(ask):
    order = [*range(39, -1, -1)]
    pictures, asked = ask(f"(await d.decode(model, latents, {{ order: {order} }})).pictures.length", "ordered")
    assert pictures == 40
    assert [row for chunk in asked for row in chunk] == order


def test_the_first_request_is_small_and_later_ones_take_what_the_time_allows(ask):
    _, fast = ask("await d.decode(model, latents, {}) && 0", "fast", count=200)
    _, slow = ask("await d.decode(model, latents, {}) && 0", "slow", count=6, delay=150)
    assert len(fast[0]) == len(slow[0]) == 3
    assert max(map(len, fast)) <= MAX_LATENTS
    assert max(map(len, fast)) > 20
    assert max(map(len, slow[1:])) <= 2


def test_pictures_are_handed_over_as_they_come_with_their_places(ask):
    told, asked = ask(
        """await (async () => {
            const told = [];
            const order = [4, 0, 2, 1, 3];
            await d.decode(model, latents, { order, onPictures: (rows, p) => told.push([rows, p.length]) });
            return told;
        })()""",
        "handed over",
        count=5,
    )
    assert told == [[chunk, len(chunk)] for chunk in asked]


def test_what_is_not_wanted_any_more_stops_after_the_chunk_on_its_way(ask):
    answer, asked = ask("await d.decode(model, latents, { isWanted: () => asked.length < 2 })", "unwanted", delay=20)
    assert answer == {}
    assert len(asked) == 2


def test_a_refusal_is_handed_on(ask):
    answer, asked = ask("await d.decode(model, latents)", "refused", answer={"error": "Not these."})
    assert answer == {"error": "Not these."}
    assert len(asked) == 1


def test_a_server_that_does_not_answer_and_a_sheet_that_is_cut_off_are_told_in_words(ask):
    answer, _ = ask("await m.decoder({}).decode(model, latents)", "gone")
    assert answer == {"error": "No answer came. Is the app still running?"}
    broken = {"sheet": "data:image/png;base64,AAAA", "count": 3, "columns": 3, "width": 1, "height": 1}
    answer, _ = ask("await d.decode(model, latents)", "cut off", answer=broken)
    assert answer == {"error": "These pictures did not arrive whole. Try again."}


# In place of web/codec/client.js: a codec that takes so long, and draws every latent as one pixel of its first number.
CLIENT = """export async function openCodec({ weights }) {
    window.opened = [...(window.opened ?? []), String(weights)];
    if (!window.codec) throw new Error("Too old.");
    return { milliseconds: 5, close() {}, ...window.codec };
}"""
DRAW = (
    "decode: async (latents) => latents.map(([value]) => new ImageData(new Uint8ClampedArray([value, 0, 0, 255]), 1))"
)


@pytest.fixture
def ask_both(run, monkeypatch):
    """`ask_both(name, codec)`: how many latents the server was asked for, 1 by 1, before and after the codec came."""
    files = web.files() | {"web/codec/client.js": CLIENT.encode()}
    monkeypatch.setattr(web, "files", lambda: files)
    sheets = [sheet([Image.new("RGB", (1, 1))])]

    def evaluate(name: str, codec: str, delay: float = 30):
        body = f"""(async () => {{
            {SERVER}
            const c = await import("/web/browser_codecs.js");
            model.codec = {{ architecture: {{}}, weights: `decoders/${{name}}` }};
            window.codec = {codec};
            window.opened = [];
            const d = m.decoder(server);
            const one = async () => {{
                const {{ pictures }} = await d.decode(model, [f32([7, 0])]);
                return pictures.length;
            }};
            await one();
            const hasCome = () => window.opened.length && (c.codecOf(model) || !window.codec);
            while (!hasCome()) await new Promise(requestAnimationFrame);
            const before = asked.length;
            for (let k = 0; k < 3; k++) await one();
            return [before, asked.length - before, window.opened.length];
        }})()"""
        return run("decoder", body, name=name, count=1, delay=delay, answer=None, sheets=sheets)

    return evaluate


def test_the_browser_draws_once_it_is_ready_and_faster(ask_both):
    assert ask_both("here", f"{{ {DRAW} }}") == [1, 0, 1]


def test_the_server_draws_while_it_is_faster(ask_both):
    assert ask_both("slow here", f"{{ {DRAW}, milliseconds: 5000 }}") == [1, 3, 1]


def test_the_server_draws_where_the_browser_cannot_and_it_is_not_tried_again(ask_both):
    assert ask_both("too old", "null") == [1, 3, 1]


@pytest.mark.parametrize(
    ("codec", "found"),
    [(f"{{ {DRAW}, milliseconds: 5000 }}", 40), ("null", "This browser cannot draw the pictures of this page.")],
)
def test_where_there_is_no_server_the_browser_draws_all_or_says_that_it_cannot(run, monkeypatch, codec, found):
    files = web.files() | {"web/codec/client.js": CLIENT.encode()}
    monkeypatch.setattr(web, "files", lambda: files)
    body = f"""(async () => {{
        Object.defineProperty(navigator, "connection", {{ value: {{ saveData: true }}, configurable: true }});
        const weights = "decoders/alone/{found}";
        const model = {{ name: weights, size: 1, shape: [2], codec: {{ architecture: {{}}, weights }} }};
        window.codec = {codec};
        const latents = Array.from({{ length: 40 }}, () => f32([7, 0]));
        const {{ pictures, error }} = await m.decoder({{ decode: null }}).decode(model, latents);
        delete navigator.connection;
        return pictures?.length ?? error;
    }})()"""
    assert str(run("decoder", body)).startswith(str(found))


def test_a_codec_that_fails_or_was_closed_is_replaced_by_the_server(ask_both):
    assert ask_both("fails", "{ decode: () => Promise.reject(new Error('Lost.')) }") == [1, 3, 1]
    assert ask_both("closed", "{ decode: async () => null }") == [1, 3, 1]


@pytest.mark.parametrize(
    ("codec", "text"),
    [
        ("null", "drawn by the server, 120 ms"),
        ("{ drawer: 'WebAssembly' }", "drawn in your browser, 120 ms"),
        ("{ drawer: 'WebGPU' }", "drawn in your browser (WebGPU), 120 ms"),
    ],
)
def test_the_sign_says_who_draws(run, codec, text):
    body = f"""(() => {{
        document.body.innerHTML = "<p id='who-draws'></p>";
        m.showDrawer({codec}, 120.4);
        return document.body.textContent;
    }})()"""
    assert run("who_draws", body) == text
