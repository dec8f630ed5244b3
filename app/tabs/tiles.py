"""Figures of one reconstruction as tiles, in words that a learner understands. Plain HTML; styled in style.css."""

from __future__ import annotations

import math

from app.explore.reconstruct import Reconstruction

FORMS = {"psnr_db": "{:.1f} dB", "ssim": "{:.3f}", "l1": "{:.3f}", "kl_nats": "{:,.0f} nats"}


def metric_tiles(made: Reconstruction, usual: dict) -> str:
    """Three tiles; with a variance, two more for what the latent says.

    Args:
        made: a picture through the model and back.
        usual: the model's averages under the same names as `made.metrics`, to compare with; may be empty.
    """
    psnr, ssim, l1, kl = (made.metrics[name] for name in FORMS)
    tiles = [
        _tile("PSNR", "psnr_db", psnr, _psnr_in_words(psnr), usual),
        _tile("SSIM", "ssim", ssim, "how alike shapes and texture are; 1 is equal", usual),
        _tile("L1", "l1", l1, f"a pixel is {l1 * 255:.0f} of 255 levels off on average", usual),
    ]
    if kl is not None:
        tiles += [
            _tile("KL", "kl_nats", kl, "how far the posterior is from the prior", usual),
            _information(made.latent_bits, made.png_bits, math.prod(made.picture.size)),
        ]
    return '<dl class="tiles">' + "".join(tiles) + "</dl>"


def _tile(title: str, name: str, value: float, meaning: str, usual: dict) -> str:
    average = usual.get(name)
    said = "" if average is None else f"usual: {FORMS[name].format(average)}"
    return _box(title, FORMS[name].format(value), meaning, said)


def _information(latent_bits: float, png_bits: int, pixels: int) -> str:
    meaning = f"{latent_bits / pixels:.3f} a pixel: the KL in bits, what the latent says of this picture"
    return _box("Information", f"{latent_bits:,.0f} bits", meaning, compression_in_words(latent_bits, png_bits), "wide")


def _box(title: str, value: str, meaning: str, compared: str, kind: str = "") -> str:
    return f'<div class="{kind}"><dt>{title}</dt><dd>{value}</dd><dd>{meaning}</dd><dd>{compared}</dd></div>'


def compression_in_words(latent_bits: float, png_bits: int) -> str:
    """The latent against the picture's PNG."""
    ratio = png_bits / max(latent_bits, 1)
    compared = f"{ratio:,.0f} times more" if ratio >= 1.5 else "about as much" if ratio > 0.67 else "less"
    return f"its PNG at this size, which loses nothing, needs {png_bits:,}: {compared}"


def _psnr_in_words(psnr: float) -> str:
    if psnr >= 32:
        return "hard to tell from the input"
    if psnr >= 26:
        return "close; details soften"
    if psnr >= 20:
        return "alike; details are lost"
    return "far off: new to this model"
