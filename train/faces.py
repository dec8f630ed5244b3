"""`python -m train faces`: a data set of drawn portraits, every one of whose factors is known.

Portraits of six styles of DiceBear are drawn from named options (packages `dicebear-core`, `dicebear-styles` and
`resvg-py`). Each of the eight factors is a column, has the same values in
every style, and is drawn independently of the others; a combination never occurs twice. That makes it a data set in
the tradition of dSprites and 3D Shapes, for which disentanglement, edits and samples can be measured, with faces.

What a style lacks is added here, so that every value exists in every style (`COMPLETIONS`).
"""

from __future__ import annotations

import argparse
import copy
import functools
import hashlib
import io
import json
import multiprocessing
import os
from importlib.resources import files
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

OVERSAMPLING = 3  # faces are drawn so many times larger, then reduced
PART = 2_000  # faces a file

HAIR_COLOURS = {
    "black": "#201a1e",
    "brown": "#5f3418",
    "blond": "#e3b75f",
    "red": "#c2461f",
    "grey": "#b4b6bd",
    "pink": "#f07fae",
    "blue": "#4f7fd9",
}
SKINS = {"light": "#fad5bb", "tan": "#e3b088", "brown": "#bb8054", "dark": "#8a5a3a"}
CLOTHES_COLOURS = {
    "red": "#d6363f",
    "yellow": "#f0c030",
    "green": "#2f9a55",
    "blue": "#2f62c9",
    "purple": "#8746b8",
    "black": "#333338",
}

