"""Map: the data set's latents as a landscape to walk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from gradio.components import Component

from app.explore import failures, files, map, selections
from app.explore.limits import AMONG, EDGE, NEIGHBOURS, SHEPARD_NEIGHBOURS, RequestError
from app.explore.opened import OpenModel
from app.explore.points_file import points_address
from app.explore.subject import Subject, open_subject
from app.explore.through_training import movement
from app.kit.events import FORGED, NEWEST, QUIET, REFUSALS, UNSEEN, Shown, explained, told
from app.kit.inputs import OtherModels, PictureInput
from app.kit.questions import Questions
from app.kit.sending import Target, called, foreign, keep_picture, received
from app.kit.workspace import Workspace
from app.tabs.compared_maps import collapse_in_words, compared_maps
from app.tabs.maps_beside import MapsBeside
from app.tabs.selections import Selections
from app.widgets.examples import offer_examples
from app.widgets.failures import Failures
from app.widgets.latent_map import LatentMap, bits
from app.widgets.scrubber import Scrubber
from app.widgets.training_map import TrainingMap
from app.words import LATEX, plain, words
from app.words.labels import labels_in_words, spaced
from vae.atlas import ERROR_COLUMN, KL_COLUMN

NAME, TITLE = "map", "Map"

ERROR, PRIOR = "reconstruction error (L1)", "distance from the prior"
COLUMNS = {
    ERROR_COLUMN: (ERROR, "pixels in [0, 1]"),
    KL_COLUMN: ("KL", "of the posterior to the prior, in nats: how much the latent says about the picture"),
    map.PRIOR_COLUMN: (PRIOR, "of the latent; a draw from N(0, I) has about 1"),
}
NEARNESS = {
    "among": "among the data: its nearest neighbour is about as near as neighbours in the data are",
    "edge": "at the edge of the data: its nearest neighbour is a few times farther than neighbours in the data are",
    "far": "far from the data: the model has seen nothing like it, so its place here means little",
}

# What was clicked is below the map.
SHOW_MAP = "() => document.querySelector('#latent-map').scrollIntoView({block: 'nearest'})"

Updates = dict[Component, Any]


def targets() -> dict[str, Target]:
    """Where this tab takes pictures."""
    picture = PictureInput("Place your own picture", height=240, elem_id="map-place", render=False)
    return {"place": Target("Map", NAME, picture)}


def build(work: Workspace) -> dict[str, Component]:
    """Fills the tab; returns the inputs that the address holds. The map itself keeps there what is set on it."""
    library, picture, questions = work.library, work.targets["place"].input, Questions(work.library)
    with gr.Row(elem_classes="with-choice"):
        introduction = gr.Markdown(words(NAME, "introduction", count="the"), elem_classes="introduction")
        with gr.Column(scale=0, min_width=210):
            layouts = [(title, name) for name, title in map.LAYOUTS.items()]
            layout = gr.Radio(layouts, value=map.UMAP, label="Layout", elem_id="map-layout")
        with gr.Column(scale=0, min_width=280):
            others = OtherModels.beside(library, library.default, elem_id="map-compare-with")
    collapse = gr.Markdown(visible=False, elem_classes="note", elem_id="map-collapse")
    linked = gr.Markdown(visible=False, elem_classes="note", elem_id="map-linked")
    asked = [questions.decode_place, questions.thumbnails, questions.decode, questions.unit]
    with gr.Row(elem_id="map-parts"):
        with gr.Column(scale=3, min_width=300, elem_id="map-chart"):
            chart = LatentMap(
                server=asked,
                drop_target=picture.elem_id,
                address=NAME,
                empty_text="Loading the map …",
                elem_id="latent-map",
            )
            selected = Selections()
            drawing = _Drawing(work, questions, selected)
        beside = MapsBeside(linked, asked, COLUMNS)
        with gr.Column(scale=1, min_width=260, elem_id="map-side"):
            with gr.Column():
                picture.render()
                offer_examples(work, "Or click one of these", picture)
            with gr.Column():
                panel = _Panel(work)
        panel.build_near()
    with gr.Column(visible=False) as learnt:
        gr.Markdown(words(NAME, "compared"))
        learnt_facts = gr.HTML(elem_id="map-compared")
    quality = gr.Markdown(words(NAME, "quality"))
    asked_of_all = [questions.failures, questions.worst]
    fared = Failures(server=asked_of_all, address=f"{NAME}.drawn", elem_id="map-failures")
    with gr.Column(visible=False, elem_id="map-training") as training:
        gr.Markdown(words(NAME, "training"))
        moving = TrainingMap()
    with gr.Accordion("How it works", open=False):
        how = gr.Markdown(latex_delimiters=LATEX)
    shown = gr.State(None)  # the model whose map is drawn
    laid_out = gr.State(None)  # that model, and what placed the points
    drawn = gr.State(Shown())  # a model's name, a layout, and when the model was written
    set_beside = gr.State([])  # names of the models whose maps are beside each other, and when they were written

    def draw(name, layout, picked, drawn, kept):
        models, titles = OtherModels.with_picked(library, name, picked)
        compared = beside.of(models, titles, layout) | {others: OtherModels.of(library, models, picked)}
        compared |= {set_beside: [(one.name, one.written) for one in models[1:] and models]}
        title = titles[0] if len(models) > 1 else None
        what = (name, layout, models[0].written)
        if drawn.values == what:  # only the others have changed
            return compared | {chart: LatentMap(title=title)}
        has_same_points = drawn.values is not None and (drawn.values[0], drawn.values[2]) == (what[0], what[2])
        drawn.values = None
        updates = draw_own(models[0], layout, title, has_same_points, kept)
        drawn.values = what
        return updates | compared

    def draw_nothing(title, introduced, why):
        nothing = {
            introduction: words(NAME, introduced),
            how: "",
            shown: None,
            laid_out: None,
            fared: None,
            moving: None,
        }
        nothing |= dict.fromkeys([quality, training], gr.update(visible=False))
        # `why` is shown as text, and not as Markdown.
        blank = {"empty_text": why, "marker": None, "narrowed": None, "title": title, "selected": None}
        emptied = panel.empty() | drawing.empty() | selected.of_model(None, None)
        return emptied | nothing | {chart: LatentMap(value=None, **blank)}

    def draw_own(model, layout, title, has_same_points, kept):
        if not model.has_atlas:
            why = words(NAME, "make_a_map", model=model.info.title, command=model.atlas_command)
            return draw_nothing(title, "no_map", why)
        try:
            overview = map.overview(model, layout)
        except REFUSALS as error:
            return draw_nothing(title, "unreadable", str(error))
        blank = {"marker": None, "narrowed": None, "title": title}
        blank |= {} if has_same_points else {"selected": None}
        emptied = panel.empty() | drawing.empty() | selected.of_model(model, kept)
        units = model.info.latent_shape[-1]
        value = LatentMap.payload(
            model.card,
            overview,
            points_address(model, layout),
            COLUMNS,
            model.map_latents,
            units,
            written=model.written,
        )
        part = "introduction" if layout == map.UMAP else "introduction_pca"
        moved = movement(model)
        return emptied | {
            chart: LatentMap(value=value, **blank),
            introduction: words(NAME, part, count=f"{len(overview.positions):,}"),
            how: how_it_works(model, layout),
            shown: model.name,
            laid_out: (model.name, layout),
            quality: gr.update(visible=True),
            fared: Failures.payload(model, COLUMNS),
            training: gr.update(visible=moved is not None),
            moving: None if moved is None else TrainingMap.payload(moved),
        }

    def compare(set_beside):
        names = [name for name, _ in set_beside]
        models, titles = [library[name] for name in names], [library.title(name) for name in names]
        if not names:
            hidden = dict.fromkeys([learnt, collapse], gr.update(visible=False))
            return hidden | {learnt_facts: "", quality: words(NAME, "quality")}
        said = collapse_in_words(models, titles)
        return {
            learnt: gr.update(visible=True),
            learnt_facts: compared_maps(models, titles),
            collapse: gr.update(value=plain(said), visible=bool(said)),
            quality: words(NAME, "quality_of", model=plain(titles[0])),
        }

    def select(name, event: gr.EventData):
        yield from look_at(name, told(event, "index"))

    def look_at(name, index, **chosen):
        """A point, and then its neighbours: those of a photo take half a second more."""
        model = library[name]
        point = map.point(model, index)
        updates = panel.of_point(model, point)
        yield updates | {chart: LatentMap(**chosen) if chosen else gr.skip()}
        near = map.neighbours(model, point.index)
        rows = [one.index for one in near]
        marked = LatentMap(neighbours={"index": point.index, "rows": rows}, **chosen)
        yield updates | {panel.near: show_near(model, near), panel.rows: rows, chart: marked}

    def show(name, event: gr.EventData):
        yield from jump(name, told(event, "index"))

    def jump(name, index):
        row = map.point(library[name], index).index
        yield {chart: LatentMap(selected=None)}  # else the map would not hear of the point that it heard of last
        yield from look_at(name, row, selected=row)

    def follow(name, rows, event: gr.EventData):
        place = told(event, "index")
        if not isinstance(place, int) or not 0 <= place < len(rows or []):
            raise RequestError(FORGED)
        yield from jump(name, rows[place])

    def narrow(name, event: gr.EventData):
        ranges, column, label = (told(event, key) for key in ("ranges", "column", "label"))
        if ranges is None:
            return LatentMap(narrowed=None)
        rows = failures.choose(library[name], ranges, column if label else "", label)
        return LatentMap(narrowed=bits(rows))

    def place(laid_out, path):
        if laid_out is None or path is None:
            return panel.empty() | {chart: LatentMap(marker=None)}
        name, layout = laid_out
        model, subject = library[name], open_subject(path)
        located = map.locate(model, subject, layout)
        rows = [point.index for point in located.neighbours]
        marker = {"x": located.x, "y": located.y, "neighbours": rows, "label": called(subject)}
        note = " ".join(filter(None, [foreign(library, model, subject), received(library, model, subject)]))
        return panel.of_picture(model, subject, located, note) | {chart: LatentMap(marker=marker)}

    def place_again(laid_out, path):
        return gr.skip() if laid_out is None or path is None else place(laid_out, path)

    def walk_path(laid_out, event: gr.EventData):
        if laid_out is None:
            raise RequestError("There is no map to draw a path on.")
        name, layout = laid_out
        model = library[name]
        walked = map.walk(model, told(event, "path"), layout=layout)
        return drawing.of_path(model, walked)

    def compare_groups(name, event: gr.EventData):
        model = library[name]
        rows_a, rows_b, index = (told(event, key) for key in ("a", "b", "point"))
        groups = [map.group(model, rows) for rows in (rows_a, rows_b) if rows]
        between = map.direction(model, rows_a, rows_b, index) if rows_b else None
        can_keep = selected.of_groups(selections.pack(model, *(rows for rows in (rows_a, rows_b) if rows)))
        return drawing.of_groups(model, groups, between, index is not None) | can_keep

    whole = [chart, introduction, how, shown, laid_out, quality, fared, training, moving, others, set_beside]
    work.refresh.keep_drawn(
        NAME,
        draw,
        [layout, others, drawn, selected.kept],
        [*whole, *beside.parts, *panel.parts, *drawing.parts, *selected.parts],
        [layout.input, others.input],
        is_built=False,
        **UNSEEN,
    )
    set_beside.change(explained(compare), set_beside, [learnt, learnt_facts, collapse, quality], **NEWEST)
    chart.select(explained(select), shown, [chart, *panel.parts], **NEWEST)
    seen = fared.choose(explained(show), shown, [chart, *panel.parts], **NEWEST)
    seen.success(None, None, None, js=SHOW_MAP)
    panel.near.select(explained(follow), [shown, panel.rows], [chart, *panel.parts], **NEWEST)
    fared.narrow(explained(narrow), shown, chart, **NEWEST)
    chart.select(None, None, None, js=f"() => window.latentscape.forget(['{NAME}.picture'])")  # a link has the last
    for changed, put in ((picture.change, place), (laid_out.change, place_again)):
        placed = changed(explained(put), [laid_out, picture], [chart, *panel.parts], **NEWEST)
        placed.failure(lambda: panel.empty() | {chart: LatentMap(marker=None)}, None, [chart, *panel.parts], **QUIET)
    chart.walk_path(explained(walk_path), laid_out, [*drawing.parts, *selected.parts], **NEWEST)
    chart.compare_groups(explained(compare_groups), shown, [*drawing.parts, *selected.parts], **NEWEST)
    chart.clear_drawing(drawing.empty, None, [*drawing.parts, *selected.parts], **QUIET)
    selected.listen(library, shown, chart)
    return {"picture": picture, "layout": layout, "compare": others}


class _Panel:
    """What is known of the chosen point, or of a person's own picture."""

    def __init__(self, work: Workspace):
        self.hint = gr.Markdown(words(NAME, "hint"), elem_classes="empty")
        self.sent = gr.State(None)  # what "Send to" sends: a person's own picture as the file that it is
        with gr.Column(visible=False) as self.detail:
            with gr.Row():
                self.original = gr.Image(
                    label="Original",
                    show_label=False,
                    interactive=False,
                    format="png",
                    height=220,
                    type="filepath",
                    elem_id="map-original",
                    buttons=[],
                    min_width=100,
                    visible=False,
                )
                self.large = gr.Image(
                    label="Decoded",
                    show_label=False,
                    interactive=False,
                    format="png",
                    height=220,
                    type="filepath",
                    elem_id="map-selected",
                    buttons=["download"],
                    min_width=100,
                )
            work.send_buttons(self.sent, "place")
            self.facts = gr.Markdown(elem_id="map-facts")

    def build_near(self) -> None:
        """Below the map, as there is no room for it in the panel."""
        with gr.Column(visible=False, elem_id="map-near") as self.near_part:
            gr.Markdown("Its nearest neighbours in latent space. Click one to go there.", elem_classes="caption")
            self.near = gr.Gallery(
                show_label=False,
                format="png",
                height="auto",
                object_fit="contain",
                interactive=False,
                elem_id="map-neighbours",
                buttons=[],
                allow_preview=False,
            )
            self.rows = gr.State([])  # of these neighbours
        known = [self.original, self.large, self.facts, self.near, self.sent, self.rows]
        self.parts = [self.hint, self.detail, self.near_part, *known]

    def empty(self) -> Updates:
        return dict.fromkeys(self.parts[4:]) | {
            self.original: gr.update(value=None, visible=False),
            self.hint: gr.update(visible=True),
            self.detail: gr.update(visible=False),
            self.near_part: gr.update(visible=False),
        }

    def of_point(self, model: OpenModel, point: map.Point) -> Updates:
        file = files.save_drawn(model, point.latent, point.words)
        original = failures.original(model, point.index)
        path = original and files.save_shown(original, model.name, "original", point.words)
        facts = describe(model, point)
        if path:
            facts = f"{words(NAME, 'original')}\n\n{facts}"
        return self._filled(file, file, facts, None) | {self.original: gr.update(value=path, visible=path is not None)}

    def of_picture(self, model: OpenModel, subject: Subject, located: map.Located, note: str) -> Updates:
        file = files.save_drawn(model, located.latent, f"{Path(subject.path).stem}, reconstructed")
        facts = f"**{plain(called(subject))}**, as the model reconstructs it, {NEARNESS[located.nearness]}."
        near = show_near(model, located.neighbours)
        rows = [point.index for point in located.neighbours]
        return self._filled(file, subject.path, f"{facts} {note}".strip(), near) | {self.rows: rows}

    def _filled(self, file: str, sent: str, facts: str, near: gr.Gallery | None) -> Updates:
        return {
            self.hint: gr.update(visible=False),
            self.detail: gr.update(visible=True),
            self.near_part: gr.update(visible=True),
            self.original: gr.update(value=None, visible=False),
            self.large: file,
            self.facts: facts,
            self.near: near,
            self.sent: sent,
        }


