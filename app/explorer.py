"""Explorer: what a person can ask of one model. Plain Python in, Pillow pictures and NumPy arrays out; no Gradio."""

from __future__ import annotations

import hashlib
import json
import math
import re
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float
from PIL import Image

from vae import losses
from vae.atlas import Atlas, AtlasError, Place
from vae.checkpoint import ATLAS, CONFIG, METRICS, ModelFolderError, ModelInfo, load_info, load_model
from vae.images import Picture, fit, open_picture, to_array, to_picture
from vae.latent import Method, interpolate, sample_posterior, sample_prior
from vae.model import Posterior, compile_codec

MAX_COUNT = 64  # samples in a grid
MAX_STEPS = 65  # pictures in an interpolation
MAX_TEMPERATURE = 3.0
MAX_COORDINATE = 1e6  # of a map, which is some tens wide
MAX_SEED = 2**32 - 1
MAX_CORNERS = 512  # of a path over the map
THUMBNAIL = 64  # pixels; the side of a picture on the map
MAX_THUMBNAILS = 32  # asked for at once
KEPT_THUMBNAILS = 2048  # 12 KB each


class RequestError(ValueError):
    """Something asked for that cannot be done, with a message fit for showing to a person."""


@dataclass(frozen=True)
class Reconstruction:
    """A picture through the model and back.

    Attributes:
        picture: as the model saw it: square, of its size.
        reconstruction: what the decoder made of the latent.
        metrics: psnr_db, ssim, l1, kl_nats.
        posterior_mean, posterior_deviation: of the latent, (length,) or (height, width, channels).
        note: how the picture was changed to fit; empty if it was not.
    """

    picture: Image.Image
    reconstruction: Image.Image
    metrics: dict[str, float]
    posterior_mean: Float[np.ndarray, "*latent"]
    posterior_deviation: Float[np.ndarray, "*latent"]
    note: str


@dataclass(frozen=True)
class Neighbour:
    """A point of the atlas.

    Attributes:
        index: its row in the atlas.
        id: its name.
        labels: label column -> value.
        picture: decoded from its latent.
    """

    index: int
    id: str
    labels: dict[str, str]
    picture: Image.Image


@dataclass(frozen=True)
class Group:
    """Some points of the atlas, taken together.

    Attributes:
        count: how many.
        labels: label column -> its most frequent values among them with their counts, at most three.
        picture: decoded from the mean of their latents.
    """

    count: int
    labels: dict[str, list[tuple[str, int]]]
    picture: Image.Image


