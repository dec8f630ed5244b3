"""A model folder <-> a VAE: `config.json` (what to build) and `model.safetensors` (its parameters, by name)."""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np
from flax import nnx
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from vae.files import MAX_HEADER_BYTES, MAX_TEXT, as_text, check_file, read_json
from vae.latent import AnyArray
from vae.model import VAE, VAEConfig

FORMAT_VERSION = 1
CONV_VAE = "conv-vae"  # the kind of model that is ours; a folder of the first version does not say its kind
CLASS_NAME = "_class_name"  # in the config.json of a folder that diffusers wrote, which has no format_version
CONFIG, WEIGHTS, ATLAS, METRICS, CARD = "config.json", "model.safetensors", "atlas.parquet", "metrics.json", "README.md"
PRIOR = "prior.safetensors"
MAX_FIGURE = 1e15  # absolute, of a number in metrics.json

Parameters = dict[str, AnyArray]  # "encoder.stages.0.norm1.scale" -> its array
Module = TypeVar("Module", bound=nnx.Module)


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


def parameters(model: nnx.Module) -> Parameters:
    """The parameters by name; a name is the path of attributes from the model, joined by dots."""
    return {_name(path): variable.get_value() for path, variable in nnx.to_flat_state(nnx.state(model))}


def shapes(model: nnx.Module) -> dict[str, tuple[int, ...]]:
    """The shapes of `parameters`, by the same names; the model may be abstract (`blank`)."""
    return {_name(path): variable.shape for path, variable in nnx.to_flat_state(nnx.state(model))}


def parameter_shapes(config: VAEConfig) -> dict[str, tuple[int, ...]]:
    """The shapes of `parameters`, by the same names, without drawing any."""
    return shapes(blank(config))


def bind(model: Module, values: Mapping[str, AnyArray]) -> Module:
    """A model of the same architecture with these parameters. Pure: usable inside `jax.jit` and `jax.grad`.

    Args:
        model: supplies the structure; its own values are not read, so it may be abstract (`blank`).
        values: one array for every name of `parameters(model)`.
    """
    graph, state = nnx.split(model)
    flat = {path: variable.replace(values[_name(path)]) for path, variable in nnx.to_flat_state(state)}
    return nnx.merge(graph, nnx.from_flat_state(flat))


@cache
def blank(config: VAEConfig, **options) -> VAE:
    """A VAE with shapes in place of values: costs no memory; fill it with `bind`. Kept, as it takes half a second."""
    return nnx.eval_shape(lambda: VAE(config, rngs=nnx.Rngs(0), **options))


def _name(path: tuple) -> str:
    return ".".join(map(str, path))


