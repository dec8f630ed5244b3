"""OpenModel: one model folder, loaded, with its map, its priors and what has been worked out about it."""

from __future__ import annotations

import hashlib
import os
import shlex
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from PIL import Image

from app.explore import wire
from app.explore.cache import Cache
from app.explore.decoder_file import DecoderFile, decoder_file
from app.explore.limits import (
    DRAWN_LEVELS,
    MAP_BYTES,
    MAX_COMPLAINT,
    MODEL_BYTES,
    POINTS_BYTES,
    TIMED_DECODES,
    RequestError,
)
from app.explore.snapshots import Snapshot, read_snapshots
from app.explore.subject import Subject
from app.explore.turns import DECODING, ENCODING, held
from app.words import plain, with_terms, without_terms
from vae.atlas import ACTIVE_FACT, Atlas, AtlasError, read_facts
from vae.checkpoint import ATLAS, CONFIG, CONV_VAE, METRICS, PRIOR, WEIGHTS, ModelFolderError, load_metrics
from vae.codec import Codec, Description, describe, open_codec
from vae.images import to_array, to_picture
from vae.latent import Posterior
from vae.priors import (
    AggregatePosterior,
    Gaussian,
    Mixture,
    Prior,
    PriorError,
    StandardNormal,
    active_dimensions,
    aggregate_posterior,
    fewer,
    fit_priors,
    load_priors,
    posterior_spread,
)

T = TypeVar("T")
_points = Cache(POINTS_BYTES)


def for_visitors(error: Exception, folder: Path) -> str:
    """What is wrong with a model folder, without where it is on this machine: of its path, only its name."""
    said = str(error)
    for parent in (folder.parent, folder.absolute().parent, folder.resolve().parent):
        said = said.replace(f"{parent}{os.sep}", "")
    return said if len(said) <= MAX_COMPLAINT else f"{said[:MAX_COMPLAINT]}…"


def _first_alone(compiled: Callable[[Any], T]) -> Callable[[Any], T]:
    """The same, but for its first call, which compiles: whoever comes meanwhile waits, and compiles nothing again."""
    compiling, is_compiled = threading.Lock(), threading.Event()

    def call(batch: Any) -> T:
        if is_compiled.is_set():
            return compiled(batch)
        with held(compiling):
            answer = compiled(batch)
            is_compiled.set()
        return answer

    return call


def written(folder: Path) -> tuple[int, ...]:
    """When the files of a model folder were written, in nanoseconds; 0 for those that are not there."""
    paths = (folder / name for name in (CONFIG, WEIGHTS, ATLAS, PRIOR, METRICS))
    return tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in paths)


@dataclass(frozen=True)
class Activity:
    """How many dimensions of a latent are active (`vae.priors.active_dimensions`), and how many it has."""

    active: int
    size: int

    @property
    def in_words(self) -> str:
        """What that means for the model, in a sentence with its term marked (app/words)."""
        if self.active == self.size:
            return f"All {self.size:,} dimensions of the latent are [[active]]."
        if not self.active:
            return f"None of the latent's {self.size:,} dimensions is [[active]]: it carries no information."
        return (
            f"{self.active:,} of the latent's {self.size:,} dimensions are [[active]]; the other "
            f"{self.size - self.active:,} have collapsed and carry no information."
        )


