"""Comparison: a picture over another, and a divider between them that a pointer or the keys move."""

from __future__ import annotations

from PIL import Image

from app.kit.pictures import data_url, picture_url
from app.kit.widget import Widget


class Comparison(Widget):
    """Shows what went into a model against what came out. The divider stays where it is when the pictures change.

    The dividers of one `group` move together.

    The value is what `payload` builds, or None for nothing.
    """

    @staticmethod
    def payload(before: Image.Image, after: Image.Image, file: str, group: str = "") -> dict[str, str]:
        """What to show.

        Args:
            before, after: two pictures of one size.
            file: the name under which the second is downloaded, as it is.
            group: whose dividers move together; empty for this one alone.
        """
        return {"before": picture_url(before), "after": data_url(after), "file": file, "group": group}
