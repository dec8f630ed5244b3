"""The data set's latents against the prior, unit by unit. Plain HTML; styled in style.css."""

from __future__ import annotations

from app.explore.sample import Spread

LIMIT = 3.5  # the axis runs from -3.5 to 3.5


def aggregate_view(spread: Spread, has_variance: bool) -> str:
    """HTML: the mean and deviation of each dimension (of a spatial latent: each channel) beside those of N(0, 1)."""
    bars = []
    for x, i in enumerate(spread.order):
        m, d, p = float(spread.mean[x]), float(spread.deviation[x]), float(spread.posterior_deviation[x])
        own = f", of which the posterior's own {p:.2f}" if has_variance else ""
        bars.append(
            f"<g><title>{spread.unit} {i}: mean {m:.2f}, deviation {d:.2f}{own}</title>"
            f"{_bar('spread', x, m, d)}{_bar('own', x, m, p) if has_variance else ''}"
            f'<line class="mean" x1="{x + 0.1}" x2="{x + 0.9}" y1="{LIMIT - m:.3f}" y2="{LIMIT - m:.3f}"/></g>'
        )
    ticks = "".join(f"<span>{value:+d}</span>" if value else "<span>0</span>" for value in range(3, -4, -1))
    count, unit = len(spread.order), spread.unit
    own_key = (
        f"<b class='key own'></b> the part that the encoder leaves open for a single picture. If it fills the bar, the "
        f"{unit} says next to nothing about a picture."
    )
    return (
        '<figure class="aggregate-plot"><div><div class="ticks" aria-hidden="true">'
        f'{ticks}</div><svg viewBox="0 0 {count} {2 * LIMIT}" preserveAspectRatio="none" role="img" '
        f'aria-label="Mean and deviation of each {unit} of the latent over the data set, beside the prior">'
        f'<rect class="prior" x="0" width="{count}" y="{LIMIT - 1}" height="2"/>{"".join(bars)}'
        f'<line class="zero" x1="0" x2="{count}" y1="{LIMIT}" y2="{LIMIT}"/></svg></div>'
        f"<figcaption><b class='key prior'></b> N(0, 1), mean ± deviation "
        f"<b class='key spread'></b> the data's latents, each {unit}, widest first "
        f"{own_key if has_variance else ''}</figcaption></figure>"
    )


def _bar(kind: str, x: int, mean: float, deviation: float) -> str:
    top, bottom = LIMIT - min(mean + deviation, LIMIT), LIMIT - max(mean - deviation, -LIMIT)
    return f'<rect class="{kind}" x="{x + 0.1}" width="0.8" y="{top:.3f}" height="{max(bottom - top, 0):.3f}"/>'
