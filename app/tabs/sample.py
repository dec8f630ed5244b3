"""Sample: pictures decoded from a prior, and walks from them: along directions, and to their neighbourhood."""

from __future__ import annotations

import html
import random
from collections.abc import Sequence
from typing import Any

import gradio as gr
from gradio.components import Component

from app.explore import sample
from app.explore.library import Library
from app.explore.limits import (
    MAX_COUNT,
    MAX_DEVIATIONS,
    MAX_SEED,
    MAX_TEMPERATURE,
    MOMENT_SAMPLES,
    RequestError,
)
from app.explore.opened import OpenModel
from app.explore.subject import open_subject
from app.kit.events import NEWEST, QUIET, UNSEEN, explained, told
from app.kit.inputs import LabelChoice, OtherModels, PictureInput, PriorRadio, Range, RawNumber, RawSlider
from app.kit.questions import Questions
from app.kit.sending import Target, called, drawn_picture, keep_picture, received
from app.kit.starts import start_at
from app.kit.workspace import Workspace
from app.tabs.aggregate_view import aggregate_view
from app.tabs.training import ThroughTraining, samples
from app.widgets.direction_sliders import DirectionSliders
from app.widgets.examples import offer_examples
from app.widgets.local_grid import LocalGrid
from app.widgets.sample_grid import Panel, SampleGrid
from app.words import LATEX, code, plain, words
from vae.flow import Flow
from vae.priors import StandardNormal

NAME, TITLE = "sample", "Sample"

COUNT = Range("How many", 1, MAX_COUNT, whole=True)
TEMPERATURE = Range("Temperature", 0, int(MAX_TEMPERATURE))
SEED = Range("Seed", 0, MAX_SEED, whole=True)
SMALL = 128  # pixels; up to this side, an enlarged picture shows its pixels as they are

GRID, DIRECTIONS, AROUND = "grid", "directions", "around"
MEAN, SELECTED, PICTURE = "mean", "sample", "picture"
STARTS = [("The mean of the data", MEAN), ("The selected sample", SELECTED), ("The picture", PICTURE)]

# On a narrow screen the chosen sample is below the grid.
SHOW_SELECTED = "() => document.querySelector('#sample-selected').scrollIntoView({block: 'nearest'})"


def targets() -> dict[str, Target]:
    """Where this tab takes pictures."""
    picture = PictureInput("Around a picture", height=240, elem_id="sample-centre", render=False)
    return {"centre": Target("Sample around it", NAME, picture)}


