"""The map as it is sent to the page: its points, its settings, its events."""

import json

import gradio as gr
import numpy as np
import pytest
from gradio.blocks import postprocess_update_dict

from app.explore.limits import check_coordinates
from app.explore.map import Categories, Numbers, Overview
from app.explore.points_file import offsets, pack_points
from app.kit import web
from app.kit.events import FORGED
from app.widgets.latent_map import PRELOAD, LatentMap

CARD = {"name": "fruits"}
POINTS = "points/0/umap/fruits.bin"


def overview() -> Overview:
    """Three points with two kinds and a number."""
    return Overview(
        positions=np.array([[1.5, -2], [0, 3], [4, 5]], np.float64),
        categories=[Categories("kind", ["pear", ""], np.array([0, 1, 0], np.uint16))],
        numbers=[Numbers("error", np.array([0.25, np.nan, 0.5], np.float64), 0.25, 0.5)],
        spacing=0.75,
    )


def array(content: bytes, offset: int, dtype: str) -> list:
    return np.frombuffer(content, dtype, 3, offset).tolist()


def decode_place(model: str, index: int | None, x: float, y: float) -> dict:
    return {"asked": [model, index, *check_coordinates(x, y)]}


class TestPayload:
    def test_tells_where_the_points_and_their_latents_are(self):
        sent = LatentMap.payload(CARD, overview(), POINTS, latents="latents/0/fruits.f16")
        assert (sent["model"], sent["count"], sent["spacing"]) == (CARD, 3, 0.75)
        assert (sent["points"], sent["latents"]) == (POINTS, "latents/0/fruits.f16")

    def test_tells_points_of_files_that_were_written_anew_from_those_before(self):
        one, other = (LatentMap.payload(CARD, overview(), POINTS, written=(1 << 60, k))["written"] for k in (0, 1))
        assert isinstance(one, str)
        assert one != other

    def test_has_numbers_under_the_names_they_have_on_the_page(self):
        (number,) = LatentMap.payload(CARD, overview(), POINTS, {"error": ("L1 error", "pixels in [0, 1]")})["numbers"]
        assert (number["name"], number["note"], number["range"]) == ("L1 error", "pixels in [0, 1]", [0.25, 0.5])

    def test_of_a_number_without_a_title_the_name_is_shown(self):
        (number,) = LatentMap.payload(CARD, overview(), POINTS)["numbers"]
        assert (number["name"], number["note"]) == ("error", "")

    def test_of_a_million_points_weighs_little(self):
        codes = Categories("kind", ["a"], np.zeros(1_000_000, np.uint16))
        large = Overview(np.zeros((1_000_000, 2), np.float32), [codes], [], 1.0)
        assert len(json.dumps(LatentMap.payload(CARD, large, POINTS))) < 1000


class TestFile:
    def test_has_the_numbers_of_every_point_where_the_payload_says(self):
        content, sent = pack_points(overview()), LatentMap.payload(CARD, overview(), POINTS)
        (column,), (number,) = sent["columns"], sent["numbers"]
        assert array(content, sent["x"], "<f4") == [1.5, 0, 4]
        assert array(content, sent["y"], "<f4") == [-2, 3, 5]
        assert [column["labels"][code] for code in array(content, column["codes"], "u1")] == ["pear", "", "pear"]
        values = array(content, number["values"], "<f4")
        assert np.isnan(values[1])
        assert [values[0], values[2]] == [0.25, 0.5]

    def test_has_any_number_of_labels(self):
        many = Categories("id", [str(k) for k in range(300)], np.array([299, 0, 1], np.uint16))
        few = Categories("kind", ["a", "b"], np.array([1, 1, 0], np.uint16))
        shown = Overview(np.zeros((3, 2)), [few, many], [], 1.0)
        content, at = pack_points(shown), offsets(shown)
        assert [array(content, at.codes[k], dtype) for k, dtype in ((0, "u1"), (1, "<u2"))] == [[1, 1, 0], [299, 0, 1]]
        assert all(offset % 4 == 0 for offset in at.codes), "as typed arrays need"


class TestMap:
    def test_is_sent_with_its_settings(self):
        with gr.Blocks() as page:
            value = LatentMap.payload(CARD, overview(), POINTS)
            LatentMap(value, server=[decode_place], selected=0, drop_target="place")
        sent = json.loads(json.dumps(page.config))["components"][-1]["props"]
        assert sent["props"] == {
            "marker": None,
            "selected": 0,
            "narrowed": None,
            "empty_text": "This model has no map yet.",
            "drop_target": "place",
            "address": None,
            "neighbours": None,
            "title": None,
            "compact": False,
        }
        assert sent["server_fns"] == ["decode_place"]

    def test_none_takes_a_marker_away(self):
        update = LatentMap(marker=None).constructor_args
        sent = postprocess_update_dict(LatentMap(**update, render=False), dict(update))
        assert sent["props"] == {"marker": None}
        assert "value" not in sent
        json.dumps(sent)

    @pytest.mark.parametrize("event", ["select", "walk_path", "compare_groups", "clear_drawing"])
    def test_has_events(self, event):
        with gr.Blocks() as page:
            getattr(LatentMap(), event)(lambda: None)
        assert [name for fn in page.fns.values() for _, name in fn.targets] == [event]

    def test_the_server_is_asked_for_points_and_places(self):
        chart = LatentMap(server=[decode_place])
        assert chart.decode_place(["m", None, 1, 2.5]) == {"asked": ["m", None, 1, 2.5]}
        assert chart.decode_place(["m", 3, 0, 0]) == {"asked": ["m", 3, 0, 0]}

    @pytest.mark.parametrize("arguments", [[], ["m", None, 1], [1, None, 0, 0], ["m", "3", 0, 0], ["m", True, 0, 0]])
    def test_forged_requests_are_turned_away(self, arguments):
        assert LatentMap(server=[decode_place]).decode_place(arguments) == {"error": FORGED}

    @pytest.mark.parametrize("x", [float("nan"), float("inf"), 1e7])
    def test_places_beyond_any_map_are_explained(self, x):
        assert "x is" in LatentMap(server=[decode_place]).decode_place(["m", None, x, 0])["error"]

    def test_the_head_of_the_page_loads_what_draws_it_ahead(self):
        assert f"/{web.version()}/plotly.min.js" in PRELOAD
        assert web.files()["plotly.min.js"]
        assert PRELOAD.startswith("<script>")
