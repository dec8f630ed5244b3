"""Data sets of every accepted kind come in whole, with their labels; what cannot be used is explained.

Picture number i of a made data set is of one colour that says i, so that a test can tell which picture it got.
"""

import io
import json
import os
import shutil
import subprocess
import sys
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlparse

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from train import data
from train.config import FlagError
from train.data import DataError, _decode_all, batch_indices, load_pictures

ROOT = Path(__file__).parents[2]
SIZE = 8


def draw(number, size=(12, 10)):
    return Image.new("RGB", size, (5 * number, 255 - 5 * number, 128))


def numbers(pictures):
    return [round(int(image[SIZE // 2, SIZE // 2, 0]) / 5) for image in pictures.images]


def encode(picture, kind="PNG"):
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()


def write_folder(folder, names):
    """Picture i under the i-th name."""
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        draw(number).save(folder / name)
    return str(folder)


def write_parquet(path, count=20, first=0, **columns):
    """A table of pictures as `datasets` stores them, but without its metadata."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"bytes": encode(draw(first + i)), "path": f"{first + i}.png"} for i in range(count)]
    pq.write_table(pa.table({"image": rows, **columns}), path)
    return str(path)


def load_both(dataset, **options):
    return load_pictures(dataset, "train", SIZE, **options), load_pictures(dataset, "validation", SIZE, **options)


# ---- kinds of data set


def test_class_folders_are_labels(tmp_path):
    names = [f"{kind}/{i}.png" for kind in ("ant", "bee") for i in range(5)]

    train, held_out = load_both(write_folder(tmp_path, names))

    for pictures in (train, held_out):
        assert pictures.images.dtype == np.uint8
        assert pictures.images.shape == (len(pictures), SIZE, SIZE, 3)
        assert pictures.labels == {"label": ["ant" if number < 5 else "bee" for number in numbers(pictures)]}
        assert pictures.ids == [f"{number % 5}.png" for number in numbers(pictures)]
        assert pictures.skipped == []
    assert sorted(numbers(train) + numbers(held_out)) == list(range(10))


@pytest.mark.parametrize("held_out_folder", ["validation", "val", "valid", "test"])
def test_split_folders_are_splits(held_out_folder, tmp_path):
    names = [f"train/{kind}/{i}.png" for kind in ("ant", "bee") for i in range(3)]
    names += [f"{held_out_folder}/{kind}/{i}.png" for kind in ("ant", "bee") for i in range(2)]

    train, held_out = load_both(write_folder(tmp_path, names))

    assert (numbers(train), numbers(held_out)) == ([0, 1, 2, 3, 4, 5], [6, 7, 8, 9])
    assert train.labels == {"label": ["ant"] * 3 + ["bee"] * 3}
    assert held_out.labels == {"label": ["ant"] * 2 + ["bee"] * 2}
    assert train.split == "train"
    assert held_out.split in ("validation", "test")


def test_validation_is_preferred_to_test_and_each_can_be_asked_for(tmp_path):
    dataset = write_folder(tmp_path, ["train/0.png", "train/1.png", "test/2.png", "validation/3.png"])

    assert [numbers(load_pictures(dataset, split, SIZE)) for split in ("train", "validation", "test")] == [
        [0, 1], [3], [2],
    ]  # fmt: skip


def test_a_folder_of_pictures_needs_no_labels(tmp_path):
    train, held_out = load_both(write_folder(tmp_path, [f"{i}.png" for i in range(20)]))
    assert (len(train), train.labels) == (18, {})
    assert (len(held_out), held_out.labels) == (2, {})


@pytest.mark.parametrize("suffixes", [(".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")])
@pytest.mark.parametrize("change", [str.lower, str.upper])
def test_every_kind_of_file_is_found(suffixes, change, tmp_path):
    dataset = write_folder(tmp_path, [f"{i}{change(suffix)}" for i, suffix in enumerate(suffixes)])
    train, held_out = load_both(dataset)
    assert sorted(train.ids + held_out.ids) == sorted(f"{i}{change(suffix)}" for i, suffix in enumerate(suffixes))


@pytest.mark.parametrize(
    "names",
    [
        ["cat.png", "dog.png", "test tube.png", "train ticket.png"],
        ["car/0.png", "car/1.png", "train/2.png", "plane/3.png"],
    ],
    ids=["words in file names", "a class called train"],
)
def test_no_picture_is_lost(names, tmp_path):
    train, held_out = load_both(write_folder(tmp_path, names))
    assert sorted(numbers(train) + numbers(held_out)) == [0, 1, 2, 3]


def test_capitalised_split_folders_are_splits(tmp_path):
    train, held_out = load_both(write_folder(tmp_path, ["Training/a/0.png", "Training/b/1.png", "Test/a/2.png"]))
    assert (numbers(train), numbers(held_out)) == ([0, 1], [2])


def test_parquet_written_by_datasets(tmp_path):
    features = datasets.Features(
        {"image": datasets.Image(), "kind": datasets.ClassLabel(names=["ant", "bee"]), "count": datasets.Value("int32")}
    )
    table = {"image": [draw(i) for i in range(20)], "kind": [i % 2 for i in range(20)], "count": list(range(20))}
    datasets.Dataset.from_dict(table, features=features).to_parquet(tmp_path / "pictures.parquet")

    train, held_out = load_both(str(tmp_path / "pictures.parquet"))

    for pictures in (train, held_out):
        assert pictures.labels["kind"] == [("ant", "bee")[number % 2] for number in numbers(pictures)]
        assert pictures.labels["count"] == [str(number) for number in numbers(pictures)]
    assert sorted(numbers(train) + numbers(held_out)) == list(range(20))


@pytest.mark.parametrize("text", [pa.string(), pa.large_string()], ids=str)
def test_parquet_written_by_others(text, tmp_path):
    kinds = pa.array([("ant", "bee")[i % 2] for i in range(20)], text)

    train = load_pictures(write_parquet(tmp_path / "pictures.parquet", kind=kinds), "train", SIZE)

    assert train.labels == {"kind": [("ant", "bee")[number % 2] for number in numbers(train)]}
    assert train.ids == [f"{number}.png" for number in numbers(train)]


def test_a_folder_of_parquet_files_is_one_data_set(tmp_path):
    write_parquet(tmp_path / "pictures-0.parquet", 6)
    write_parquet(tmp_path / "pictures-1.parquet", 6, first=6)

    train, held_out = load_both(str(tmp_path))

    assert sorted(numbers(train) + numbers(held_out)) == list(range(12))


def test_parquet_files_named_after_splits_are_splits(tmp_path):
    write_parquet(tmp_path / "data" / "train-00000-of-00001.parquet", 4)
    write_parquet(tmp_path / "data" / "test-00000-of-00001.parquet", 3, first=4)

    train, held_out = load_both(str(tmp_path))

    assert (numbers(train), numbers(held_out)) == ([0, 1, 2, 3], [4, 5, 6])


def test_all_is_every_split_together(tmp_path):
    loose = write_folder(tmp_path / "loose", [f"{i}.png" for i in range(20)])
    assert sorted(numbers(load_pictures(loose, "all", SIZE))) == list(range(20))
    split = write_folder(tmp_path / "split", ["train/0.png", "train/1.png", "test/2.png", "validation/3.png"])
    assert sorted(numbers(load_pictures(split, "all", SIZE))) == [0, 1, 2, 3]


def test_split_folders_are_no_labels(tmp_path):
    train, held_out = load_both(write_folder(tmp_path, ["train/0.png", "train/1.png", "Test/2.png"]))
    assert (numbers(train), numbers(held_out)) == ([0, 1], [2])
    assert (train.labels, held_out.labels) == ({}, {})


def test_parquet_files_that_bear_no_splits_name_beside_those_that_do_are_named_as_left_out(tmp_path, capsys):
    write_parquet(tmp_path / "train-00000.parquet", 4)
    write_parquet(tmp_path / "test_set.parquet", 3, first=4)
    write_parquet(tmp_path / "latest_data.parquet", 2, first=7)

    train, held_out = load_both(str(tmp_path))

    assert (numbers(train), numbers(held_out)) == ([0, 1, 2, 3], [4, 5, 6])
    said = "".join(capsys.readouterr())
    assert "left out" in said
    assert "latest_data.parquet" in said
    assert "test_set" not in said


def test_a_stray_table_does_not_hide_the_pictures(tmp_path):
    dataset = write_folder(tmp_path, [f"{kind}/{i}.png" for kind in ("ant", "bee") for i in range(2)])
    pq.write_table(pa.table({"x": [1.0]}), tmp_path / "atlas.parquet")
    (tmp_path / "damaged.parquet").write_bytes(b"no table")
    assert sorted(numbers(load_pictures(dataset, "all", SIZE))) == [0, 1, 2, 3]


def test_a_stray_picture_does_not_hide_the_tables(tmp_path):
    write_parquet(tmp_path / "data" / "train.parquet", 4)
    draw(30).save(tmp_path / "preview.png")
    assert sorted(numbers(load_pictures(str(tmp_path), "all", SIZE))) == [0, 1, 2, 3]


def test_a_damaged_table_among_whole_ones_is_heard_of(tmp_path):
    write_parquet(tmp_path / "pictures-0.parquet", 4)
    (tmp_path / "pictures-1.parquet").write_bytes(b"PAR1 and nothing after it")
    assert_explained([str(tmp_path), "cannot be loaded"], tmp_path)


def test_encoded_pictures_are_read_as_they_are_decoded():
    """Not all of them before the first: a large data set's do not fit in memory."""
    read = []

    def rows():
        for i in range(10_000):
            read.append(i)
            yield {"bytes": encode(draw(i % 50)), "path": f"{i}.png"}

    decoded = _decode_all(rows(), SIZE)
    names = [name for name, _ in (next(decoded) for _ in range(10))]
    decoded.close()

    assert names == [f"{i}.png" for i in range(10)]
    assert len(read) < 1000


@pytest.mark.parametrize("coded", [True, False], ids=["classes", "text"])
def test_a_column_says_the_split_of_each_row(coded, tmp_path):
    names = ["training", "dev"]
    feature = datasets.ClassLabel(names=names) if coded else datasets.Value("string")
    features = datasets.Features({"image": datasets.Image(), "split": feature})
    splits = [names[i % 2] for i in range(6)] + [None]
    table = {"image": [draw(i) for i in range(7)], "split": splits}
    datasets.Dataset.from_dict(table, features=features).to_parquet(tmp_path / "pictures.parquet")

    train, held_out = load_both(str(tmp_path / "pictures.parquet"))

    assert (numbers(train), numbers(held_out)) == ([0, 2, 4], [1, 3, 5])
    assert_explained(["'test' given", "has: train, validation"], tmp_path / "pictures.parquet", "test")


def test_more_pictures_than_memory_are_refused_in_words(tmp_path):
    dataset = write_parquet(tmp_path / "pictures.parquet")
    with pytest.raises(DataError, match=r"18 pictures of 4000000 x 4000000 pixels take .* GiB.*--limit"):
        load_pictures(dataset, "train", 4_000_000)


# ---- splits of one table


def test_a_column_called_split_makes_splits(tmp_path):
    split = ["train", "validation", "train", "test"] * 5
    dataset = write_parquet(tmp_path / "pictures.parquet", split=split, kind=["ant"] * 20)

    for name in ("train", "validation", "test"):
        pictures = load_pictures(dataset, name, SIZE)
        assert numbers(pictures) == [i for i in range(20) if split[i] == name]
        assert pictures.split == name
        assert list(pictures.labels) == ["kind"]  # the split itself is no label


@pytest.mark.parametrize("count", [2, 9, 20, 43])
def test_without_a_held_out_split_a_fixed_tenth_is_held_out(count, tmp_path):
    dataset = write_parquet(tmp_path / "pictures.parquet", count)

    train, held_out = load_both(dataset)

    assert len(held_out) == max(1, count // 10)
    assert sorted(numbers(train) + numbers(held_out)) == list(range(count))  # disjoint, and nothing is lost
    assert "tenth" in held_out.split
    assert "tenth" in train.split
    again = load_both(dataset)
    assert (numbers(again[0]), numbers(again[1])) == (numbers(train), numbers(held_out))


def test_a_tenth_of_train_is_held_out_beside_splits_of_other_names(tmp_path):
    dataset = write_parquet(tmp_path / "pictures.parquet", split=["train", "unlabelled"] * 10)

    train, held_out = load_both(dataset)

    assert sorted(numbers(train) + numbers(held_out)) == list(range(0, 20, 2))
    assert len(held_out) == 1


def test_limit_takes_evenly_spaced_pictures(tmp_path):
    columns = {"split": ["train"] * 17 + ["test"] * 3, "kind": [*map(str, range(20))]}
    dataset = write_parquet(tmp_path / "pictures.parquet", **columns)

    pictures = load_pictures(dataset, "train", SIZE, limit=5)

    assert numbers(pictures) == [0, 4, 8, 12, 16]
    assert pictures.labels == {"kind": ["0", "4", "8", "12", "16"]}
    whole = load_pictures(dataset, "train", SIZE)
    assert pictures.ids == whole.ids[::4], "a picture's name does not depend on how many are taken"
    assert len(load_pictures(dataset, "train", SIZE, limit=1000)) == 17


# ---- columns


@pytest.fixture
def two_columns(tmp_path):
    """Pictures i and 20 + i beside each other, and a number that is no label."""
    rows = [[{"bytes": encode(draw(first + i)), "path": None} for i in range(20)] for first in (20, 0)]
    columns = {"mask": rows[0], "image": rows[1], "kind": ["ant"] * 20, "size": [*range(20)], "weight": [0.5] * 20}
    pq.write_table(pa.table(columns), tmp_path / "pictures.parquet")
    return str(tmp_path / "pictures.parquet")


def test_of_several_picture_columns_the_one_called_image_is_taken(two_columns):
    train, held_out = load_both(two_columns)
    assert sorted(numbers(train) + numbers(held_out)) == list(range(20))
    assert set(train.labels) == {"kind", "size"}
    assert train.ids[0] == "row 0"


def test_columns_can_be_chosen(two_columns):
    train, held_out = load_both(two_columns, image_column="mask", label_columns=["size"])
    assert sorted(numbers(train) + numbers(held_out)) == list(range(20, 40))
    assert train.labels == {"size": [str(number - 20) for number in numbers(train)]}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"image_column": "picture"}, ["argument --image-column: 'picture' is not a column", "accepted: mask, image"]),
        ({"image_column": "kind"}, ["argument --image-column: 'kind' holds no pictures", "accepted: mask, image"]),
        ({"label_columns": ["colour"]}, ["argument --label-column: 'colour'", "accepted: kind, size"]),
        ({"label_columns": ["weight"]}, ["argument --label-column: 'weight'", "accepted: kind, size"]),
    ],
)
def test_a_wrong_column_lists_those_there_are(options, words, two_columns):
    assert_explained(words, two_columns, **options)


# ---- pictures


def test_pictures_of_every_mode_come_in_right(tmp_path):
    red = {"RGB": (220, 20, 60), "RGBA": (220, 20, 60, 255), "P": (220, 20, 60)}
    Image.new("RGB", (30, 20), red["RGB"]).save(tmp_path / "a.png")
    Image.new("RGBA", (30, 20), red["RGBA"]).save(tmp_path / "b.png")
    Image.new("RGB", (30, 20), red["P"]).convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "c.png")
    Image.new("L", (30, 20), 200).save(tmp_path / "d.png")
    Image.new("LA", (30, 20), (200, 0)).save(tmp_path / "e.png")
    Image.new("1", (30, 20), 1).save(tmp_path / "f.png")
    Image.new("CMYK", (30, 20), (255, 0, 0, 0)).save(tmp_path / "g.tif")
    Image.fromarray(np.full((20, 30), 200 * 257, np.uint16)).save(tmp_path / "h.png")
    halves = Image.new("RGB", (20, 40), (0, 0, 0))
    halves.paste((255, 255, 255), (0, 20, 20, 40))
    exif = Image.Exif()
    exif[0x0112] = 6  # show it turned a quarter clockwise: its lower half becomes its left half
    halves.save(tmp_path / "i.png", exif=exif)

    train, held_out = load_both(str(tmp_path))

    found = dict(zip(train.ids + held_out.ids, [*train.images, *held_out.images], strict=True))
    expected = {"d.png": (200,) * 3, "e.png": (255,) * 3, "f.png": (255,) * 3, "g.tif": (0, 255, 255)}
    expected |= {"h.png": (200,) * 3, **dict.fromkeys(("a.png", "b.png", "c.png"), red["RGB"])}
    assert {name: tuple(found[name][4, 4].tolist()) for name in expected} == expected
    assert found["i.png"][4, 0].tolist() == [255] * 3
    assert found["i.png"][4, -1].tolist() == [0] * 3


