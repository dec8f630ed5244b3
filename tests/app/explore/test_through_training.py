"""A model at moments of its training, and one whose folder is written anew while it is open."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from app.explore import through_training
from app.explore.interpolate import interpolation
from app.explore.library import Library
from app.explore.limits import RequestError
from app.explore.reconstruct import reconstruct
from app.explore.sample import sample
from app.explore.subject import open_subject
from tests.app.explore.conftest import MODELS, difference
from tests.conftest import EXAMPLES
from vae.checkpoint import ATLAS, ModelFolderError


@pytest.fixture
def digit():
    return open_subject(EXAMPLES / "digit-3.png")


@pytest.fixture
def run(tmp_path):
    """A copy of the digits, without the later half of its snapshots, opened."""
    folder = tmp_path / "run"
    shutil.copytree(MODELS / "digits", folder)
    for path in sorted(folder.glob("snapshots/*"))[10:]:
        path.unlink()
    return Library(MODELS, [str(folder)])


@pytest.fixture
def two():
    return open_subject(EXAMPLES / "digit-2.png")


def test_the_last_moment_is_the_model_and_the_first_is_not(library, digit, two):
    digits = library["digits"]
    steps = through_training.steps(digits)
    assert (steps[0], steps[-1], len(steps)) == (0, 1500, 20)
    first, last = (through_training.reconstruction(digits, step, digit) for step in (0, 1500))
    made = reconstruct(digits, digit)
    assert difference(last.drawn[0], made.reconstruction) < 1
    assert last.psnr_db == pytest.approx(made.metrics["psnr_db"], abs=0.1)
    assert first.psnr_db < last.psnr_db - 3

    def alike(moment, pictures):
        return [difference(*pair) < 1 for pair in zip(moment.drawn, pictures, strict=True)]

    sheet = [digits.decode(latent) for latent in sample(digits, "prior", 64, 0.7, 3)]
    first, last = (through_training.samples(digits, step, 64, 0.7, 3) for step in (0, 1500))
    assert all(alike(last, sheet[:12])), "the sheet's, as far as they are shown"
    assert not any(alike(first, sheet[:12]))
    walk = interpolation(digits, digit, two, 7, "lerp")
    first, last = (through_training.between(digits, step, digit, two, "lerp") for step in (0, 1500))
    assert all(alike(last, walk))
    assert not any(alike(first, walk))
    ends = (through_training.reconstruction(digits, 0, subject).drawn[0] for subject in (digit, two))
    assert [difference(*pair) < 1 for pair in zip(first.drawn[::6], ends, strict=True)] == [True, True], "encoded too"


def test_each_of_several_trainings_shows_its_nearest_moment(library, run, digit):
    both = [library["digits"], run["run"]]
    assert through_training.steps(*both) == through_training.steps(both[0])
    assert [through_training.reconstruction(model, 1400, digit).step for model in both] == [1346, 337]


def test_there_are_no_moments_but_those_that_are_kept(library, run, digit):
    assert through_training.steps(library["fruits"]) == []
    with pytest.raises(RequestError, match="not there any more"):
        through_training.reconstruction(library["fruits"], 0, digit)
    model = run["run"]
    (model.folder / "snapshots" / "step-000000.safetensors").write_bytes(b"half of it")
    with pytest.raises(ModelFolderError, match=r"^run/snapshots/[\w.-]+ is damaged"):  # not where it is
        through_training.reconstruction(model, 0, digit)


def test_what_a_training_writes_is_opened_without_starting_anew(run, digit):
    before, count = run["run"], len(through_training.steps(run["run"]))
    assert not run.renew("run")
    folder = before.folder
    shutil.copy(MODELS / "digits" / "snapshots" / "step-001500.safetensors", folder / "snapshots")
    assert len(through_training.steps(before)) == count + 1
    config = json.loads((folder / "config.json").read_text())
    config["training"]["kept_step"] = 1000
    (folder / "config.json").write_text(json.dumps(config))
    assert run.renew("run")
    assert run["run"].info.training["kept_step"] == 1000
    assert run.info("run").training["kept_step"] == 1000
    (folder / "model.safetensors").write_bytes(b"half of it")
    assert not run.renew("run")
    assert reconstruct(run["run"], digit).metrics["psnr_db"] > 10, "what was opened before stays"


def test_the_digits_move_from_one_heap_to_a_place_for_each(library):
    """Where the pictures of a label lie on the map, beside how far all of them do."""
    moved = through_training.movement(library["digits"])
    assert moved.steps == through_training.steps(library["digits"])
    assert moved.labels == [str(k) for k in range(10)]

    def spread_of_labels(places):
        within = [places[moved.codes == k].std(axis=0).mean() for k in range(10)]
        return np.mean(within) / places.std(axis=0).mean()

    first, last = spread_of_labels(moved.places[0]), spread_of_labels(moved.places[-1])
    assert first > 0.8
    assert last < 0.5


@pytest.mark.parametrize(
    "tensors",
    [
        {"pictures.place": np.zeros((499, 2), np.float16), "pictures.label": np.zeros(499, np.float32)},
        {"pictures.place": np.full((500, 2), np.nan, np.float16), "pictures.label": np.zeros(500, np.float32)},
        {"pictures.place": np.full((500, 2), np.inf, np.float16), "pictures.label": np.zeros(500, np.float32)},
        {"pictures.place": np.zeros((500, 3), np.float16), "pictures.label": np.zeros(500, np.float32)},
        {"pictures.place": np.zeros((500, 2), np.float16), "pictures.label": np.full(500, 1e9, np.float32)},
        {"pictures.label": np.zeros(500, np.float32)},
        {"pictures.place": np.zeros((), np.float16), "pictures.label": np.zeros((), np.float32)},
        {"pictures.place": np.zeros((500, 2), ml_dtypes.float8_e4m3fn), "pictures.label": np.zeros(500, np.float32)},
        {"pictures.place": np.zeros((500, 2), np.complex64), "pictures.label": np.zeros(500, np.float32)},
        b"half of it",
        Path("nothing"),
    ],
)
def test_a_moment_that_does_not_fit_the_others_is_left_out(run, tensors):
    folder = run["run"].folder / "snapshots"
    second = sorted(folder.iterdir())[1]
    if isinstance(tensors, Path):
        second.unlink()
        second.symlink_to(folder / tensors)
    elif isinstance(tensors, bytes):
        second.write_bytes(tensors)
    else:
        save_file(tensors, second)
    assert len(through_training.movement(run["run"]).steps) == 9


def test_pictures_without_labels_move_too(run):
    folder = run["run"].folder
    for path in folder.glob("snapshots/*"):
        save_file({"pictures.place": load_file(path)["pictures.place"]}, path)
    atlas = run["run"].atlas
    replace(atlas, labels={}).write(folder / ATLAS)
    run.renew("run")
    moved = through_training.movement(run["run"])
    assert (len(moved.steps), moved.labels, set(moved.codes.tolist())) == (10, [""], {0})


@pytest.mark.parametrize(
    ("told", "first"),
    [
        (json.dumps([f"digit {k}" for k in range(10)]), "digit 0"),
        (json.dumps(["\u202e\ud800"] * 10), "?"),
        (json.dumps(["one", "two"]), "0"),  # too few: those of the map
        (json.dumps([*range(10)]), "0"),
        (json.dumps({"a": "b"}), "0"),
        ("[" * 100_000, "0"),
        ("", "0"),
    ],
)
def test_a_training_names_its_labels_itself_and_else_the_map_does(run, told, first):
    for path in run["run"].folder.glob("snapshots/*"):
        save_file(load_file(path), path, {"pictures.labels": told})
    assert through_training.movement(run["run"]).labels[0] == first


def test_without_places_nothing_moves(library, run):
    assert through_training.movement(library["fruits"]) is None
    for path in sorted(run["run"].folder.glob("snapshots/*"))[1:]:
        path.unlink()
    assert through_training.movement(run["run"]) is None
