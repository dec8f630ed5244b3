"""Training runs of a tiny model, through the command line: they learn, stop, resume and refuse as a user needs.

One uninterrupted run is the measure: every other one, however it was interrupted, must end with the same weights.
"""

import dataclasses
import errno
import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
import types
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from numpy.testing import assert_array_equal
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import load_file

from train import __main__ as command_line
from train import batches, data, features, fit
from train.config import PRESETS, TrainConfig
from train.curves import smooth, write_curves
from train.data import batch_indices, load_pictures
from train.devices import replicate
from train.held_out import LOSS, PSNR, held_out_count, measure_held_out
from train.reporting import reporting
from train.run import Checkpoints, TrainError, check_run
from train.step import augment, count_parameters, initial_state
from vae.checkpoint import ModelInfo, load_info, load_model, parameters, save_model
from vae.losses import L1SSIM, LossWeights, l1
from vae.model import VAEConfig

pytestmark = pytest.mark.usefixtures("quick_compiling")

ROOT = Path(__file__).parents[2]
EMOJI = ROOT / "assets" / "datasets" / "emoji.parquet"
TINY = TrainConfig(
    model=VAEConfig(image_size=16, latent="vector", latent_dim=8, channels=(8,), halve_first=True),
    objective=L1SSIM(LossWeights(1.0, 0.25, 1e-4)),
    kl_warmup=50,
    steps=200,
    batch_size=4,
    learning_rate=3e-3,
    warmup=10,
    ema_decay=0.95,
    load_size=18,  # more than the crop, and mirrored, so that a resumed run must repeat the random numbers too
    crop=16,
    flip=True,
)
# The command line with one more preset, in a process that can be killed.
PROGRAM = f"""
from train.__main__ import main
from train.config import PRESETS, TrainConfig
from vae.losses import L1SSIM, LossWeights
from vae.model import VAEConfig

PRESETS["tiny"] = {TINY!r}
main()
"""


def arguments_for(out, *more):
    """Twenty-four emoji, with checkpoints at 40, 80, ... 200."""
    options = {"--preset": "tiny", "--dataset": EMOJI, "--limit": 24, "--checkpoint-every": 40, "--out": out}
    return ["fit", *(str(word) for pair in options.items() for word in pair), *more]


