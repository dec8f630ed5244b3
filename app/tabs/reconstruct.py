"""Reconstruct: a picture through the model and back, looked at from all sides; or many of them, as a table."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from app.explore import map, reconstruct
from app.explore.batch import METRICS, Row
from app.explore.compare import Compared
from app.explore.library import Library
from app.explore.limits import KNOWN_WELL, MAX_FILE_MEGABYTES, MAX_FILES, MAX_SEED, MAX_TEMPERATURE, QUEUED_AT_ONCE
from app.explore.opened import OpenModel
from app.explore.reconstruct import Reconstruction
from app.explore.subject import Subject, open_subject
from app.kit.events import NEWEST, QUIET, REFUSALS, explained, told
from app.kit.inputs import OtherModels, PictureFiles, PictureInput, Range, RawNumber, RawSlider, own_file
from app.kit.pictures import strip_url
from app.kit.questions import Questions
from app.kit.sending import Target, drawn_picture, foreign, received
from app.kit.workspace import Workspace
from app.tabs.batch_tables import OneModel, SeveralModels, table_of
from app.tabs.compared import compared
from app.tabs.tiles import metric_tiles
from app.tabs.training import ThroughTraining, picture_and_samples
from app.widgets.comparison import Comparison
from app.widgets.examples import offer_examples
from app.widgets.heat_maps import HeatMaps
from app.widgets.latent_editor import LatentEditor
from app.words import LATEX, plain, with_terms, words
from vae.atlas import ERROR_COLUMN
from vae.images import MAX_PIXELS

NAME, TITLE = "reconstruct", "Reconstruct"

TEMPERATURE = Range("Temperature", 0, int(MAX_TEMPERATURE))
SEED = Range("Seed", 0, MAX_SEED, whole=True)
TABLE_WORDS = "Click a row to see its picture. Use a column's ⋮ to sort by it."
NO_FILES = "There are no pictures yet: drop some into the box, or click it."
KL = METRICS["kl_nats"][0]  # begins the names of its columns
THUMBNAIL_SIDE = 48
FIGURE_WIDTH = {1: 80, 2: 115, 3: 115}  # by the number of models, whose titles are in the columns' names
SECONDS_BETWEEN_TABLES = 1.0

Updates = dict[Component, Any]


def targets() -> dict[str, Target]:
    """Where this tab takes pictures."""
    picture = PictureInput("Picture", height=300, elem_id="reconstruct-picture", render=False)
    return {"picture": Target("Reconstruct", NAME, picture)}


def build(work: Workspace) -> dict[str, Component]:
    """Fills the tab; returns the inputs that the address holds."""
    picture = work.targets["picture"].input
    with gr.Row(elem_classes="with-choice"):
        gr.Markdown(words(NAME, "introduction"), elem_classes="introduction")
        other = OtherModels.beside(work.library, work.library.default, elem_id="compare-with", scale=0, min_width=240)
    with gr.Tabs() as pages:
        with gr.Tab("One picture", id="one"):
            one = _One(work, other)
        with gr.Tab("Many pictures", id="many"):
            _Many(work, other)
    # A picture may be sent from another tab while the table is open.
    picture.change(
        lambda path: gr.Tabs(selected="one") if path else gr.skip(), picture, pages, trigger_mode="multiple", **QUIET
    )
    with gr.Accordion("How it works", open=False, elem_id="reconstruct-workings"):
        one.workings.render()
    return {"view": pages, "picture": picture, "temperature": one.temperature, "seed": one.seed, "compare": other}


class _One:
    """A picture on the left, what became of it on the right, and its latent below."""

    def __init__(self, work: Workspace, other: OtherModels):
        library = self._library = work.library
        self.other = other
        picture = work.targets["picture"].input
        first = library.look_at(library.default)
        self.workings = gr.Markdown(describe_workings(first, None, 0), latex_delimiters=LATEX, render=False)
        with gr.Row(elem_id="reconstruct-one"):  # on a phone, what became of it comes before the settings
            with gr.Column(elem_classes="given"):
                picture.render()
                offer_examples(work, "Or click one of these", picture, elem_id="reconstruct-examples")
            with gr.Column(elem_classes="found"):
                self._build_found(library)
            with gr.Column(elem_classes="figures"):
                self.tiles = gr.HTML(elem_id="metrics")
            with gr.Column(elem_classes="settings"):
                self._build_settings(first)
        self.training = ThroughTraining(work, NAME, words("training", "reconstruct"), picture_and_samples)
        with gr.Column(visible=False) as self.latent_part:
            gr.Markdown("### The latent")
            self.editor = LatentEditor(
                server=[Questions(library).decode],
                address=f"{NAME}.edits",
                picture_address=f"{NAME}.picture",
                order_address=f"{NAME}.order",
                elem_id="latent",
            )
            work.send_buttons(picture, "picture")
            edited = gr.State(None)
            with gr.Column(visible=False, elem_id="send-edited") as send_edited:
                gr.Markdown("And the picture of the edited latent:", elem_classes="caption")
                work.send_buttons(edited)

        def keep_edited(event: gr.EventData):
            is_edited = told(event, "latent") is not None
            file = drawn_picture(library, event) if is_edited else None
            return {edited: file, send_edited: gr.update(visible=is_edited)}

        self.editor.commit(explained(keep_edited), None, [edited, send_edited], **NEWEST)
        inputs = [picture, self.temperature, self.seed, self.other]
        outputs = [
            *(self.empty, self.result, self.note, self.both, self.title, self.tiles),
            *(self.latent_part, self.editor, self.workings, self.temperature, self.seed, self.other),
            *self.training.parts,
            *self.first.parts,
            *(part for column, title, views in self.beside for part in (column, title, *views.parts)),
        ]
        changes = [picture.change, self.temperature.change, self.seed.change, self.other.input]
        waiting = [self.empty, self.first.comparison, self.editor]
        work.refresh.keep_drawn(
            NAME, self.draw, inputs, outputs, changes, show_progress="minimal", show_progress_on=waiting
        )

    def _build_found(self, library: Library) -> None:
        limits = {"megabytes": MAX_FILE_MEGABYTES, "megapixels": MAX_PIXELS // 1_000_000}
        self.empty = gr.Markdown(words(NAME, "empty", **limits), elem_classes="empty")
        with gr.Column(visible=False) as self.result:
            self.note = gr.Markdown(visible=False, elem_classes="note")
            self.both = gr.HTML(visible=False, elem_id="compared")
            with gr.Row():
                with gr.Column(min_width=280):
                    self.title = gr.Markdown(visible=False)
                    self.first = _Views(library, "")
                self.beside = [self._build_beside(library, prefix) for prefix in ("second-", "third-")]

    @staticmethod
    def _build_beside(library: Library, prefix: str) -> tuple[gr.Column, gr.Markdown, _Views]:
        with gr.Column(min_width=280, visible=False) as column:
            title = gr.Markdown()
            return column, title, _Views(library, prefix)

    def _build_settings(self, first: OpenModel) -> None:
        self.temperature = RawSlider(
            0,
            MAX_TEMPERATURE,
            value=0,
            step=0.05,
            label="Posterior temperature",
            info="0 decodes the most likely latent; 1 decodes a random one that the encoder considers possible.",
            visible=first.info.has_variance,
        )
        self.seed = RawNumber(
            0,
            label=SEED.name,
            placeholder="0",
            info=f"Which random latent: a whole number from 0 to {MAX_SEED}. It has no effect at temperature 0.",
            visible=first.info.has_variance,
        )

    def draw(self, name: str, path: str | None, temperature: Any, seed: Any, others: list[str]) -> Updates:
        """What the tab shows of a picture; `others` are the models to compare with."""
        models, titles = OtherModels.with_picked(self._library, name, others)
        model, comparing = models[0], len(models) > 1
        settings = self._settings(models, others)
        if path is None:
            return self._emptied(model) | settings
        # An empty box is one that is being typed in.
        typed = {self.temperature: temperature, self.seed: seed}
        taken = {
            box: limits.take(0 if typed[box] in (None, "") else typed[box])
            for box, limits in ((self.temperature, TEMPERATURE), (self.seed, SEED))
        }
        corrected = {box: gr.update(value=taken[box]) for box in typed if typed[box] not in (None, "", taken[box])}
        subject = open_subject(path)
        made = [reconstruct.reconstruct(one, subject, *taken.values()) for one in models]
        own = model.own_latent(subject)
        warning = foreign(self._library, model, subject, None if taken[self.temperature] else made[0])
        note = " ".join(filter(None, [warning, made[0].note, received_note(self._library, model, subject)]))
        return {
            self.empty: gr.update(visible=False),
            self.result: gr.update(visible=True),
            self.latent_part: gr.update(visible=True),
            self.note: gr.update(value=note, visible=bool(note)),
            self.both: gr.update(value=compared(models, titles, made) if comparing else "", visible=comparing),
            self.title: gr.update(value=_title(titles[0], model), visible=comparing),
            self.tiles: "" if comparing else metric_tiles(made[0], model.metrics),  # `compared` has all models' figures
            self.editor: edited_latent(model, subject, made[0], None if taken[self.temperature] else own),
            self.workings: describe_workings(model, made[0], taken[self.temperature]),
            **self.training.of(models, path),
            **self.first.of(models, path, made),
            **self._others(models, titles, path, made),
            **settings,
            **corrected,
        }

    def _others(self, models: list[OpenModel], titles: Sequence[str], path: str, made: list[Reconstruction]) -> Updates:
        """A column for each model but the first; those without a model are hidden."""
        updates: Updates = {}
        for k, (column, title, views) in enumerate(self.beside, 1):
            is_shown = k < len(models)
            updates[column] = gr.update(visible=is_shown)
            updates[title] = _title(titles[k], models[k]) if is_shown else ""
            updates |= views.of(models[k:] + models[:k], path, made[k:] + made[:k]) if is_shown else views.empty()
        return updates

    def _settings(self, models: Sequence[OpenModel], others: Sequence[str] | None) -> Updates:
        """Of these models: the picked one, and those of the others that count."""
        samples = any(model.info.has_variance for model in models)
        return {
            **{box: gr.update(visible=samples) for box in (self.temperature, self.seed)},
            self.other: OtherModels.of(self._library, models, others),
        }

    def _emptied(self, model: OpenModel) -> Updates:
        hidden = (self.result, self.latent_part, self.note, self.both, self.title)
        return {
            **{part: gr.update(visible=False) for part in hidden},
            self.empty: gr.update(visible=True),
            self.tiles: "",
            self.editor: None,
            self.workings: describe_workings(model, None, 0),
            **self.training.of([]),
            **self.first.empty(),
            **self._others([], [], "", []),
        }


class _Views:
    """What is shown of one model's reconstruction: input against output, error and uncertainty."""

    def __init__(self, library: Library, prefix: str):
        self.comparison = Comparison(elem_id=f"{prefix}comparison")
        self.maps = HeatMaps(server=[Questions(library).uncertainty], elem_id=f"{prefix}heat-maps")
        self.parts = [self.comparison, self.maps]

    def of(self, models: Sequence[OpenModel], path: str, all_made: Sequence[Reconstruction]) -> Updates:
        """The first model's reconstruction, beside what the other models made of the picture."""
        (model, *others), (made, *beside) = models, all_made
        file = f"{model.name}-reconstruction.png"
        errors = {other.name: each.error for other, each in zip(others, beside, strict=True)}
        return {
            self.comparison: Comparison.payload(made.picture, made.reconstruction, file, group=NAME),
            self.maps: HeatMaps.payload(model, path, made.error, errors),
        }

    def empty(self) -> Updates:
        """Nothing."""
        return dict.fromkeys(self.parts)


