"""All the devices there are, on one host or several: each takes its share of every batch and has the same weights.

JAX does the work: the training step is compiled for the whole mesh, and what it sums over the batch is summed over the
devices. A run on N devices differs from the same run on one only by the order of those sums.
"""

from __future__ import annotations

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array

from train.config import FlagError


def connect(coordinator: str | None, processes: int | None, process_id: int | None) -> None:
    """Joins this process with the others of a run, one a host. Before anything else starts JAX.

    Args:
        coordinator: HOST:PORT of process 0; None for a run of this process alone.
        processes: how many there are.
        process_id: this one's number, from 0.
    """
    if coordinator is not None:
        jax.distributed.initialize(coordinator, processes, process_id)


def is_main() -> bool:
    """Whether this process is the one that writes the log, the pictures and the model."""
    return jax.process_index() == 0


def replicate(tree):
    """The tree, whole on every device."""
    return jax.device_put(tree, NamedSharding(_mesh(), PartitionSpec()))


def by_batch() -> NamedSharding:
    """The layout of a batch: its first axis divided among the devices."""
    return NamedSharding(_mesh(), PartitionSpec("data"))


def check_shares(batch_size: int, parts: int) -> None:
    """That every device gets as many pictures of a batch as the others, and as many of each of its equal parts.

    Raises:
        FlagError: it does not.
    """
    devices = jax.device_count()
    if batch_size % devices:
        raise FlagError("--batch-size", f"{batch_size} given; accepted with {devices} devices: multiples of {devices}")
    share = batch_size // devices
    if share % parts:
        accepted = ", ".join(str(n) for n in range(1, share + 1) if share % n == 0)
        held = f"a batch of {batch_size}" + (f" on {devices} devices" if devices > 1 else "")
        raise FlagError("--accumulate", f"{parts} given; accepted for {held}: {accepted}")


def split_batch(values: np.ndarray, indices: np.ndarray) -> Array:
    """`values[indices]`, each device with its share. A process gathers the shares of its own devices alone."""

    def gather(share: tuple[slice, ...] | None) -> np.ndarray:
        assert share is not None  # JAX asks for nothing else, whatever its signature says
        return values[indices[share[0]]]

    shape = (len(indices), *values.shape[1:])
    # Not `device_put`, which asks all processes whether they agree: a thread of its own must not wait for the others.
    return jax.make_array_from_callback(shape, by_batch(), gather)


def any_process(flag: bool) -> bool:
    """Whether the flag is set in any process. All have to ask, at the same step."""
    if jax.process_count() == 1:
        return flag
    return bool(multihost_utils.process_allgather(np.asarray(flag)).any())


def _mesh() -> Mesh:
    return Mesh(np.asarray(jax.devices()), ("data",))