def test_pictures_are_centre_cropped_and_resized(tmp_path):
    wide = Image.new("RGB", (60, 20), (255, 0, 0))
    wide.paste((0, 0, 255), (20, 0, 40, 20))
    for i in range(2):
        wide.save(tmp_path / f"{i}.png")
    assert np.asarray(load_pictures(str(tmp_path), "train", SIZE).images == (0, 0, 255)).all()


def test_unreadable_pictures_are_named_and_skipped(tmp_path, capsys):
    """And those around them keep their own names and labels."""
    dataset = write_folder(tmp_path, [f"train/{kind}/{i}.png" for kind in ("ant", "bee") for i in range(4)])
    write_folder(tmp_path, ["test/ant/0.png", "test/bee/0.png"])
    (tmp_path / "train" / "ant" / "2.png").write_bytes(b"no picture")
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8))
    (tmp_path / "train" / "bee" / "1.png").write_bytes(encode(noise)[:500])

    pictures = load_pictures(dataset, "train", SIZE)

    assert numbers(pictures) == [0, 1, 3, 4, 6, 7]
    assert pictures.ids == ["0.png", "1.png", "3.png", "0.png", "2.png", "3.png"]
    assert pictures.labels == {"label": ["ant"] * 3 + ["bee"] * 3}
    assert [line.split(":")[0] for line in pictures.skipped] == ["2.png", "1.png"]
    assert "not a picture" in pictures.skipped[0]
    assert "damaged" in pictures.skipped[1]
    said = "".join(capsys.readouterr())
    assert "skipped 2 of 8" in said
    assert "2.png" in said