# What each value of a factor sets, in each style. The values are those that a person tells apart at 64 pixels in all
# of the styles: "surprised" is a style's raised eyebrows, wide eyes and round mouth together.
STYLES: dict[str, dict] = {
    "toon-head": {
        "fixed": {"clothesVariant": "tShirt", "bodyVariant": "body", "headVariant": "head", "strokeColor": "#000000"},
        "hair": {
            "short": {"hairVariant": "undercut", "rearHairProbability": 0},
            "mohawk": {"hairVariant": "mohawk", "rearHairProbability": 0},
            "bob": {"hairVariant": "sideComed", "rearHairVariant": "neckHigh", "rearHairProbability": 100},
            "long": {"hairVariant": "sideComed", "rearHairVariant": "longStraight", "rearHairProbability": 100},
            "updo": {"hairVariant": "bun", "rearHairProbability": 0},
        },
        "expression": {
            "smile": {"mouthVariant": "smile", "eyesVariant": "happy", "eyebrowsVariant": "neutral"},
            "laugh": {"mouthVariant": "laugh", "eyesVariant": "bow", "eyebrowsVariant": "happy"},
            "sad": {"mouthVariant": "sad", "eyesVariant": "humble", "eyebrowsVariant": "sad"},
            "surprised": {"mouthVariant": "agape", "eyesVariant": "wide", "eyebrowsVariant": "raised"},
        },
        "glasses": {"glasses": {"glassesVariant": "glasses"}, "sunglasses": {"glassesVariant": "sunglasses"}},
        "beard": {"beardVariant": "fullBeard"},
        "colours": {"hair_colour": ["hair"], "skin": ["skin"], "clothes_colour": ["clothes"]},
    },
    "personas": {
        "fixed": {"clothesVariant": "squared", "noseVariant": "smallRound"},
        "hair": {
            "short": {"hairVariant": "shortCombover"},
            "mohawk": {"hairVariant": "mohawk"},
            "bob": {"hairVariant": "bobCut"},
            "long": {"hairVariant": "extraLong"},
            "updo": {"hairVariant": "straightBun"},
        },
        "expression": {
            "smile": {"mouthVariant": "smile", "eyesVariant": "open"},
            "laugh": {"mouthVariant": "bigSmile", "eyesVariant": "happy"},
            "sad": {"mouthVariant": "frown", "eyesVariant": "sleep"},
            "surprised": {"mouthVariant": "surprise", "eyesVariant": "open"},
        },
        "glasses": {"glasses": {"glassesVariant": "glasses"}, "sunglasses": {"glassesVariant": "sunglasses"}},
        "beard": {"facialHairVariant": "beard"},
        "colours": {"hair_colour": ["hair", "facialHair"], "skin": ["skin"], "clothes_colour": ["clothing"]},
    },
    "micah": {
        "fixed": {
            "clothesVariant": "crew",
            "earsVariant": "attached",
            "headVariant": "standard",
            "noseVariant": "curve",
            "earringsProbability": 0,
            "glassesColor": "#000000",
        },
        "hair": {
            "short": {"hairVariant": "fonze"},
            "mohawk": {"hairVariant": "mrT"},
            "bob": {"hairVariant": "pixie"},
            "long": {"hairVariant": "full"},
            "updo": {"hairVariant": "turban"},
        },
        "expression": {
            "smile": {"mouthVariant": "smile", "eyesVariant": "eyes", "eyebrowsVariant": "up"},
            "laugh": {"mouthVariant": "laughing", "eyesVariant": "smiling", "eyebrowsVariant": "up"},
            "sad": {"mouthVariant": "frown", "eyesVariant": "eyes", "eyebrowsVariant": "down"},
            "surprised": {"mouthVariant": "surprised", "eyesVariant": "round", "eyebrowsVariant": "up"},
        },
        "glasses": {"glasses": {"glassesVariant": "square"}, "sunglasses": {"glassesVariant": "sunglasses"}},
        "beard": {"facialHairVariant": "beard"},
        "colours": {"hair_colour": ["hair", "facialHair"], "skin": ["base"], "clothes_colour": ["shirt"]},
    },
    "adventurer": {
        "fixed": {"headVariant": "default", "earringsProbability": 0, "detailsProbability": 0},
        "hair": {
            "short": {"hairVariant": "short01"},
            "mohawk": {"hairVariant": "short15"},
            "bob": {"hairVariant": "long01"},
            "long": {"hairVariant": "long09"},
            "updo": {"hairVariant": "long10"},
        },
        "expression": {
            "smile": {"mouthVariant": "variant02", "eyesVariant": "variant24", "eyebrowsVariant": "variant10"},
            "laugh": {"mouthVariant": "variant25", "eyesVariant": "variant19", "eyebrowsVariant": "variant10"},
            "sad": {"mouthVariant": "variant04", "eyesVariant": "variant15", "eyebrowsVariant": "variant07"},
            "surprised": {"mouthVariant": "variant18", "eyesVariant": "variant24", "eyebrowsVariant": "variant06"},
        },
        "glasses": {"glasses": {"glassesVariant": "variant02"}, "sunglasses": {"glassesVariant": "variant01"}},
        "beard": {"beardVariant": "beard"},
        "colours": {"hair_colour": ["hair"], "skin": ["skin"], "clothes_colour": ["clothes"]},
    },
    "lorelei": {
        "fixed": {
            "headVariant": "variant02",
            "noseVariant": "variant02",
            "earringsProbability": 0,
            "frecklesProbability": 0,
            "hairAccessoriesProbability": 0,
        },
        "hair": {
            "short": {"hairVariant": "variant03"},
            "mohawk": {"hairVariant": "variant27"},
            "bob": {"hairVariant": "variant19"},
            "long": {"hairVariant": "variant15"},
            "updo": {"hairVariant": "variant14"},
        },
        "expression": {
            "smile": {"mouthVariant": "happy02", "eyesVariant": "variant24", "eyebrowsVariant": "variant09"},
            "laugh": {"mouthVariant": "happy05", "eyesVariant": "variant22", "eyebrowsVariant": "variant09"},
            "sad": {"mouthVariant": "sad05", "eyesVariant": "variant19", "eyebrowsVariant": "variant01"},
            "surprised": {"mouthVariant": "sad01", "eyesVariant": "variant16", "eyebrowsVariant": "variant09"},
        },
        "glasses": {"glasses": {"glassesVariant": "variant04"}, "sunglasses": {"glassesVariant": "variant02"}},
        "beard": {"beardVariant": "beard"},
        "colours": {"hair_colour": ["hair"], "skin": ["skin"], "clothes_colour": ["clothes"]},
    },
    "open-peeps": {
        "fixed": {"maskProbability": 0},
        "hair": {
            "short": {"headVariant": "grayShort"},
            "mohawk": {"headVariant": "mohawk2"},
            "bob": {"headVariant": "bangs"},
            "long": {"headVariant": "long"},
            "updo": {"headVariant": "grayBun"},
        },
        "expression": {
            "smile": {"expressionVariant": "smile"},
            "laugh": {"expressionVariant": "smileBig"},
            "sad": {"expressionVariant": "solemn"},
            "surprised": {"expressionVariant": "explaining"},
        },
        "glasses": {
            "glasses": {"accessoriesVariant": "glasses3"},
            "sunglasses": {"accessoriesVariant": "sunglasses"},
        },
        "beard": {"facialHairVariant": "full"},
        "colours": {"hair_colour": ["headContrast"], "skin": ["skin"], "clothes_colour": ["clothing"]},
    },
}

