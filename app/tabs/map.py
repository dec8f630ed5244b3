"""Map: the data set's latents as a landscape to walk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import gradio as gr
import numpy as np
from PIL import Image

from app.explorer import Explorer, Group, Neighbour
from app.library import Library
from app.tabs.common import LATEX, NEWEST, QUIET, Workspace, explained, is_picture
from app.widgets.encoding import data_url, uploaded_file
from app.widgets.latent_map import LatentMap, Number
from app.widgets.scrubber import Scrubber
from vae.atlas import ERROR_COLUMN

INTRODUCTION = """Every point is one of {count} pictures of the data set, placed by UMAP so that pictures with near
latents are near. Move over the map to see what the decoder draws there, click a point for its neighbours, or drop in a
picture."""

HINT = "Click a point on the map: its picture, its labels and its nearest neighbours in latent space appear here."

ERROR = "reconstruction error (L1)"
PRIOR = "distance from the prior"
RARE = 0.05  # of a group: a label so rare says nothing of it

HOW = r"""**The layout.** UMAP (McInnes et al. 2018) joins every latent to its {neighbours} nearest in a weighted graph,
and then moves points on a plane until a graph of the same kind, made there, has like weights. Neighbours are kept,
distances are not: the width of a gap and the area of a cluster mean little.

**Between points** there is no latent, so one is made of the six nearest points on the map, weighted by their inverse
squared distance (Shepard 1968):

$$z(p) = \frac{{\sum_i w_i \, z_i}}{{\sum_i w_i}}, \qquad w_i = \frac{{1}}{{\lVert p - p_i \rVert^2}}$$

A picture of yours is placed the other way round: at the mean position of its eight nearest latents, with the same
weights over distances in latent space.

**Distances** are in units of the data's own spacing, the median distance from a point to its nearest neighbour: here
{spacing:.3f} on the map. A picture placed within 2 of its nearest latent is among the data, within 4 at its edge,
beyond that far from it. The map has wide gaps, so that under the pointer *near data* is within 20 of a point,
*between points* within 100, and *far from data* beyond.

**Distance from the prior** is the root mean square of a picture's posterior mean,
$\lVert z \rVert / \sqrt{{d}}$ with $d$ = {numbers:,} numbers. A draw from $N(0, I)$ has 1, give or take {spread:.3f};
the pictures here have {prior:.2f} in the median.
{error}
**A direction** between two groups is the difference of their mean latents, an attribute vector (Larsen et al. 2016).

This map: {count:,} points; trustworthiness {trust} (Venna & Kaski 2001: 1 when all neighbours on the map are neighbours
in latent space).{spatial}
"""

SPATIAL = """