def test_empty_rows_are_skipped(tmp_path):
    empty = [None, {"bytes": None, "path": None}, {"bytes": b"", "path": None}]
    rows = [{"bytes": encode(draw(0)), "path": None}, *empty]
    pq.write_table(pa.table({"image": rows, "split": ["train"] * 4}), tmp_path / "pictures.parquet")
    write_parquet(tmp_path / "more.parquet", 1, split=["test"])

    pictures = load_pictures(str(tmp_path), "train", SIZE)

    assert numbers(pictures) == [0]
    assert len(pictures.skipped) == 3


# ---- what cannot be used


def assert_explained(words, dataset, split="train", **options):
    with pytest.raises((DataError, FlagError)) as error:
        load_pictures(str(dataset), split, SIZE, **options)
    assert [word for word in words if word not in str(error.value)] == []


def test_a_missing_split_lists_those_there_are(tmp_path):
    dataset = write_folder(tmp_path, ["train/0.png", "test/1.png"])
    assert_explained(["argument --split: 'dev' given", "has: train, test, and all"], dataset, "dev")


def test_pictures_that_are_all_held_out_are_not_trained_on(tmp_path):
    dataset = write_folder(tmp_path, ["validation/0.png", "validation/1.png"])
    assert_explained(["argument --split: 'train' given", "has: validation"], dataset)
    assert numbers(load_pictures(dataset, "validation", SIZE)) == [0, 1]


