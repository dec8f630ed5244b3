"""`python -m train faces`: a data set of drawn portraits, every factor of which is known.

The portraits are avatars of DiceBear in six styles (packages `dicebear-core`, `dicebear-styles`; `resvg_py` renders
them), each drawn from eight factors. A factor has the same values in every style, all combinations are equally likely,
and none occurs twice: as in dSprites (Matthey et al. 2017) and 3D Shapes (Burgess & Kim 2018), so that edits, samples
and disentanglement can be measured, but with faces.

A style that lacks something (glasses, a beard, clothes) is completed here, so that "none" is always a choice.
"""

from __future__ import annotations

import argparse
import copy
import functools
import hashlib
import io
import json
import math
import multiprocessing
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template

import numpy as np
from PIL import Image
from tqdm import tqdm

from train.config import FlagError

OVERSAMPLING = 3  # portraits are drawn so many times larger, then reduced
PART = 2_000  # portraits a file

# A portrait: a value of every factor of `FACTORS`.
Face = dict[str, str]
# Component of a style -> the variant that is drawn, or None for no such component.
Parts = dict[str, str | None]

COLOURS = {
    "hair_colour": {
        "black": "#201a1e",
        "brown": "#5f3418",
        "blond": "#e3b75f",
        "red": "#c2461f",
        "grey": "#b4b6bd",
        "pink": "#f07fae",
        "blue": "#4f7fd9",
    },
    "skin": {"light": "#fad5bb", "tan": "#e3b088", "brown": "#bb8054", "dark": "#8a5a3a"},
    "clothes_colour": {
        "red": "#d6363f",
        "yellow": "#f0c030",
        "green": "#2f9a55",
        "blue": "#2f62c9",
        "purple": "#8746b8",
        "black": "#333338",
    },
}


@dataclass(frozen=True)
class Style:
    """How a style of DiceBear draws each value of each factor.

    Only values that a person tells apart at 64 pixels in all styles are factors: "surprised" is a style's raised
    eyebrows, wide eyes and round mouth together. What is never varied is in `always`.

    Attributes:
        always: the parts that every portrait has.
        hair, expression, glasses, beard: value of that factor -> the parts that draw it.
        colours: factor of `COLOURS` -> the colours of the style that take it.
        fixed_colours: colours that the style would choose by itself.
        complete: draws into the style's definition what it lacks.
    """

    always: Parts
    hair: dict[str, Parts]
    expression: dict[str, Parts]
    glasses: dict[str, Parts]
    beard: dict[str, Parts]
    colours: dict[str, tuple[str, ...]]
    complete: Callable[[dict], None]
    fixed_colours: dict[str, str]


def svg_path(d: str, **attributes: str | dict) -> dict:
    """An SVG path as an element of a definition."""
    attributes = {name.replace("_", "-"): value for name, value in attributes.items()}
    return {"type": "element", "name": "path", "attributes": {"d": d, **attributes}}


def colour(name: str) -> dict:
    """A colour of the style, as the value of an attribute."""
    return {"type": "color", "name": name}


def add_component(definition: dict, name: str, variants: dict[str, list[dict]], before: str | None = None) -> None:
    """Adds a component in coordinates of the canvas, drawn before another component or, without one, last."""
    canvas = definition["canvas"]
    definition["components"][name] = {
        "width": canvas["width"],
        "height": canvas["height"],
        "variants": {variant: {"elements": elements} for variant, elements in variants.items()},
    }
    element = {"type": "component", "name": name, "attributes": {}}
    canvas["elements"].insert(_place(canvas["elements"], before) if before else len(canvas["elements"]), element)


def draw_earlier(elements: list[dict], name: str, before: str) -> None:
    """Moves a component to before another one."""
    moved = elements.pop(_place(elements, name))
    elements.insert(_place(elements, before), moved)


def recolour(elements: list[dict], old: str, new: str) -> None:
    """What had one colour of the style takes another."""
    for element in elements:
        for attribute, value in element["attributes"].items():
            if value == colour(old):
                element["attributes"][attribute] = colour(new)


def _place(elements: list[dict], name: str) -> int:
    return next(i for i, element in enumerate(elements) if element["name"] == name)