def build(work: Workspace) -> dict[str, Component]:
    """Fills the tab; returns the inputs that the address holds."""
    library, picture, questions = work.library, work.targets["centre"].input, Questions(work.library)
    gr.Markdown(words(NAME, "introduction"), elem_classes="introduction")
    note = gr.Markdown(visible=False, elem_classes="note")
    selected = gr.State(None)  # the chosen sample, as where a walk starts
    shown = gr.State(None)  # the model that is drawn
    with gr.Tabs(elem_id="sample-modes") as modes:
        with gr.Tab("Grid", id=GRID):
            grid = _Grid(work, questions)
        with gr.Tab("Directions", id=DIRECTIONS):
            directions = _Directions(work, questions)
        with gr.Tab("Around a picture", id=AROUND):
            around = _Around(work, questions)
    with gr.Accordion("How it works", open=False):
        explanation = gr.Markdown(latex_delimiters=LATEX)

    def draw(name, distribution, labels, beside, others, count, temperature, seed, path, preset, kind):
        model = library[name]
        start = from_picture(library, model, path) if path else from_mean(model, SELECTED)
        kind = PICTURE if path else MEAN if kind == MEAN else SELECTED  # a link picks its sample next
        return (
            grid.of_model(model, distribution, preset, labels, beside, others, [count, temperature, seed])
            | directions.of_model(model, start if kind == PICTURE else from_mean(model, kind), kind)
            | around.of_model(model, start, path)
            | {note: prior_note(model), selected: None, shown: name}
        )

    def ask(name, before, distribution, labels, beside, others, *numbers):
        if before != name or distribution is None:  # asked before this model was drawn, which these inputs are for
            return gr.skip()
        model = library[name]
        if None in numbers:  # a box that is being typed in
            return grid.offers(model, distribution, others)
        return grid.asked(model, distribution, labels, beside, others, numbers)

    def explain(name):
        model = library[name]
        return grid.compared(model) | {explanation: how_it_works(model)}

    def select(name, kind, path, event: gr.EventData):
        file = drawn_picture(library, event)  # checks what the event carries
        model, latent, said = (told(event, key) for key in ("model", "latent", "words"))
        said = said[:1].upper() + said[1:]
        start = {"model": library[model].card, "latent": latent, "words": said}
        is_picked = model == name  # and not the one to compare with, which walks have no part in
        follows = {directions.sliders: start} if is_picked and kind == SELECTED else {}
        follows |= {around.grid: start} if is_picked and not path else {}
        return grid.chosen(library[model], file, said) | follows | {selected: start}

    def begin(name, kind, chosen, path):
        return find_start(library, name, kind, chosen, path)

    def vary_selected(name, chosen):
        start = find_start(library, name, SELECTED, chosen, None)
        return {modes: gr.Tabs(selected=DIRECTIONS), directions.start: SELECTED, directions.sliders: start}

    def walk_selected(name, chosen):
        return {modes: gr.Tabs(selected=AROUND), around.grid: find_start(library, name, SELECTED, chosen, None)}

    def take_picture(name, before, path, chosen, kind):
        if before != name:  # the drawing of this model takes it
            return {modes: gr.Tabs(selected=AROUND)} if path else gr.skip()
        model = library[name]
        if path:
            start = from_picture(library, model, path)
            return around.of_model(model, start, path) | {
                directions.start: PICTURE,
                directions.sliders: start,
                modes: gr.Tabs(selected=AROUND),
            }
        start = chosen if chosen and chosen["model"]["name"] == name else from_mean(model, SELECTED)
        leaves = {directions.start: SELECTED, directions.sliders: start} if kind == PICTURE else {}
        return around.of_model(model, start, None) | leaves

    inputs = [grid.distribution, grid.labels, grid.beside, grid.other, *grid.numbers]
    asking = (explained(ask), [work.model, shown, *inputs], grid.answers)
    gr.on(
        [
            *(grid.distribution.input, grid.labels.input, grid.beside.input, grid.other.input),
            *(box.change for box in grid.numbers),
            work.refresh.undone.change,
        ],
        *asking,
        **NEWEST,
    )
    walks = [directions.sliders, around.grid]
    chosen = grid.samples.select(
        explained(select), [work.model, directions.start, picture], [*grid.selection, *walks, selected], **NEWEST
    )
    chosen.success(None, None, None, js=SHOW_SELECTED)
    directions.start.input(
        explained(begin), [work.model, directions.start, selected, picture], directions.sliders, **NEWEST
    )
    to_directions, to_around = [modes, directions.start, directions.sliders], [modes, around.grid]
    grid.vary.click(explained(vary_selected), [work.model, selected], to_directions, **QUIET)
    grid.walk.click(explained(walk_selected), [work.model, selected], to_around, **QUIET)
    taking = [modes, directions.start, directions.sliders, *around.parts]
    picture.change(explained(take_picture), [work.model, shown, picture, selected, directions.start], taking, **NEWEST)
    drawn = shown.change(explained(explain), shown, [grid.plot, grid.unmapped, explanation], **QUIET)
    drawn.then(*asking, **QUIET)  # what changed while it was drawn
    outputs = [note, selected, shown, *grid.parts, *directions.parts, *around.parts]
    state = [picture, grid.preset, directions.start]
    work.refresh.keep_drawn(NAME, draw, [*inputs, *state], outputs, **UNSEEN)
    return {
        "view": modes,
        "start": directions.start,
        "from": grid.distribution,
        "labels": grid.labels,
        "beside": grid.beside,
        "compare": grid.other,
        "count": grid.count,
        "temperature": grid.temperature,
        "seed": grid.seed,
        "centre": picture,
    }


Updates = dict[Component, Any]


