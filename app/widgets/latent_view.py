"""A latent to look at: bars for a vector, pictures of its channels for a map. Plain HTML; styled in style.css."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from PIL import Image
from plotly.colors import sample_colorscale

from app.widgets.encoding import data_url

BAR_SCALE = 3.0  # the axis runs from -3 to 3, where N(0, I) has nearly all its mass
CHANNEL_SIDE = 192  # pixels, drawn without smoothing: one square is one number


def latent_view(mean: Float[np.ndarray, "*latent"], deviation: Float[np.ndarray, "*latent"]) -> str:
    """HTML of a posterior.

    Args:
        mean, deviation: of the posterior, (length,) or (height, width, channels).
    """
    return _bars(mean, deviation) if mean.ndim == 1 else _channels(mean, deviation)


def _bars(mean: np.ndarray, deviation: np.ndarray) -> str:
    limit = max(BAR_SCALE, float(np.abs(mean).max()))
    bars = []
    for i, (m, d) in enumerate(zip(mean, deviation, strict=True)):
        top, height = limit - max(m, 0), abs(m)
        spread_top, spread_bottom = limit - min(m + d, limit), limit - max(m - d, -limit)
        bars.append(
            f"<g><title>latent {i}: {m:.2f} ± {d:.2f}</title>"
            f'<rect class="hit" x="{i}" y="0" width="1" height="{2 * limit:.2f}"/>'
            f'<rect class="bar" x="{i + 0.12}" y="{top:.3f}" width="0.76" height="{height:.3f}"/>'
            f'<line class="spread" x1="{i + 0.5}" x2="{i + 0.5}" y1="{spread_top:.3f}" y2="{spread_bottom:.3f}"/></g>'
        )
    used = int((deviation < 0.7).sum())
    return (
        f'<figure class="latent-bars"><svg viewBox="0 0 {len(mean)} {2 * limit:.2f}" preserveAspectRatio="none" '
        f'role="img" aria-label="Bar plot of the {len(mean)} latent numbers">'
        f'<line class="zero" x1="0" x2="{len(mean)}" y1="{limit}" y2="{limit}"/>{"".join(bars)}</svg>'
        f"<figcaption>{len(mean)} numbers from {-limit:.1f} to {limit:.1f}: each bar is a mean, each line one standard "
        f"deviation of the posterior. {used} of them are known well (deviation below 0.7); where a line is 1 long, "
        "the model says no more than the prior.</figcaption></figure>"
    )


def _channels(mean: np.ndarray, deviation: np.ndarray) -> str:
    limit = float(np.quantile(np.abs(mean), 0.99)) or 1.0
    figures = []
    for channel in range(mean.shape[-1]):
        levels = ((mean[..., channel] / limit).clip(-1, 1) * 127.5 + 127.5).astype(np.uint8)
        picture = Image.fromarray(_diverging()[levels]).resize((CHANNEL_SIDE,) * 2, Image.Resampling.NEAREST)
        figures.append(
            f'<figure><img src="{data_url(picture)}" alt="Latent channel {channel}"><figcaption>channel {channel}'
            f"<br>deviation {deviation[..., channel].mean():.2f}</figcaption></figure>"
        )
    height, width, channels = mean.shape
    return (
        f'<div class="latent-channels">{"".join(figures)}</div><p class="caption">{height} x {width} x {channels} '
        f"numbers; blue is {-limit:.1f} and below, red {limit:.1f} and above. A small deviation means that "
        "the encoder is sure.</p>"
    )


def _diverging() -> np.ndarray:
    """Plotly's RdBu, blue to red through white, as 256 RGB triples."""
    colours = sample_colorscale("RdBu_r", np.linspace(0, 1, 256), colortype="tuple")
    return (np.array(colours) * 255 + 0.5).astype(np.uint8)
