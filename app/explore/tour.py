"""A round trip over the map: through pictures that stand for its parts, each near the one before."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from app.explore.limits import LANDMARK_BYTES, MAX_LANDMARKS, TOUR_ROUNDS, TOUR_STOPS
from app.explore.opened import OpenModel


def tour(model: OpenModel) -> list[int]:
    """The rows of the points that a walk over the whole map goes through, in order; after the last comes the first.

    Raises:
        RequestError: there is no map.
    """
    return model.remember("tour", None, lambda: closed_tour(model.atlas.positions, TOUR_STOPS))


def landmarks(model: OpenModel) -> list[int]:
    """Rows of points that are spread over the map: each is as far from those before as it can be.

    So many that a page gets their latents in no time; of long ones, few.

    Raises:
        RequestError: there is no map.
    """
    count = min(MAX_LANDMARKS, LANDMARK_BYTES // (4 * model.info.latent_size), len(model.atlas))
    return model.remember("landmarks", None, lambda: _far_apart(model.atlas.positions, count))


def closed_tour(positions: Float[np.ndarray, "count 2"], stops: int) -> list[int]:
    """Rows of so many points, one for each part of the plane that holds some, in a short closed order.

    The parts are those of k-means (Lloyd 1982), which begins with points far from each other; of each part, the point
    nearest to its mean. The order is one that no exchange of two legs makes shorter (2-opt, Croes 1958).
    """
    positions = positions.astype(np.float64)  # what rounding would save of a tour has no end
    middles = positions[_far_apart(positions, min(stops, len(positions)))]
    for _ in range(TOUR_ROUNDS):
        nearest = _squares(positions, middles).argmin(axis=1)
        middles = np.stack(
            [positions[nearest == k].mean(axis=0) if (nearest == k).any() else middles[k] for k in range(len(middles))]
        )
    rows = np.unique(_squares(positions, middles).argmin(axis=0))
    return rows[_short_order(positions[rows])].tolist()


def _far_apart(positions: Float[np.ndarray, "count 2"], wanted: int) -> list[int]:
    """Rows: the first point, then each time the one that is farthest from those before."""
    rows: list[int] = []
    squares = np.full(len(positions), np.inf)
    while len(rows) < wanted:
        rows.append(int(squares.argmax()))
        squares = np.minimum(squares, _squares(positions, positions[rows[-1:]])[:, 0])
    return rows


def _short_order(places: Float[np.ndarray, "count 2"]) -> Int[np.ndarray, " count"]:
    middle = places - places.mean(axis=0)
    order = np.argsort(np.arctan2(middle[:, 1], middle[:, 0]))
    apart = np.sqrt(_squares(places, places))
    is_shorter = True
    while is_shorter:
        is_shorter = False
        for i in range(1, len(order) - 1):
            for j in range(i + 1, len(order)):
                before, first, last, after = order[[i - 1, i, j, (j + 1) % len(order)]]
                saved = apart[before, first] + apart[last, after] - apart[before, last] - apart[first, after]
                if saved > 1e-9:
                    order[i : j + 1] = order[i : j + 1][::-1]
                    is_shorter = True
    return order


def _squares(a: Float[np.ndarray, "rows 2"], b: Float[np.ndarray, "columns 2"]) -> Float[np.ndarray, "rows columns"]:
    """The squares of the distances."""
    return ((a[:, None] - b[None]) ** 2).sum(axis=-1)