class _Grid:
    """Samples, the chosen one large, and how the data's latents differ from the prior."""

    def __init__(self, work: Workspace, questions: Questions):
        self._library = work.library
        first = work.library.look_at(work.library.default)
        choices = LabelChoice.choices_of(first)
        with gr.Row():
            self.distribution = PriorRadio(
                PriorRadio.choices_of(first),
                label="Drawn from",
                elem_id="sample-distribution",
                scale=3,
                min_width=480,
            )
            self.labels = LabelChoice(
                choices,
                value=[],
                multiselect=True,
                label="Show only",
                info="Labels that the flow's samples should have, one of each kind. Leave empty for any.",
                elem_id="sample-labels",
                visible=bool(choices),
                min_width=240,
            )
        self.preset = gr.State(None)  # the distribution, where the app and no person has chosen it
        with gr.Row():
            self.count = RawSlider(
                1,
                MAX_COUNT,
                value=16,
                step=1,
                label=COUNT.name,
                info="Raising it keeps the samples you have and adds more.",
                min_width=240,
            )
            self.temperature = RawSlider(
                0,
                MAX_TEMPERATURE,
                value=1,
                step=0.05,
                label=TEMPERATURE.name,
                info="Below 1, samples are more typical and less varied; above 1, the opposite.",
                min_width=240,
            )
            with gr.Column(min_width=160):
                self.seed = RawNumber(0, label=SEED.name, info="The same seed gives the same samples.")
                shuffle = gr.Button("New seed", elem_id="shuffle-button", size="sm")
            with gr.Column(min_width=200):
                self.other = OtherModels.beside(work.library, work.library.default, elem_id="sample-compare-with")
                self.beside = gr.Checkbox(True, label="Beside the prior, with the same noise", visible=False)
        with gr.Row(elem_id="sample-results"):
            with gr.Column(scale=3, min_width=300):
                self.samples = SampleGrid(
                    server=[questions.sample, questions.decode], address=f"{NAME}.pick", elem_id="samples"
                )
            with gr.Column(scale=2, min_width=320):
                self.hint = gr.Markdown(words(NAME, "hint"), elem_classes="empty")
                self.sent = gr.State(None)
                with gr.Column(visible=False) as self.detail:
                    self.large = large_picture("sample-selected", "Sample")
                    with gr.Row(elem_classes="send"):
                        gr.Markdown("From here", elem_classes="caption")
                        self.vary = gr.Button("Directions", size="sm", min_width=0, elem_id="sample-vary")
                        self.walk = gr.Button("Sample around it", size="sm", min_width=0, elem_id="sample-walk")
                    work.send_buttons(self.sent, "centre")
        said = words("training", "sample", count=MOMENT_SAMPLES)
        self.training = ThroughTraining(work, NAME, said, samples)
        gr.Markdown("### The data's latents against the prior")
        self.plot = gr.HTML(elem_id="aggregate")
        self.unmapped = gr.Markdown(visible=False, elem_classes="caption")
        self.numbers = [self.count, self.temperature, self.seed]
        self.selection = [self.hint, self.detail, self.large, self.sent]
        shown = [self.distribution, self.preset, self.labels, self.samples, self.beside, self.other]
        self.answers = [self.samples, self.labels, self.beside, self.other, *self.numbers, *self.training.parts]
        self.parts = [*shown, *self.numbers, *self.selection, *self.training.parts]
        self.distribution.input(lambda: None, None, self.preset, queue=False, **QUIET)
        shuffle.click(lambda: random.randrange(1_000_000), None, self.seed, **QUIET)
        gr.on([self.seed.submit, self.seed.blur], fill_empty, self.seed, self.seed, **NEWEST)

    def offers(self, model: OpenModel, distribution: str, others: Sequence[str]) -> Updates:
        """The inputs that this distribution has, alone or compared with other models'."""
        has_labels = distribution == Flow.name and bool(sample.promptable(model))
        has_beside = distribution != StandardNormal.name and not others
        return {self.beside: gr.update(visible=has_beside), self.labels: gr.update(visible=has_labels)}

    def asked(
        self,
        model: OpenModel,
        distribution: str | None,
        labels: Sequence[str] | None,
        beside: bool,
        others: Sequence[str],
        numbers,
    ) -> Updates:
        models, names = OtherModels.with_picked(self._library, model.name, others)
        is_comparing = len(models) > 1
        distribution = distribution or sample.opening(model)
        taken = [limits.take(typed) for limits, typed in zip((COUNT, TEMPERATURE, SEED), numbers, strict=True)]
        corrected = {
            box: number for box, number, typed in zip(self.numbers, taken, numbers, strict=True) if number != typed
        }
        if is_comparing:
            panels = [panel_of(one, distribution, labels, name) for one, name in zip(models, names, strict=True)]
        else:
            both = beside and distribution != StandardNormal.name
            kinds = [StandardNormal.name, distribution] if both else [distribution]
            panels = [panel_of(model, kind, labels) for kind in kinds]
        updates = self.offers(model, distribution, others) | corrected | self.training.of(models, *taken)
        updates[self.samples] = SampleGrid.payload(panels, *taken)
        said = noise_in_words(models) if is_comparing else ""
        updates[self.other] = OtherModels.of(self._library, models, others, info=said)
        kept = LabelChoice.kept(model, labels)
        if [*kept] != [*(labels or [])]:
            updates[self.labels]["value"] = [*kept]
            for said in LabelChoice.replaced(model, labels):
                gr.Info(html.escape(said), title="One label of each kind")
        return updates

    def of_model(
        self,
        model: OpenModel,
        distribution: str | None,
        preset: str | None,
        labels: Sequence[str] | None,
        beside: bool,
        others: Sequence[str],
        numbers,
    ) -> Updates:
        """A person's choice stays where the model has it; else it is the model's own to begin with."""
        choices = PriorRadio.choices_of(model)
        stays = distribution != preset and distribution in model.prior_titles
        distribution = distribution if stays else sample.opening(model)
        said = "" if len(choices) > 1 else f"{plain(model.info.title)} has no map, so nothing can be fitted."
        asked = self.asked(model, distribution, labels, beside, others, numbers)
        return asked | {
            self.labels: asked[self.labels] | {"choices": LabelChoice.choices_of(model)},
            self.distribution: gr.Radio(choices=choices, value=distribution, info=said),
            self.preset: None if stays else distribution,
            self.hint: gr.update(visible=True),
            self.detail: gr.update(visible=False),
            self.large: gr.Image(value=None, elem_classes=pixels_of(model)),
            self.sent: None,
        }

    def chosen(self, model: OpenModel, file: str, said: str) -> Updates:
        return {
            self.hint: gr.update(visible=False),
            self.detail: gr.update(visible=True),
            self.large: gr.Image(value=file, label=said, elem_classes=pixels_of(model)),
            self.sent: file,
        }

    def compared(self, model: OpenModel) -> Updates:
        if not model.has_atlas:
            said = words(NAME, "no_map", model=plain(model.info.title), command=code(model.atlas_command))
            return {self.plot: "", self.unmapped: gr.update(value=said, visible=True)}
        view = aggregate_view(sample.spread(model.aggregate), model.info.has_variance)
        return {self.plot: view, self.unmapped: gr.update(visible=False)}


