"""A model as a folder of static files: its map, walks, samples and latents in the visitor's browser, with no server.

The page is made of the app's own widgets, under `modules/` as they lie in `app/`; `site.js` does for them what the
app's server does. Every address is relative, so that the folder works below any path and on any host of files.
"""

from __future__ import annotations

import gzip
import html
import json
import re
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from app.explore import map, sample
from app.explore.limits import SHEPARD_NEIGHBOURS, RequestError
from app.explore.opened import OpenModel
from app.explore.points_file import points_file
from app.kit import web
from app.tabs.map import COLUMNS
from app.theme import DOWNLOADS, theme
from app.web import codec
from app.widgets.latent_map import LatentMap
from vae.checkpoint import CONV_VAE, load_info
from vae.priors import StandardNormal

HERE = Path(__file__).parent
WIDGETS = ("latent_map", "scrubber", "sample_grid", "latent_editor")
INDEX = "index.html"
GENERATOR = '<meta name="generator" content="Latentscape">'  # by which an earlier export is known
WEIGHTS, LATENTS, POINTS, SAMPLES = "weights.safetensors", "latents.f16", "points.bin", "samples.f16"
PAGE = 24  # samples shown at once
PAGES, PAGES_BYTES = 8, 1 << 17  # of samples from each distribution but N(0, I): so many, or fewer of a long latent
CARD = "README.md"  # of the model; the site's own tells a Space what it is
MODEL_CARD = "model-card.md"


class FolderError(RuntimeError):
    """A folder that no site may be written to, with a sentence that says why."""


def export(model: OpenModel, folder: Path) -> dict[str, int]:
    """Writes the site of a model; of an earlier one in the folder, the files are replaced.

    Returns:
        Path below the folder -> size in bytes.

    Raises:
        RequestError: the model is not of kind "conv-vae"; its weights or its map cannot be read.
        FolderError: the folder holds other files, or is none.
        OSError: it cannot be written to.
    """
    if model.info.kind != CONV_VAE:
        raise RequestError(
            f"{model.info.title} is of kind {model.info.kind!r}; accepted: {CONV_VAE!r}, which a browser can decode"
        )
    if folder.exists() and not _may_be_filled(folder):
        raise FolderError(f"'{folder}' given; accepted: a new or an empty folder, or one that holds an earlier export")
    try:
        found = files(model)
    except SafetensorError as error:
        raise RequestError(f"the weights of {model.info.title} cannot be read ({error})") from error
    for path, content in found.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return {path: len(content) for path, content in found.items()}


def files(model: OpenModel) -> dict[str, bytes]:
    """Path below the site's folder -> content."""
    rooms = ("web/", *(f"widgets/{name}/" for name in WIDGETS))
    shared = {path: content for path, content in web.files().items() if path.startswith(rooms) or path == web.PLOTLY}
    own = {f"export/{path.name}": path.read_bytes() for path in sorted(HERE.glob("*.js"))}
    card = model.folder / CARD
    found = {
        INDEX: page(model, has_card=card.is_file()).encode(),
        "style.css": style().encode(),
        "model.bin": gzip.compress(json.dumps(_value(model)).encode(), mtime=0),
        SAMPLES: _samples(model),
        WEIGHTS: codec.weights(model.folder),
        CARD: _space_card(model).encode(),
        **{f"modules/{path}": content for path, content in (shared | own).items()},
    }
    if model.has_atlas:
        found |= {LATENTS: bytes(model.map_latents_file), POINTS: points_file(model).content}
    if card.is_file():
        found[MODEL_CARD] = card.read_bytes()
    return found


def page(model: OpenModel, has_card: bool) -> str:
    """The page's HTML. What a model says of itself is text in it, and never markup."""
    texts = {
        "title": model.info.title,
        "summary": model.info.summary,
        "figures": model.figures(),
        "numbers": " x ".join(f"{side:,}" for side in model.info.latent_shape),
        "shepard": str(SHEPARD_NEIGHBOURS),
        "count": f"{len(model.atlas):,}" if model.has_atlas else "",
    }
    parts = {name: html.escape(text) for name, text in texts.items()}
    parts |= {name: (web.APP / "widgets" / name / "template.html").read_text("utf-8") for name in WIDGETS}
    parts["map_hidden"] = "" if model.has_atlas else " hidden"
    parts["card"] = f' (<a href="{MODEL_CARD}">model card</a>)' if has_card else ""
    template = (HERE / INDEX).read_text("utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], template)


def style() -> str:
    """The app's theme, the page's own style sheet, and those of the widgets, nested as Gradio nests them."""
    nested = (f".{name} {{\n{(web.APP / 'widgets' / name / 'style.css').read_text('utf-8')}}}\n" for name in WIDGETS)
    sheets = ((HERE / "site.css").read_text("utf-8"), DOWNLOADS.read_text("utf-8"))
    return "\n".join([theme()._get_theme_css(), *sheets, *nested])


def _value(model: OpenModel) -> dict[str, Any]:
    """What `site.js` is told: the model's card, the map's value, and of samples from which distributions."""
    architecture = load_info(model.folder).config.to_dict()
    card = {
        "name": model.name,
        "title": model.info.title,
        "size": model.info.image_size,
        "shape": list(model.info.latent_shape),
        "codec": {"architecture": architecture, "weights": WEIGHTS},
    }
    value = LatentMap.payload(card, map.overview(model), POINTS, COLUMNS, LATENTS) if model.has_atlas else None
    samples = {
        "file": SAMPLES,
        "count": PAGE,
        "pages": _pages(model),
        "opening": sample.opening(model),
        "distributions": [{"name": name, "title": title} for name, title in model.prior_titles.items()],
    }
    return {"model": card, "map": value, "samples": samples}


def _samples(model: OpenModel) -> bytes:
    """Latents from the distributions but N(0, I), page by page: little-endian float16."""
    names = [name for name in model.prior_titles if name != StandardNormal.name]
    drawn = (sample.sample(model, name, PAGE, 1.0, seed) for name in names for seed in range(_pages(model)))
    return b"".join(latents.astype("<f2").tobytes() for latents in drawn)


def _pages(model: OpenModel) -> int:
    return max(1, min(PAGES, PAGES_BYTES // (2 * PAGE * model.info.latent_size)))


def _space_card(model: OpenModel) -> str:
    """The front matter that a static Space needs; other hosts ignore it."""
    title = json.dumps(model.info.title)
    front = f"---\ntitle: {title}\nsdk: static\napp_file: {INDEX}\n---\n"
    return f"{front}\nA page of one model, made with Latentscape.\n"


def _may_be_filled(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    index = folder / INDEX
    return not any(folder.iterdir()) or (index.is_file() and GENERATOR in index.read_text("utf-8", errors="replace"))
