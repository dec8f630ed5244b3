"""Tests of what is set before JAX starts."""

import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import jax
import pytest

from vae import xla
from vae.xla import convolution_options

ROOT = Path(__file__).resolve().parents[2]
SIZE = 64 << 20
# Run as a program: begins again with larger pages, then counts those it is given for one large piece of memory.
COUNT_PAGES = f"""
from vae.xla import use_huge_pages
use_huge_pages()
import ctypes, resource
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
block = libc.malloc({SIZE})
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
ctypes.memset(block, 1, {SIZE})
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def run_program(code: str, **environment: str) -> str:
    others = {name: value for name, value in os.environ.items() if name != "GLIBC_TUNABLES"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=others | environment, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def has_huge_pages() -> bool:
    setting = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    library, version = platform.libc_ver()
    is_known = library == "glibc" and tuple(map(int, version.split("."))) >= (2, 35)
    return is_known and setting.exists() and "[madvise]" in setting.read_text()


@pytest.mark.skipif(not has_huge_pages(), reason="this system gives out no huge pages to those who ask")
def test_large_memory_comes_in_huge_pages():
    assert int(run_program(COUNT_PAGES)) < SIZE // 4096 / 10


def test_settings_of_the_allocator_that_a_person_made_are_left_alone():
    chosen = "glibc.malloc.arena_max=2"
    words = "from vae.xla import use_huge_pages; use_huge_pages(); import os; print(os.environ['GLIBC_TUNABLES'])"
    assert run_program(words, GLIBC_TUNABLES=chosen) == chosen


@pytest.mark.skipif(not version("jaxlib").startswith("0.10."), reason="another jaxlib has no such option")
def test_convolutions_go_to_the_library_where_a_network_asks():
    def convolve(x, kernel):
        return jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))

    shapes = jax.ShapeDtypeStruct((1, 16, 16, 64), "float32"), jax.ShapeDtypeStruct((3, 3, 64, 64), "float32")
    compiled = jax.jit(convolve, compiler_options=convolution_options()).lower(*shapes).compile()
    assert "ynn_fusion" in compiled.as_text()


def test_programs_are_kept_where_there_is_a_place(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "/chosen")
    xla.keep_compiled_programs()
    assert os.environ["JAX_COMPILATION_CACHE_DIR"] == "/chosen"
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "1")
    xla.keep_compiled_programs()
    assert os.environ["JAX_COMPILATION_CACHE_DIR"] == str(tmp_path / "latentscape" / "programs")
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    xla.keep_compiled_programs()
    assert "JAX_COMPILATION_CACHE_DIR" not in os.environ
