"""What several rooms of the app are tested on."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import ROOT
from train.flow import fit_flow
from vae.atlas import Atlas
from vae.latent import Posterior
from vae.priors import fit_priors, save_priors


@pytest.fixture(scope="session")
def with_flow(tmp_path_factory) -> Path:
    """The folder of the fruits, with priors of their own: among them a flow, small and hardly trained."""
    folder = tmp_path_factory.mktemp("models") / "flowing"
    shutil.copytree(ROOT / "assets" / "models" / "fruits", folder)
    atlas = Atlas.read(folder / "atlas.parquet", (128,))
    latents = atlas.latents[::24].astype(np.float32)
    labels = {name: values[::24] for name, values in atlas.labels.items()}
    flow = fit_flow(Posterior(latents, None), labels, steps=5, width=16, blocks=1)
    save_priors(folder, [*fit_priors(latents, np.zeros(128, np.float32)), flow])
    return folder
