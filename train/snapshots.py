"""A model at some moments of its training: small files, from which the page shows how it learns.

OUT/snapshots/step-000133.safetensors holds the parameters as a browser's codec takes them (`app/web/codec`), and beside
them where some of the pictures lie in the latent space: `pictures.mean` (count, *latent) and `pictures.label` (count),
the position of each one's label, in the first label column, among those that the metadata lists under
`pictures.labels`, as JSON. `python -m train atlas` adds where these lie on a map of that moment: `pictures.place`
(count, 2).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from train.config import TrainConfig
from train.data import Pictures
from train.grid import encode_mean
from vae.checkpoint import Parameters

FOLDER = "snapshots"
PICTURES = 500  # whose places are kept, evenly spaced through the data set
BATCH = 50


def moments(steps: int, count: int) -> tuple[int, ...]:
    """So many steps from 0 to the last, at the squares of even distances: a model learns most at the beginning."""
    return tuple(np.unique((np.linspace(0, 1, count) ** 2 * steps).round().astype(int)).tolist())


def save_snapshot(out: Path, step: int, values: Parameters, config: TrainConfig, train: Pictures) -> None:
    """Writes the file of one moment, whole or not at all."""
    rows = np.unique(np.linspace(0, len(train) - 1, PICTURES).round().astype(int))
    size = config.model.image_size
    margin = (train.images.shape[1] - size) // 2  # that random crops have to move in; here, the middle is taken
    middle = train.images[rows, margin : margin + size, margin : margin + size]
    batches = (middle[i : i + BATCH] / np.float32(255) for i in range(0, len(rows), BATCH))
    means = [encode_mean(values, images, config=config) for images in batches]
    tensors = {name: np.asarray(value) for name, value in values.items()} | {"pictures.mean": np.concatenate(means)}
    metadata = None
    if train.labels:
        labels = np.asarray(next(iter(train.labels.values())))[rows]
        names, tensors["pictures.label"] = np.unique(labels, return_inverse=True)
        metadata = {"pictures.labels": json.dumps(names.tolist())}
    path = out / FOLDER / f"step-{step:06}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_snapshot(path, tensors, metadata)


def write_snapshot(path: Path, tensors: Mapping[str, np.ndarray], metadata: dict[str, str] | None = None) -> None:
    """Writes such a file, whole or not at all."""
    unfinished = path.with_suffix(".tmp")
    # Kernels and matrices in half precision, as app/web/codec has them; biases and norms are few.
    halved = {name: v.astype(np.float16 if v.ndim > 1 else np.float32) for name, v in tensors.items()}
    save_file(halved, unfinished, metadata)
    unfinished.chmod(0o644)  # safetensors makes it for the owner alone
    unfinished.replace(path)
