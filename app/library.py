"""The models that the app offers."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from app.checks import RequestError
from app.explorer import Explorer
from vae.checkpoint import ATLAS, CONFIG, ModelFolderError, load_metrics
from vae.codec import Description, describe


class Library:
    """The models that the app offers, by name; each is loaded at its first use and kept.

    Args:
        assets: every model folder in it is offered, but for those whose `config.json` is damaged.
        chosen: a name among them, or another model folder; it becomes the default. None: "fruits", else the first.

    Raises:
        RequestError: `chosen` is neither, or there is no model at all.
        ModelFolderError: the `config.json` of `chosen` is damaged.
    """

    def __init__(self, assets: Path, chosen: str | None = None):
        self._folders: dict[str, Path] = {}
        for folder in sorted(path.parent for path in assets.glob(f"*/{CONFIG}")):
            try:
                describe(folder)
                self._folders[folder.name] = folder
            except ModelFolderError as error:
                print(f"Left out: {error}", file=sys.stderr)
        if chosen is None:
            self.default = "fruits" if "fruits" in self._folders else next(iter(self._folders), None)
        elif chosen in self._folders:
            self.default = chosen
        elif (Path(chosen).expanduser() / CONFIG).exists():
            folder = Path(chosen).expanduser().resolve()
            describe(folder)
            self.default = folder.name
            self._folders[folder.name] = folder
        else:
            raise RequestError(
                f"{chosen!r} given; accepted: a model folder (with a {CONFIG}), or one of {', '.join(self.names)}"
            )
        if self.default is None:
            raise RequestError(f"There is no model in {assets}. Train one: python -m train fit --help")
        self._explorers: dict[str, Explorer] = {}
        self._lock = threading.Lock()

    @property
    def names(self) -> list[str]:
        """The models' names, the default first."""
        default = getattr(self, "default", None)
        return sorted(self._folders, key=lambda name: (name != default, name))

    def info(self, name: str) -> Description:
        """What `config.json` says of a model; cheaper than its Explorer."""
        return describe(self._folders[name])

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
                "has_map": (self._folders[name] / ATLAS).exists(),
                "metrics": load_metrics(self._folders[name]),
                "default": name == self.default,
            }
            for name, info in ((name, self.info(name)) for name in self.names)
        ]

    def warm_up(self) -> None:
        """Loads and compiles every model, the default first; a damaged one is left for whoever picks it to hear of."""
        for name in self.names:
            try:
                self[name].warm_up()
            except ModelFolderError:
                continue

    def __getitem__(self, name: str) -> Explorer:
        """The Explorer of a model; an empty name is the default.

        Raises:
            RequestError: there is no such model.
            ModelFolderError: its folder is damaged.
        """
        name = name or self.default
        if name not in self._folders:
            raise RequestError(f"There is no model {name!r}; there are: {', '.join(self.names)}.")
        with self._lock:
            if name not in self._explorers:
                self._explorers[name] = Explorer(self._folders[name])
            return self._explorers[name]
