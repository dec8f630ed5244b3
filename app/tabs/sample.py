"""Sample: pictures decoded from a prior, and walks from them: along directions, and to their neighbourhood."""

from __future__ import annotations

import html
import random
from collections.abc import Sequence
from typing import Any

import gradio as gr
import numpy as np
from gradio.components import Component

from app.checks import MAX_SEED, RequestError
from app.explorer import MAX_COUNT, MAX_DEVIATIONS, MAX_TEMPERATURE, Explorer
from app.library import Library
from app.tabs.common import LATEX, NEWEST, QUIET, Workspace, answered, explained
from app.widgets.aggregate_view import aggregate_view
from app.widgets.direction_sliders import DirectionSliders
from app.widgets.encoding import small_url, strip_url
from app.widgets.local_grid import LocalGrid
from app.widgets.numbers import Limits, RawNumber, RawSlider
from app.widgets.sample_grid import SampleGrid

INTRODUCTION = """Latents drawn at random, from the prior N(0, I) or from a distribution fitted to the data's latents,
decoded: pictures that were in no data set. Choose one to look at it, move it along directions, or walk around it."""

SPATIAL_NOTE = """**Why these are texture, and not photographs.** This model's latent is a map of {height} x {width}
places with {channels} numbers each. N(0, I) draws every one of them independently of its neighbours, but in the latent
of a real picture they depend on each other: that is where shapes are. The decoder turns the draw faithfully into
what it says, texture without global structure. A Gaussian or a mixture fitted to whole maps adds what varies slowly
across a picture, blurred patches of light and colour as in a photograph seen through fog, and the rest stays grain.
Latent diffusion models learn just the missing part: a prior over such maps."""

SPATIAL_DIRECTIONS_NOTE = """On this model a direction adds one fixed pattern of light and colour to the picture, like a
cross-fade: no single direction of a latent map moves or turns an object."""

DIRECTIONS_WORDS = """The principal directions of the data's latents, and a direction from one label's mean to
another's. Each strip shows what its slider passes through, from -3 to 3 standard deviations of the data."""

AROUND_WORDS = """The middle is where you are; sideways and up or down go the two directions in which the nearest
pictures of the data set differ most, one standard deviation a step. Click a picture to make it the middle."""

TITLES = {"prior": "Prior N(0, I)", "gaussian": "Gaussian fitted to the data", "mixture": "Mixture fitted to the data"}
HINT = "Click a sample: it appears here, large, and can be sent on."

COUNT = Limits("How many", 1, MAX_COUNT, whole=True)
TEMPERATURE = Limits("Temperature", 0, int(MAX_TEMPERATURE))
SEED = Limits("Seed", 0, MAX_SEED, whole=True)

STRIP_COUNT, STRIP_SIDE = 7, 64  # pictures of a strip, and their pixels
LOCAL_REACH = 2  # pictures to either side of the middle


