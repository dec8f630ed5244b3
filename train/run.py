"""What a run keeps on disk, under `training` in the model folder, and how it stops and goes on.

run.json        its settings and what its pictures were
metrics.jsonl   the terms of the loss, a line every so many steps
checkpoints/    the newest training states
step-*.png      held-out pictures, their reconstructions and samples, for every checkpoint (`train.grid`)
tensorboard/    the same figures as in metrics.jsonl, on demand (`train.reporting`)
"""

from __future__ import annotations

import json
import math
import shlex
import signal
import sys
import time
import zlib
from pathlib import Path
from types import FrameType

import jax
import numpy as np
import orbax.checkpoint as ocp
from tqdm import tqdm

from train.config import TrainConfig
from train.data import Pictures
from train.devices import any_process, check_shares, is_main
from train.step import TrainState
from vae.checkpoint import WEIGHTS, write_json
from vae.losses import Terms, objective_record, recorded_objective


class TrainError(RuntimeError):
    """A run that cannot start or go on, with a message that says what to do."""


class Interrupted(Exception):
    """A run that was asked to stop, and has saved; the message says how to go on."""


def check_run(config: TrainConfig, out: Path, resume: bool) -> None:
    """All that can be refused before the pictures are there.

    Raises:
        TrainError: `out` holds another run, or one that only --resume may go on with.
        FlagError: the batch has no equal share for every device, or no such parts.
    """
    check_shares(config.batch_size, config.accumulate)
    if not is_main():
        return
    run, has_weights = out / "training", (out / WEIGHTS).exists()
    if has_weights and not (run / "run.json").exists():
        raise TrainError(f"{out} holds a model without the run that made it. Choose another --out.")
    if resume:
        _check_same(run, config.to_dict(), "settings")
    elif has_weights or any(run.glob("checkpoints/*")):  # one stopped before its first checkpoint is begun anew
        raise TrainError(f"{out} holds a run already. Add --resume to go on with it, or choose another --out.")


def start_run(run: Path, config: TrainConfig, train: Pictures, resume: bool) -> None:
    """Makes the run's folder with its settings in it, or checks that its pictures are these.

    Raises:
        TrainError: they are others.
    """
    pictures = {"pictures": len(train), "pictures_crc32": zlib.crc32(train.images.data)}
    if resume and (run / "run.json").exists():
        _check_same(run, pictures, "pictures")
    else:
        run.mkdir(parents=True, exist_ok=True)
        write_json(run / "run.json", {**config.to_dict(), **pictures})


def _check_same(run: Path, values: dict, what: str) -> None:
    """That `run.json` has these values. What an earlier version did not write down cannot be compared."""
    record = run / "run.json"
    before = json.loads(record.read_text()) if record.exists() else {}
    if (objective := recorded_objective(before)) is not None:
        before |= objective_record(objective)  # as it is written today
    changed = [f"{name} was {before[name]}, is {now}" for name, now in values.items() if before.get(name, now) != now]
    if changed:
        raise TrainError(
            f"--resume needs the {what} that {run.parent} was started with: {'; '.join(changed)}. Give those, or "
            "choose another --out for a new run."
        )


def describe_resumption(step: int, steps: int, out: Path) -> str:
    """What `--resume` does, in a line."""
    if step == steps:
        return f"{out} is complete: all {steps:,} steps are done. For a longer run, choose another --out."
    if step == 0:
        return f"{out} has no checkpoint to go on from: starting at the beginning."
    return f"Going on from step {step:,} of {steps:,}."


def resume_command() -> str:
    """The command line of this process, with --resume."""
    arguments = [a for a in sys.argv[1:] if a != "--resume"]
    return shlex.join(["python", "-m", "train", *arguments, "--resume"])