# The probability that hides or shows a component, where the factor has a value "none".
SHOWN = {
    "toon-head": {"glasses": "glasses", "beard": "beard"},
    "personas": {"glasses": "glasses", "beard": "facialHair"},
    "micah": {"glasses": "glasses", "beard": "facialHair"},
    "adventurer": {"glasses": "glasses", "beard": "beard"},
    "lorelei": {"glasses": "glasses", "beard": "beard"},
    "open-peeps": {"glasses": "accessories", "beard": "facialHair"},
}

FACTORS: dict[str, tuple[str, ...]] = {
    "style": tuple(STYLES),
    "hair": ("short", "mohawk", "bob", "long", "updo"),
    "hair_colour": tuple(HAIR_COLOURS),
    "skin": tuple(SKINS),
    "expression": ("smile", "laugh", "sad", "surprised"),
    "glasses": ("none", "glasses", "sunglasses"),
    "beard": ("none", "beard"),
    "clothes_colour": tuple(CLOTHES_COLOURS),
}


def _path(d: str, **attributes) -> dict:
    return {
        "type": "element",
        "name": "path",
        "attributes": {"d": d, **{k.replace("_", "-"): v for k, v in attributes.items()}},
    }


def _colour(name: str) -> dict:
    return {"type": "color", "name": name}


def _component(definition: dict, name: str, variants: dict[str, list], before: str | None) -> None:
    """Adds a component at the origin of the canvas, drawn before another one, or last."""
    definition["components"][name] = {
        "width": definition["canvas"]["width"],
        "height": definition["canvas"]["height"],
        "probability": 50,
        "variants": {variant: {"elements": elements} for variant, elements in variants.items()},
    }
    elements = definition["canvas"]["elements"]
    place = next((i for i, e in enumerate(elements) if e["name"] == before), len(elements))
    elements.insert(place, {"type": "component", "name": name, "attributes": {}})


def _recolour(elements: list, old: str, new: str) -> None:
    for element in elements:
        for key, value in element.get("attributes", {}).items():
            if value == _colour(old):
                element["attributes"][key] = _colour(new)
        _recolour(element.get("children", []), old, new)


def _reorder(elements: list, name: str, before: str) -> None:
    """Draws a component earlier: before another one."""
    moved = next(e for e in elements if e["name"] == name)
    elements.remove(moved)
    elements.insert(next(i for i, e in enumerate(elements) if e["name"] == before), moved)


def complete_toon_head(d: dict) -> None:
    frames = (
        "M262 345h84a22 22 0 0 1 22 22v54a36 36 0 0 1-36 36h-56a36 36 0 0 1-36-36v-54a22 22 0 0 1 22-22z"
        "M422 345h84a22 22 0 0 1 22 22v54a36 36 0 0 1-36 36h-56a36 36 0 0 1-36-36v-54a22 22 0 0 1 22-22z"
    )
    bridge = _path("M368 380q16-12 32 0M240 375l-34-8M528 375l34-8", stroke="#1d1d22", stroke_width="13", fill="none")
    clear = _path(frames, fill="#ffffff", fill_opacity="0.15", stroke="#1d1d22", stroke_width="13")
    dark = _path(frames, fill="#1d1d22", stroke="#1d1d22", stroke_width="13")
    _component(d, "glasses", {"glasses": [clear, bridge], "sunglasses": [dark, bridge]}, before="hair")
    _reorder(d["canvas"]["elements"], "beard", before="mouth")
    crest = _path(
        "M150 272L106 150L158 176L140 60L200 128L227 10L254 128L314 60L296 176L348 150L304 272Q227 226 150 272z",
        fill=_colour("hair"), stroke=_colour("stroke"), stroke_width="1",
    )  # fmt: skip
    d["components"]["hair"]["variants"]["mohawk"] = {"elements": [crest]}


def complete_personas(d: dict) -> None:
    eyes = d["components"]["eyes"]["variants"]
    variants = {}
    for name in ("glasses", "sunglasses"):  # without the eyes, so that they go with any expression
        frame = {
            "type": "element",
            "name": "g",
            "attributes": {"transform": "translate(20 24)"},
            "children": eyes[name]["elements"][1:],
        }
        variants[name] = [frame]
    _component(d, "glasses", variants, before="clothes")
    beards = d["components"]["facialHair"]["variants"]
    beard = copy.deepcopy(beards["shadow"]["elements"][:1])
    beard[0]["attributes"]["opacity"] = "1"
    mouth = _path("M7.6 12.6a6.5 3.9 0 1 0 13 0a6.5 3.9 0 1 0-13 0z", fill=_colour("skin"))
    beards["beard"] = {"elements": [*beard, mouth]}
    _reorder(d["canvas"]["elements"], "facialHair", before="mouth")
    shine = next(e for e in d["canvas"]["elements"] if e["name"] == "g")
    shine["children"][0]["attributes"]["opacity"] = ".1"  # .36 turns dark skin grey


