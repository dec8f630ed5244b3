"""The widgets' modules, as the running app serves them: by itself, and behind a proxy that takes a root path off."""

import asyncio
import gzip
import http.server
import re
import shutil
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import brotli
import gradio as gr
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from safetensors.numpy import load
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app.explore import limits, opened
from app.explore.cache import size_of
from app.explore.library import Library
from app.explore.map import LAYOUTS, atlas_in, overview
from app.explore.opened import OpenModel
from app.explore.points_file import points_address, points_file
from app.kit import web
from app.kit.pictures import data_url
from app.widgets.comparison import Comparison
from tests.conftest import ROOT

PICTURE = data_url(Image.new("RGB", (2, 2)))


@contextmanager
def launched(root_path: str = "") -> Iterator[str]:
    """The address of a page with one widget."""
    with gr.Blocks() as page:
        Comparison({"before": PICTURE, "after": PICTURE, "file": "made.png"}, elem_id="comparison")
    page.launch(
        app_kwargs={"routes": web.routes()}, root_path=root_path, prevent_thread_lock=True, quiet=True, ssr_mode=False
    )
    try:
        yield f"http://127.0.0.1:{page.server_port}/"
    finally:
        page.close()


@contextmanager
def proxied(target: str, prefix: str) -> Iterator[str]:
    """The address of a proxy that takes the prefix off and asks the target for the rest."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def forward(self) -> None:
            if not self.path.startswith(prefix):
                return self.send_error(404)
            size = int(self.headers.get("Content-Length") or 0)
            rest = target + self.path[len(prefix) :].removeprefix("/")
            asked = urllib.request.Request(rest, self.rfile.read(size) or None, dict(self.headers), method=self.command)
            try:
                answer = urllib.request.urlopen(asked)
            except urllib.error.HTTPError as error:
                answer = error
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                if name.lower() not in ("transfer-encoding", "connection"):
                    self.send_header(name, value)
            self.end_headers()
            while part := answer.read1(1 << 16):
                self.wfile.write(part)
                self.wfile.flush()
            return None

        do_GET = do_POST = forward

        def log_message(self, *words) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{prefix}/"
    finally:
        server.shutdown()


def fetch(url: str, **headers: str):
    return urllib.request.urlopen(urllib.request.Request(url, headers=headers))


@pytest.fixture(scope="module")
def home():
    """The address that the modules are under."""
    with launched() as url:
        yield f"{url}{web.HOME}/{web.version()}/"


class TestRoute:
    @pytest.mark.parametrize("path", ["web/latents.js", "widgets/comparison/main.js"])
    def test_a_module_comes_with_its_type_and_is_kept_for_good(self, home, path):
        with fetch(home + path) as answer:
            assert answer.headers["Content-Type"].startswith("text/javascript")
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert answer.read() == (web.APP / path).read_bytes()

    @pytest.mark.parametrize(("encoding", "decompress"), [("br", brotli.decompress), ("gzip", gzip.decompress)])
    def test_a_module_is_compressed(self, home, encoding, decompress):
        with fetch(f"{home}web/latents.js", **{"Accept-Encoding": encoding}) as answer:
            assert answer.headers["Content-Encoding"] == encoding
            content = answer.read()
        assert decompress(content) == (web.APP / "web" / "latents.js").read_bytes()
        assert len(content) < 0.6 * len(decompress(content))

    def test_a_large_file_is_compressed_once_and_comes_in_full(self, home, monkeypatch):
        """In 60 ms, which nobody else has meanwhile."""
        packed, pack = [], web.compressed
        monkeypatch.setattr(web, "compressed", lambda *asked: packed.append(asked) or pack(*asked))
        web._packed.cache_clear()
        for _ in range(2):
            with fetch(home + web.PLOTLY, **{"Accept-Encoding": "br"}) as answer:
                assert brotli.decompress(answer.read()) == web.files()[web.PLOTLY]
        assert len(packed) == 1

    def test_gradios_own_scripts_are_compressed_once_too_and_are_kept_for_good(self, home, monkeypatch):
        packed, pack = [], web.compressed
        monkeypatch.setattr(web, "compressed", lambda *asked: packed.append(asked) or pack(*asked))
        web._packed_gradios.cache_clear()
        root = home.partition(web.HOME)[0]
        with fetch(root) as answer:
            (name,) = re.findall(r'src="\./(assets/index-[^"]+\.js)"', answer.read().decode())
        content = (web.GRADIOS.parent / name).read_bytes()
        for accepted, unpack in (("br", brotli.decompress), ("br", brotli.decompress), ("", bytes)):
            with fetch(root + name, **{"Accept-Encoding": accepted}) as answer:
                assert "javascript" in answer.headers["Content-Type"]
                assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
                assert unpack(answer.read()) == content
        assert len(packed) == 1
        for kind in ("css", "woff2"):
            path = next(web.GRADIOS.glob(f"*.{kind}"))
            with fetch(f"{root}assets/{path.name}") as answer:
                assert kind in answer.headers["Content-Type"]
                assert answer.read() == path.read_bytes()
        for missing in ("assets/none.js", "assets/..%2findex.html", "assets/../index.html"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                fetch(root + missing)

    @pytest.mark.parametrize(
        ("accepted", "encoding"),
        [
            ("gzip, deflate, br, zstd", "br"),
            ("gzip", "gzip"),
            ("br;q=0, gzip;q=0.5", "gzip"),
            ("br; q=0.5", "br"),
            ("gzip;q=0.0", None),
            ("identity", None),
            ("", None),
        ],
    )
    def test_the_encoding_is_one_that_is_accepted(self, accepted, encoding):
        assert web.encoding_for(accepted) == encoding
        content = b"var a = 1;" * 99
        packed = web.compressed(content, encoding)
        assert {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}[encoding](packed) == content

    @pytest.mark.parametrize(
        "path",
        [
            "main.py",
            "web/no-such.js",
            "widgets/comparison/__init__.py",
            "widgets/comparison/template.html",
            "../main.py",
            "web/%2e%2e/main.py",
            "%2fetc%2fpasswd",
            "",
        ],
    )
    def test_nothing_else_is_served(self, home, path):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            fetch(home + path)

    def test_the_address_of_other_content_is_not_answered(self, home):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            fetch(home.replace(web.version(), "0" * 16) + "web/latents.js")


@pytest.fixture(scope="module")
def client():
    library = Library(ROOT / "assets" / "models")
    kinds = (web.decoder_routes, web.latents_routes, web.points_routes, web.snapshot_routes)
    routes = [*(route for kind in kinds for route in kind(library)), *web.routes()]
    return TestClient(Starlette(routes=routes))


@pytest.fixture(scope="module")
def card():
    return OpenModel(ROOT / "assets" / "models" / "fruits").card["codec"]


class TestDecoders:
    def test_a_decoder_is_where_the_card_says_and_is_kept_for_good(self, client, card):
        answer = client.get(f"/{web.HOME}/{card['weights']}")
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert len(answer.content) == card["bytes"]
        assert all(name.startswith("decoder.") for name in load(answer.content))

    @pytest.mark.parametrize(
        "name",
        [
            "nobody",
            "",
            ".",
            "..",
            "%2e%2e",
            "..%2ffruits",
            "%2fetc%2fpasswd",
            "fruits%00",
            "a" * 5000,
        ],
    )
    def test_a_name_only_picks_a_model(self, client, card, name):
        answer = client.get(f"/{web.HOME}/{card['weights'].replace('fruits.', name + '.')}")
        assert answer.status_code == 404
        assert "Reload the page." in answer.text

    def test_the_address_of_other_content_is_not_answered(self, client, card):
        digest = card["weights"].split("/")[1]
        assert client.get(f"/{web.HOME}/{card['weights'].replace(digest, '0' * 16)}").status_code == 404

    def test_a_model_may_have_any_name(self, tmp_path):
        name = "my model #1 100% ?é"
        shutil.copytree(ROOT / "assets" / "models" / "fruits", tmp_path / name)
        library = Library(tmp_path)
        client = TestClient(Starlette(routes=[*web.decoder_routes(library), *web.routes()]))
        card = library[name].card["codec"]
        assert len(client.get(f"/{web.HOME}/{card['weights']}").content) == card["bytes"]


class TestSnapshots:
    def test_every_moment_of_both_trainings_is_served_as_it_lies_in_the_folder(self, client):
        folder = ROOT / "assets" / "models" / "digits"
        runs = OpenModel(folder).snapshots
        for run, name in (("with", "snapshots"), ("without", "snapshots-without-kl")):
            files = sorted((folder / name).iterdir())
            assert [f"step-{one.step:06}.safetensors" for one in runs[run]] == [file.name for file in files]
            last = client.get(f"/{web.HOME}/{web.snapshot_address('digits', runs[run][-1].digest)}")
            assert last.content == files[-1].read_bytes()
            assert last.headers["Cache-Control"] == "public, max-age=31536000, immutable"

    @pytest.mark.parametrize("name", ["nobody", "faces", "..", "%2e%2e", "..%2fdigits", "digits%00"])
    def test_any_other_address_is_not_answered(self, client, name):
        digest = OpenModel(ROOT / "assets" / "models" / "digits").snapshots["with"][0].digest
        for address in (f"snapshots/{digest}/{name}.safetensors", f"snapshots/{'0' * 16}/digits.safetensors"):
            assert client.get(f"/{web.HOME}/{address}").status_code == 404

    def test_what_is_no_snapshot_is_left_out(self, tmp_path):
        shutil.copytree(ROOT / "assets" / "models" / "digits", tmp_path / "digits")
        folder = tmp_path / "digits" / "snapshots"
        (folder / "step-000001.safetensors").write_bytes(b"x" * (limits.SNAPSHOT_BYTES + 1))
        (folder / "step-000002.safetensors").mkdir()
        (folder / "notes.txt").write_text("mine")
        shutil.rmtree(tmp_path / "digits" / "snapshots-without-kl")
        runs = OpenModel(tmp_path / "digits").snapshots
        assert len(runs["with"]) == 20
        assert runs["without"] == []


@pytest.fixture(scope="module")
def photos():
    return OpenModel(ROOT / "assets" / "models" / "photos")


class TestLatents:
    def test_the_latents_of_a_map_are_where_the_model_says_and_are_kept_for_good(self, client):
        emoji = OpenModel(ROOT / "assets" / "models" / "emoji")
        answer = client.get(f"/{web.HOME}/{emoji.map_latents}")
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["Accept-Ranges"] == "bytes"
        np.testing.assert_array_equal(np.frombuffer(answer.content, "<f2").reshape(-1, 128), emoji.atlas.latents)

    def test_one_latent_comes_by_itself(self, client, photos):
        size = photos.info.latent_size * 2
        asked = {"Range": f"bytes={3 * size}-{4 * size - 1}"}
        answer = client.get(f"/{web.HOME}/{photos.map_latents}", headers=asked)
        assert answer.status_code == 206
        assert answer.headers["Content-Range"] == f"bytes {3 * size}-{4 * size - 1}/{size * len(photos.atlas)}"
        np.testing.assert_array_equal(np.frombuffer(answer.content, "<f2"), photos.atlas.latents[3].ravel())

    def test_who_reads_slowly_holds_a_piece_and_not_the_whole(self):
        whole = memoryview(bytes(range(250)) * (3 * web.PIECE_BYTES // 250))
        sent = []

        async def send(message):
            sent.append(message.get("body", b""))

        async def ask():
            scope = {"type": "http", "method": "GET", "asgi": {"spec_version": "2.4"}}
            await web._part_of(whole, f"bytes=5-{len(whole)}")(scope, None, send)

        with ThreadPoolExecutor(1) as thread:  # Playwright keeps a loop running in the tests' own
            thread.submit(asyncio.run, ask()).result()
        assert b"".join(sent) == whole[5:]
        assert max(map(len, sent)) <= web.PIECE_BYTES

    @pytest.mark.parametrize(
        ("asked", "status", "length"),
        [
            ("bytes=4095998-99999999", 206, 2),
            ("bytes=4096000-4096001", 416, 0),
            ("bytes=9-3", 416, 0),
            (f"bytes=0-{'9' * 5000}", 200, 4_096_000),
            ("bytes=-5", 200, 4_096_000),
            ("rows=1-2", 200, 4_096_000),
        ],
    )
    def test_odd_ranges_are_cut_refused_or_ignored(self, client, photos, asked, status, length):
        answer = client.get(f"/{web.HOME}/{photos.map_latents}", headers={"Range": asked})
        assert (answer.status_code, len(answer.content)) == (status, length)

    @pytest.mark.parametrize("path", ["latents/0/photos.f16", "latents/0/nobody.f16", "latents/0/..%2fphotos.f16"])
    def test_no_other_address_is_answered(self, client, path):
        answer = client.get(f"/{web.HOME}/{path}")
        assert (answer.status_code, "Reload the page." in answer.text) == (404, True)

    def test_of_vectors_that_are_too_many_to_fetch_none_are_offered(self, monkeypatch, photos):
        monkeypatch.setattr(opened, "MAP_BYTES", 1000)
        assert OpenModel(ROOT / "assets" / "models" / "emoji").map_latents is None
        assert photos.map_latents is not None, "these come one by one"


class TestPoints:
    def test_those_of_each_layout_are_where_the_page_is_told_and_are_kept_for_good(self, client):
        fruits = OpenModel(ROOT / "assets" / "models" / "fruits")
        for layout in LAYOUTS:
            answer = client.get(f"/{web.HOME}/{points_address(fruits, layout)}")
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            count = len(fruits.atlas)
            positions = np.frombuffer(answer.content, "<f4", 2 * count).reshape(2, count).T
            np.testing.assert_array_equal(positions, atlas_in(fruits, layout).positions)

    def test_a_large_file_is_not_made_for_each_who_fetches_it(self, monkeypatch):
        """However little else a model may keep; and where what it is made of has no room beside it."""
        fruits = ROOT / "assets" / "models" / "fruits"
        made = [size_of(make(OpenModel(fruits))) for make in (overview, points_file)]
        monkeypatch.setattr(opened, "MODEL_BYTES", min(made) - 2_000)
        monkeypatch.setattr(opened, "POINTS_BYTES", max(made) + 2_000)
        model = OpenModel(fruits)
        assert points_file(model) is points_file(model)

    @pytest.mark.parametrize("path", ["{0}/umap/nobody", "{0}/pca/fruits", "{0}/tsne/fruits", "0/umap/fruits"])
    def test_no_other_address_is_answered(self, client, path):
        digest = points_address(OpenModel(ROOT / "assets" / "models" / "fruits")).split("/")[1]
        answer = client.get(f"/{web.HOME}/points/{path.format(digest)}.bin")
        assert (answer.status_code, "Reload the page." in answer.text) == (404, True)


class TestFiles:
    def test_the_address_changes_with_the_content(self, monkeypatch):
        before = web.version()
        changed = web.files() | {"web/dom.js": b"export const other = 1;"}
        monkeypatch.setattr(web, "files", lambda: changed)
        assert web.version.__wrapped__() != before

    def test_the_numbers_are_those_of_the_server(self, page):
        source = web.files()[web.LIMITS].decode()
        found = page.evaluate("(source) => import(`data:text/javascript,${encodeURIComponent(source)}`)", source)
        assert found == {"LIMITS": limits.for_page()}

    def test_what_a_module_imports_is_known_before_it_is_read(self):
        names = ("ask", "beside", "browser_codecs", "dom", "idle", "latents", "limits", "numbers", "sheet", "who_draws")
        needed = {f"web/{name}.js" for name in names}
        assert set(web.needed_by("web/decoder.js")) == needed, "dom.js by way of sheet.js, numbers.js of latents.js"

    def test_every_import_leads_to_a_file(self):
        for module in web.files():
            if module.endswith(".js"):
                assert set(web.needed_by(module)) <= web.files().keys()


@pytest.mark.browser
class TestInThePage:
    def check(self, page, url):
        page.goto(url)
        expect(page.locator("#comparison .comparison")).to_be_visible()
        expect(page.locator("#comparison a")).to_have_attribute("download", "made.png")

    def test_a_widget_finds_its_module(self, page):
        with launched() as url:
            self.check(page, url)

    def test_a_widget_finds_its_module_under_a_root_path(self, page):
        with launched("/some/where") as url, proxied(url, "/some/where") as public:
            self.check(page, public)

    def test_a_widget_finds_its_module_under_a_root_path_with_a_slash_at_its_end(self, page):
        with launched("/where/") as url, proxied(url, "/where") as public:
            self.check(page, public)

    def test_a_widget_finds_its_module_where_the_app_says_that_it_is(self, page):
        with launched("http://public.test/where/") as url:

            def pass_on(route):
                answer = route.fetch(url=route.request.url.replace("http://public.test/where/", url))
                route.fulfill(response=answer, headers={**answer.headers, "Access-Control-Allow-Origin": "*"})

            page.route("http://public.test/where/**", pass_on)
            self.check(page, url)

    def test_a_module_that_does_not_come_is_told_in_words(self, browser):
        page = browser.new_page()  # on which an error is expected
        with launched() as url:
            page.route("**/comparison/main.js", lambda route: route.abort())
            page.goto(url)
            expect(page.locator("#comparison")).to_contain_text("could not be loaded. Reload the page.")
        page.close()
