"""The base of the widgets: what is sent to the page, and what its server functions accept."""

import importlib
import json
import re
from typing import ClassVar

import gradio as gr
import pytest
from gradio.blocks import postprocess_update_dict

from app.explore.limits import RequestError
from app.kit import web
from app.kit.events import FORGED
from app.kit.widget import Widget, guarded
from app.widgets.comparison import Comparison


class Probe(Comparison):
    """A widget with everything that a widget may have, made of Comparison's files."""

    EVENTS = ("choose",)
    PROPS: ClassVar = {"marker": None, "empty_text": "Nothing yet."}


Probe.__module__ = Comparison.__module__  # whose folder it takes its files from


def settings_of(widget: gr.HTML) -> dict:
    """What the page gets of a widget, as JSON."""
    return json.loads(json.dumps(widget.get_config()))


def lookup(model: str, index: int | None, x: float, rows: list) -> dict:
    if model == "none":
        raise RequestError("There is no such model.")
    return {"model": model, "index": index, "x": x, "rows": rows}


class TestSettings:
    def test_props_have_their_defaults_and_are_sent(self):
        assert settings_of(Probe())["props"] == {"marker": None, "empty_text": "Nothing yet."}
        assert settings_of(Probe(marker=3))["props"] == {"marker": 3, "empty_text": "Nothing yet."}

    def test_functions_are_named_and_not_sent(self):
        widget = Probe(server=[lookup], elem_id="probe")
        sent = settings_of(widget)
        assert sent["server_fns"] == ["lookup"]
        assert "server" not in sent
        assert sent["elem_id"] == "probe"
        assert widget.lookup(["m", None, 1, []]) == {"model": "m", "index": None, "x": 1, "rows": []}

    def test_its_files_are_those_of_its_folder(self):
        sent = settings_of(Comparison())
        assert '<figure class="comparison"' in sent["html_template"]
        assert ".comparison-frame" in sent["css_template"]
        assert "widgets/comparison/main.js" in sent["js_on_load"]

    def test_a_handler_can_set_a_prop_to_none(self):
        update = Probe(marker=None).constructor_args
        sent = postprocess_update_dict(Probe(**update, render=False), dict(update))
        assert sent["props"] == {"marker": None}
        assert "value" not in sent
        json.dumps(sent)

    def test_events_can_be_listened_to(self):
        with gr.Blocks() as page:
            Probe().choose(lambda: None)
        assert page.config["dependencies"][0]["targets"][0][1] == "choose"

    def test_other_events_are_not_there(self):
        with pytest.raises(AttributeError):
            _ = Probe(render=False).no_such_event


class TestServerFunctions:
    @pytest.mark.parametrize(
        "arguments",
        [
            None,
            {},
            "m",
            [],
            ["m", None, 1.0],
            ["m", None, 1.0, [], 1],
            [1, None, 1.0, []],
            ["m", "3", 1.0, []],
            ["m", True, 1.0, []],
            ["m", 1.5, 1.0, []],
            ["m", None, "1", []],
            ["m", None, True, []],
            ["m", None, 1.0, {}],
            ["m", None, 1.0, "rows"],
        ],
    )
    def test_what_does_not_fit_is_answered_in_words(self, arguments):
        assert guarded(lookup)(arguments) == {"error": FORGED}

    def test_whole_numbers_are_numbers(self):
        assert guarded(lookup)(["m", 3, 1, [1]])["x"] == 1

    def test_a_single_argument_comes_without_a_list(self):
        def describe(model: str) -> dict:
            return {"model": model}

        assert guarded(describe)("m") == {"model": "m"}
        assert guarded(describe)(["m"]) == guarded(describe)(None) == {"error": FORGED}

    def test_a_refusal_becomes_its_sentence(self):
        assert guarded(lookup)(["none", None, 1.0, []]) == {"error": "There is no such model."}

    def test_a_mistake_of_our_own_is_not_hidden(self):
        def broken(model: str) -> dict:
            raise KeyError(model)

        with pytest.raises(KeyError):
            guarded(broken)("m")


def test_every_widget_has_its_files_and_can_be_sent():
    for module in web.files():
        if not module.startswith("widgets/") or not module.endswith("/main.js"):
            continue
        package = importlib.import_module(f"app.{module.removesuffix('/main.js').replace('/', '.')}")
        widgets = [one for one in vars(package).values() if isinstance(one, type) and issubclass(one, Widget)]
        made = [one for one in widgets if one.__module__ == package.__name__]
        assert len(made) == 1, module
        sent = settings_of(made[0]())
        assert sent["html_template"].strip(), module
        assert "\\" not in sent["html_template"] + sent["css_template"], f"{module}: the page takes it for an escape"
        assert not re.search(r"^\s*@keyframes", sent["css_template"], re.MULTILINE), (
            f"{module}: they would not be found"
        )
