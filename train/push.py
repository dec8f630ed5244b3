"""`python -m train push`: a model folder onto the Hugging Face Hub, where the app opens it by its id."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from train.config import FlagError
from train.curves import CURVES
from train.run import TrainError
from vae.checkpoint import ATLAS, CARD, CONFIG, METRICS, PRIOR, WEIGHTS
from vae.codec import open_codec
from vae.diffusers import HALF_WEIGHTS
from vae.diffusers import WEIGHTS as DIFFUSERS_WEIGHTS
from vae.hub import MODEL_ID
from vae.uploads import uploading

# What a model folder is; checkpoints and logs of the training stay here.
FILES = (CONFIG, WEIGHTS, DIFFUSERS_WEIGHTS, HALF_WEIGHTS, ATLAS, PRIOR, METRICS, CARD, CURVES)
SNAPSHOTS = "snapshots/*"
TASK = "unconditional-image-generation"  # the Hub's name for what a VAE's samples are


def run_push(arguments: argparse.Namespace) -> None:
    """`python -m train push`."""
    for flag, ids in (("--to", [arguments.to]), ("--dataset", arguments.dataset or [])):
        for one in ids:
            if not MODEL_ID.fullmatch(one):
                raise FlagError(flag, f"{one[:200]!r} given; accepted: owner/name, as on the Hugging Face Hub")
    found = files(arguments.model)
    card = with_header((arguments.model / CARD).read_text("utf-8"), arguments.dataset or [], arguments.license)
    if arguments.dry_run:
        for path in found:
            print(f"{path.stat().st_size / 1000:10,.1f} kB  {path.relative_to(arguments.model)}")
        print(f"The card would begin:\n{card.partition('---')[2].partition('---')[0].strip()}")
    else:
        print(f"Open {upload(arguments.model, found, card, arguments.to, arguments.private)}")


def files(folder: Path) -> list[Path]:
    """What goes to the Hub of a model folder.

    Raises:
        ModelFolderError: the model cannot be opened.
        TrainError: it has no card.
    """
    open_codec(folder)
    if not (folder / CARD).is_file():
        raise TrainError(f"{folder} has no {CARD}, which the Hub shows as the model's page: write one.")
    return [path for name in FILES if (path := folder / name).is_file()] + sorted(folder.glob(SNAPSHOTS))


def with_header(card: str, datasets: Sequence[str] = (), license_id: str | None = None) -> str:
    """A card with the fields in its header by which the Hub finds the model; what the header says already stays.

    Args:
        card: the text of a README.md, with a YAML header or without.
        datasets: ids on the Hub, which are added to those named there.
        license_id: as the Hub spells it, such as "apache-2.0"; replaces another one.

    Raises:
        TrainError: the header is no YAML.
    """
    from huggingface_hub import ModelCard

    try:
        found = ModelCard(card)
    except Exception as error:  # ValueError, or one of the YAML parser's own
        raise TrainError(f"The header of {CARD} cannot be read: {' '.join(str(error).split())[:200]}") from None
    data = found.data
    named = data.get("datasets") or []
    data["pipeline_tag"] = data.get("pipeline_tag") or TASK
    data["datasets"] = [*dict.fromkeys([*([named] if isinstance(named, str) else named), *datasets])] or None
    data["license"] = license_id or data.get("license")
    return str(found)


def upload(folder: Path, found: Sequence[Path], card: str, to: str, private: bool = False) -> str:
    """Creates the model's repository, or brings it up to date, in one commit; returns its address.

    Files that the repository has besides stay.

    Args:
        folder: the model's.
        found: its files.
        card: what becomes of its README.md.
        to: owner/name.
        private: whether a repository that is made now is hidden from others.

    Raises:
        UploadError: no token, no permission, or no network.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    hub = HfApi()
    contents = {path.relative_to(folder).as_posix(): path for path in found} | {CARD: card.encode()}
    with uploading(to):
        hub.create_repo(to, private=private, exist_ok=True)
        added = [CommitOperationAdd(name, content) for name, content in contents.items()]
        hub.create_commit(to, added, commit_message="A model of Latentscape")
    return f"{hub.endpoint}/{to}"
