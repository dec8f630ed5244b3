"""A codec for the visitor's browser: kind "conv-vae" in WebAssembly. What it needs of a model is made here.

`client.js` is what a page uses; it needs the architecture from a model's config.json, and the address of `weights`.
`python -m app.web.codec.build` compiles the kernels.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save

from vae.checkpoint import WEIGHTS


def weights(folder: Path | str, halves: tuple[str, ...] = ("decoder", "encoder")) -> bytes:
    """The parameters of a model folder of kind "conv-vae" as safetensors, at half their size.

    Kernels and matrices are float16: pictures differ from the model's own by a fraction of a level of 255. Biases and
    the norms' scales are few, and stay float32.

    Args:
        folder: the model folder.
        halves: which parts to take; a page that only draws latents has no use for the encoder.

    Raises:
        OSError, SafetensorError: the parameters cannot be read.
    """
    values = load_file(Path(folder) / WEIGHTS)
    return save(
        {
            name: value.astype(np.float16 if value.ndim > 1 else np.float32)
            for name, value in values.items()
            if name.partition(".")[0] in halves
        }
    )


def size(folder: Path | str, halves: tuple[str, ...] = ("decoder", "encoder")) -> int:
    """About how many bytes `weights` would be; none of the parameters is read.

    Raises:
        OSError, SafetensorError: the file cannot be read.
    """
    with safe_open(Path(folder) / WEIGHTS, "np") as file:
        names = [name for name in file.keys() if name.partition(".")[0] in halves]  # noqa: SIM118, it is no dict
        return 2 * sum(math.prod(file.get_slice(name).get_shape()) for name in names)
