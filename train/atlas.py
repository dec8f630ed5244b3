"""Encodes a data set, lays its latents out on a map with UMAP, and writes `atlas.parquet`."""

from __future__ import annotations

import argparse
import io
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file
from tqdm import tqdm

from train.config import FlagError
from train.data import Pictures
from train.encode import Images, as_floats, encode_all, in_batches, open_model_and_pictures
from train.snapshots import FOLDER, write_snapshot
from vae.atlas import ACTIVE_FACT, ERROR_COLUMN, KL_COLUMN, RESERVED, Atlas, AtlasError
from vae.checkpoint import ATLAS
from vae.codec import Codec
from vae.images import write_thumbnail
from vae.losses import kl, l1
from vae.priors import active_dimensions

PCA_COMPONENTS = 64
LAID_OUT = 50_000  # points that UMAP lays out itself, at most
PLACED_AT_ONCE = 10_000  # of the others
NEIGHBOURS = 8  # by which each of these is placed
THUMBNAIL_BUDGET = 1 << 20  # bytes, of an atlas's small originals
TRUSTWORTHINESS_POINTS = 12_000  # it needs all pairwise distances: 1 GB for these
TRUSTED = 0.8  # of a layout: below, many neighbours on the map are strangers in latent space


def run_atlas(arguments: argparse.Namespace) -> None:
    """`python -m train atlas`."""
    codec, pictures = open_model_and_pictures(arguments)
    posterior = encode_all(codec, pictures.images)
    latents = np.asarray(posterior.mean)
    errors = measure_errors(codec, pictures.images, latents)
    numbers = {ERROR_COLUMN: errors} | ({} if posterior.log_var is None else {KL_COLUMN: np.asarray(kl(posterior))})
    positions = kept_layout(arguments, codec, pictures) if arguments.keep_layout else lay_out(latents, arguments.seed)
    labels = {f"{name}_" if name in RESERVED else name: values for name, values in pictures.labels.items()}
    trust = measure_trustworthiness(latents, positions)
    facts = {"dataset": arguments.dataset, "split": pictures.split, "seed": str(arguments.seed)}
    facts["trustworthiness"] = f"{trust:.4f}"
    if len(latents) > 1:
        facts[ACTIVE_FACT] = str(np.count_nonzero(active_dimensions(latents.astype(np.float16))))
    thumbnails = {} if arguments.no_thumbnails else keep_originals(pictures.images, errors)
    atlas = Atlas(pictures.ids, positions, latents.astype(np.float16), labels, numbers, facts, thumbnails)
    moments = lay_out_snapshots(arguments.model, atlas, arguments.seed)
    atlas.write(arguments.model / ATLAS)  # last: an app that follows the folder draws the map anew
    print(f"{arguments.model / ATLAS}: {len(atlas):,} points, labels: {', '.join(labels) or 'none'}")
    print(f"small originals: {len(thumbnails):,}, of those that are drawn worst; --no-thumbnails leaves them out")
    print(describe_trust(trust))
    if moments:
        print(f"snapshots: the map at {moments} moments of the training")


def lay_out_snapshots(folder: Path, atlas: Atlas, seed: int) -> int:
    """Adds to every snapshot of a model where its pictures lie on a map of that moment; returns how many there are.

    Those of the last lie on the atlas's own map. Of each earlier one, UMAP begins with the places of the next, and is
    turned to fit them best (orthogonal Procrustes): so maps of moments that follow each other differ by what was learnt
    between them, and not by chance. A damaged snapshot, and one without latents of the same kind and number, stays
    as it is.
    """
    paths = sorted((folder / FOLDER).glob("step-*.safetensors"), key=lambda path: (len(path.name), path.name))
    places: np.ndarray | None = None
    count = 0
    for path in tqdm(paths[::-1], "lay out moments", leave=False):
        try:
            tensors = load_file(path)
            with safe_open(path, "np") as file:
                metadata = file.metadata()
        except (SafetensorError, OSError):
            continue
        means = tensors.get("pictures.mean", np.zeros(0)).astype(np.float32)
        is_same = places is None or len(means) == len(places)
        if means.shape[1:] != atlas.latents.shape[1:] or not is_same or not np.isfinite(means).all():
            continue
        flat = means.reshape(len(means), -1)
        if places is None:
            places = _place(flat, atlas.latents.reshape(len(atlas), -1).astype(np.float32), atlas.positions)
        elif len(flat) >= 5:
            places = _turned(_umap(reduced(means, np.arange(len(means)), seed), seed, start=places), towards=places)
        write_snapshot(path, tensors | {"pictures.place": places}, metadata)
        count += 1
    return count


def _turned(
    places: Float[np.ndarray, "count 2"], towards: Float[np.ndarray, "count 2"]
) -> Float[np.ndarray, "count 2"]:
    """Places turned or mirrored about their middle, and moved, so that they are as near as possible to others."""
    middle, there = places.mean(axis=0), towards.mean(axis=0)
    left, _, right = np.linalg.svd((places - middle).T @ (towards - there))
    return (places - middle) @ (left @ right) + there


def measure_errors(
    codec: Codec, images: Images, latents: Float[np.ndarray, "count *latent"]
) -> Float[np.ndarray, " count"]:
    """The L1 error of every picture decoded from its latent: mean absolute difference, pixels in [0, 1]."""
    errors = in_batches(lambda rows: l1(as_floats(images[rows]), codec.decode(latents[rows])), images.shape, "decode")
    return np.asarray(errors)


