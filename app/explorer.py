"""Explorer: what a person can ask of one model. Plain Python in, Pillow pictures and NumPy arrays out; no Gradio."""

from __future__ import annotations

import hashlib
import io
import math
import re
import secrets
import shlex
import tempfile
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise, product
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float
from PIL import Image

from app.checks import RequestError, check_coordinates, check_range, check_seed, check_whole
from app.exports import save_gif, save_mp4, save_strip
from vae import losses
from vae.atlas import Atlas, AtlasError, Place
from vae.checkpoint import ATLAS, load_metrics
from vae.codec import open_codec
from vae.directions import Directions, label_direction, principal_directions, single_threaded
from vae.images import Picture, fit, open_picture, to_array, to_picture
from vae.latent import Method, Posterior, angle, interpolate, mix_corners, sample_posterior, sample_prior
from vae.priors import AggregatePosterior, Prior, PriorError, aggregate_posterior, fit_priors, load_priors

MAX_COUNT = 64  # samples in a grid
MAX_STEPS = 65  # pictures in an interpolation
CORNER_SIDE = 9  # pictures along an edge of the square between four
MAX_STRENGTH = 2.0  # of an analogy
SHOWN_SECONDS = 0.2  # apart at least, what comes coarse to fine
EXPORT_SIDE = 256  # pixels at least, of an exported animation
MAX_TEMPERATURE = 3.0
MAX_DEVIATIONS = 3.0  # along a direction
PRINCIPAL_COUNT = 6  # principal directions offered
LOCAL_COUNT = 32  # latents that tell the directions around a place
MAX_KEPT = 2048  # latents that pages hold on to
MIN_LABELLED = 20  # pictures that a label needs for its mean to mean something
MAX_LABELS = 200  # of a column, the most frequent
UNCERTAINTY_SAMPLES = 16  # of 64-pixel pictures, each decoded in some milliseconds
MAX_SCALE = 2.0  # of an edited channel
MAX_LATENT = 10.0  # of an edited number; N(0, I) has nearly all its mass within 3
MAX_CORNERS = 512  # of a path over the map
THUMBNAIL = 64  # pixels; the side of a picture on the map
MAX_THUMBNAILS = 32  # asked for at once
KEPT_THUMBNAILS = 2048  # 12 KB each


@dataclass(frozen=True)
class Reconstruction:
    """A picture through the model and back.

    Attributes:
        picture: as the model saw it: square, of its size.
        reconstruction: what the decoder made of the latent.
        metrics: psnr_db, ssim, l1, kl_nats.
        latent: what was decoded, (length,) or (height, width, channels).
        posterior_mean, posterior_deviation: of the latent, of the same shape.
        note: how the picture was changed to fit; empty if it was not.
    """

    picture: Image.Image
    reconstruction: Image.Image
    metrics: dict[str, float]
    latent: Float[np.ndarray, "*latent"]
    posterior_mean: Float[np.ndarray, "*latent"]
    posterior_deviation: Float[np.ndarray, "*latent"]
    note: str

    @property
    def error(self) -> Float[np.ndarray, "size size"]:
        """The absolute error of each pixel, averaged over its three colours, in [0, 1]; its mean is the L1."""
        return np.abs(to_array(self.picture) - to_array(self.reconstruction)).mean(axis=-1)

    @property
    def latent_bits(self) -> float:
        """What the latent tells beyond the prior: the KL in bits.

        With bits-back coding, a code for the latent of this length is attainable (Hinton & van Camp 1993).
        """
        return self.metrics["kl_nats"] / math.log(2)

    @cached_property
    def png_bits(self) -> int:
        """The size of the picture as a PNG at this resolution: what lossless coding takes."""
        buffer = io.BytesIO()
        self.picture.save(buffer, "PNG", optimize=True)
        return 8 * buffer.getbuffer().nbytes


