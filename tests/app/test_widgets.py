"""What the widgets send to the page, and what they accept from it."""

import base64
import io
import json

import gradio as gr
import numpy as np
import pytest
from gradio.blocks import postprocess_update_dict
from PIL import Image

from app.widgets.latent_map import LatentMap
from app.widgets.scrubber import SHEET_LIMIT, Scrubber


def array(text: str, kind: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), kind)


def sheet_of(payload: dict) -> Image.Image:
    header, _, data = payload["sheet"].partition(",")
    assert header == "data:image/webp;base64"
    return Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")


def frame_of(payload: dict, k: int) -> Image.Image:
    """Frame k, cut out as the page does."""
    width, height, columns = payload["width"], payload["height"], payload["columns"]
    left, top = k % columns * width, k // columns * height
    return sheet_of(payload).crop((left, top, left + width, top + height))


def noise(count: int, width: int, height: int) -> list[Image.Image]:
    pixels = np.random.default_rng(0).integers(0, 256, (count, height, width, 3), np.uint8)
    return [Image.fromarray(frame) for frame in pixels]


class TestMapPayload:
    def test_positions_survive_the_journey(self):
        x, y = np.random.default_rng(0).normal(size=(2, 1000)).astype(np.float32)
        payload = LatentMap.payload("fruits", x, y, {})
        assert payload["model"] == "fruits"
        assert payload["count"] == 1000
        np.testing.assert_array_equal(array(payload["x"], "<f4"), x)
        np.testing.assert_array_equal(array(payload["y"], "<f4"), y)

    def test_labels_come_back_from_their_codes(self):
        labels = {"kind": ["pear", "apple", None, "apple", "fig"], "year": [1, 2, 2, 1, 1]}
        payload = LatentMap.payload("fruits", range(5), range(5), labels)
        assert [column["name"] for column in payload["columns"]] == ["kind", "year"]
        for column, values in zip(payload["columns"], labels.values(), strict=True):
            codes = array(column["codes"], "<u2")
            assert [column["categories"][code] for code in codes] == ["" if v is None else str(v) for v in values]

    def test_categories_run_from_frequent_to_rare_then_by_name(self):
        payload = LatentMap.payload("m", range(6), range(6), {"kind": ["b", "c", "a", "c", "b", "c"]})
        assert payload["columns"][0]["categories"] == ["c", "b", "a"]

    def test_many_categories_keep_their_codes(self):
        names = [f"label {i}" for i in range(70)] * 10 + [f"rare {i}" for i in range(40_000)]
        column = LatentMap.payload("m", np.zeros(40_700), np.zeros(40_700), {"name": names})["columns"][0]
        codes = array(column["codes"], "<u2")
        assert [column["categories"][code] for code in codes[::997]] == names[::997]

    def test_is_compact(self):
        payload = LatentMap.payload("m", np.zeros(60_000), np.zeros(60_000), {"kind": ["a", "b"] * 30_000})
        assert len(json.dumps(payload)) < 60_000 * (2 * 4 + 2) * 4 / 3 + 1000

    def test_an_empty_map_is_allowed(self):
        assert LatentMap.payload("m", [], [], {"kind": []})["count"] == 0

    @pytest.mark.parametrize(
        ("x", "y", "labels", "complaint"),
        [
            ([1, 2], [1], {}, r"x has shape \(2,\), y has \(1,\)"),
            ([[1, 2]], [[1, 2]], {}, r"must be \(count,\)"),
            ([1, np.nan], [1, 2], {}, "not a finite number"),
            ([1, 2], [1, np.inf], {}, "not a finite number"),
            ([1, 2], [1, 2], {"kind": ["a"]}, "'kind' has 1 labels for 2 points"),
        ],
    )
    def test_says_what_does_not_fit(self, x, y, labels, complaint):
        with pytest.raises(ValueError, match=complaint):
            LatentMap.payload("m", x, y, labels)

    def test_says_that_there_are_too_many_labels(self):
        count = 65_537
        with pytest.raises(ValueError, match="65537 different labels"):
            LatentMap.payload("m", np.zeros(count), np.zeros(count), {"id": range(count)})