@dataclass
class Newest:
    """Which run of a visitor's is the newest: how many have begun."""

    number: int = 0

    def begin(self) -> int:
        """The next one's number."""
        self.number += 1
        return self.number


class _Many:
    """Files on the left, their table on the right. Of a visitor's runs, the newest goes on."""

    def __init__(self, work: Workspace, other: OtherModels):
        self._library = work.library
        with gr.Row():
            with gr.Column(scale=2, min_width=300):
                files = PictureFiles(label="Pictures", file_count="multiple", height=300, elem_id="batch-files")
                start = gr.Button("Reconstruct all", variant="primary", elem_id="batch-start")
                limits = {"files": MAX_FILES, "megabytes": MAX_FILE_MEGABYTES}
                gr.Markdown(words(NAME, "files", **limits), elem_classes="caption")
            with gr.Column(scale=3, min_width=300):
                self.status = gr.Markdown(
                    words(NAME, "empty_table", files=MAX_FILES), elem_classes="empty", elem_id="batch-status"
                )
                self.table = gr.Dataframe(
                    interactive=False,
                    wrap=True,
                    visible=False,
                    show_label=False,
                    max_height=520,
                    elem_id="batch-table",
                )
                with gr.Row(visible=False) as self.downloads:
                    self.csv = gr.DownloadButton("Download the table (CSV)", size="sm", elem_id="batch-csv")
                    self.archive = gr.DownloadButton(
                        "Download the reconstructions (ZIP)", size="sm", elem_id="batch-zip"
                    )
        self.drawn = gr.State(None)  # the models whose figures they are, and the rows' files by their keys
        newest = gr.State(Newest())
        outputs = [self.status, self.table, self.downloads, self.csv, self.archive, self.drawn]
        # A batch may take minutes: several people's go on side by side, and the readers and decoders take turns.
        # And of one person's, the newest ends the others: it does not wait for them.
        each = QUIET | {"trigger_mode": "multiple", "concurrency_limit": QUEUED_AT_ONCE}
        inputs = [newest, work.model, other, files]
        started = start.click(self.start, inputs, outputs, **each)
        changed = gr.on([files.upload, files.clear, files.delete], self.run, inputs, outputs, **each)
        saying = (explained(self.say_whose), [work.model, other, self.drawn], self.status)
        gr.on([work.model.change, other.change], *saying, trigger_mode="multiple", queue=False, **QUIET)
        for run in (started, changed):  # a model may have been picked meanwhile
            run.success(*saying, queue=False, **QUIET)
        self.table.select(self.look_at, self.drawn, work.targets["picture"].input, **QUIET)

    def start(self, newest: Newest, name: str, others: list[str], paths: list[str] | None):
        """Runs, and says so if there is nothing to run on."""
        if not paths:
            gr.Warning(NO_FILES, title="Nothing to reconstruct")
        yield from self.run(newest, name, others, paths)

    def run(self, newest: Newest, name: str, others: list[str], paths: list[str] | None):
        """Yields the table as it grows, once a second, and then the files to download; ends as another run begins."""
        rows, shown_at, number = [], 0.0, newest.begin()
        thumbnails: dict[str, str] = {}  # by path: encoded once, however often the table is shown
        try:
            models, titles = OtherModels.with_picked(self._library, name, others)
            table = table_of(models, titles)
            for row in table.rows([own_file(path) for path in paths or []]):
                if newest.number != number:
                    return
                rows.append(row)
                thumbnails[row.path] = _thumbnails(row)
                if time.monotonic() - shown_at > SECONDS_BETWEEN_TABLES:
                    shown_at = time.monotonic()
                    said = f"{len(rows)} of {len(paths)} done…"
                    yield self._cleared() | {self.status: _note(said), self.table: _filled(table, rows, thumbnails)}
        except REFUSALS as error:
            said = f"**That did not work.** {plain(str(error))}"
            yield self._cleared() | {self.status: _note(said), self.table: gr.update(visible=False)}
            return
        if not rows:
            said = gr.update(value=words(NAME, "empty_table", files=MAX_FILES), elem_classes="empty")
            yield self._cleared() | {self.status: said, self.table: gr.update(visible=False)}
            return
        rows = table.ordered(rows)
        csv, archive = table.save(rows)
        if newest.number != number:
            return
        yield {
            self.status: _note(f"{table.summary(rows)} {TABLE_WORDS}"),
            self.table: _filled(table, rows, thumbnails),
            self.downloads: gr.update(visible=True),
            self.csv: csv,
            self.archive: archive,
            self.drawn: (
                [model.name for model in models],
                {_key(thumbnails[row.path]): row.path for row in rows if row.pictures},
            ),
        }

    def _cleared(self) -> Updates:
        return {self.downloads: gr.update(visible=False), self.csv: None, self.archive: None, self.drawn: None}

    def say_whose(self, name: str, others: list[str], drawn: tuple | None):
        """Says that the table is of other models than those that are picked."""
        now = OtherModels.names(name, others)
        if not drawn or drawn[0] == now:
            return gr.skip()
        before, now = ("** and **".join(plain(self._library.title(one)) for one in names) for names in (drawn[0], now))
        return _note(f'These are the figures of **{before}**. Press "Reconstruct all" for those of **{now}**.')

    def look_at(self, drawn: tuple | None, event: gr.EventData):
        """Opens the picture of a row, which the page tells by its cells, as a person may have sorted them."""
        cells = told(event, "row_value")
        is_row = drawn and isinstance(cells, list) and cells and isinstance(cells[0], str)
        return (is_row and drawn[1].get(_key(cells[0]))) or gr.skip()


