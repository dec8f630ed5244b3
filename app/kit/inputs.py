"""Inputs: pictures, of which every path is checked, and numbers as a person or a client typed them."""

from __future__ import annotations

import html
import math
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import ListFiles
from gradio.processing_utils import save_base64_to_cache
from gradio.utils import get_upload_folder

from app.explore.library import Library
from app.explore.limits import MAX_PATH, RequestError, shown
from app.explore.opened import OpenModel
from app.explore.sample import promptable
from app.explore.subject import open_subject
from app.kit.events import NEWEST
from app.kit.examples import EXAMPLES
from app.words.labels import label_in_words
from vae.images import PictureError

GONE = "This picture is no longer here. Add it again."
REFUSED = "That did not work"  # the title of a message
MOST_OTHERS = 2  # models beside the picked one

# Gradio leaves the list of a choice of several open, over what follows from the choice, until the focus goes.
CLOSE_LIST = "() => document.activeElement?.matches('input[role=combobox]') && document.activeElement.blur()"

_EXAMPLES = frozenset(os.path.realpath(path) for path in EXAMPLES.values())


# ---- Pictures ----


def own_file(path: object) -> str:
    """The path of a file that the app may open for whoever sent it, without links in it.

    That is a regular file, in the folder where Gradio keeps what visitors upload and what the app shows, or one of the
    example pictures. Gradio itself checks paths only where the client says that they are files.

    Raises:
        RequestError: it is anything else, which means that the request is forged or the file is gone.
    """
    try:
        found = os.path.realpath(path) if isinstance(path, str) and 0 < len(path) <= MAX_PATH else ""
        is_file = stat.S_ISREG(os.lstat(found).st_mode)
    except (OSError, ValueError):  # no such file; or no path at all, as with a NUL in it
        raise RequestError(GONE) from None
    is_ours = found in _EXAMPLES or Path(found).is_relative_to(_real_folder(get_upload_folder()))
    if not is_file or not is_ours or os.path.islink(path):
        raise RequestError(GONE)
    return found


def served_file(path: str) -> str:
    """The path of a file that the app hands out, without links in it.

    Raises:
        RequestError: it hands out none of that path.
    """
    found = own_file(path)
    name = Path(found).name
    if name.startswith(".") and name.count(".") == 1:  # half written, or the app's own
        raise RequestError(GONE)
    return found


_real_folder = cache(os.path.realpath)


def readable_picture(path: object) -> str | None:
    """The path of a picture that a visitor sent; None if it cannot be read, and then the page says why."""
    try:
        found = own_file(path)
        open_subject(found)
    except (RequestError, PictureError) as error:
        gr.Warning(html.escape(str(error)), title=REFUSED)
        return None
    return found


class PictureFiles(gr.File):
    """Pictures as files. Hands their paths on."""

    is_template = True  # the front end is gr.File's own

    def preprocess(self, payload: ListFiles | None) -> list[str] | None:
        """Gradio's own, which leaves an empty file behind for each."""
        return None if payload is None else [file.path for file in payload]


class PictureFile(gr.Image):
    """A picture as a file. Hands its path on undecoded: `open_subject` decodes it, and says what is wrong with it."""

    def __init__(self, label: str, **options: Any):
        super().__init__(
            label=label,
            type="filepath",
            image_mode=None,
            sources=["upload", "clipboard", "webcam"],
            elem_classes="picture-input",
            **options,
        )

    def get_block_name(self) -> str:
        """The front end is gr.Image's own."""
        return "image"

    def get_config(self, cls=None) -> dict[str, Any]:
        """gr.Image's own: Gradio reads the names of the settings off the constructor, and this one has others."""
        return super().get_config(gr.Image)

    def preprocess(self, payload) -> str | None:
        """The path of the file that was sent, or None."""
        try:
            return self._path(payload)
        except RequestError as error:
            raise gr.Error(str(error), title=REFUSED, print_exception=False) from None

    def _path(self, payload) -> str | None:
        if payload is None:
            return None
        if payload.url and payload.url.startswith("data:"):
            try:
                return own_file(save_base64_to_cache(payload.url, self.GRADIO_CACHE))
            except (ValueError, OSError):
                raise RequestError("This picture's data URL cannot be read.") from None
        return own_file(payload.path)


