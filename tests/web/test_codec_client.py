"""The codec as a page uses it: requests, refusals and the end; and weights that nobody would wish for."""

import json
import struct

import numpy as np
import pytest
from safetensors.numpy import save

from tests.web.codec_page import CodecPage
from vae.checkpoint import parameters
from vae.model import VAEConfig

pytestmark = pytest.mark.browser

CONFIG = VAEConfig(image_size=16, latent="vector", latent_dim=4, channels=(8, 16))
OPEN = 'const codec = await openCodec({ architecture, weights: "/weights" }); const z = new Float32Array(4);'


@pytest.fixture(scope="module")
def values(draw_vae):
    return {name: np.asarray(value) for name, value in parameters(draw_vae(CONFIG)).items()}


@pytest.fixture(scope="module")
def page(browser, values):
    page = browser.new_page()
    made = CodecPage(page)
    made.files["weights"] = save(values)
    yield made
    page.close()


@pytest.fixture
def run(page):
    """`run(script)`: the value of a script that has an open `codec`, and a latent `z`."""
    yield lambda script: page.run(OPEN + script, architecture=CONFIG.to_dict())
    page.page.reload()  # ends the workers


def test_of_several_requests_the_newest_comes_first(run):
    assert run("""
        const order = [];
        await Promise.all(["a", "b", "c"].map((name) => codec.decode([z]).then(() => order.push(name))));
        return order;
    """) == ["a", "c", "b"]


def test_a_newer_request_comes_between_the_pictures_of_an_older_one(run):
    assert run("""
        const order = [];
        const strip = codec.decode(Array(20).fill(z)).then((pictures) => order.push(pictures.length));
        const one = codec.decode([z]).then((pictures) => order.push(pictures.length));
        await Promise.all([strip, one]);
        return order;
    """) == [1, 20]


def test_what_is_not_wanted_any_more_is_not_computed(run):
    assert run("""
        let asked = 0;
        const strip = codec.decode(Array(20).fill(z), { isWanted: () => asked++ < 3 });
        const none = codec.decode([z], { isWanted: () => false });
        return [await strip, await none, asked];
    """) == [None, None, 4]


def test_pictures_come_in_the_order_of_their_latents(run):
    first, second, again = run("""
        const one = z.map(() => 1);
        const [a, b] = await codec.decode([z, one]);
        return [a.data, b.data, (await codec.decode([one]))[0].data];
    """)
    assert (second == again).all()
    assert (first != second).any()


def test_no_latents_are_no_pictures(run):
    assert run("return await codec.decode([])") == []


def test_bytes_and_floats_are_encoded_alike(run):
    pixels, floats = run("""
        const data = Uint8ClampedArray.from({ length: 16 * 16 * 4 }, (_, k) => (k % 4 === 3 ? 255 : (7 * k) % 256));
        const floats = Float32Array.from(data.filter((_, k) => k % 4 < 3), (byte) => byte / 255);
        const pictures = [new ImageData(data, 16), { data: floats, width: 16, height: 16 }];
        return (await Promise.all(pictures.map((picture) => codec.encode(picture)))).map(({ mean }) => mean);
    """)
    assert np.abs(pixels).max() > 0.1
    np.testing.assert_allclose(pixels, floats, atol=1e-5)


def test_the_worker_tells_how_long_a_decode_takes(run):
    first, mean, waited = run("""
        const first = codec.milliseconds;
        const start = performance.now();
        await codec.decode(Array(200).fill(z));
        return [first, codec.milliseconds, (performance.now() - start) / 200];
    """)
    assert first > 0
    assert 0 < mean <= 2 * waited


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ("codec.decode([new Float32Array(5)])", "This model's latent is 4 numbers."),
        ("codec.decode([z.map(() => NaN)])", "The numbers of a latent must be finite."),
        ("codec.decode([z], { height: 32, width: 32 })", "This model's pictures are of 16 x 16 pixels, not 32 x 32."),
        ("codec.encode(new ImageData(16, 8))", "This model's pictures are of 16 x 16 pixels, not 16 x 8."),
        (
            "codec.encode({ data: new Float32Array(9), width: 16, height: 16 })",
            "A picture of 16 x 16 pixels has 3 numbers for each.",
        ),
    ],
)
def test_a_refused_request_says_why_and_the_next_is_answered(request_, words, run):
    assert run(f"return [await refusal({request_}), (await codec.decode([z])).length]") == [words, 1]


def test_closing_ends_the_worker_and_what_waits(run, page):
    script = """
        const waiting = [codec.decode([z]), codec.decode([z])];
        codec.close();
        return [...(await Promise.all(waiting)), await refusal(codec.decode([z]))];
    """
    assert run(script) == [None, None, "The codec of this page has stopped. Reload the page."]
    assert_no_worker(page.page)


def assert_no_worker(page):
    """It ends a moment after it was told to."""
    for _ in range(500):
        if not page.workers:
            return
        page.wait_for_timeout(10)
    raise AssertionError("a worker is still there")


def test_weights_that_are_not_there_are_told_in_words(page):
    script = 'return await refusal(openCodec({ architecture, weights: "/nowhere" }))'
    answer = page.run(script, architecture=CONFIG.to_dict())
    assert answer == "The model could not be fetched. Reload the page."
    assert_no_worker(page.page)