def _note(said: str) -> dict:
    return gr.update(value=said, elem_classes="note")


def _filled(table: OneModel | SeveralModels, rows: Sequence[Row | Compared], thumbnails: Mapping[str, str]) -> dict:
    """The table with these rows. Models without a variance have no KL, and so no column of it."""
    has_kl = any(model.info.has_variance for model in table.models)
    kept = [k for k, column in enumerate(table.columns) if has_kl or not column.startswith(KL)]
    middle = len(kept) - 2  # the first is the file's name, the last a note
    return gr.update(
        value=[[thumbnails[row.path], *(row.cells()[k] for k in kept)] for row in table.ordered(rows)],
        headers=[table.pictures, *(table.columns[k] for k in kept)],
        datatype=["html", "str", *["number"] * middle, "str"],
        column_widths=[
            14 + THUMBNAIL_SIDE * (1 + len(table.models)),
            120,
            *[FIGURE_WIDTH[len(table.models)]] * middle,
            160,
        ],
        visible=True,
    )


def _thumbnails(row: Row | Compared) -> str:
    """What went in and what came out, as HTML."""
    if not row.pictures:
        return ""
    url, count = strip_url(row.pictures, THUMBNAIL_SIDE), len(row.pictures)
    return f'<img src="{url}" width="{count * THUMBNAIL_SIDE}" height="{THUMBNAIL_SIDE}" alt="">'


