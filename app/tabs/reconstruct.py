"""Reconstruct: a picture through the model and back, looked at from all sides; or many of them, as a table."""

from __future__ import annotations

import time

import gradio as gr
from gradio.components import Component
from gradio.processing_utils import save_pil_to_cache

from app import batch
from app.checks import MAX_SEED, RequestError
from app.explorer import MAX_TEMPERATURE, Explorer, Reconstruction
from app.library import Library
from app.tabs.common import LATEX, NEWEST, QUIET, Workspace, explained
from app.widgets.comparison import Comparison
from app.widgets.encoding import strip_url
from app.widgets.heat_maps import HeatMaps
from app.widgets.latent_editor import KNOWN_WELL, LatentEditor
from app.widgets.numbers import Limits, RawNumber, RawSlider
from app.widgets.tiles import metric_tiles
from vae.checkpoint import ModelFolderError
from vae.losses import L1SSIM

INTRODUCTION = """Drop in a picture: the encoder squeezes it into the latent, the decoder draws it again from that
alone. What comes back is what the model can say about it; what is lost, it has no words for."""

EMPTY = """Drop a picture on the left, of at most 30 MB and 64 megapixels, or click an example: its reconstruction
appears here."""
EMPTY_TABLE = f"""Drop up to {batch.MAX_FILES} pictures: a table of how well each is reconstructed appears here, the
worst first. Each is decoded from the mean of its posterior."""
TABLE_WORDS = "Click a row to look at its picture. A column's ⋮ sorts by it."
NO_FILES = "There are no pictures yet: drop some into the box, or click it."
THUMBNAIL_SIDE = 48
SAME_MODEL = "This is the model itself: choose another one to compare it with."
SECONDS_BETWEEN_TABLES = 1.0

TEMPERATURE = Limits("Temperature", 0, int(MAX_TEMPERATURE))
SEED = Limits("Seed", 0, MAX_SEED, whole=True)


def build(work: Workspace, tab: gr.Tab) -> dict[str, Component]:
    """Fills the tab; returns the inputs that the address bar holds, by name."""
    gr.Markdown(INTRODUCTION)
    with gr.Tabs() as pages:
        with gr.Tab("One picture", id="one"):
            workings, other = _build_one(work, tab)
        with gr.Tab("Many pictures", id="many"):
            _build_many(work)
    picture = work.destinations["picture"].input  # may be sent from another tab while the table is open
    picture.change(
        lambda path: gr.Tabs(selected="one") if path else gr.skip(), picture, pages, trigger_mode="multiple", **QUIET
    )
    with gr.Accordion("How it works", open=False, elem_id="reconstruct-workings"):
        workings.render()
    return {"picture": picture, "compare": other}