def test_an_empty_folder(tmp_path):
    assert_explained([str(tmp_path), "neither pictures nor parquet"], tmp_path)
    (tmp_path / "notes.txt").write_text("nothing to see")
    assert_explained([str(tmp_path), "neither pictures nor parquet"], tmp_path)


def test_one_picture_is_too_few(tmp_path):
    dataset = write_folder(tmp_path, ["0.png"])
    assert_explained(["a single picture", "--split all"], dataset)
    assert numbers(load_pictures(dataset, "all", SIZE)) == [0]


def test_no_readable_picture(tmp_path):
    for i in range(3):
        (tmp_path / f"{i}.png").write_bytes(b"no picture")
    assert_explained(["no readable picture among 2 rows", "0.png", "not a picture"], tmp_path)


def test_a_table_without_pictures(tmp_path):
    pq.write_table(pa.table({"name": ["ant", "bee"], "size": [3, 4]}), tmp_path / "table.parquet")
    assert_explained(["no column of pictures", "name, size"], tmp_path / "table.parquet")


def test_a_damaged_table(tmp_path):
    (tmp_path / "table.parquet").write_bytes(b"PAR1 and nothing after it")
    assert_explained([str(tmp_path / "table.parquet"), "cannot be loaded"], tmp_path / "table.parquet")