def _key(thumbnails: str) -> str:
    """By which a visitor's session knows a row: the thumbnails of a batch themselves would take half a megabyte."""
    return hashlib.sha256(thumbnails.encode(errors="replace")).hexdigest()[:16]


def edited_latent(model: OpenModel, subject: Subject, made: Reconstruction, own) -> dict[str, Any]:
    """The editor's value: the latent that a picture was drawn from, if this model drew it; else the one decoded."""
    if own is None:
        return LatentEditor.payload(model, made.latent, made.posterior_deviation, made.reconstruction)
    return LatentEditor.payload(model, own, None, subject.fitted(model.info.image_size))


# ---- In words ----


def received_note(library: Library, model: OpenModel, subject: Subject) -> str:
    """What to make of the figures of a picture that the app drew; empty for any other picture."""
    own = model.own_latent(subject)
    if own is None:
        return received(library, model, subject)
    said = words(NAME, "drawn", model=plain(model.info.title), words=plain(subject.words))
    point = map.point_at(model, own)
    if point is None or ERROR_COLUMN not in point.numbers:
        return said
    return f"{said} {words(NAME, 'error_of_the_original', error=f'{point.numbers[ERROR_COLUMN]:.3f}')}"


def _title(title: str, model: OpenModel) -> str:
    size = model.info.image_size
    return f"**{plain(title)}**, at {size} x {size}"


