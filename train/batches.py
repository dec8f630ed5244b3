"""The pictures of each training step, on the devices: kept there if they fit, else brought over ahead of time.

A data set that fits lives in the memory of every device; only the indices of a batch travel. A larger one stays in the
host's memory, and a thread gathers the batches to come while the devices work on the one they have. Both give the same
batches, so that a run does not depend on where its pictures were.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor

import jax
import numpy as np
from jaxtyping import Array, UInt8

from train.data import GIB, DataError, batch_indices
from train.devices import by_batch, is_main, replicate, split_batch

AHEAD = 3  # batches that wait on the devices: enough for a late one not to be felt, too few to need room

Batch = UInt8[Array, "batch size size 3"]


def batches(
    images: UInt8[np.ndarray, "count size size 3"],
    batch_size: int,
    steps: range,
    seed: int,
    device_memory_budget: float,
) -> Generator[Batch, None, None]:
    """The batch of each of `steps`, split among the devices; close the iterator when done with it.

    Args:
        images: all pictures, in the host's memory. Every process has all of them.
        batch_size: pictures a step, over all devices.
        steps: of the run; the pictures of a step follow from its number and the seed (`batch_indices`).
        seed: of the order.
        device_memory_budget: GiB of each device's memory that pictures may fill.

    Raises:
        DataError: a batch could not be gathered or brought to the devices.
    """
    if images.nbytes <= device_memory_budget * GIB:
        return resident(images, batch_size, steps, seed)
    if is_main():
        print(
            f"The pictures take {images.nbytes / GIB:.3g} GiB, more than --device-memory-budget "
            f"{device_memory_budget:g}: they stay in the host's memory and are brought over batch by batch."
        )
    return prefetched(images, batch_size, steps, seed)


def resident(images: np.ndarray, batch_size: int, steps: range, seed: int) -> Generator[Batch, None, None]:
    """`batches`, gathered in the devices' memory, where all pictures are."""
    pictures = replicate(images)
    gather = jax.jit(lambda pictures, indices: pictures[indices], out_shardings=by_batch())
    for step in steps:
        yield gather(pictures, batch_indices(len(images), batch_size, step, seed))


def prefetched(images: np.ndarray, batch_size: int, steps: range, seed: int) -> Generator[Batch, None, None]:
    """`batches`, gathered in the host's memory by a thread that keeps `AHEAD` of them on the devices."""

    def fetch(step: int) -> Batch:
        try:
            return split_batch(images, batch_indices(len(images), batch_size, step, seed))
        except Exception as error:  # NumPy's, the system's and the device's, mostly for want of memory
            reason = f"{type(error).__name__}: {error}"
            raise DataError(f"The pictures of step {step} cannot be brought to the device: {reason}") from error

    thread = ThreadPoolExecutor(1, "prefetch")
    try:
        waiting = deque(thread.submit(fetch, step) for step in steps[:AHEAD])
        for step in range(steps.start + AHEAD, steps.stop + AHEAD):
            batch = waiting.popleft().result()  # raises what the thread raised
            if step in steps:
                waiting.append(thread.submit(fetch, step))
            yield batch
    finally:  # at the end, when the loop is left by an error or Ctrl-C, and when the iterator is closed
        thread.shutdown(cancel_futures=True)
