"""What is asked for, checked before it is done."""

from __future__ import annotations

import math

MAX_COORDINATE = 1e6  # of a map, which is some tens wide
MAX_SEED = 2**32 - 1


class RequestError(ValueError):
    """Something asked for that cannot be done, with a message fit for showing to a person."""


def check_range(name: str, value: float, low: float, high: float) -> float:
    """The value as a float; whatever a page or a client sent that is none, or out of range, is refused."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not low <= number <= high:
        raise RequestError(f"{name} is {value}; it must be a number from {low} to {high}.")
    return number


def check_whole(name: str, value: float, low: int, high: int) -> int:
    """The same, for what is counted."""
    number = check_range(name, value, low, high)
    if not number.is_integer():
        raise RequestError(f"{name} is {value}; it must be a whole number from {low} to {high}.")
    return int(number)


def check_coordinates(x: float, y: float) -> tuple[float, float]:
    """A place of a map."""
    x, y = (check_range(name, value, -MAX_COORDINATE, MAX_COORDINATE) for name, value in (("x", x), ("y", y)))
    return x, y


def check_seed(seed: float) -> int:
    """A seed of JAX's random numbers."""
    return check_whole("seed", seed, 0, MAX_SEED)