def complete_micah(d: dict) -> None:
    variants = d["components"]["glasses"]["variants"]
    variants["sunglasses"] = copy.deepcopy(variants["square"])
    variants["sunglasses"]["elements"][1]["attributes"]["fill"] = _colour("glasses")
    beard = d["components"]["facialHair"]["variants"]["beard"]["elements"]
    beard[2:] = []
    beard.insert(1, _path("M36 72a46 30 -8 1 0 92-8a46 30 -8 1 0-92 8z", fill=_colour("base")))


def complete_adventurer(d: dict) -> None:
    d["colors"]["clothes"] = {"values": ["#000000"]}
    ink = {"stroke": _colour("ink"), "stroke_width": "8", "stroke_linejoin": "round"}
    neck = _path("M318 560h112v150h-112z", fill=_colour("skin"), **ink)
    shirt = _path(
        "M130 790C140 700 210 672 312 655Q374 705 436 655C538 672 608 700 618 790z", fill=_colour("clothes"), **ink
    )
    _component(d, "neck", {"neck": [neck]}, before="head")
    _component(d, "clothes", {"shirt": [shirt]}, before=None)
    for name in ("neck", "clothes"):
        d["components"][name]["probability"] = 100
    beard = _path(
        "M146 418C150 560 258 612 368 612C482 612 572 556 594 486C560 500 530 480 500 452C440 415 250 425 215 460"
        "C190 480 160 460 146 418zM335 470C400 470 450 490 450 525C450 565 400 585 335 585C270 585 220 565 220 525"
        "C220 490 270 470 335 470z",
        fill=_colour("hair"),
        fill_rule="evenodd",
        **ink,
    )
    _component(d, "beard", {"beard": [beard]}, before="eyes")


def complete_lorelei(d: dict) -> None:
    d["colors"]["clothes"] = {"values": ["#000000"]}
    ink = {"stroke": _colour("outline"), "stroke_width": "10", "stroke_linejoin": "round"}
    shirt = _path("M110 1000C130 880 220 850 318 815C380 890 560 890 622 795C730 830 830 880 850 1000z",
                  fill=_colour("clothes"), **ink)  # fmt: skip
    _component(d, "clothes", {"shirt": [shirt]}, before=None)
    d["components"]["clothes"]["probability"] = 100
    beard = _path(
        "M4 70C20 190 110 224 205 224C310 224 392 176 412 40C390 78 360 62 320 52C280 44 250 44 205 52"
        "C140 62 60 130 4 70zM240 62C300 62 335 82 335 108C335 134 300 152 240 152C180 152 140 134 140 108"
        "C140 82 180 62 240 62z",
        fill=_colour("hair"),
        fill_rule="evenodd",
    )
    d["components"]["beard"]["variants"]["beard"] = {"elements": [beard]}
    for head in d["components"]["head"]["variants"].values():
        _reorder(head["elements"], "beard", before="eyes")


def complete_open_peeps(d: dict) -> None:
    _recolour(d["components"]["facialHair"]["variants"]["full"]["elements"], "ink", "headContrast")
    hair = d["components"]["head"]["variants"]["long"]["elements"]
    _recolour(hair, "ink", "headContrast")
    hair[-1]["attributes"] |= {"stroke": _colour("ink"), "stroke-width": "14"}
    _reorder(d["canvas"]["elements"], "facialHair", before="expression")


COMPLETIONS = {
    "toon-head": complete_toon_head,
    "personas": complete_personas,
    "micah": complete_micah,
    "adventurer": complete_adventurer,
    "lorelei": complete_lorelei,
    "open-peeps": complete_open_peeps,
}


@functools.cache
def definition(style: str) -> dict:
    d = json.loads(files("dicebear_styles").joinpath(f"{style}.json").read_text())
    COMPLETIONS[style](d)
    return d


@functools.cache
def compiled(style: str):
    from dicebear import Style

    return Style(definition(style))


