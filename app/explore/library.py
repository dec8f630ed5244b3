"""The models that the app offers."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

from app.explore import map, reconstruct, tour
from app.explore.limits import MAX_OPENED, WARM_UP_BYTES, RequestError, shown
from app.explore.opened import OpenModel, for_visitors, written
from app.explore.reader import start_reader
from app.explore.subject import prepare_for
from app.explore.turns import held
from vae.checkpoint import ATLAS, CONFIG, ModelFolderError, load_metrics
from vae.codec import Description, describe
from vae.hub import MODEL_ID, Progress, fetch, forgotten_on_failure
from vae.xla import give_memory_back

FIRST = "faces"  # of the models that ship, what a visitor sees first


class Library:
    """The models that the app offers, by name; each is loaded at its first use and kept. Safe for several threads.

    Attributes:
        default: the name of the model to begin with.

    Args:
        assets: every model folder in it is offered, but for those whose `config.json` is damaged.
        chosen: names among them, or other model folders and ids of the Hub, which are offered too, but for damaged
            ones; the first becomes the default. If there is none, the default is `FIRST`, or else the first by name.

    Raises:
        RequestError: a chosen one is none of these, or there is no model at all.
        ModelFolderError: of all chosen ones, the `config.json` is damaged, or the Hub does not give them.
    """

    def __init__(self, assets: Path | str, chosen: Sequence[str] = ()):
        self._opening = threading.Lock()
        self._opened = 0
        self._models: dict[str, OpenModel] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._folders: dict[str, Path] = {}
        self._descriptions: dict[str, Description] = {}
        for folder in sorted(path.parent for path in Path(assets).glob(f"*/{CONFIG}")):
            try:
                self._add(folder.name, folder)
            except ModelFolderError as error:
                print(f"Left out: {error}", file=sys.stderr)
        picked = []
        for one in chosen:
            try:
                picked.append(self._find(one))
            except ModelFolderError as error:
                if one == chosen[-1] and not picked:
                    raise
                print(f"Left out: {error}", file=sys.stderr)
        if not self._folders:
            raise RequestError(f"There is no model in {assets}. Train one: python -m train fit --help")
        first = FIRST if FIRST in self._folders else next(iter(self._folders))
        self.default = picked[0] if picked else first

    @property
    def names(self) -> list[str]:
        """Of all models, the default first."""
        return sorted([*self._folders], key=lambda name: (name != self.default, name))

    def open(self, chosen: str, with_folders: bool = False, on_progress: Progress | None = None) -> str:
        """Adds a model while the app runs, and returns its name; one that is offered already is not added again.

        Args:
            chosen: a name, an id of the Hub, or a model folder.
            with_folders: whether folders of this machine are opened. Without, nothing is told of them either.
            on_progress: called as a file of the Hub arrives.

        Raises:
            RequestError: it is none of these; another one is being opened; or there are too many already.
            ModelFolderError: its folder is damaged, or the Hub does not give it.
        """
        if not self._opening.acquire(blocking=False):
            raise RequestError("Another model is being opened. Try again in a moment.")
        try:
            if self._opened == MAX_OPENED:
                raise RequestError(f"{MAX_OPENED} models were opened already: start the app anew for others.")
            before = {*self._folders}
            with forgotten_on_failure(chosen) if MODEL_ID.fullmatch(chosen) else nullcontext():
                name = self._find(chosen, with_folders, on_progress)
                try:
                    self[name]
                except BaseException:
                    if name not in before:
                        del self._folders[name]  # nobody shall find it in the list
                    raise
            self._opened += name not in before
            return name
        finally:
            self._opening.release()

    def _find(self, chosen: str, with_folders: bool = True, on_progress: Progress | None = None) -> str:
        """The name of a chosen model, whose folder is added if it is not one of the assets."""
        if chosen in self._folders:
            return chosen
        # Not `Path.expanduser`, which fails where nobody has that name.
        folder = Path(os.path.expanduser(chosen)).resolve() if with_folders and "\0" not in chosen else None
        own_name = (folder or Path(chosen)).name
        # A folder's path can look like an id: it is one if not even the folder around it is here.
        if MODEL_ID.fullmatch(chosen) and not (folder and os.path.exists(folder.parent)):
            folder = fetch(chosen, on_progress=on_progress)
        if folder is None or not os.path.exists(folder / CONFIG):  # `Path.exists` fails of a name of 256 letters
            a_folder = f"a model folder (with a {CONFIG}), " if with_folders else ""
            raise RequestError(
                f"{shown(chosen)!r} given; accepted: {a_folder}an id of the Hugging Face Hub "
                f"(OWNER/NAME), or one of {', '.join(self._folders)}"
            )
        known = {path.resolve(): name for name, path in self._folders.items()}
        if folder in known:
            return known[folder]
        name, number = own_name, 2
        while name in self._folders:  # runs/a/model and runs/b/model
            name, number = f"{own_name}-{number}", number + 1
        self._add(name, folder)
        return name

    def _add(self, name: str, folder: Path) -> None:
        self._descriptions[name] = describe(folder)
        prepare_for([self._descriptions[name].image_size])
        self._locks[name] = threading.Lock()
        self._folders[name] = folder  # last: whoever finds the name finds the rest

    def info(self, name: Any) -> Description:
        """What `config.json` says of a model, without loading it; an empty name is the default.

        Raises:
            RequestError: there is no such model.
        """
        return self._descriptions[self._check(name)]

    def title(self, name: Any) -> str:
        """What people call a model: its title, with its name where another one has the same title.

        Raises:
            RequestError: there is no such model.
        """
        name = self._check(name)
        title = self._descriptions[name].title
        alike = sum(other.title == title for other in self._descriptions.values())
        return title if alike == 1 else f"{title} ({name})"

    def list(self) -> list[dict]:
        """Every model in JSON-ready types, the default first; none is loaded for it."""
        return [
            {
                "name": name,
                "title": info.title,
                "summary": info.summary,
                "image_size": info.image_size,
                "latent": "spatial" if info.is_spatial else "vector",
                "latent_shape": list(info.latent_shape),
                "has_variance": info.has_variance,
                "has_map": (self._folders[name] / ATLAS).is_file(),
                "metrics": load_metrics(self._folders[name]),
                "default": name == self.default,
            }
            for name, info in ((name, self._descriptions[name]) for name in self.names)
        ]

    def warm_up(self) -> None:
        """Loads and compiles the models, the default first; large and damaged ones only when somebody picks them.

        Of the default, what the landing shows is next; the other maps are last: a visitor begins with a picture.
        """
        start_reader()
        warm = []
        for name in self.names:
            try:
                if name == self.default or _size(self._folders[name]) <= WARM_UP_BYTES:
                    self[name].warm_up()
                    reconstruct.warm_up(self[name])
                    warm.append(name)
                if name == self.default:
                    self._warm_up_landing()
            except ModelFolderError as error:
                print(f"Not warmed up: {error}", file=sys.stderr)
        for name in warm:
            self[name].warm_up_map()
        give_memory_back()

    def _warm_up_landing(self) -> None:
        model = self[self.default]
        with suppress(RequestError):  # there may be no map
            for question in (map.overview, tour.tour, tour.landmarks):
                question(model)

    def __getitem__(self, name: Any) -> OpenModel:
        """A model, loaded; an empty name is the default.

        Raises:
            RequestError: there is no such model.
            ModelFolderError: its folder is damaged.
        """
        model = self.look_at(name)
        model.load()
        return model

    def look_at(self, name: Any) -> OpenModel:
        """A model whose weights may not be loaded yet: for what is told of it, which must not wait for them.

        Raises:
            RequestError: there is no such model.
            ModelFolderError: its `config.json` is damaged.
        """
        name = self._check(name)
        with held(self._locks[name]):
            if name not in self._models:
                try:
                    self._models[name] = OpenModel(self._folders[name], name)
                except ModelFolderError as error:
                    raise ModelFolderError(for_visitors(error, self._folders[name])) from error
            return self._models[name]

    def renew(self, name: Any) -> bool:
        """Opens a model anew if its files were written since it was opened; returns whether they were.

        What cannot be opened now, as while it is being written, stays as it was.

        Raises:
            RequestError: there is no such model.
        """
        name = self._check(name)
        with held(self._locks[name]):
            before = self._models.get(name)
            if before is None or before.written == written(before.folder):
                return False
            try:
                renewed = OpenModel(before.folder, name)
                renewed.load()
            except (ModelFolderError, OSError):
                return False
            self._descriptions[name] = renewed.info
            self._models[name] = renewed
            return True

    def _check(self, name: Any) -> str:
        name = self.default if name in ("", None) else name
        if not isinstance(name, str) or name not in self._folders:
            raise RequestError(f"There is no model {shown(name)!r}; there are: {', '.join(self.names)}.")
        return name


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))
