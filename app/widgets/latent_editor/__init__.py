"""LatentEditor: the latent of a picture to look at and to change by hand, and the picture that follows."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float
from PIL import Image

from app.explore.latents import pack
from app.explore.limits import KNOWN_WELL
from app.explore.opened import OpenModel
from app.kit.pictures import colour, data_url, picture_url
from app.kit.widget import Widget


class LatentEditor(Widget):
    """Bars for a vector latent, the channels of a spatial one with a slider each, and the picture they make.

    The value is what `payload` builds, or None for nothing. The page works edits out by itself, and asks for their
    pictures.

    Server: `decode(model, latents)`.

    Events:
        commit: a hand has come to rest, or the latent is another; with `model` (a name), `latent` (in the wire form;
            None if it is as encoded) and `words`.

    Props:
        address: the key under which the address keeps the edits; None for not at all.
        picture_address: the key under which it keeps the picture: without that, edits are of nothing.
        order_address: the key under which it keeps the order of the bars; None for not at all.
    """

    EVENTS = ("commit",)
    PROPS: ClassVar[dict[str, Any]] = {"address": None, "picture_address": None, "order_address": None}

    @staticmethod
    def payload(
        model: OpenModel,
        latent: Float[np.ndarray, "*latent"],
        deviation: Float[np.ndarray, "*latent"] | None,
        reconstruction: Image.Image,
    ) -> dict[str, Any]:
        """Packs a latent for the browser.

        Args:
            model: whose latent it is.
            latent: (length,) or (height, width, channels).
            deviation: of the posterior, of the same shape; None for an encoder without a variance.
            reconstruction: the latent's picture.
        """
        packed = {"model": model.card, "latent": pack(latent, model), "reconstruction": picture_url(reconstruction)}
        if latent.ndim > 1:
            return packed | {"channels": _channels(latent, deviation), "words": _channel_words(latent, deviation)}
        spread = None if deviation is None else pack(deviation, model)
        return packed | {"deviation": spread, "words": _bar_words(deviation, len(latent))}


def _channels(
    latent: Float[np.ndarray, "height width channels"], deviation: Float[np.ndarray, "height width channels"] | None
) -> list[dict[str, str]]:
    limit = _colour_limit(latent)
    made = []
    for channel in range(latent.shape[-1]):
        spread = "" if deviation is None else f", deviation {deviation[..., channel].mean():.2f}"
        url = data_url(colour(latent[..., channel] / limit / 2 + 0.5, "RdBu_r"))
        made.append({"url": url, "caption": f"Channel {channel}{spread}"})
    return made


def _colour_limit(latent: Float[np.ndarray, "height width channels"]) -> float:
    return float(np.quantile(np.abs(latent), 0.99)) or 1.0  # a few stray numbers would fade all others


def _bar_words(deviation: Float[np.ndarray, " length"] | None, length: int) -> str:
    how = "Drag a bar, or choose a number."
    if deviation is None:
        return f"{length} numbers: each bar is one. {how}"
    known = int((deviation < KNOWN_WELL).sum())
    return (
        f"{length} numbers: each bar is one, each line one standard deviation of the posterior up and down. {known} "
        f"of them are known well for this picture (deviation below {KNOWN_WELL}); where the line is 1 long, the model "
        f"says no more than the prior. {how}"
    )


def _channel_words(
    latent: Float[np.ndarray, "height width channels"], deviation: Float[np.ndarray, "height width channels"] | None
) -> str:
    height, width, channels = latent.shape
    limit = _colour_limit(latent)
    spread = ""
    if deviation is not None:
        spread = "The deviation is the posterior's, on average: small means that the encoder is sure. "
    return (
        f"{height} x {width} x {channels} numbers, a picture for each channel; blue is {-limit:.1f} and below, red "
        f"{limit:.1f} and above. {spread}A slider multiplies its channel: 0 silences it, 2 doubles it."
    )