class Explorer:
    """One model folder, loaded, with everything the app asks of it. Safe to call from several threads.

    Raises:
        ModelFolderError: the folder holds no model that can be loaded.
    """

    def __init__(self, folder: Path | str):
        self.folder = Path(folder)
        self.info: ModelInfo = load_info(self.folder)
        self.config = self.info.config
        self._encode, self._decode = compile_codec(load_model(self.folder))
        self._atlas_lock = threading.Lock()
        self._thumbnail = lru_cache(maxsize=KEPT_THUMBNAILS)(self._draw_thumbnail)

    @property
    def name(self) -> str:
        """The folder's name, by which the model is picked."""
        return self.folder.resolve().name

    @property
    def is_spatial(self) -> bool:
        """Whether the latent is a feature map, whose N(0, I) samples have texture but no global structure."""
        return self.config.latent == "spatial"

    @cached_property
    def metrics(self) -> dict:
        """The held-out figures of `metrics.json`; empty where the model was never evaluated."""
        try:
            return json.loads((self.folder / METRICS).read_text())
        except (OSError, ValueError):
            return {}

    def describe(self) -> str:
        """What the model is and was trained on, in a few words of Markdown."""
        size, shape = self.config.image_size, " x ".join(map(str, self.config.latent_shape))
        latent = f"a latent map of {shape}" if self.is_spatial else f"a latent vector of {shape} numbers"
        parts = [f"**{self.info.title}.** {self.info.summary}", f"{size} x {size} pixels through {latent}."]
        if self.metrics:
            parts.append(
                f"On held-out pictures: {self.metrics['psnr_db']:.1f} dB PSNR, {self.metrics['ssim']:.2f} SSIM."
            )
        return " ".join(parts)

    @property
    def has_atlas(self) -> bool:
        """Whether there is a map to walk."""
        return (self.folder / ATLAS).exists()

    @property
    def atlas(self) -> Atlas:
        """The map, read at its first use.

        Raises:
            RequestError: there is none, or it cannot be read.
        """
        with self._atlas_lock:  # else two tabs that open at once would both read and index it
            return self._atlas

    @cached_property
    def _atlas(self) -> Atlas:
        if not self.has_atlas:
            raise RequestError(f"{self.info.title} has no map yet. Make one: {self.atlas_command}")
        try:
            return Atlas.read(self.folder / ATLAS, self.config.latent_shape)
        except AtlasError as error:
            raise RequestError(str(error)) from error

    @property
    def atlas_command(self) -> str:
        """The command that makes the map."""
        return f"python -m train atlas --model {self.folder} --dataset {self.info.training.get('dataset', 'DATASET')}"

    def warm_up(self) -> None:
        """Compiles encoder and decoder and reads the map, so that the first person does not wait for it."""
        self.reconstruct(Image.new("RGB", (self.config.image_size,) * 2), temperature=1.0)
        self.sample(1)
        with suppress(RequestError):  # one that is missing or damaged is told of where it is asked for
            self.decode_at(0, 0)

    def reconstruct(self, picture: Picture, temperature: float = 0.0, seed: int = 0) -> Reconstruction:
        """Encodes a picture and decodes it again.

        Args:
            picture: any picture; one of another shape is centre-cropped and resized.
            temperature: 0 decodes the posterior mean; 1 a sample of the posterior; 0 to 3.
            seed: of that sample.

        Raises:
            PictureError: it cannot be read.
            RequestError: a number is out of range.
        """
        temperature = _check_range("temperature", temperature, 0, MAX_TEMPERATURE)
        original = open_picture(picture)
        fitted = fit(original, self.config.image_size)
        posterior = self._posterior(fitted)
        latent = sample_posterior(posterior, _check_seed(seed), temperature) if temperature else posterior.mean
        reconstruction = self._decode(latent)
        image = to_array(fitted)[None]
        metrics = {
            "psnr_db": losses.psnr(image, reconstruction),
            "ssim": losses.ssim(image, reconstruction),
            "l1": losses.l1(image, reconstruction),
            "kl_nats": losses.kl(posterior),
        }
        return Reconstruction(
            picture=fitted,
            reconstruction=to_picture(reconstruction[0]),
            metrics={name: float(value[0]) for name, value in metrics.items()},
            posterior_mean=np.asarray(posterior.mean[0]),
            posterior_deviation=np.exp(np.asarray(posterior.log_var[0]) / 2),
            note=self._describe_fit(original),
        )

    def interpolate(self, picture_a: Picture, picture_b: Picture, t: float, method: Method = "slerp") -> Image.Image:
        """The picture at t between the encodings of two pictures.

        Args:
            picture_a, picture_b: any pictures.
            t: 0 is a's reconstruction, 1 is b's; 0 to 1.
            method: "lerp" or "slerp".

        Raises:
            PictureError, RequestError: as for `reconstruct`.
        """
        t = _check_range("t", t, 0, 1)
        a, b = self.encode(picture_a), self.encode(picture_b)
        return self.decode(_interpolate(a, b, t, method))

    def interpolation(
        self, picture_a: Picture, picture_b: Picture, steps: int = 9, method: Method = "slerp"
    ) -> list[Image.Image]:
        """`steps` pictures, 2 to 65, at even t from a's reconstruction to b's."""
        steps = int(_check_range("steps", steps, 2, MAX_STEPS))
        a, b = self.encode(picture_a), self.encode(picture_b)
        return [self.decode(_interpolate(a, b, t, method)) for t in np.linspace(0, 1, steps)]

    def sample(self, count: int = 16, temperature: float = 1.0, seed: int = 0) -> list[Image.Image]:
        """Pictures decoded from N(0, temperature^2 I).

        Args:
            count: 1 to 64; a larger grid begins with the smaller one.
            temperature: 0 to 3.
            seed: the same seed gives the same pictures.

        Raises:
            RequestError: a number is out of range.
        """
        count = int(_check_range("count", count, 1, MAX_COUNT))
        temperature = _check_range("temperature", temperature, 0, MAX_TEMPERATURE)
        latents = sample_prior(_check_seed(seed), count, self.config.latent_shape, temperature)
        return [self.decode(latent) for latent in latents]

    def locate(self, picture: Picture) -> tuple[Place, list[Neighbour]]:
        """Places a picture on the map by its nearest neighbours in latent space.

        Raises:
            PictureError: it cannot be read.
            RequestError: there is no map.
        """
        place = self.atlas.locate(self.encode(picture))
        return place, [self.point(int(index)) for index in place.neighbours]

    def decode_at(self, x: float, y: float) -> tuple[Image.Image, Place]:
        """The picture of a place on the map, from the latents of the nearest points, weighted by distance.

        Raises:
            RequestError: a coordinate is not a finite number, or there is no map.
        """
        x, y = _check_coordinates(x, y)
        latent, place = self.atlas.latent_at(x, y)
        return self.decode(latent), place

    def thumbnails(self, places: Sequence[int | tuple[float, float]]) -> list[Image.Image]:
        """Small pictures, 64 pixels at most, of points (by row) and of places (x, y) of the map; kept for a while.

        Raises:
            RequestError: none or more than 32 are asked for, one is neither a row nor a place, or there is no map.
        """
        if not 1 <= len(places) <= MAX_THUMBNAILS:
            raise RequestError(f"{len(places)} pictures asked for; it must be 1 to {MAX_THUMBNAILS}.")
        return [self._thumbnail(self._check_place(place)) for place in places]

    def _check_place(self, place) -> int | tuple[float, float]:
        if isinstance(place, list | tuple) and len(place) == 2:
            return _check_coordinates(*place)
        return int(_check_range("index", place, 0, len(self.atlas) - 1))

    def _draw_thumbnail(self, place: int | tuple[float, float]) -> Image.Image:
        latent = self.atlas.latent(place) if isinstance(place, int) else self.atlas.latent_at(*place)[0]
        picture = self.decode(latent)
        side = min(THUMBNAIL, picture.width)
        return picture if side == picture.width else picture.resize((side, side), Image.Resampling.BOX)

    def walk(self, path: Sequence[Sequence[float]], count: int = 33) -> Iterator[Image.Image]:
        """Pictures at equal distances along a line drawn over the map.

        Args:
            path: its corners (x, y), 2 to 512; not all in one place.
            count: of pictures, 2 to 65.

        Raises:
            RequestError: the path is none, or there is no map.
        """
        if not isinstance(path, list | tuple) or not 2 <= len(path) <= MAX_CORNERS:
            raise RequestError(f"A path needs 2 to {MAX_CORNERS} places. Draw it over the map.")
        if not all(isinstance(corner, list | tuple) and len(corner) == 2 for corner in path):
            raise RequestError("A place of a path is not a pair of numbers, x and y.")
        corners = np.array([_check_coordinates(*corner) for corner in path])
        if np.ptp(corners, axis=0).max() == 0:
            raise RequestError("This path goes nowhere. Draw it from one place of the map to another.")
        count = int(_check_range("count", count, 2, MAX_STEPS))
        return map(self.decode, self.atlas.latents_along(corners, count))

    def group(self, rows: Sequence[int]) -> Group:
        """What some points of the map have in common.

        Raises:
            RequestError: there are none, one is not a row, or there is no map.
        """
        atlas, rows = self.atlas, self._check_rows(rows)
        counted = {name: Counter(values[i] for i in rows) for name, values in atlas.labels.items()}
        labels = {name: counter.most_common(3) for name, counter in counted.items()}
        return Group(len(rows), labels, self.decode(atlas.mean_latent(rows)))

    def direction(
        self, rows_a: Sequence[int], rows_b: Sequence[int], index: int | None = None, count: int = 33
    ) -> Iterator[Image.Image]:
        """Pictures along the direction from one group's mean latent to another's.

        An attribute vector (Larsen et al. 2016, https://arxiv.org/abs/1512.09300): `z + t (mean_b - mean_a)`, t from 0
        to 1, where z is the latent of the point `index`, or mean_a without one.

        Raises:
            RequestError: a group is empty, a row does not exist, or there is no map.
        """
        mean_a, mean_b = (self.atlas.mean_latent(self._check_rows(rows)) for rows in (rows_a, rows_b))
        start = mean_a if index is None else self.atlas.latent(self._check_place(index))
        count = int(_check_range("count", count, 2, MAX_STEPS))
        return (self.decode(start + t * (mean_b - mean_a)) for t in np.linspace(0, 1, count, dtype=np.float32))

    def _check_rows(self, rows) -> np.ndarray:
        """Rows of the map, each once; whatever a page sent that is none is refused."""
        if not isinstance(rows, list | tuple) or not rows:
            raise RequestError("This group has no points. Draw around some points of the map.")
        if not all(type(row) is int and 0 <= row < len(self.atlas) for row in rows):
            raise RequestError(f"A group holds what is no row of the map, 0 to {len(self.atlas) - 1}.")
        return np.unique(rows)

    def save_named(self, picture: Image.Image, *words: str) -> str:
        """Writes a picture to a temporary file whose name is made of words; returns its path.

        The same picture under the same words goes to the same file.
        """
        name = "-".join(filter(None, (re.sub(r"[^\w .+,()]+", "-", word).strip("-. ") for word in words)))
        folder = self._pictures / hashlib.sha256(picture.tobytes()).hexdigest()[:16]
        folder.mkdir(exist_ok=True)
        path = folder / f"{name[:100] or self.name}.png"
        picture.save(path)
        return str(path)

    @cached_property
    def _pictures(self) -> Path:
        return Path(tempfile.mkdtemp(prefix="latentscape-"))

    def save_gif(self, frames: list[Image.Image]) -> str:
        """Writes an animation, there and back, to a temporary file; returns its path."""
        folder = Path(tempfile.mkdtemp(prefix="latentscape-"))
        side = max(256, self.config.image_size)
        large = [
            frame.resize((side, side), Image.Resampling.BICUBIC).quantize(method=Image.Quantize.FASTOCTREE)
            for frame in frames
        ]
        large += large[-2:0:-1]
        path = folder / f"{self.name}-interpolation.gif"
        large[0].save(path, save_all=True, append_images=large[1:], duration=60, loop=0)
        return str(path)

    def point(self, index: int) -> Neighbour:
        """A point of the map, by its row.

        Raises:
            RequestError: there is no such row.
        """
        atlas = self.atlas
        index = int(_check_range("index", index, 0, len(atlas) - 1))
        labels = {column: values[index] for column, values in atlas.labels.items()}
        return Neighbour(index, atlas.ids[index], labels, self.decode(atlas.latent(index)))

    def neighbours(self, index: int, count: int = 8) -> list[Neighbour]:
        """The nearest points of the map in latent space to one of its points, nearest first."""
        return [self.point(int(i)) for i in self.atlas.neighbours(index, count)]

    def encode(self, picture: Picture) -> Float[np.ndarray, "*latent"]:
        """The posterior mean of any picture."""
        return np.asarray(self._posterior(fit(open_picture(picture), self.config.image_size)).mean[0])

    def decode(self, latent: Float[np.ndarray, "*latent"]) -> Image.Image:
        """The picture of a latent."""
        # One at a time: compiled once whatever the count, and faster on a CPU than a batch, which leaves its caches.
        return to_picture(self._decode(np.asarray(latent, np.float32)[None])[0])

    def _posterior(self, fitted: Image.Image) -> Posterior:
        return self._encode(to_array(fitted)[None])

    def _describe_fit(self, picture: Image.Image) -> str:
        size = self.config.image_size
        if picture.width != picture.height:
            side = min(picture.size)
            return (
                f"The picture is {picture.width} x {picture.height}: its central {side} x {side} pixels were used, "
                f"at {size} x {size}."
            )
        return "" if picture.width == size else f"Resized from {picture.width} x {picture.width} to {size} x {size}."


