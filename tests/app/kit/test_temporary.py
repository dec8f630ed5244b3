"""The folder of what visitors send: what is old in it goes, and what a killed server left."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from app.explore.limits import STOP_SECONDS
from app.kit import temporary
from tests.conftest import ROOT, free_port


def test_what_is_old_is_removed_wherever_it_is(tmp_path, monkeypatch):
    """Uploads, aborted uploads, what Gradio made of them, and links for the page."""
    old = [tmp_path / "0123" / "upload.png", tmp_path / "aborted", tmp_path / "deep_links" / "x" / "state.json"]
    for path in old:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (tmp_path / temporary.LOCK).touch()
    temporary.remove_older_than(tmp_path, 60, 60)
    assert all(path.exists() for path in old)

    now = time.time()
    new = tmp_path / "0123" / "new.png"
    monkeypatch.setattr(time, "time", lambda: now + 3600)
    temporary.remove_older_than(tmp_path, 7200, 7200)
    assert all(path.exists() for path in old)
    temporary.remove_older_than(tmp_path, 60, 60)
    assert [path.name for path in tmp_path.iterdir()] == [temporary.LOCK]
    new.parent.mkdir()
    new.write_bytes(b"x")
    temporary.remove_older_than(tmp_path, 7200, 7200)
    assert new.exists()


def test_what_was_never_finished_goes_sooner(tmp_path, monkeypatch):
    whole, aborted = tmp_path / "0123" / "whole.png", tmp_path / "tmp-aborted"
    whole.parent.mkdir()
    for path in (whole, aborted):
        path.write_bytes(b"x")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3600)
    temporary.remove_older_than(tmp_path, 7200, unfinished=600)
    assert (whole.exists(), aborted.exists()) == (True, False)


def test_a_disk_fills_where_less_is_left_than_lies_there(tmp_path, monkeypatch):
    """What visitors sent is kept for an hour then, not for a day."""
    (tmp_path / "0123").mkdir()
    (tmp_path / "0123" / "upload.png").write_bytes(b"x" * 10)
    monkeypatch.setattr(temporary, "_has_few_names", lambda _: False)
    for left, is_filling in [(11, False), (9, True)]:
        monkeypatch.setattr(temporary, "room", lambda _, left=left: left)
        assert temporary.is_filling(tmp_path) == is_filling


def test_a_disk_that_has_room_but_few_names_for_files_is_crowded(tmp_path, monkeypatch):
    """As after a million uploads of a byte each."""
    disk = os.statvfs(tmp_path)
    monkeypatch.setattr(temporary.shutil, "disk_usage", lambda _: temporary.shutil._ntuple_diskusage(1, 0, 1))
    for free, of, crowded in [(99, 1000, True), (101, 1000, False), (0, 0, False), (99_999, 10**9, True)]:
        told = os.statvfs_result((*disk[:5], of, free, free, *disk[8:]))
        monkeypatch.setattr(os, "statvfs", lambda _, told=told: told)
        assert temporary.is_crowded(tmp_path) == crowded


def test_of_files_that_are_removed_no_name_is_kept(tmp_path):
    here, removed = tmp_path / "here.png", tmp_path / "removed.png"
    here.touch()
    kept = [{str(here), str(removed)}, set()]
    temporary.forget_removed(kept)
    assert kept == [{str(here)}, set()]


def test_a_copy_of_an_old_file_is_not_old(tmp_path):
    """Gradio's copies keep the original's time."""
    copy = tmp_path / "example.png"
    copy.touch()
    os.utime(copy, (0, 0))
    temporary.remove_older_than(tmp_path, 60, 60)
    assert copy.exists()


def start(around: Path) -> subprocess.Popen:
    """The app, up and with a file of a visitor's."""
    port = free_port()
    command = [sys.executable, str(ROOT / "app" / "main.py"), "--port", str(port)]
    process = subprocess.Popen(command, env=os.environ | {"GRADIO_TEMP_DIR": str(around)}, stderr=subprocess.STDOUT)
    for _ in range(240):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/config", timeout=5).close()
            break
        except OSError:
            assert process.poll() is None
            time.sleep(0.25)
    body = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\nx\r\n--x--\r\n'
    header = {"Content-Type": "multipart/form-data; boundary=x"}
    urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/gradio_api/upload", body, header)).close()
    return process


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals, and no locks")
def test_a_killed_server_leaves_nothing_for_long_and_a_stopped_one_nothing_at_all(tmp_path):
    """While it warms up, which is as busy as it gets."""
    killed = start(tmp_path)
    assert [*tmp_path.rglob("a.png")]
    killed.kill()
    killed.wait()
    (left,) = tmp_path.glob(f"{temporary.PREFIX}*")

    running = start(tmp_path)
    assert not left.exists()
    assert [*tmp_path.rglob("a.png")]
    begun = time.monotonic()
    running.send_signal(signal.SIGTERM)
    assert running.wait(30) == 0
    assert time.monotonic() - begun < STOP_SECONDS + 2
    assert not [*tmp_path.glob(f"{temporary.PREFIX}*")]


def test_the_folder_of_a_server_that_runs_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    first = temporary.make_folder()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    second = temporary.make_folder()
    assert first != second
    assert first.exists()
