"""Drawings as files."""

import xml.etree.ElementTree as xml

import pytest

pytestmark = pytest.mark.browser

DRAWING = """(() => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("width", 20);
    svg.setAttribute("height", 10);
    svg.append(text);
    return %s;
})()"""


def test_a_drawing_with_any_label_is_a_file_that_others_read(run):
    label = "a <b> & \x00\x07\x1b\ufffe end"
    assert xml.fromstring(run("svg", DRAWING % "m.textOfSvg(svg)", text=label)).text == "a <b> &  end"
    assert run("svg", DRAWING % "m.pngOfSvg(svg).then((blob) => blob.type)", text=label) == "image/png"
