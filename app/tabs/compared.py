"""Several models' figures side by side, and where on the picture each is nearer. Plain HTML; styled in style.css."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from app.explore.compare import error_difference, measured_alike
from app.explore.opened import OpenModel
from app.explore.reconstruct import Reconstruction
from app.kit.pictures import LEVELS, colour, data_url, scale_end

LEAST_END = 8 / LEVELS  # of the map's scale: next to nothing must look like it
NEAREST = 0.05  # dB; a smaller difference is none
FORMS = {
    "psnr_db": ("PSNR, dB", "{:.2f}"),
    "ssim": ("SSIM", "{:.4f}"),
    "l1": ("L1", "{:.4f}"),
    "kl_nats": ("KL, nats", "{:,.1f}"),
}
COUNTED, SIZE = ("known_well", "active_units"), "latent_units"  # of how many
HELD_OUT_FORMS = FORMS | {"active_units": ("Active dimensions", "{:,}")}
KNOWN_FORMS = FORMS | {"known_well": ("Known well", "{:,}")}


def compared(models: Sequence[OpenModel], titles: Sequence[str], made: Sequence[Reconstruction]) -> str:
    """All models' figures of one picture and of their held-out pictures, with the differences; and the maps of nearer.

    Args:
        models: two or more.
        titles: theirs.
        made: what they made of the picture.
    """
    here = [{**one.metrics, "known_well": one.known_well, SIZE: one.latent.size} for one in made]
    usual = [model.metrics for model in models]
    alike = measured_alike(models)
    sizes = unequal_sizes(models, titles)
    parts = [
        f"<p>{html.escape(sizes) if sizes else _nearer(titles, made)}</p>",
        '<div class="compared-parts"><div>',
        _table("This picture", titles, here, KNOWN_FORMS, has_difference=not sizes),
        _table("Held-out pictures", titles, usual, HELD_OUT_FORMS, has_difference=alike) if all(usual) else "",
    ]
    if not all(usual):
        missing = " and ".join(html.escape(t) for t, figures in zip(titles, usual, strict=True) if not figures)
        parts.append(f'<p class="caption">{missing}: no held-out figures; python -m train evaluate makes them.</p>')
    elif not alike:
        parts.append(
            '<p class="caption">The held-out figures are of different pictures, or of different sizes: their difference'
            " would say nothing.</p>"
        )
    maps = (_map((titles[0], title), made[0], other) for title, other in zip(titles[1:], made[1:], strict=True))
    parts.append(f"</div>{''.join(maps)}</div>")
    return f'<section class="compared" aria-label="Comparison">{"".join(parts)}</section>'


def unequal_sizes(models: Sequence[OpenModel], titles: Sequence[str]) -> str:
    """That the models see a picture at different sizes, in plain text; empty if they do not."""
    sizes = [model.info.image_size for model in models]
    if len(set(sizes)) == 1:
        return ""
    seen = ", ".join(f"{title} at {size} x {size} pixels" for title, size in zip(titles, sizes, strict=True))
    return (
        f"These models see a picture at different sizes: {seen}. A small picture has less detail to lose, so that "
        "their figures do not say which is better."
    )


def _nearer(titles: Sequence[str], made: Sequence[Reconstruction]) -> str:
    nearness = [one.metrics["psnr_db"] or 0.0 for one in made]
    nearest, second, *_ = sorted(range(len(made)), key=lambda k: -nearness[k])
    ahead = nearness[nearest] - nearness[second]
    is_two = len(made) == 2
    if ahead < NEAREST:
        both = "Both" if is_two else f"<b>{html.escape(titles[nearest])}</b> and <b>{html.escape(titles[second])}</b>"
        return f"{both} come equally near to the picture."
    how = "nearer" if is_two else "nearest"
    return f"<b>{html.escape(titles[nearest])}</b> comes {how} to the picture, by {ahead:.1f} dB."


def _table(
    caption: str,
    titles: Sequence[str],
    figures: Sequence[Mapping[str, float | None]],
    forms: Mapping[str, tuple[str, str]],
    has_difference: bool,
) -> str:
    """A row for each figure that at least one of them has."""
    first, *others = titles
    differences = ["Difference"] if len(others) == 1 else [f"{title} − {first}" for title in others]
    head = "".join(f'<th scope="col">{html.escape(title)}</th>' for title in titles)
    if has_difference:
        head += "".join(f'<th scope="col" class="compared-apart">{html.escape(title)}</th>' for title in differences)
    rows = []
    for key, (name, form) in forms.items():
        known = [one.get(key) for one in figures]
        if not any(value is not None for value in known):
            continue
        cells = ["none" if value is None else form.format(value) for value in known]
        if key in COUNTED:
            cells = [
                f"{cell} of {one[SIZE]:,}" if one.get(key) and one.get(SIZE) else cell
                for cell, one in zip(cells, figures, strict=True)
            ]
        data = "".join(f"<td>{cell}</td>" for cell in cells)
        if has_difference:
            apart = (None if None in (known[0], other) else other - known[0] for other in known[1:])
            data += "".join(f"<td><b>{'' if d is None else _signed(d, form)}</b></td>" for d in apart)
        rows.append(f'<tr><th scope="row">{name}</th>{data}</tr>')
    return f"<table><caption>{caption}</caption><tr><td></td>{head}</tr>{''.join(rows)}</table>"


def _signed(difference: float, form: str) -> str:
    said = form.format(abs(difference))
    if not said.strip("0.,"):  # rounds to nothing
        return said
    return f"{'+' if difference > 0 else '−'}{said}"


def _map(titles: Sequence[str], first: Reconstruction, second: Reconstruction) -> str:
    nearer = -error_difference(first, second)
    end = max(LEAST_END, scale_end(abs(nearer)))
    url = data_url(colour(0.5 + nearer / (2 * end), "PuOr"))
    one, other = (html.escape(title) for title in titles)
    words = f"Orange where {one} is nearer to the picture, purple where {other} is"
    return (
        f'<figure><figcaption>{one} or {other}: which is nearer</figcaption><img src="{url}" alt="{words}">'
        f'<div class="compared-legend"><span>{one}</span><span class="compared-scale" aria-hidden="true"></span>'
        f'<span>{other}</span></div><figcaption class="caption">{words}; the full colour is {end * LEVELS:.0f} levels '
        "of 255 nearer, or more.</figcaption></figure>"
    )
