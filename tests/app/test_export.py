"""A model's page as static files: the command line, and what is refused."""

import json
import shutil
from types import SimpleNamespace

import pytest

from app import export as exporting
from app.explore.limits import RequestError
from app.explore.opened import OpenModel
from app.export import FolderError, __main__, export, page
from tests.conftest import ROOT

EMOJI = ROOT / "assets" / "models" / "emoji"


@pytest.fixture
def written(monkeypatch):
    """Stands for the files of any model."""
    monkeypatch.setattr(exporting, "files", lambda model: {exporting.INDEX: exporting.GENERATOR.encode()})


def refusal(capsys, *arguments: str) -> str:
    with pytest.raises(SystemExit) as stop:
        __main__.main([*arguments])
    assert stop.value.code == 2
    return capsys.readouterr().err


def test_what_a_model_says_of_itself_is_text(tmp_path):
    for name in ("config.json", "model.safetensors"):
        shutil.copy(EMOJI / name, tmp_path / name)
    config = json.loads((tmp_path / "config.json").read_text())
    config |= {"title": "<script>alert(1)</script>", "summary": '"><img src=x onerror=alert(1)> {{card}}'}
    (tmp_path / "config.json").write_text(json.dumps(config))
    made = page(OpenModel(tmp_path), has_card=False)
    assert "<script>alert" not in made
    assert "<img src=x" not in made
    assert "{{card}}" in made, "what stands in a model's own words is filled with nothing"
    assert '<section class="wide" hidden' in made, "it has no map"


def test_another_kind_of_model_is_refused_with_the_reason(tmp_path):
    model = SimpleNamespace(info=SimpleNamespace(kind="autoencoder-kl", title="Theirs"))
    with pytest.raises(RequestError, match="Theirs is of kind 'autoencoder-kl'; accepted: 'conv-vae', which a browser"):
        export(model, tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_a_folder_of_other_files_is_left_alone(tmp_path, written):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(FolderError, match="accepted: a new or an empty folder, or one that holds an earlier export"):
        export(OpenModel(EMOJI), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_earlier_export_is_replaced(tmp_path, written):
    for _ in range(2):
        export(OpenModel(EMOJI), tmp_path / "site")
    assert (tmp_path / "site" / "index.html").is_file()


def test_wrong_arguments_are_one_sentence(tmp_path, capsys, written):
    said = refusal(capsys, "--model", "nobody", "--out", str(tmp_path / "site"))
    assert said.startswith("error: argument --model: 'nobody' given; accepted: ")
    assert said.count("\n") == 1
    file = tmp_path / "a file"
    file.write_text("")
    said = refusal(capsys, "--model", "emoji", "--out", str(file))
    assert said.startswith(f"error: argument --out: '{file}' given; accepted: a new or an empty folder")
    said = refusal(capsys, "--model", "emoji", "--out", str(file / "below"))
    assert "cannot be written to (Not a directory)" in said
    assert "--out" in refusal(capsys, "--model", "emoji")
