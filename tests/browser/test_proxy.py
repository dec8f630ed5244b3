"""Behind a reverse proxy that serves the app under a path of its own, and takes that path off."""

import http.client
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.conftest import running_app

pytestmark = pytest.mark.browser

ROOT = "/sub"
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}


@pytest.fixture(scope="module")
def proxied() -> Iterator[tuple[str, list[str]]]:
    """The address of the app behind a proxy, and the paths that were asked for outside of it."""
    strays: list[str] = []
    with running_app("--root-path", ROOT) as url:
        proxy = ThreadingHTTPServer(("127.0.0.1", 0), _handler(urlsplit(url).netloc, strays))
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{proxy.server_port}{ROOT}/", strays
        proxy.shutdown()


def _handler(behind: str, strays: list[str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def pass_on(self):
            if not self.path.startswith(f"{ROOT}/"):
                strays.append(self.path)
                self.send_error(404)
                return
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
            headers["X-Forwarded-Host"] = self.headers["Host"]
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            connection = http.client.HTTPConnection(behind)
            connection.request(self.command, self.path.removeprefix(ROOT), body, headers)
            answer = connection.getresponse()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            self.end_headers()
            try:
                while piece := answer.read1(1 << 16):  # as it comes: Gradio's results are a stream
                    self.wfile.write(piece)
                    self.wfile.flush()
            except OSError:  # the browser has left
                pass
            finally:
                connection.close()

        do_GET = do_POST = do_HEAD = pass_on

        def log_message(self, *_):
            pass

    return Handler


def test_every_part_works_behind_a_root_path(page, proxied, examples):
    url, strays = proxied
    failed = []
    page.on("response", lambda r: failed.append((r.status, r.url)) if r.status >= 400 else None)
    page.goto(url)
    page.set_input_files("#reconstruct-picture input[type=file]", str(examples["fruits"]))
    expect(page.locator("#metrics")).to_contain_text("dB")
    expect(page.locator("#reconstruct-picture img")).to_be_visible()
    page.wait_for_function("document.querySelector('#reconstruct-picture img').naturalWidth > 0")
    page.get_by_role("tab", name="Sample").click()
    expect(page.locator("#samples .sample-grid-tiles button:not(.is-waiting)")).to_have_count(32)
    page.get_by_role("tab", name="Map").click()
    expect(page.locator(".latent-map[data-state=ready]")).to_be_visible()
    assert "/sub/?" in page.url
    icon = page.evaluate("fetch(document.querySelector('link[rel=icon]').href).then((found) => found.url)")
    assert urlsplit(icon).path.startswith("/sub/latentscape/")
    assert strays == []
    assert failed == []
