"""Pictures in the form that a page takes them."""

from __future__ import annotations

import base64
import io

from PIL import Image


def data_url(picture: Image.Image) -> str:
    """A picture as a PNG data URL."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