class PictureInput(PictureFile):
    """A picture from disk, clipboard or camera. A file that is not one is turned away with one message.

    Handlers get the path of a picture that can be read, or None. Gradio shows an error that a handler raises over every
    one of its outputs, and hands the same file to each handler that takes it as input: so the complaint is made here,
    once for each upload, and the input is cleared.
    """

    def render(self):
        """Gradio's own, and what follows an upload."""
        super().render()
        self.upload(self._turn_away, self, self, preprocess=False, **NEWEST)
        return self

    def preprocess(self, payload) -> str | None:
        """The path of a picture that can be read, or None."""
        try:
            path = self._path(payload)
            if path:
                open_subject(path)
            return path
        except (RequestError, PictureError):
            return None

    @staticmethod
    def _turn_away(payload: Any):
        """Takes the upload as it came."""
        path = payload.get("path") if isinstance(payload, dict) else None
        return gr.skip() if path is None or readable_picture(path) else None


# ---- Choices ----


class PriorRadio(gr.Radio):
    """A choice of what latents are drawn from: of what the picked model has."""

    is_template = True  # the front end is gr.Radio's own

    @staticmethod
    def choices_of(model: OpenModel) -> list[tuple[str, str]]:
        """Titles and names."""
        return [(title, name) for name, title in model.prior_titles.items()]


class ModelPicker(gr.Dropdown):
    """The model that is picked."""

    is_template = True  # the front end is gr.Dropdown's own

    @staticmethod
    def choices_of(library: Library) -> list[tuple[str, str]]:
        """Titles and names."""
        return [(library.title(name), name) for name in library.names]


class OtherModels(gr.Dropdown):
    """Models to compare the picked one with, which is not offered: two at most."""

    is_template = True  # the front end is gr.Dropdown's own

    @staticmethod
    def choices_of(library: Library, picked: str) -> list[tuple[str, str]]:
        """Titles and names."""
        picked = picked or library.default
        return [(library.title(name), name) for name in library.names if name != picked]

    @classmethod
    def beside(cls, library: Library, picked: str, **options: Any) -> OtherModels:
        """A choice for this model, of none at first."""
        choices, label = cls.choices_of(library, picked), f"Compare with up to {MOST_OTHERS} others"
        made = cls(choices, value=[], multiselect=True, max_choices=MOST_OTHERS, label=label, **options)
        made.input(None, None, None, js=CLOSE_LIST)
        return made

    @classmethod
    def of(
        cls, library: Library, models: Sequence[OpenModel], asked: Sequence[str] | None, **options: Any
    ) -> OtherModels:
        """An update: what there is beside the first of these models; the others are chosen.

        Where they are those that were asked for, the choice stays as it is: another may have been made meanwhile.
        """
        choices, chosen = cls.choices_of(library, models[0].name), [model.name for model in models[1:]]
        value = {} if chosen == [*(asked or [])] else {"value": chosen}
        return cls(choices, multiselect=True, **value, **options)

    @staticmethod
    def with_picked(library: Library, picked: str, others: Sequence[str] | None) -> tuple[list[OpenModel], list[str]]:
        """The picked model and those to compare it with; and their titles.

        Raises:
            RequestError: there is no such model.
            ModelFolderError: one cannot be loaded.
        """
        names = OtherModels.names(picked, others)
        return [library[name] for name in names], [library.title(name) for name in names]

    @staticmethod
    def names(picked: str, others: Sequence[str] | None) -> list[str]:
        """The picked model's, and those of the others, each once."""
        return [picked, *[name for name in dict.fromkeys(others or []) if name != picked][:MOST_OTHERS]]