class _Drawing:
    """What a path or groups drawn on the map come to."""

    def __init__(self, work: Workspace, questions: Questions, selected: Selections):
        self._selected = selected
        with gr.Column(visible=False, elem_id="map-result") as self.result:
            self.summary = gr.Markdown(elem_id="map-groups")
            with gr.Row():
                self.means = [
                    gr.Image(
                        label=f"Mean of {name}",
                        interactive=False,
                        format="png",
                        height=180,
                        buttons=["download"],
                        elem_id=f"map-mean-{name.lower()}",
                        min_width=120,
                        visible=False,
                    )
                    for name in "AB"
                ]
            with gr.Column(visible=False) as self.animation:
                self.scrubber = Scrubber(
                    server=[questions.decode, questions.film], address=f"{NAME}.t", elem_id="map-scrubber"
                )
                frame = gr.State(None)
                work.send_buttons(frame)
        self.parts = [self.result, self.summary, *self.means, self.animation, self.scrubber]
        keep_picture(work.library, self.scrubber.commit, frame)

    def empty(self) -> Updates:
        return {self.result: gr.update(visible=False)} | self._selected.of_groups(None)

    def of_path(self, model: OpenModel, walked: np.ndarray) -> Updates:
        said = words(NAME, "path", count=len(walked))
        if model.info.is_spatial:
            said += " " + words(NAME, "spatial_path")
        shown = self._filled(said) | self._animated(model, walked, "along a path", ("start", "end"))
        return shown | self._selected.of_groups(None)

    def of_groups(
        self, model: OpenModel, groups: list[map.Group], between: np.ndarray | None, from_point: bool
    ) -> Updates:
        said = [in_words(name, group) for name, group in zip("AB", groups, strict=False)]
        updates: Updates = {
            mean: gr.update(value=files.save_drawn(model, group.latent, f"mean of group {name}"), visible=True)
            for name, mean, group in zip("AB", self.means, groups, strict=False)
        }
        if between is not None:
            said.append(words(NAME, "from_the_point" if from_point else "from_mean_to_mean"))
            if model.info.is_spatial:
                said[-1] += " " + words(NAME, "spatial_direction")
            captions = ("the point", "and A to B") if from_point else ("A", "B")
            updates |= self._animated(model, between, "from A to B", captions)
        return self._filled("\n\n".join(said)) | updates

    def _filled(self, said: str) -> Updates:
        hidden = dict.fromkeys([*self.means, self.animation], gr.update(visible=False))
        return {self.result: gr.update(visible=True), self.summary: said} | hidden

    def _animated(self, model: OpenModel, path: np.ndarray, what: str, captions: tuple[str, str]) -> Updates:
        value = Scrubber.along(model, path, what, captions, t=0.0)
        return {self.animation: gr.update(visible=True), self.scrubber: value}