def run(arguments):
    """The command line in this process; the error it exits with, or None."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRESETS, "tiny", TINY)
        patch.setattr(sys, "argv", ["train", *arguments])
        try:
            command_line.main()
        except SystemExit as stop:
            return str(stop.code)
    return None


def start(arguments):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def wait_for(path, process):
    deadline = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, f"{path} does not appear"
        time.sleep(0.005)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of an uninterrupted run."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    assert run(arguments_for(out, "--title", "Few emoji", "--summary", "Of all kinds.", "--snapshots", "5")) is None
    return out


def weights(out):
    return load_file(out / "model.safetensors")


def assert_same_weights(out, whole):
    found, expected = weights(out), weights(whole)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert_array_equal(found[name], value, err_msg=name)


def metrics(out):
    return [json.loads(line) for line in (out / "training" / "metrics.jsonl").read_text().splitlines()]


def content(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# ---- a run that nothing happens to


def test_its_snapshots_are_the_model_from_the_beginning_to_the_end(whole):
    paths = sorted((whole / "snapshots").iterdir())
    assert [path.stem for path in paths] == [f"step-{step:06}" for step in (0, 12, 50, 112, 200)]
    first, last, exported = load_file(paths[0]), load_file(paths[-1]), weights(whole)
    assert last.keys() == exported.keys() | {"pictures.mean", "pictures.label"}
    for name, value in exported.items():
        assert_array_equal(last[name], value.astype(last[name].dtype), err_msg=name)
    with safe_open(paths[-1], "np") as file:
        names = json.loads(file.metadata()["pictures.labels"])
    labels = next(iter(load_pictures(str(EMOJI), "train", 18, limit=24).labels.values()))
    assert [names[int(code)] for code in last["pictures.label"]] == labels
    assert last["pictures.mean"].shape == (24, TINY.model.latent_dim)
    assert np.abs(last["pictures.mean"].astype(float) - first["pictures.mean"]).max() > 0.1


def test_it_learns(whole):
    lines = metrics(whole)
    assert [line["step"] for line in lines] == list(range(20, 201, 20))
    assert lines[-1]["l1"] < 0.75 * lines[0]["l1"]
    assert lines[-1]["ssim"] > lines[0]["ssim"] + 0.15
    assert all(line["kl"] > 0 and line["gradient_norm"] > 0 and line["pictures_per_s"] > 0 for line in lines)


def test_held_out_pictures_are_measured_at_every_checkpoint(whole):
    lines = metrics(whole)
    measured = [line for line in lines if LOSS in line]
    assert [line["step"] for line in measured] == [40, 80, 120, 160, 200]
    assert measured[-1]["held_out_l1"] < 0.9 * measured[0]["held_out_l1"]
    assert measured[-1][PSNR] > measured[0][PSNR] + 1
    # What was exported does on those pictures what the log says of its step.
    held_out = load_pictures(str(EMOJI), "validation", 16, limit=held_out_count(16))
    found = measure_held_out(parameters(load_model(whole)), held_out.images, TINY)
    kept = load_info(whole).training["kept_step"]
    (line,) = [line for line in measured if line["step"] == kept]
    assert found == pytest.approx({name: line[name] for name in found}, rel=2e-3)  # weights are written as float16


def test_the_checkpoint_that_does_best_on_held_out_pictures_is_exported(tmp_path, monkeypatch):
    losses, seen = iter([0.4, 0.2, 0.3, 0.5]), []

    def measure(values, *_, **__):
        seen.append(values)
        return {LOSS: next(losses)}

    monkeypatch.setattr(fit, "measure_held_out", measure)
    out = tmp_path / "run"
    assert run(arguments_for(out, "--steps", "80", "--checkpoint-every", "20")) is None
    assert load_info(out).training["kept_step"] == 40
    for name, value in weights(out).items():
        assert_array_equal(value, seen[1][name].astype(value.dtype))


def test_it_leaves_a_model_folder(whole):
    files = {str(path.relative_to(whole)) for path in whole.rglob("*") if path.is_file()}
    assert {path for path in files if not path.startswith(("training/checkpoints/", "snapshots/"))} == {
        "config.json", "model.safetensors", "README.md", "training-curves.png",
        "training/run.json", "training/metrics.jsonl",
        *(f"training/step-{step:06d}.png" for step in range(40, 201, 40)),
    }  # fmt: skip
    assert load_model(whole).config == TINY.model
    info = load_info(whole)
    assert (info.title, info.summary) == ("Few emoji", "Of all kinds.")
    expected = {"preset": "tiny", "steps": 200, "pictures": 24, "split": "train", "seed": 0, "learning_rate": 3e-3}
    assert {name: info.training[name] for name in expected} == expected
    assert info.training["parameters"] == sum(value.size for value in weights(whole).values())


def test_the_card_says_how_it_was_made(whole):
    card = (whole / "README.md").read_text()
    for words in ("# Few emoji", "Of all kinds.", f"--dataset {EMOJI}", "24 pictures", "200 steps of 4 pictures"):
        assert words in card
    assert "![Training curves](training-curves.png)" in card


def test_the_curves_are_wide_and_show_the_whole_run(whole, tmp_path):
    """Sharp at 800 pixels on a dense screen, ink on white; and of the log that is there."""
    curves = Image.open(whole / "training-curves.png").convert("RGB")
    assert curves.width == 1600
    pixels = np.asarray(curves)
    assert (pixels[0] == 255).all(), "its own white around it, for pages of any colour"
    for panel in np.array_split(pixels, 3, axis=1):
        assert (panel.max(axis=-1) < 100).sum() > 100, "no text"
        blue = (panel[..., 2].astype(int) - panel[..., 0]) > 150
        assert np.ptp(np.flatnonzero(blue.any(axis=0))) > 350, "no line from side to side"

    (tmp_path / "training").mkdir()
    log = (whole / "training" / "metrics.jsonl").read_text().splitlines()
    for lines in (log[:1], log[:5]):  # a run may be as short as one line
        (tmp_path / "training" / "metrics.jsonl").write_text("\n".join(lines))
        write_curves(tmp_path, TINY.objective.curves)
        assert (tmp_path / "training-curves.png").read_bytes() != (whole / "training-curves.png").read_bytes()


def test_smoothing_keeps_a_straight_line_and_calms_noise():
    line = np.linspace(1, 3, 400)
    np.testing.assert_allclose(smooth(line)[10:-10], line[10:-10], atol=0.01)
    noise = np.random.default_rng(0).normal(size=400)
    assert smooth(noise).std() < 0.5 * noise.std()
    assert_array_equal(smooth(noise[:5]), noise[:5])


def test_it_says_what_was_made_and_what_comes_next(tmp_path, capsys):
    """The commands that it prints are ones that work: they parse, with the columns that fit was told of."""
    out = tmp_path / "a model"
    assert run(arguments_for(out, "--steps", "2", "--label-column", "category", "--label-column", "style")) is None
    opening, made, *commands = capsys.readouterr().out.splitlines()
    assert opening.startswith("16 x 16 pixels through 8 numbers, ")
    assert "2 steps of 4 pictures, 0.3 times all 24." in opening
    assert made.startswith(f"{out}: a model of 24 pictures, ")
    assert "the one of step 2," in made
    evaluate, atlas, prior, app = (shlex.split(line, comments=True) for line in commands)
    for command, name in ((evaluate, "evaluate"), (atlas, "atlas"), (prior, "prior")):
        assert command[:3] == ["python", "-m", "train"]
        parsed = command_line.parse_arguments(command[3:])
        assert (parsed.command, parsed.model, parsed.dataset) == (name, out, str(EMOJI))
        assert parsed.label_column == ["category", "style"]
    assert app == ["python", "app/main.py", "--model", str(out)]


@pytest.mark.parametrize(
    ("split", "measured", "mapped", "words"),
    [
        ("train", "validation", "train", "held-out pictures"),
        ("all", "all", "all", "pictures it was trained on: none are held out"),
        ("validation", "train", "validation", "held-out pictures"),
    ],
)
def test_the_commands_that_come_next_measure_pictures_that_were_held_out(split, measured, mapped, words, tmp_path):
    flags = ["--dataset", str(EMOJI), "--out", str(tmp_path / "out"), "--split", split]
    arguments = command_line.parse_arguments(["fit", *flags])
    train, held_out = (load_pictures(str(EMOJI), name, 16, limit=2) for name in (split, "validation"))
    _, *lines, _ = command_line.describe_result(arguments, train, held_out, 200).splitlines()
    assert words in lines[0]
    parsed = [command_line.parse_arguments(shlex.split(line, comments=True)[3:]) for line in lines]
    assert [command.split for command in parsed] == [measured, mapped, mapped]


def test_grids_show_held_out_pictures_over_reconstructions_and_samples(whole):
    """Eight held-out pictures, below them what the exported model makes of them, and two rows of samples."""
    sheet = np.asarray(Image.open(whole / "training" / "step-000200.png")).astype(int)
    assert sheet.shape == (4 * 18 - 2, 8 * 18 - 2, 3)
    held_out, reconstructions, *samples = (
        [sheet[top : top + 16, left : left + 16] for left in range(0, 8 * 18, 18)] for top in range(0, 4 * 18, 18)
    )
    measured = load_pictures(str(EMOJI), "validation", 16, limit=held_out_count(16)).images
    spread = np.linspace(0, len(measured) - 1, 8).round().astype(int)
    assert_array_equal(held_out, measured[spread])
    matching = np.abs(np.subtract(held_out, reconstructions)).mean()
    assert 0 < matching < np.abs(np.subtract(held_out, np.roll(reconstructions, 1, axis=0))).mean()
    assert len({sample.tobytes() for row in samples for sample in row}) == 16


def test_the_average_of_the_weights_is_exported(whole):
    checkpoints = Checkpoints(whole / "training" / "checkpoints")
    state = checkpoints.restore(jax.eval_shape(lambda: initial_state(TINY)))

    assert (checkpoints.latest(), int(state.step)) == (200, 200)
    exported = weights(whole)
    for name, value in exported.items():
        assert_array_equal(value, np.asarray(state.average[name]).astype(value.dtype))
    assert any(np.abs(value - state.parameters[name]).max() > 1e-4 for name, value in exported.items())


def test_a_run_can_begin_with_a_model_and_train_its_decoder_alone(whole, tmp_path, monkeypatch):
    # A network with a single number: the real one, in tests/train/test_features.py, takes long to compile.
    for module in (features, fit):
        monkeypatch.setattr(module, "load_network", lambda: {"scale": np.float32(3)})
    for module in ("step", "held_out"):
        name = f"train.{module}.perceptual_distance"
        monkeypatch.setattr(name, lambda network, x, y: network["scale"] * l1(x, y))
    out = tmp_path / "finer"
    flags = ["--init-from", str(whole), "--decoder-only", "--steps", "40", "--tc-weight", "2", "--perceptual", "0.1"]
    assert run(arguments_for(out, *flags)) is None
    before, after = weights(whole), weights(out)
    for name in before:
        same = np.allclose(after[name], before[name], rtol=1e-4, atol=1e-7)
        assert same == name.startswith("encoder."), name
    first = metrics(out)[0]
    assert first["l1"] < 0.8 * metrics(whole)[0]["l1"], "it begins with what was learnt"
    assert first["perceptual"] == pytest.approx(3 * first["l1"], rel=1e-4)
    assert np.isfinite(first["tc"])
    last = metrics(out)[-1]
    assert last["held_out_perceptual"] == pytest.approx(3 * last["held_out_l1"], rel=1e-4)
    facts = load_info(out).training
    assert (facts["init_from"], facts["decoder_only"]) == (str(whole), True)
    assert (facts["weights"]["tc"], facts["weights"]["perceptual"]) == (2, 0.1)


def test_only_the_newest_checkpoints_are_kept(whole):
    assert {path.name for path in (whole / "training" / "checkpoints").iterdir()} == {"160", "200"}


# ---- interruptions


def test_a_killed_run_resumes_to_the_same_weights(whole, tmp_path, capsys):
    """SIGKILL, as from a power cut: the process cannot do anything about it."""
    arguments = arguments_for(tmp_path / "out")
    process = start(arguments)
    wait_for(tmp_path / "out" / "training" / "checkpoints" / "40", process)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "the run was over before it could be killed"
    before = [line for line in metrics(tmp_path / "out") if line["step"] <= 40]
    with (tmp_path / "out" / "training" / "metrics.jsonl").open("a") as file:
        file.write('{"step": 60, "lo')  # the line that was being written

    assert run([*arguments, "--resume"]) is None

    assert re.search(r"^Going on from step \d+ of 200\.$", capsys.readouterr().out, re.MULTILINE)
    assert_same_weights(tmp_path / "out", whole)
    after = metrics(tmp_path / "out")
    assert [line["step"] for line in after] == list(range(20, 201, 20))
    assert after[:2] == before  # with their speeds: it went on from step 40 and not from the beginning
    for line, expected in zip(after, metrics(whole), strict=True):
        assert {**line, "pictures_per_s": 0} == {**expected, "pictures_per_s": 0}


def test_a_run_killed_three_times_ends_in_the_same_weights(whole, tmp_path):
    """The second time while a checkpoint is being written."""
    out, rng = tmp_path / "out", random.Random(0)
    arguments = arguments_for(out)
    arguments[arguments.index("--checkpoint-every") + 1] = "10"
    checkpoints = out / "training" / "checkpoints"
    half_written = 0
    for kill in range(3):
        before = set(checkpoints.glob("*"))
        process = start([*arguments, "--resume"] if before else arguments)
        while not (appeared := set(checkpoints.glob("*")) - before):
            assert process.poll() is None, process.communicate()
            time.sleep(0.001)
        if kill != 1:
            time.sleep(rng.uniform(0, 0.05))
        process.kill()
        process.communicate()
        half_written += any("tmp" in path.name for path in appeared if path.exists())
    assert half_written, "no kill fell into the writing of a checkpoint"

    assert run([*arguments, "--resume"]) is None

    assert_same_weights(out, whole)


@pytest.mark.parametrize("budget", [4, 0], ids=["pictures on the device", "pictures brought over"])
def test_an_interrupted_run_saves_and_says_how_to_go_on(budget, whole, tmp_path):
    """Ctrl-C."""
    process = start(arguments_for(tmp_path / "out", "--device-memory-budget", str(budget)))
    wait_for(tmp_path / "out" / "training" / "checkpoints" / "40", process)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "Traceback" not in errors
    assert "error" not in errors.lower()
    pattern = r"^Stopped at step (\d+); everything is saved\. To go on: python -m train (.*)$"
    found = re.search(pattern, errors, re.MULTILINE)
    assert found, errors
    step = int(found[1])
    assert 40 <= step < 200
    assert metrics(tmp_path / "out")[-1]["step"] == step
    assert (tmp_path / "out" / "training" / f"step-{step:06d}.png").exists()
    load_model(tmp_path / "out")

    assert run(shlex.split(found[2])) is None

    assert_same_weights(tmp_path / "out", whole)
    steps = [line["step"] for line in metrics(tmp_path / "out")]
    assert steps == sorted({*range(20, 201, 20), step})


def test_a_disk_that_is_full_at_the_last_step_costs_nothing(whole, tmp_path, monkeypatch):
    """The export fails; once there is room, --resume makes it good."""
    out = tmp_path / "out"
    shutil.copytree(whole, out)
    shutil.rmtree(out / "training" / "checkpoints" / "200")
    for name in ("model.safetensors", "config.json"):
        (out / name).unlink()

    def fill_the_disk(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(fit, "save_model", fill_the_disk)
        assert "No space left on device" in run(arguments_for(out, "--resume"))
    assert run(arguments_for(out, "--resume")) is None

    assert_same_weights(out, whole)


def test_resuming_a_finished_run_changes_nothing_and_says_so(whole, capsys):
    before = content(whole)
    assert run(arguments_for(whole, "--resume")) is None
    assert content(whole) == before
    assert f"{whole} is complete: all 200 steps are done. For a longer run, choose another --out." in (
        capsys.readouterr().out
    )


def test_what_is_logged_is_reported(whole, tmp_path, monkeypatch):
    """The new rows of a run that goes on. Stand-ins for both packages note how they are called."""
    calls = []

    def noting(name, result=None):
        return lambda *values, **named: calls.append((name, values, named)) or result

    writer = types.SimpleNamespace(add_scalar=noting("add_scalar"), close=noting("close"))
    runs = types.SimpleNamespace(log=noting("log"))
    tensorboard = types.SimpleNamespace(SummaryWriter=noting("SummaryWriter", writer), __spec__="installed")
    trackio = types.SimpleNamespace(init=noting("init", runs), finish=noting("finish"), __spec__="installed")
    monkeypatch.setitem(sys.modules, "tensorboardX", tensorboard)
    monkeypatch.setitem(sys.modules, "trackio", trackio)
    out = tmp_path / "out"
    shutil.copytree(whole, out)
    shutil.rmtree(out / "training" / "checkpoints" / "200")
    assert run(arguments_for(out, "--resume", "--report-to", "tensorboard")) is None
    rows = [row for row in metrics(out) if row["step"] > 160]
    assert [row["step"] for row in rows] == [180, 200]
    assert calls == [
        ("SummaryWriter", (str(out / "training" / "tensorboard"),), {"purge_step": 161}),
        *(
            ("add_scalar", (name, pytest.approx(value, abs=1e-6), row["step"]), {})
            for row in rows
            for name, value in row.items()
            if name != "step"
        ),
        ("close", (), {}),
    ]

    calls.clear()
    with reporting("trackio", out, TINY, first=0) as report:
        report({"step": 20, "l1": 0.5, LOSS: 0.25})
    assert calls == [
        ("init", ("latentscape", "out"), {"config": TINY.to_dict(), "resume": "never"}),
        ("log", ({"l1": 0.5, LOSS: 0.25},), {"step": 20}),
        ("finish", (), {}),
    ]


# ---- data sets larger than the device's memory


def test_pictures_that_do_not_fit_give_the_same_weights(whole, tmp_path, monkeypatch, capsys):
    """They are brought over batch by batch, from a file if need be; a part of a run each way, too."""
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(data, "MEMORY_SHARE", 0)
        assert run(arguments_for(out, "--device-memory-budget", "0")) is None
    output = capsys.readouterr().out
    assert "24 pictures of 18 x 18 pixels take 2.17e-05 GiB, more than 0% of the available memory" in output
    assert "more than --device-memory-budget 0" in output
    assert_same_weights(out, whole)

    shutil.rmtree(out / "training" / "checkpoints" / "200")
    (out / "model.safetensors").unlink()
    assert run(arguments_for(out, "--resume")) is None
    assert "--device-memory-budget" not in capsys.readouterr().out
    assert_same_weights(out, whole)


def prefetching_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("prefetch")]


def test_a_batch_that_cannot_be_brought_over_ends_the_run_in_words(tmp_path, monkeypatch):
    """In the middle of a run, in the thread; the thread ends too."""
    split_batch, fetched = batches.split_batch, []

    def run_out_of_memory(images, indices):
        assert threading.current_thread() in prefetching_threads()
        fetched.append(indices)
        if len(fetched) == 60:
            raise MemoryError("Unable to allocate 12.0 GiB")
        return split_batch(images, indices)

    monkeypatch.setattr(batches, "split_batch", run_out_of_memory)
    error = run(arguments_for(tmp_path / "out", "--device-memory-budget", "0"))

    assert "The pictures of step 59 cannot be brought to the device: MemoryError: Unable to allocate 12.0 GiB" in error
    assert metrics(tmp_path / "out")[-1]["step"] == 40
    assert prefetching_threads() == []


def test_too_little_memory_on_the_device_is_said_in_words(tmp_path, monkeypatch):
    monkeypatch.setattr(fit, "train_step", lambda *_, **__: jax.numpy.zeros(2**48).block_until_ready())
    error = run(arguments_for(tmp_path / "out"))
    assert error.startswith("error: The device has too little memory: ")
    assert "--batch-size or --device-memory-budget" in error


def test_batches_are_fetched_ahead_and_no_longer_when_nobody_takes_them(monkeypatch):
    images = np.arange(50 * 4 * 4 * 3, dtype=np.uint8).reshape(50, 4, 4, 3)
    fetched = threading.Semaphore(0)
    split_batch = batches.split_batch

    def count(images, indices):
        fetched.release()
        return split_batch(images, indices)

    monkeypatch.setattr(batches, "split_batch", count)
    source = batches.batches(images, 8, range(5, 100), seed=1, device_memory_budget=0)
    for step in (5, 6):
        assert_array_equal(next(source), images[batch_indices(50, 8, step, seed=1)])
    for _ in range(2 + batches.AHEAD):
        assert fetched.acquire(timeout=20)
    assert not fetched.acquire(timeout=0.2), "more batches than AHEAD were made"

    source.close()
    assert prefetching_threads() == []


@pytest.mark.parametrize("budget", [0, 1])
@pytest.mark.parametrize("steps", [range(0), range(3, 5), range(9)])
def test_every_step_has_its_batch(budget, steps):
    images = np.arange(20 * 2 * 2 * 3, dtype=np.uint8).reshape(20, 2, 2, 3)
    found = list(batches.batches(images, 8, steps, seed=2, device_memory_budget=budget))
    assert len(found) == len(steps)
    for step, batch in zip(steps, found, strict=True):
        assert_array_equal(batch, images[batch_indices(20, 8, step, seed=2)])


# ---- refusals


def test_a_folder_with_a_run_is_not_overwritten(whole):
    before = content(whole)
    error = run(arguments_for(whole))
    assert f"{whole} holds a run already" in error
    assert "--resume" in error
    assert "another --out" in error
    assert content(whole) == before


def test_resuming_with_other_settings_names_what_changed(whole):
    before = content(whole)
    error = run(arguments_for(whole, "--resume", "--steps", "300", "--kl-weight", "0.5"))
    assert "steps was 200, is 300" in error
    assert "'kl': 0.0001" in error
    assert "'kl': 0.5" in error
    assert "batch_size" not in error
    assert "another --out" in error
    assert content(whole) == before


def test_resuming_with_other_pictures_is_refused(whole):
    arguments = arguments_for(whole, "--resume")
    arguments[arguments.index("--limit") + 1] = "20"
    assert "pictures was 24, is 20" in run(arguments)


def test_resuming_with_other_pictures_of_the_same_number_is_refused(whole):
    assert re.search(
        r"pictures_crc32 was \d+, is \d+", run([*arguments_for(whole, "--resume"), "--split", "validation"])
    )


def test_a_run_that_stopped_before_its_first_checkpoint_is_begun_anew(whole, tmp_path):
    out = tmp_path / "out"
    (out / "training" / "checkpoints").mkdir(parents=True)
    (out / "training" / "run.json").write_text('{"steps": 7}')
    assert run(arguments_for(out)) is None
    assert_same_weights(out, whole)


def test_a_folder_with_a_run_is_refused_before_the_pictures_are_read(whole):
    arguments = arguments_for(whole)
    arguments[arguments.index("--dataset") + 1] = "./nowhere"
    assert "holds a run already" in run(arguments)


def test_a_package_to_report_with_that_is_not_there_is_named_first(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    monkeypatch.setattr("train.reporting.find_spec", lambda name: None)
    assert run(arguments_for(tmp_path / "out", "--report-to", "tensorboard", "--dataset", "./nowhere")) == "2"
    problem = "tensorboard given; it needs a package that is not there: pip install tensorboardX"
    assert capsys.readouterr().err == f"error: argument --report-to: {problem}\n"


def test_ctrl_c_before_the_first_step_is_a_line(tmp_path, monkeypatch, capsys):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("train.data.load_pictures", interrupt)
    assert run(arguments_for(tmp_path / "out")) == "130"
    assert capsys.readouterr().err == "Stopped. What was saved before is intact.\n"


@pytest.mark.parametrize("absent", [[], ["pictures", "pictures_crc32"], ["likelihood", "free_bits"]])
def test_a_run_of_an_earlier_version_can_be_resumed(absent, whole, tmp_path):
    """Its `run.json` calls the weight of L1 "rec", and says nothing of settings that there were not yet."""
    out = tmp_path / "out"
    shutil.copytree(whole, out)
    settings = json.loads((out / "training" / "run.json").read_text())
    settings["weights"] = {"rec": settings["weights"].pop("l1"), **settings["weights"]}
    record = json.dumps({name: value for name, value in settings.items() if name not in absent})
    (out / "training" / "run.json").write_text(record)
    assert run(arguments_for(out, "--resume")) is None
    assert "'l1': 1.0, 'ssim': 0.25, 'kl': 0.5" in run(arguments_for(out, "--resume", "--kl-weight", "0.5"))


def test_a_run_that_diverges_stops_at_its_last_good_checkpoint(tmp_path):
    """At this learning rate, weight decay multiplies the kernels by minus nine each step until they overflow."""
    out = tmp_path / "out"
    error = run(arguments_for(out, "--learning-rate", "900", "--checkpoint-every", "5"))

    pattern = r"The loss is not finite at step (\d+): (.*)\. The last good checkpoint is step (\d+), in (\S+)\. "
    found = re.search(pattern, error)
    assert found, error
    step, terms, good = int(found[1]), found[2], int(found[3])
    assert re.search(r"\b(nan|inf)\b", terms)
    assert all(name in terms for name in ("loss", "l1", "ssim", "kl", "gradient_norm"))
    assert good <= step < good + 5
    assert Path(found[4]) == out / "training" / "checkpoints"
    assert {int(path.name) for path in Path(found[4]).iterdir()} == {good - 5, good}
    assert np.isfinite(load_model(out)(jnp.zeros((1, 16, 16, 3)), jax.random.key(0))[0]).all()
    assert "lower --learning-rate" in error


# ---- the pieces


def augmented(pictures, **changes):
    config = dataclasses.replace(TINY, load_size=pictures.shape[1], **changes)
    return np.asarray(jax.jit(augment, static_argnums=2)(jax.random.key(0), pictures, config))


def pictures_of_places(count, size):
    """Red is the row of each pixel and green its column, so that a crop tells where it was cut and how it lies."""
    rows, columns = np.mgrid[:size, :size]
    return np.broadcast_to(np.stack([rows, columns, 0 * rows], axis=-1).astype(np.uint8), (count, size, size, 3))


@pytest.mark.parametrize("flip", [False, True])
def test_crops_are_cut_and_mirrored_at_random(flip):
    pictures = pictures_of_places(64, size=20)

    cut = augmented(pictures, flip=flip)

    assert (cut.dtype, cut.shape) == (np.float32, (64, 16, 16, 3))
    cut = np.round(cut * 255).astype(int)
    mirrored = cut[:, 0, 0, 1] > cut[:, 0, -1, 1]
    cut[mirrored] = cut[mirrored][:, :, ::-1]
    corners = cut[:, 0, 0, :2]
    for image, picture, (top, left) in zip(cut, pictures, corners, strict=True):
        assert_array_equal(image, picture[top : top + 16, left : left + 16])
    assert set(corners[:, 0]) == set(corners[:, 1]) == set(range(5))
    assert (16 < mirrored.sum() < 48) if flip else not mirrored.any()


def test_zoomed_crops_are_magnified_and_stay_inside_the_picture():
    cut = 255 * augmented(pictures_of_places(500, size=20), flip=False, zoom=3.0)

    steps = np.diff(cut[:, 6:10, 6:10, 0], axis=1)  # of the row of the picture, from one row of the crop to the next
    zoom = 1 / steps.mean(axis=(1, 2))
    assert 1 <= zoom.min() < 1.1
    assert 2.8 < zoom.max() <= 3.01
    near = cut[zoom > 2, ..., :2]
    assert near.min(axis=(0, 1, 2)).max() < 0.5  # from all over the picture, to its first and last row and column
    assert near.max(axis=(0, 1, 2)).min() > 18.5
    white = augmented(np.full((500, 20, 20, 3), 255, np.uint8), zoom=3.0)
    assert white.min() > 0.999


def test_a_step_in_parts_is_the_step(whole):
    """The runs begin alike; `whole` has compiled what they share."""
    images, steps = np.random.default_rng(0).integers(0, 256, (24, 18, 18, 3), np.uint8), []
    known = {"dtype": "float32", "data_size": 24, "network": None}
    for parts in (1, 2):
        config = dataclasses.replace(TINY, accumulate=parts)
        batch = next(batches.batches(images, 4, range(1), seed=0, device_memory_budget=1))
        state, terms = fit.train_step(replicate(initial_state(config)), batch, config=config, **known)
        gradients = optax.tree.get(state.optimiser, "mu")  # after one step: by a constant
        steps.append(jax.device_get((terms, gradients)))
    (terms, gradients), (terms_in_parts, gradients_in_parts) = steps
    for name, value in terms.items():
        assert terms_in_parts[name] == pytest.approx(value, rel=1e-5), name
    size = max(np.abs(value).max() for value in gradients.values())
    for name, value in gradients.items():
        np.testing.assert_allclose(gradients_in_parts[name], value, rtol=1e-3, atol=1e-6 * size, err_msg=name)


def test_a_batch_has_equal_parts(tmp_path, capsys):
    problem = "argument --accumulate: 3 given; accepted for a batch of 4: 1, 2, 4"
    assert run(arguments_for(tmp_path / "out", "--accumulate", "3")) == "2"
    assert problem in capsys.readouterr().err


def test_the_model_is_as_large_as_is_said(whole):
    assert count_parameters(TINY) == sum(value.size for value in weights(whole).values())


@pytest.mark.parametrize("change", [{"crop": 15}, {"crop": 24, "load_size": 16}])
def test_crops_that_do_not_fit_are_refused(change):
    with pytest.raises(ValueError, match=f"crop is {change['crop']}"):
        dataclasses.replace(TINY, **change)


def test_a_model_without_its_run_is_not_overwritten(tmp_path, draw_vae):
    # As in a fresh clone, where the shipped models are and their checkpoints are not.
    save_model(tmp_path / "model", parameters(draw_vae(TINY.model)), ModelInfo(TINY.model))
    before = (tmp_path / "model" / "model.safetensors").read_bytes()
    for resume in (False, True):
        with pytest.raises(TrainError, match=r"without the run.*another --out"):
            check_run(TINY, tmp_path / "model", resume)
    assert (tmp_path / "model" / "model.safetensors").read_bytes() == before