def build(work: Workspace, tab: gr.Tab) -> dict[str, Component]:
    """Fills the tab; returns the inputs that the address bar holds, by name."""
    library, centre = work.library, work.destinations["centre"].input
    gr.Markdown(INTRODUCTION)
    note = gr.Markdown(visible=False, elem_classes="note")
    selected = gr.State(None)  # a place: see _place
    drawn = gr.State(None)
    moved = gr.State(None)  # path of the picture that the directions made
    with gr.Tabs(elem_id="sample-modes") as modes:
        with gr.Tab("Grid", id="grid"):
            distribution = gr.Radio(
                [(title, name) for name, title in TITLES.items()], value="prior", label="Drawn from",
                elem_id="sample-distribution",
            )  # fmt: skip
            with gr.Row():
                count = RawSlider(
                    1,
                    MAX_COUNT,
                    value=16,
                    step=1,
                    label="How many",
                    info="A larger grid begins with the smaller.",
                    min_width=240,
                )
                temperature = RawSlider(
                    0,
                    MAX_TEMPERATURE,
                    value=1,
                    step=0.05,
                    label="Temperature",
                    info="Scales the noise; 1 is as fitted.",
                    min_width=240,
                )
                with gr.Column(min_width=160):
                    seed = RawNumber(0, label="Seed", info="Keep it to have a grid again.")
                    shuffle = gr.Button("New seed", elem_id="shuffle-button", size="sm")
            compare = gr.Checkbox(True, label="Beside the prior, with the same noise", visible=False)
            with gr.Row():
                with gr.Column(scale=3, min_width=300):
                    grid = SampleGrid(
                        draw=answered(_draw(library), str, str, int, int, (int, float), int), elem_id="samples"
                    )
                with gr.Column(scale=2, min_width=320):
                    hint = gr.Markdown(HINT, elem_classes="empty")
                    with gr.Column(visible=False) as detail:
                        large = _large_picture("sample-selected", "Sample")
                        with gr.Row(elem_classes="send"):
                            gr.Markdown("From here", elem_classes="caption")
                            vary = gr.Button("Directions", size="sm", min_width=0, elem_id="sample-vary")
                            walk = gr.Button("Sample around it", size="sm", min_width=0, elem_id="sample-walk")
                        work.send_buttons(large, "centre")
            gr.Markdown("### The data's latents against the prior")
            plot = gr.HTML(elem_id="aggregate")
        with gr.Tab("Directions", id="directions"):
            gr.Markdown(DIRECTIONS_WORDS)
            directions_note = gr.Markdown(SPATIAL_DIRECTIONS_NOTE, visible=False, elem_classes="note")
            start = gr.Radio(
                [("The mean of the data", "mean"), ("The selected sample", "sample"), ("The picture", "picture")],
                value="mean", label="Start from", elem_id="direction-start",
            )  # fmt: skip
            sliders = DirectionSliders(
                describe=answered(_describe(library), str, str),
                strip=answered(_strip(library), str, str, (int, type(None)), (list, type(None))),
                move=answered(_move(library), str, str, list, (list, type(None)), (int, float)),
                elem_id="directions",
            )
            work.send_buttons(moved, "centre")
        with gr.Tab("Around a picture", id="around"):
            gr.Markdown(AROUND_WORDS)
            with gr.Row():
                with gr.Column(scale=3, min_width=300):
                    around = LocalGrid(
                        row=answered(_row(library), str, str, int),
                        step=answered(_step(library), str, str, int, int),
                        elem_id="around",
                    )
                with gr.Column(scale=2, min_width=320):
                    centre.render()
                    middle = _large_picture("around-middle", "The middle")
                    work.send_buttons(middle, "centre")
    with gr.Accordion("How it works", open=False):
        explanation = gr.Markdown(latex_delimiters=LATEX)

    def grid_of(name, distribution, compare, count, temperature, seed):
        kinds = ["prior", distribution] if compare and distribution != "prior" else [distribution]
        return SampleGrid.payload(
            name, [(kind, TITLES.get(kind, "")) for kind in kinds], count, temperature, seed,
            chunk=2 if library[name].is_spatial else 8,
        )  # fmt: skip

    def settle(values):
        """The numbers in the boxes, made fit; what is said of those that were not; what the boxes then show."""
        kept, sentences = zip(*(limits.settle(v) for limits, v in zip(NUMBERS, values, strict=True)), strict=True)
        for sentence in filter(None, sentences):
            gr.Warning(sentence, title="Out of range")
        return kept, [k if sentence else gr.skip() for k, sentence in zip(kept, sentences, strict=True)]

    def ask(name, distribution, compare, *numbers):
        beside = gr.update(visible=distribution != "prior")
        if None in numbers:  # a box that is being typed in
            return gr.skip(), beside, gr.skip(), gr.skip(), gr.skip()
        kept, boxes = settle(numbers)
        return grid_of(name, distribution, compare, *kept), beside, *boxes

    def draw(name, distribution, compare, count, temperature, seed, path):
        explorer = library[name]
        kept, boxes = settle([count, temperature, seed])
        kinds = TITLES if explorer.has_atlas else ["prior"]
        distribution = distribution if distribution in kinds else "prior"
        pixels = ["pixels"] if explorer.info.image_size <= 128 else []
        place = _from_picture(explorer, path) if path else None
        return (
            gr.Radio(
                choices=[(TITLES[kind], kind) for kind in kinds], value=distribution,
                info="" if explorer.has_atlas else f"{explorer.info.title} has no map, so that nothing can be fitted.",
            ),
            _spatial_note(explorer),
            gr.update(visible=explorer.is_spatial),
            grid_of(name, distribution, compare, *kept),
            *boxes,
            gr.update(visible=True),
            gr.update(visible=False),
            gr.Image(value=None, elem_classes=pixels),
            gr.Image(value=None, elem_classes=pixels),
            None,
            "picture" if place else "mean",
            _page(place or _mean(explorer)),
            _page(place or _mean(explorer)),
            name,
        )  # fmt: skip

    def explain(name):
        explorer = library[name]
        if not explorer.has_atlas:
            words = f"{explorer.info.title} has no map yet, which holds the data's latents. Make one, then reload: "
            caption = f"<p class='caption'>{html.escape(words)}<code>{html.escape(explorer.atlas_command)}</code></p>"
            return caption, _explain(explorer)
        return aggregate_view(explorer.aggregate), _explain(explorer)

    def select(start, path, event: gr.EventData):
        place = _from_sample(library, event._data)
        explorer = library[place["model"]]
        saved = explorer.save_picture(explorer.kept(place["token"]), place["file"])
        return (
            place,
            gr.update(visible=False),
            gr.update(visible=True),
            gr.update(value=saved, label=place["start"]),
            _page(place) if start == "sample" else gr.skip(),
            gr.skip() if path else _page(place),
        )

    def begin(name, kind, place, path):
        """The start of the directions, which the page may not have yet."""
        if kind == "sample" and (place is None or place["model"] != name):
            raise RequestError("There is no selected sample yet: click one in the grid first.")
        if kind == "picture" and path is None:
            raise RequestError('There is no picture yet: add one under "Around a picture" first.')
        explorer = library[name]
        found = place if kind == "sample" else _from_picture(explorer, path) if kind == "picture" else _mean(explorer)
        return _page(found)

    def vary_selected(name, place):
        return gr.Tabs(selected="directions"), "sample", begin(name, "sample", place, None)

    def walk_selected(name, place):
        return gr.Tabs(selected="around"), begin(name, "sample", place, None)

    def take_picture(name, path, place, kind):
        explorer = library[name]
        if path is None:
            known = place if place and place["model"] == name else _mean(explorer)
            leaves = kind == "picture"
            return (
                _page(known),
                "mean" if leaves else gr.skip(),
                _page(_mean(explorer)) if leaves else gr.skip(),
                gr.skip(),
            )
        found = _page(_from_picture(explorer, path))
        return found, "picture", found, gr.Tabs(selected="around")

    def save_moved(event: gr.EventData):
        data = event._data or {}
        explorer = library[_text(data, "model")]
        token, coefficients = _text(data, "token"), data.get("coefficients")
        latent = _moved(explorer, token, coefficients, data.get("labels"), data.get("towards"))
        return explorer.save_picture(latent, "moved")

    def save_middle(event: gr.EventData):
        data = event._data or {}
        explorer = library[_text(data, "model")]
        steps = Limits("steps", 0, 10_000, whole=True).settle(data.get("steps"))[0]
        return explorer.save_picture(explorer.kept(_text(data, "token")), f"around-step-{steps}")

    boxes, walks = [count, temperature, seed], [start, sliders, around]
    shuffle.click(lambda: random.randrange(1_000_000), None, seed, **QUIET)
    gr.on(
        [seed.submit, seed.blur], lambda value: gr.skip() if value is not None else settle_empty(), seed, seed, **NEWEST
    )
    gr.on(
        [distribution.input, compare.input, count.change, temperature.change, seed.change],
        explained(ask),
        [work.model, distribution, compare, *boxes],
        [grid, compare, *boxes],
        **NEWEST,
    )
    chosen = grid.select(explained(select), [start, centre], [selected, hint, detail, large, sliders, around], **NEWEST)
    # On a narrow screen it is below the grid.
    chosen.success(
        None, None, None, js="() => document.querySelector('#sample-selected').scrollIntoView({block: 'nearest'})"
    )
    start.input(explained(begin), [work.model, start, selected, centre], sliders, **NEWEST)
    vary.click(explained(vary_selected), [work.model, selected], [modes, start, sliders], **QUIET)
    walk.click(explained(walk_selected), [work.model, selected], [modes, around], **QUIET)
    centre.change(
        explained(take_picture), [work.model, centre, selected, start], [around, start, sliders, modes], **NEWEST
    )
    sliders.settle(explained(save_moved), None, moved, **NEWEST)
    around.settle(explained(save_middle), None, middle, **NEWEST)
    drawn.change(explained(explain), drawn, [plot, explanation], **QUIET)
    work.keep_drawn(
        tab,
        draw,
        [distribution, compare, *boxes, centre],
        [distribution, note, directions_note, grid, *boxes, hint, detail, large, middle, selected, *walks, drawn],
        show_progress="hidden",
    )
    return {"from": distribution, "count": count, "temperature": temperature, "seed": seed, "centre": centre}