def complete_toon_head(definition: dict) -> None:
    """Draws glasses and a mohawk, which it lacks, a smile and a sad mouth that can be told apart when small.

    Its beard leaves the mouth free.
    """
    frames = (
        "M262 345h84a22 22 0 0 1 22 22v54a36 36 0 0 1-36 36h-56a36 36 0 0 1-36-36v-54a22 22 0 0 1 22-22z"
        "M422 345h84a22 22 0 0 1 22 22v54a36 36 0 0 1-36 36h-56a36 36 0 0 1-36-36v-54a22 22 0 0 1 22-22z"
    )
    line = {"stroke": "#1d1d22", "stroke_width": "13"}
    bridge = svg_path("M368 380q16-12 32 0M240 375l-34-8M528 375l34-8", fill="none", **line)
    clear = svg_path(frames, fill="#ffffff", fill_opacity="0.15", **line)
    dark = svg_path(frames, fill="#1d1d22", **line)
    add_component(definition, "glasses", {"glasses": [clear, bridge], "sunglasses": [dark, bridge]}, before="hair")
    crest = svg_path(
        "M150 272L106 150L158 176L140 60L200 128L227 10L254 128L314 60L296 176L348 150L304 272Q227 226 150 272z",
        fill=colour("hair"),
        stroke=colour("stroke"),
        stroke_width="1",
    )
    definition["components"]["hair"]["variants"]["mohawk"] = {"elements": [crest]}
    mouths = definition["components"]["mouth"]["variants"]
    for variant, curve in (("smile", "M16 10Q58 58 101 10"), ("sad", "M22 48Q58 2 95 48")):
        mouth = svg_path(curve, fill="none", stroke="#43190f", stroke_width="11", stroke_linecap="round")
        mouths[variant] = {"elements": [mouth]}
    around_mouth = svg_path("M91 111a70 38 0 1 0 140 0a70 38 0 1 0-140 0z", fill=colour("skin"))
    definition["components"]["beard"]["variants"]["fullBeard"]["elements"].append(around_mouth)
    draw_earlier(definition["canvas"]["elements"], "beard", before="mouth")


def complete_personas(definition: dict) -> None:
    """Separates its glasses from its eyes, so that they go with every expression, and its beard from its mouth."""
    eyes = definition["components"]["eyes"]["variants"]
    glasses = {}
    for variant in ("glasses", "sunglasses"):
        frame = eyes[variant]["elements"][1:]  # the first element is the eyes
        place = {"transform": "translate(20 24)"}  # of the eyes on the canvas
        glasses[variant] = [{"type": "element", "name": "g", "attributes": place, "children": frame}]
    add_component(definition, "glasses", glasses, before="clothes")
    beards = definition["components"]["facialHair"]["variants"]
    beard = copy.deepcopy(beards["shadow"]["elements"][0])
    beard["attributes"]["opacity"] = "1"
    around_mouth = svg_path("M7.6 12.6a6.5 3.9 0 1 0 13 0a6.5 3.9 0 1 0-13 0z", fill=colour("skin"))
    beards["beard"] = {"elements": [beard, around_mouth]}
    canvas = definition["canvas"]["elements"]
    draw_earlier(canvas, "facialHair", before="mouth")
    shine = canvas[_place(canvas, "g")]["children"][0]
    shine["attributes"]["opacity"] = ".1"  # as it is, .36, dark skin turns grey


def complete_micah(definition: dict) -> None:
    """Darkens its glasses to make sunglasses; its beard leaves the mouth free."""
    glasses = definition["components"]["glasses"]["variants"]
    glasses["sunglasses"] = copy.deepcopy(glasses["square"])
    glasses["sunglasses"]["elements"][1]["attributes"]["fill"] = colour("glasses")
    beard = definition["components"]["facialHair"]["variants"]["beard"]["elements"]
    around_mouth = svg_path("M36 72a46 30 -8 1 0 92-8a46 30 -8 1 0-92 8z", fill=colour("base"))
    beard[:] = [beard[0], around_mouth, beard[1]]  # beard, mouth; a gleam on the mouth is left out