This model's latent is a map of features: a mean of several latents is a mean of pictures laid over each other, so that
places between points, paths and directions are cross-fades."""


def build(work: Workspace, tab: gr.Tab) -> None:
    """Fills the tab."""
    library, model = work.library, work.model
    picture = work.destinations["place"].input
    introduction = gr.Markdown(INTRODUCTION.format(count="the"))
    with gr.Row():
        with gr.Column(scale=3, min_width=300):
            chart = LatentMap(
                decode_place=decode_place(library), thumbnails=thumbnails(library), elem_id="latent-map"
            )  # fmt: skip
            with gr.Column(visible=False, elem_id="map-result") as result:
                summary = gr.Markdown()
                with gr.Row():
                    mean_a, mean_b = (
                        gr.Image(
                            label=f"Mean of {name}", interactive=False, format="png", height=180, buttons=["download"],
                            elem_id=f"map-mean-{name.lower()}", min_width=120,
                        )
                        for name in "AB"
                    )  # fmt: skip
                scrubber = Scrubber(elem_id="map-scrubber")
        with gr.Column(scale=1, min_width=260):
            picture.render()
            hint = gr.Markdown(HINT, elem_classes="empty")
            with gr.Column(visible=False) as detail:
                large = gr.Image(
                    label="Decoded", show_label=False, interactive=False, format="png", height=220, type="filepath",
                    elem_id="map-selected", buttons=["download"],
                )  # fmt: skip
                work.send_buttons(large, "place")
                facts = gr.Markdown(elem_id="map-facts")
                gr.Markdown("Its nearest neighbours in latent space", elem_classes="caption")
                near = gr.Gallery(
                    show_label=False, format="png", height="auto", object_fit="contain", interactive=False,
                    elem_id="map-neighbours", buttons=[],
                )  # fmt: skip
    with gr.Accordion("How it works", open=False):
        how = gr.Markdown(latex_delimiters=LATEX)

    drawn = gr.State(None)  # the model whose map it is
    hidden = gr.update(visible=False)
    no_panel = (gr.update(visible=True), hidden, None, None, None)

    def draw(name):
        explorer = library[name]
        empty = f"{explorer.info.title} has no map yet. Make one, then reload: `{explorer.atlas_command}`"
        if not explorer.has_atlas:
            chart = LatentMap(value=None, empty_text=empty, marker=None, selected=None)
            return chart, "This model has no map to walk yet.", "", hidden, *no_panel, None
        chart = LatentMap(value=payload(explorer), empty_text=empty, marker=None, selected=None)
        count = f"{len(explorer.atlas):,}"
        return chart, INTRODUCTION.format(count=count), how_it_works(explorer), hidden, *no_panel, name

    def select(name, event: gr.EventData):
        explorer, index = library[name], getattr(event, "index", None)
        point = explorer.point(index)
        file = explorer.save(point.picture, *point.labels.values(), Path(point.id).stem)
        shown = hidden, gr.update(visible=True), file, describe(explorer, point)
        yield *shown, None  # the neighbours of a photo take half a second more
        yield *shown, gallery(explorer.neighbours(point.index))

    def place(name, path):
        if name is None or path is None:
            return LatentMap(marker=None), *no_panel
        marker, *panel = show_place(library[name], path)
        return LatentMap(marker=marker), *panel

    def place_again(name, path):
        return gr.skip() if name is None or path is None else place(name, path)

    def dropped(event: gr.EventData):
        path = uploaded_file(getattr(event, "path", None))
        return path if is_picture(path) else gr.skip()

    def walk_path(name, event: gr.EventData):
        explorer, path = library[name], getattr(event, "path", None)
        words = "**The path**, at 33 places of equal distance."
        if explorer.is_spatial:
            words += " Between points, this spatial model's pictures are cross-fades of the nearest ones."
        for frames in growing(explorer, lambda count: explorer.walk(path, count)):
            value = Scrubber.payload(frames, t=0.0, captions=("start", "end"))
            yield gr.update(visible=True), words, hidden, hidden, gr.update(value=value, visible=True)

    def compare_groups(name, event: gr.EventData):
        explorer = library[name]
        rows_a, rows_b, index = (getattr(event, key, None) for key in ("a", "b", "point"))
        a = explorer.group(rows_a)
        mean_a = gr.update(value=a.picture, visible=True)
        words = in_words("A", a)
        if not rows_b:
            yield gr.update(visible=True), words, mean_a, hidden, hidden
            return
        b = explorer.group(rows_b)
        mean_b = gr.update(value=b.picture, visible=True)
        words += "\n\n" + in_words("B", b)
        ends = ("A", "B") if index is None else ("the point", "and A to B")
        words += "\n\n**The direction from A to B**, "
        words += "from one mean to the other." if index is None else "added to the selected point."
        if explorer.is_spatial:
            words += " For this spatial model that is a cross-fade of two averages."
        for frames in growing(explorer, lambda count: explorer.direction(rows_a, rows_b, index, count)):
            value = Scrubber.payload(frames, t=0.0, captions=ends)
            yield gr.update(visible=True), words, mean_a, mean_b, gr.update(value=value, visible=True)

    panel = [hint, detail, large, facts, near]
    shown = [result, summary, mean_a, mean_b, scrubber]
    work.keep_drawn(tab, draw, [], [chart, introduction, how, result, *panel, drawn], show_progress="hidden")
    chart.select(explained(select), model, panel, **NEWEST)
    for asked, put in ((picture.change, place), (drawn.change, place_again)):
        placed = asked(explained(put), [drawn, picture], [chart, *panel], **NEWEST)
        placed.failure(lambda: (LatentMap(marker=None), *no_panel), None, [chart, *panel], **QUIET)
    chart.drop_picture(explained(dropped), None, picture, **NEWEST)
    chart.walk_path(explained(walk_path), model, shown, **NEWEST)
    chart.compare_groups(explained(compare_groups), model, shown, **NEWEST)
    chart.clear_drawing(lambda: hidden, None, result, **QUIET)


def decode_place(library: Library) -> Callable:
    """The server function behind the pointer."""

    def decode_place(model: str, index: int | None, x: float, y: float) -> dict:
        explorer = library[model]
        if index is not None:
            return {"picture": data_url(explorer.point(index).picture), "distance": 0.0}
        picture, place = explorer.decode_at(x, y)
        return {"picture": data_url(picture), "distance": place.distance}

    return decode_place


def thumbnails(library: Library) -> Callable:
    """The server function behind the pictures on the map."""
    return lambda model, places: library[model].thumbnails(places)


def payload(explorer: Explorer) -> dict:
    """The map of a model as the widget takes it."""
    atlas = explorer.atlas
    numbers = {
        ERROR if name == ERROR_COLUMN else name: Number(values, "pixels in [0, 1]" if name == ERROR_COLUMN else "")
        for name, values in atlas.numbers.items()
    }
    numbers[PRIOR] = Number(atlas.prior_distance, "of the posterior mean; a draw from N(0, I) has about 1")
    x, y = atlas.positions.T
    return LatentMap.payload(explorer.name, x, y, atlas.labels, numbers, atlas.map_spacing)


def growing(explorer: Explorer, draw: Callable[[int], Iterator[Image.Image]]) -> Iterator[list[Image.Image]]:
    """33 pictures of a way; where they take seconds, 9 of them come first."""
    if explorer.is_spatial:
        yield list(draw(9))
    yield list(draw(33))


def show_place(explorer: Explorer, path: str) -> tuple:
    """The marker of a person's picture, and the panel."""
    place = explorer.locate(path)
    neighbours = [explorer.point(row) for row in place.neighbours.tolist()]
    marker = {"x": place.x, "y": place.y, "neighbours": place.neighbours.tolist(), "label": "your picture"}
    file = explorer.save(explorer.reconstruct(path).reconstruction, Path(path).stem, "reconstruction")
    words = f"**Your picture**, as the model reconstructs it, {distance_in_words(place.distance)}."
    return marker, gr.update(visible=False), gr.update(visible=True), file, words, gallery(neighbours)