def _build_one(work: Workspace, tab: gr.Tab) -> tuple[gr.Markdown, gr.Dropdown]:
    """A picture on the left, what became of it on the right.

    Returns:
        The explanation with this picture's numbers, and the model to compare with.
    """
    library = work.library
    picture = work.destinations["picture"].input
    workings = gr.Markdown(describe_workings(library[library.default], None, 0), latex_delimiters=LATEX, render=False)
    with gr.Row(elem_id="reconstruct-one"):  # on a phone, what became of it comes before the settings
        with gr.Column(elem_classes="given"):
            picture.render()
            work.examples("Or click one of these", picture, elem_id="reconstruct-examples")
        with gr.Column(elem_classes="found"):
            empty = gr.Markdown(EMPTY, elem_classes="empty")
            with gr.Column(visible=False) as result:
                note = gr.Markdown(visible=False, elem_classes="note")
                with gr.Row():
                    with gr.Column(min_width=280):
                        title = gr.Markdown(visible=False)
                        first = _Views(library, "")
                    with gr.Column(min_width=280, visible=False) as beside:
                        second_title = gr.Markdown()
                        with gr.Column() as second_views:
                            second = _Views(library, "second-")
        with gr.Column(elem_classes="settings"):
            temperature = RawSlider(
                0, MAX_TEMPERATURE, value=0, step=0.05, label="Posterior temperature",
                info="0 decodes the most likely latent; 1 a sample of what the encoder thinks possible.",
            )  # fmt: skip
            seed = RawNumber(
                0, label="Seed", placeholder="0",
                info=f"Which sample: a whole number from 0 to {MAX_SEED}. Only matters above temperature 0.",
            )  # fmt: skip
            choices = [("None", ""), *((library.info(name).title, name) for name in library.names)]
            other = gr.Dropdown(choices, value="", label="Compare with", elem_id="compare-with")
    with gr.Column(visible=False) as latent_part:
        gr.Markdown("### The latent")
        editor = LatentEditor(
            edit=lambda name, path, edits, temperature, seed: library[name].edit(path, edits, temperature, seed),
            elem_id="latent",
        )
        work.send_buttons(picture, "picture")
        edited = gr.State(None)
        with gr.Column(visible=False, elem_id="send-edited") as send_edited:
            gr.Markdown("And the picture of the edited latent:", elem_classes="caption")
            work.send_buttons(edited)

    def reconstruct(name, path, temperature, seed, other):
        explorer = library[name]
        hidden = gr.update(visible=False)
        if path is None:
            nothing = [gr.update(visible=True), hidden, hidden, hidden, hidden, None, hidden]
            words = describe_workings(explorer, None, 0)
            return *nothing, words, *_Views.nothing(), *_Views.nothing(), hidden, hidden, gr.skip(), gr.skip()
        numbers = temperature, seed
        # An empty box is one that is being typed in.
        temperature, seed = (
            0 if value in (None, "") else limits.take(value)
            for limits, value in zip((TEMPERATURE, SEED), numbers, strict=True)
        )
        corrected = [
            gr.skip() if given in (None, "", taken) else taken
            for given, taken in zip(numbers, (temperature, seed), strict=True)
        ]
        made = explorer.reconstruct(path, temperature, seed)
        latent = LatentEditor.payload(
            name, path, temperature, seed, made.reconstruction, made.latent, made.posterior_deviation
        )
        comparing = bool(other) and other != name
        opposite = library[other].reconstruct(path, temperature, seed) if comparing else None
        return (
            hidden,
            gr.update(visible=True),
            gr.update(visible=True),
            gr.update(value=made.note, visible=bool(made.note)),
            gr.update(value=_title(explorer), visible=comparing),
            latent,
            gr.update(visible=bool(other)),
            describe_workings(explorer, made, temperature),
            *_Views.of(explorer, path, made, opposite),
            *(_Views.of(library[other], path, opposite, made) if comparing else _Views.nothing()),
            gr.update(value=_title(library[other], explorer) if comparing else SAME_MODEL, visible=bool(other)),
            gr.update(visible=comparing),
            *corrected,
        )

    def keep_edited(event: gr.EventData):
        if not getattr(event, "edits", None):
            return None, gr.update(visible=False)
        name, path, edits, temperature, seed = LatentEditor.edit_of(event)
        made = library[name].edit(path, edits, temperature, seed)
        return save_pil_to_cache(made, picture.GRADIO_CACHE, "edited", "png"), gr.update(visible=True)

    inputs = [picture, temperature, seed, other]
    outputs = [
        empty, result, latent_part, note, title, editor, beside, workings, *first.outputs, *second.outputs,
        second_title, second_views, temperature, seed,
    ]  # fmt: skip
    changes = [picture.change, temperature.change, seed.change, other.input]
    work.keep_drawn(tab, reconstruct, inputs, outputs, changes, show_progress="minimal")
    editor.settle(explained(keep_edited), None, [edited, send_edited], **NEWEST)
    return workings, other


class _Views:
    """What is shown of one model's reconstruction: input against output, figures, error and uncertainty."""

    def __init__(self, library: Library, prefix: str):
        self.comparison = Comparison(elem_id=f"{prefix}comparison")
        self.tiles = gr.HTML(elem_id=f"{prefix}metrics")
        self.maps = HeatMaps(
            uncertainty=lambda name, path: library[name].uncertainty(path), elem_id=f"{prefix}heat-maps"
        )
        self.outputs = [self.comparison, self.tiles, self.maps]

    @staticmethod
    def of(explorer: Explorer, path: str, made: Reconstruction, beside: Reconstruction | None) -> tuple:
        """Values for `outputs`; `beside` is what the other model made of the picture."""
        return (
            Comparison.payload(made.picture, made.reconstruction, f"{explorer.name}-reconstruction.png"),
            metric_tiles(made, explorer.metrics),
            HeatMaps.payload(explorer.name, path, made.error, beside.error if beside else None),
        )

    @staticmethod
    def nothing() -> tuple:
        """Values for `outputs` that empty them."""
        return None, None, None


