"""What several models learnt, side by side: which collapsed more, and what each draws worst. Styled in style.css."""

from __future__ import annotations

import html
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from PIL import Image

from app.explore import dimensions, failures
from app.explore.compare import Drawn, drawn_worst
from app.explore.limits import RequestError
from app.explore.opened import OpenModel
from app.kit.pictures import picture_url
from app.words.labels import label_in_words, labels_in_words
from vae.atlas import ERROR_COLUMN, KL_COLUMN

WORST = 4  # pictures of each model
SECONDS = 1.0  # that those of one model may take to draw


def compared_maps(models: Sequence[OpenModel], titles: Sequence[str]) -> str:
    """Their facts as a table, and pictures that each draws worst, as all draw them.

    Args:
        models: two or more.
        titles: theirs.
    """
    parts = [_table(models, titles)]
    mapped = [k for k, model in enumerate(models) if model.has_atlas and ERROR_COLUMN in failures.measures(model)]
    among, named = [models[k] for k in mapped], [titles[k] for k in mapped]
    count = min((model.affordable(SECONDS, 1, WORST) for model in among), default=0)
    parts += [_worst(among, named, k, count) for k in range(len(among))]
    parts += [
        f'<p class="caption">{html.escape(f"{title}: no map with errors; {model.atlas_command} makes one.")}</p>'
        for model, title in zip(models, titles, strict=True)
        if model not in among
    ]
    return f'<section class="compared" aria-label="What each learnt">{"".join(parts)}</section>'


def collapse_in_words(models: Sequence[OpenModel], titles: Sequence[str]) -> str:
    """Which model has collapsed more than the others, and what speaks for a reason; empty where nobody knows.

    By the dimensions that tell something of a picture: where means still vary a little, dimensions are active that tell
    next to nothing.
    """
    counted = [_telling(model) for model in models]
    telling = [count for count in counted if count is not None]
    if len(telling) < len(models):
        return ""
    sizes = [model.info.latent_size for model in models]
    order = sorted(range(len(models)), key=lambda k: telling[k] / sizes[k])
    counts = [f"{telling[k]:,} of {sizes[k]:,} ({titles[k]})" for k in order]
    found = f"Dimensions that say at least half a bit about a picture: {', '.join(counts[:-1])} and {counts[-1]}."
    most, second, *_ = order
    is_two = len(models) == 2
    if telling[most] == sizes[most]:
        return f"None has collapsed. {found}"
    if telling[most] * sizes[second] == telling[second] * sizes[most]:
        said = "Neither has collapsed more than the other" if is_two else "No single one has collapsed most"
        return f"{said}. {found}"
    said = f"{titles[most]} has collapsed {'more' if is_two else 'most'}. {found}"
    weights = [weight for k in order if (weight := kl_weight(models[k])) is not None]
    if len(weights) == len(models) and weights[0] > weights[1] and all(a >= b for a, b in pairwise(weights)):
        *heavier, lightest = (f"{weight:g}" for weight in weights)
        said += (
            f" One reason may be the KL, which weighs {', '.join(heavier)} and {lightest} in their losses: the more it "
            "weighs, the fewer dimensions carry information, and the more of each picture is lost."
        )
        if len({model.info.training.get("dataset") for model in models}) > 1:
            said += " They learnt from different pictures, which may be a reason too."
    return said


def _telling(model: OpenModel) -> int | None:
    """How many dimensions tell something of a picture; None where nobody knows, without a map or a variance."""
    if not model.has_atlas:
        return None
    try:
        return dimensions.dimensions(model).telling
    except RequestError:  # of a map of one picture
        return None


def kl_weight(model: OpenModel) -> float | None:
    """Of the KL in the loss of L1, SSIM and KL; None for a model that was trained with another, or nobody knows."""
    objective = model.info.objective
    return objective.weights.kl if objective and objective.weights else None


def _table(models: Sequence[OpenModel], titles: Sequence[str]) -> str:
    """A row for each fact that at least one of them has."""
    facts = [_facts(model) for model in models]
    head = "".join(f'<th scope="col">{html.escape(title)}</th>' for title in titles)
    rows = []
    for name in facts[0]:
        if any(one[name] for one in facts):
            cells = "".join(f"<td>{html.escape(one[name] or 'unknown')}</td>" for one in facts)
            rows.append(f'<tr><th scope="row">{name}</th>{cells}</tr>')
    return f"<table><caption>The models</caption><tr><td></td>{head}</tr>{''.join(rows)}</table>"


def _facts(model: OpenModel) -> dict[str, str]:
    """What is known of a model, in words by what it is called; empty for what is not."""
    activity, weight, steps = model.activity, kl_weight(model), model.info.training.get("steps")
    telling = _telling(model)
    known = failures.measures(model) if model.has_atlas else {}
    medians = {name: float(np.nanmedian(values)) for name, values in known.items()}
    return {
        "Active dimensions": f"{activity.active:,} of {activity.size:,}" if activity else "",
        "Dimensions that say half a bit": "" if telling is None else f"{telling:,} of {model.info.latent_size:,}",
        "KL weight in the loss": "" if weight is None else f"{weight:g}",
        "Steps of training": f"{steps:,}" if isinstance(steps, int) else "",
        "Pictures on the map": f"{len(model.atlas):,}" if model.has_atlas else "",
        "Their error (L1), median": f"{medians[ERROR_COLUMN]:.4f}" if ERROR_COLUMN in medians else "",
        "Their KL, nats, median": f"{medians[KL_COLUMN]:,.1f}" if KL_COLUMN in medians else "",
    }


def _worst(models: Sequence[OpenModel], titles: Sequence[str], which: int, count: int) -> str:
    """The pictures that one of the models draws worst, and the label."""
    title = html.escape(titles[which])
    found = failures.worst_label(models[which])
    said = "Beside each picture is what each model makes of it."
    if found:
        column, label = found
        errors = failures.measures(models[which])[ERROR_COLUMN]
        said = (
            f"The label it draws worst is {label_in_words(column, label.label)}, with a median error of "
            f"{label.median:.3f}; over all pictures it is {np.nanmedian(errors):.3f}. {said}"
        )
    figures = "".join(_figure(one, titles, which) for one in drawn_worst(models, which, count))
    return (
        f'<div><h4>Drawn worst by {title}</h4><p class="caption">{html.escape(said)}</p>'
        f'<div class="compared-worst">{figures}</div></div>'
    )


def _figure(one: Drawn, titles: Sequence[str], which: int) -> str:
    """A picture and what the models draw, the one that draws it badly first."""
    order = [which, *(k for k in range(len(titles)) if k != which)]
    shown = [_shown(one.original, "original")] if one.original else []
    for k in order:
        if picture := one.drawn[k]:
            error, nats = one.errors[k], one.nats[k]
            figures = ["" if error is None else f"error {error:.3f}", "" if nats is None else f"{nats:,.0f} nats"]
            shown.append(_shown(picture, titles[k], *filter(None, figures)))
    named = ", ".join(filter(None, [one.name, labels_in_words(one.labels)]))
    return (
        f'<figure><div class="compared-row">{"".join(shown)}</div>'
        f'<figcaption class="caption">{html.escape(named)}</figcaption></figure>'
    )


def _shown(picture: Image.Image, title: str, *figures: str) -> str:
    said = "<br>".join(map(html.escape, figures))
    alt = html.escape(title)
    return f'<span><img src="{picture_url(picture)}" alt="{alt}"><small>{alt}</small><small>{said}</small></span>'