def distance_in_words(distance: float) -> str:
    """How far from the data a latent is, where 1 is the usual distance between neighbours."""
    if distance < 2:
        return "among the data: its nearest neighbour is as near as the data's own neighbours are"
    if distance < 4:
        return (
            "at the edge of the data: its nearest neighbour is a few times farther than the data's own neighbours are"
        )
    return "far from the data: the model has seen nothing like it, and its place here means little"


def gallery(neighbours: list[Neighbour]) -> list[tuple]:
    """Pictures with their labels."""
    return [(n.picture, ", ".join(n.labels.values()) or n.id) for n in neighbours]


def describe(explorer: Explorer, point: Neighbour) -> str:
    """What is known of a point, in Markdown."""
    atlas = explorer.atlas
    lines = [f"**{column}**: {value}" for column, value in point.labels.items()] + [f"**file**: {point.id}"]
    for name, values in atlas.numbers.items():
        value = values[point.index]
        if name == ERROR_COLUMN and np.isfinite(value):
            lines.append(f"**{ERROR}**: {error_in_words(float(value), values)}")
        elif name != ERROR_COLUMN:
            lines.append(f"**{name}**: {value:.4g}")
    distance = atlas.prior_distance[point.index]
    lines.append(f"**{PRIOR}**: {distance:.2f}, where a draw from N(0, I) has about 1")
    return "  \n".join(lines)


def error_in_words(error: float, errors: np.ndarray) -> str:
    """An L1 error in levels of 255, and how it compares with those of all pictures."""
    larger = np.mean(errors[np.isfinite(errors)] > error)
    levels = f"{error:.3f}, a pixel is {error * 255:.1f} of 255 levels off on average; "
    if larger >= 0.5:
        return levels + f"better drawn than {larger:.0%} of the pictures"
    return levels + f"worse drawn than {1 - larger:.0%} of the pictures"


def in_words(name: str, group: Group) -> str:
    """A group's size and most frequent labels, in Markdown."""
    lines = [f"**Group {name}**: {group.count:,} {'picture' if group.count == 1 else 'pictures'}"]
    for column, counted in group.labels.items():
        if counted[0][1] < RARE * group.count:
            continue  # nearly a name for each picture
        frequent = ", ".join(f"{value or 'no label'} ({count / group.count:.0%})" for value, count in counted)
        lines.append(f"{column}: {frequent}")
    return "  \n".join(lines)


def how_it_works(explorer: Explorer) -> str:
    """The equations behind the map, with this map's own numbers."""
    atlas = explorer.atlas
    numbers = int(np.prod(explorer.info.latent_shape))
    error = ""
    if ERROR_COLUMN in atlas.numbers:
        median = np.nanmedian(atlas.numbers[ERROR_COLUMN])
        error = (
            "\n**Reconstruction error** is the mean absolute difference (L1) between a picture and what is decoded "
            f"from its posterior mean, pixels in [0, 1]; here {median:.3f} in the median.\n"
        )
    return HOW.format(
        count=len(atlas), neighbours=min(15, len(atlas) - 1), spacing=atlas.map_spacing, numbers=numbers,
        spread=1 / np.sqrt(2 * numbers), prior=np.median(atlas.prior_distance), error=error,
        trust=atlas.facts.get("trustworthiness", "not measured"), spatial=SPATIAL if explorer.is_spatial else "",
    )  # fmt: skip