@dataclass(frozen=True)
class Way:
    """A way between two encodings.

    Attributes:
        frames: decoded at equal steps, from a to b.
        latent_steps: distances of neighbouring frames in latent space (Euclidean).
        picture_steps: the same between the pictures (root mean square of pixels in [0, 1]).
        angle: between the encodings, in degrees.
        length_a, length_b: of the encodings.
    """

    frames: list[Image.Image]
    latent_steps: list[float]
    picture_steps: list[float]
    angle: float
    length_a: float
    length_b: float


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
        codec = open_codec(self.folder)
        self.info, self._encode, self._decode = codec.description, codec.encode, codec.decode
        self._atlas_lock = threading.Lock()
        self._fit_lock = threading.Lock()
        self._kept: OrderedDict[str, np.ndarray] = OrderedDict()
        self._kept_lock = threading.Lock()
        self._label_direction = lru_cache(maxsize=64)(self._find_label_direction)
        self._thumbnail = lru_cache(maxsize=KEPT_THUMBNAILS)(self._draw_thumbnail)

    @property
    def name(self) -> str:
        """The folder's name, by which the model is picked."""
        return self.folder.resolve().name

    @property
    def is_spatial(self) -> bool:
        """Whether the latent is a feature map, whose N(0, I) samples have texture but no global structure."""
        return self.info.is_spatial

    @cached_property
    def metrics(self) -> dict:
        """The held-out figures of `metrics.json`; empty where the model was never evaluated."""
        return load_metrics(self.folder)

    def describe(self) -> str:
        """What the model is and was trained on, in a few words of Markdown."""
        size, shape = self.info.image_size, " x ".join(map(str, self.info.latent_shape))
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
            return Atlas.read(self.folder / ATLAS, self.info.latent_shape)
        except AtlasError as error:
            raise RequestError(str(error)) from error

    @property
    def atlas_command(self) -> str:
        """The command that makes the map."""
        dataset = str(self.info.training.get("dataset", "DATASET"))
        return shlex.join(["python", "-m", "train", "atlas", "--model", str(self.folder), "--dataset", dataset])

    def warm_up(self) -> None:
        """Compiles encoder and decoder and reads the map, so that the first person does not wait for it."""
        self.reconstruct(Image.new("RGB", (self.info.image_size,) * 2), temperature=1.0)
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
        temperature = check_range("temperature", temperature, 0, MAX_TEMPERATURE)
        original = open_picture(picture)
        fitted = fit(original, self.info.image_size)
        posterior = self._posterior(fitted)
        latent = sample_posterior(posterior, check_seed(seed), temperature)
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
            latent=np.asarray(latent[0]),
            posterior_mean=np.asarray(posterior.mean[0]),
            posterior_deviation=np.exp(np.asarray(posterior.log_var[0]) / 2),
            note=self._describe_fit(original),
        )

    def uncertainty(self, path: str) -> tuple[Float[np.ndarray, "size size"], int]:
        """Where the posterior leaves the picture open: how much each pixel varies over samples of the posterior.

        This is the uncertainty about the latent only. What the latent has no words for is the same in every sample:
        it shows in the error, and not here.

        Args:
            path: of a picture file.

        Returns:
            The standard deviation of each pixel, averaged over its three colours, in [0, 1]; and the number of samples.

        Raises:
            PictureError: it cannot be read.
        """
        posterior = _posterior_of_file(self, path)
        count = UNCERTAINTY_SAMPLES if self.info.image_size <= 64 else UNCERTAINTY_SAMPLES // 2
        # One at a time, as in `decode`.
        decoded = [np.asarray(self._decode(sample_posterior(posterior, seed))[0]) for seed in range(count)]
        return np.std(decoded, axis=0, ddof=1).mean(axis=-1), count

    def edit(self, path: str, edits: dict[int, float], temperature: float = 0.0, seed: int = 0) -> Image.Image:
        """The picture of a reconstruction's latent after edits by hand.

        Args:
            path: of a picture file.
            edits: for a vector latent, position -> new value, -10 to 10; for a map, channel -> factor, 0 to 2.
            temperature, seed: of the reconstruction, as for `reconstruct`.

        Raises:
            PictureError: the picture cannot be read.
            RequestError: there is no such position or channel, or a number is out of range.
        """
        temperature = check_range("temperature", temperature, 0, MAX_TEMPERATURE)
        posterior = _posterior_of_file(self, path)
        latent = np.array(sample_posterior(posterior, check_seed(seed), temperature)[0])
        for key, value in edits.items():
            index = check_whole("channel" if self.is_spatial else "number", key, 0, latent.shape[-1] - 1)
            if self.is_spatial:
                latent[..., index] *= check_range("scale", value, 0, MAX_SCALE)
            else:
                latent[index] = check_range("value", value, -MAX_LATENT, MAX_LATENT)
        return self.decode(latent)

    def interpolate(self, picture_a: Picture, picture_b: Picture, t: float, method: Method = "slerp") -> Image.Image:
        """The picture at t between the encodings of two pictures.

        Args:
            picture_a, picture_b: any pictures.
            t: 0 is a's reconstruction, 1 is b's; 0 to 1.
            method: "lerp" or "slerp".

        Raises:
            PictureError, RequestError: as for `reconstruct`.
        """
        t = check_range("t", t, 0, 1)
        a, b = self.encode(picture_a), self.encode(picture_b)
        return self.decode(_explained(interpolate, a, b, t, method))

    def interpolation(
        self, picture_a: Picture, picture_b: Picture, steps: int = 9, method: Method = "slerp"
    ) -> list[Image.Image]:
        """`steps` pictures, 2 to 65, at even t from a's reconstruction to b's."""
        steps = check_whole("steps", steps, 2, MAX_STEPS)
        a, b = self.encode(picture_a), self.encode(picture_b)
        return [self.decode(_explained(interpolate, a, b, t, method)) for t in np.linspace(0, 1, steps)]

    def way(
        self,
        picture_a: Picture,
        picture_b: Picture,
        steps: int = 33,
        method: Method = "slerp",
        wanted: Callable[[], bool] = lambda: True,
    ) -> Iterator[Way]:
        """What lies between the encodings of two pictures: first in few frames, then in more, at last in `steps`.

        Every way has the frames of the one before it, and others between them.

        Args:
            picture_a, picture_b, method: as for `interpolate`.
            steps: 9, 17, 33 or 65.
            wanted: asked before each frame is decoded; at the first no, nothing more comes.
        """
        steps = check_whole("steps", steps, 2, MAX_STEPS)
        a, b = self.encode(picture_a), self.encode(picture_b)
        latents = [_explained(interpolate, a, b, t, method) for t in np.linspace(0, 1, steps)]
        decoded: dict[int, Image.Image] = {}
        shown_at = -math.inf
        for stride in _strides(steps):
            for row in range(0, steps, stride):
                if row not in decoded:
                    if not wanted():
                        return
                    decoded[row] = self.decode(latents[row])
            if stride > 1 and time.monotonic() - shown_at < SHOWN_SECONDS:
                continue  # the next round is here before this one is seen
            shown_at = time.monotonic()
            rows = sorted(decoded)
            yield Way(
                frames=[decoded[row] for row in rows],
                latent_steps=[float(np.linalg.norm(latents[i] - latents[j])) for i, j in pairwise(rows)],
                picture_steps=[_rmse(decoded[i], decoded[j]) for i, j in pairwise(rows)],
                angle=angle(a, b),
                length_a=float(np.linalg.norm(a)),
                length_b=float(np.linalg.norm(b)),
            )

    def corners(
        self, pictures: Sequence[Picture], method: Method = "slerp", wanted: Callable[[], bool] = lambda: True
    ) -> Iterator[list[Image.Image]]:
        """A square of pictures between four, at its top left, top right, bottom left and bottom right.

        Args:
            pictures, method: as for `interpolate`.
            wanted: as for `way`.

        Yields:
            3 x 3, then 5 x 5, then 9 x 9 pictures, row by row.
        """
        corners = [self.encode(picture) for picture in pictures]
        places = np.linspace(0, 1, CORNER_SIDE)
        decoded: dict[tuple[int, int], Image.Image] = {}
        for stride in _strides(CORNER_SIDE):
            shown = list(product(range(0, CORNER_SIDE, stride), repeat=2))
            for row, column in shown:
                if (row, column) not in decoded:
                    if not wanted():
                        return
                    u, v = places[column], places[row]
                    decoded[row, column] = self.decode(_explained(mix_corners, *corners, u, v, method))
            yield [decoded[place] for place in shown]

    def analogy(self, a: Picture, b: Picture, c: Picture, strength: float = 1.0) -> list[Image.Image]:
        """What makes a of b, done to c: decodes c + strength (a - b), with the posterior means of all three.

        Mikolov et al. 2013 for words; Larsen et al. 2016 (https://arxiv.org/abs/1512.09300) for latents of pictures.

        Args:
            a, b, c: any pictures.
            strength: 0 leaves c as it is, 1 is the whole difference; 0 to 2.

        Returns:
            The reconstructions of a, b and c, and the result.
        """
        strength = check_range("strength", strength, 0, MAX_STRENGTH)
        a, b, c = (self.encode(picture) for picture in (a, b, c))
        return [self.decode(latent) for latent in (a, b, c, c + np.float32(strength) * (a - b))]

    def sample(
        self,
        count: int = 16,
        temperature: float = 1.0,
        seed: int = 0,
        distribution: str = "prior",
        first: int = 0,
    ) -> list[Image.Image]:
        """Pictures decoded from N(0, temperature^2 I), or from another distribution; see `sample_latents`."""
        return [self.decode(z) for z in self.sample_latents(count, temperature, seed, distribution, first)]

    def sample_latents(
        self,
        count: int = 16,
        temperature: float = 1.0,
        seed: int = 0,
        distribution: str = "prior",
        first: int = 0,
    ) -> Float[np.ndarray, "count *latent"]:
        """Latents drawn at random.

        Args:
            count: 1 to 64; a larger grid begins with the smaller one.
            temperature: 0 to 3; scales the noise.
            seed: the same seed gives the same latents, and the same noise to every distribution.
            distribution: "prior", N(0, I); "gaussian" or "mixture", fitted to the aggregate posterior.
            first: the number of the first one, for a grid that is drawn in parts; 0 to 63.

        Raises:
            RequestError: a number is out of range, or the distribution is none of these or needs a map.
        """
        count = check_whole("count", count, 1, MAX_COUNT)
        first = check_whole("first", first, 0, MAX_COUNT - 1)
        temperature = check_range("temperature", temperature, 0, MAX_TEMPERATURE)
        seed = check_seed(seed)
        noise = np.asarray(sample_prior(seed, count, self.info.latent_shape, temperature, first))
        if distribution == "prior":
            return noise
        if distribution not in ("gaussian", "mixture"):
            raise RequestError(f'distribution is {distribution!r}; accepted: "prior", "gaussian", "mixture"')
        uniform = np.array([np.random.default_rng([seed, i]).random() for i in range(first, first + count)])
        return self.priors[distribution](noise, uniform)

    @property
    def priors(self) -> dict[str, Prior]:
        """The model's priors by name: those of its folder; where it has none, fitted to the map's latents.

        Raises:
            RequestError: there is no map either, or it has a single picture.
        """
        with self._fit_lock:
            return self._priors

    @cached_property
    def _priors(self) -> dict[str, Prior]:
        try:
            found = load_priors(self.folder, self.info.latent_shape)
        except PriorError as error:
            raise RequestError(str(error)) from None
        if len(found) == 1:
            found |= {prior.name: prior for prior in fit_priors(*self._data())}
        return found

    def _data(self) -> tuple[np.ndarray, np.ndarray]:
        if len(self.atlas) < 2:
            raise RequestError("The map has a single picture: nothing can be fitted to its latent.")
        return self.atlas.latents.astype(np.float32), self._posterior_variance()

    @property
    def aggregate(self) -> AggregatePosterior:
        """What the data set's latents are like as a whole, fitted at its first use.

        Raises:
            RequestError: there is no map, which holds those latents, or it has a single one.
        """
        with self._fit_lock:
            return self._aggregate

    @cached_property
    def _aggregate(self) -> AggregatePosterior:
        return aggregate_posterior(*self._data())

    def _posterior_variance(self) -> Float[np.ndarray, "*latent"]:
        """The mean variance of q(z | x), which the map does not hold: from some reconstructions, encoded once more."""
        atlas = self.atlas
        # The places of a latent map are alike: their average over one picture is worth many pictures.
        rows = np.linspace(0, len(atlas) - 1, min(len(atlas), 3 if self.is_spatial else 16)).astype(int)
        variances = [np.exp(np.asarray(self._posterior(self.decode(atlas.latent(i))).log_var[0])) for i in rows]
        variance = np.mean(variances, axis=0)
        return np.broadcast_to(variance.mean((0, 1)), variance.shape) if self.is_spatial else variance

    @property
    def principal(self) -> Directions:
        """The first principal directions of the data set's latents, found at their first use.

        Raises:
            RequestError: there is no map.
        """
        with self._fit_lock:
            return self._principal

    @cached_property
    def _principal(self) -> Directions:
        return principal_directions(self.atlas.latents, PRINCIPAL_COUNT)

    @cached_property
    def label_choices(self) -> dict[str, list[str]]:
        """Label columns with their labels that enough pictures share, the most frequent first."""
        choices = {}
        for column, values in self.atlas.labels.items():
            counted = Counter(value for value in values if value)
            frequent = [label for label, count in counted.most_common(MAX_LABELS) if count >= MIN_LABELLED]
            if len(frequent) > 1:
                choices[column] = frequent
        return choices

    def label_direction(self, column: str, start: str, end: str) -> tuple[Directions, float]:
        """The direction between two labels' mean latents, and how many standard deviations they are apart.

        Raises:
            RequestError: there is no map, or it has no such column or labels.
        """
        labels = self.label_choices.get(column, [])
        if start not in labels or end not in labels or start == end:
            raise RequestError("Choose two different labels of one column.")
        return self._label_direction(column, start, end)

    def _find_label_direction(self, column: str, start: str, end: str) -> tuple[Directions, float]:
        try:
            return label_direction(self.atlas.latents, np.array(self.atlas.labels[column]), start, end)
        except ValueError as error:
            raise RequestError(str(error)) from None

    def move(
        self,
        start: Float[np.ndarray, "*latent"],
        coefficients: Sequence[float],
        labels: tuple[str, str, str] | None = None,
        towards: float = 0.0,
    ) -> Float[np.ndarray, "*latent"]:
        """A latent, moved along the principal directions, and from one label towards another.

        Args:
            start: where to begin.
            coefficients: up to 6, one for each principal direction, in standard deviations, -3 to 3.
            labels: column, label to leave, label to go to; or None.
            towards: how far along that, in standard deviations, -3 to 3.

        Raises:
            RequestError: a coefficient is out of range or one too many; no such labels; no map.
        """
        if len(coefficients) > len(self.principal.directions):
            raise RequestError(f"There are {len(self.principal.directions)} principal directions.")
        steps = [check_range("coefficient", c, -MAX_DEVIATIONS, MAX_DEVIATIONS) for c in coefficients]
        latent = self.principal.move(start, steps)
        if labels:
            towards = check_range("coefficient", towards, -MAX_DEVIATIONS, MAX_DEVIATIONS)
            latent = self.label_direction(*labels)[0].move(latent, [towards])
        return latent

    @single_threaded
    def local_directions(self, latent: Float[np.ndarray, "*latent"]) -> Directions:
        """The two directions in which the data set varies most among the nearest latents.

        Raises:
            RequestError: there is no map.
        """
        near = self.atlas.locate(latent, LOCAL_COUNT).neighbours
        return principal_directions(self.atlas.latents[near], 2)

    def keep(self, latent: Float[np.ndarray, "*latent"]) -> str:
        """Holds a latent for a page, which gets a name for it; the least lately used of 2048 is let go."""
        token = secrets.token_urlsafe(9)
        with self._kept_lock:
            self._kept[token] = np.asarray(latent, np.float32)
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        return token

    def kept(self, token: str) -> Float[np.ndarray, "*latent"]:
        """A latent that `keep` holds.

        Raises:
            RequestError: it holds none of that name, or no longer.
        """
        with self._kept_lock:
            if token not in self._kept:
                raise RequestError("This place is no longer held. Choose a sample or a picture again.")
            self._kept.move_to_end(token)
            return self._kept[token]

    def save_picture(self, latent: Float[np.ndarray, "*latent"], what: str) -> str:
        """Writes a latent's picture as `<model>-<what>.png` to a temporary folder; returns its path."""
        return self.save(self.decode(latent), self.name, what)

    def locate(self, picture: Picture) -> Place:
        """Places a picture on the map by its nearest neighbours in latent space.

        Raises:
            PictureError: it cannot be read.
            RequestError: there is no map.
        """
        return self.atlas.locate(self.encode(picture))

    def decode_at(self, x: float, y: float) -> tuple[Image.Image, Place]:
        """The picture of a place on the map, from the latents of the nearest points, weighted by distance.

        Raises:
            RequestError: a coordinate is not a finite number, or there is no map.
        """
        x, y = check_coordinates(x, y)
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
            return check_coordinates(*place)
        return self._check_row(place)

    def _check_row(self, index) -> int:
        return check_whole("index", index, 0, len(self.atlas) - 1)

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
        corners = np.array([check_coordinates(*corner) for corner in path])
        if np.ptp(corners, axis=0).max() == 0:
            raise RequestError("This path goes nowhere. Draw it from one place of the map to another.")
        count = check_whole("count", count, 2, MAX_STEPS)
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
        start = mean_a if index is None else self.atlas.latent(self._check_row(index))
        count = check_whole("count", count, 2, MAX_STEPS)
        return (self.decode(start + t * (mean_b - mean_a)) for t in np.linspace(0, 1, count, dtype=np.float32))

    def _check_rows(self, rows) -> np.ndarray:
        """Rows of the map, each once; whatever a page sent that is none is refused."""
        if not isinstance(rows, list | tuple) or not rows:
            raise RequestError("This group has no points. Draw around some points of the map.")
        if not all(type(row) is int and 0 <= row < len(self.atlas) for row in rows):
            raise RequestError(f"A group holds what is no row of the map, 0 to {len(self.atlas) - 1}.")
        return np.unique(rows)

    def save(self, picture: Image.Image, *words: str) -> str:
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

    def export(self, frames: Sequence[Image.Image], kind: Literal["gif", "mp4", "png"]) -> str:
        """Writes an interpolation, named after the model, to a temporary folder; returns the file's path.

        Args:
            frames: from a to b.
            kind: "gif" and "mp4" go there and back; "png" is a strip of up to nine frames.
        """
        path = Path(tempfile.mkdtemp(prefix="latentscape-")) / f"{self.name}-interpolation.{kind}"
        if kind == "png":
            save_strip(path, [frames[round(place)] for place in np.linspace(0, len(frames) - 1, min(9, len(frames)))])
            return str(path)
        side = max(EXPORT_SIDE, self.info.image_size)
        large = [frame.resize((side, side), Image.Resampling.BICUBIC) for frame in frames]
        (save_gif if kind == "gif" else save_mp4)(path, large + large[-2:0:-1])
        return str(path)

    def save_frame(self, frames: Sequence[Image.Image], t: float) -> str:
        """Writes the frame nearest to t, 0 to 1, as a PNG that says so in its name; returns its path."""
        t = check_range("t", t, 0, 1)
        return self.save(frames[round(t * (len(frames) - 1))], self.name, f"between-{t:.2f}")

    def save_corner(self, square: Sequence[Image.Image], u: float, v: float) -> str:
        """Writes a picture of a square, given row by row, as a PNG; returns its path.

        Args:
            square: from `corners`.
            u, v: the place from the left and from the top, 0 to 1.
        """
        side = math.isqrt(len(square))
        u, v = check_range("u", u, 0, 1), check_range("v", v, 0, 1)
        column, row = (min(side - 1, int(share * side)) for share in (u, v))
        shares = f"{column / (side - 1):.2f}-{row / (side - 1):.2f}"
        return self.save(square[row * side + column], self.name, f"corners-{shares}")

    def point(self, index: int) -> Neighbour:
        """A point of the map, by its row.

        Raises:
            RequestError: there is no such row.
        """
        atlas = self.atlas
        index = self._check_row(index)
        return Neighbour(index, atlas.ids[index], atlas.labels_of(index), self.decode(atlas.latent(index)))

    def neighbours(self, index: int, count: int = 8) -> list[Neighbour]:
        """The nearest points of the map in latent space to one of its points, nearest first."""
        return [self.point(int(i)) for i in self.atlas.neighbours(index, count)]

    def encode(self, picture: Picture) -> Float[np.ndarray, "*latent"]:
        """The posterior mean of any picture."""
        return np.asarray(self._posterior(fit(open_picture(picture), self.info.image_size)).mean[0])

    def decode(self, latent: Float[np.ndarray, "*latent"]) -> Image.Image:
        """The picture of a latent."""
        # One at a time: compiled once whatever the count, and faster on a CPU than a batch, which leaves its caches.
        return to_picture(self._decode(np.asarray(latent, np.float32)[None])[0])

    def _posterior(self, fitted: Image.Image) -> Posterior:
        return self._encode(to_array(fitted)[None])

    def _describe_fit(self, picture: Image.Image) -> str:
        size, sentences = self.info.image_size, []
        if picture.info["frames"] > 1:
            sentences.append(f"Of the animation's {picture.info['frames']} pictures, the first was used.")
        if picture.width != picture.height:
            side = min(picture.size)
            sentences.append(
                f"The picture is {picture.width} x {picture.height}: its central {side} x {side} pixels were used, "
                f"at {size} x {size}."
            )
        elif picture.width != size:
            sentences.append(f"Resized from {picture.width} x {picture.width} to {size} x {size}.")
        return " ".join(sentences)


def _explained(between: Callable, *arguments) -> np.ndarray:
    """What a function of latents returns; a method that it does not know becomes a `RequestError`."""
    try:
        return np.asarray(between(*arguments))
    except ValueError as error:
        raise RequestError(str(error)) from None


def _strides(count: int) -> list[int]:
    """Steps through `count` places, from those that leave three of them, halving, down to 1."""
    largest = 1
    while (count - 1) % (4 * largest) == 0:
        largest *= 2
    return [largest >> k for k in range(largest.bit_length())]


def _rmse(a: Image.Image, b: Image.Image) -> float:
    difference = (np.asarray(a, np.float32) - np.asarray(b, np.float32)) / 255
    return float(np.sqrt(np.mean(difference**2)))


@lru_cache(maxsize=64)
def _posterior_of_file(explorer: Explorer, path: str) -> Posterior:
    """The posterior of an uploaded picture, kept: a hand that edits a latent asks for it many times a second."""
    fitted = fit(open_picture(path), explorer.info.image_size)
    return Posterior(*map(np.asarray, explorer._posterior(fitted)))