NUMBERS = (COUNT, TEMPERATURE, SEED)


def settle_empty() -> int:
    """The seed of an empty box."""
    kept, sentence = SEED.settle(None)
    gr.Warning(sentence, title="Out of range")
    return kept


def _large_picture(elem_id: str, label: str) -> gr.Image:
    return gr.Image(
        type="filepath", image_mode=None, format="png", interactive=False, height=384, label=label,
        elem_id=elem_id, buttons=["download", "fullscreen"],
    )  # fmt: skip


# ---- Places: where a walk starts. {"model", "token": of the latent that Explorer holds, "start": words} ----


def _place(explorer: Explorer, latent: np.ndarray, words: str) -> dict[str, Any]:
    return {"model": explorer.name, "token": explorer.keep(latent), "start": words}


def _page(place: dict[str, Any]) -> dict[str, Any]:
    """What a widget gets of a place."""
    return {name: place[name] for name in ("model", "token", "start")}


def _mean(explorer: Explorer) -> dict[str, Any]:
    if not explorer.has_atlas:
        return _place(explorer, np.zeros(explorer.info.latent_shape), "The prior's mean")
    return _place(explorer, explorer.principal.mean, "The mean of the data")


def _from_picture(explorer: Explorer, path: str) -> dict[str, Any]:
    return _place(explorer, explorer.encode(path), "Your picture")


