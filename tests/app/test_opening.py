"""Opening a model on the page: what it may open, for whom, and that nobody else learns what this disk holds."""

import json
import shutil
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest
from huggingface_hub import constants

from app import opening
from app.explore import library as library_module
from app.explore.library import Library
from app.explore.limits import RequestError
from app.kit.inputs import ModelPicker
from tests.conftest import ROOT
from tests.vae.test_hub import repositories, server  # noqa: F401  (fixtures: a stand-in for the Hub)
from vae.checkpoint import ModelFolderError

DIGITS = ROOT / "assets" / "models" / "digits"
HERE = SimpleNamespace(client=SimpleNamespace(host="127.0.0.1"), headers={"host": "127.0.0.1:7860"})
PROXIED = SimpleNamespace(client=HERE.client, headers=HERE.headers | {"x-forwarded-for": "192.0.2.1"})


@pytest.fixture
def library(tmp_path) -> Library:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "digits").symlink_to(DIGITS)
    return Library(tmp_path / "assets")


@pytest.fixture
def mine(tmp_path):
    """A model folder of a person's own."""
    folder = tmp_path / "runs" / "mine"
    shutil.copytree(DIGITS, folder)
    return folder


@pytest.mark.parametrize(
    ("host", "share", "root_path", "environment", "allowed", "open_"),
    [
        (None, False, None, {}, False, "folders"),
        ("localhost", False, None, {}, False, "folders"),
        ("::1", False, None, {}, True, "folders"),
        ("0.0.0.0", False, None, {}, False, "off"),
        ("192.0.2.7", False, None, {}, False, "off"),
        (None, True, None, {}, False, "off"),
        (None, False, "/latents", {}, False, "off"),
        (None, False, None, {"SPACE_ID": "a/b"}, False, "off"),
        (None, False, None, {"GRADIO_SERVER_NAME": "0.0.0.0"}, False, "off"),
        (None, False, None, {"GRADIO_ROOT_PATH": "/x"}, False, "off"),
        (None, False, None, {"SPACE_ID": "a/b"}, True, "ids"),
        ("0.0.0.0", False, None, {}, True, "ids"),
    ],
)
def test_what_may_be_opened_follows_from_who_can_see_the_page(
    host, share, root_path, environment, allowed, open_, monkeypatch
):
    for name in ("SPACE_ID", "GRADIO_SERVER_NAME", "GRADIO_ROOT_PATH", "GRADIO_SHARE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert opening.opening_for(host, share, root_path, allowed) == open_


@pytest.mark.parametrize(
    ("client", "headers", "sits"),
    [
        ("127.0.0.1", {"host": "127.0.0.1:7860"}, True),
        ("::1", {"host": "[::1]:7860", "origin": "http://localhost:7860"}, True),
        ("192.0.2.1", {"host": "127.0.0.1:7860"}, False),
        (None, {"host": "127.0.0.1:7860"}, False),
        ("127.0.0.1", {"host": "evil.example:7860"}, False),
        ("127.0.0.1", {}, False),
        ("127.0.0.1", {"host": "localhost:7860", "origin": "https://evil.example"}, False),
        ("127.0.0.1", {"host": "localhost:7860", "origin": "null"}, False),
        ("127.0.0.1", {"host": "localhost:7860", "X-Forwarded-For": "127.0.0.1"}, False),
        ("127.0.0.1", {"host": "localhost:7860", "forwarded": "for=192.0.2.1"}, False),
    ],
)
def test_only_a_page_of_ours_on_this_machine_sits_here(client, headers, sits):
    assert opening.sits_here(client, headers) is sits


def handler(library: Library, may_open: opening.Opening):
    """What "Open" runs: `ask(text, request)` returns what the page is told at last; `ask.run`, all that it is told."""
    with gr.Blocks() as page:
        picker = ModelPicker(ModelPicker.choices_of(library), value=library.default)
        opening.build(library, picker, gr.Button(), may_open)
    (run,) = (fn.fn for fn in page.fns.values() if fn.name == "run")

    def ask(text: str, request=HERE) -> tuple[str, gr.Dropdown | None]:
        *_, last = run(text, request)
        said = next(value for box, value in last.items() if isinstance(box, gr.Markdown))
        return said["value"], last.get(picker)

    ask.run = run
    return ask


class TestOnThePage:
    def test_a_model_of_the_hub_joins_the_picker_and_is_picked(self, library, server):  # noqa: F811
        said, picked = handler(library, "ids")("someone/tiny")
        assert r"**someone\/tiny** is open" in said
        assert picked.value == "tiny"
        assert ("someone/tiny", "tiny") in picked.choices
        assert library.names == ["digits", "tiny"]

    def test_a_folder_is_opened_for_who_sits_here_and_nobody_else(self, library, mine):
        refusals = set()
        for may_open, request in (("ids", HERE), ("folders", PROXIED)):
            for path in (mine, mine.with_name("nothing"), "/etc"):
                said, picked = handler(library, may_open)(str(path), request)
                assert picked is None
                refusals.add(said.partition("given")[2])
        assert len(refusals) == 1, "nobody can tell a folder that is there from one that is not"
        assert handler(library, "folders")(str(mine))[1].value == "mine"

    @pytest.mark.parametrize("text", ["", "   ", None, "x" * 100_000, "\0", "../../etc/passwd", "a/b/c"])
    def test_what_is_no_model_gets_one_sentence(self, text, library):
        for may_open in ("ids", "folders"):
            said, picked = handler(library, may_open)(text)
            assert said.startswith("**That did not work.**")
            assert len(said) < 400
            assert picked is None

    def test_a_hub_that_cannot_be_reached_is_told(self, library):
        assert "cannot be reached" in handler(library, "ids")("someone/tiny")[0]

    def test_who_leaves_holds_up_nobody_and_the_model_is_not_fetched_to_the_end(self, library, monkeypatch):
        """Gradio ends their question in the loop that answers everybody."""
        go_on, ended = threading.Event(), threading.Event()

        def open_slowly(_asked, with_folders, on_progress):
            try:
                while True:
                    go_on.wait()
                    on_progress(1, 2)
            finally:
                ended.set()

        monkeypatch.setattr(library, "open", open_slowly)
        told = handler(library, "ids").run("someone/large", HERE)
        next(told)
        late = threading.Timer(5, go_on.set)
        late.start()
        began = time.monotonic()
        told.close()
        assert time.monotonic() - began < 3
        late.cancel()
        go_on.set()
        assert ended.wait(30)


class TestLibrary:
    def test_a_damaged_model_is_not_offered_afterwards(self, library, mine):
        (mine / "model.safetensors").write_bytes(b"damaged")
        for _ in range(2):
            with pytest.raises(ModelFolderError):
                library.open(str(mine), with_folders=True)
            assert library.names == ["digits"]

    def test_what_is_open_already_is_not_opened_twice_and_there_is_an_end(self, library, mine, monkeypatch):
        monkeypatch.setattr(library_module, "MAX_OPENED", 1)
        assert library.open("digits") == "digits"
        assert library.open(str(mine), with_folders=True) == "mine"
        with pytest.raises(RequestError, match="1 models were opened already"):
            library.open(str(mine), with_folders=True)

    def test_two_models_of_one_title_are_told_apart(self, library, mine):
        library.open(str(mine), with_folders=True)
        assert [title for title, _ in ModelPicker.choices_of(library)] == ["Digits (digits)", "Digits (mine)"]

    def test_while_one_is_opened_another_waits(self, library):
        with library._opening, pytest.raises(RequestError, match="Another model is being opened"):
            library.open("digits")


def test_of_a_damaged_model_of_the_hub_no_path_is_told(library, server, repositories, monkeypatch):  # noqa: F811
    bad = {"config.json": json.dumps({"_class_name": "AutoencoderTiny", "latent_channels": -1}).encode()}
    monkeypatch.setitem(repositories, "someone/bad", bad)
    said, _ = handler(library, "ids")("someone/bad")
    assert r"someone\/bad\/config" in said
    assert "snapshots" not in said


def test_of_a_model_of_the_hub_that_cannot_be_opened_nothing_is_kept(library, server, repositories, monkeypatch):  # noqa: F811
    cache = Path(constants.HF_HUB_CACHE)
    damaged = {**repositories["someone/tiny"], "diffusion_pytorch_model.safetensors": b"x" * 1_000_000}
    monkeypatch.setitem(repositories, "someone/damaged", damaged)
    ask = handler(library, "ids")
    assert "did not work" in ask("someone/damaged")[0]
    assert not [*cache.glob("models--*")]
    assert "is open" in ask("someone/tiny")[0]
    assert [*cache.glob("models--*")]