def _build_many(work: Workspace) -> None:
    """Files on the left, their table on the right."""
    library = work.library
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            files = gr.File(label="Pictures", file_count="multiple", height=300, elem_id="batch-files")
            start = gr.Button("Reconstruct all", variant="primary", elem_id="batch-start")
            gr.Markdown(
                f"At most {batch.MAX_FILES} files of 30 MB each. A file that is no picture gets a row that says why.",
                elem_classes="caption",
            )
        with gr.Column(scale=3, min_width=300):
            status = gr.Markdown(EMPTY_TABLE, elem_classes="empty", elem_id="batch-status")
            table = gr.Dataframe(
                headers=["in, out", *batch.COLUMNS], datatype=["html", "str", *["number"] * len(batch.METRICS), "str"],
                interactive=False, wrap=True, column_widths=[110, 140, 75, 75, 75, 85, 200], visible=False,
                show_label=False, max_height=520, elem_id="batch-table",
            )  # fmt: skip
            with gr.Row(visible=False) as downloads:
                csv = gr.DownloadButton("Download the table (CSV)", size="sm", elem_id="batch-csv")
                archive = gr.DownloadButton("Download the reconstructions (ZIP)", size="sm", elem_id="batch-zip")
    drawn = gr.State(None)  # the model whose figures they are, and the rows

    def run(name, paths):
        hidden = gr.update(visible=False)
        rows, shown_at = [], 0.0
        try:
            explorer = library[name]
            for row in batch.reconstruct_many(explorer, paths or []):
                rows.append(row)
                if time.monotonic() - shown_at > SECONDS_BETWEEN_TABLES:
                    shown_at = time.monotonic()
                    yield _note(f"{len(rows)} of {len(paths)} done…"), _table(rows), hidden, gr.skip(), gr.skip(), None
        except (RequestError, ModelFolderError) as error:
            yield _note(f"**That did not work.** {error}"), hidden, hidden, None, None, None
            return
        if not rows:
            yield gr.update(value=EMPTY_TABLE, elem_classes="empty"), hidden, hidden, None, None, None
            return
        rows = batch.worst_first(rows)
        yield (
            _note(f"{describe_batch(rows, explorer)} {TABLE_WORDS}"),
            _table(rows),
            gr.update(visible=True),
            *batch.save(rows, explorer.name),
            (name, rows),
        )

    def start_with_files(name, paths):
        if not paths:
            gr.Warning(NO_FILES, title="Nothing to reconstruct")
        yield from run(name, paths)

    def say_whose(name, drawn):
        if not drawn or drawn[0] == name:
            return gr.skip()
        before, now = library.info(drawn[0]).title, library.info(name).title
        return _note(f'These are the figures of **{before}**. Press "Reconstruct all" for those of **{now}**.')

    def look_at(drawn, event: gr.SelectData):
        shown = {_thumbnails(row): row for row in drawn[1]} if drawn else {}
        row = shown.get(event.row_value[0])
        return row.path if row else gr.skip()

    outputs = [status, table, downloads, csv, archive, drawn]
    once = {"api_visibility": "private", "show_progress": "hidden", "trigger_mode": "once"}
    start.click(start_with_files, [work.model, files], outputs, **once)
    gr.on([files.upload, files.clear, files.delete], run, [work.model, files], outputs, **once)
    work.model.change(say_whose, [work.model, drawn], status, trigger_mode="multiple", queue=False, **QUIET)
    table.select(look_at, drawn, work.destinations["picture"].input, **QUIET)


def _note(words: str):
    return gr.update(value=words, elem_classes="note")


def _table(rows: list[batch.Row]):
    return gr.update(value=[[_thumbnails(row), *row.cells()] for row in batch.worst_first(rows)], visible=True)


def _thumbnails(row: batch.Row) -> str:
    """What went in and what came out, as HTML."""
    if not row.reconstruction:
        return ""
    url = strip_url([row.picture, row.reconstruction], THUMBNAIL_SIDE)
    return f'<img src="{url}" width="{2 * THUMBNAIL_SIDE}" height="{THUMBNAIL_SIDE}" alt="">'