class TestMap:
    def test_configuration_can_be_sent(self):
        with gr.Blocks() as page:
            LatentMap(LatentMap.payload("m", [0], [0], {}), decode_place=lambda *place: {}, selected=0)
        settings = json.loads(json.dumps(page.config))["components"][-1]["props"]
        assert settings["props"] == {
            "marker": None,
            "selected": 0,
            "empty_text": "This model has no map yet.",
        }
        assert settings["value"]["plotly"]["url"].endswith("plotly.min.js")
        assert settings["server_fns"] == ["decode_place"]

    def test_none_takes_a_marker_away(self):
        update = LatentMap(marker=None).constructor_args
        sent = postprocess_update_dict(LatentMap(**update, render=False), dict(update))
        assert sent["props"] == {"marker": None}
        json.dumps(sent)

    def test_no_value_stays_none(self):
        assert LatentMap().postprocess(None) is None

    @pytest.mark.parametrize("event", ["select", "drop_picture"])
    def test_has_events(self, event):
        with gr.Blocks():
            getattr(LatentMap(), event)(lambda: None)

    def test_decodes_a_place(self):
        asked = []
        chart = LatentMap(decode_place=lambda *place: asked.append(place) or {"picture": "data:", "distance": 0.0})
        assert chart.decode_place(["m", None, 1, 2.5]) == {"picture": "data:", "distance": 0.0}
        chart.decode_place(["m", 3, 0, 0])
        assert asked == [("m", None, 1.0, 2.5), ("m", 3, 0.0, 0.0)]

    @pytest.mark.parametrize(
        "arguments",
        [[], ["m", None, 1], [1, None, 0, 0], ["m", "3", 0, 0], ["m", True, 0, 0], ["m", 1.5, 0, 0]]
        + [["m", None, x, 0] for x in (float("nan"), float("inf"), "a")],
    )
    def test_turns_forged_requests_away(self, arguments):
        chart = LatentMap(decode_place=lambda *place: pytest.fail("reached the decoder"))
        assert chart.decode_place(arguments).keys() == {"error"}


class TestScrubberPayload:
    @pytest.mark.parametrize("count", [2, 3, 8, 25, 64])
    def test_every_frame_is_at_its_place(self, count):
        frames = noise(count, 16, 16)
        payload = Scrubber.payload(frames)
        assert payload["count"] == count
        for k, frame in enumerate(frames):
            np.testing.assert_array_equal(np.asarray(frame_of(payload, k)), np.asarray(frame))

    def test_frames_need_not_be_square(self):
        frames = noise(7, 24, 10)
        payload = Scrubber.payload(frames)
        assert (payload["width"], payload["height"]) == (24, 10)
        np.testing.assert_array_equal(np.asarray(frame_of(payload, 6)), np.asarray(frames[6]))

    def test_large_frames_are_nearly_the_same(self):
        ramp = np.linspace(0, 255, 256).astype(np.uint8)
        frames = [Image.fromarray(np.stack([np.roll(np.tile(ramp, (256, 1)), k, 1)] * 3, -1)) for k in range(20)]
        payload = Scrubber.payload(frames)
        apart = np.abs(np.asarray(frame_of(payload, 13), int) - np.asarray(frames[13], int))
        assert apart.mean() < 4

    @pytest.mark.parametrize(("count", "width", "height"), [(101, 512, 512), (7, 8191, 40), (7, 40, 8191)])
    def test_a_sheet_stays_below_the_limit(self, count, width, height):
        payload = Scrubber.payload([Image.new("RGB", (width, height))] * count)
        rows = -(-count // payload["columns"])
        assert sheet_of(payload).size == (payload["columns"] * width, rows * height)
        assert max(sheet_of(payload).size) < SHEET_LIMIT

    def test_carries_place_and_captions(self):
        payload = Scrubber.payload(noise(3, 4, 4), t=0.25, captions=("Lime", "Plum"))
        assert (payload["t"], payload["captions"]) == (0.25, ["Lime", "Plum"])

    @pytest.mark.parametrize(
        ("frames", "t", "complaint"),
        [
            ([], 0.5, "0 frames given"),
            (noise(1, 4, 4), 0.5, "1 frames given"),
            (noise(1, 4, 4) + noise(1, 5, 4), 0.5, "different sizes"),
            (noise(2, 4, 4), 1.5, "t is 1.5"),
            (noise(2, 4, 4), float("nan"), "t is nan"),
            ([Image.new("L", (9000, 1))] * 2, 0.5, "do not fit"),
            ([Image.new("L", (4096, 4096))] * 5, 0.5, "do not fit"),
        ],
    )
    def test_says_what_does_not_fit(self, frames, t, complaint):
        with pytest.raises(ValueError, match=complaint):
            Scrubber.payload(frames, t)


class TestScrubber:
    def test_configuration_can_be_sent(self):
        with gr.Blocks() as page:
            scrubber = Scrubber(Scrubber.payload(noise(2, 4, 4)), empty_text="Choose two.")
            scrubber.settle(lambda: None)
        settings = json.loads(json.dumps(page.config))["components"][-1]["props"]
        assert settings["props"] == {"empty_text": "Choose two.", "address": None}
        assert settings["value"]["count"] == 2
