"""Map: the data set's latents as a landscape to walk."""

from __future__ import annotations

import gradio as gr

from app.explorer import Library, Neighbour
from app.tabs.common import QUIET, Workspace, explained
from app.widgets.encoding import data_url
from app.widgets.latent_map import LatentMap

INTRODUCTION = """Every point is a picture of the data set, placed by UMAP so that pictures with near latents are near.
Move over the map to see what the decoder draws there, click a point for its neighbours, or drop in a picture."""

HINT = "Click a point on the map: its picture, its labels and its nearest neighbours in latent space appear here."


def build(work: Workspace, tab: gr.Tab) -> None:
    """Fills the tab."""
    library, model = work.library, work.model
    picture = work.destinations["place"].input
    gr.Markdown(INTRODUCTION)
    with gr.Row():
        with gr.Column(scale=3, min_width=300):
            chart = LatentMap(decode_place=decode_place(library), elem_id="latent-map")
        with gr.Column(scale=1, min_width=260):
            picture.render()
            hint = gr.Markdown(HINT, elem_classes="empty")
            with gr.Column(visible=False) as detail:
                large = gr.Image(
                    label="Decoded", show_label=False, interactive=False, format="png", height=220,
                    elem_id="map-selected", buttons=["download"],
                )  # fmt: skip
                facts = gr.Markdown(elem_id="map-facts")
                gr.Markdown("Its nearest neighbours in latent space", elem_classes="caption")
                near = gr.Gallery(
                    show_label=False, format="png", height="auto", object_fit="contain", interactive=False,
                    elem_id="map-neighbours", buttons=[],
                )  # fmt: skip

    def draw(name):
        explorer = library[name]
        payload = None
        if explorer.has_atlas:
            atlas = explorer.atlas
            payload = LatentMap.payload(name, atlas.positions[:, 0], atlas.positions[:, 1], atlas.labels)
        text = f"{explorer.info.title} has no map yet. Make one, then reload: `{explorer.atlas_command}`"
        chart = LatentMap(value=payload, empty_text=text, marker=None, selected=None)
        return chart, gr.update(visible=True), gr.update(visible=False)

    def select(name, event: gr.EventData):
        point = library[name].point(event.index)
        neighbours = library[name].neighbours(event.index)
        return _show(point.picture, _describe(point), neighbours)

    def place(name, path):
        if path is None:
            return LatentMap(marker=None), gr.update(visible=True), gr.update(visible=False), None, None, None
        explorer = library[name]
        place, neighbours = explorer.locate(path)
        marker = {"x": place.x, "y": place.y, "neighbours": place.neighbours.tolist(), "label": "your picture"}
        words = f"**Your picture**, as the model reconstructs it, {distance_in_words(place.distance)}."
        return LatentMap(marker=marker), *_show(explorer.reconstruct(path).reconstruction, words, neighbours)

    def dropped(event: gr.EventData):
        return str(LatentMap.dropped_path(event))

    panel = [hint, detail, large, facts, near]
    work.draw_for_model(tab, draw, [], [chart, hint, detail], show_progress="hidden")
    chart.select(explained(select), model, panel, trigger_mode="always_last", **QUIET)
    picture.change(explained(place), [model, picture], [chart, *panel], trigger_mode="always_last", **QUIET)
    chart.drop_picture(dropped, None, picture, **QUIET)


def decode_place(library: Library):
    """The server function behind the pointer."""

    def decode_place(model: str, index: int | None, x: float, y: float) -> dict:
        explorer = library[model]
        if index is not None:
            return {"picture": data_url(explorer.point(index).picture), "distance": 0.0}
        picture, place = explorer.decode_at(x, y)
        return {"picture": data_url(picture), "distance": place.distance}

    return decode_place


def distance_in_words(distance: float) -> str:
    """How far from the data a latent is, where 1 is the usual distance between neighbours."""
    if distance < 2:
        return "among the data: its nearest neighbour is as near as the data's own neighbours are"
    if distance < 4:
        return (
            "at the edge of the data: its nearest neighbour is a few times farther than the data's own neighbours are"
        )
    return "far from the data: the model has seen nothing like it, and its place here means little"


def _show(picture, words: str, neighbours: list[Neighbour]) -> tuple:
    gallery = [(n.picture, ", ".join(n.labels.values()) or n.id) for n in neighbours]
    return gr.update(visible=False), gr.update(visible=True), picture, words, gallery


def _describe(point: Neighbour) -> str:
    lines = [f"**{column}**: {value}" for column, value in point.labels.items()] + [f"**file**: {point.id}"]
    return "  \n".join(lines)