class LabelChoice(gr.Dropdown):
    """What samples shall show: labels that the picked model's flow can be asked for, at most one of each column."""

    is_template = True  # the front end is gr.Dropdown's own

    @staticmethod
    def choices_of(model: OpenModel) -> list[tuple[str, str]]:
        """What is shown for each, and its value, such as "hair colour: red" and "hair_colour: red"."""
        return [(label_in_words(*known), value) for value, known in LabelChoice._known(model).items()]

    @staticmethod
    def _known(model: OpenModel) -> dict[str, tuple[str, str]]:
        columns = promptable(model).items()
        return {f"{column}: {label}": (column, label) for column, labels in columns for label in labels}

    @classmethod
    def kept(cls, model: OpenModel, chosen: Sequence[str] | None) -> dict[str, tuple[str, str]]:
        """Of what is chosen, what counts, with its column and label: what the model knows, of one column the latest."""
        choices = cls._known(model)
        last = {choices[text][0]: text for text in chosen or [] if text in choices}
        return {text: choices[text] for text in last.values()}

    @classmethod
    def replaced(cls, model: OpenModel, chosen: Sequence[str] | None) -> list[str]:
        """Of what is chosen, a sentence for each label that does not count, as a later one is of the same column."""
        choices, kept = cls._known(model), dict(cls.kept(model, chosen).values())
        known = (choices[text] for text in dict.fromkeys(chosen or []) if text in choices)
        return [
            f"{label_in_words(column, kept[column])} takes the place of {label_in_words(column, label)}."
            for column, label in known
            if kept[column] != label
        ]


# ---- Numbers ----


class RawNumber(gr.Number):
    """A number box that hands on what was sent. Gradio's own rounds fractions, and fails on text without a word."""

    is_template = True  # the front end is gr.Number's own

    def preprocess(self, payload: Any) -> Any:
        """The payload, whatever it is."""
        return payload


class RawSlider(gr.Slider):
    """A slider that hands on what was sent: a number typed into its box may be out of range."""

    is_template = True  # the front end is gr.Slider's own

    def preprocess(self, payload: Any) -> Any:
        """The payload, whatever it is."""
        return payload


# ---- JSON ----

# Gradio describes its own as of type {}, which is no JSON schema: the server of agents' tools refuses every call.


class LabelJSON(gr.JSON):
    """Texts by texts, in the description of an endpoint. Any JSON is handed on."""

    is_template = True  # the front end is gr.JSON's own

    def api_info(self) -> dict[str, Any]:
        """A JSON schema."""
        return {"type": "object", "additionalProperties": {"type": "string"}}


class LatentJSON(gr.JSON):
    """Nested lists, in the description of an endpoint. Any JSON is handed on."""

    is_template = True  # the front end is gr.JSON's own

    def api_info(self) -> dict[str, Any]:
        """A JSON schema."""
        return {"type": "array", "items": {}}


@dataclass(frozen=True)
class Range:
    """What a number box accepts. What a person typed becomes the nearest accepted number; a client's is refused.

    Attributes:
        name: of the box, for the message.
        low, high: the bounds, both accepted.
        whole: whether only whole numbers are.
    """

    name: str
    low: float
    high: float
    whole: bool = False

    def clamp(self, value: Any) -> tuple[float, str]:
        """The nearest number that is accepted, and a sentence if that is another than was typed; else ""."""
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        kept = self.low if math.isnan(number) else min(max(number, self.low), self.high)
        kept = round(kept) if self.whole else kept
        if kept == number:
            return kept, ""
        kind = "whole numbers" if self.whole else "numbers"
        typed = "nothing" if value in (None, "") else shown(value)
        return kept, f"{self.name} takes {kind} from {self.low} to {self.high}: {typed} became {kept}."

    def take(self, value: Any) -> float:
        """The nearest number that is accepted; the page says so if that is another than was typed."""
        kept, sentence = self.clamp(value)
        if sentence:
            gr.Warning(html.escape(sentence), title="Out of range")
        return kept
