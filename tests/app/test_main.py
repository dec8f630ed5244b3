"""The command line of the app."""

import shutil
import sys
import threading
import time

import pytest

from app import main
from app.watching import wait_for_models
from tests.conftest import ROOT


def parse(*arguments: str):
    return main.parse_arguments([*arguments])


def test_the_first_model_is_the_flags_or_the_environments(monkeypatch):
    monkeypatch.delenv("LATENTSCAPE_MODEL", raising=False)
    assert parse().model == []
    monkeypatch.setenv("LATENTSCAPE_MODEL", "photos")
    assert parse().model == ["photos"]
    assert parse("--model", "emoji").model == ["emoji"]
    monkeypatch.setenv("LATENTSCAPE_MODEL", "")
    assert parse().model == []


def test_flags_are_read():
    given = parse("--auth", "me:a:b", "--root-path", "/latents/", "--share")
    assert given.auth == ("me", "a:b")
    assert given.root_path == "/latents"
    assert given.share
    assert not given.mcp


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--auth", "me"], "argument --auth: no name and password given; accepted: USER:PASSWORD"),
        (["--auth", ":secret"], "argument --auth: no name and password given; accepted: USER:PASSWORD"),
        (["--root-path", "latents"], "argument --root-path: 'latents' given; accepted: a path that begins with /"),
        (["--port", "0"], "argument --port: '0' given"),
        (["--mcp"], 'argument --mcp: a package is missing; install it: pip install "gradio[mcp]"'),
    ],
)
def test_a_wrong_value_names_the_flag_and_what_is_accepted(arguments, message, monkeypatch, capsys):
    monkeypatch.setattr(main, "find_spec", lambda name: None)
    with pytest.raises(SystemExit) as stop:
        parse(*arguments)
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert message in said
    assert "secret" not in said


def test_agents_cannot_log_in(monkeypatch, capsys):
    monkeypatch.setattr(main, "find_spec", lambda name: True)
    assert parse("--mcp").mcp
    with pytest.raises(SystemExit):
        parse("--mcp", "--auth", "me:secret")
    assert "argument --mcp: not together with --auth; agents cannot log in" in capsys.readouterr().err


def test_an_unknown_first_model_is_one_line(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(main.temporary, "make_folder", lambda: tmp_path / "made")
    monkeypatch.setattr(main.signal, "signal", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["main.py"])
    monkeypatch.setenv("LATENTSCAPE_MODEL", "nowhere")
    with pytest.raises(SystemExit) as stop:
        main.main()
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("error: argument --model (or LATENTSCAPE_MODEL): 'nowhere' given; accepted: ")
    assert said.count("\n") == 1


def test_watching_waits_for_a_first_checkpoint_and_for_nothing_else(tmp_path, capsys):
    run, assets = tmp_path / "run", ROOT / "assets" / "models"
    chosen = ["digits", "a-wrong-name", "owner/model", str(run)]
    waiting = threading.Thread(target=wait_for_models, args=(chosen, assets))
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    assert capsys.readouterr().err == f"Waiting for the first checkpoint in {run}. Ctrl-C stops.\n"
    shutil.copytree(assets / "digits", run)
    waiting.join(10)
    assert not waiting.is_alive()


def test_what_is_old_is_removed_and_its_name_forgotten(tmp_path, monkeypatch):
    old = tmp_path / "old.png"
    old.touch()
    written = {str(old)}
    in_a_week = time.time() + 7 * 86_400
    monkeypatch.setattr(main.time, "time", lambda: in_a_week)
    naps = iter([None])
    monkeypatch.setattr(main.time, "sleep", lambda _: next(naps))
    with pytest.raises(StopIteration):
        main.keep_tidy(tmp_path, [written])
    assert (old.exists(), written) == (False, set())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is no such bound, or none that may be asked for")
def test_the_app_may_have_as_many_connections_as_the_system_lets_it(monkeypatch):
    import resource

    monkeypatch.setattr(main.OPEN, "most", 10**9)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before[1] - 1, before[1]))
        main.allow_many_connections()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
        assert main.OPEN.most == before[1] * 3 // 4 or before[1] == resource.RLIM_INFINITY
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