def _from_sample(library: Library, data: Any) -> dict[str, Any]:
    """The sample that a page says was chosen."""
    data = data if isinstance(data, dict) else {}
    explorer = library[_text(data, "model")]
    kind, temperature, seed, index = (data.get(name) for name in ("distribution", "temperature", "seed", "index"))
    latent = explorer.sample_latents(1, temperature, seed, kind, index)[0]
    drawn = "" if kind == "prior" else f"{kind}-"
    cooled = "" if temperature == 1 else f"-temperature-{float(temperature):g}"
    words = f"Sample {int(index) + 1} of seed {int(seed)}" + (f", {kind}" if drawn else "")
    file = f"{drawn}seed-{int(seed)}{cooled}-sample-{int(index) + 1}"
    return _place(explorer, latent, words) | {"file": file}


def _text(data: dict, name: str) -> str:
    if not isinstance(data.get(name), str):
        raise RequestError(f"{name} is missing. Reload the page.")
    return data[name]


# ---- Server functions ----


def _draw(library: Library):
    def draw(model, distribution, first, count, temperature, seed):
        pictures = library[model].sample(count, temperature, seed, distribution, first)
        return {"pictures": [small_url(picture) for picture in pictures]}

    return draw


def _describe(library: Library):
    def describe(model, token):
        explorer = library[model]
        shares = explorer.principal.shares
        return {"directions": [{"share": float(share)} for share in shares], "choices": explorer.label_choices}

    return describe


def _strip(library: Library):
    def strip(model, token, row, labels):
        explorer = library[model]
        start, pictures = explorer.kept(token), []
        count = len(explorer.principal.directions)
        if row is not None and not 0 <= row < count:
            raise RequestError(f"row is {row}; it must be a number from 0 to {count - 1}.")
        for place in np.linspace(-MAX_DEVIATIONS, MAX_DEVIATIONS, STRIP_COUNT):
            coefficients = [] if row is None else [0] * row + [place]
            towards = place if row is None else 0
            pictures.append(explorer.decode(explorer.move(start, coefficients, _labels(labels), towards)))
        answer = {"sheet": strip_url(pictures, STRIP_SIDE)}
        if row is None and labels:
            answer["apart"] = explorer.label_direction(*_labels(labels))[1]
        return answer

    return strip


def _move(library: Library):
    def move(model, token, coefficients, labels, towards):
        explorer = library[model]
        picture = explorer.decode(_moved(explorer, token, coefficients, labels, towards))
        return {"picture": small_url(picture), "side": picture.width}

    return move


def _moved(explorer: Explorer, token: str, coefficients: Any, labels: Any, towards: Any) -> np.ndarray:
    if not isinstance(coefficients, list):
        raise RequestError("The sliders' places are missing. Reload the page.")
    return explorer.move(explorer.kept(token), coefficients, _labels(labels), towards)


def _labels(labels: Any) -> tuple[str, str, str] | None:
    if labels is None:
        return None
    if not isinstance(labels, list) or len(labels) != 3 or not all(isinstance(label, str) for label in labels):
        raise RequestError("Choose two different labels of one column.")
    return tuple(labels)


def _row(library: Library):
    def row(model, token, y):
        explorer = library[model]
        latents = _beside(explorer, token, range(-LOCAL_REACH, LOCAL_REACH + 1), y)
        return {"pictures": [small_url(explorer.decode(latent)) for latent in latents]}

    return row