# ---- In words ----


def show_near(model: OpenModel, neighbours: list[map.Point]) -> gr.Gallery:
    """Pictures with their labels, and how far away they are; none of them chosen."""
    shown = [
        (
            files.save_shown(model.decode(point.latent), model.name, point.words),
            f"{labels_in_words(point.labels) or point.id}, distance {point.distance:.2f}",
        )
        for point in neighbours
    ]
    return gr.Gallery(shown, selected_index=None)


def describe(model: OpenModel, point: map.Point) -> str:
    """What is known of a point, in Markdown."""
    facts = {spaced(name): "" if label == name else spaced(label) for name, label in point.labels.items() if label}
    facts["file"] = point.id
    lines = [f"**{plain(name)}**" + (f": {plain(value)}" if value else "") for name, value in facts.items()]
    for name, value in point.numbers.items():
        title, said = COLUMNS.get(name, (spaced(name), ""))[0], f"{value:.4g}"
        if name == ERROR_COLUMN:
            said = error_in_words(value, map.share_better(model, value))
        elif name == KL_COLUMN:
            said = f"{value:,.1f} nats"
        elif name == map.PRIOR_COLUMN:
            said = f"{value:.2f}, where a draw from N(0, I) has about 1"
        lines.append(f"**{plain(title)}**: {said}")
    return "  \n".join(lines)


