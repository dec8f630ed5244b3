"""The table of many pictures: of one model, the worst first; of several, those first on which they differ most.

`OneModel` and `SeveralModels` offer the same: `rows` as they are done, `ordered`, a `summary` in words, files to
`save`; what the column of `pictures` shows, and the other `columns`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.explore import batch, compare
from app.explore.opened import OpenModel
from app.tabs.compared import unequal_sizes
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


class SeveralModels:
    """A row for each picture, with the figures of all models, whose titles differ, and the differences."""

    def __init__(self, models: Sequence[OpenModel], titles: Sequence[str]):
        self.models, self.titles = [*models], [*titles]
        self.pictures = ", ".join(["in", *["out"] * len(models)])
        self.columns = compare.columns(titles)

    def rows(self, paths: Sequence[str]) -> Iterator[compare.Compared]:
        """A row for each file, as it is done."""
        return compare.reconstruct_compared(self.models, paths)

    def ordered(self, rows: Sequence[compare.Compared]) -> list[compare.Compared]:
        """Where they differ most first."""
        return compare.most_different_first(rows)

    def summary(self, rows: Sequence[compare.Compared]) -> str:
        """What they came to, in some sentences."""
        said = describe_comparison(self.titles, compare.summarise(rows))
        return " ".join(filter(None, [plain(unequal_sizes(self.models, self.titles)), said]))

    def save(self, rows: Sequence[compare.Compared]) -> tuple[str, str]:
        """The paths of a CSV and a ZIP."""
        return compare.save(rows, self.models, self.titles)


def table_of(models: Sequence[OpenModel], titles: Sequence[str]) -> OneModel | SeveralModels:
    """Of one model or several."""
    return SeveralModels(models, titles) if len(models) > 1 else OneModel(models[0])


def describe_batch(model: OpenModel, summary: batch.Summary) -> str:
    """What a batch came to, in a sentence or two."""
    total = summary.count + summary.failed
    parts = [f"**{plain(model.info.title)}**: {summary.count} of {total} pictures reconstructed."]
    if summary.means:
        usual = f" (usual: {model.metrics['psnr_db']:.1f} dB)" if model.metrics else ""
        parts.append(f"On average {summary.means['psnr_db']:.1f} dB{usual}, SSIM {summary.means['ssim']:.3f}.")
    return " ".join([*parts, *_failed(summary.failed)])


def describe_comparison(titles: Sequence[str], summary: compare.Summary) -> str:
    """What a batch through several models came to, in some sentences; differences are to the first."""
    first, *others = said = [*map(plain, titles)]
    total = summary.count + summary.failed
    parts = [f"{_listed([f'**{title}**' for title in said])}: {summary.count} of {total} pictures reconstructed."]
    if summary.count:
        nearest = _listed([f"{title} to {count}" for title, count in zip(said, summary.nearest, strict=True)])
        differences = _listed(
            [
                f"{title} is {abs(ahead):.2f} dB {'nearer' if ahead > 0 else 'farther'} than {first}"
                for title, ahead in zip(others, summary.mean_differences, strict=True)
            ]
        )
        worst = _listed([f"{plain(name)} by {title}" for title, name in zip(said, summary.worst, strict=True)])
        parts += [
            f"Nearest to the picture: {nearest}. On average {differences}.",
            f"Drawn worst: {worst}. Those on which they differ most come first.",
        ]
    return " ".join([*parts, *_failed(summary.failed)])


def _listed(parts: Sequence[str]) -> str:
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else parts[0]


def _failed(count: int) -> list[str]:
    return [f"{count} could not be read: the last column says why."] if count else []
