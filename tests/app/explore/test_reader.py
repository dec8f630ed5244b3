"""Pictures that would hold up the server, or take it along, cost only whoever sent them."""

import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from types import SimpleNamespace

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from app.explore import reader
from app.explore.drawn import MAX_TEXT
from app.explore.limits import OPENED_AT_ONCE, READER_MEGABYTES, READER_SECONDS, RequestError
from app.explore.reader import read_picture
from vae.images import TOO_MUCH_MEMORY, PictureError

resource = pytest.importorskip("resource")


@pytest.fixture(autouse=True)
def no_readers(monkeypatch):
    monkeypatch.setattr(reader, "_idle", [])
    yield
    for one in reader._idle:
        one.end()


@pytest.fixture
def picture(tmp_path):
    Image.new("RGB", (30, 20), "red").save(tmp_path / "red.png")
    return str(tmp_path / "red.png")


def test_it_opens_one_picture_after_another_and_many_at_once(picture, examples):
    opened = read_picture(picture, [8, 64], ["author"])
    assert (opened.width, opened.height, opened.frames, opened.texts) == (30, 20, 1, {})
    assert {size: one.size for size, one in opened.fitted.items()} == {8: (8, 8), 64: (64, 64)}
    assert opened.fitted[8].getpixel((3, 3)) == (255, 0, 0)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda path: read_picture(str(path), [64], []).width, [*examples.values()] * 4))
    assert found == [read_picture(str(path), [64], []).width for path in examples.values()] * 4
    assert 0 < len(reader._idle) <= OPENED_AT_ONCE


def test_small_pictures_and_those_too_large_to_accept_do_not_wait_for_large_ones(picture, tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "LARGE_PIXELS", 100)
    Image.new("RGB", (8, 8)).save(tmp_path / "small.png")
    Image.new("L", (30_001, 1)).save(tmp_path / "wide.png")
    with ThreadPoolExecutor(4) as people:
        with ExitStack() as others:
            others.enter_context(reader._large_places)
            large = [people.submit(read_picture, picture, [64], []) for _ in range(3)]
            for _ in range(2):
                assert read_picture(str(tmp_path / "small.png"), [64], []).width == 8
            with pytest.raises(PictureError, match="30001 x 1 pixels"):
                read_picture(str(tmp_path / "wide.png"), [64], [])
            assert not any(one.done() for one in large)
        assert [one.result(30).width for one in large] == [30] * 3


def test_one_that_takes_too_long_is_given_up_and_the_next_is_read(picture, monkeypatch):
    read_picture(picture, [64], [])
    reader._idle[0]._process.send_signal(signal.SIGSTOP)
    monkeypatch.setattr(reader, "READER_WAITS", 0.2)
    with pytest.raises(PictureError, match="takes very long to read"):
        read_picture(picture, [64], [])
    monkeypatch.setattr(reader, "READER_WAITS", 60)
    assert read_picture(picture, [64], []).width == 30


@pytest.mark.parametrize(
    ("ending", "words"), [(signal.SIGSEGV, "breaks the program"), (signal.SIGXCPU, "takes very long to read")]
)
def test_one_that_ends_the_process_is_refused_and_the_next_is_read(picture, ending, words):
    read_picture(picture, [64], [])
    process = reader._idle[0]._process
    process.send_signal(signal.SIGSTOP)  # it will not have answered before it ends
    threading.Timer(0.2, process.send_signal, [ending]).start()
    threading.Timer(0.3, process.send_signal, [signal.SIGCONT]).start()
    with pytest.raises(PictureError, match=words):
        read_picture(picture, [64], [])
    assert read_picture(picture, [64], []).width == 30
    assert reader._idle[-1]._process.pid != process.pid


def test_a_process_that_was_ended_while_it_waited_is_replaced(picture):
    read_picture(picture, [64], [])
    reader._idle[0]._process.kill()
    reader._idle[0]._process.wait()
    assert read_picture(picture, [64], []).width == 30


