"""Settings of the compiler and of memory. Import this before anything that starts JAX."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from importlib.metadata import version

# Hands reductions (norms, means, the losses) to a CPU kernel library. A training step of the 64-pixel presets takes
# two thirds of the time (bench/RESULTS.md).
REDUCE_FUSION = "--xla_cpu_experimental_ynn_fusion_type=LIBRARY_FUSION_TYPE_REDUCE"
# The same library for convolutions, which XLA hands to it by itself and the flag above takes from it: networks with few
# norms, or none, take a fifth longer without (TAESD; bench/autoencoders.py).
CONVOLUTION_FUSION = "LIBRARY_FUSION_TYPE_INDIVIDUAL_CONVOLUTION,LIBRARY_FUSION_TYPE_REDUCE"
# glibc asks Linux for pages of 2 MiB (https://sourceware.org/glibc/manual/latest/html_node/Memory-Allocation-Tunables.html).
HUGE_PAGES = "glibc.malloc.hugetlb=1"
M_ARENA_MAX, ARENAS = -8, 2  # of <malloc.h>; and how many pools


def use_fast_cpu_reductions() -> None:
    """Adds the flag to `XLA_FLAGS`, where it is known to exist: XLA aborts on a flag that it does not know."""
    flags = os.environ.get("XLA_FLAGS", "")
    if _has_library() and "ynn_fusion_type" not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {REDUCE_FUSION}".strip()


def keep_compiled_programs() -> None:
    """Has JAX keep what it compiles in the user's cache, for the next start, unless JAX_COMPILATION_CACHE_DIR is set.

    Compiling encoder and decoder takes seconds; reading them back, a tenth of one. JAX keeps programs of other machines
    and versions apart by itself. Where there is no place to write, every start compiles.
    """
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = os.path.join(home, "latentscape", "programs")
    if "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError:
        return
    if os.access(folder, os.W_OK):
        os.environ["JAX_COMPILATION_CACHE_DIR"] = folder
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.01")


def use_little_memory() -> None:
    """Has glibc keep few pools of memory, where it is the C library, and Arrow take its from there.

    Call this before threads begin, and before pyarrow is imported. glibc makes a pool for each of up to eight threads a
    core, and a server has many: what one frees, the others cannot use. Arrow's own pool keeps what reading a map took.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    if mallopt := _glibc("mallopt"):
        mallopt(M_ARENA_MAX, ARENAS)


def give_memory_back() -> None:
    """Returns memory that is free, but still held for later, to the system; after work that was done once."""
    if malloc_trim := _glibc("malloc_trim"):
        malloc_trim(0)


def _glibc(function: str) -> Callable[[*tuple[int, ...]], int] | None:
    return getattr(ctypes.CDLL(None), function, None) if sys.platform == "linux" else None


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
