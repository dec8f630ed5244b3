"""What the widgets' scripts ask the server, each as one call on `explore`. Latents travel; pictures go as one sheet."""

from __future__ import annotations

import base64
from typing import Any

from app.explore import dimensions, failures, files, map, reconstruct, sample
from app.explore import latents as travelling
from app.explore.latents import pack
from app.explore.library import Library
from app.explore.limits import FILMS_AT_ONCE, MAX_STEPS, THUMBNAIL, UNCERTAIN_AT_ONCE, RequestError
from app.explore.subject import open_subject
from app.explore.turns import Room
from app.kit.inputs import MOST_OTHERS, own_file
from app.kit.pictures import LEVELS, heat_map, scale_end, sheet, square

LEAST_DEVIATION = 1 / LEVELS  # of a scale's end: next to nothing must look like it

FILMING = Room(FILMS_AT_ONCE, "a film")
UNCERTAIN = Room(UNCERTAIN_AT_ONCE, "the uncertainty of a picture")


class Questions:
    """Server functions, to be handed to widgets. All arguments come from a page, which anyone can imitate.

    Every one raises RequestError for what cannot be done, and ModelFolderError for a model that cannot be loaded.
    """

    def __init__(self, library: Library):
        self._library = library

    def decode(self, model: str, latents: str) -> dict[str, Any]:
        """The pictures of 1 to 64 latents in the wire form, as a sheet."""
        return sheet(travelling.decode(self._library[model], latents))

    def film(self, model: str, latents: str) -> dict[str, str]:
        """An MP4 through up to 65 latents in the wire form, there and back, as a data URL."""
        opened = self._library[model]
        path = travelling.unpack(latents, opened, most=MAX_STEPS)
        with FILMING:
            content = files.film([opened.decode(latent) for latent in path])
        return {"url": f"data:video/mp4;base64,{base64.b64encode(content).decode()}"}

    def sample(
        self, model: str, distribution: str, count: int, temperature: float, seed: int, label: dict[str, str]
    ) -> dict[str, Any]:
        """`latents` drawn at random."""
        opened = self._library[model]
        return {"latents": pack(sample.sample(opened, distribution, count, temperature, seed, label), opened)}

    def directions(self, model: str) -> dict[str, Any]:
        """The principal `directions`, as latents, with their `shares` of the variance and their `deviations`; and the
        `labels` that a direction can lead between, by column."""
        opened = self._library[model]
        found = sample.directions(opened)
        return {
            "directions": pack(found.directions, opened),
            "shares": found.shares.tolist(),
            "deviations": found.deviations.tolist(),
            "labels": sample.labels(opened),
        }

    def label_direction(self, model: str, column: str, start: str, end: str) -> dict[str, Any]:
        """The `direction` from one label's mean to another's, its `deviation`, and how many of these they are
        `apart`."""
        opened = self._library[model]
        found, apart = sample.label_direction(opened, column, start, end)
        return {
            "direction": pack(found.directions, opened),
            "deviation": float(found.deviations[0]),
            "apart": float(apart),
        }

    def local_directions(self, model: str, latent: str) -> dict[str, Any]:
        """The two `directions` in which the data varies most near a latent, and their `deviations`."""
        opened = self._library[model]
        found = sample.local_directions(opened, travelling.unpack(latent, opened, most=1)[0])
        return {"directions": pack(found.directions, opened), "deviations": found.deviations.tolist()}

    def dimensions(self, model: str) -> dict[str, Any]:
        """Of each dimension (of a spatial latent: each channel) its `deviation`, its `kl` in nats (None without a
        variance) and how many of its `places` are `active`; `starts`, latents that they can be traversed from; and the
        `factors`: their names, and the `shares` of each one's entropy that the dimensions know, dimension by dimension.
        """
        opened = self._library[model]
        found, known = dimensions.dimensions(opened), dimensions.factors(opened)
        return {
            "deviation": found.deviation.tolist(),
            "kl": None if found.kl is None else found.kl.tolist(),
            "telling": found.telling,
            "active": found.active.tolist(),
            "places": found.places,
            "starts": pack(dimensions.starts(opened), opened),
            "factors": known.names,
            "shares": known.shares.tolist(),
        }

    def decode_place(self, model: str, index: int | None, x: float, y: float, layout: str) -> dict[str, Any]:
        """The picture of a point of the map, or with index None of a place, as a sheet."""
        opened = self._library[model]
        latent = map.latent_at(opened, x, y, layout)[0] if index is None else map.point(opened, index).latent
        return sheet([opened.decode(latent)])

    def thumbnails(self, model: str, places: list, layout: str) -> dict[str, Any]:
        """Small pictures of points and places of the map, as a sheet."""
        return sheet(map.thumbnails(self._library[model], places, layout))

    def unit(self, model: str, unit: int) -> dict[str, Any]:
        """Of every point of the map, its number in one dimension (of a spatial latent: its mean over a channel), as the
        base64 of float32 `values`; and the `range` that colours run over."""
        found = map.unit(self._library[model], unit)
        values = base64.b64encode(found.values.astype("<f4").tobytes()).decode()
        return {"values": values, "range": [found.low, found.high]}

    def failures(self, model: str, ranges: dict, column: str, label: str) -> dict[str, Any]:
        """How the pictures fare: `histograms` of all and of those within the ranges and with the label, `count` of
        these, and the `labels` in the column of those within the ranges, the worst drawn first. See
        `app.explore.failures`."""
        opened = self._library[model]
        within = failures.choose(opened, ranges)
        chosen = failures.choose(opened, ranges, column, label) if label else within
        found = failures.histograms(opened, chosen)
        return {
            "histograms": {
                name: {"edges": one.edges.tolist(), "counts": one.counts.tolist(), "chosen": one.chosen.tolist()}
                for name, one in found.items()
            },
            "count": int(chosen.sum()),
            "labels": [vars(one) for one in failures.by_label(opened, column, within)] if column else [],
        }

    def worst(self, model: str, ranges: dict, column: str, label: str, first: int) -> dict[str, Any]:
        """The worst drawn of the pictures within the ranges and with the label, but for the `first`: their `points`, a
        sheet of their `reconstructions`, and one of the `originals`, for those whose point has `is_kept`; each None
        without any."""
        opened = self._library[model]
        chosen = failures.choose(opened, ranges, column if label else "", label)
        rows = failures.worst(opened, chosen, first)
        kept = [failures.original(opened, row) for row in rows]
        originals = [square(picture, THUMBNAIL) for picture in kept if picture]
        points = [
            {"index": row, "labels": point.labels, "numbers": point.numbers, "is_kept": picture is not None}
            for row, picture in zip(rows, kept, strict=True)
            for point in [map.point(opened, row)]
        ]
        return {
            "points": points,
            "reconstructions": sheet(map.thumbnails(opened, rows)) if rows else None,
            "originals": sheet(originals) if originals else None,
        }

    def uncertainty(self, model: str, picture: str, beside: list) -> dict[str, Any]:
        """How much each pixel varies over samples of the posterior, as a heat map; and how many `samples` these are.

        The picture is the path of a file that this page was given; `beside` has the names of at most two other models,
        whose maps are next to this one: all have one scale.
        """
        if len(beside) > MOST_OTHERS:
            raise RequestError(f"At most {MOST_OTHERS} other models can be compared with.")
        opened, subject = self._library[model], open_subject(own_file(picture))
        with UNCERTAIN:
            found = reconstruct.uncertainty(opened, subject)
            others = [reconstruct.uncertainty(self._library[name], subject) for name in beside]
        if found is None:
            raise RequestError("This model's encoder gives no variance: it has no uncertainty to show.")
        limit = max(LEAST_DEVIATION, *(scale_end(one.deviation) for one in [found, *others] if one))
        return heat_map(found.deviation, limit) | {"samples": found.samples}