def save_model(folder: Path | str, values: Parameters, info: ModelInfo) -> None:
    """Writes `config.json` and `model.safetensors`; other files in the folder stay.

    Kernels are stored in float16, which halves the file and moves no pixel by a level; the rest, and kernels that
    float16 cannot hold, in float32.

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
            "kind": CONV_VAE,
            "title": info.title,
            "summary": info.summary,
            "architecture": info.config.to_dict(),
            "preprocessing": {"size": info.config.image_size, "crop": "centre", "range": [0, 1], "channels": "RGB"},
            "training": info.training,
        }
        (beside / CONFIG).write_text(json.dumps(config, indent=2) + "\n")
        save_file({name: _stored(value) for name, value in sorted(values.items())}, beside / WEIGHTS)
        (beside / WEIGHTS).chmod(0o644)  # safetensors makes it, like mkdtemp the folder, for the owner alone
        beside.chmod(0o755)
        if folder.exists():
            for name in (WEIGHTS, CONFIG):
                os.replace(beside / name, folder / name)
        else:
            beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _stored(value: AnyArray) -> np.ndarray:
    exact = np.asarray(value, np.float32)
    with np.errstate(over="ignore"):
        halved = exact.astype(np.float16)
    return halved if exact.ndim > 1 and np.isfinite(halved).all() else exact


def read_config(folder: Path | str) -> dict:
    """The content of `config.json`, whatever the kind of model.

    Raises:
        ModelFolderError: it is missing, damaged, or from a later format.
    """
    path = Path(folder) / CONFIG
    try:
        content = read_json(path)
        by_diffusers = CLASS_NAME in content
        version = FORMAT_VERSION if by_diffusers else content.get("format_version")
    except FileNotFoundError:
        inner = Path(folder) / "vae"
        if (inner / CONFIG).is_file():
            raise ModelFolderError(f"{folder} holds a whole pipeline; open {inner}, its autoencoder.") from None
        raise ModelFolderError(
            f"{folder} is not a model folder: it has no {CONFIG}. `python -m train fit --out FOLDER` makes one."
        ) from None
    except (OSError, ValueError) as error:
        raise ModelFolderError(f"{path} cannot be used: {type(error).__name__}: {error}") from error
    if version is None:
        raise ModelFolderError(f"{path} has no format_version: neither `python -m train` nor diffusers wrote it.")
    if version != FORMAT_VERSION:
        raise ModelFolderError(f"{path} has format_version {as_text(version)}; this version reads {FORMAT_VERSION}.")
    return content


def load_info(folder: Path | str) -> ModelInfo:
    """What `config.json` says of one of our own models.

    Raises:
        ModelFolderError: as for `read_config`; or the architecture is invalid.
    """
    content = read_config(folder)
    title, summary, training = content.get("title"), content.get("summary"), content.get("training")
    try:
        return ModelInfo(
            config=VAEConfig(**content["architecture"]),
            title=as_text(title if isinstance(title, str) else "").strip() or Path(folder).resolve().name,
            summary=as_text(summary) if isinstance(summary, str) else "",
            training=training if isinstance(training, dict) else {},
        )
    except (ValueError, KeyError, TypeError) as error:
        path = Path(folder) / CONFIG
        raise ModelFolderError(f"{path} cannot be used: {type(error).__name__}: {error}") from error


def load_metrics(folder: Path | str) -> dict:
    """The figures of `metrics.json`; empty where the model was never evaluated, or the file is damaged.

    Returns:
        The numbers and texts that the file holds, with `psnr_db`, `ssim`, `l1` and `kl_nats` (None for a deterministic
        encoder) as numbers, and `held_out`: whether the pictures measured were kept out of training. An older file does
        not say so, and is judged by the name of its split.
    """
    try:
        content = read_json(Path(folder) / METRICS)
        metrics = {as_text(name): _figure(value) for name, value in content.items() if _is_figure(value)}
        known: dict[str, float | None] = {name: float(metrics[name]) for name in ("psnr_db", "ssim", "l1")}
        known["kl_nats"] = None if metrics["kl_nats"] is None else float(metrics["kl_nats"])
        if not all(math.isfinite(value) for value in known.values() if value is not None):
            return {}
        held_out = metrics.get("held_out")
        if not isinstance(held_out, bool):
            held_out = not str(metrics.get("split")).startswith(("train", "all"))
        return {**metrics, **known, "held_out": held_out}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _figure(value: Any) -> Any:
    return as_text(value) if isinstance(value, str) else value


def _is_figure(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_TEXT
    return value is None or (isinstance(value, bool | int | float) and abs(value) <= MAX_FIGURE)


def load_model(folder: Path | str) -> VAE:
    """The VAE of a model folder, in float32.

    Raises:
        ModelFolderError: a file is missing or damaged, or a tensor is missing, left over or of the wrong shape; the
            message names each.
    """
    path = Path(folder) / WEIGHTS
    return load_weights(path, load_info(folder).config)


def load_weights(path: Path, config: VAEConfig, beside: int = 0) -> VAE:
    """The VAE of a file of parameters, in float32.

    Args:
        path: of the file.
        config: the architecture.
        beside: bytes of the file that are no parameters; tensors whose names begin with "pictures." are left out then.

    Raises:
        ModelFolderError: as for `load_model`.
    """
    expected = parameter_shapes(config)
    try:
        numbers = sum(map(math.prod, expected.values()))
        values = load_file(check_file(path, MAX_HEADER_BYTES + 8 * numbers + beside))
    except FileNotFoundError:
        raise ModelFolderError(
            f"{path.parent} has no {path.name}. Copy it from where the model was trained, or train again."
        ) from None
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        # The last three: types of number that NumPy does not have.
        raise ModelFolderError(f"{path} is damaged ({error}). Copy it again, or train again.") from error
    if beside:
        values = {name: value for name, value in values.items() if not name.startswith("pictures.")}
    problems = [f"missing: {name} {expected[name]}" for name in sorted(expected.keys() - values.keys())]
    problems += [f"left over: {name} {values[name].shape}" for name in sorted(values.keys() - expected.keys())]
    problems += [
        f"wrong shape: {name} is {values[name].shape}, the architecture in {CONFIG} has {expected[name]}"
        for name in sorted(expected.keys() & values.keys())
        if values[name].shape != expected[name]
    ]
    problems += [f"no finite numbers: {name}" for name, value in sorted(values.items()) if not np.isfinite(value).all()]
    if problems:
        raise ModelFolderError(f"{path} does not fit {CONFIG}:\n  " + "\n  ".join(problems))
    return bind(blank(config), {name: jax.device_put(value.astype("float32")) for name, value in values.items()})


def write_json(path: Path | str, content: dict) -> None:
    """Writes JSON beside its place, then renames."""
    path = Path(path)
    beside = path.with_name(path.name + ".tmp")
    beside.write_text(json.dumps(content, indent=2) + "\n")
    os.replace(beside, path)
