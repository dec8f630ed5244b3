"""Compiles the kernels to codec.wasm: `python -m app.web.codec.build`.

The compiler is Clang as the package `ziglang` brings it (`pip install ziglang`), for WebAssembly without a system. The
same version makes the same bytes on every machine. codec.wasm is part of the repository, so nobody else needs it.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
BINARY = HERE / "codec.wasm"
ZIG = "0.17.1"  # of the package

FLAGS = [
    *("-target", "wasm32-freestanding", "-nostdlib", "-O3", "-s"),
    # In every browser since 2023, as plain SIMD is.
    *("-msimd128", "-mbulk-memory", "-mnontrapping-fptoint"),
    # Otherwise LLVM computes the addresses in the innermost loop from one counter, at a third more instructions.
    *("-mllvm", "-disable-lsr"),
    # What is a vector and what is unrolled is written in the kernels; more makes the file larger and nothing faster.
    *("-fno-vectorize", "-fno-slp-vectorize", "-fno-unroll-loops"),
    *("-Wall", "-Wextra", "-Werror"),
    *("-Wl,--no-entry", "-Wl,--export=__heap_base"),
]


def compiler() -> str | None:
    """The version of the compiler that is installed, if any."""
    return importlib.util.find_spec("ziglang") and importlib.metadata.version("ziglang")


def build() -> bytes:
    """The binary.

    Raises:
        subprocess.CalledProcessError: the compiler refuses; it has said why.
    """
    sources = sorted(str(path.relative_to(HERE)) for path in HERE.glob("*.c"))
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / BINARY.name
        subprocess.run([sys.executable, "-m", "ziglang", "cc", *FLAGS, *sources, "-o", made], cwd=HERE, check=True)
        return made.read_bytes()


if __name__ == "__main__":
    BINARY.write_bytes(build())
    print(f"{BINARY}: {BINARY.stat().st_size:,} bytes")
