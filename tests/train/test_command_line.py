"""`python -m train`: a wrong value is explained in a line, with exit status 2."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest

from train import __main__ as command_line
from train.config import PRESETS

ROOT = Path(__file__).parents[2]
COMMANDS = {
    "fit": ["--dataset", "pictures", "--out", "model"],
    "evaluate": ["--dataset", "pictures", "--model", "model"],
    "atlas": ["--dataset", "pictures", "--model", "model"],
    "prior": ["--dataset", "pictures", "--model", "model"],
    "faces": ["--out", "folder"],
}
FACES = ROOT / "assets" / "models" / "faces"
WHOLE = "a whole number of at least 1"
ABOVE_ZERO = "a number above 0"


def python_m_train(*arguments, folder):
    return subprocess.run(
        [sys.executable, "-m", "train", *arguments],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def parse(command, *more):
    return command_line.parse_arguments([command, *COMMANDS[command], *more])


@pytest.mark.parametrize(
    ("command", "flag", "given", "accepted"),
    [
        *(("fit", "--steps", given, WHOLE) for given in ("0", "-3", "1.5", "many", "")),
        ("fit", "--batch-size", "0", WHOLE),
        ("fit", "--checkpoint-every", "0", WHOLE),
        ("fit", "--limit", "0", WHOLE),
        ("evaluate", "--limit", "-1", WHOLE),
        ("atlas", "--limit", "all", WHOLE),
        *(("fit", "--learning-rate", given, ABOVE_ZERO) for given in ("0", "-1", "nan", "inf", "fast")),
        ("fit", "--kl-weight", "-1e-5", "a number of at least 0"),
        *(("fit", "--device-memory-budget", given, "a number of at least 0") for given in ("-1", "4GiB", "nan")),
        *(("fit", "--seed", given, "from 0 to 4294967295") for given in ("-1", "4294967296", "0.5")),
        ("atlas", "--seed", "-1", "from 0 to 4294967295"),
        ("fit", "--free-bits", "-1", "a number of at least 0"),
        ("fit", "--kl-warmup", "-1", "a whole number from 0 to 4294967295"),
        ("fit", "--likelihood", "laplace", "l1-ssim, gaussian, bernoulli"),
        ("fit", "--tc-weight", "-1", "a number of at least 0"),
        ("fit", "--channels", "16,x", "whole numbers with commas between them, such as 32,64,128"),
        ("evaluate", "--nll", "0", WHOLE),
        ("evaluate", "--samples", "15", "a whole number from 16 to 50000"),
        ("faces", "--count", "0", WHOLE),
        ("faces", "--image-size", "4", "a whole number from 16 to 512"),
        ("fit", "--crop", "0", WHOLE),
        ("fit", "--crop", "48", "only the model's image_size, 64"),
        ("fit", "--preset", "fruit", "fruits, emoji, faces, faces128, digits, photos"),
    ],
)
def test_a_wrong_value_names_the_flag_what_was_given_and_what_is_accepted(command, flag, given, accepted, capsys):
    with pytest.raises(SystemExit) as stop:
        parse(command, f"{flag}={given}")
    assert stop.value.code == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert f"argument {flag}: " in message
    assert given in message
    assert accepted.replace("'", "") in message.replace("'", "")  # versions of Python quote choices differently


@pytest.mark.parametrize(("given", "accepted"), [("60", "multiples of 8 up to 272"), ("280", "up to 272")])
def test_a_crop_must_suit_the_preset(given, accepted, capsys):
    with pytest.raises(SystemExit) as stop:
        parse("fit", "--preset", "photos", "--crop", given)
    assert stop.value.code == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert f"argument --crop: crop is {given}; accepted: " in message
    assert accepted in message


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["fit | evaluate | atlas | prior"]),
        (["train"], ["train", "fit, evaluate, atlas, prior"]),
        (["fit"], ["--dataset", "--out"]),
        (["evaluate", "--dataset", "pictures"], ["--model"]),
        (["fit", *COMMANDS["fit"], "--step", "3"], ["--step"]),  # no abbreviations: they break when flags are added
    ],
)
def test_a_wrong_command_line_says_what_is_wrong(arguments, words, capsys):
    with pytest.raises(SystemExit) as stop:
        command_line.parse_arguments(arguments)
    assert stop.value.code == 2
    message = capsys.readouterr().err.splitlines()[-1].replace("'", "")
    assert [word for word in words if word not in message] == []


def test_flags_change_the_preset_and_nothing_else():
    flags = ["--preset", "photos", "--steps", "7", "--batch-size", "3", "--crop", "128"]
    flags += ["--learning-rate", "0.01", "--kl-weight", "0.5", "--seed", "9"]

    config = command_line.configure(parse("fit", *flags)).to_dict()

    expected = PRESETS["photos"].to_dict()
    expected |= {"steps": 7, "batch_size": 3, "crop": 128, "learning_rate": 0.01, "seed": 9}
    expected["weights"]["kl"] = 0.5
    assert config == expected


def test_flags_of_the_architecture_change_the_pictures_in_proportion():
    flags = ["--image-size", "32", "--latent-dim", "10", "--channels", "16,32", "--tc-weight", "6"]
    config = command_line.configure(parse("fit", "--preset", "faces", *flags))
    assert (config.model.image_size, config.model.latent_shape, config.model.channels) == (32, (10,), (16, 32))
    assert (config.load_size, config.crop) == (32, 32)
    assert config.objective.weights == PRESETS["faces"].objective.weights._replace(tc=6)
    larger = command_line.configure(parse("fit", "--preset", "photos", "--image-size", "512"))
    assert (larger.load_size, larger.crop) == (544, 256), "crops are as large as before"


def test_the_architecture_is_that_of_the_model_to_begin_with():
    flags = ["--init-from", str(FACES), "--preset", "fruits"]
    config = command_line.configure(parse("fit", *flags))
    assert config.model == PRESETS["faces"].model
    assert (config.init_from, config.decoder_only, config.objective) == (str(FACES), False, PRESETS["fruits"].objective)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ["--channels", "16,3"],
            "--channels: channels is (16, 3); accepted: one or more positive multiples of 8",
        ),
        (
            ["--image-size", "60", "--latent-dim", "3"],
            "--image-size/--latent-dim: image_size is 60; accepted: ",
        ),
        (["--init-from", str(FACES), "--latent-dim", "3"], "--latent-dim: given; accepted: none, as --init-from tells"),
        (["--init-from", "nowhere"], "argument --init-from: nowhere is not a model folder"),
        (["--decoder-only"], "argument --decoder-only: given; accepted: only with --init-from"),
        (["--likelihood", "gaussian", "--tc-weight", "6"], "argument --tc-weight: 6 given; accepted: none"),
        *(
            (["--accumulate", "2", *flags], "argument --accumulate: 2 given; accepted with this loss: 1, as ")
            for flags in (["--tc-weight", "6"], ["--free-bits", "0.1"], ["--likelihood", "gaussian"])
        ),
        (["--likelihood", "gaussian", "--perceptual", "0.1"], "argument --perceptual: 0.1 given; accepted: none"),
    ],
)
def test_flags_that_do_not_go_together_say_so(flags, message, capsys):
    with pytest.raises(SystemExit) as stop:
        parse("fit", *flags)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_used_as_it_is(preset):
    assert command_line.configure(parse("fit", "--preset", preset)) == PRESETS[preset]


def every_flag():
    """(command, flag, argparse's action) of every flag, from the parser itself."""
    parsers = []

    def remember(parser, *_):
        parsers.append(parser)
        raise SystemExit

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_args", remember)
        with pytest.raises(SystemExit):
            command_line.parse_arguments([])
    (commands,) = (action for action in parsers[0]._actions if isinstance(action, argparse._SubParsersAction))
    return [
        pytest.param(command, action, id=f"{command} {action.option_strings[-1]}")
        for command, parser in commands.choices.items()
        for action in parser._actions
    ]


FLAGS = every_flag()


def test_every_command_has_its_flags():
    found = {(flag.values[0], flag.values[1].option_strings[-1]) for flag in FLAGS}
    both = ["--dataset", "--split", "--image-column", "--label-column", "--limit"]
    promised = {
        "fit": [*both, "--out", "--preset", "--steps", "--resume"],
        "evaluate": [*both, "--model"],
        "atlas": [*both, "--model"],
        "prior": [*both, "--model"],
    }
    assert {(command, flag) for command in promised for flag in promised[command]} <= found


@pytest.mark.parametrize(("command", "action"), FLAGS)
def test_every_flag_has_help(command, action):
    assert action.help
    assert len(action.help) > 10
    if not action.required and action.nargs != 0 and isinstance(action.default, int | str) and action.default != "":
        assert f"{action.default}" in action.help  # the default, where there is one
        assert "default" in action.help


@pytest.mark.parametrize("command", COMMANDS)
def test_help_can_be_printed(command, capsys):
    """argparse formats help with %, which a careless percent sign breaks."""
    with pytest.raises(SystemExit) as stop:
        command_line.parse_arguments([command, "--help"])
    assert stop.value.code == 0
    assert f"{COMMANDS[command][0]} " in capsys.readouterr().out


# ---- as a person runs it


def test_a_missing_data_set_is_one_line(tmp_path):
    result = python_m_train("fit", "--dataset", "./nowhere", "--out", "model", folder=tmp_path)
    assert result.returncode == 2
    problem = "./nowhere does not exist, and is not a Hub id (owner/name) either"
    assert result.stderr == f"error: argument --dataset: {problem}\n"
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_value_is_status_2(tmp_path):
    result = python_m_train("fit", "--dataset", "./nowhere", "--out", "model", "--steps", "0", folder=tmp_path)
    assert result.returncode == 2
    assert result.stderr.endswith("argument --steps: '0' given; accepted: a whole number of at least 1\n")


@pytest.mark.parametrize("command", ["evaluate", "atlas", "prior"])
def test_a_missing_model_is_one_line(command, tmp_path, monkeypatch, capsys):
    arguments = [command, "--dataset", "./nowhere", "--model", str(tmp_path / "model")]
    monkeypatch.setattr(sys, "argv", ["train", *arguments])
    with pytest.raises(SystemExit) as stop:
        command_line.main()
    assert stop.value.code == 2
    (message,) = capsys.readouterr().err.splitlines()
    assert message.startswith(f"error: argument --model: {tmp_path / 'model'} is not a model folder")


def test_a_likelihood_has_no_kl_weight(capsys):
    with pytest.raises(SystemExit) as stop:
        parse("fit", "--likelihood", "gaussian", "--kl-weight", "1e-4")
    assert stop.value.code == 2
    message = capsys.readouterr().err
    assert "argument --kl-weight: 0.0001 given; accepted: none" in message
