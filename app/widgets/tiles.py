"""Figures of one reconstruction as tiles, in words that a learner understands. Plain HTML; styled in style.css."""

from __future__ import annotations

import math

from app.explorer import Reconstruction


def metric_tiles(made: Reconstruction, held_out: dict[str, float]) -> str:
    """Five tiles.

    Args:
        made: a picture through the model and back.
        held_out: the model's averages under the same names as `made.metrics`, to compare with; may be empty.
    """
    psnr, ssim, l1, kl = (made.metrics[name] for name in ("psnr_db", "ssim", "l1", "kl_nats"))
    pixels = math.prod(made.picture.size)
    tiles = [
        ("PSNR", f"{psnr:.1f} dB", _psnr_in_words(psnr), _usual(held_out, "psnr_db", "{:.1f} dB")),
        ("SSIM", f"{ssim:.3f}", "of shapes and texture kept, 1 being all", _usual(held_out, "ssim", "{:.3f}")),
        (
            "L1",
            f"{l1:.3f}",
            f"a pixel is {l1 * 255:.0f} of 255 levels off on average",
            _usual(held_out, "l1", "{:.3f}"),
        ),
        ("KL", f"{kl:,.0f} nats", "how far the posterior is from the prior", _usual(held_out, "kl_nats", "{:,.0f}")),
        (
            "Information",
            f"{made.latent_bits:,.0f} bits",
            f"{made.latent_bits / pixels:.3f} a pixel: the KL in bits, what the latent says of this picture",
            compression_in_words(made.latent_bits, made.png_bits),
        ),
    ]
    return '<dl class="tiles">' + "".join(map(_tile, tiles)) + "</dl>"


def compression_in_words(latent_bits: float, png_bits: int) -> str:
    """The latent against the picture's PNG."""
    ratio = png_bits / max(latent_bits, 1)
    compared = f"{ratio:,.0f} times more" if ratio >= 1.5 else "about as much" if ratio > 0.67 else "less"
    return f"its PNG at this size, which loses nothing, needs {png_bits:,}: {compared}"


def _tile(tile: tuple[str, str, str, str]) -> str:
    name, value, meaning, usual = tile
    wide = ' class="wide"' if name == "Information" else ""
    return f"<div{wide}><dt>{name}</dt><dd>{value}</dd><dd>{meaning}</dd><dd>{usual}</dd></div>"


def _usual(held_out: dict[str, float], name: str, form: str) -> str:
    return f"usual: {form.format(held_out[name])}" if name in held_out else ""


def _psnr_in_words(psnr: float) -> str:
    if psnr >= 32:
        return "hard to tell from the input"
    if psnr >= 26:
        return "close; details soften"
    if psnr >= 20:
        return "alike; details are lost"
    return "far off: new to this model"
