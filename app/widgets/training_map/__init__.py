"""TrainingMap: some of the data's pictures on the map, as it was at moments of the training."""

from __future__ import annotations

import base64
from typing import Any

from app.explore.through_training import Movement
from app.kit.widget import Widget


class TrainingMap(Widget):
    """Points that move as a slider goes through the training, or by themselves.

    The value is what `payload` builds, or None for nothing.
    """

    @staticmethod
    def payload(moved: Movement) -> dict[str, Any]:
        """Packs the places for the page.

        Returns:
            `steps`; `labels`; `codes`, of each picture the position of its label; `places`, x and y of each picture at
            each moment: the base64 of little-endian float32.
        """
        return {
            "steps": moved.steps,
            "labels": moved.labels,
            "codes": moved.codes.tolist(),
            "places": base64.b64encode(moved.places.astype("<f4").tobytes()).decode(),
        }