class Checkpoints:
    """The training states of a run, written by Orbax in full beside their place and then renamed; the newest two."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._manager = ocp.CheckpointManager(
            folder.resolve(),
            options=ocp.CheckpointManagerOptions(
                preservation_policy=ocp.checkpoint_managers.LatestN(2),
                enable_async_checkpointing=False,
                cleanup_tmp_directories=True,
            ),
        )

    def latest(self) -> int | None:
        """The step of the newest whole checkpoint."""
        return self._manager.latest_step()

    def save(self, state: TrainState) -> None:
        """Saves; a step that is saved already is left as it is."""
        step = int(state.step)
        if step != self.latest():
            self._manager.save(step, args=ocp.args.StandardSave(state._asdict()))

    def restore(self, state: TrainState) -> TrainState:
        """The newest state; where there is none, the one given, which tells the structure, shapes and types."""
        if self.latest() is None:
            return state
        like = jax.tree.map(ocp.utils.to_shape_dtype_struct, state._asdict())
        return TrainState(**self._manager.restore(self.latest(), args=ocp.args.StandardRestore(like)))


class Meter:
    """The terms of the steps since it was last read: left on the device, as reading them makes it wait."""

    def __init__(self, batch_size: int):
        self._batch_size = batch_size
        self.reset()

    def reset(self) -> None:
        """Forgets them, and starts the clock."""
        self._terms: list[Terms] = []
        self._since = time.monotonic()

    def add(self, terms: Terms) -> None:
        """Takes those of one more step."""
        self._terms.append(terms)

    def read(self, step: int, checkpoints: Checkpoints) -> dict[str, float]:
        """The mean of each term, and `pictures_per_s`; then resets.

        Raises:
            TrainError: one is NaN or infinite; names the first step where, and the last good checkpoint.
        """
        rows = jax.device_get(self._terms)
        rate = len(rows) * self._batch_size / (time.monotonic() - self._since)
        for k, row in enumerate(rows, step - len(rows) + 1):
            if not all(math.isfinite(value) for value in row.values()):
                raise TrainError(_describe_divergence(k, row, checkpoints))
        self.reset()
        return {**{name: float(np.mean([row[name] for row in rows])) for name in rows[0]}, "pictures_per_s": rate}


def _describe_divergence(step: int, row: dict, checkpoints: Checkpoints) -> str:
    terms = ", ".join(f"{name} {float(value):.4g}" for name, value in row.items())
    last = checkpoints.latest()
    good = f"The last good checkpoint is step {last}" if last is not None else "There is no checkpoint yet"
    return (
        f"The loss is not finite at step {step}: {terms}. {good}, in {checkpoints.folder}. Try a lower --learning-rate."
    )


class MetricsLog:
    """`metrics.jsonl`; lines of steps that a resumed run repeats are dropped."""

    def __init__(self, path: Path, keep_before: int):
        self.path = path
        if path.exists():
            lines = [line for line in path.read_text().splitlines() if _step_of(line) <= keep_before]
            path.write_text("".join(line + "\n" for line in lines))

    def lowest(self, name: str) -> float:
        """The lowest value of a figure so far; infinite where there is none."""
        rows = map(json.loads, self.path.read_text().splitlines()) if self.path.exists() else ()
        return min((row[name] for row in rows if name in row), default=math.inf)

    def write(self, row: dict) -> None:
        """Appends a line."""
        with self.path.open("a") as file:
            file.write(json.dumps({k: round(v, 6) if isinstance(v, float) else v for k, v in row.items()}) + "\n")


def _step_of(line: str) -> float:
    try:
        return json.loads(line)["step"]
    except (ValueError, KeyError, TypeError):
        return math.inf  # the line that was being written when the run was killed


class StopSignal:
    """Turns the first Ctrl-C (or SIGTERM) into a request that the loop honours between steps; the second kills."""

    def __init__(self):
        self._requested = False

    def __enter__(self):
        self._before = {number: signal.signal(number, self._request) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def requested(self, ask_others: bool) -> bool:
        """Whether to stop after this step. Hosts have to stop at the same one, and asking them all takes time.

        Args:
            ask_others: whether all hosts ask at this step.
        """
        return (jax.process_count() == 1 or ask_others) and any_process(self._requested)

    def _request(self, number: int, _frame: FrameType | None) -> None:
        self._requested = True
        signal.signal(number, self._before[number])
        tqdm.write("Stopping after this step and saving; once more to quit at once.")
