"""The map as it is sent to the page: its points, its settings, its events."""

import base64
import json

import gradio as gr
import numpy as np
import pytest
from gradio.blocks import postprocess_update_dict

from app.explore.limits import check_coordinates
from app.explore.map import Categories, Numbers, Overview
from app.kit import web
from app.kit.events import FORGED
from app.widgets.latent_map import PRELOAD, LatentMap

CARD = {"name": "fruits"}


def overview() -> Overview:
    """Three points with two kinds and a number."""
    return Overview(
        positions=np.array([[1.5, -2], [0, 3], [4, 5]], np.float64),
        categories=[Categories("kind", ["pear", ""], np.array([0, 1, 0], np.uint16))],
        numbers=[Numbers("error", np.array([0.25, np.nan, 0.5], np.float64), 0.25, 0.5)],
        spacing=0.75,
    )


def array(text: str, dtype: str) -> list:
    return np.frombuffer(base64.b64decode(text), dtype).tolist()


def decode_place(model: str, index: int | None, x: float, y: float) -> dict:
    return {"asked": [model, index, *check_coordinates(x, y)]}


class TestPayload:
    def test_has_every_point_at_its_place(self):
        sent = LatentMap.payload(CARD, overview(), latents="latents/0/fruits.f16")
        assert (sent["model"], sent["count"], sent["spacing"]) == (CARD, 3, 0.75)
        assert sent["latents"] == "latents/0/fruits.f16"
        assert array(sent["x"], "<f4") == [1.5, 0, 4]
        assert array(sent["y"], "<f4") == [-2, 3, 5]

    def test_tells_points_of_files_that_were_written_anew_from_those_before(self):
        one, other = (LatentMap.payload(CARD, overview(), written=(1 << 60, k))["written"] for k in (0, 1))
        assert isinstance(one, str)
        assert one != other

    def test_has_the_label_of_every_point(self):
        (column,) = LatentMap.payload(CARD, overview())["columns"]
        assert column["name"] == "kind"
        assert [column["categories"][code] for code in array(column["codes"], "u1")] == ["pear", "", "pear"]

    def test_has_any_number_of_labels(self):
        many = Categories("id", [str(k) for k in range(300)], np.array([299, 0, 1], np.uint16))
        (column,) = LatentMap.payload(CARD, Overview(np.zeros((3, 2)), [many], [], 1.0))["columns"]
        assert array(column["codes"], "<u2") == [299, 0, 1]

    def test_has_numbers_under_the_names_they_have_on_the_page(self):
        (number,) = LatentMap.payload(CARD, overview(), {"error": ("L1 error", "pixels in [0, 1]")})["numbers"]
        assert (number["name"], number["note"], number["range"]) == ("L1 error", "pixels in [0, 1]", [0.25, 0.5])
        values = array(number["values"], "<f4")
        assert np.isnan(values[1])
        assert [values[0], values[2]] == [0.25, 0.5]

    def test_of_a_number_without_a_title_the_name_is_shown(self):
        (number,) = LatentMap.payload(CARD, overview())["numbers"]
        assert (number["name"], number["note"]) == ("error", "")

    def test_of_sixty_thousand_points_weighs_less_than_a_megabyte(self):
        codes = Categories("kind", ["a"], np.zeros(60_000, np.uint16))
        large = Overview(np.zeros((60_000, 2), np.float32), [codes], [], 1.0)
        assert len(json.dumps(LatentMap.payload(CARD, large))) < 1 << 20


class TestMap:
    def test_is_sent_with_its_settings(self):
        with gr.Blocks() as page:
            LatentMap(LatentMap.payload(CARD, overview()), server=[decode_place], selected=0, drop_target="place")
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
