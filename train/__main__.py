"""`python -m train fit | evaluate | atlas | prior | report | push | export | faces | digits`: models, data sets."""

from __future__ import annotations

from vae.xla import use_fast_cpu_reductions, use_huge_pages

if __name__ == "__main__":
    use_huge_pages()

import argparse
import dataclasses
import os
import platform
import shlex
import sys
from pathlib import Path
from typing import Any

from train.config import DEVICE_MEMORY_BUDGET, PRESETS, FlagError, TrainConfig
from train.reporting import PACKAGES, check_reporting
from vae.checkpoint import ModelFolderError, load_info
from vae.losses import OBJECTIVES
from vae.model import VAEConfig


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parses the command line; a wrong value prints the flag, what was given and what is accepted, and exits with 2."""
    parser = argparse.ArgumentParser(prog="python -m train", description=__doc__, allow_abbrev=False)
    names = "fit | evaluate | atlas | prior | report | push | export | faces | digits"
    commands = parser.add_subparsers(dest="command", required=True, metavar=names)

    fit = commands.add_parser("fit", help="train a model", allow_abbrev=False)
    _add_dataset(fit, "train", "train on")
    fit.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="the model folder to make")
    fit.add_argument(
        "--preset",
        choices=PRESETS,
        default="pictures",
        help="architecture, loss and schedule: pictures (64 pixels, a latent of 256 numbers, minutes on a CPU; the "
        "default), fruits (128 numbers, mirrored, an hour), emoji (the same, never mirrored), faces (nearly the same), "
        "faces128 (128 pixels, a spatial latent; on a GPU), digits (32 pixels, a latent of two numbers), photos (256 "
        "pixels, a spatial latent; on a GPU), photos16 (the same with 16 channels)",
    )
    fit.add_argument("--steps", type=_positive, metavar="N", help="optimiser steps (default: the preset's)")
    fit.add_argument("--batch-size", type=_positive, metavar="N", help="pictures a step (default: the preset's)")
    fit.add_argument(
        "--accumulate",
        type=_positive,
        metavar="N",
        help="go through each batch in N equal parts and sum their gradients, so that one part is in memory at a time; "
        "for GPUs: convolutions in a loop are slow on a CPU (default: 1)",
    )
    fit.add_argument(
        "--crop", type=_positive, metavar="PIXELS", help="side of the training crops (default: the preset's)"
    )
    fit.add_argument(
        "--image-size", type=_positive, metavar="PIXELS", help="side of the pictures (default: the preset's)"
    )
    fit.add_argument(
        "--latent-dim",
        type=_positive,
        metavar="N",
        help="numbers of a vector latent, or channels of a spatial one (default: the preset's)",
    )
    fit.add_argument(
        "--channels",
        type=_channels,
        metavar="N,N,...",
        help="channels of each stage; every stage halves the resolution (default: the preset's)",
    )
    fit.add_argument(
        "--init-from",
        type=Path,
        metavar="FOLDER",
        help="begin with the architecture and the parameters of this model, made by fit (default: random parameters)",
    )
    fit.add_argument(
        "--decoder-only",
        action="store_true",
        help="with --init-from: train the decoder alone",
    )
    fit.add_argument("--learning-rate", type=_rate, metavar="RATE", help="peak learning rate (default: the preset's)")
    fit.add_argument(
        "--kl-weight", type=_weight, metavar="WEIGHT", help="weight of the KL term (default: the preset's)"
    )
    fit.add_argument(
        "--tc-weight",
        type=_weight,
        metavar="BETA",
        help="what the total correlation, which is part of the KL, costs in parts of what the KL costs: above 1, "
        "dimensions tend to know one thing each (beta-TC-VAE; default: 1)",
    )
    fit.add_argument(
        "--perceptual",
        type=_weight,
        metavar="WEIGHT",
        help="of a distance between features of EfficientNet-Lite0, for sharper pictures (default: 0)",
    )
    fit.add_argument(
        "--likelihood",
        choices=OBJECTIVES,
        help="l1-ssim (the presets'); or a true ELBO with no weights to tune: gaussian (sigma-VAE), or bernoulli for "
        "binary pictures",
    )
    fit.add_argument(
        "--kl-warmup",
        type=_natural,
        metavar="STEPS",
        help="the KL's weight rises from 0 so long (default: the preset's)",
    )
    fit.add_argument(
        "--free-bits",
        type=_weight,
        metavar="NATS",
        help="that each dimension of the latent may carry for free: against posterior collapse (default: 0)",
    )
    fit.add_argument("--seed", type=_natural, default=0, metavar="N", help="of weights, order and noise (default: 0)")
    fit.add_argument("--title", default="", help="a short name for the model, shown in the app")
    fit.add_argument("--summary", default="", help="one sentence on what it was trained on, shown in the app")
    fit.add_argument(
        "--checkpoint-every", type=_positive, default=500, metavar="N", help="steps between checkpoints (default: 500)"
    )
    fit.add_argument(
        "--snapshots",
        type=_natural,
        default=0,
        metavar="N",
        help="keep the model as it was at N moments of the training, in OUT/snapshots, to be watched (default: 0)",
    )
    fit.add_argument(
        "--report-to",
        choices=PACKAGES,
        help="also send the figures of training/metrics.jsonl to TensorBoard, through the package tensorboardX, or to "
        "Trackio (default: neither)",
    )
    fit.add_argument(
        "--device-memory-budget",
        type=_weight,
        default=DEVICE_MEMORY_BUDGET,
        metavar="GIB",
        help="pictures of up to so many GiB (number x side x side x 3 bytes) are kept in each device's memory; larger "
        "data sets stay in the host's and are brought over batch by batch; the weights are the same "
        f"(default: {DEVICE_MEMORY_BUDGET})",
    )
    fit.add_argument(
        "--coordinator",
        metavar="HOST:PORT",
        help="for several hosts, which run the same command: where process 0 listens",
    )
    fit.add_argument("--processes", type=_positive, metavar="N", help="how many hosts take part, with --coordinator")
    fit.add_argument("--process-id", type=_natural, metavar="I", help="this host's number from 0, with --coordinator")
    fit.add_argument("--resume", action="store_true", help="go on from the newest checkpoint in --out")

    evaluate = commands.add_parser("evaluate", help="measure a model, on held-out pictures", allow_abbrev=False)
    _add_model(evaluate)
    _add_dataset(evaluate, "validation", "measure on")
    evaluate.add_argument(
        "--nll",
        type=_positive,
        metavar="K",
        help="also bound -log p(picture) from K samples of each posterior (IWAE): the more, the tighter and slower",
    )
    evaluate.add_argument(
        "--factors",
        action="store_true",
        help="also measure what each dimension of a vector latent knows of the label columns (MI, MIG, DCI, SAP)",
    )
    evaluate.add_argument(
        "--samples",
        type=_enough,
        metavar="N",
        help="also compare N samples of each prior with decoded posteriors and with these pictures (Fréchet distance, "
        "KID, precision and recall, on features of EfficientNet-Lite0), and show the training pictures nearest to some",
    )

    atlas = commands.add_parser("atlas", help="map the latents of a data set", allow_abbrev=False)
    _add_model(atlas)
    _add_dataset(atlas, "train", "map")
    atlas.add_argument("--seed", type=_natural, default=0, metavar="N", help="of the layout (default: 0)")
    atlas.add_argument(
        "--no-thumbnails",
        action="store_true",
        help="keep no small originals in the map, which would show them to all who open it; else those that are drawn "
        "worst are kept, in up to 1 MiB",
    )
    atlas.add_argument(
        "--keep-layout",
        action="store_true",
        help="measure the same pictures anew, and leave each where it is on the map that is there",
    )

    prior = commands.add_parser("prior", help="fit priors to the latents of a data set", allow_abbrev=False)
    _add_model(prior)
    _add_dataset(prior, "train", "fit to")
    prior.add_argument(
        "--steps",
        type=_natural,
        default=10_000,
        metavar="N",
        help="optimiser steps of the flow; 0 leaves it out (default: 10000: minutes on a CPU for a vector latent; a "
        "spatial one needs a GPU)",
    )
    report = commands.add_parser("report", help="write a model onto one page, to send", allow_abbrev=False)
    _add_model(report)
    report.add_argument("--out", type=Path, required=True, metavar="FILE", help="the HTML file to write")
    push = commands.add_parser("push", help="upload a model to the Hugging Face Hub", allow_abbrev=False)
    _add_model(push)
    push.add_argument("--to", required=True, metavar="OWNER/NAME", help="the model on the Hub to create or update")
    push.add_argument(
        "--dataset",
        action="append",
        metavar="OWNER/NAME",
        help="a data set on the Hub that it was trained on, for the card; may be given several times",
    )
    push.add_argument("--license", metavar="ID", help="of the weights, for the card, such as apache-2.0")
    push.add_argument("--private", action="store_true", help="hide a model that is made now from others")
    push.add_argument("--dry-run", action="store_true", help="list what would be uploaded, and upload nothing")
    export = commands.add_parser("export", help="write a model's networks for other runtimes", allow_abbrev=False)
    _add_model(export)
    export.add_argument(
        "--format", choices=["onnx"], required=True, help="onnx: encoder.onnx and decoder.onnx; needs the package onnx"
    )
    export.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where to write the files (default: the model's folder)"
    )
    faces = commands.add_parser("faces", help="make a data set of faces with known factors", allow_abbrev=False)
    faces.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="the folder to make")
    faces.add_argument("--count", type=_positive, default=24_000, metavar="N", help="how many (default: 24000)")
    faces.add_argument("--seed", type=_natural, default=0, metavar="N", help="which faces (default: 0)")
    faces.add_argument(
        "--image-size", type=_picture_side, default=64, metavar="PIXELS", help="side of the pictures (default: 64)"
    )
    digits = commands.add_parser("digits", help="make a data set of handwritten digits", allow_abbrev=False)
    digits.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="the folder to make")
    parsed = parser.parse_args(arguments)
    if parsed.command == "fit":
        hosts = [parsed.coordinator, parsed.processes, parsed.process_id]
        if None in hosts and hosts != [None, None, None]:
            fit.error("argument --coordinator: goes with --processes and --process-id; give all three, or none")
        try:
            configure(parsed)
        except FlagError as error:
            fit.error(str(error))
        except ValueError as error:
            fit.error(f"argument --crop: {error}")
    return parsed


def _add_dataset(parser: argparse.ArgumentParser, split: str, purpose: str) -> None:
    parser.add_argument(
        "--dataset",
        required=True,
        metavar="ID_OR_PATH",
        help="a Hub id (owner/name), a folder of pictures, a parquet file, or a folder of them",
    )
    parser.add_argument(
        "--split", default=split, metavar="NAME", help=f"the split to {purpose}, or all (default: {split})"
    )
    parser.add_argument("--image-column", metavar="NAME", help="the column of pictures (default: found by itself)")
    parser.add_argument(
        "--label-column",
        action="append",
        metavar="NAME",
        help="a column of labels; may be given several times (default: all that look like labels)",
    )
    parser.add_argument(
        "--limit", type=_positive, metavar="N", help="use only N pictures, evenly spaced (default: all)"
    )


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, required=True, metavar="FOLDER", help="a model folder, made by fit")


def _number(text: str, convert, accept, accepted: str):
    try:
        value = convert(text)
        if accept(value):
            return value
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} given; accepted: {accepted}")


def _positive(text: str) -> int:
    return _number(text, int, lambda n: n >= 1, "a whole number of at least 1")


def _channels(text: str) -> tuple[int, ...]:
    accepted = "whole numbers with commas between them, such as 32,64,128"
    return _number(text, lambda text: tuple(map(int, text.split(","))), lambda channels: min(channels) >= 1, accepted)


def _enough(text: str) -> int:
    return _number(text, int, lambda n: 16 <= n <= 50_000, "a whole number from 16 to 50000")


def _natural(text: str) -> int:
    return _number(text, int, lambda n: 0 <= n < 2**32, "a whole number from 0 to 4294967295")


def _picture_side(text: str) -> int:
    return _number(text, int, lambda n: 16 <= n <= 512, "a whole number from 16 to 512")


def _rate(text: str) -> float:
    return _number(text, float, lambda x: 0 < x < 1e3, "a number above 0")


def _weight(text: str) -> float:
    return _number(text, float, lambda x: 0 <= x < 1e3, "a number of at least 0")


def run_fit(arguments: argparse.Namespace) -> None:
    """`fit`: settings from preset and flags, pictures, then the training itself."""
    import jax

    from train.data import load_pictures
    from train.devices import connect, is_main
    from train.features import load_network
    from train.fit import fit
    from train.held_out import held_out_count
    from train.run import check_run
    from train.step import count_parameters
    from vae.checkpoint import ModelInfo, load_info

    check_reporting(arguments.report_to)
    connect(arguments.coordinator, arguments.processes, arguments.process_id)
    config = configure(arguments)
    check_run(config, arguments.out, arguments.resume)  # before the pictures, which take a while
    if config.is_perceptual:
        load_network()
    columns = {
        "image_column": arguments.image_column,
        "label_columns": arguments.label_column,
        "limit": arguments.limit,
    }
    train = load_pictures(arguments.dataset, arguments.split, config.load_size, **columns)
    columns["limit"] = held_out_count(config.model.image_size)
    held_out = load_pictures(arguments.dataset, "validation", config.model.image_size, **columns)
    title = arguments.title or arguments.out.resolve().name
    info = ModelInfo(
        config=config.model,
        title=title,
        summary=arguments.summary or f"Trained on {len(train):,} pictures from {Path(arguments.dataset).name}.",
        training={
            "command": shlex.join(["python", "-m", "train", *sys.argv[1:]]),
            "dataset": arguments.dataset,
            "split": train.split,
            "pictures": len(train),
            "preset": arguments.preset,
            "parameters": count_parameters(config),
            "hardware": describe_hardware(),
            "jax": jax.__version__,
            **{name: value for name, value in config.to_dict().items() if name != "model"},
        },
    )
    fit(
        config,
        train,
        held_out,
        arguments.out,
        info,
        resume=arguments.resume,
        checkpoint_every=arguments.checkpoint_every,
        snapshots=arguments.snapshots,
        device_memory_budget=arguments.device_memory_budget,
        report_to=arguments.report_to,
    )
    if is_main():
        print(describe_result(arguments, train, held_out, load_info(arguments.out).training["kept_step"]))


def describe_result(arguments: argparse.Namespace, train: Any, held_out: Any, kept_step: int) -> str:
    """What `fit` made, where, and the commands that come next: on the split that it trained on, and on another one.

    Args:
        arguments: `fit`'s.
        train: the pictures that it learnt from.
        held_out: those that it was measured on.
        kept_step: of the checkpoint that was exported.
    """
    out, python = str(arguments.out), ["python", "-m", "train"]
    flags = ["--model", out, "--dataset", arguments.dataset]
    if arguments.image_column:
        flags += ["--image-column", arguments.image_column]
    for column in arguments.label_column or []:
        flags += ["--label-column", column]
    trained = [] if arguments.split == "train" else ["--split", arguments.split]
    measured, purpose = [], "figures on held-out pictures"
    if arguments.split == "all":
        measured, purpose = trained, "figures on the pictures it was trained on: none are held out"
    elif train.split == held_out.split:
        measured = ["--split", "train"]
    commands = [
        ([*python, "evaluate", *flags, *measured], purpose),
        ([*python, "atlas", *flags, *trained], "a map of the data set"),
        ([*python, "prior", *flags, *trained], "priors, for better samples"),
        (["python", "app/main.py", "--model", out], "the explorer"),
    ]
    lines = [f"  {shlex.join(command)}    # {purpose}" for command, purpose in commands]
    made = (
        f"{out}: a model of {len(train):,} pictures, with its card and training curves: the one of step {kept_step:,}, "
        "whose loss on held-out pictures was lowest. Next:"
    )
    return "\n".join([made, *lines])


def configure(arguments: argparse.Namespace) -> TrainConfig:
    """The preset, with what the flags change in it.

    Raises:
        FlagError: flags that do not go together, or with the preset.
        ValueError: the crop does not suit the model.
    """
    preset = PRESETS[arguments.preset].with_model(_architecture(arguments))
    names = ("steps", "batch_size", "accumulate", "crop", "learning_rate", "kl_warmup", "free_bits", "seed")
    changes = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    if arguments.init_from:
        changes |= {"init_from": str(arguments.init_from), "decoder_only": arguments.decoder_only}
    objective = preset.objective
    if arguments.likelihood not in (None, objective.name):
        objective = OBJECTIVES[arguments.likelihood]
    for flag, name in {"--kl-weight": "kl", "--tc-weight": "tc", "--perceptual": "perceptual"}.items():
        value = getattr(arguments, flag[2:].replace("-", "_"))
        if value is None:
            continue
        if objective.weights is None:
            raise FlagError(
                flag, f"{value:g} given; accepted: none, as the ELBO of --likelihood {objective.name} has no weights"
            )
        weights: Any = objective.weights._replace(**{name: value})  # whichever objective's they are
        objective = dataclasses.replace(objective, weights=weights)
    return dataclasses.replace(preset, objective=objective, **changes)


def _architecture(arguments: argparse.Namespace) -> VAEConfig:
    """That of the preset as the flags change it, or of the model to begin with."""
    names = ("image_size", "latent_dim", "channels")
    changes: dict[str, Any] = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    flags = "/".join(f"--{name.replace('_', '-')}" for name in changes)
    if arguments.init_from is None:
        if arguments.decoder_only:
            raise FlagError("--decoder-only", "given; accepted: only with --init-from")
        try:
            return dataclasses.replace(PRESETS[arguments.preset].model, **changes)
        except ValueError as error:
            raise FlagError(flags, str(error)) from None
    if changes:
        raise FlagError(flags, "given; accepted: none, as --init-from tells the architecture")
    try:
        return load_info(arguments.init_from).config
    except ModelFolderError as error:
        raise FlagError("--init-from", str(error)) from None


def describe_hardware() -> str:
    """The device that trains, in words."""
    import jax

    device = jax.devices()[0]
    if device.platform == "cpu":
        return f"a CPU with {os.cpu_count()} cores ({platform.machine()})"
    return f"{jax.device_count()} x {device.device_kind}"


def main() -> None:
    """Runs one command; an error that a person can mend is one line on standard error.

    The exit status is 2 for a wrong value of a flag, 1 for what goes wrong on the way, 130 after Ctrl-C or SIGTERM.
    """
    arguments = parse_arguments()
    use_fast_cpu_reductions()
    from train.run import Interrupted, TrainError
    from vae.uploads import UploadError

    try:
        if arguments.command == "fit":
            run_fit(arguments)
        elif arguments.command == "faces":
            from train.faces import run_faces

            run_faces(arguments)
        elif arguments.command == "digits":
            from train.digits import run_digits

            run_digits(arguments)
        elif arguments.command == "evaluate":
            from train.evaluate import run_evaluate

            run_evaluate(arguments)
        elif arguments.command == "atlas":
            from train.atlas import run_atlas

            run_atlas(arguments)
        elif arguments.command == "report":
            from train.report import run_report

            run_report(arguments)
        elif arguments.command == "export":
            from train.export import run_export

            run_export(arguments)
        elif arguments.command == "push":
            from train.push import run_push

            run_push(arguments)
        else:
            from train.prior import run_prior

            run_prior(arguments)
    except (FlagError, ModelFolderError) as error:
        flag = "--init-from" if arguments.command == "fit" else "--model"
        print(f"error: {error if isinstance(error, FlagError) else f'argument {flag}: {error}'}", file=sys.stderr)
        sys.exit(2)
    except (TrainError, UploadError, ValueError) as error:
        sys.exit(f"error: {error}")
    except (Interrupted, KeyboardInterrupt) as stop:  # the latter outside the training steps, where `fit` saves first
        print(stop if isinstance(stop, Interrupted) else "Stopped. What was saved before is intact.", file=sys.stderr)
        sys.exit(130)
    except OSError as error:
        sys.exit(f"error: {error.strerror or error}: {error.filename or ''} Nothing that was saved before is lost.")
    except RuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):  # JAX has no class for it
            raise
        sys.exit(
            f"error: The device has too little memory: {error}. Try a lower --batch-size or --device-memory-budget, or "
            "--accumulate. Nothing that was saved before is lost."
        )


if __name__ == "__main__":
    main()
