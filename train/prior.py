"""Fits priors to the latents of a data set, and writes `prior.safetensors`."""

from __future__ import annotations

import argparse

import numpy as np

from train.data import DataError
from train.encode import encode_all, open_model_and_pictures
from train.flow import fit_flow
from vae.checkpoint import PRIOR
from vae.flow import MAX_TOKENS, Flow, token_shape
from vae.latent import Posterior
from vae.priors import Gaussian, Mixture, fit_priors, save_priors


def run_prior(arguments: argparse.Namespace) -> None:
    """`python -m train prior`."""
    codec, pictures = open_model_and_pictures(arguments)
    if len(pictures) < 2:
        raise DataError(f"{arguments.dataset}, split {pictures.split}, has a single picture: nothing can be fitted.")
    mean, log_var = encode_all(codec, pictures.images)
    priors: list[Gaussian | Mixture | Flow] = []
    mean = np.asarray(mean)
    priors += fit_priors(mean, np.zeros_like(mean) if log_var is None else np.exp(np.asarray(log_var)))
    save_priors(arguments.model, priors)  # as the flow may take long
    if arguments.steps and token_shape(mean.shape[1:])[0] <= MAX_TOKENS:
        priors.append(fit_flow(Posterior(mean, log_var), pictures.labels, arguments.steps))
        save_priors(arguments.model, priors)
    titles = ", ".join(f"{prior.title} ({prior.name})" for prior in priors)
    print(f"{arguments.model / PRIOR}: fitted to the latents of {len(pictures):,} pictures: {titles}")
