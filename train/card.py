"""The model card: a README.md with the facts of a model folder."""

from __future__ import annotations

import json
from pathlib import Path

from train.curves import CURVES
from vae.checkpoint import CARD, METRICS, load_info

METRICS_BEGIN, METRICS_END = "<!-- metrics: written by `python -m train evaluate` -->", "<!-- end of metrics -->"
NOT_EVALUATED = "Not evaluated yet: `python -m train evaluate --model FOLDER --dataset DATASET`."

TEMPLATE = """---
library_name: flax
tags:
- vae
- image-generation
- latentscape
---

# {title}

{summary}

A convolutional variational autoencoder, trained with Latentscape: {size} x {size} x 3 pictures, a {latent} latent of
{latent_shape}, {count:,} parameters.

## Data

`{dataset}`, {pictures:,} pictures. Add here: author, licence, and what is in them.

## Training

```
{command}
```

{steps:,} steps of {batch_size} pictures on {hardware}; weights averaged with decay {ema_decay}, and kept as they
were at step {kept_step:,}, when the loss on held-out pictures was lowest.

![Training curves]({curves})

## Metrics

{metrics_begin}
{not_evaluated}
{metrics_end}

## Limits

It knows the kind of picture that it was trained on and no other: anything else comes back as the nearest it can draw.
"""

SAMPLES = "samples"  # in metrics.json
EXPLANATIONS = {
    "psnr_db": "peak signal-to-noise ratio, dB",
    "ssim": "structural similarity",
    "l1": "mean absolute error, pixels in 0..1",
    "perceptual": "distance of EfficientNet-Lite0's features; built as LPIPS is, but uncalibrated",
    "kl_nats": "KL to N(0, I), nats a picture",
    "active_units": "active dimensions of the latent (Burda et al. 2016)",
    "mig": "mutual information gap, 0 to 1 (Chen et al. 2018)",
    "dci_disentanglement": "whether a dimension matters for one factor only, 0 to 1 (Eastwood & Williams 2018)",
    "dci_completeness": "whether a factor needs one dimension only, 0 to 1",
    "dci_informativeness": "how often a random forest reads a factor right",
    "sap": "separated attribute predictability (Kumar et al. 2018)",
    "nll_bits_per_dim": "bound on -log p(picture), bits a pixel value (IWAE)",
}


def write_card(folder: Path) -> None:
    """Writes the card of a freshly trained model; one that is there, perhaps edited by hand, stays."""
    if (folder / CARD).exists():
        return
    info = load_info(folder)
    facts = info.training
    (folder / CARD).write_text(
        TEMPLATE.format(
            title=info.title,
            summary=info.summary,
            size=info.config.image_size,
            latent=info.config.latent,
            latent_shape=" x ".join(map(str, info.config.latent_shape)),
            count=facts["parameters"],
            dataset=facts["dataset"],
            pictures=facts["pictures"],
            command=facts["command"],
            steps=facts["steps"],
            kept_step=facts["kept_step"],
            batch_size=facts["batch_size"],
            hardware=facts["hardware"],
            ema_decay=facts["ema_decay"],
            curves=CURVES,
            metrics_begin=METRICS_BEGIN,
            metrics_end=METRICS_END,
            not_evaluated=NOT_EVALUATED,
        )
    )


def figure(value: int | float) -> str:
    """A number as a person reads it: 27.08, 0.7300, 24,164; a count as it is."""
    return f"{value:,.0f}" if isinstance(value, int) or value >= 1000 else f"{value:#.4g}"


def samples_table(samples: dict) -> list[str]:
    """What `evaluate --samples` found (`train.samples.measure_samples`), as lines of Markdown."""

    def cells(row: dict, against: str) -> str:
        precision, recall = row[f"precision_{against}"], row[f"recall_{against}"]
        return f"{row[f'frechet_{against}']:.2f} | {row[f'kid_{against}']:.3f} | {precision:.2f} / {recall:.2f}"

    figures = "Fréchet distance | KID | precision / recall"
    return [
        f"{samples['count']:,} samples of each prior, against {samples['decoded']:,} decoded posteriors and "
        f"{samples['real']:,} real pictures. Features: {samples['features']}; a Fréchet distance on them is no FID.",
        "",
        f"| samples of | {figures} | from real pictures: {figures} |",
        "|---|---|---|---|---|---|---|",
        *(f"| {row['title']} | {cells(row, 'decoded')} | {cells(row, 'real')} |" for row in samples["priors"].values()),
    ]


def update_metrics(folder: Path) -> None:
    """Puts the figures of `metrics.json` into the card, between its two markers; a card without them stays as it is."""
    card = folder / CARD
    if not card.exists():
        return
    before, begin, rest = card.read_text().partition(METRICS_BEGIN)
    _, end, after = rest.partition(METRICS_END)
    if not end:
        return
    metrics = json.loads((folder / METRICS).read_text())
    lines = ["| metric | value | |", "|---|---|---|"]
    lines += [
        f"| {name} | {figure(metrics[name])} | {meaning} |"
        for name, meaning in EXPLANATIONS.items()
        if metrics.get(name) is not None
    ]
    kind = "held-out pictures" if metrics["held_out"] else "pictures that it was trained on"
    if SAMPLES in metrics:
        lines += ["", *samples_table(metrics[SAMPLES])]
    table = "\n".join([f"{metrics['count']:,} {kind}, split: {metrics['split']}.", "", *lines])
    card.write_text(f"{before}{begin}\n{table}\n{end}{after}")