def panel_of(model: OpenModel, distribution: str, labels: Sequence[str] | None, name: str = "") -> Panel:
    """A grid of a model's samples; from N(0, I), where the model has no such distribution.

    Args:
        model: whose samples.
        distribution: what they are drawn from.
        labels: that are asked for; those that the model does not know are left out.
        name: the model's title, where another one's grid is beside it.
    """
    titles = model.prior_titles
    kind = distribution if distribution in titles else StandardNormal.name
    asked = dict(LabelChoice.kept(model, labels).values()) if kind == Flow.name else {}
    return Panel(model, kind, ": ".join(filter(None, [name, titles[kind]])), asked)


class _Directions:
    """A latent moved along directions."""

    def __init__(self, work: Workspace, questions: Questions):
        low, high = -int(MAX_DEVIATIONS), int(MAX_DEVIATIONS)
        gr.Markdown(words(NAME, "directions", low=low, high=high))
        self.note = gr.Markdown(words(NAME, "spatial_directions"), visible=False, elem_classes="note")
        self.start = gr.Radio(STARTS, value=SELECTED, label="Start from", elem_id="direction-start")
        self.sliders = DirectionSliders(
            server=[questions.directions, questions.label_direction, questions.decode],
            address=f"{NAME}.directions",
            elem_id="directions",
        )
        moved = gr.State(None)
        work.send_buttons(moved, "centre")
        keep_picture(work.library, self.sliders.commit, moved)
        self.parts = [self.note, self.start, self.sliders]

    def of_model(self, model: OpenModel, start: dict, kind: str) -> Updates:
        return {self.note: gr.update(visible=model.info.is_spatial), self.start: kind, self.sliders: start}


class _Around:
    """The neighbourhood of a latent."""

    def __init__(self, work: Workspace, questions: Questions):
        gr.Markdown(words(NAME, "around"))
        with gr.Row():
            with gr.Column(scale=3, min_width=300):
                self.grid = LocalGrid(
                    server=[questions.local_directions, questions.decode], address=f"{NAME}.steps", elem_id="around"
                )
            with gr.Column(scale=2, min_width=320):
                work.targets["centre"].input.render()
                self.note = gr.Markdown(visible=False, elem_classes="caption")
                offer_examples(work, "Or click one of these", work.targets["centre"].input)
                self.middle = large_picture("around-middle", "The middle")
                sent = gr.State(None)
                work.send_buttons(sent, "centre")
        keep_picture(work.library, self.grid.commit, self.middle, sent)
        self._library = work.library
        self.parts = [self.grid, self.note, self.middle]

    def of_model(self, model: OpenModel, start: dict, path: str | None) -> Updates:
        said = received(self._library, model, open_subject(path)) if path else ""
        return {
            self.grid: start,
            self.note: gr.update(value=said, visible=bool(said)),
            self.middle: gr.Image(elem_classes=pixels_of(model)),
        }