def complete_adventurer(definition: dict) -> None:
    """Draws a neck, clothes and a beard: it is heads only."""
    definition["colors"]["clothes"] = {"values": ["#000000"]}
    line: dict[str, str | dict] = {"stroke": colour("ink"), "stroke_width": "8", "stroke_linejoin": "round"}
    neck = svg_path("M318 560h112v150h-112z", fill=colour("skin"), **line)
    shirt = svg_path(
        "M130 790C140 700 210 672 312 655Q374 705 436 655C538 672 608 700 618 790z", fill=colour("clothes"), **line
    )
    beard = svg_path(
        "M146 418C150 560 258 612 368 612C482 612 572 556 594 486C560 500 530 480 500 452C440 415 250 425 215 460"
        "C190 480 160 460 146 418z"
        "M335 470C400 470 450 490 450 525C450 565 400 585 335 585C270 585 220 565 220 525C220 490 270 470 335 470z",
        fill=colour("hair"),
        fill_rule="evenodd",
        **line,
    )
    add_component(definition, "neck", {"neck": [neck]}, before="head")
    add_component(definition, "beard", {"beard": [beard]}, before="eyes")
    add_component(definition, "clothes", {"shirt": [shirt]})


def complete_lorelei(definition: dict) -> None:
    """Draws clothes, and a beard that leaves the mouth free."""
    definition["colors"]["clothes"] = {"values": ["#000000"]}
    shirt = svg_path(
        "M110 1000C130 880 220 850 318 815C380 890 560 890 622 795C730 830 830 880 850 1000z",
        fill=colour("clothes"),
        stroke=colour("outline"),
        stroke_width="10",
        stroke_linejoin="round",
    )
    beard = svg_path(
        "M4 70C20 190 110 224 205 224C310 224 392 176 412 40C390 78 360 62 320 52C280 44 250 44 205 52"
        "C140 62 60 130 4 70z"
        "M240 62C300 62 335 82 335 108C335 134 300 152 240 152C180 152 140 134 140 108C140 82 180 62 240 62z",
        fill=colour("hair"),
        fill_rule="evenodd",
    )
    add_component(definition, "clothes", {"shirt": [shirt]})
    definition["components"]["beard"]["variants"]["beard"] = {"elements": [beard]}
    for head in definition["components"]["head"]["variants"].values():
        draw_earlier(head["elements"], "beard", before="eyes")


def complete_open_peeps(definition: dict) -> None:
    """Gives long hair and the beard, which are black, the colour of the hair; the mouth is drawn over the beard."""
    recolour(definition["components"]["facialHair"]["variants"]["full"]["elements"], "ink", "headContrast")
    hair = definition["components"]["head"]["variants"]["long"]["elements"]
    recolour(hair, "ink", "headContrast")
    hair[-1]["attributes"] |= {"stroke": colour("ink"), "stroke-width": "14"}
    draw_earlier(definition["canvas"]["elements"], "facialHair", before="expression")


