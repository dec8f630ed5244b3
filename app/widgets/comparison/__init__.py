"""Comparison: a picture over another, and a divider between them that a pointer or the keys move."""

from __future__ import annotations

from PIL import Image

from app.kit.pictures import data_url, picture_url
from app.kit.widget import Widget


class Comparison(Widget):
    """Shows what went into a model against what came out. The divider stays where it is when the pictures change.

    The value is what `payload` builds, or None for nothing.
    """

    @staticmethod
    def payload(before: Image.Image, after: Image.Image, file: str) -> dict[str, str]:
        """Packs two pictures of one size, and the name under which the second is downloaded, as it is."""
        return {"before": picture_url(before), "after": data_url(after), "file": file}
