"""What `metrics.jsonl` gets, also sent to TensorBoard or Trackio, by a package of theirs that fit does not need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path

from train.config import FlagError, TrainConfig

PACKAGES = {"tensorboard": "tensorboardX", "trackio": "trackio"}  # what writes for each


def check_reporting(to: str | None) -> None:
    """That the package is there.

    Raises:
        FlagError: it is not.
    """
    if to is not None and find_spec(PACKAGES[to]) is None:
        raise FlagError("--report-to", f"{to} given; it needs a package that is not there: pip install {PACKAGES[to]}")


@contextmanager
def reporting(to: str | None, out: Path, config: TrainConfig, first: int) -> Iterator[Callable[[dict], None]]:
    """A function that sends a row of `metrics.jsonl`.

    Args:
        to: one of `PACKAGES`: "tensorboard" writes its files to `out/training/tensorboard`, "trackio" a run of the name
            of `out`, of the project "latentscape"; None sends nothing.
        out: the model folder.
        config: the run.
        first: the step that it goes on from, 0 for a new run. TensorBoard then hides what it had of later steps;
            Trackio keeps both.
    """
    if to == "tensorboard":
        from tensorboardX import SummaryWriter

        with closing(SummaryWriter(str(out / "training" / "tensorboard"), purge_step=first + 1)) as writer:

            def report(row: dict) -> None:
                for name, value in _figures(row).items():
                    writer.add_scalar(name, value, row["step"])

            yield report
    elif to == "trackio":
        import trackio

        resume = "allow" if first else "never"
        run = trackio.init("latentscape", out.resolve().name, config=config.to_dict(), resume=resume)
        try:
            yield lambda row: run.log(_figures(row), step=row["step"])
        finally:
            trackio.finish()
    else:
        yield lambda row: None


def _figures(row: dict) -> dict[str, float]:
    return {name: value for name, value in row.items() if name != "step"}