STYLES = {
    "toon-head": Style(
        always={"clothes": "tShirt", "body": "body", "head": "head"},
        hair={
            "short": {"hair": "undercut", "rearHair": None},
            "mohawk": {"hair": "mohawk", "rearHair": None},
            "bob": {"hair": "sideComed", "rearHair": "neckHigh"},
            "long": {"hair": "sideComed", "rearHair": "longStraight"},
            "updo": {"hair": "bun", "rearHair": None},
        },
        expression={
            "smile": {"mouth": "smile", "eyes": "happy", "eyebrows": "neutral"},
            "laugh": {"mouth": "laugh", "eyes": "bow", "eyebrows": "happy"},
            "sad": {"mouth": "sad", "eyes": "humble", "eyebrows": "sad"},
            "surprised": {"mouth": "agape", "eyes": "wide", "eyebrows": "raised"},
        },
        glasses={
            "none": {"glasses": None},
            "glasses": {"glasses": "glasses"},
            "sunglasses": {"glasses": "sunglasses"},
        },
        beard={"none": {"beard": None}, "beard": {"beard": "fullBeard"}},
        colours={"hair_colour": ("hair",), "skin": ("skin",), "clothes_colour": ("clothes",)},
        complete=complete_toon_head,
        fixed_colours={},
    ),
    "personas": Style(
        always={"clothes": "squared", "nose": "smallRound"},
        hair={
            "short": {"hair": "shortCombover"},
            "mohawk": {"hair": "mohawk"},
            "bob": {"hair": "bobCut"},
            "long": {"hair": "extraLong"},
            "updo": {"hair": "straightBun"},
        },
        expression={
            "smile": {"mouth": "smile", "eyes": "open"},
            "laugh": {"mouth": "bigSmile", "eyes": "happy"},
            "sad": {"mouth": "frown", "eyes": "sleep"},
            "surprised": {"mouth": "surprise", "eyes": "open"},
        },
        glasses={
            "none": {"glasses": None},
            "glasses": {"glasses": "glasses"},
            "sunglasses": {"glasses": "sunglasses"},
        },
        beard={"none": {"facialHair": None}, "beard": {"facialHair": "beard"}},
        colours={"hair_colour": ("hair", "facialHair"), "skin": ("skin",), "clothes_colour": ("clothing",)},
        complete=complete_personas,
        fixed_colours={},
    ),
    "micah": Style(
        always={"clothes": "crew", "ears": "attached", "head": "standard", "nose": "curve", "earrings": None},
        hair={
            "short": {"hair": "fonze"},
            "mohawk": {"hair": "mrT"},
            "bob": {"hair": "pixie"},
            "long": {"hair": "full"},
            "updo": {"hair": "turban"},
        },
        expression={
            "smile": {"mouth": "smile", "eyes": "eyes", "eyebrows": "up"},
            "laugh": {"mouth": "laughing", "eyes": "smiling", "eyebrows": "up"},
            "sad": {"mouth": "frown", "eyes": "eyes", "eyebrows": "down"},
            "surprised": {"mouth": "surprised", "eyes": "round", "eyebrows": "up"},
        },
        glasses={
            "none": {"glasses": None},
            "glasses": {"glasses": "square"},
            "sunglasses": {"glasses": "sunglasses"},
        },
        beard={"none": {"facialHair": None}, "beard": {"facialHair": "beard"}},
        colours={"hair_colour": ("hair", "facialHair"), "skin": ("base",), "clothes_colour": ("shirt",)},
        complete=complete_micah,
        fixed_colours={"glasses": "#000000"},
    ),
    "adventurer": Style(
        always={"head": "default", "neck": "neck", "clothes": "shirt", "earrings": None, "details": None},
        hair={
            "short": {"hair": "short01"},
            "mohawk": {"hair": "short15"},
            "bob": {"hair": "long01"},
            "long": {"hair": "long09"},
            "updo": {"hair": "long10"},
        },
        expression={
            "smile": {"mouth": "variant02", "eyes": "variant24", "eyebrows": "variant10"},
            "laugh": {"mouth": "variant25", "eyes": "variant19", "eyebrows": "variant10"},
            "sad": {"mouth": "variant14", "eyes": "variant15", "eyebrows": "variant07"},
            "surprised": {"mouth": "variant18", "eyes": "variant24", "eyebrows": "variant06"},
        },
        glasses={
            "none": {"glasses": None},
            "glasses": {"glasses": "variant02"},
            "sunglasses": {"glasses": "variant01"},
        },
        beard={"none": {"beard": None}, "beard": {"beard": "beard"}},
        colours={"hair_colour": ("hair",), "skin": ("skin",), "clothes_colour": ("clothes",)},
        complete=complete_adventurer,
        fixed_colours={},
    ),
    "lorelei": Style(
        always={
            "head": "variant02",
            "nose": "variant02",
            "clothes": "shirt",
            "earrings": None,
            "freckles": None,
            "hairAccessories": None,
        },
        hair={
            "short": {"hair": "variant03"},
            "mohawk": {"hair": "variant27"},
            "bob": {"hair": "variant19"},
            "long": {"hair": "variant15"},
            "updo": {"hair": "variant14"},
        },
        expression={
            "smile": {"mouth": "happy02", "eyes": "variant24", "eyebrows": "variant09"},
            "laugh": {"mouth": "happy05", "eyes": "variant22", "eyebrows": "variant09"},
            "sad": {"mouth": "sad05", "eyes": "variant19", "eyebrows": "variant01"},
            "surprised": {"mouth": "sad01", "eyes": "variant16", "eyebrows": "variant09"},
        },
        glasses={
            "none": {"glasses": None},
            "glasses": {"glasses": "variant04"},
            "sunglasses": {"glasses": "variant02"},
        },
        beard={"none": {"beard": None}, "beard": {"beard": "beard"}},
        colours={"hair_colour": ("hair",), "skin": ("skin",), "clothes_colour": ("clothes",)},
        complete=complete_lorelei,
        fixed_colours={},
    ),
    "open-peeps": Style(
        always={"mask": None},
        hair={
            "short": {"head": "grayShort"},
            "mohawk": {"head": "mohawk2"},
            "bob": {"head": "bangs"},
            "long": {"head": "long"},
            "updo": {"head": "grayBun"},
        },
        expression={
            "smile": {"expression": "smile"},
            "laugh": {"expression": "smileBig"},
            "sad": {"expression": "solemn"},
            "surprised": {"expression": "explaining"},
        },
        glasses={
            "none": {"accessories": None},
            "glasses": {"accessories": "glasses3"},
            "sunglasses": {"accessories": "sunglasses"},
        },
        beard={"none": {"facialHair": None}, "beard": {"facialHair": "full"}},
        colours={"hair_colour": ("headContrast",), "skin": ("skin",), "clothes_colour": ("clothing",)},
        complete=complete_open_peeps,
        fixed_colours={},
    ),
}

