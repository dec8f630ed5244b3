"""Compiler settings. Import this before anything that starts JAX."""

from __future__ import annotations

import os
from importlib.metadata import version

# Hands reductions (norms, means, the losses) to a CPU kernel library. A training step of the 64-pixel presets takes
# two thirds of the time (bench/RESULTS.md).
REDUCE_FUSION = "--xla_cpu_experimental_ynn_fusion_type=LIBRARY_FUSION_TYPE_REDUCE"


def use_fast_cpu_reductions() -> None:
    """Adds the flag to `XLA_FLAGS`, where it is known to exist: XLA aborts on a flag that it does not know."""
    flags = os.environ.get("XLA_FLAGS", "")
    if version("jaxlib").startswith("0.10.") and "ynn_fusion_type" not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {REDUCE_FUSION}".strip()