def large_picture(elem_id: str, label: str) -> gr.Image:
    """A picture that a person looks at, and may download."""
    return gr.Image(
        type="filepath",
        image_mode=None,
        format="png",
        interactive=False,
        height=384,
        label=label,
        elem_id=elem_id,
        buttons=["download", "fullscreen"],
    )


def pixels_of(model: OpenModel) -> list[str]:
    """Classes of an enlarged picture."""
    return ["pixels"] if model.info.image_size <= SMALL else []


def fill_empty(seed: Any):
    """A seed box that is left empty gets a number."""
    return SEED.take(None) if seed in (None, "") else gr.skip()


# ---- Where a walk starts ----


def from_mean(model: OpenModel, kind: str = MEAN) -> dict[str, Any]:
    """The mean of the data; without a map, of the prior. Also in place of a sample, while none is selected."""
    said = "The mean of the data" if model.has_atlas else "The prior's mean"
    said += ", until you select a sample" if kind == SELECTED else ""
    return start_at(model, sample.origin(model), said)


def from_picture(library: Library, model: OpenModel, path: str) -> dict[str, Any]:
    """A picture's latent: its own if the model drew it."""
    subject = open_subject(path)
    return start_at(model, model.latent(subject), called(subject))


def find_start(library: Library, name: str, kind: str, chosen: dict | None, path: str | None) -> dict[str, Any]:
    """Where a walk starts that a person asked for by name.

    Raises:
        RequestError: there is no such start yet.
    """
    if kind == SELECTED and (chosen is None or chosen["model"]["name"] != name):
        raise RequestError("No sample of this model is selected yet. Click one in its grid first.")
    if kind == PICTURE and path is None:
        raise RequestError('There is no picture yet: add one under "Around a picture" first.')
    model = library[name]
    return chosen if kind == SELECTED else from_picture(library, model, path) if kind == PICTURE else from_mean(model)


# ---- In words ----


def noise_in_words(models: Sequence[OpenModel]) -> str:
    """What these models' samples of one number have in common."""
    shapes = [" x ".join(map(str, model.info.latent_shape)) for model in models]
    if len({*shapes}) == 1:
        return "Samples with the same number are drawn from the same noise."
    return f"Their latents differ in shape ({' and '.join(shapes)}): the seed is the same, but the noise is not."


def prior_note(model: OpenModel) -> dict:
    """Why samples of N(0, I) are not like the data, where that is plain to see: without shapes, or beside a flow's."""
    has_flow = Flow.name in model.prior_titles
    if not model.info.is_spatial:
        return gr.update(value=words(NAME, "vector_flow") if has_flow else "", visible=has_flow)
    height, width, channels = model.info.latent_shape
    note = "spatial_flow" if has_flow else "spatial"
    return gr.update(value=words(NAME, note, height=height, width=width, channels=channels), visible=True)


def how_it_works(model: OpenModel) -> str:
    """The equations behind the samples, with this model's numbers."""
    with_variance = model.info.has_variance
    parts = [
        words(NAME, "how", numbers=f"{model.info.latent_size:,}"),
        words(NAME, "aggregate" if with_variance else "aggregate_without_variance"),
    ]
    if model.has_atlas:
        parts.append("For this model:\n\n" + "\n".join(in_numbers(model)))
    parts.append(words(NAME, "fitted"))
    if Flow.name in model.prior_titles:
        parts.append(words(NAME, "flow"))
    return "\n\n".join([*parts, words(NAME, "along")])


def in_numbers(model: OpenModel) -> list[str]:
    """How the data's latents differ from the prior: lines of a list."""
    found = sample.compare(model.aggregate)
    figures = {
        "numbers": f"{found.size:,}",
        "unused": f"{found.unused:,}",
        "idle": f"{found.idle:,}",
        "off": f"{found.off_centre:,}",
        "wide": f"{found.wide:,}",
        "narrow": f"{found.narrow:,}",
        "least": f"{found.least:.2f}",
        "most": f"{found.most:.2f}",
    }
    parts = ("unused", "idle", "shape") if model.info.has_variance else ("unused", "shape")
    lines = [words(NAME, part, **figures) for part in parts]
    if found.marginal_kl is not None:
        joint = words(NAME, "joint", kl=f"{found.kl:,.1f}") if found.kl else ""
        each = f"{found.marginal_kl / found.size:.3f}"
        lines.append(words(NAME, "divergence", marginal=f"{found.marginal_kl:,.1f}", each=each, joint=joint))
    return lines
