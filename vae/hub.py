"""Models on the Hugging Face Hub: downloads what `vae.codec.open_codec` needs of a repository, and nothing else."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from vae.checkpoint import ATLAS, CARD, CLASS_NAME, CONFIG, METRICS, PRIOR, ModelFolderError, read_config
from vae.checkpoint import WEIGHTS as OWN_WEIGHTS
from vae.codec import describe
from vae.diffusers import HALF_WEIGHTS, WEIGHTS

MODEL_ID = re.compile(r"(?!.*(\.\.|--))\w[\w.-]{0,95}/\w[\w.-]{0,95}", re.ASCII)
SUBFOLDER = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)*", re.ASCII)  # no "..", nothing absolute
PIPELINE_FOLDER = "vae"  # where a pipeline of diffusers has its autoencoder
MAX_BYTES = 4_000_000_000  # of a file; Stable Diffusion's weights are 335 MB
CHUNK_BYTES = 1 << 20  # of a download, after which its progress is told

Progress = Callable[[int, int | None], None]  # bytes of a file so far, and in all where that is known


def fetch(model_id: str, subfolder: str | None = None, on_progress: Progress | None = None) -> Path:
    """Downloads a model into the Hub's cache on this machine; what is there already is not downloaded again.

    Without a network, a model that was downloaded before is found in the cache.

    Args:
        model_id: of the repository, such as "madebyollin/taesd" or "stabilityai/sdxl-vae".
        subfolder: where in the repository the model is; by default at its top or, of a whole pipeline, in "vae".
        on_progress: called as a file arrives; what it raises ends the download. The Hub's client prints a bar besides,
            where it is not told not to.

    Returns:
        The folder, for `open_codec`.

    Raises:
        ModelFolderError: the id is wrong, the model is private, gated, too large or of a kind that is not opened here,
            or the Hub cannot be reached.
    """
    from huggingface_hub import constants

    if not MODEL_ID.fullmatch(model_id):
        raise ModelFolderError(f"{model_id[:200]!r} is no id of the Hugging Face Hub; one is like madebyollin/taesd.")
    if subfolder is not None and not SUBFOLDER.fullmatch(subfolder):
        raise ModelFolderError(f"{subfolder[:200]!r} is no subfolder of {model_id}; one is like vae.")
    # What Xet downloads cannot be ended by `on_progress`, and lies where `forgotten_on_failure` does not look.
    constants.HF_HUB_DISABLE_XET = True
    constants.DOWNLOAD_CHUNK_SIZE = CHUNK_BYTES
    download = partial(_download, model_id, trouble=_trouble(model_id))
    for place in [f"{subfolder}/"] if subfolder else ["", f"{PIPELINE_FOLDER}/"]:
        config = download(place + CONFIG)
        if config is not None:
            break
    else:
        raise ModelFolderError(
            f"{model_id} on the Hugging Face Hub has no {f'{subfolder}/' if subfolder else ''}{CONFIG}: it is no "
            "autoencoder that can be opened, or its autoencoder is in another subfolder."
        )
    folder = config.parent
    try:
        describe(folder)  # before gigabytes of something else are downloaded
    except ModelFolderError as error:
        raise ModelFolderError(str(error).replace(str(folder), model_id)) from error
    commit = config.parents[place.count("/")].name  # all files are of one version of the repository
    weights: tuple[str, ...] = (OWN_WEIGHTS,)
    others: tuple[str, ...] = (ATLAS, PRIOR, METRICS, CARD)
    if CLASS_NAME in read_config(folder):
        weights, others = (WEIGHTS, HALF_WEIGHTS), ()
    if not any(download(place + name, commit, on_progress) for name in weights):
        raise ModelFolderError(
            f"{model_id} on the Hugging Face Hub has no {place}{weights[0]}; weights in other formats are not opened."
        )
    for name in others:
        download(place + name, commit, on_progress)
    return folder


@contextmanager
def forgotten_on_failure(model_id: str) -> Iterator[None]:
    """Removes what is downloaded of a model within, where that fails; not of one that was there, in part, before."""
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    place = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=model_id, repo_type="model")
    was_there = place.exists()
    try:
        yield
    except BaseException:
        if not was_there:
            shutil.rmtree(place, ignore_errors=True)
        raise


def _trouble(model_id: str) -> str:
    """Why the Hub cannot be asked now; empty where it can. Its client would try for as long as a busy Hub says."""
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError

    try:
        get_hf_file_metadata(hf_hub_url(model_id, CONFIG), timeout=constants.HF_HUB_ETAG_TIMEOUT)
    except HfHubHTTPError as error:
        status = error.response.status_code
        return f"answered {status}" if status >= 500 or status in (408, 429) else ""
    except Exception:  # of the network, of the HTTP library that the client uses
        return "cannot be reached"
    return ""


def _download(
    model_id: str,
    name: str,
    commit: str | None = None,
    on_progress: Progress | None = None,
    *,
    trouble: str,
) -> Path | None:
    """One file, where there is `trouble` from the cache; None where the repository has none of this name.

    Raises:
        ModelFolderError: all else that can go wrong, in a sentence.
    """
    # The client takes half a second to import, and is needed by few.
    from huggingface_hub import _CACHED_NO_EXIST, hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RemoteEntryNotFoundError,
        RepositoryNotFoundError,
    )

    try:
        found = hf_hub_download(model_id, name, revision=commit, local_files_only=bool(trouble), dry_run=True)
        if found.file_size and found.file_size > MAX_BYTES:
            raise ModelFolderError(
                f"{name} of {model_id} has {found.file_size / 1e9:.1f} GB; at most {MAX_BYTES / 1e9:.1f} are accepted."
            )
        bar = _bar(on_progress)
        return Path(hf_hub_download(model_id, name, revision=commit, local_files_only=bool(trouble), tqdm_class=bar))
    except RemoteEntryNotFoundError:
        return None
    except LocalEntryNotFoundError as error:
        if try_to_load_from_cache(model_id, name, revision=commit) is _CACHED_NO_EXIST:
            return None
        raise ModelFolderError(
            f"The Hugging Face Hub {trouble or 'cannot be reached'}, and {model_id} was not downloaded before: check "
            "the network, try again later, or give a folder."
        ) from error
    except GatedRepoError as error:
        raise ModelFolderError(
            f"{model_id} is gated: accept its terms on its page of the Hugging Face Hub, then log in: hf auth login"
        ) from error
    except RepositoryNotFoundError as error:
        raise ModelFolderError(
            f"The Hugging Face Hub has no model {model_id}, or it is private: check the name, or log in: hf auth login"
        ) from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        raise ModelFolderError(f"The Hugging Face Hub answered {status} for {model_id}: try again later.") from error
    except ModelFolderError:
        raise
    except (OSError, ValueError) as error:  # the disk is full, the connection was lost
        said = getattr(error, "strerror", None) or "it did not arrive in full"  # without the path of the cache
        raise ModelFolderError(f"{name} of {model_id} could not be downloaded ({said}): try again.") from error


def _bar(on_progress: Progress | None) -> Any:
    """The client's progress bar, which also calls `on_progress`."""
    from huggingface_hub.utils import tqdm

    class Bar(tqdm):
        def __init__(self, *args: Any, **options: Any):
            super().__init__(*args, **options)
            self.so_far = options.get("initial", 0)  # a hidden bar does not count

        def update(self, n: int | None = 1) -> bool | None:
            self.so_far += n or 0
            if on_progress is not None:
                on_progress(self.so_far, self.total)
            return super().update(n)

    return Bar