def test_an_answer_that_was_not_taken_whole_is_nobody_elses(picture, tmp_path, monkeypatch):
    """Else the next visitor would get this one's picture, and every one after that the one before."""
    Image.new("RGB", (9, 9), "blue").save(tmp_path / "blue.png")
    read_picture(picture, [64], [])
    for holder, name in ((Image, "frombytes"), (reader, "_all_of")):
        with monkeypatch.context() as patch:
            patch.setattr(holder, name, _fail)
            with pytest.raises(MemoryError):
                read_picture(picture, [64], [])
        found = read_picture(str(tmp_path / "blue.png"), [64], [])
        assert (found.width, found.fitted[64].getpixel((0, 0))) == (9, (0, 0, 255))


def _fail(*_):
    raise MemoryError


def test_one_that_somebody_else_killed_is_asked_again_and_the_second_time_refused(picture, monkeypatch):
    def kill_soon(times):
        starting = reader._Reader._begin

        def begin(one):
            starting(one)
            if times:
                times.pop()
                one._process.kill()
                one._process.wait()

        monkeypatch.setattr(reader._Reader, "_begin", begin)

    kill_soon([1])
    assert read_picture(picture, [64], []).width == 30
    kill_soon([1, 2])
    with pytest.raises(PictureError, match="breaks the program"):
        read_picture(picture, [64], [])


def test_a_long_text_does_not_come_with_the_picture(tmp_path):
    chunks = PngInfo()
    chunks.add_text("latentscape", "x" * (MAX_TEXT + 1))
    chunks.add_text("author", "me")
    Image.new("RGB", (8, 8)).save(tmp_path / "long.png", pnginfo=chunks)
    assert read_picture(str(tmp_path / "long.png"), [8], ["latentscape", "author"]).texts == {"author": "me"}


@pytest.mark.parametrize("executable", ["/bin/false", "/there/is/none"])
def test_where_none_can_be_started_the_picture_is_not_called_damaged(picture, monkeypatch, capsys, executable):
    monkeypatch.setattr(sys, "executable", executable)
    with pytest.raises(RequestError, match="Try again in a moment"):
        read_picture(picture, [64], [])
    reader.start_reader()
    assert "Pictures cannot be read" in capsys.readouterr().err


def test_it_starts_from_any_folder_and_sees_none_of_its_files(picture, tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    assert read_picture(picture, [64], []).width == 30


def test_a_picture_for_which_there_is_no_memory_is_refused(picture, monkeypatch):
    monkeypatch.setattr(reader, "fit", _fail)
    assert reader._answer(picture, [64], [], 10**6) == ({"refused": TOO_MUCH_MEMORY}, [])
    monkeypatch.setattr(Image.Image, "load", _fail)
    with pytest.raises(PictureError, match="more memory"):
        reader.open_picture(Image.new("RGB", (8, 8)))


def test_each_picture_has_seconds_of_its_own(monkeypatch):
    bounds = {}
    monkeypatch.setattr(resource, "getrusage", lambda _: SimpleNamespace(ru_utime=40.0, ru_stime=1.5))
    monkeypatch.setattr(resource, "setrlimit", lambda kind, pair: bounds.update({kind: pair[0]}))
    reader._begin_clock()
    assert 41.5 + READER_SECONDS <= bounds[resource.RLIMIT_CPU] <= 43 + READER_SECONDS


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="Linux alone tells a process's bounds")
def test_its_time_and_memory_are_bounded(picture):
    read_picture(picture, [64], [])
    pid = reader._idle[0]._process.pid
    assert resource.prlimit(pid, resource.RLIMIT_DATA)[0] == READER_MEGABYTES << 20
    assert 0 < resource.prlimit(pid, resource.RLIMIT_CPU)[0] < 20


def test_one_that_is_gone_is_named_without_its_folder(picture, tmp_path):
    (tmp_path / "red.png").unlink()
    with pytest.raises(PictureError, match=r"There is no picture at red\.png\."):
        read_picture(picture, [64], [])
