"""Through training: a slider over the moments of a training that were kept, in Reconstruct, Interpolate and Sample."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import gradio as gr
from PIL import Image

from app.explore import through_training
from app.explore.limits import check_whole
from app.explore.opened import OpenModel
from app.explore.subject import open_subject
from app.explore.through_training import Moment
from app.kit.events import NEWEST, QUIET, REFUSALS, Shown, explained
from app.kit.inputs import RawSlider
from app.kit.pictures import picture_url
from app.kit.workspace import Workspace

SAMPLES_BESIDE = 8  # beside a reconstruction
MODEL_NAMED = 2  # from so many models on, each is named


class Asked(NamedTuple):
    """What a tab shows through training.

    Attributes:
        names: of the models that are picked in it, of which some may have no such moments.
        steps: that the slider goes over: those of all their moments.
        question: what else its `look` takes.
    """

    names: tuple[str, ...]
    steps: tuple[int, ...]
    question: tuple


# Of a model, a step, and what else a tab asks about: what the model drew at the nearest moment, as HTML.
Look = Callable[..., tuple[Moment, str]]


class ThroughTraining:
    """A part of a tab that is there where a model has two snapshots or more; several models are side by side.

    Args:
        work: what the tabs share.
        tab: its id, with which those of the part's components begin.
        introduction: what the part shows, in Markdown.
        look: draws a moment.
    """

    def __init__(self, work: Workspace, tab: str, introduction: str, look: Look):
        self._library, self._look = work.library, look
        with gr.Column(visible=False, elem_id=f"{tab}-training") as self.part:
            gr.Markdown(introduction)
            self.moment = RawSlider(
                0, 1, value=1, step=1, label="Moment of the training", elem_id=f"{tab}-training-moment"
            )
            self.pictures = gr.HTML(elem_id=f"{tab}-training-pictures", elem_classes="training-pictures")
        self.asked = gr.State(None)
        self.parts = [self.part, self.asked]
        inputs = [self.asked, self.moment, gr.State(Shown())]
        gr.on(
            [self.asked.change, self.moment.input], explained(self.draw), inputs, [self.moment, self.pictures], **NEWEST
        )
        renew = explained(self._renew)
        # Of each tab that has this part: none of them may call the others again, as those that keep the last call do.
        work.refresh.moments.change(renew, self.asked, self.parts, trigger_mode="multiple", **QUIET)

    def _renew(self, asked: Asked | None) -> dict:
        return self.of([self._library.look_at(name) for name in asked.names], *asked.question) if asked else gr.skip()

    def of(self, models: Sequence[OpenModel], *question: Any) -> dict:
        """Of these models and what the tab asks about, or of nothing; what is drawn follows."""
        steps = through_training.steps(*_with_moments(models))
        asked = Asked(tuple(model.name for model in models), tuple(steps), question) if question else None
        return {self.part: gr.update(visible=bool(asked and steps)), self.asked: asked}

    def draw(self, asked: Asked | None, index: Any, shown: Shown) -> dict:
        """What the models drew at the chosen moment; of others, or with the slider at its end, at the last."""
        before = shown.values
        if not (asked and asked.steps):
            shown.values = None
            return {self.pictures: ""}
        last = len(asked.steps) - 1
        if before is None or before.names != asked.names:
            index = last
        elif before.steps == asked.steps:
            index = check_whole("The moment", index, 0, last)
        else:  # the slider is still the one over the steps before
            index = check_whole("The moment", index, 0, len(before.steps) - 1)
            was_last = index == len(before.steps) - 1
            index = last if was_last else _nearest(asked.steps, before.steps[index])
        updates: dict = {self.pictures: self._at(asked, asked.steps[index])}
        shown.values = asked
        if before is None or before[:2] != asked[:2]:
            updates[self.moment] = gr.update(maximum=last, value=index)
        return updates

    def _at(self, asked: Asked, step: int) -> str:
        models = [self._library[name] for name in asked.names]
        kept = _with_moments(models)
        columns = [self._column(model, step, asked.question, is_named=len(models) >= MODEL_NAMED) for model in kept]
        without = (html.escape(self._library.title(model.name)) for model in models if model not in kept)
        said = "".join(f'<p class="caption">{title} keeps no moments of its training.</p>' for title in without)
        return f'<div class="training-models">{"".join(columns)}</div>{said}'

    def _column(self, model: OpenModel, step: int, question: tuple, is_named: bool) -> str:
        title = html.escape(self._library.title(model.name))
        heading = f"<h4>{title}</h4>" if is_named else ""
        try:
            moment, pictures = self._look(model, step, *question)
        except REFUSALS as error:  # what another model drew is shown all the same
            return f'<section aria-label="{title}">{heading}<p role="status">{html.escape(str(error))}</p></section>'
        said = f"Step {moment.step:,} of {moment.last:,}"
        said += "." if moment.psnr_db is None else f": {moment.psnr_db:.1f} dB PSNR."
        return f'<section aria-label="{title}">{heading}<p role="status">{said}</p>{pictures}</section>'


def _nearest(steps: Sequence[int], step: int) -> int:
    return min(range(len(steps)), key=lambda index: abs(steps[index] - step))


def _with_moments(models: Sequence[OpenModel]) -> list[OpenModel]:
    return [model for model in models if len(through_training.steps(model)) > 1]


# ---- What a tab looks at ----


def picture_and_samples(model: OpenModel, step: int, path: str) -> tuple[Moment, str]:
    """A picture, what the model makes of it, and samples of the same noise."""
    subject = open_subject(path)
    moment = through_training.reconstruction(model, step, subject)
    beside = through_training.samples(model, step, SAMPLES_BESIDE, 1, 0)
    given = (("The picture", subject.fitted(model.info.image_size)), (f"Step {moment.step:,}", moment.drawn[0]))
    figures = "".join(
        f"<figure>{_image(picture, title)}<figcaption>{title}</figcaption></figure>" for title, picture in given
    )
    said = '<p class="caption">Samples from N(0, I), of the same noise at every moment</p>'
    return moment, f'<div class="training-given">{figures}</div>{said}{_row(beside, "Sample")}'


def samples(model: OpenModel, step: int, count: int, temperature: float, seed: int) -> tuple[Moment, str]:
    """The first dozen of a sheet's samples, from N(0, I)."""
    moment = through_training.samples(model, step, count, temperature, seed)
    return moment, _row(moment, "Sample")


def walk(model: OpenModel, step: int, a: str, b: str, method: str) -> tuple[Moment, str]:
    """The way from one picture to another, which the model of the moment encodes too."""
    moment = through_training.between(model, step, open_subject(a), open_subject(b), method)
    return moment, _row(moment, "From A to B, picture", "training-walk")


def _row(moment: Moment, words: str, kind: str = "training-samples") -> str:
    drawn = (
        _image(picture, f"{words} {number} at step {moment.step:,}") for number, picture in enumerate(moment.drawn, 1)
    )
    return f'<div class="{kind}">{"".join(drawn)}</div>'


def _image(picture: Image.Image, words: str) -> str:
    return f'<img src="{picture_url(picture)}" alt="{words}">'