def keep_originals(
    images: Images, errors: Float[np.ndarray, " count"], budget: int = THUMBNAIL_BUDGET
) -> dict[int, bytes]:
    """Row -> small original (`vae.images.write_thumbnail`): the worst drawn first, as many as the budget holds.

    A person who looks for failures needs these; of a picture that is drawn well, the reconstruction shows as much.
    """
    kept: dict[int, bytes] = {}
    for row in tqdm(np.argsort(-errors, kind="stable").tolist(), "keep", unit="picture", leave=False):
        content = write_thumbnail(images[row])
        budget -= len(content)
        if budget < 0:
            break
        kept[row] = content
    return kept


def kept_layout(arguments: argparse.Namespace, codec: Codec, pictures: Pictures) -> Float[np.ndarray, "count 2"]:
    """The positions of the atlas that is there.

    Raises:
        FlagError: there is none that can be read, or it is one of other pictures.
    """
    accepted = "accepted: only where the model has an atlas of the same pictures"
    try:
        before = Atlas.read(arguments.model / ATLAS, codec.description.latent_shape)
    except AtlasError as error:
        raise FlagError("--keep-layout", f"given; {accepted} ({error})") from None
    if before.ids != pictures.ids:
        raise FlagError("--keep-layout", f"given; {accepted}: {len(before):,} and {len(pictures):,} differ")
    return before.positions


def lay_out(latents: Float[np.ndarray, "count *latent"], seed: int) -> Float[np.ndarray, "count 2"]:
    """UMAP (McInnes et al. 2018) of the latents, centred; the same for a seed.

    Spatial latents are reduced to 64 principal components first: thousands of numbers, most of them local detail,
    make all distances alike. With fewer than five points, where UMAP has no neighbourhoods, they go on a line.

    UMAP lays out at most 50,000 points, drawn at random. The others are placed by their nearest ones among these, as
    the app places a picture of one's own (`Atlas.locate`).
    """
    flat = latents.reshape(len(latents), -1)
    if len(flat) < 5:
        return np.stack([np.arange(len(flat)), np.zeros(len(flat))], axis=1).astype(np.float32)
    chosen = np.sort(np.random.default_rng(seed).permutation(len(flat))[:LAID_OUT])
    flat = reduced(latents, chosen, seed)
    laid_out = _umap(flat[chosen], seed)
    if len(chosen) == len(flat):
        positions = laid_out
    else:
        positions = _place(flat, flat[chosen], laid_out)
        positions[chosen] = laid_out
    return (positions - positions.mean(axis=0)).astype(np.float32)


def reduced(
    latents: Float[np.ndarray, "count *latent"], rows: Int[np.ndarray, " some"], seed: int
) -> Float[np.ndarray, "count numbers"]:
    """Vectors as they are; spatial latents as their first 64 principal components, which some of them decide."""
    flat = latents.reshape(len(latents), -1)
    if latents.ndim == 2:
        return flat
    from sklearn.decomposition import PCA

    pca = PCA(min(PCA_COMPONENTS, len(rows), flat.shape[1]), random_state=seed).fit(flat[rows])
    return np.concatenate([pca.transform(part) for part in np.array_split(flat, -(-len(flat) // PLACED_AT_ONCE))])


def _umap(
    flat: Float[np.ndarray, "count numbers"], seed: int, start: Float[np.ndarray, "count 2"] | None = None
) -> Float[np.ndarray, "count 2"]:
    from umap import UMAP  # imports and compiles for seconds: not before it is needed

    # A spectral start needs more points than it has components; small sets start at random.
    init = start if start is not None else "spectral" if len(flat) > 50 else "random"
    neighbours = min(15, len(flat) - 1)
    reducer = UMAP(
        n_neighbors=neighbours, min_dist=0.1, init=init, random_state=seed, n_jobs=1, tqdm_kwds={"desc": "lay out"},
        verbose=start is None,  # those of a training's moments have a bar of their own
    )  # fmt: skip
    with redirect_stdout(io.StringIO()):  # its log, which would run into its own progress bar
        return reducer.fit_transform(flat)


def _place(
    flat: Float[np.ndarray, "count numbers"],
    known: Float[np.ndarray, "some numbers"],
    positions: Float[np.ndarray, "some 2"],
) -> Float[np.ndarray, "count 2"]:
    """Places latents among those whose positions are known: the mean of their nearest ones' (Shepard 1968)."""
    from sklearn.neighbors import NearestNeighbors

    index = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(known)), algorithm="brute").fit(known)
    placed = []
    for start in tqdm(range(0, len(flat), PLACED_AT_ONCE), "place", leave=False):
        distances, near = index.kneighbors(flat[start : start + PLACED_AT_ONCE])
        weights = 1 / np.maximum(distances, 1e-12) ** 2
        placed.append(np.einsum("nk,nkd->nd", weights / weights.sum(1, keepdims=True), positions[near]))
    return np.concatenate(placed)


def measure_trustworthiness(latents: np.ndarray, positions: np.ndarray) -> float:
    """How far neighbours on the map are neighbours in latent space, 0 to 1 (Venna & Kaski 2001)."""
    from sklearn.manifold import trustworthiness

    chosen = np.random.default_rng(0).permutation(len(latents))[:TRUSTWORTHINESS_POINTS]
    neighbours = min(15, (len(chosen) - 1) // 2)
    if neighbours < 1:
        return 1.0
    flat = latents.reshape(len(latents), -1)
    return float(trustworthiness(flat[chosen], positions[chosen], n_neighbors=neighbours))


def describe_trust(trust: float) -> str:
    """What the trustworthiness of a layout means, in a line."""
    words = f"trustworthiness of the layout: {trust:.4f} (15 neighbours; 1 is perfect)"
    if trust >= TRUSTED:
        return words
    return (
        f"{words}. That is low: many points that are near each other on the map are not alike to the model. "
        "Latents that hold little but noise look like this (train longer), and those of very varied pictures."
    )
