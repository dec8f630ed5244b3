"""Latents as they travel: what is packed comes back, and what a stranger sends is checked."""

import base64

import numpy as np
import pytest

from app.explore import latents
from app.explore.limits import MAX_LATENTS, MAX_STEPS, RequestError
from tests.app.explore.conftest import difference, kind

NO_TEXTS = [
    None,
    3,
    True,
    [],
    {},
    b"AAAA",
    ["AAAA"],
    "é" * 100,
    "not base64!",
    "AAA",
    "=",
    "A" * 4_000_000,
    "../../etc",
]


def encoded(array: np.ndarray) -> str:
    return base64.b64encode(array.tobytes()).decode()


def test_the_wire_form_is_float32_row_by_row_for_vectors(fruits):
    sent = np.random.default_rng(0).normal(size=(3, 128)).astype(np.float32)
    assert latents.pack(sent, fruits) == encoded(sent.astype("<f4"))
    np.testing.assert_array_equal(latents.unpack(latents.pack(sent, fruits), fruits), sent)
    np.testing.assert_array_equal(latents.unpack(latents.pack(sent[0], fruits), fruits), sent[:1])


def test_the_wire_form_is_float16_for_spatial_latents(photos):
    sent = np.random.default_rng(0).normal(size=(2, 32, 32, 4)).astype(np.float32)
    assert latents.pack(sent, photos) == encoded(sent.astype("<f2"))
    came = latents.unpack(latents.pack(sent, photos), photos)
    assert came.dtype == np.float32
    np.testing.assert_array_equal(came, sent.astype(np.float16))


@pytest.mark.parametrize("text", ["", *NO_TEXTS], ids=kind)
def test_a_text_that_is_not_latents_is_refused(fruits, text):
    with pytest.raises(RequestError) as refusal:
        latents.unpack(text, fruits)
    assert len(str(refusal.value)) < 120


@pytest.mark.parametrize("inside", ["!", "\n", " ", "=", "é"])
def test_a_text_with_anything_else_in_it_is_refused(fruits, inside):
    whole = latents.pack(np.zeros((1, 128), np.float32), fruits)
    with pytest.raises(RequestError):
        latents.unpack(whole[:100] + inside + whole[100:], fruits)


@pytest.mark.parametrize("size", [4, 127 * 4, 129 * 4, 128 * 4 - 1, 128 * 4 + 128 * 2])
def test_latents_of_another_shape_are_refused(fruits, size):
    with pytest.raises(RequestError, match="shape"):
        latents.unpack(base64.b64encode(bytes(size)).decode(), fruits)


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf, 101, -6e4])
@pytest.mark.parametrize("name", ["fruits", "photos"])
def test_numbers_that_no_latent_has_are_refused(library, name, number):
    model = library[name]
    sent = np.zeros((2, *model.info.latent_shape), np.float32)
    sent.flat[-1] = number
    with pytest.raises(RequestError, match="finite, from -100 to 100"):
        latents.unpack(latents.pack(sent, model), model)


def test_the_bound_itself_is_accepted(fruits):
    sent = np.full((1, 128), -100, np.float32)
    np.testing.assert_array_equal(latents.unpack(latents.pack(sent, fruits), fruits), sent)


def test_a_request_holds_at_most_so_many_latents(fruits):
    assert len(latents.unpack(encoded(np.zeros((MAX_LATENTS, 128), "<f4")), fruits)) == MAX_LATENTS
    with pytest.raises(RequestError, match="64"):
        latents.unpack(encoded(np.zeros((MAX_LATENTS + 1, 128), "<f4")), fruits)
    assert len(latents.unpack(encoded(np.zeros((MAX_STEPS, 128), "<f4")), fruits, most=MAX_STEPS)) == MAX_STEPS
    with pytest.raises(RequestError):
        latents.unpack(encoded(np.zeros((2, 128), "<f4")), fruits, most=1)


def test_latents_are_decoded_in_their_order(fruits):
    sent = np.stack([fruits.atlas.latent(row) for row in (3, 4000, 9000)])
    decoded = latents.decode(fruits, latents.pack(sent, fruits))
    assert [difference(picture, fruits.decode(latent)) for picture, latent in zip(decoded, sent, strict=True)] == [
        0
    ] * 3
    assert difference(decoded[0], decoded[1]) > 1


@pytest.mark.parametrize("name", ["fruits", "photos"])
def test_a_client_sends_nested_lists(library, name):
    model = library[name]
    latent = model.atlas.latent(5)
    np.testing.assert_array_equal(latents.from_lists(latent.tolist(), model), latent)


@pytest.mark.parametrize(
    "numbers",
    [
        None, 7, "1" * 128, [0.0] * 127, [0.0] * 129, [[0.0] * 128], ["0"] * 128, [None] * 128, [True] * 128,
        [[0.0]] * 128, {str(k): 0.0 for k in range(128)}, (0.0,) * 128, [0.0] * 1_000_000,
        [float("nan")] + [0.0] * 127, [float("inf")] + [0.0] * 127, [1e300] + [0.0] * 127, [10**400] + [0.0] * 127,
    ],
    ids=kind,
)  # fmt: skip
def test_lists_that_are_not_a_latent_are_refused(fruits, numbers):
    with pytest.raises(RequestError, match=r"128 numbers, in a list|finite") as refusal:
        latents.from_lists(numbers, fruits)
    assert len(str(refusal.value)) < 120


def test_a_spatial_latent_must_be_nested_as_its_shape(photos):
    with pytest.raises(RequestError, match="32 x 32 x 4 numbers, in nested lists"):
        latents.from_lists([0.0] * 4096, photos)
