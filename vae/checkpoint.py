"""A model folder <-> a VAE: `config.json` (what to build) and `model.safetensors` (its parameters, by name)."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import jax
import numpy as np
from flax import nnx
from jaxtyping import Array
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from vae.model import VAE, VAEConfig

FORMAT_VERSION = 1
CONFIG, WEIGHTS, ATLAS, METRICS, CARD = "config.json", "model.safetensors", "atlas.parquet", "metrics.json", "README.md"

Parameters = dict[str, Array]  # "encoder.stages.0.norm1.scale" -> its array


class ModelFolderError(ValueError):
    """A model folder that cannot be loaded, with a message that says what is wrong and what to do."""


@dataclass(frozen=True)
class ModelInfo:
    """What `config.json` says of a model: the architecture, and the facts a reader wants beside it.

    Attributes:
        config: the architecture.
        title: a short name for people, such as "Fruits".
        summary: one sentence: what it was trained on.
        training: how it was trained: command, dataset, preset, steps and the like.
    """

    config: VAEConfig
    title: str = ""
    summary: str = ""
    training: dict = field(default_factory=dict)


def parameters(vae: VAE) -> Parameters:
    """The parameters by name; a name is the path of attributes from the VAE, joined by dots."""
    return {_name(path): variable.get_value() for path, variable in nnx.to_flat_state(nnx.state(vae))}


def bind(vae: VAE, values: Parameters) -> VAE:
    """A VAE of the same architecture with these parameters. Pure: usable inside `jax.jit` and `jax.grad`.

    Args:
        vae: supplies the structure; its own values are not read, so it may be abstract (`blank`).
        values: one array for every name of `parameters(vae)`.
    """
    graph, state = nnx.split(vae)
    flat = {path: variable.replace(values[_name(path)]) for path, variable in nnx.to_flat_state(state)}
    return nnx.merge(graph, nnx.from_flat_state(flat))


def blank(config: VAEConfig, **options) -> VAE:
    """A VAE with shapes in place of values: costs no memory and no time; fill it with `bind`."""
    return nnx.eval_shape(lambda: VAE(config, rngs=nnx.Rngs(0), **options))


def _name(path: tuple) -> str:
    return ".".join(map(str, path))


def save_model(folder: Path | str, values: Parameters, info: ModelInfo) -> None:
    """Writes `config.json` and `model.safetensors`; other files in the folder stay.

    Both are written in full beside their place and then renamed, so that a reader, or a crash, finds the old file or
    the new one and never half of one. A folder that does not exist yet appears with both in it, or not at all.

    Raises:
        OSError: the disk is full or the place not writable; whatever was there before is untouched.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        config = {
            "format_version": FORMAT_VERSION,
            "title": info.title,
            "summary": info.summary,
            "architecture": info.config.to_dict(),
            "preprocessing": {"size": info.config.image_size, "crop": "centre", "range": [0, 1], "channels": "RGB"},
            "training": info.training,
        }
        (beside / CONFIG).write_text(json.dumps(config, indent=2) + "\n")
        save_file({name: np.asarray(value) for name, value in sorted(values.items())}, beside / WEIGHTS)
        (beside / WEIGHTS).chmod(0o644)  # safetensors makes it, like mkdtemp the folder, for the owner alone
        beside.chmod(0o755)
        if folder.exists():
            for name in (WEIGHTS, CONFIG):
                os.replace(beside / name, folder / name)
        else:
            beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def load_info(folder: Path | str) -> ModelInfo:
    """Reads `config.json`.

    Raises:
        ModelFolderError: it is missing, damaged, from a later format, or describes no valid architecture.
    """
    path = Path(folder) / CONFIG
    try:
        content = json.loads(path.read_text())
        version = content["format_version"]
        if version != FORMAT_VERSION:
            raise ModelFolderError(f"{path} has format_version {version}; this version reads {FORMAT_VERSION}.")
        return ModelInfo(
            config=VAEConfig(**content["architecture"]),
            title=content.get("title") or Path(folder).resolve().name,
            summary=content.get("summary", ""),
            training=content.get("training", {}),
        )
    except ModelFolderError:
        raise
    except FileNotFoundError:
        raise ModelFolderError(
            f"{folder} is not a model folder: it has no {CONFIG}. `python -m train fit --out FOLDER` makes one."
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelFolderError(f"{path} cannot be used: {type(error).__name__}: {error}") from error


def load_metrics(folder: Path | str) -> dict:
    """The held-out figures of `metrics.json`; empty where the model was never evaluated, or the file is damaged."""
    try:
        metrics = json.loads((Path(folder) / METRICS).read_text())
        known = {name: float(metrics[name]) for name in ("psnr_db", "ssim", "l1", "kl_nats")}
        return {**metrics, **known}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def load_model(folder: Path | str) -> VAE:
    """The VAE of a model folder, in float32.

    Raises:
        ModelFolderError: a file is missing or damaged, or a tensor is missing, left over or of the wrong shape; the
            message names each.
    """
    folder = Path(folder)
    vae = blank(load_info(folder).config)
    path = folder / WEIGHTS
    try:
        values = load_file(path)
    except FileNotFoundError:
        raise ModelFolderError(
            f"{folder} has no {WEIGHTS}. Copy it from where the model was trained, or train again."
        ) from None
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelFolderError(f"{path} is damaged ({error}). Copy it again, or train again.") from error
    expected = {_name(path): variable.shape for path, variable in nnx.to_flat_state(nnx.state(vae))}
    problems = [f"missing: {name} {expected[name]}" for name in sorted(expected.keys() - values.keys())]
    problems += [f"left over: {name} {values[name].shape}" for name in sorted(values.keys() - expected.keys())]
    problems += [
        f"wrong shape: {name} is {values[name].shape}, the architecture in {CONFIG} has {expected[name]}"
        for name in sorted(expected.keys() & values.keys())
        if values[name].shape != expected[name]
    ]
    if problems:
        raise ModelFolderError(f"{path} does not fit {CONFIG}:\n  " + "\n  ".join(problems))
    return bind(vae, {name: jax.numpy.asarray(value, "float32") for name, value in values.items()})


def write_json(path: Path | str, content: dict) -> None:
    """Writes JSON beside its place, then renames."""
    path = Path(path)
    beside = path.with_name(path.name + ".tmp")
    beside.write_text(json.dumps(content, indent=2) + "\n")
    os.replace(beside, path)