def error_in_words(error: float, share_better: float) -> str:
    """An L1 error in levels of 255, and how it compares: with the share of the pictures that are drawn better."""
    levels = f"{error:.3f}, pixels are off by {error * 255:.1f} of 255 levels on average; "
    if share_better < 0.5:
        return levels + f"better drawn than {_most(1 - share_better)}"
    return levels + f"worse drawn than {_most(share_better)}"


def _most(share: float) -> str:
    return "nearly all pictures" if share >= 0.995 else f"{share:.0%} of the pictures"


def in_words(name: str, group: map.Group) -> str:
    """A group's size and most frequent labels, in Markdown."""
    lines = [f"**Group {name}**: {group.count:,} {'picture' if group.count == 1 else 'pictures'}"]
    for column, counted in group.labels.items():
        frequent = (f"{plain(spaced(value)) or 'no label'} ({count / group.count:.0%})" for value, count in counted)
        lines.append(f"{plain(spaced(column))}: {', '.join(frequent)}")
    return "  \n".join(lines)


def how_it_works(model: OpenModel, layout: str = map.UMAP) -> str:
    """The equations behind the map, with the numbers of this map in this layout."""
    found, numbers = map.figures(model, layout), f"{model.info.latent_size:,}"
    figures: Mapping[str, object] = {
        "count": f"{found.count:,}",
        "neighbours": min(15, found.count - 1),
        "shepard": SHEPARD_NEIGHBOURS,
        "nearest": NEIGHBOURS,
        "spacing": f"{found.spacing:.3f}",
        "among": f"{AMONG:g}",
        "edge": f"{EDGE:g}",
        "numbers": numbers,
        "spread": f"{found.prior_spread:.3f}",
        "prior": f"{found.prior_distance:.2f}",
        "median": found.error and f"{found.error:.3f}",
        "trust": found.trustworthiness or "not measured",
        "explained": "" if found.explained is None else f"{found.explained:.0%}",
    }
    trust = "trust" if layout == map.UMAP else "explained"
    parts = ["how", "error" if found.error else "", "direction", trust, "spatial" if model.info.is_spatial else ""]
    return "\n\n".join(words(NAME, part, **figures) for part in parts if part)
