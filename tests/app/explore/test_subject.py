"""What a person put in: decoded once, kept small, and never stale."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from app.explore import subject as module
from app.explore.limits import SUBJECT_BYTES
from app.explore.reader import read_picture
from app.explore.subject import open_subject, prepare_for
from vae.images import PictureError, fit, open_picture


@pytest.fixture
def decoded(monkeypatch) -> list[str]:
    """The files that are decoded from now on."""
    files, lock = [], threading.Lock()

    def counted(path, *asked):
        with lock:
            files.append(path)
        return read_picture(path, *asked)

    monkeypatch.setattr(module, "read_picture", counted)
    return files


@pytest.fixture
def path(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (90, 160, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    return tmp_path / "noise.png"


def test_a_file_is_decoded_once_for_all_models(path, decoded):
    prepare_for([64, 256])
    for _ in range(3):
        for size in (64, 256):
            assert open_subject(path).fitted(size).size == (size, size)
    assert decoded == [str(path)]


def test_eight_threads_decode_a_file_once(path, decoded):
    prepare_for([64, 256])
    begun = threading.Barrier(8)

    def ask(size):
        begun.wait()
        return open_subject(path).fitted(size)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, [64, 256] * 4))
    assert len(decoded) == 1


def test_it_is_fitted_as_the_models_were_trained(path):
    for size in (64, 256):
        expected = fit(open_picture(path), size)
        np.testing.assert_array_equal(np.asarray(open_subject(path).fitted(size)), np.asarray(expected))


def test_a_size_that_no_model_had_is_made_when_it_is_asked_for_and_with_later_files(path, tmp_path, decoded):
    assert open_subject(path).fitted(37).size == (37, 37)
    Image.new("RGB", (50, 50)).save(tmp_path / "later.png")
    assert open_subject(tmp_path / "later.png").fitted(37).size == (37, 37)
    assert decoded == [str(path), str(path), str(tmp_path / "later.png")]


def test_a_file_that_has_changed_is_read_again(path, tmp_path):
    for colour in ("red", "blue"):  # of the same length, and as old as each other
        Image.new("RGB", (64, 64), colour).save(tmp_path / "new.png")
        os.utime(tmp_path / "new.png", ns=(10**18, 10**18))
        os.replace(tmp_path / "new.png", path)
        assert open_subject(path).fitted(64).getpixel((0, 0)) == {"red": (255, 0, 0), "blue": (0, 0, 255)}[colour]


def test_the_megapixels_are_not_kept(tmp_path):
    prepare_for([64])
    before = module._subjects.bytes
    Image.new("RGB", (4000, 3000)).save(tmp_path / "large.png")
    open_subject(tmp_path / "large.png")
    assert 0 < module._subjects.bytes - before < 300_000
    assert module._subjects.bytes < SUBJECT_BYTES


def test_what_a_file_brings_besides_pixels_is_not_kept(tmp_path):
    prepare_for([64])
    chunks = PngInfo()
    chunks.add_text("comment", "x" * 500_000)
    Image.new("RGB", (64, 64)).save(tmp_path / "heavy.png", pnginfo=chunks)
    assert open_subject(tmp_path / "heavy.png").fitted(64).info == {}


def test_its_note_says_how_it_was_changed(subject_of, tmp_path):
    assert subject_of(Image.new("RGB", (64, 64))).note(64) == ""
    assert subject_of(Image.new("RGB", (64, 64))).note(256) == "Resized from 64 x 64 to 256 x 256."
    wide = subject_of(Image.new("RGB", (300, 100)))
    assert wide.note(64) == "The picture is 300 x 100: its central 100 x 100 pixels were used, at 64 x 64."
    assert (wide.width, wide.height, wide.frames) == (300, 100, 1)
    red, blue = (Image.new("RGB", (64, 64), colour) for colour in ("red", "blue"))
    red.save(tmp_path / "two.gif", save_all=True, append_images=[blue])
    two = open_subject(tmp_path / "two.gif")
    assert two.note(64) == "Of the animation's 2 pictures, the first was used."
    assert two.fitted(64).getpixel((5, 5)) == (255, 0, 0)


def test_an_upload_of_a_person_carries_no_latent(examples):
    subject = open_subject(examples["photos"])
    assert (subject.latent, subject.latent_model, subject.words) == (None, None, "")


def test_what_is_not_a_picture_is_refused_in_words(tmp_path):
    (tmp_path / "text.png").write_text("this is text")
    with pytest.raises(PictureError, match="not a picture"):
        open_subject(tmp_path / "text.png")
    (tmp_path / "cut.png").write_bytes(
        (module.Path(__file__).parents[3] / "assets/examples/fruit-apple.png").read_bytes()[:900]
    )
    with pytest.raises(PictureError, match="damaged"):
        open_subject(tmp_path / "cut.png")


def test_what_is_not_a_file_is_refused_and_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "missing.png", "", "\0", "/dev/zero", "x" * 1_000_000):
        with pytest.raises(PictureError, match="no longer here") as refusal:
            open_subject(path)
        assert len(str(refusal.value)) < 100
