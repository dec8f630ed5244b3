"""Latents in the page against those of the server: arithmetic, and the form in which they travel."""

import base64

import numpy as np
import pytest

from app.explore import wire
from app.explore.limits import MAX_LATENT
from vae.latent import interpolate, lerp, mix_corners, slerp

pytestmark = pytest.mark.browser

VECTOR, SPATIAL = (128,), (8, 6, 4)


def card(shape: tuple[int, ...]) -> dict:
    return {"name": "m", "title": "M", "size": 64, "shape": list(shape)}


def latents(count: int, shape: tuple[int, ...] = VECTOR) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, *shape)).astype(np.float32)


def flat(latent) -> list[float]:
    return np.ravel(latent).tolist()


@pytest.mark.parametrize(("name", "function"), [("lerp", lerp), ("slerp", slerp)])
@pytest.mark.parametrize("t", [0, 0.25, 0.9, 1])
@pytest.mark.parametrize("shape", [VECTOR, SPATIAL])
def test_interpolation_is_the_servers(run, name, function, t, shape):
    a, b = latents(2, shape)
    b = 3 * b  # of another length
    found = run("latents", f"list(m.{name}(f32(a), f32(b), t))", a=flat(a), b=flat(b), t=t)
    np.testing.assert_allclose(found, flat(function(a, b, t)), atol=1e-6)


@pytest.mark.parametrize("factor", [1, -1, 0])
def test_where_the_circle_is_not_determined_slerp_is_straight(run, factor):
    (a,) = latents(1)
    b = factor * a
    found = run("latents", "list(m.slerp(f32(a), f32(b), 0.3))", a=flat(a), b=flat(b))
    np.testing.assert_allclose(found, flat(slerp(a, b, 0.3)), atol=1e-6)
    np.testing.assert_allclose(found, 0.7 * a + 0.3 * b, atol=1e-6)


@pytest.mark.parametrize("method", ["lerp", "slerp"])
@pytest.mark.parametrize(("u", "v"), [(0, 0), (1, 0), (0, 1), (1, 1), (0.25, 0.625)])
def test_the_square_between_four_is_the_servers(run, method, u, v):
    four = latents(4)
    found = run(
        "latents",
        "list(m.mixCorners(four.map(f32), u, v, method))",
        four=[flat(latent) for latent in four],
        u=u,
        v=v,
        method=method,
    )
    np.testing.assert_allclose(found, mix_corners(*four, u, v, method), atol=1e-6)


def test_a_method_is_taken_by_its_name(run):
    a, b = latents(2)
    for method in ("lerp", "slerp"):
        found = run("latents", "list(m.interpolate(f32(a), f32(b), 0.4, method))", a=flat(a), b=flat(b), method=method)
        np.testing.assert_allclose(found, interpolate(a, b, 0.4, method), atol=1e-6)


def test_an_analogy_adds_to_c_what_a_has_more_than_b(run):
    a, b, c = latents(3)
    found = run("latents", "list(m.analogy(f32(a), f32(b), f32(c), 0.5))", a=flat(a), b=flat(b), c=flat(c))
    np.testing.assert_allclose(found, c + 0.5 * (a - b), atol=1e-6)


def test_a_latent_moves_along_directions_by_their_deviations(run):
    start, *directions = latents(4)
    deviations, coefficients = [2.0, 0.5, 1.5], [1.0, -3.0, 0.0]
    found = run(
        "latents",
        "list(m.moved(f32(start), directions.map(f32), deviations, coefficients))",
        start=flat(start),
        directions=[flat(direction) for direction in directions],
        deviations=deviations,
        coefficients=coefficients,
    )
    expected = start + sum(c * s * u for c, s, u in zip(coefficients, deviations, directions, strict=True))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_one_channel_is_scaled(run):
    (latent,) = latents(1, SPATIAL)
    found = run("latents", "list(m.scaleChannel(f32(latent), model, 2, 0.5))", latent=flat(latent), model=card(SPATIAL))
    expected = latent.copy()
    expected[..., 2] *= 0.5
    np.testing.assert_allclose(found, flat(expected), atol=1e-6)


def test_distances_are_euclidean(run):
    a, b = latents(2)
    assert run("latents", "m.distance(f32(a), f32(b))", a=flat(a), b=flat(b)) == pytest.approx(np.linalg.norm(a - b))
    assert run("latents", "m.length(f32(a))", a=flat(a)) == pytest.approx(np.linalg.norm(a))


@pytest.mark.parametrize("shape", [VECTOR, SPATIAL])
def test_what_the_page_packs_the_server_unpacks(run, shape):
    sent = latents(5, shape)
    text = run("latents", "m.pack(sent.map(f32), model)", sent=[flat(latent) for latent in sent], model=card(shape))
    assert text == wire.to_text(sent, shape), "the same bits"
    np.testing.assert_allclose(wire.from_text(text, shape, 5), sent, atol=1e-6 if shape == VECTOR else 2e-3)


@pytest.mark.parametrize("shape", [VECTOR, SPATIAL])
def test_what_the_server_packs_the_page_unpacks(run, shape):
    sent = latents(5, shape)
    found = run("latents", "m.unpack(text, model).map(list)", text=wire.to_text(sent, shape), model=card(shape))
    kind = np.float32 if shape == VECTOR else np.float16
    np.testing.assert_array_equal(found, sent.reshape(5, -1).astype(kind).astype(np.float64))


def test_half_precision_is_numpys_over_all_that_is_accepted(run):
    """Rounding to the nearest, ties to even, subnormal numbers and zeros with a sign."""
    numbers = np.concatenate(
        [
            np.random.default_rng(1).uniform(-MAX_LATENT, MAX_LATENT, 2000),
            np.random.default_rng(2).normal(0, 1e-5, 2000),
            np.arange(-50, 50) * 2.0**-25,
            1 + np.arange(100) * 2.0**-11,
            [0.0, -0.0, 65504, 65519.99, 65520, 1e9, -1e9],
        ]
    ).astype(np.float32)
    with np.errstate(over="ignore"):
        expected = numbers.astype("<f2").view("<u2")
    model = card((1, 1, len(numbers)))
    text = run("latents", "m.pack([f32(numbers)], model)", numbers=numbers.tolist(), model=model)
    np.testing.assert_array_equal(np.frombuffer(base64.b64decode(text), "<u2"), expected)