def test_a_file_of_another_kind(tmp_path):
    (tmp_path / "table.csv").write_text("a,b")
    assert_explained(["table.csv is not a parquet file", "a folder, or a Hub id"], tmp_path / "table.csv")


@pytest.mark.parametrize("dataset", ["nowhere", "/nowhere/at/all", "./no/where", "~/nowhere", "a/b/c"])
def test_what_is_neither_there_nor_a_hub_id(dataset):
    assert_explained([dataset, "does not exist", "not a Hub id (owner/name) either"], dataset)


# ---- the Hub, played by a server on this machine

COMMIT = "c0ffee" + "0" * 34
ASK_THE_HUB = """
import json, sys, time
from train.data import DataError, load_pictures

def load(name):
    try:
        pictures = load_pictures(name, "train", 8)
        return {"count": len(pictures), "labels": pictures.labels, "red": pictures.images[:, 4, 4, 0].tolist()}
    except DataError as error:
        return {"error": str(error)}

answers = {"there": load("owner/name"), "elsewhere": load("owner/other")}
print(json.dumps(answers), flush=True)
sys.stdin.readline()
time.sleep = lambda seconds: None  # the client waits between its attempts, half a minute in all
print(json.dumps(load("owner/third")), flush=True)
"""


class Hub(BaseHTTPRequestHandler):
    """As much of the Hub as serves one public data set with one file at its root."""

    file: bytes

    def do_GET(self):
        path = urlparse(self.path).path.removeprefix("/api").removeprefix("/datasets/owner/name")
        if path == "/resolve/" + COMMIT + "/pictures.parquet":
            self.reply(200, self.file, ETag='"1"')
        elif path == "/tree/" + COMMIT:
            self.reply_json([{"type": "file", "path": "pictures.parquet", "size": len(self.file), "oid": "1"}])
        elif path in ("", "/revision/" + COMMIT):
            siblings = [{"rfilename": "pictures.parquet"}]
            self.reply_json({"id": "owner/name", "sha": COMMIT, "private": False, "tags": [], "siblings": siblings})
        else:
            ours = path.startswith(("/resolve", "/tree"))
            self.reply(404, **{"X-Error-Code": "EntryNotFound" if ours else "RepoNotFound"})

    do_HEAD = do_GET

    def reply_json(self, content):
        self.reply(200, json.dumps(content).encode(), **{"Content-Type": "application/json"})

    def reply(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in {"Content-Length": len(body), "X-Repo-Commit": COMMIT, **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def hub_answers(tmp_path_factory):
    """What a process hears that asks the Hub for a data set, for one that is not there, and with the Hub away."""
    path = tmp_path_factory.mktemp("hub") / "pictures.parquet"
    write_parquet(path, split=["train"] * 15 + ["validation"] * 5, kind=[f"kind {i}" for i in range(20)])
    handler = type("Handler", (Hub,), {"file": path.read_bytes()})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        environment = {
            **os.environ,
            "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
            "HF_HUB_OFFLINE": "0",
            "HF_HOME": str(path.parent / "home"),
            "PYTHONPATH": str(ROOT),
        }
        process = subprocess.Popen(
            [sys.executable, "-c", ASK_THE_HUB],
            env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            answers = process.stdout.readline()
            server.shutdown()
            server.server_close()
            away, errors = process.communicate("\n", timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0, errors
    return {**json.loads(answers), "away": json.loads(away)}


def test_a_hub_id_is_loaded(hub_answers):
    assert hub_answers["there"] == {
        "count": 15,
        "labels": {"kind": [f"kind {i}" for i in range(15)]},
        "red": [5 * i for i in range(15)],
    }


@pytest.mark.parametrize(("case", "name"), [("elsewhere", "owner/other"), ("away", "owner/third")])
def test_a_hub_id_that_cannot_be_had_says_what_to_check(case, name, hub_answers):
    message = hub_answers[case]["error"]
    assert message.startswith(f"{name} cannot be loaded")
    assert "Is the id right, and the network there?" in message


def test_offline_a_hub_id_fails_at_once():
    assert_explained(["owner/name cannot be loaded", "the network there?"], "owner/name")


# ---- pictures beyond memory


def test_pictures_beyond_memory_are_in_a_file_that_nobody_sees(tmp_path, monkeypatch):
    dataset = write_folder(tmp_path / "pictures", [f"{i}.png" for i in range(20)])
    (tmp_path / "pictures" / "5.png").write_bytes(b"broken")
    expected = load_pictures(dataset, "all", SIZE)
    assert not isinstance(expected.images.base.base, np.memmap)
    cache = tmp_path / "cache"
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", cache)
    monkeypatch.setattr(data, "MEMORY_SHARE", 1e-12)

    found = load_pictures(dataset, "all", SIZE)

    assert isinstance(found.images.base.base, np.memmap)
    np.testing.assert_array_equal(found.images, expected.images)
    assert zlib.crc32(found.images.data) == zlib.crc32(expected.images.data)
    assert list(cache.iterdir()) == []

    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=0))
    words = ["20 pictures of 8 x 8 pixels take 3.58e-06 GiB", f"disk of {cache} has room for 0 GiB", "Use --limit"]
    assert_explained(words, dataset, "all")


# ---- the order of pictures


@pytest.mark.parametrize(("count", "batch_size"), [(7, 3), (12, 4), (5, 16), (1, 2)])
def test_each_epoch_shows_every_picture_once(count, batch_size):
    steps = -(-3 * count // batch_size)
    order = np.concatenate([batch_indices(count, batch_size, step, seed=1) for step in range(steps)])
    for epoch in range(3):
        assert sorted(order[epoch * count : (epoch + 1) * count]) == list(range(count))


def test_batches_are_a_pure_function_of_step_and_seed():
    forwards = [batch_indices(50, 8, step, seed=3).tolist() for step in range(20)]
    backwards = [batch_indices(50, 8, step, seed=3).tolist() for step in reversed(range(20))]

    assert forwards == backwards[::-1]
    assert {len(batch) for batch in forwards} == {8}
    assert [batch_indices(50, 8, step, seed=4).tolist() for step in range(20)] != forwards


def test_each_epoch_has_an_order_of_its_own():
    first, second = (batch_indices(50, 50, step, seed=0).tolist() for step in range(2))
    assert first != second
    assert first != sorted(first)