class OpenModel:
    """What the questions in this folder are asked of. Safe for several threads.

    Attributes:
        folder: the model's.
        name: by which it is picked.
        info: what is known of it.
        metrics: the figures of `metrics.json`; empty where the model was never evaluated.
        written: when its files were, as it was opened.
        seconds_per_decode: how long one picture takes to decode on this machine, as measured by `warm_up`; None before.

    Args:
        folder: a model folder.
        name: if not the folder's own.

    Its weights are read when it first encodes or decodes, unless `load` did.

    Raises:
        ModelFolderError: the folder's `config.json` describes no model.
    """

    def __init__(self, folder: Path | str, name: str | None = None):
        self.folder = Path(folder)
        self.name = name or self.folder.resolve().name
        self.written = written(self.folder)
        self.info: Description = describe(self.folder)
        self.metrics = load_metrics(self.folder)
        self.seconds_per_decode: float | None = None
        self._codec: Codec | None = None
        self._codec_lock = threading.Lock()
        self._encode = _first_alone(self._encode_by_turns)
        self._decode = _first_alone(lambda latents: self.load().decode(latents))
        # The widgets' questions come by many threads at once, and not through Gradio's queue.
        self._atlas: Atlas | None = None
        self._atlas_lock = threading.Lock()
        self._cache = Cache(MODEL_BYTES)
        self._key = object()  # of what is remembered of this model among others'

    def load(self) -> Codec:
        """Reads the weights, once.

        Raises:
            ModelFolderError: they are missing, damaged, or those of another architecture.
        """
        with held(self._codec_lock):
            if self._codec is None:
                try:
                    self._codec = open_codec(self.folder)
                except ModelFolderError as error:
                    raise ModelFolderError(for_visitors(error, self.folder)) from error
            return self._codec

    @property
    def card(self) -> dict:
        """What a page knows the model by, in JSON-ready types.

        With a `codec` where the browser can decode too: the `architecture`, and of its `weights` where they are, under
        the address of kit/web.py's files, and how many `bytes`.
        """
        card = {
            "name": self.name,
            "title": self.info.title,
            "size": self.info.image_size,
            "shape": list(self.info.latent_shape),
        }
        file = self.decoder_file
        if file is None:
            return card
        path = f"decoders/{file.digest}/{quote(self.name, safe='')}.safetensors"
        return card | {"codec": {"architecture": file.architecture, "weights": path, "bytes": len(file.content)}}

    @property
    def decoder_file(self) -> DecoderFile | None:
        """What a browser needs to decode; None where it cannot. Made at its first use, and kept."""
        if self.info.kind != CONV_VAE:
            return None
        return self.remember("decoder file", None, lambda: decoder_file(self.folder))

    @property
    def snapshots(self) -> dict[str, list[Snapshot]]:
        """What it was at moments of its training, by run (`app.explore.snapshots`); read at their first use."""
        return self.remember("snapshots", None, lambda: read_snapshots(self.folder))

    def describe(self) -> str:
        """What the model is and was trained on, in a line of Markdown."""
        title, summary = plain(self.info.title), plain(self.info.summary)
        return f"{f'**{title}.** {summary}'.strip()} {with_terms(self._figures())}"

    def figures(self) -> str:
        """What it turns a picture into, and how well it gives it back, in a line of text."""
        return without_terms(self._figures())

    def _figures(self) -> str:
        """The same, with its terms marked."""
        size, shape = self.info.image_size, " x ".join(map(str, self.info.latent_shape))
        latent = f"a [[latent]] of {shape} numbers"
        if self.info.is_spatial:
            latent = f"a [[spatial latent]] of {shape} numbers"
        parts = [f"It turns a picture of {size} x {size} pixels into {latent}, and back."]
        if self.metrics:
            measured = "On [[held-out]] pictures" if self.metrics["held_out"] else "On pictures that it was trained on"
            figures = f"{self.metrics['psnr_db']:.1f} dB [[PSNR]], {self.metrics['ssim']:.2f} [[SSIM]]"
            nats = self.metrics.get("kl_nats")
            told = "" if nats is None else f", a [[KL]] of {nats:,.1f} [[nats]]"
            parts.append(f"{measured}: {figures}{told}.")
        if self.activity:
            parts.append(self.activity.in_words)
        return " ".join(parts)

    @property
    def activity(self) -> Activity | None:
        """How many dimensions of the latent carry anything, over the map's pictures.

        Without a map over those that `evaluate` measured; None where there are neither.
        """
        try:
            return Activity(self.remember("active", None, self._count_active), self.info.latent_size)
        except RequestError:
            count, active, size = (self.metrics.get(name) for name in ("count", "active_units", "latent_units"))
        if not (isinstance(count, int) and isinstance(active, int) and isinstance(size, int)):
            return None
        return Activity(active, size) if count > 1 and 0 <= active <= size else None

    def _count_active(self) -> int:
        known = read_facts(self.folder / ATLAS).get(ACTIVE_FACT, "")
        if known.isdecimal() and len(known) < 10 and int(known) <= self.info.latent_size:
            return int(known)
        if len(self.atlas) < 2:
            raise RequestError("The map has a single picture: nothing varies over it.")
        return int(active_dimensions(self.atlas.latents).sum())

    # ---- Pictures and latents ----

    def posterior(self, subject: Subject) -> Posterior:
        """What the encoder makes of a picture, without a batch axis; encoded once for each upload."""
        return self.remember("posterior", subject.key, lambda: self.encode(subject.fitted(self.info.image_size)))

    def latent(self, subject: Subject) -> Float[np.ndarray, "*latent"]:
        """The latent that this model drew the picture from, if it did; else the posterior mean."""
        own = self.own_latent(subject)
        return np.asarray(self.posterior(subject).mean) if own is None else own

    def own_latent(self, subject: Subject) -> Float[np.ndarray, "*latent"] | None:
        """The latent that a picture carries, if this model drew it from that; else None.

        The picture is compared with what the latent decodes to: it may have been painted over since, cut, or drawn by
        another model of the same name.
        """
        if subject.latent is None or subject.latent_model != self.name:
            return None
        return self.remember("own latent", subject.key, lambda: self._check_own(subject))

    def _check_own(self, subject: Subject) -> Float[np.ndarray, "*latent"] | None:
        if (subject.width, subject.height) != (self.info.image_size,) * 2:
            return None
        try:
            latent = wire.from_text(subject.latent, self.info.latent_shape, most=1)[0]
        except RequestError:
            return None
        shown, decoded = (np.asarray(p, np.int16) for p in (subject.fitted(self.info.image_size), self.decode(latent)))
        return latent if np.abs(shown - decoded).max() <= DRAWN_LEVELS else None

    def encode(self, picture: Image.Image) -> Posterior:
        """The posterior of a square picture of the model's size, without a batch axis."""
        mean, log_var = self._encode(jnp.asarray(to_array(picture)[None]))
        return Posterior(np.asarray(mean)[0], None if log_var is None else np.asarray(log_var)[0])

    def _encode_by_turns(self, pictures: Float[Array, "1 size size 3"]) -> Posterior:
        codec = self.load()
        with ENCODING:  # held by nothing that waits for anything else
            return jax.block_until_ready(codec.encode(pictures))

    def decode(self, latent: Float[np.ndarray, "*latent"]) -> Image.Image:
        """The picture of a latent."""
        return to_picture(self.decode_pixels(latent))

    def decode_pixels(self, latent: Float[np.ndarray, "*latent"]) -> Float[np.ndarray, "height width 3"]:
        """The picture of a latent, before it is rounded to 8 bits."""
        # One at a time: compiled once whatever the count, and faster on a CPU than a batch, which leaves its caches.
        with DECODING:  # held by nothing that waits for anything else
            return np.asarray(self._decode(jnp.asarray(latent[None], jnp.float32)))[0]

    # ---- The map ----

    @property
    def has_atlas(self) -> bool:
        """Whether there is a map to walk."""
        return (self.folder / ATLAS).is_file()

    @property
    def atlas(self) -> Atlas:
        """The map, read at its first use.

        Raises:
            RequestError: there is none, or it cannot be read.
        """
        with held(self._atlas_lock):  # else two tabs that open at once would both read and index it
            if self._atlas is None:
                self._atlas = self._read_atlas()
            return self._atlas

    def _read_atlas(self) -> Atlas:
        if not self.has_atlas:
            raise RequestError(f"{self.info.title} has no map yet. Make one: {self.atlas_command}")
        try:
            return Atlas.read(self.folder / ATLAS, self.info.latent_shape)
        except AtlasError as error:
            raise RequestError(for_visitors(error, self.folder)) from error

    @property
    def map_latents(self) -> str | None:
        """Where a browser that decodes finds the latents of the map's points, under the address of kit/web.py's files.

        None where it has no use for them: it cannot decode, or they are vectors, which it fetches as a whole, and too
        many.

        Raises:
            RequestError: as for `atlas`.
        """
        if self.decoder_file is None or (not self.info.is_spatial and self.atlas.latents.nbytes > MAP_BYTES):
            return None
        digest = self.remember("latents' digest", None, lambda: hashlib.sha256(self.map_latents_file).hexdigest()[:16])
        return f"latents/{digest}/{quote(self.name, safe='')}.f16"

    @property
    def map_latents_file(self) -> memoryview:
        """The content of that file: little-endian float16, point after point; no copy of the map's own."""
        return np.ascontiguousarray(self.atlas.latents, "<f2").data.cast("B")

    @property
    def atlas_command(self) -> str:
        """The command that makes the map; of paths of this machine only the last names, as visitors see it."""
        dataset = str(self.info.training.get("dataset", "DATASET"))
        if os.path.isabs(dataset):
            dataset = os.path.basename(os.path.normpath(dataset))
        return shlex.join(
            ["python", "-m", "train", "atlas", "--model", self.folder.resolve().name, "--dataset", dataset]
        )

    # ---- What the data's latents are like ----

    @property
    def prior_titles(self) -> dict[str, str]:
        """The distributions that latents can be drawn from, name -> title; nothing is fitted to tell them."""
        try:
            offered = [*self._saved_priors().values()]
        except RequestError:  # damaged: told to those who ask for one of them
            offered = [StandardNormal()]
        if len(offered) == 1 and self.has_atlas:
            return {prior.name: prior.title for prior in (StandardNormal, Gaussian, Mixture)}
        return {prior.name: prior.title for prior in offered}

    @property
    def priors(self) -> dict[str, Prior]:
        """N(0, I) and the model's other distributions: those of its folder; without any, fitted to the map's latents.

        Raises:
            RequestError: there is no map either, or it has a single picture; or the folder's are damaged.
        """
        saved = self._saved_priors()
        return saved if len(saved) > 1 else saved | self.remember("fitted priors", None, self._fit_priors)

    def _saved_priors(self) -> dict[str, Prior]:
        path = self.folder / PRIOR
        try:
            written = path.stat().st_mtime_ns if path.exists() else None
            return self.remember("saved priors", written, lambda: load_priors(self.folder, self.info.latent_shape))
        except PriorError as error:
            raise RequestError(for_visitors(error, self.folder)) from None

    def _fit_priors(self) -> dict[str, Prior]:
        return {prior.name: prior for prior in fit_priors(*self._data())}

    @property
    def aggregate(self) -> AggregatePosterior:
        """The statistics of the data set's latents.

        Raises:
            RequestError: there is no map, which holds those latents, or it has a single picture.
        """
        return self.remember("aggregate", None, lambda: aggregate_posterior(*self._data()))

    def _data(self) -> tuple[Float[np.ndarray, "count *latent"], Float[np.ndarray, "*latent"]]:
        """The data set's latents, or an even part of very many, and the mean variance of their posteriors."""
        if len(self.atlas) < 2:
            raise RequestError("The map has a single picture: nothing can be fitted to its latent.")
        return fewer(self.atlas.latents).astype(np.float32), self.posterior_spread[0]

    @property
    def posterior_spread(self) -> tuple[Float[np.ndarray, "*latent"], Float[np.ndarray, "*latent"]]:
        """The mean variance of q(z | x) and its mean logarithm: `vae.priors.posterior_spread`.

        Raises:
            RequestError: there is no map.
        """

        def encode_again(latent: Float[np.ndarray, "*latent"]) -> Float[np.ndarray, "*latent"] | None:
            log_var = self.encode(self.decode(latent)).log_var
            return None if log_var is None else np.asarray(log_var)

        return self.remember("posterior spread", None, lambda: posterior_spread(self.atlas.latents, encode_again))

    # ---- Cost ----

    def warm_up(self) -> None:
        """Compiles encoder and decoder, and times the decoder, so that nobody has to wait for it."""
        with ThreadPoolExecutor(1) as beside:  # one program is compiled on one core
            decoded = beside.submit(self.decode, np.zeros(self.info.latent_shape, np.float32))
            self.encode(Image.new("RGB", (self.info.image_size,) * 2))
            decoded.result()
        self.seconds_per_decode = self._time_decoder()

    def warm_up_map(self) -> None:
        """Reads the map, for the same reason."""
        with suppress(RequestError):  # one that is missing or damaged is told of where it is asked for
            self.atlas.latent_at(0, 0)

    def affordable(self, seconds: float, least: int, most: int) -> int:
        """How many pictures can be decoded in so many seconds on this machine, from `least` to `most`."""
        if self.seconds_per_decode is None:
            self.seconds_per_decode = self._time_decoder()
        return max(least, min(most, int(seconds / self.seconds_per_decode)))

    def _time_decoder(self) -> float:
        latent = np.zeros(self.info.latent_shape, np.float32)
        self.decode(latent)  # compiles
        times = []
        for _ in range(TIMED_DECODES):
            begun = time.perf_counter()
            self.decode(latent)
            times.append(time.perf_counter() - begun)
        return min(times)

    def remember(self, question: str, key: Hashable, compute: Callable[[], T]) -> T:
        """What `compute` returns, kept for the next time that the question is asked with this key."""
        return self._cache.get((question, key), compute)

    def remember_points(self, question: str, key: Hashable, compute: Callable[[], T]) -> T:
        """The same, for answers that hold numbers of every point of the map, which have room that all models share."""
        return _points.get((self._key, question, key), compute)
