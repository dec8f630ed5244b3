"""What the autoencoders of diffusers (https://github.com/huggingface/diffusers) share: their folders and two layers.

Such a folder has a `config.json` with a `_class_name`, and `diffusion_pytorch_model.safetensors`. The modules here and
their attributes bear diffusers' own names, so that a parameter's path is the name of its tensor. Only the last word and
the layout differ: PyTorch's `weight` of a convolution is (out, in, height, width), Flax's `kernel` (height, width, in,
out).
"""

from __future__ import annotations

import reprlib
from pathlib import Path
from typing import Any, TypeGuard, overload

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float
from safetensors import SafetensorError, safe_open

from vae.checkpoint import CONFIG, ModelFolderError, Module
from vae.files import check_file
from vae.layers import CHANNELS_LAST

WEIGHTS = "diffusion_pytorch_model.safetensors"
HALF_WEIGHTS = "diffusion_pytorch_model.fp16.safetensors"  # some repositories hold nothing else
MAX_WEIGHTS_BYTES = 4_000_000_000  # Stable Diffusion's are 335 MB
NAMED_AT_MOST = 12  # tensors of each sort in a message
# Attention's parts in files from before diffusers 0.12, those of Stable Diffusion 1.x among them.
FORMER_NAMES = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
FLAX_TO_TORCH = {0: (), 1: (0,), 2: (1, 0), 4: (3, 2, 0, 1)}  # rank of a parameter -> order of its axes in the file
TORCH_TO_FLAX = {0: (), 1: (0,), 2: (1, 0), 4: (2, 3, 1, 0)}
NUMBERS = ("F16", "BF16", "F32", "F64", "I64")  # I64 counts batches in batch norms


