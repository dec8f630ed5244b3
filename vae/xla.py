"""Settings of the compiler and of memory. Import this before anything that starts JAX."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version

# Hands reductions (norms, means, the losses) to a CPU kernel library. A training step of the 64-pixel presets takes
# two thirds of the time (bench/RESULTS.md).
REDUCE_FUSION = "--xla_cpu_experimental_ynn_fusion_type=LIBRARY_FUSION_TYPE_REDUCE"
# The same library for convolutions, which XLA hands to it by itself and the flag above takes from it: networks with few
# norms, or none, take a fifth longer without (TAESD; bench/autoencoders.py).
CONVOLUTION_FUSION = "LIBRARY_FUSION_TYPE_INDIVIDUAL_CONVOLUTION,LIBRARY_FUSION_TYPE_REDUCE"
# glibc asks Linux for pages of 2 MiB (https://sourceware.org/glibc/manual/latest/html_node/Memory-Allocation-Tunables.html).
HUGE_PAGES = "glibc.malloc.hugetlb=1"


def use_fast_cpu_reductions() -> None:
    """Adds the flag to `XLA_FLAGS`, where it is known to exist: XLA aborts on a flag that it does not know."""
    flags = os.environ.get("XLA_FLAGS", "")
    if _has_library() and "ynn_fusion_type" not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {REDUCE_FUSION}".strip()


def _has_library() -> bool:
    return version("jaxlib").startswith("0.10.")


def convolution_options() -> dict[str, str]:
    """Options of one `jax.jit`: the library computes its convolutions, too. Empty where the flag may not exist."""
    return {"xla_cpu_experimental_ynn_fusion_type": CONVOLUTION_FUSION} if _has_library() else {}


def use_huge_pages() -> None:
    """Starts this process again, on Linux, with larger pages of memory. Call this first of all.

    XLA takes the memory of a step's intermediate results anew for every step, half a gigabyte at 64 pixels. In pages of
    4 KiB, a fifth of the step goes into handing them out. glibc reads its settings only as a process begins; those that
    are there already are left as they are.
    """
    if sys.platform == "linux" and "GLIBC_TUNABLES" not in os.environ:
        os.environ["GLIBC_TUNABLES"] = HUGE_PAGES
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
