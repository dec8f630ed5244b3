"""The embedded data set is what its README says, and the script that builds it gives the same file or says why not."""

import io
import json
import re
from collections import Counter

import datasets
import numpy as np
import pytest
from PIL import Image

from tests.conftest import EXAMPLES, ROOT
from train.build_emoji import VERSION, PackageError, build, main, split_of

SHIPPED = ROOT / "assets" / "datasets" / "emoji.parquet"
STYLES = ("google", "twitter")
CATEGORIES = {
    "Activities",
    "Animals & Nature",
    "Flags",
    "Food & Drink",
    "Objects",
    "People & Body",
    "Smileys & Emotion",
    "Symbols",
    "Travel & Places",
}


def load(path, cache):
    return datasets.load_dataset("parquet", data_files=str(path), split="train", cache_dir=str(cache))


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    return load(SHIPPED, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def columns(shipped):
    """The columns of words, each as a list."""
    return shipped.remove_columns("image")[:]


@pytest.fixture(scope="module")
def pixels(shipped):
    """The pictures, undecoded ones opened here: `datasets` would hide the file's own mode and format."""
    encoded = shipped.cast_column("image", datasets.Image(decode=False))["image"]
    pictures = [Image.open(io.BytesIO(row["bytes"])) for row in encoded]
    assert {(p.format, p.mode, p.size) for p in pictures} == {("WEBP", "RGB", (64, 64))}
    return np.stack([np.asarray(picture) for picture in pictures])


# What ships


def test_it_loads_as_pictures_and_words(shipped):
    words = {name: datasets.Value("string") for name in ("name", "category", "subcategory", "style", "split")}
    assert shipped.features == {"image": datasets.Image(), **words}
    assert shipped[0]["image"].size == (64, 64)


def test_transparency_was_laid_on_white(pixels):
    corners = pixels[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert (corners == 255).all(axis=(1, 2)).mean() > 0.9, "little but square flags fills its corners"
    assert (pixels < 255).any(axis=(1, 2, 3)).all(), "none is blank"


def test_both_styles_hold_the_same_designs_on_the_same_sides(columns):
    rows = list(zip(columns["name"], columns["category"], columns["subcategory"], columns["split"], strict=True))
    google, twitter = ([row for row, s in zip(rows, columns["style"], strict=True) if s == style] for style in STYLES)
    assert google == twitter
    assert len(rows) == 2 * len(google)
    # Upstream calls the person in a tuxedo a man as well.
    assert [name for name, count in Counter(row[0] for row in google).items() if count > 1] == ["man in tuxedo"]


def test_the_sides_share_no_design_and_one_is_about_a_tenth(columns):
    named = list(zip(columns["name"], columns["split"], strict=True))
    sides = {side: {name for name, its in named if its == side} for side in ("train", "validation")}
    assert sides["train"] & sides["validation"] <= {"man in tuxedo"}
    assert set(columns["split"]) == sides.keys()
    assert 0.08 < columns["split"].count("validation") / len(columns["split"]) < 0.12


def test_the_sides_are_those_that_the_script_gives(columns):
    side = dict(zip(columns["name"], columns["split"], strict=True))
    for code_points, name in (("1F43C", "panda face"), ("1F32D", "hot dog"), ("1F600", "grinning face")):
        assert side[name] == split_of(code_points)
    assert (side["panda face"], side["grinning face"]) == ("validation", "train")


def test_every_category_is_on_both_sides_in_both_styles(columns):
    groups = Counter(zip(columns["category"], columns["style"], columns["split"], strict=True))
    assert groups.keys() == {
        (c, style, side) for c in CATEGORIES for style in STYLES for side in ("train", "validation")
    }
    assert all(columns["subcategory"])


def test_names_are_words(columns):
    assert not [name for name in columns["name"] if not name or name != name.lower().strip() or "_" in name]


def test_the_readme_counts_right(columns):
    readme = (SHIPPED.parent / "README.md").read_text()
    held_out = columns["split"].count("validation")
    total = len(columns["split"])
    told = {int(number.replace(",", "")) for number in re.findall(r"\b\d[\d,]*\b", readme)}
    assert {total, total // 2, held_out, total - held_out, len(set(columns["category"]))} <= told


def test_identical_pictures_on_both_sides_are_as_few_as_the_readme_says(pixels, columns):
    seen = {picture.tobytes() for picture, s in zip(pixels, columns["split"], strict=True) if s == "train"}
    held_out = [picture for picture, s in zip(pixels, columns["split"], strict=True) if s == "validation"]
    twins = sum(picture.tobytes() in seen for picture in held_out)
    assert f"{twins} of the {len(held_out)} held-out pictures" in (SHIPPED.parent / "README.md").read_text()


def test_the_emoji_that_the_app_offers_were_held_out(pixels, columns):
    trained = {picture.tobytes() for picture, s in zip(pixels, columns["split"], strict=True) if s == "train"}
    held_out = {picture.tobytes() for picture, s in zip(pixels, columns["split"], strict=True) if s == "validation"}
    examples = sorted(EXAMPLES.glob("emoji-*"))
    assert examples
    for example in examples:
        picture = np.asarray(Image.open(example).convert("RGB")).tobytes()
        assert picture in held_out, example
        assert picture not in trained, example


# The script, on packages of a few made-up emoji


def design(code_points, name, category="Objects", shown=STYLES, **more):
    return {
        "unified": code_points,
        "name": name,
        "short_name": "made_up_name",
        "category": category,
        "subcategory": "thing",
        "image": f"{code_points.lower()}.png",
        **{f"has_img_{style}": style in shown for style in STYLES},
        **more,
    }


DESIGNS = [
    design("1F43C", "PANDA FACE", "Animals & Nature"),
    design("1F3FB", "SKIN TONE", "Component"),
    design("1F44B", "WAVING HAND", skin_variations={"1F3FB": {"image": "1f44b-1f3fb.png"}}),
    design("1F600", None),
    design("1FAE8", "ONLY ONE STYLE", shown=("google",)),
]
COLOURS = {"google": (255, 0, 0), "twitter": (0, 0, 255)}


@pytest.fixture
def packages(tmp_path):
    """Style -> an unpacked package. Pictures are of one colour, the left half opaque, then half and all transparent."""
    for style in STYLES:
        pictures = tmp_path / style / "img" / style / "64"
        pictures.mkdir(parents=True)
        about = {"name": f"emoji-datasource-{style}", "version": VERSION}
        (tmp_path / style / "package.json").write_text(json.dumps(about))
        (tmp_path / style / "emoji.json").write_text(json.dumps(DESIGNS))
        pixels = np.full((64, 64, 4), (*COLOURS[style], 255), np.uint8)
        pixels[:, 32:48, 3] = 51  # a fifth
        pixels[:, 48:] = 0  # black, and not to be seen
        for one in DESIGNS:
            if one[f"has_img_{style}"]:
                Image.fromarray(pixels).save(pictures / one["image"])
        Image.fromarray(pixels).save(pictures / "1f44b-1f3fb.png")
    return {style: tmp_path / style for style in STYLES}


def test_rows_are_designs_in_order_without_skin_tones(packages, tmp_path):
    build(packages, tmp_path / "out" / "emoji.parquet")  # in a folder that is not there yet
    rows = load(tmp_path / "out" / "emoji.parquet", tmp_path / "cache")
    animals, objects = ("panda face", "Animals & Nature"), ("waving hand", "Objects")
    both = [animals, objects, ("made up name", "Objects")]
    assert list(zip(rows["name"], rows["category"], rows["style"], strict=True)) == [
        *((*row, "google") for row in [*both, ("only one style", "Objects")]),
        *((*row, "twitter") for row in both),
    ]
    assert list(rows["split"]) == [split_of(c) for c in ("1F43C", "1F44B", "1F600", "1FAE8", "1F43C", "1F44B", "1F600")]


def test_pictures_are_laid_on_white_without_loss(packages, tmp_path):
    for row in build(packages, tmp_path / "emoji.parquet"):
        pixels = np.asarray(row["image"])
        colour = np.array(COLOURS[row["style"]])
        assert pixels.shape == (64, 64, 3)
        assert (pixels[:, :32] == colour).all()
        assert (pixels[:, 32:48] == colour * 0.2 + 255 * 0.8).all()
        assert (pixels[:, 48:] == 255).all()


def test_the_same_packages_give_the_same_file(packages, tmp_path):
    build(packages, tmp_path / "once.parquet")
    (packages["google"] / "emoji.json").write_text(json.dumps(DESIGNS[::-1]))
    build(packages, tmp_path / "again.parquet")
    assert (tmp_path / "once.parquet").read_bytes() == (tmp_path / "again.parquet").read_bytes()


def test_about_a_tenth_of_all_code_points_is_held_out():
    sides = Counter(split_of(f"{number:X}") for number in range(0x1F000, 0x1F000 + 5000))
    assert 450 < sides["validation"] < 570
    assert sides.total() == sides["train"] + sides["validation"]


def other_version(package):
    (package / "package.json").write_text(json.dumps({"name": "emoji-datasource-twitter", "version": "15.1.2"}))


def other_package(package):
    (package / "package.json").write_text(json.dumps({"name": "emoji-datasource-apple", "version": VERSION}))


def not_json(package):
    (package / "emoji.json").write_text("[")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda package: package.rename(package.with_name("moved")), ["not the unpacked", "package.json"]),
        (lambda package: (package / "emoji.json").unlink(), ["emoji-datasource-twitter", "emoji.json"]),
        (not_json, ["not the unpacked npm package emoji-datasource-twitter"]),
        (other_version, ["15.1.2", f"emoji-datasource-twitter {VERSION} is needed"]),
        (other_package, ["emoji-datasource-apple", f"emoji-datasource-twitter {VERSION} is needed"]),
        (lambda package: (package / "img").rename(package / "images"), ["lacks img/twitter/64"]),
        (lambda package: (package / "img/twitter/64/1f43c.png").unlink(), ["lacks 1 of 3 pictures", "1f43c.png"]),
    ],
    ids=["no folder", "no list", "broken list", "other version", "other package", "no pictures", "a picture missing"],
)
def test_a_wrong_folder_is_explained_before_the_work_begins(packages, tmp_path, monkeypatch, damage, words):
    damage(packages["twitter"])
    monkeypatch.setattr("train.build_emoji.on_white", lambda path: pytest.fail("began to encode"))
    with pytest.raises(PackageError) as caught:
        build(packages, tmp_path / "emoji.parquet")
    for word in [str(packages["twitter"]), *words]:
        assert word in str(caught.value)
    assert not (tmp_path / "emoji.parquet").exists()


def run(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["build_emoji", *map(str, arguments)])
    main()


def test_the_command_writes_and_reports(packages, tmp_path, monkeypatch, capsys):
    out = tmp_path / "emoji.parquet"
    run(monkeypatch, "--google", packages["google"], "--twitter", packages["twitter"], "--out", out)
    assert out.is_file()
    assert f"{out}: 7 pictures, 2 of them held out" in capsys.readouterr().out


def test_the_command_exits_with_2_on_a_wrong_folder(packages, tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit) as caught:
        run(
            monkeypatch,
            "--google",
            packages["twitter"],
            "--twitter",
            packages["twitter"],
            "--out",
            tmp_path / "x.parquet",
        )
    assert caught.value.code == 2
    assert f"emoji-datasource-google {VERSION} is needed" in capsys.readouterr().err
