"""A model's decoder as a file for the visitor's browser, which then draws latents itself (`app/web/codec`)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError

from app.explore.limits import DECODER_BYTES
from app.web import codec
from vae.checkpoint import ModelFolderError, load_info


@dataclass(frozen=True)
class DecoderFile:
    """What a browser needs to decode.

    Attributes:
        architecture: as in the model's `config.json`.
        content: safetensors, in float16.
        digest: a name for the content, which another content does not have.
    """

    architecture: dict
    content: bytes
    digest: str


def decoder_file(folder: Path) -> DecoderFile | None:
    """The file of a model of kind "conv-vae"; None if its decoder is too large for it, or cannot be read any more."""
    try:
        if codec.size(folder, ("decoder",)) > DECODER_BYTES:
            return None
        content = codec.weights(folder, ("decoder",))
        architecture = load_info(folder).config.to_dict()
    except (OSError, SafetensorError, ModelFolderError):  # the model was loaded, but its folder has gone since
        return None
    return DecoderFile(architecture, content, hashlib.sha256(content).hexdigest()[:16])
