"""Which files are opened for whoever sends a path, and what becomes of numbers out of range."""

import base64
import os
import shutil
from pathlib import Path

import gradio as gr
import pytest
from gradio.data_classes import FileData, ImageData, ListFiles
from gradio.utils import get_upload_folder
from PIL import Image

from app.explore.limits import RequestError
from app.kit.inputs import PictureFile, PictureFiles, PictureInput, Range, own_file, readable_picture

GONE = "no longer here"


@pytest.fixture
def uploads(monkeypatch, tmp_path) -> Path:
    """The folder where Gradio keeps uploads."""
    folder = tmp_path / "uploads"
    folder.mkdir()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    assert get_upload_folder() == str(folder)
    return folder


@pytest.fixture
def upload(uploads, examples) -> str:
    """The path of an uploaded picture."""
    return str(shutil.copy(examples["fruits"], uploads / "apple.png"))


@pytest.fixture
def warnings(monkeypatch) -> list[str]:
    """What the page is told."""
    told: list[str] = []
    monkeypatch.setattr(gr, "Warning", lambda words, **options: told.append(words))
    return told


def forbidden(uploads: Path, tmp_path: Path) -> dict[str, object]:
    outside = tmp_path / "outside.png"
    Image.new("RGB", (4, 4)).save(outside)
    link, pipe, folder = uploads / "link.png", uploads / "pipe", uploads / "folder"
    link.symlink_to(outside)
    (uploads / "inside.png").symlink_to(uploads / "no-such.png")
    (uploads / "away").symlink_to(tmp_path, target_is_directory=True)
    os.mkfifo(pipe)
    neighbour = Path(f"{uploads}-other")
    neighbour.mkdir()
    shutil.copy(outside, neighbour / "a.png")
    folder.mkdir()
    return {
        "system file": "/etc/passwd",
        "device": "/dev/zero",
        "outside": str(outside),
        "outside by way of the folder": f"{uploads}/../outside.png",
        "link to outside": str(link),
        "link to nothing": str(uploads / "inside.png"),
        "linked folder": str(uploads / "away" / "outside.png"),
        "pipe": str(pipe),
        "folder": str(folder),
        "the folder itself": str(uploads),
        "missing": str(uploads / "gone.png"),
        "neighbour of the folder": str(neighbour / "a.png"),
        "relative": "etc/passwd",
        "empty": "",
        "NUL": f"{uploads}/a\0.png",
        "very long": str(uploads / ("a" * 5000)),
        "number": 3,
        "list": [str(outside)],
        "nothing": None,
    }


class TestOwnFile:
    def test_uploads_and_examples_are_opened(self, upload, examples):
        assert own_file(upload) == os.path.realpath(upload)
        assert own_file(str(examples["photos"])) == os.path.realpath(examples["photos"])

    def test_nothing_else_is(self, uploads, tmp_path):
        for path in forbidden(uploads, tmp_path).values():
            with pytest.raises(RequestError, match=GONE):
                own_file(path)

    def test_a_link_inside_the_folder_is_not_followed(self, uploads, upload):
        (uploads / "again.png").symlink_to(upload)
        with pytest.raises(RequestError, match=GONE):
            own_file(str(uploads / "again.png"))


class TestPictureInput:
    @pytest.fixture
    def box(self, uploads):
        return PictureInput("Picture", render=False)

    def test_hands_on_an_upload_as_it_is(self, box, upload):
        assert Path(box.preprocess(ImageData(path=upload))).read_bytes() == Path(upload).read_bytes()
        assert box.preprocess(None) is None

    def test_paths_of_other_files_are_none(self, box, uploads, tmp_path):
        for name, path in forbidden(uploads, tmp_path).items():
            if isinstance(path, str):
                assert box.preprocess(ImageData(path=path)) is None, name

    def test_a_path_is_checked_whatever_the_client_says_it_is(self, box, warnings):
        """Gradio checks paths only in what says that it is a file."""
        assert box.preprocess(ImageData(path="/etc/passwd", meta={})) is None
        assert box._turn_away({"path": "/etc/passwd"}) is None

    def test_a_file_that_is_no_picture_is_complained_about_once_when_it_is_uploaded(self, box, uploads, warnings):
        broken = uploads / "broken.jpg"
        broken.write_bytes(b"no picture")
        assert box._turn_away({"path": str(broken)}) is None, "the input is cleared"
        assert box.preprocess(ImageData(path=str(broken))) is None
        assert len(warnings) == 1
        assert "not a picture" in warnings[0]

    def test_an_upload_that_can_be_read_stays(self, box, upload, warnings):
        assert box._turn_away({"path": upload}) == gr.skip()
        assert box._turn_away(None) == gr.skip()
        assert warnings == []

    def test_a_data_url_is_kept_as_the_file_it_is(self, box, uploads, examples):
        content = examples["fruits"].read_bytes()
        url = f"data:image/png;base64,{base64.b64encode(content).decode()}"
        assert Path(box.preprocess(ImageData(url=url))).read_bytes() == content

    @pytest.mark.parametrize("url", ["data:", "data:image/png;base64,%", "data:image/png;base64,AAAA"])
    def test_a_data_url_that_is_no_picture_is_none(self, box, uploads, url):
        assert box.preprocess(ImageData(url=url)) is None

    def test_its_settings_are_those_of_gradios_image(self, box):
        assert box.get_config().keys() >= {"sources", "height", "label"}