FACTORS: dict[str, tuple[str, ...]] = {
    "style": tuple(STYLES),
    "hair": ("short", "mohawk", "bob", "long", "updo"),
    "hair_colour": tuple(COLOURS["hair_colour"]),
    "skin": tuple(COLOURS["skin"]),
    "expression": ("smile", "laugh", "sad", "surprised"),
    "glasses": ("none", "glasses", "sunglasses"),
    "beard": ("none", "beard"),
    "clothes_colour": tuple(COLOURS["clothes_colour"]),
}
COMBINATIONS = math.prod(len(values) for values in FACTORS.values())

FREE_LICENCES = {"CC0 1.0", "CC BY 4.0"}


class StyleError(ValueError):
    """A style whose licence does not allow what is done here."""


@functools.cache
def definition(style: str) -> dict:
    """The completed definition of a style, its licence checked.

    Raises:
        StyleError: the installed version of the package has the style under another licence.
    """
    content = json.loads(files("dicebear_styles").joinpath(f"{style}.json").read_text(encoding="utf-8"))
    licence = content["meta"]["license"]["name"]
    if licence not in FREE_LICENCES:
        raise StyleError(f"dicebear-styles has {style} under {licence!r}; accepted: {', '.join(sorted(FREE_LICENCES))}")
    STYLES[style].complete(content)
    return content


@functools.cache
def _compiled(style: str):
    from dicebear import Style as DiceBearStyle

    return DiceBearStyle(definition(style))


def options(face: Face) -> dict:
    """DiceBear's options that draw a face. All are given, so that none is left to its random numbers."""
    style = STYLES[face["style"]]
    parts = dict(style.always)
    for factor in ("hair", "expression", "glasses", "beard"):
        parts |= getattr(style, factor)[face[factor]]
    chosen: dict = {"seed": ""}
    for component, variant in parts.items():
        chosen[f"{component}Probability"] = 0 if variant is None else 100
        if variant is not None:
            chosen[f"{component}Variant"] = variant
    colours = dict(style.fixed_colours)
    for factor, palette in COLOURS.items():
        colours |= dict.fromkeys(style.colours[factor], palette[face[factor]])
    return chosen | {f"{name}Color": value for name, value in colours.items()}


def draw(face: Face, side: int = 64) -> Image.Image:
    """The portrait on white, `side` x `side` pixels."""
    import resvg_py
    from dicebear import Avatar

    svg = Avatar(_compiled(face["style"]), {**options(face), "size": OVERSAMPLING * side}).to_string()
    png = bytes(resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True))
    with Image.open(io.BytesIO(png)) as file:
        drawn = file.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", drawn.size, "white"), drawn).convert("RGB").reduce(OVERSAMPLING)


def choose(count: int, seed: int) -> list[Face]:
    """`count` different faces, drawn uniformly from all combinations.

    Raises:
        FlagError: there are not so many.
    """
    if not 1 <= count <= COMBINATIONS:
        raise FlagError("--count", f"{count} given; accepted: 1 to {COMBINATIONS}, the number of different faces")
    chosen = np.random.default_rng(seed).permutation(COMBINATIONS)[:count]
    places = np.stack(np.unravel_index(chosen, [len(values) for values in FACTORS.values()]), axis=1)
    return [
        {factor: values[i] for (factor, values), i in zip(FACTORS.items(), place, strict=True)}
        for place in places.tolist()
    ]


def split_of(face: Face) -> str:
    """ "validation" for a fixed tenth of all combinations, whatever the count and the seed."""
    key = "|".join(face[factor] for factor in FACTORS)
    return "validation" if hashlib.sha256(key.encode()).digest()[0] < 26 else "train"


def make_row(face: Face, side: int) -> dict:
    """One row of the data set: the picture as lossless WebP, the factors, the split."""
    buffer = io.BytesIO()
    draw(face, side).save(buffer, "WEBP", lossless=True, quality=100, method=4)
    return {"image": {"bytes": buffer.getvalue(), "path": None}, **face, "split": split_of(face)}