def options(face: dict[str, str]) -> dict:
    """DiceBear's options for a face: every one is given, so that nothing is left to its random numbers."""
    style = STYLES[face["style"]]
    shown = SHOWN[face["style"]]
    chosen = {"seed": "", **style["fixed"], **style["hair"][face["hair"]], **style["expression"][face["expression"]]}
    chosen |= style["glasses"].get(face["glasses"], {})
    chosen |= style["beard"] if face["beard"] != "none" else {}
    for factor in ("glasses", "beard"):
        chosen[f"{shown[factor]}Probability"] = 0 if face[factor] == "none" else 100
    for factor, palette in (("hair_colour", HAIR_COLOURS), ("skin", SKINS), ("clothes_colour", CLOTHES_COLOURS)):
        for name in style["colours"][factor]:
            chosen[f"{name}Color"] = palette[face[factor]]
    return chosen


def draw(face: dict[str, str], side: int = 64) -> Image.Image:
    """A face on white.

    Args:
        face: a value of every factor.
        side: of the square picture, pixels.
    """
    import resvg_py
    from dicebear import Avatar

    svg = Avatar(compiled(face["style"]), {**options(face), "size": OVERSAMPLING * side}).to_string()
    with Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True)))) as drawn:
        drawn = drawn.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", drawn.size, "white"), drawn).convert("RGB").reduce(OVERSAMPLING)


def faces(count: int, seed: int) -> list[dict[str, str]]:
    """Distinct faces, drawn uniformly from all combinations of the factors' values.

    Raises:
        ValueError: there are not so many.
    """
    sizes = [len(values) for values in FACTORS.values()]
    total = int(np.prod(sizes))
    if not 1 <= count <= total:
        raise ValueError(f"argument --count: {count} given; accepted: 1 to {total}, the number of different faces")
    chosen = np.random.default_rng(seed).permutation(total)[:count]
    places = np.stack(np.unravel_index(chosen, sizes), axis=1)
    return [
        {factor: values[i] for (factor, values), i in zip(FACTORS.items(), row, strict=True)} for row in places.tolist()
    ]


def split_of(face: dict[str, str]) -> str:
    """ "validation" for a fixed tenth of all combinations, whatever the count and the seed."""
    return "validation" if hashlib.sha256("|".join(face.values()).encode()).digest()[0] < 26 else "train"


def encode(picture: Image.Image) -> bytes:
    """The picture as lossless WebP."""
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", lossless=True, quality=100, method=4)
    return buffer.getvalue()


def _row(face: dict[str, str], side: int) -> dict:
    return {"image": {"bytes": encode(draw(face, side)), "path": None}, **face, "split": split_of(face)}


def build(out: Path, count: int, seed: int, side: int, processes: int) -> None:
    """Writes the data set as parquet files of up to 2,000 faces; files that are there already are kept.

    Args:
        out: the folder, made if need be.
        count: how many faces.
        seed: which faces.
        side: of the pictures, pixels.
        processes: how many draw at the same time.

    Raises:
        ValueError: the folder holds something else.
    """
    import datasets  # here, as the processes that draw do without

    columns = {"image": datasets.Image(), **{name: datasets.Value("string") for name in (*FACTORS, "split")}}
    chosen = faces(count, seed)
    parts = [chosen[i : i + PART] for i in range(0, count, PART)]
    paths = [out / f"faces-{i:05}-of-{len(parts):05}.parquet" for i in range(len(parts))]
    card = describe(count, seed, side)
    out.mkdir(parents=True, exist_ok=True)
    readme = out / "README.md"
    if set(out.glob("*.parquet")) - set(paths) or (readme.exists() and readme.read_text() != card):
        raise ValueError(f"argument --out: {out} holds another data set; give an empty or a new folder")
    readme.write_text(card)
    spawn = multiprocessing.get_context("spawn")  # `datasets` has threads, with which a fork may hang
    with spawn.Pool(processes) as pool, tqdm(total=count, unit="face") as bar:
        for part, path in zip(parts, paths, strict=True):
            if path.exists():
                bar.update(len(part))
            else:
                rows = []
                for row in pool.imap(functools.partial(_row, side=side), part, chunksize=20):
                    rows.append(row)
                    bar.update()
                data = datasets.Dataset.from_list(rows, features=datasets.Features(columns))
                unfinished = path.with_suffix(".unfinished")
                data.to_parquet(unfinished)
                unfinished.replace(path)


def describe(count: int, seed: int, side: int) -> str:
    """The card of the data set, in the form that the Hugging Face Hub reads."""
    return f"# Faces {count} {seed} {side}\n"


def run_faces(arguments: argparse.Namespace) -> None:
    """`python -m train faces`."""
    build(arguments.out, arguments.count, arguments.seed, arguments.image_size, os.cpu_count() or 1)
    print(f"{arguments.out}: {arguments.count:,} faces")
