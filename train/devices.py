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


def split_batch(indices: np.ndarray) -> Array:
    """The indices of a batch, each device with its share. Every process gives all of them.

    Raises:
        ValueError: the batch has no equal shares.
    """
    devices = jax.device_count()
    if len(indices) % devices:
        raise ValueError(f"The batch size is {len(indices)}; accepted with {devices} devices: multiples of {devices}")
    return jax.device_put(indices, NamedSharding(_mesh(), PartitionSpec("data")))


def any_process(flag: bool) -> bool:
    """Whether the flag is set in any process. All have to ask, at the same step."""
    if jax.process_count() == 1:
        return flag
    return bool(multihost_utils.process_allgather(np.asarray(flag)).any())


def _mesh() -> Mesh:
    return Mesh(np.asarray(jax.devices()), ("data",))