def describe_workings(model: OpenModel, made: Reconstruction | None, temperature: float) -> str:
    """How encoder, latent and decoder hang together, in equations; with a picture, also in its numbers.

    What the model does not have is left out: a variance, an objective.
    """
    numbers = " x ".join(str(side) for side in model.info.latent_shape)
    if not model.info.has_variance:
        return words(NAME, "encoder_without_variance", numbers=numbers, live=_means(made))
    parts = [
        words(NAME, "encoder", numbers=numbers, live=_means(made)),
        words(NAME, "sample", live=_temperature(temperature) if made else ""),
    ]
    if model.info.objective:
        parts.append(words(NAME, "loss", objective=f"$${model.info.objective.latex}$$"))
    else:
        parts.append(words(NAME, "cost"))
    parts += [words(NAME, "kl"), _loss(model, made) if made else ""]
    active = with_terms(model.activity.in_words) if model.activity else ""
    parts += [
        words(NAME, "information", live=_bits(made) if made else ""),
        words(NAME, "known", known_well=KNOWN_WELL, active=active),
    ]
    return "\n\n".join(filter(None, parts))


def _means(made: Reconstruction | None) -> str:
    if made is None:
        return ""
    mean, deviation = made.posterior.mean, made.posterior_deviation
    said = f"*This picture:* means from {mean.min():.2f} to {mean.max():.2f}"
    if deviation is None:
        return f"{said}."
    return (
        f"{said}, deviations from {deviation.min():.3f} to {deviation.max():.3f}; {made.known_well:,} of {mean.size:,} "
        "numbers are known well."
    )


def _temperature(temperature: float) -> str:
    return f"*Here:* temperature {temperature:g}" + (r", so that $z = \mu$." if temperature == 0 else ".")


def _loss(model: OpenModel, made: Reconstruction) -> str:
    terms = reconstruct.loss_terms(model, made)
    if terms is None:
        return ""
    return f"*This picture:* ${model.info.objective.in_numbers(terms)}$, as the model was trained."


def _bits(made: Reconstruction) -> str:
    return (
        f"*This picture:* {made.metrics['kl_nats']:.1f} nats are {made.latent_bits:,.0f} bits, "
        f"{made.latent_bits / made.error.size:.3f} bits a pixel; its PNG takes {made.png_bits:,} bits."
    )