class TestPictureFile:
    @pytest.mark.parametrize("sent", [{"path": "/etc/passwd"}, {"url": "data:image/png;base64,A"}])
    def test_a_client_is_told_what_is_wrong(self, uploads, sent):
        with pytest.raises(gr.Error, match=r"no longer here|cannot be read") as raised:
            PictureFile("image", render=False).preprocess(ImageData(**sent))
        assert not raised.value.print_exception

    def test_a_picture_need_not_be_readable_yet(self, uploads):
        (uploads / "broken.jpg").write_bytes(b"no picture")
        assert PictureFile("image", render=False).preprocess(ImageData(path=str(uploads / "broken.jpg")))


def test_a_dropped_picture_is_taken_or_the_page_says_why_not(uploads, upload, warnings):
    assert readable_picture(upload) == os.path.realpath(upload)
    assert warnings == []
    assert readable_picture("/etc/passwd") is None
    assert GONE in warnings[0]


class TestRange:
    @pytest.mark.parametrize(
        ("value", "kept", "words"),
        [
            (7, 7, ""),
            ("7", 7, ""),
            (64.0, 64, ""),
            (500, 64, "How many takes whole numbers from 1 to 64: 500 became 64."),
            (1.5, 2, "How many takes whole numbers from 1 to 64: 1.5 became 2."),
            (-3, 1, "How many takes whole numbers from 1 to 64: -3 became 1."),
            (None, 1, "How many takes whole numbers from 1 to 64: nothing became 1."),
            ("", 1, "How many takes whole numbers from 1 to 64: nothing became 1."),
            ("abc", 1, "How many takes whole numbers from 1 to 64: abc became 1."),
            (float("nan"), 1, "How many takes whole numbers from 1 to 64: nan became 1."),
            (float("inf"), 64, "How many takes whole numbers from 1 to 64: inf became 64."),
            ([1], 1, "How many takes whole numbers from 1 to 64: [1] became 1."),
        ],
    )
    def test_what_is_typed_becomes_the_nearest_accepted(self, value, kept, words):
        found = Range("How many", 1, 64, whole=True).clamp(value)
        assert found == (kept, words)
        assert isinstance(found[0], int)

    def test_a_number_too_long_to_be_written_is_answered(self):
        assert Range("Seed", 0, 9, whole=True).clamp(10**5000)[0] == 0

    def test_fractions_stay_where_they_are_accepted(self):
        assert Range("Temperature", 0, 3).clamp(0.25) == (0.25, "")
        assert Range("Temperature", 0, 3).clamp(9) == (3, "Temperature takes numbers from 0 to 3: 9 became 3.")

    def test_the_page_says_what_was_changed(self, warnings):
        assert Range("Temperature", 0, 3).take("<b>") == 0
        assert warnings == ["Temperature takes numbers from 0 to 3: &lt;b&gt; became 0."]
        assert Range("Temperature", 0, 3).take(1) == 1
        assert len(warnings) == 1


def test_files_leave_nothing_behind_but_themselves(uploads, upload):
    component = PictureFiles(file_count="multiple")
    assert component.preprocess(ListFiles([FileData(path=str(upload))] * 3)) == [str(upload)] * 3
    assert component.preprocess(None) is None
    assert [path for path in uploads.rglob("*") if path.is_file()] == [Path(upload)]