def _interpolate(a: np.ndarray, b: np.ndarray, t: float, method: str) -> np.ndarray:
    try:
        return np.asarray(interpolate(a, b, t, method))
    except ValueError as error:
        raise RequestError(str(error)) from None


def _check_range(name: str, value: float, low: float, high: float) -> float:
    """The value as a float; whatever a page or a client sent that is none, or out of range, is refused."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not low <= number <= high:
        raise RequestError(f"{name} is {value}; it must be a number from {low} to {high}.")
    return number


def _check_coordinates(x: float, y: float) -> tuple[float, float]:
    x, y = (_check_range(name, value, -MAX_COORDINATE, MAX_COORDINATE) for name, value in (("x", x), ("y", y)))
    return x, y


def _check_seed(seed: float) -> int:
    return int(_check_range("seed", seed, 0, MAX_SEED))


class Library:
    """The models that the app offers, by name; each is loaded at its first use and kept.

    Args:
        assets: every model folder in it is offered.
        chosen: a name among them, or another model folder; it becomes the default. None: "fruits", else the first.

    Raises:
        RequestError: `chosen` is neither, or there is no model at all.
    """

    def __init__(self, assets: Path, chosen: str | None = None):
        self._folders = {path.parent.name: path.parent for path in sorted(assets.glob(f"*/{CONFIG}"))}
        if chosen is None:
            self.default = "fruits" if "fruits" in self._folders else next(iter(self._folders), None)
        elif chosen in self._folders:
            self.default = chosen
        elif (Path(chosen).expanduser() / CONFIG).exists():
            folder = Path(chosen).expanduser().resolve()
            self.default = folder.name
            self._folders[folder.name] = folder
        else:
            raise RequestError(
                f"--model {chosen}: neither a model folder (no {CONFIG} in it) nor one of: {', '.join(self.names)}"
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

    def info(self, name: str) -> ModelInfo:
        """What `config.json` says of a model; cheaper than its Explorer."""
        return load_info(self._folders[name])

    def list(self) -> list[dict]:
        """Every model in JSON-ready types: name, title, summary, image_size, latent, latent_shape, has_map, metrics."""
        return [
            {
                "name": name,
                "title": explorer.info.title,
                "summary": explorer.info.summary,
                "image_size": explorer.config.image_size,
                "latent": explorer.config.latent,
                "latent_shape": list(explorer.config.latent_shape),
                "has_map": explorer.has_atlas,
                "metrics": explorer.metrics,
                "default": name == self.default,
            }
            for name, explorer in ((name, self[name]) for name in self.names)
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
