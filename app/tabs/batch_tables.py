"""The table of many pictures: of one model, the worst first; of two, those first on which they differ most.

`OneModel` and `TwoModels` offer the same: `rows` as they are done, `ordered`, a `summary` in words, files to `save`;
what the column of `pictures` shows, and the other `columns`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.explore import batch, compare
from app.explore.opened import OpenModel
from app.words import plain


class OneModel:
    """A row for each picture, with the model's figures."""

    pictures = "in, out"

    def __init__(self, model: OpenModel):
        self.models = [model]
        self.columns = batch.COLUMNS

    def rows(self, paths: Sequence[str]) -> Iterator[batch.Row]:
        """A row for each file, as it is done."""
        return batch.reconstruct_many(*self.models, paths)

    def ordered(self, rows: Sequence[batch.Row]) -> list[batch.Row]:
        """The worst first."""
        return batch.worst_first(rows)

    def summary(self, rows: Sequence[batch.Row]) -> str:
        """What they came to, in a sentence or two."""
        return describe_batch(*self.models, batch.summarise(rows))

    def save(self, rows: Sequence[batch.Row]) -> tuple[str, str]:
        """The paths of a CSV and a ZIP."""
        return batch.save(rows, *self.models)


class TwoModels:
    """A row for each picture, with the figures of both models, whose titles differ, and the difference."""

    pictures = "in, out, out"

    def __init__(self, models: Sequence[OpenModel], titles: Sequence[str]):
        self.models, self.titles = [*models], [*titles]
        self.columns = compare.columns(titles)

    def rows(self, paths: Sequence[str]) -> Iterator[compare.Pair]:
        """A row for each file, as it is done."""
        return compare.reconstruct_pairs(*self.models, paths)

    def ordered(self, rows: Sequence[compare.Pair]) -> list[compare.Pair]:
        """Where they differ most first."""
        return compare.most_different_first(rows)

    def summary(self, rows: Sequence[compare.Pair]) -> str:
        """What they came to, in some sentences."""
        return describe_comparison(self.titles, compare.summarise(rows))

    def save(self, rows: Sequence[compare.Pair]) -> tuple[str, str]:
        """The paths of a CSV and a ZIP."""
        return compare.save(rows, self.models, self.titles)


def table_of(models: Sequence[OpenModel], titles: Sequence[str]) -> OneModel | TwoModels:
    """Of one model or two."""
    return TwoModels(models, titles) if len(models) > 1 else OneModel(models[0])


def describe_batch(model: OpenModel, summary: batch.Summary) -> str:
    """What a batch came to, in a sentence or two."""
    total = summary.count + summary.failed
    parts = [f"**{plain(model.info.title)}**: {summary.count} of {total} pictures reconstructed."]
    if summary.means:
        usual = f" (usual: {model.metrics['psnr_db']:.1f} dB)" if model.metrics else ""
        parts.append(f"On average {summary.means['psnr_db']:.1f} dB{usual}, SSIM {summary.means['ssim']:.3f}.")
    return " ".join([*parts, *_failed(summary.failed)])


def describe_comparison(titles: Sequence[str], summary: compare.Summary) -> str:
    """What a batch through two models came to, in some sentences; differences are the second's minus the first's."""
    first, second = map(plain, titles)
    parts = [
        f"**{first}** and **{second}**: {summary.count} of {summary.count + summary.failed} pictures reconstructed."
    ]
    if summary.count:
        ahead = summary.mean_difference or 0.0
        leader = second if ahead > 0 else first
        parts += [
            f"{first} is nearer to {summary.first_nearer} of them, {second} to {summary.second_nearer}; on average "
            f"{leader} by {abs(ahead):.2f} dB.",
            f"{first} does {plain(summary.worst_of_first)} worst, {second} {plain(summary.worst_of_second)}.",
            "Those on which they differ most come first.",
        ]
    return " ".join([*parts, *_failed(summary.failed)])


def _failed(count: int) -> list[str]:
    return [f"{count} could not be read: the last column says why."] if count else []