def describe_batch(rows: list[batch.Row], explorer: Explorer) -> str:
    """What a batch came to, in a sentence or two."""
    good = [row.metrics for row in rows if row.metrics]
    failed = len(rows) - len(good)
    parts = [f"**{explorer.info.title}**: {len(good)} of {len(rows)} pictures reconstructed."]
    if good:
        means = {name: sum(metrics[name] for metrics in good) / len(good) for name in batch.METRICS}
        usual = f" (usual: {explorer.metrics['psnr_db']:.1f} dB)" if explorer.metrics else ""
        parts.append(f"On average {means['psnr_db']:.1f} dB{usual}, SSIM {means['ssim']:.3f}.")
    if failed:
        parts.append(f"{failed} could not be read: the last column says why.")
    return " ".join(parts)


def _title(explorer: Explorer, beside: Explorer | None = None) -> str:
    size = explorer.info.image_size
    words = f"**{explorer.info.title}**, at {size} x {size}"
    if beside and beside.info.image_size != size:
        words += ": figures of a picture of another size, which compare only roughly"
    return words


def describe_workings(explorer: Explorer, made: Reconstruction | None, temperature: float) -> str:
    """How encoder, latent and decoder hang together, in equations; with a picture, also in its numbers."""
    numbers = " x ".join(map(str, explorer.info.latent_shape))
    encoder, sample, loss, bits = _live_numbers(explorer, made, temperature) if made else [""] * 4
    objective = explorer.info.objective
    equation = f"$${objective.latex}$$" if objective else "What this model was trained with is not recorded."
    active = ""
    if explorer.metrics.get("count", 0) > 1 and "active_units" in explorer.metrics:
        active = f" This model has {explorer.metrics['active_units']} of {explorer.metrics['latent_units']}."
    return rf"""
**Encoder.** For a picture $x$ it gives each of {numbers} latent numbers a normal distribution, not a value:
$$q(z \mid x) = \mathcal{{N}}\big(\mu(x),\; \mathrm{{diag}}(e^{{\log\sigma^2(x)}})\big)$$
{encoder}

**Reparameterisation.** A sample is a function of noise that does not depend on the encoder, so that the loss can be
differentiated through it; the temperature $\tau$ scales the noise:
$$z = \mu + \tau\, e^{{\log\sigma^2 / 2}} \odot \epsilon, \qquad \epsilon \sim \mathcal{{N}}(0, I)$$
{sample}

**Loss.** What the reconstruction $\hat x$ loses, and what the latent costs:
{equation}
$$\mathrm{{KL}} = \tfrac12 \sum_i \big(\sigma_i^2 + \mu_i^2 - 1 - \log\sigma_i^2\big)$$
{loss}

**Information.** The KL in bits, $\mathrm{{KL}} / \ln 2$, is what the latent says of this picture beyond what the prior
knows of any. {bits}

**Known well, and active.** A latent number is *known well* for one picture if its posterior is clearly narrower than
the prior: $\sigma_i < {KNOWN_WELL}$, which is worth about half a bit. It is *active* in a model if its mean changes
from picture to picture: over a data set, $\mathrm{{Var}}(\mu_i) > 0.01$ (Burda et al. 2016).{active} The first asks
about a picture, the second about a model; a number that is active can still be little known for one picture.
"""


def _live_numbers(explorer: Explorer, made: Reconstruction, temperature: float) -> tuple[str, ...]:
    mean, deviation, metrics = made.posterior_mean, made.posterior_deviation, made.metrics
    known = int((deviation < KNOWN_WELL).sum())
    encoder = (
        f"*This picture:* means from {mean.min():.2f} to {mean.max():.2f}, deviations from {deviation.min():.3f} to "
        f"{deviation.max():.3f}; {known:,} of {mean.size:,} numbers are known well."
    )
    sample = f"*Here:* temperature {temperature:g}" + (", so that $z = \\mu$." if temperature == 0 else ".")
    loss = ""
    objective = explorer.info.objective
    if isinstance(objective, L1SSIM):
        terms = {"l1": metrics["l1"], "ssim": metrics["ssim"], "kl": metrics["kl_nats"]}
        loss = f"*This picture:* ${objective.in_numbers(terms)}$, with the weights that the model was trained with."
    bits = (
        f"*This picture:* {metrics['kl_nats']:.1f} nats are {made.latent_bits:,.0f} bits, "
        f"{made.latent_bits / made.error.size:.3f} a pixel; its PNG takes {made.png_bits:,}."
    )
    return encoder, sample, loss, bits
