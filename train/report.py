"""`python -m train report`: a model on one page, in one HTML file that needs no server, no script and no network."""

from __future__ import annotations

import argparse
import base64
import io
from collections import Counter
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from PIL import Image

from train.card import EXPLANATIONS, figure
from train.curves import CURVES
from train.samples import draw
from vae.atlas import ERROR_COLUMN, Atlas
from vae.checkpoint import ATLAS, load_metrics
from vae.codec import Codec, open_codec
from vae.images import PictureError, grid, read_thumbnail, to_uint8
from vae.priors import Latents, aggregate_posterior, load_priors, posterior_spread, unit_kl

SAMPLES, COLUMNS = 24, 8  # of each prior, and in a row
WORST = 16  # pictures
MAP_INCHES, MAP_DPI = 8, 150
LIGHT = 500_000  # pixels
NAMED = 8  # labels that have a colour of their own; the others share grey
# Okabe and Ito's, told apart by all, less the two that are lost on white or on black; and a rose.
COLOURS = ("#e69f00", "#56b4e9", "#009e73", "#0072b2", "#d55e00", "#cc79a7", "#b3a800", "#882255")
OTHERS = "#8b949e"

STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --muted: #59636e; --rule: #d8dee4; --paper: #fff; --bar: #0f766e; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --muted: #9da7b3; --rule: #3d444d; --paper: #0d1117; --bar: #2dd4bf; }
}
body { max-width: 860px; margin: 0 auto; padding: 24px 16px 64px; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 48px; }
p, figcaption, td:last-child { color: var(--muted); } figure { margin: 0 0 24px; }
img, svg { display: block; max-width: 100%; height: auto; }
.pixels { width: 100%; image-rendering: pixelated; } .paper { padding: 4px; background: #fff; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
td, th { padding: 6px 12px 6px 0; border-bottom: 1px solid var(--rule); text-align: left; vertical-align: top;
  overflow-wrap: anywhere; font-weight: 400; } .facts th { width: 30%; }
.metrics td:nth-child(2) { white-space: nowrap; }
.worst { display: grid; grid-template-columns: repeat(auto-fill, minmax(148px, 1fr)); gap: 16px; }
.worst img { width: 100%; image-rendering: pixelated; } .worst figcaption { font-size: 13px; overflow-wrap: anywhere; }
.key span { display: inline-block; margin-right: 16px; } .key i { display: inline-block; width: 12px; height: 12px;
  margin-right: 6px; border-radius: 50%; }
rect { fill: var(--bar); } line { stroke: var(--rule); } text { fill: var(--muted); font-size: 12px; }
"""


def run_report(arguments: argparse.Namespace) -> None:
    """`python -m train report`."""
    page = report(arguments.model)
    arguments.out.write_text(page, "utf-8")
    print(f"{arguments.out}: {len(page) / 1e6:.1f} MB, in one file.")


def report(folder: Path) -> str:
    """What a model folder holds, as HTML; a section whose files are missing is left out.

    Raises:
        ModelFolderError: the model cannot be opened.
        AtlasError, PriorError: its map, or its priors, are damaged.
    """
    codec = open_codec(folder)
    about = codec.description
    path = folder / ATLAS
    atlas = Atlas.read(path, about.latent_shape) if path.exists() else None
    sections = [
        _metrics(load_metrics(folder)),
        _curves(folder / CURVES),
        _dimensions(codec, atlas) if atlas and about.has_variance else "",
        _samples(codec, folder),
        _worst(codec, atlas) if atlas else "",
        _map(atlas) if atlas else "",
        _facts(about.training),
    ]
    shape = " x ".join(map(str, about.latent_shape))
    size = about.image_size
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(about.title)}</title>\n<style>{STYLE}</style>\n<h1>{escape(about.title)}</h1>\n"
        f"<p>{escape(about.summary)} {size} x {size} pixels, a latent of {shape} numbers.</p>\n"
        + "\n".join(filter(None, sections))
        + "\n</html>\n"
    )


def _section(title: str, *parts: str) -> str:
    return f"<section><h2>{title}</h2>\n" + "\n".join(parts) + "\n</section>"


def _metrics(metrics: dict) -> str:
    known = {name: value for name in EXPLANATIONS if isinstance(value := metrics.get(name), int | float)}
    if not known:
        return ""
    rows = "".join(
        f"<tr><th>{name}</th><td>{figure(value)}</td><td>{escape(EXPLANATIONS[name])}</td></tr>"
        for name, value in known.items()
    )
    kind = "pictures that it was trained on" if metrics.get("held_out") is False else "held-out pictures"
    said = f"<p>{metrics.get('count', 0):,} {kind}, split: {escape(str(metrics.get('split', '')))}.</p>"
    return _section("Metrics", said, f'<table class="metrics">{rows}</table>')


def _curves(path: Path) -> str:
    if not path.is_file():
        return ""
    url = "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
    return _section("Training", f'<img class="paper" src="{url}" alt="Terms of the loss against steps">')


def _dimensions(codec: Codec, atlas: Atlas) -> str:
    """The KL of each dimension, or of each channel of a spatial latent, as bars, the largest first."""
    nats = dimension_kl(codec, atlas)
    unit = "channel" if len(codec.description.latent_shape) > 1 else "dimension"
    order = np.argsort(-nats)
    said = (
        f"<p>The KL of each {unit} to N(0, I), in nats a picture, the largest first; how wide posteriors are comes "
        f"from some pictures of the map, reconstructed and encoded once more. A {unit} near 0 has collapsed: it says "
        "nothing of a picture.</p>"
    )
    return _section(f"What each {unit} says", said, bars(nats[order], [f"{unit} {k + 1}" for k in order]))


def dimension_kl(codec: Codec, atlas: Atlas) -> Float[np.ndarray, " units"]:
    """The KL of each dimension, or of each channel, over the pictures of a map: `vae.priors.unit_kl`."""

    def encode_again(latent: Float[np.ndarray, "*latent"]) -> Float[np.ndarray, "*latent"]:
        log_var = codec.encode(codec.decode(latent[None])).log_var
        assert log_var is not None, "only models with a variance are asked"
        return np.asarray(log_var)[0]

    variance, log_variance = posterior_spread(atlas.latents, encode_again)
    return unit_kl(aggregate_posterior(atlas.latents, variance), log_variance)


def bars(values: Float[np.ndarray, " count"], titles: Sequence[str]) -> str:
    """A bar for each number, as SVG; a title is shown where a pointer rests."""
    width, height, left = 820, 180, 40
    most = max(float(values.max()), 1e-9)
    step = (width - left) / len(values)
    drawn = "".join(
        f'<rect x="{left + k * step:.1f}" y="{height * (1 - max(value, 0) / most):.1f}" width="{0.8 * step:.1f}" '
        f'height="{height * max(value, 0) / most:.1f}"><title>{escape(title)}: {value:.2f} nats</title></rect>'
        for k, (value, title) in enumerate(zip(values, titles, strict=True))
    )
    return (
        f'<svg viewBox="0 0 {width} {height + 20}" role="img" aria-label="KL, from {most:.2f} nats down to '
        f'{values.min():.2f}"><text x="0" y="12">{most:.2f}</text><text x="0" y="{height}">0</text>'
        f'<line x1="{left}" x2="{width}" y1="{height}" y2="{height}"/>{drawn}</svg>'
    )


def _samples(codec: Codec, folder: Path) -> str:
    priors = load_priors(folder, codec.description.latent_shape)
    latents = draw(priors, codec.description.latent_shape, SAMPLES, seed=0)
    figures = [
        f'<figure><figcaption>{escape(priors[name].title)}</figcaption><img class="pixels" '
        f'src="{_url(grid(_decoded(codec, drawn), COLUMNS))}" alt="{SAMPLES} samples"></figure>'
        for name, drawn in latents.items()
    ]
    return _section("Samples", "<p>Those of seed 0; the same noise for each distribution.</p>", *figures)


def _worst(codec: Codec, atlas: Atlas) -> str:
    """The pictures of the map with the largest errors, what became of them beside the originals that the map keeps."""
    errors = atlas.numbers.get(ERROR_COLUMN)
    if errors is None:
        return ""
    rows = [int(row) for row in np.argsort(-np.nan_to_num(errors, nan=-1.0))[:WORST]]
    figures = []
    for row, pixels in zip(rows, _decoded(codec, np.stack([atlas.latent(row) for row in rows])), strict=True):
        original = _original(atlas, row, pixels.shape[0])
        pictures = [pixels] if original is None else [original, pixels]
        labels = ", ".join(filter(None, atlas.labels_of(row).values())) or atlas.ids[row]
        figures.append(
            f'<figure><img src="{_url(grid(np.stack(pictures), 2))}" alt="">'
            f"<figcaption>{escape(labels[:120])}: L1 {errors[row]:.3f}</figcaption></figure>"
        )
    kept = any(row in atlas.thumbnails for row in rows)
    beside = (
        "The original is on the left, where the map keeps it." if kept else "The map does not keep their originals."
    )
    said = f"<p>The {len(rows)} pictures of the map that the model draws worst (mean absolute error). {beside}</p>"
    return _section("Worst reconstructions", said, f'<div class="worst">{"".join(figures)}</div>')


def _original(atlas: Atlas, row: int, side: int) -> np.ndarray | None:
    if row not in atlas.thumbnails:
        return None
    try:
        small = read_thumbnail(atlas.thumbnails[row])
    except PictureError:
        return None
    return np.asarray(small.resize((side, side), Image.Resampling.BICUBIC))


def _map(atlas: Atlas) -> str:
    """The map, a point a picture; coloured by the first label column, where there is one."""
    column = next(iter(atlas.labels), None)
    labels = np.array(atlas.labels[column] if column else [""] * len(atlas))
    named = [label for label, _ in Counter(filter(None, labels.tolist())).most_common(NAMED)]
    colours = dict(zip(named, COLOURS, strict=False))
    drawing = Figure(figsize=(MAP_INCHES, MAP_INCHES), dpi=MAP_DPI)
    axes = drawing.add_axes((0, 0, 1, 1))
    axes.scatter(
        atlas.positions[:, 0],
        atlas.positions[:, 1],
        s=5,
        linewidths=0,
        c=[colours.get(label, OTHERS) for label in labels],
    )
    axes.set_aspect("equal")
    axes.set_axis_off()
    buffer = io.BytesIO()
    drawing.savefig(buffer, transparent=True)
    with Image.open(buffer) as picture:
        url = _url(picture.quantize(64, method=Image.Quantize.FASTOCTREE))
    others = {"other": OTHERS} if set(labels) - set(named) and named else {}
    key = "".join(
        f'<span><i style="background:{c}"></i>{escape(label)}</span>' for label, c in (colours | others).items()
    )
    said = f"<p>{len(atlas):,} pictures by their latents (UMAP): what is near is alike to the model."
    said += f" Coloured by {escape(column)}.</p>" if column else "</p>"
    return _section("The map", said, f'<p class="key">{key}</p>', f'<img src="{url}" alt="The map">')


def _facts(training: dict) -> str:
    facts = {key: value for key, value in training.items() if isinstance(value, str | int | float)}
    rows = "".join(f"<tr><th>{escape(key)}</th><td>{escape(str(facts[key]))}</td></tr>" for key in facts)
    return _section("How it was made", f'<table class="facts">{rows}</table>') if facts else ""


def _decoded(codec: Codec, latents: Latents) -> np.ndarray:
    """Pictures in 8 bits, decoded one at a time."""
    return np.concatenate([to_uint8(np.asarray(codec.decode(latent[None]))) for latent in latents])


def _url(picture: Image.Image) -> str:
    """As a PNG; what is large, as a WebP, which weighs a tenth."""
    buffer = io.BytesIO()
    if picture.width * picture.height <= LIGHT:
        picture.save(buffer, "PNG", optimize=True)
        return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    picture.convert("RGBA" if picture.mode == "P" else "RGB").save(buffer, "WEBP", quality=90)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
