"""Landscape: a data set's map as wide as the page, over which a walk goes by itself and morphs one large picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from app.explore.latents import pack
from app.explore.map import Overview
from app.explore.opened import OpenModel
from app.explore.points_file import points_address
from app.kit.widget import Widget
from app.widgets.latent_map import LatentMap


class Landscape(Widget):
    """A map that is walked of its own accord, until somebody touches anything: then it goes where they point.

    It has no value: it asks for what it shows when it is first seen, so that whoever comes by a link is not slowed.

    Server functions:
        walk(model): what `Landscape.walk` builds; it is little, and the first picture waits for nothing else.
        points(model): what `Landscape.points` builds.
        decode, decode_place, thumbnails: as for LatentMap.

    Props:
        model: the name of the model whose map it is.
    """

    PROPS: ClassVar[dict[str, Any]] = {"model": None}

    @staticmethod
    def walk(model: OpenModel, tour: Sequence[int], landmarks: Sequence[int]) -> dict[str, Any]:
        """Where the walk goes.

        Args:
            model: whose map it is.
            tour: rows of the points that the walk goes through, in order.
            landmarks: rows of points to show by their pictures, the most wanted first.

        Returns:
            `model`, its card; `tour` and `landmarks`, each with `rows`, and their `latents` in the wire form.
        """

        def of_points(rows: Sequence[int]) -> dict[str, Any]:
            return {"rows": list(rows), "latents": pack(model.atlas.latents[list(rows)], model)}

        return {"model": model.card, "tour": of_points(tour), "landmarks": of_points(landmarks)}

    @staticmethod
    def points(model: OpenModel, overview: Overview) -> dict[str, Any]:
        """All points, as `LatentMap.payload` has them, with the column alone that they are coloured by."""
        value = LatentMap.payload(model.card, overview, points_address(model), latents=model.map_latents)
        first = [column for column in value["columns"] if column["name"] == overview.first]
        return value | {"columns": first, "numbers": []}