def test_a_half_of_the_weights_is_enough_for_its_half(page, values):
    page.files["half"] = save({name: value for name, value in values.items() if name.startswith("decoder.")})
    script = """
        const codec = await openCodec({ architecture, weights: "/half" });
        const pictures = await codec.decode([new Float32Array(4)]);
        return [pictures.length, await refusal(codec.encode(new ImageData(16, 16)))];
    """
    assert page.run(script, architecture=CONFIG.to_dict()) == [1, "These weights have no encoder."]


def with_header(change):
    """Weights whose header was changed: a function of its entries."""

    def damage(values):
        content = save(values)
        (length,) = struct.unpack("<Q", content[:8])
        header = json.loads(content[8 : 8 + length])
        text = json.dumps(change(header)).encode()
        return struct.pack("<Q", len(text)) + text + content[8 + length :]

    return damage


def with_entry(**changes):
    return with_header(lambda header: header | {BIAS: header[BIAS] | changes})


def with_value(value, dtype):
    return lambda values: save(
        {name: np.full_like(v, value, dtype=dtype) if name == KERNEL else v for name, v in values.items()}
    )


BIAS, KERNEL = "decoder.norm.bias", "decoder.to_rgb.kernel"
DAMAGED = {
    "empty": (lambda values: b"", "they have no header"),
    "text": (lambda values: b"<!doctype html><title>Not found</title>", "they have no header"),
    "cut off": (lambda values: save(values)[:-100], "is incomplete"),
    "a header longer than the file": (
        lambda values: struct.pack("<Q", 2**60) + save(values)[8:],
        "they have no header",
    ),
    "a header that is cut off": (lambda values: struct.pack("<Q", 99) + save(values)[8:], "header cannot be read"),
    "a header that is no object": (with_header(lambda header: None), "header cannot be read"),
    "an entry that is no object": (with_header(lambda header: header | {BIAS: None}), f"{BIAS} is of type undefined"),
    "another type": (with_entry(dtype="I32"), f"{BIAS} is of type I32"),
    "offsets beyond the end": (with_entry(data_offsets=[10**9, 10**9 + 32]), f"{BIAS} is incomplete"),
    "offsets the wrong way": (with_entry(data_offsets=[64, 32]), f"{BIAS} is incomplete"),
    "negative offsets": (with_entry(data_offsets=[-32, 0]), f"{BIAS} is incomplete"),
    "a negative shape": (with_entry(shape=[-8]), f"{BIAS} has no valid shape"),
    "a huge shape": (with_entry(shape=[2**40, 2**40]), f"{BIAS} is incomplete"),
    "another shape": (with_entry(shape=[2, 4]), f"{BIAS} is 2 x 4, not 8"),
    "a tensor is missing": (lambda values: save({k: v for k, v in values.items() if k != BIAS}), f"{BIAS} is missing"),
    "not a number": (with_value(np.nan, "f4"), f"{KERNEL} has numbers that are not finite"),
    "infinity in float16": (with_value(np.inf, "f2"), f"{KERNEL} has numbers that are not finite"),
    "of another model": (lambda values: save({"weight": np.zeros(3, "f4")}), "they have no encoder and no decoder"),
}


@pytest.mark.parametrize(("damage", "words"), DAMAGED.values(), ids=DAMAGED)
def test_damaged_weights_are_told_in_words(damage, words, page, values):
    page.files["damaged"] = damage(values)
    answer = refusal(page, CONFIG.to_dict())
    assert words in answer
    assert answer.startswith("The weights")
    assert answer.endswith(".")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"channels": [8, 12]}, "channels is not of multiples of 8"),
        ({"channels": []}, "channels is not a list"),
        ({"channels": "8"}, "channels is not a list"),
        ({"blocks": 10**9}, "too many layers"),
        ({"image_size": 18}, "image_size is not a multiple of 4"),
        ({"image_size": 1e300}, "not all whole and positive"),
        ({"latent": "tensor"}, "latent is tensor"),
        ({"latent_dim": -1}, "not all whole and positive"),
        ({"latent_dim": 2**40}, "decoder.head.kernel is 4 x 256, not 1099511627776 x 256"),
        ({"channels": [8, 2**40]}, "decoder.head.kernel is 4 x 256"),
    ],
)
def test_architectures_that_are_not_valid_or_not_the_weights_are_told_in_words(changes, words, page, values):
    page.files["damaged"] = save(values)
    answer = refusal(page, CONFIG.to_dict() | changes)
    assert words in answer
    assert "config.json" in answer


def test_pictures_beyond_the_memory_are_refused(page, draw_vae):
    config = VAEConfig(image_size=16, latent_dim=4, channels=(8, 16))
    values = parameters(draw_vae(config))
    page.files["damaged"] = save({name: np.asarray(value) for name, value in values.items()})
    answer = refusal(page, config.to_dict() | {"image_size": 2**16})
    assert answer == "This needs more memory than a browser gives. Take a smaller picture or model."


def test_weights_that_overflow_make_no_picture(page, values):
    page.files["damaged"] = with_value(1e38, "f4")(values)
    script = """
        const codec = await createCodec(architecture, await bytes("/damaged"), await bytes("/codec/codec.wasm"));
        return await refusal((async () => codec.decode(new Float32Array([1, 2, 3, 4])))());
    """
    assert page.run(script, architecture=CONFIG.to_dict()) == "This latent is too large to be decoded."


def refusal(page, architecture):
    script = """
        const weights = await bytes("/damaged");
        return await refusal(createCodec(architecture, weights, await bytes("/codec/codec.wasm")));
    """
    return page.run(script, architecture=architecture)
