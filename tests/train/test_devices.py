"""One run on one device, on four, and on two hosts: the same model."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

ROOT = Path(__file__).parents[2]
EMOJI = ROOT / "assets" / "datasets" / "emoji.parquet"
STEPS, BATCH = 12, 8
PROGRAM = """
from train.__main__ import main
from train.config import PRESETS, TrainConfig
from vae.losses import L1SSIM, LossWeights
from vae.model import VAEConfig

model = VAEConfig(image_size=16, latent="vector", latent_dim=8, channels=(16,), halve_first=True)
PRESETS["tiny"] = TrainConfig(
    model=model, objective=L1SSIM(LossWeights(1.0, 0.25, 1e-4)), warmup=4, load_size=18, crop=16, flip=True
)
main()
"""


def start(out: Path, *arguments: object, devices: int) -> subprocess.Popen:
    """A run of the command line in a process with so many devices."""
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count={devices}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}
    environment["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"  # compiles in half the time, and there is little to compute
    command = [sys.executable, "-c", PROGRAM, "fit", "--dataset", EMOJI, "--out", out, "--preset", "tiny"]
    command += ["--steps", STEPS, "--batch-size", BATCH, "--limit", 50, "--checkpoint-every", STEPS // 2, *arguments]
    return subprocess.Popen(
        [str(part) for part in command], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def finish(*processes: subprocess.Popen) -> None:
    try:
        for process in processes:
            _, errors = process.communicate(timeout=240)
            assert process.returncode == 0, errors[-3000:]
    finally:
        for process in processes:
            process.kill()


def two_hosts(out: Path, *arguments: object) -> list[subprocess.Popen]:
    """Two processes that talk over loopback, one device each."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    return [
        start(out, "--coordinator", address, "--processes", 2, "--process-id", i, *arguments, devices=1) for i in (0, 1)
    ]


def last_metrics(out: Path) -> dict:
    return json.loads((out / "training" / "metrics.jsonl").read_text().splitlines()[-1])


def assert_same_losses(out: Path, expected: Path) -> None:
    """To 1e-5, the order of sums; not the weights, since AdamW magnifies that where a gradient is all but 0."""
    for name, value in last_metrics(expected).items():
        if name != "pictures_per_s":
            assert last_metrics(out)[name] == pytest.approx(value, rel=1e-5, abs=1e-5), name


def assert_same_weights(out: Path, expected: Path) -> None:
    weights, reference = (load_file(folder / "model.safetensors") for folder in (out, expected))
    assert weights.keys() == reference.keys()
    for name, value in reference.items():
        np.testing.assert_array_equal(weights[name], value, err_msg=name)


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Path:
    """The run on one device."""
    folder = tmp_path_factory.mktemp("runs") / "1"
    finish(start(folder, devices=1))
    return folder


def test_four_devices_train_the_same_model_as_one(alone, tmp_path):
    """Also when the pictures do not fit into their memory: then to the same bits."""
    kept, brought = tmp_path / "kept", tmp_path / "brought"
    finish(start(kept, devices=4))
    finish(start(brought, "--device-memory-budget", 0, devices=4))  # which need not compile again
    assert_same_losses(kept, alone)
    assert_same_weights(brought, kept)


def test_two_hosts_train_the_same_model_as_one_and_go_on_where_they_stopped(alone, tmp_path):
    """One of them writes the folder, whole; both write checkpoints, from which the last half is trained again."""
    out = tmp_path / "model"
    finish(*two_hosts(out))
    assert_same_losses(out, alone)
    assert {path.name for path in out.iterdir()} == {path.name for path in alone.iterdir()}
    assert len((out / "training" / "metrics.jsonl").read_text().splitlines()) == 2

    shutil.rmtree(out / "training" / "checkpoints" / str(STEPS))
    (out / "model.safetensors").rename(tmp_path / "model.safetensors")
    finish(*two_hosts(out, "--resume", "--device-memory-budget", 0))  # now each brings over its share of a batch
    assert_same_weights(out, tmp_path)


def test_a_batch_without_equal_shares_is_refused(tmp_path):
    process = start(tmp_path / "model", devices=3)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 2
    assert "argument --batch-size: 8 given; accepted with 3 devices: multiples of 3" in errors
    assert "Traceback" not in errors
    assert not (tmp_path / "model").exists()