def write_rows(rows: list[dict], out: Path) -> None:
    """Writes rows as a parquet file, whole or not at all."""
    import datasets  # here, as the processes that draw do without

    columns = {"image": datasets.Image(), **{name: datasets.Value("string") for name in (*FACTORS, "split")}}
    unfinished = out.with_suffix(".unfinished")
    datasets.Dataset.from_list(rows, features=datasets.Features(columns)).to_parquet(unfinished)
    unfinished.replace(out)


def build(out: Path, count: int, seed: int = 0, side: int = 64, processes: int | None = None) -> None:
    """Writes the data set: parquet files of up to `PART` faces, and a card. Files of the same run are kept.

    Args:
        out: the folder, made if need be.
        count: how many faces.
        seed: which faces.
        side: of the pictures, pixels.
        processes: how many draw at the same time; None for one a core.

    Raises:
        FlagError: a wrong count, or a folder that holds another data set.
        StyleError: as `definition`.
    """
    faces = choose(count, seed)
    parts = [faces[i : i + PART] for i in range(0, count, PART)]
    paths = [out / f"faces-{i:05}-of-{len(parts):05}.parquet" for i in range(len(parts))]
    card, text = out / "README.md", describe(faces, seed, side)
    if set(out.glob("*.parquet")) - set(paths) or (card.exists() and card.read_text(encoding="utf-8") != text):
        raise FlagError("--out", f"{out} holds another data set; give an empty or a new folder")
    out.mkdir(parents=True, exist_ok=True)
    card.write_text(text, encoding="utf-8")
    # A fork may hang, as `datasets` has threads.
    pool = multiprocessing.get_context("spawn").Pool(processes or os.cpu_count())
    with pool, tqdm(total=count, unit="face") as progress:
        for part, path in zip(parts, paths, strict=True):
            if path.exists():
                progress.update(len(part))
                continue
            rows = []
            for row in pool.imap(functools.partial(make_row, side=side), part, chunksize=20):
                rows.append(row)
                progress.update()
            write_rows(rows, path)


CARD = Template("""\
---
license: cc-by-4.0
task_categories:
- unconditional-image-generation
tags:
- latentscape
- disentanglement
---

# Faces with known factors

$count portraits of $side x $side pixels on white, drawn from eight factors, which are the columns beside `image`.
Every combination of values is equally likely and none occurs twice. $held_out portraits are held out (`split` is
"validation"): a fixed tenth of all $combinations combinations.

| factor | values |
|---|---|
$factors

Made by Latentscape with

```
python -m train faces --out FOLDER --count $number --seed $seed --image-size $side
```

## Where it is from

Drawn with DiceBear (`dicebear-core` and `dicebear-styles`, MIT, Florian Körner and contributors) and resvg. The styles:

| style | from | by | licence |
|---|---|---|---|
$styles

Changes: parts and colours were chosen as the factors say; some styles were given parts that they lack (glasses and
a mohawk for toon-head; sunglasses for micah; neck, clothes and a beard for adventurer; clothes and a beard for lorelei)
or had parts redrawn or recoloured (beards, glasses, the light on the face of personas; long hair of open-peeps).
""")


def describe(faces: list[Face], seed: int, side: int) -> str:
    """The data set's card."""
    sources = {style: definition(style)["meta"] for style in STYLES}
    return CARD.substitute(
        count=f"{len(faces):,}",
        number=len(faces),
        seed=seed,
        side=side,
        held_out=f"{sum(split_of(face) == 'validation' for face in faces):,}",
        combinations=f"{COMBINATIONS:,}",
        factors="\n".join(f"| `{factor}` | {', '.join(values)} |" for factor, values in FACTORS.items()),
        styles="\n".join(
            f"| {style} | [{meta['source']['name']}]({meta['source']['url']}) "
            f"| [{meta['creator']['name']}]({meta['creator']['url']}) "
            f"| [{meta['license']['name']}]({meta['license']['url']}) |"
            for style, meta in sources.items()
        ),
    )


def run_faces(arguments: argparse.Namespace) -> None:
    """`python -m train faces`."""
    build(arguments.out, arguments.count, arguments.seed, arguments.image_size)
    print(f"{arguments.out}: {arguments.count:,} faces, with their card")