def _step(library: Library):
    def step(model, token, x, y):
        explorer = library[model]
        return {"token": explorer.keep(_beside(explorer, token, [x], y)[0])}

    return step


def _beside(explorer: Explorer, token: str, xs: Sequence[int], y: int) -> list[np.ndarray]:
    """Latents in one row of the square around a place."""
    if max(map(abs, [*xs, y])) > LOCAL_REACH:
        raise RequestError(f"The square ends {LOCAL_REACH} pictures from its middle.")
    middle = explorer.kept(token)
    directions = explorer.local_directions(middle)
    return [directions.move(middle, [x, y]) for x in xs]


# ---- Words ----


def _spatial_note(explorer: Explorer) -> dict:
    if not explorer.is_spatial:
        return gr.update(visible=False)
    height, width, channels = explorer.info.latent_shape
    return gr.update(value=SPATIAL_NOTE.format(height=height, width=width, channels=channels), visible=True)


def _explain(explorer: Explorer) -> str:
    """How it works, with the numbers of this model."""
    size = int(np.prod(explorer.info.latent_shape))
    parts = [
        "A sample is a latent drawn at random, put through the decoder; the temperature T scales its noise:",
        r"$$z = T\,\epsilon,\quad \epsilon \sim \mathcal{N}(0, I),\qquad x = \mathrm{decoder}(z)$$",
        f"Here z has {size:,} numbers. The decoder never saw z from N(0, I), though: in training it saw the latents of "
        "pictures, whose distribution over the whole data set is the *aggregate posterior*,",
        r"$$q(z) = \frac{1}{N} \sum_{n=1}^{N} q(z \mid x_n)$$",
        r"$$\mathrm{Cov}_q[z] = \mathrm{Cov}[\mu(x)] + \mathbb{E}[\mathrm{diag}\,\sigma^2(x)]$$",
        "The ELBO pulls each posterior towards N(0, I), and so their mixture too, but only in part. Where q(z) and the "
        "prior differ, the prior draws latents that belong to no picture, and the decoder has to make something up.",
    ]
    if explorer.has_atlas:
        parts += _numbers(explorer)
    parts += [
        "The fitted Gaussian draws with the covariance C of q(z), the mixture first picks one of its components k:",
        r"$$z = m + C^{1/2}\,T\epsilon \qquad\text{or}\qquad k \sim w,\quad z = m_k + C_k^{1/2}\,T\epsilon$$",
        "One seed gives all of them the same noise ε, so that their pictures can be compared one by one (fitting a "
        "density after training: [Ghosh et al. 2020](https://arxiv.org/abs/1903.12436)). A walk along directions is",
        r"$$z = z_0 + \sum_j c_j\,s_j\,u_j$$",
        "with the sliders' numbers c, the data's standard deviations s, and its principal directions u (GANSpace, "
        "[Härkönen et al. 2020](https://arxiv.org/abs/2004.02546)).",
    ]
    return "\n\n".join(parts)


def _numbers(explorer: Explorer) -> list[str]:
    aggregate = explorer.aggregate
    kl = aggregate.marginal_kl
    off = np.abs(aggregate.mean) > 0.2
    wide, narrow = aggregate.deviation > 1.2, aggregate.deviation < 0.8
    idle = int((aggregate.posterior_deviation > 0.9 * aggregate.deviation).sum())
    lines = [
        f"- {aggregate.mean.size:,} numbers; {aggregate.is_unused.sum():,} of them are unused: the encoder's mean "
        f"hardly moves (variance below 0.01). In {idle:,} the posterior is nearly as wide as all data (above 90%), so "
        "that they tell little about a picture.",
        f"- {off.sum():,} have a mean more than 0.2 from 0; {wide.sum():,} are wider than 1.2, {narrow.sum():,} "
        f"narrower than 0.8. Deviations run from {aggregate.deviation.min():.2f} to {aggregate.deviation.max():.2f}.",
        f"- Number by number, KL(q(z) || N(0, I)) is {kl.sum():,.1f} nats, {kl.mean():.3f} for one on average. What "
        "the numbers tell of each other comes on top; a prior of independent numbers knows nothing of it"
        + (
            f": as one Gaussian, with all correlations, q(z) is {aggregate.kl:,.1f} nats from it."
            if aggregate.kl
            else "."
        ),
    ]
    return ["For this model:\n\n" + "\n".join(lines)]
