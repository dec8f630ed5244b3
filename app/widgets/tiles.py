"""Figures of one reconstruction as tiles, in words that a learner understands. Plain HTML; styled in style.css."""

from __future__ import annotations


def metric_tiles(metrics: dict[str, float], held_out: dict[str, float]) -> str:
    """Four tiles.

    Args:
        metrics: psnr_db, ssim, l1, kl_nats of one picture.
        held_out: the model's averages under the same names, to compare with; may be empty.
    """
    psnr, ssim, l1, kl = (metrics[name] for name in ("psnr_db", "ssim", "l1", "kl_nats"))
    tiles = [
        ("PSNR", f"{psnr:.1f} dB", _psnr_in_words(psnr), _usual(held_out, "psnr_db", "{:.1f} dB")),
        ("SSIM", f"{ssim:.3f}", "of shapes and texture kept, 1 being all", _usual(held_out, "ssim", "{:.3f}")),
        (
            "L1",
            f"{l1:.3f}",
            f"a pixel is {l1 * 255:.0f} of 255 levels off on average",
            _usual(held_out, "l1", "{:.3f}"),
        ),
        (
            "KL",
            f"{kl:,.0f} nats",
            f"{kl / 0.693147:,.0f} bits told beyond the prior",
            _usual(held_out, "kl_nats", "{:,.0f}"),
        ),
    ]
    return '<dl class="tiles">' + "".join(map(_tile, tiles)) + "</dl>"


def _tile(tile: tuple[str, str, str, str]) -> str:
    name, value, meaning, usual = tile
    return f"<div><dt>{name}</dt><dd>{value}</dd><dd>{meaning}</dd><dd>{usual}</dd></div>"


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
