"""A model folder onto the Hub, against the stand-in that the Space's tests have."""

import os
import shutil
import subprocess
import sys

import pytest
from huggingface_hub import ModelCard

from tests.app.test_space import hub  # noqa: F401  (a fixture)
from tests.conftest import ROOT
from train.push import TASK, with_header
from train.run import TrainError


@pytest.fixture
def folder(tmp_path):
    """A model with what a training leaves beside it."""
    made = tmp_path / "mine"
    shutil.copytree(ROOT / "assets" / "models" / "digits", made)
    (made / "training").mkdir(exist_ok=True)
    (made / "training" / "checkpoint").write_text("not to be uploaded")
    (made / "notes.txt").write_text("of this person alone")
    return made


def push(folder, hub, *arguments):  # noqa: F811
    environment = os.environ | {
        "HF_ENDPOINT": hub.url, "HF_TOKEN": "hf_test", "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1",
    }  # fmt: skip
    command = [sys.executable, "-m", "train", "push", "--model", str(folder), *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)


def test_the_model_and_nothing_else_is_uploaded_with_a_card_that_the_hub_reads(folder, hub):  # noqa: F811
    made = push(folder, hub, "--to", "someone/mine", "--dataset", "someone/pictures", "--license", "mit")
    assert made.returncode == 0, made.stderr
    assert f"Open {hub.url}/someone/mine" in made.stdout
    kept = {"config.json", "model.safetensors", "metrics.json", "README.md"}
    assert kept <= set(hub.files)
    assert hub.files["model.safetensors"] == (folder / "model.safetensors").read_bytes()
    assert any(name.startswith("snapshots/") for name in hub.files)
    assert not [name for name in hub.files if "training/" in name or name == "notes.txt"]
    assert "removed.py" in hub.files, "what was there stays"
    card = ModelCard(hub.files["README.md"].decode())
    assert (card.data.pipeline_tag, card.data.license, card.data.datasets) == (TASK, "mit", ["someone/pictures"])


def test_a_dry_run_lists_the_files_and_a_refusal_is_one_line(folder, hub):  # noqa: F811
    tried = push(folder, hub, "--to", "someone/mine", "--dry-run")
    assert tried.returncode == 0, tried.stderr
    assert "model.safetensors" in tried.stdout
    assert f"pipeline_tag: {TASK}" in tried.stdout
    assert hub.created == []
    hub.refuses = True
    refused = push(folder, hub, "--to", "someone/mine")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "needs write access" in refused.stderr
    wrong = push(folder, hub, "--to", "mine")
    assert wrong.returncode == 2
    assert "argument --to: 'mine' given; accepted: owner/name" in wrong.stderr


def test_what_a_header_says_stays():
    header = "license: cc-by-sa-4.0\npipeline_tag: image-to-image\ndatasets:\n- a/b\ntags:\n- vae\n"
    card = f"---\n{header}---\n\n# Mine\n\ntext\n"
    made = with_header(card, ["a/b", "c/d"])
    data = ModelCard(made).data
    assert (data.license, data.pipeline_tag, data.datasets) == ("cc-by-sa-4.0", "image-to-image", ["a/b", "c/d"])
    assert data.tags == ["vae"]
    assert made.endswith("# Mine\n\ntext\n")
    assert with_header("# Bare\n").endswith("# Bare\n")
    with pytest.raises(TrainError, match="header of README"):
        with_header("---\na: [\n---\n# Broken\n")
