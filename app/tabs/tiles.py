"""Figures of one reconstruction as tiles, in words that a learner understands. Plain HTML; styled in style.css."""

from __future__ import annotations

import math

from app.explore.reconstruct import Reconstruction
from app.words import with_terms, without_terms

FORMS = {"psnr_db": "{:.1f} dB", "ssim": "{:.3f}", "l1": "{:.3f}", "kl_nats": "{:,.0f} [[nats]]"}


def metric_tiles(made: Reconstruction, usual: dict) -> str:
    """Three tiles; with a variance, two more for what the latent says.

    Args:
        made: a picture through the model and back.
        usual: the model's averages under the same names as `made.metrics`, to compare with; may be empty.
    """
    psnr, ssim, l1, kl = (made.metrics[name] for name in FORMS)
    tiles = [
        _tile("[[PSNR]]", "psnr_db", psnr, _psnr_in_words(psnr), usual),
        _tile("[[SSIM]]", "ssim", ssim, "how alike shapes and textures are; 1 means identical", usual),
        _tile("[[L1]]", "l1", l1, f"pixels are off by {l1 * 255:.0f} of 255 levels on average", usual),
    ]
    if kl is not None:
        tiles += [
            _tile("[[KL]]", "kl_nats", kl, "how much the latent says about this picture", usual),
            _information(made.latent_bits, made.png_bits, math.prod(made.picture.size)),
        ]
    return '<dl class="tiles">' + "".join(tiles) + "</dl>"


def _tile(title: str, name: str, value: float, meaning: str, usual: dict) -> str:
    average = usual.get(name)
    said = "" if average is None else without_terms(f"usual: {FORMS[name].format(average)}")
    return _box(title, FORMS[name].format(value), meaning, said)


def _information(latent_bits: float, png_bits: int, pixels: int) -> str:
    meaning = f"{latent_bits / pixels:.3f} bits per pixel: the KL in bits"
    return _box("Information", f"{latent_bits:,.0f} bits", meaning, compression_in_words(latent_bits, png_bits), "wide")


def _box(title: str, value: str, meaning: str, compared: str, kind: str = "") -> str:
    title, value = with_terms(title), with_terms(value)
    return f'<div class="{kind}"><dt>{title}</dt><dd>{value}</dd><dd>{meaning}</dd><dd>{compared}</dd></div>'


def compression_in_words(latent_bits: float, png_bits: int) -> str:
    """The latent against the picture's PNG."""
    ratio = png_bits / max(latent_bits, 1)
    compared = f"{ratio:,.0f} times more" if ratio >= 1.5 else "about as much" if ratio > 0.67 else "less"
    return f"its PNG at this size (lossless) needs {png_bits:,} bits: {compared}"


def _psnr_in_words(psnr: float) -> str:
    if psnr >= 32:
        return "hard to tell from the input"
    if psnr >= 26:
        return "close; details are softer"
    if psnr >= 20:
        return "similar; details are lost"
    return "far off: unlike this model's data"
