"""Timing two or more sides against each other: every timing in a process of its own, the sides in turn, medians.

In turn, so that a machine that slows down slows all sides; in processes, since compiler flags and thread pools hold for
a whole process.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from statistics import median

from vae.xla import REDUCE_FUSION

# A side's name, whose first word is the framework, and what it wants in its environment.
Sides = dict[str, dict[str, str]]
SIDES: Sides = {"torch": {}, "jax": {"XLA_FLAGS": REDUCE_FUSION}}


def describe(*packages: str) -> str:
    """The machine, and the versions of Python and of these packages, in a line."""
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {versions}"


def median_seconds(run: Callable[[], None], times: int) -> float:
    """The median of so many runs, after two that compile and warm up."""
    seconds = []
    for _ in range(times + 2):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return median(seconds[2:])


def compare(script: str, case: list[str], rounds: int, sides: Sides = SIDES) -> dict[str, float]:
    """Runs `python script FRAMEWORK *case` for each side in turn, so many rounds; the median of what each prints."""
    printed = {side: [] for side in sides}
    for _ in range(rounds):
        for side, settings in sides.items():
            environment = {**os.environ, **settings}
            done = subprocess.run(
                [sys.executable, script, side.split()[0], *case],
                env=environment,
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            )
            printed[side].append(json.loads(done.stdout.splitlines()[-1]))
    return {side: median(values) for side, values in printed.items()}
