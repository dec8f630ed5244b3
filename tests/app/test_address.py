"""What a text in the address means, and what the address says of a picture."""

import base64

import gradio as gr
import numpy as np
import pytest

from app import address
from app.explore.files import save_drawn
from app.explore.library import Library
from app.explore.limits import RequestError
from app.explore.subject import open_subject
from app.kit.inputs import LabelChoice, PictureInput, PriorRadio, RawNumber, RawSlider
from tests.conftest import EXAMPLES, ROOT


@pytest.fixture(scope="module")
def library() -> Library:
    """The models that ship."""
    return Library(ROOT / "assets" / "models")


@pytest.mark.parametrize(
    ("component", "text", "value"),
    [
        (gr.Checkbox(label="It"), "true", True),
        (gr.Checkbox(label="It"), "false", False),
        (gr.Radio([9, 17], label="It"), "17", 17),
        (gr.Dropdown([("None", ""), ("Fruits", "fruits")], label="It"), "", ""),
        (RawSlider(1, 64, step=1, label="It"), "64", 64),
        (RawSlider(0, 3, step=0.05, label="It"), "0.35", 0.35),
        (RawNumber(0, label="It"), "4294967295", 4294967295),
    ],
)
def test_values_are_read(library, component, text, value):
    assert address._value(library, component, text) == value


@pytest.mark.parametrize(
    ("component", "text"),
    [
        (gr.Checkbox(label="It"), "perhaps"),
        (gr.Radio([9, 17], label="It"), "7"),
        (gr.Dropdown([("Fruits", "fruits")], label="It"), "Fruits"),
        (RawSlider(1, 64, step=1, label="It"), "2.5"),
        (RawSlider(0, 3, step=0.05, label="It"), "nan"),
        (RawSlider(0, 3, step=0.05, label="It"), "3.1"),
        (RawNumber(0, label="It"), "-1e9"),
        (RawNumber(0, label="It"), "9" * 5000),
        (PictureInput("It", render=False), "nothing.png"),
        (PictureInput("It", render=False), "z:fruits"),
    ],
)
def test_values_that_are_not_accepted_are_refused_in_words(library, component, text):
    with pytest.raises(RequestError):
        address._value(library, component, text)


def float16(*numbers: float) -> str:
    return base64.urlsafe_b64encode(np.array(numbers, "<f2").tobytes()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        ("z:fruits:" + float16(*[0.0] * 127), "not a latent of that model"),
        ("z:fruits:" + float16(*[0.0] * 127, float("nan")), "must be finite"),
        ("z:fruits:" + float16(*[0.0] * 127, 1e4), "must be finite"),
        ("z:fruits:%%", "not a latent of that model"),
        ("z:nobody:" + float16(*[0.0] * 128), "There is no model 'nobody'"),
        ("z:", "no such example picture"),
        ("../../etc/passwd", "no such example picture"),
    ],
)
def test_a_hostile_picture_in_a_link_is_refused_in_words(library, picture, words):
    with pytest.raises(RequestError, match=words):
        address._value(library, PictureInput("It", render=False), picture)


def test_a_link_may_ask_for_what_the_model_that_it_asks_for_can_draw_from(library):
    radio = PriorRadio([("Prior N(0, I)", "prior")], label="It")
    asked = address._value(library, radio, "flow", "fruits")
    assert asked.value == "flow"
    assert [name for _, name in asked.choices] == ["prior", "gaussian", "mixture", "flow"]
    with pytest.raises(RequestError, match="there are: prior, gaussian, mixture"):
        address._value(library, radio, "flow", "photos")
    labels = LabelChoice([], multiselect=True, label="It")
    assert address._value(library, labels, "kind: Apple|variety: Apple Red 2", "fruits").value == [
        "kind: Apple",
        "variety: Apple Red 2",
    ]
    with pytest.raises(RequestError, match="no such choice"):
        address._value(library, labels, "kind: Pear", "fruits")


def test_a_drawn_picture_goes_into_the_address_and_comes_back_as_it_was(library):
    model = library["fruits"]
    latent = np.random.default_rng(3).normal(size=model.info.latent_shape).astype(np.float16).astype(np.float32)
    text = address._picture_text(library, save_drawn(model, latent, "sample 1 of seed 3"))
    assert text.startswith("z:fruits:")
    assert len(text) < 400
    again = address._value(library, PictureInput("It", render=False), text)
    np.testing.assert_array_equal(model.own_latent(open_subject(again)), latent)
    assert open_subject(again).words == "from a link"


def test_an_example_goes_into_the_address_by_name_and_a_copy_of_it_too(library, tmp_path):
    example = EXAMPLES / "fruit-apple.png"
    copy = tmp_path / "fruit-apple.png"
    copy.write_bytes(example.read_bytes())
    assert address._picture_text(library, str(example)) == "fruit-apple.png"
    assert address._picture_text(library, str(copy)) == "fruit-apple.png"


def test_uploads_and_long_latents_stay_out_of_the_address(library, tmp_path):
    upload = tmp_path / "fruit-apple.png"  # another picture under an example's name
    upload.write_bytes((EXAMPLES / "fruit-lemon.png").read_bytes())
    assert address._picture_text(library, str(upload)) == ""
    photos = library["photos"]
    assert address._picture_text(library, save_drawn(photos, np.zeros(photos.info.latent_shape), "grey")) == ""
    assert address._picture_text(library, None) == ""


def test_what_a_link_says_is_shown_as_text():
    shown = address._complaint({"model": "There is no such choice."}, {"model": "<img src=x onerror=alert(1)>"})
    assert "<img" not in shown
    assert "&lt;img" in shown