class Fields:
    """The fields of a `config.json`, which may hold anything, read one by one: a missing one has diffusers' default.

    Each method raises ValueError, naming the field, what it holds and what is accepted.
    """

    def __init__(self, content: dict[str, Any]):
        self.content = content

    def only(self, name: str, accepted: Any) -> None:
        """Refuses a field that is there and says something else than what this code does."""
        if self.content.get(name, accepted) != accepted:
            raise _unaccepted(name, self.content[name], f"only {accepted!r}")

    def flag(self, name: str, default: bool) -> bool:
        """True or false."""
        value = self.content.get(name, default)
        if not isinstance(value, bool):
            raise _unaccepted(name, value, "true or false")
        return value

    def whole(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number in [low, high]."""
        value = self.content.get(name, default)
        if not _is_whole(value, low, high):
            raise _unaccepted(name, value, f"a whole number from {low} to {high}")
        return value

    def wholes(self, name: str, default: tuple[int, ...], low: int, high: int, most: int) -> tuple[int, ...]:
        """One to `most` whole numbers in [low, high]."""
        value = self.content.get(name, list(default))
        listed = isinstance(value, list) and 1 <= len(value) <= most
        if not listed or not all(_is_whole(item, low, high) for item in value):
            raise _unaccepted(name, value, f"a list of 1 to {most} whole numbers from {low} to {high}")
        return tuple(value)

    def side(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number in [low, high], or the smaller of two."""
        value = self.content.get(name, default)
        sides = value if isinstance(value, list) and len(value) == 2 else [value]
        if not all(_is_whole(side, low, high) for side in sides):
            raise _unaccepted(name, value, f"one or two whole numbers from {low} to {high}")
        return min(sides)

    @overload
    def number(self, name: str, default: float, low: float, high: float) -> float: ...

    @overload
    def number(self, name: str, default: None, low: float, high: float) -> float | None: ...

    def number(self, name: str, default: float | None, low: float, high: float) -> float | None:
        """A number in [low, high]; null only where that is the default."""
        value = self.content.get(name, default)
        if value is None and default is None:
            return None
        if not _is_number(value, low, high):
            raise _unaccepted(name, value, f"a number from {low:g} to {high:g}")
        return float(value)

    def numbers(self, name: str, count: int, low: float, high: float) -> tuple[float, ...] | None:
        """`count` numbers in [low, high], or None where there are none."""
        value = self.content.get(name)
        if value is None:
            return None
        listed = isinstance(value, list) and len(value) == count
        if not listed or not all(_is_number(item, low, high) for item in value):
            raise _unaccepted(name, value, f"a list of {count} numbers from {low:g} to {high:g}")
        return tuple(map(float, value))


def _is_whole(value: Any, low: int, high: int) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_number(value: Any, low: float, high: float) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high  # NaN is neither


def _unaccepted(name: str, value: Any, accepted: str) -> ValueError:
    return ValueError(f"{name} is {reprlib.repr(value)}; accepted: {accepted}")


def title_of(folder: Path | str) -> str:
    """A name for people: `owner/name` of a folder that the Hub's client downloaded, else the folder's own."""
    path = Path(folder).absolute()
    for parent in path.parents:
        if parent.name == "snapshots" and parent.parent.name.startswith("models--"):
            within = path.relative_to(parent).parts[1:]  # past the commit
            return "/".join([*parent.parent.name.split("--")[1:], *within])
    return f"{path.parent.name}/{path.name}" if path.name == "vae" else path.name


def tensor_names(folder: Path | str) -> set[str]:
    """The names in the file of weights.

    Raises:
        ModelFolderError: it is missing or damaged.
    """
    with _open(folder) as file:
        return set(file.keys())


def load(blank: Module, folder: Path | str) -> Module:
    """A module with the tensors of a folder, whatever their precision in float32.

    Args:
        blank: the module with shapes in place of values.
        folder: with the file of weights.

    Raises:
        ModelFolderError: the file is missing or damaged, or a tensor is missing, left over, of the wrong shape or type,
            or holds values that are not finite; the message names each.
    """
    graph, state = nnx.split(blank)
    flat = {".".join(map(str, path)): (path, variable) for path, variable in nnx.to_flat_state(state)}
    wanted = {_torch_name(name): name for name in flat}
    with _open(folder) as file:
        names = sorted(file.keys())
        stored = {_present_name(name): name for name in names}
        missing = sorted(wanted.keys() - stored.keys())
        left_over = sorted(set(names) - {stored[name] for name in stored.keys() & wanted.keys()})
        values, unfit = {}, []
        for name in sorted(wanted.keys() & stored.keys()):
            path, variable = flat[wanted[name]]
            shape, held = variable.shape, file.get_slice(stored[name])
            torch_shape = tuple(shape[axis] for axis in FLAX_TO_TORCH[len(shape)])
            # Older files hold linear layers as convolutions of one pixel.
            if tuple(held.get_shape()) not in (torch_shape, (*torch_shape, 1, 1)):
                unfit.append(f"{stored[name]} is {tuple(held.get_shape())}, {CONFIG} asks for {torch_shape}")
            elif held.get_dtype() not in NUMBERS:
                unfit.append(f"{stored[name]} is of type {held.get_dtype()}; accepted: {', '.join(NUMBERS)}")
            elif not (missing or left_over or unfit):  # else nothing will come of it
                value = file.get_tensor(stored[name]).astype(np.float32).reshape(torch_shape)
                if not np.isfinite(value).all():
                    unfit.append(f"{stored[name]} holds numbers that are not finite")
                value = np.ascontiguousarray(value.transpose(TORCH_TO_FLAX[value.ndim]))
                values[path] = variable.replace(jax.device_put(value))
    problems = [*_listed("missing", missing), *_listed("left over", left_over), *_listed("unfit", unfit)]
    if problems:
        raise ModelFolderError(f"The weights in {folder} do not fit its {CONFIG}:\n  " + "\n  ".join(problems))
    return nnx.merge(graph, nnx.from_flat_state(values))


def _open(folder: Path | str) -> Any:
    paths = [Path(folder) / name for name in (WEIGHTS, HALF_WEIGHTS)]
    path = next(filter(Path.is_file, paths), None)
    if path is None:
        raise ModelFolderError(
            f"{folder} has no {WEIGHTS}. Save the model with diffusers' `save_pretrained`, which writes it."
        )
    try:
        return safe_open(check_file(path, MAX_WEIGHTS_BYTES), "numpy")
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelFolderError(f"{path} is damaged ({error}). Copy or download it again.") from error


def _present_name(name: str) -> str:
    """The name that diffusers has today for a tensor of a file of any age."""
    parts = name.split(".")
    return ".".join([FORMER_NAMES.get(part, part) for part in parts]) if "attentions" in parts else name


def _torch_name(name: str) -> str:
    """PyTorch's name of a parameter."""
    place, _, last = name.rpartition(".")
    return f"{place}.weight" if last in ("kernel", "scale") else name


def _listed(what: str, items: list[str]) -> list[str]:
    lines = [f"{what}: {item}" for item in items[:NAMED_AT_MOST]]
    return lines if len(items) <= NAMED_AT_MOST else [*lines, f"{what}: {len(items) - NAMED_AT_MOST} more"]


def conv(in_channels: int, out_channels: int, size: int = 3, stride: int = 1, use_bias: bool = True) -> nnx.Conv:
    """A convolution padded as PyTorch does: alike on both sides, also with a stride."""
    padding = [(size // 2, size // 2)] * 2
    return nnx.Conv(
        in_channels, out_channels, (size, size), stride, padding=padding, use_bias=use_bias, rngs=nnx.Rngs(0)
    )


# Output pixel 2p + phase of the larger picture sums the three taps over pixels p - 1 + phase and p + phase of the
# smaller one, in these shares: PHASES[phase, pixel, tap].
PHASES = np.array([[[1, 0, 0], [0, 1, 1]], [[1, 1, 0], [0, 0, 1]]], np.float32)


class UpsampledConv(nnx.Conv):
    """Nearest-neighbour upsampling, then a 3x3 convolution, computed on the smaller picture.

    Along each axis, the three taps meet only two different pixels of the smaller picture. So each of the four output
    pixels is a 2x2 convolution of it, with taps added up: four ninths of the multiplications, half the time.
    """

    def __init__(self, in_channels: int, out_channels: int, use_bias: bool = True):
        super().__init__(in_channels, out_channels, (3, 3), use_bias=use_bias, rngs=nnx.Rngs(0))

    def __call__(  # type: ignore[override]  # it has no use for `out_sharding`
        self, x: Float[Array, "b h w in_channels"]
    ) -> Float[Array, "b 2*h 2*w out_channels"]:
        batch, height, width, _ = x.shape
        kernels = jnp.einsum("rai,cbj,ijxy->rcabxy", PHASES, PHASES, self.kernel[...], precision="highest")

        def phase(row: int, column: int) -> Float[Array, "b h w out_channels"]:
            padding = ((1 - row, row), (1 - column, column))
            return jax.lax.conv_general_dilated(
                x, kernels[row, column], (1, 1), padding, dimension_numbers=CHANNELS_LAST
            )

        rows = [jnp.stack([phase(row, 0), phase(row, 1)], axis=3) for row in (0, 1)]
        x = jnp.stack(rows, axis=2).reshape(batch, 2 * height, 2 * width, self.out_features)
        return x if self.bias is None else x + self.bias[...]
