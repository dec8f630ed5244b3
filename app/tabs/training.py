"""Through training: a slider over the moments of a training that were kept, for a picture and for samples."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.explore import through_training
from app.explore.limits import RequestError
from app.explore.opened import OpenModel
from app.explore.subject import Subject, open_subject
from app.explore.through_training import Moment
from app.kit.events import NEWEST, QUIET, Shown, explained
from app.kit.inputs import RawSlider
from app.kit.pictures import picture_url
from app.kit.workspace import Workspace
from app.words import words


class ThroughTraining:
    """A part of the page that is there where a model has two snapshots or more."""

    def __init__(self, work: Workspace):
        self._library = work.library
        with gr.Column(visible=False, elem_id="training") as self.part:
            gr.Markdown(words("reconstruct", "training"))
            self.moment = RawSlider(0, 1, value=1, step=1, label="Moment of the training", elem_id="training-moment")
            self.pictures = gr.HTML(elem_id="training-pictures")
        self.asked = gr.State(None)
        self.parts = [self.part, self.asked]
        inputs = [self.asked, self.moment, gr.State(Shown())]
        gr.on(
            [self.asked.change, self.moment.input], explained(self.draw), inputs, [self.moment, self.pictures], **NEWEST
        )

        work.refresh.moments.change(explained(self._renew), self.asked, self.parts, **QUIET)

    def _renew(self, asked: tuple | None) -> dict:
        return self.of(self._library.look_at(asked[0]), asked[1]) if asked else gr.skip()

    def of(self, model: OpenModel, path: str | None) -> dict:
        """Of a model and a picture, or None; what is drawn follows."""
        steps = through_training.steps(model) if path else []
        asked = (model.name, path, tuple(steps)) if len(steps) > 1 else None
        return {self.part: gr.update(visible=asked is not None), self.asked: asked}

    def draw(self, asked: tuple | None, index: Any, shown: Shown) -> dict:
        """What the model drew at the chosen moment; of another model, or with the slider at its end, at the last."""
        if asked is None:
            shown.values = None
            return {self.pictures: ""}
        name, path, steps = asked
        before, shown.values = shown.values, asked
        follows = before is None or before[0] != name or index == len(before[2]) - 1 != len(steps) - 1
        index = len(steps) - 1 if follows else index
        model, subject = self._library[name], open_subject(path)
        try:
            moment = through_training.look(model, subject, index)
        except OSError:
            raise RequestError("This moment of the training is not there any more.") from None
        updates: dict = {self.pictures: pictures_of(model, subject, moment, steps)}
        if before is None or before[0] != name or before[2] != steps:
            updates[self.moment] = gr.update(maximum=len(steps) - 1, value=index)
        return updates


def pictures_of(model: OpenModel, subject: Subject, moment: Moment, steps: tuple[int, ...]) -> str:
    """The picture, what the model makes of it at a moment, and samples of the same noise, as HTML."""
    size = model.info.image_size
    given = (("The picture", subject.fitted(size)), (f"Step {moment.step:,}", moment.reconstruction))
    figures = "".join(
        f'<figure><img src="{picture_url(picture)}" alt="{title}"><figcaption>{title}</figcaption></figure>'
        for title, picture in given
    )
    samples = "".join(
        f'<img src="{picture_url(picture)}" alt="Sample {k} at step {moment.step:,}">'
        for k, picture in enumerate(moment.samples)
    )
    said = f"Step {moment.step:,} of {steps[-1]:,}: {moment.psnr_db:.1f} dB PSNR."
    return (
        f'<p role="status">{said}</p><div class="training-given">{figures}</div>'
        f'<p class="caption">Samples from N(0, I), of the same noise at every moment</p>'
        f'<div class="training-samples">{samples}</div>'
    )
