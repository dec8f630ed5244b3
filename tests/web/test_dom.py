"""What the widgets share in the page: elements, sentences, events, and questions to the server."""

import pytest

pytestmark = pytest.mark.browser


def test_every_event_of_a_kind_is_told_in_one_object_with_the_newest_data(run):
    found = run(
        "dom",
        """(() => {
            const told = [];
            const tell = m.telling((event, data) => told.push([event, data]));
            tell("commit", { t: 0, words: "first" });
            tell("select", { index: 3 });
            tell("commit", { t: 1 });
            const [first, other, last] = told.map(([, data]) => data);
            return { same: first === last, apart: first !== other, last, other };
        })()""",
    )
    assert found == {"same": True, "apart": True, "last": {"t": 1}, "other": {"index": 3}}


def test_elements_have_properties_attributes_and_children(run):
    made = "m.make('button', { type: 'button', attributes: { 'aria-label': 'Go' } }, 'Go', m.make('b')).outerHTML"
    assert run("dom", made) == '<button aria-label="Go" type="button">Go<b></b></button>'
    assert run("dom", "m.makeSvg('rect', { width: 2 }) instanceof SVGElement")


def test_an_empty_sentence_hides_its_place(run):
    said = "(() => { const p = m.make('p'); m.say(p, words); return [p.textContent, p.hidden]; })()"
    assert run("dom", said, words="No.") == ["No.", False]
    assert run("dom", said, words="") == ["", True]


def test_a_message_stands_in_the_place_of_a_body_and_follows_the_empty_text(run):
    found = run(
        "dom",
        """(() => {
            const [root, message, body] = ["section", "p", "div"].map((tag) => m.make(tag));
            const props = { empty_text: "Nothing yet." };
            let change;
            const watch = (name, act) => { if (name === "empty_text") change = act; };
            const { showMessage, showBody } = m.placing({ root, message, body }, { props, watch });
            const seen = [];
            const see = () => seen.push([message.textContent, message.hidden, body.hidden, root.dataset.state]);
            showMessage("empty", props.empty_text); see();
            props.empty_text = "Still nothing."; change(); see();
            showMessage("error", "No."); change(); see();
            showBody(); see();
            return seen;
        })()""",
    )
    assert found == [
        ["Nothing yet.", False, True, "empty"],
        ["Still nothing.", False, True, "empty"],
        ["No.", False, True, "error"],
        ["", True, False, "error"],
    ]


def test_tab_stops_at_one_of_the_tiles(run):
    tiles = "[0, 1, 2].map(() => m.make('button'))"
    reached = f"((tiles) => {{ m.setReachable(tiles, 1); return tiles.map((tile) => tile.tabIndex); }})({tiles})"
    assert run("dom", reached) == [-1, 0, -1]


def test_an_element_is_seen_when_it_gets_a_size_and_then_when_it_leaves(run):
    found = run(
        "dom",
        """(async () => {
            const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
            const told = [];
            const node = m.make("div", { textContent: "here", hidden: true });
            document.body.append(node);
            m.onSeen(node, ({ isOpened }) => told.push(isOpened ? "opened" : "resized"), () => told.push("gone"));
            await frame();
            const hidden = [...told];
            for (const change of [{ hidden: false }, { textContent: "" }, { hidden: true }, { hidden: false }]) {
                Object.assign(node, change);
                await frame();
            }
            const shown = [...told];
            node.remove();
            await frame();
            return { hidden, shown, gone: told.slice(shown.length) };
        })()""",
    )
    assert found == {"hidden": [], "shown": ["opened", "resized", "opened"], "gone": ["gone"]}


def test_an_answer_is_handed_on_and_none_is_told_in_words(run):
    asked = """m.asking({
        good: async (...values) => ({ values }),
        refused: async () => ({ error: "Not this." }),
        broken: async () => { throw new Error("500"); },
        empty: async () => null,
    })(name, 1, "a")"""
    no_answer = {"error": "No answer came. Is the app still running?"}
    assert run("ask", asked, name="good") == {"values": [1, "a"]}
    assert run("ask", asked, name="refused") == {"error": "Not this."}
    for name in ("broken", "empty", "missing"):
        assert run("ask", asked, name=name) == no_answer
