"""The page's HTML as it goes out."""

import asyncio
import gzip
import re
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from email.message import Message
from types import SimpleNamespace

import brotli

from app import front
from app.explore.turns import ASKED, Asked, LeftError

PAGE = b"""<head><meta charset="utf-8" />
<meta property="og:title" content="Gradio" /><meta
  property="og:image" content="https://elsewhere.example/header.jpg" />
<meta name="twitter:creator" content="@Gradio" />
<meta name="viewport" content="width=device-width" />
<script>window.gradio_config = {"text": "<meta property=\\"og:title\\" content=\\"mine\\">"};</script></head>"""


def get(address: str, **headers: str) -> tuple[bytes, Message]:
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as answer:
        return answer.read(), answer.headers


def test_previews_are_ours_and_the_rest_of_the_page_stays():
    page = front.with_head(PAGE, "https://example.org/a&b").decode()
    head, script, rest = page.partition("<script>")
    assert re.findall(r'og:title" content="([^"]*)', head) == ["Latentscape"]
    assert re.findall(r'og:image" content="([^"]*)', head) == ["https://example.org/a&amp;b/latentscape/preview.jpg"]
    assert "@Gradio" not in head
    assert "viewport" in head
    assert (script + rest).encode() == PAGE[PAGE.index(b"<script>") :]
    assert re.search(r'<link rel="icon" [^>]*href="latentscape/\w+/web/icon.svg"', head)


async def asked():
    return {"type": "http.request"}


def through(path: str) -> list[str]:
    """What happens, in its order, as an answer of two parts passes."""
    happened = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        for part in (b"data: 1\n\n", b"data: 2\n\n"):
            happened.append(f"made {part[6:7].decode()}")
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def send(message):
        if message["type"] == "http.response.body" and message["body"]:
            happened.append(f"sent {message['body'].decode()[6:7]}")

    scope = {"type": "http", "method": "GET", "path": path, "root_path": "/sub", "headers": [], "query_string": b""}
    passing = front.Front(app)(scope | {"app": SimpleNamespace(root_path="", auth=None)}, asked, send)
    with ThreadPoolExecutor() as elsewhere:  # a browser test's loop may run in this thread
        elsewhere.submit(asyncio.run, passing).result()
    return happened


def test_streams_pass_as_they_come():
    assert through("/sub/gradio_api/queue/data") == ["made 1", "sent 1", "made 2", "sent 2"]
    assert through("/sub/config") == ["made 1", "made 2", "sent 1"]  # the two in one


def test_the_running_app(server):
    plain, headers = get(server)
    assert b'og:title" content="Latentscape"' in plain
    assert "Accept-Encoding" in headers["Vary"]
    for encoding, decode in (("br", brotli.decompress), ("gzip", gzip.decompress)):
        for path in ("", "config"):
            content, headers = get(server + path, **{"Accept-Encoding": encoding})
            assert headers["Content-Encoding"] == encoding
            assert b"gradio_config" in decode(content) or b'"components"' in decode(content)
            assert len(content) < 0.2 * len(plain)
    (picture,) = re.findall(rb'og:image" content="([^"]*)', plain)
    content, headers = get(picture.decode(), **{"Accept-Encoding": "br"})
    assert headers["Content-Type"] == "image/jpeg"
    assert content == (front.ROOT / "assets" / "preview.jpg").read_bytes()
    forwarded, _ = get(server, **{"X-Forwarded-Host": "latents.example", "X-Forwarded-Proto": "https"})
    assert b'og:image" content="https://latents.example/latentscape/preview.jpg"' in forwarded
    (icon,) = re.findall(rb'rel="icon"[^>]*href="([^"]*)', plain)
    content, headers = get(server + icon.decode())
    assert headers["Content-Type"].startswith("image/svg+xml")
    assert content == get(server + "favicon.ico")[0] == front.ICON.read_bytes()


def test_the_page_is_made_once_for_all_who_come_by_one_address_and_anew_for_others():
    made = []

    async def app(scope, _receive, send):
        made.append(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    async def ask(host: str, path: str = "/", query: bytes = b"", auth=None) -> None:
        async def send(message):
            message.get("headers", []).append((b"of", b"one visitor"))

        scope = {"type": "http", "method": "HEAD", "path": path, "root_path": "", "query_string": query}
        scope |= {"headers": [(b"host", host.encode())], "app": SimpleNamespace(root_path="", auth=auth)}
        await page(scope, asked, send)

    async def story():
        await asyncio.gather(*(ask("a.example", query=b"%d" % number) for number in range(3)))
        assert len(made) == 1
        await ask("a.example", "/config")
        await ask("b.example")
        await ask("a.example")
        assert len(made) == 3
        await ask("a.example", auth={"user": "password"})
        assert len(made) == 4, "who logs in may get another"
        for number in range(2 * front.KEPT_PAGES):
            await ask(f"{number}.example")
        assert len(page._made) == front.KEPT_PAGES
        assert not [one for one in page._made.values() if (b"of", b"one visitor") in one.headers]

    page = front.Front(app)
    with ThreadPoolExecutor() as elsewhere:
        elsewhere.submit(asyncio.run, story()).result()


def test_who_comes_by_hundreds_of_made_up_addresses_has_one_page_made_between_two_of_others():
    made, left, go_on = [], Asked(), asyncio.Event()
    left.left.set()

    async def app(scope, _receive, send):
        await go_on.wait()
        made.append(scope["client"][0])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    async def ask(client: str, host: str, who: Asked | None = None) -> None:
        async def send(_message):
            pass

        ASKED.set(who)
        headers = [(b"host", host.encode()), (b"x-forwarded-for", host.encode()), (b"x-gradio-server", host.encode())]
        scope = {"type": "http", "method": "GET", "path": "/", "root_path": "", "query_string": b"", "headers": headers}
        scope |= {"client": (client, 1), "app": SimpleNamespace(root_path="", auth=None)}
        with suppress(LeftError):
            await page(scope, asked, send)

    async def story():
        many = [asyncio.create_task(ask("many", f"{number}.example")) for number in range(9)]
        many += [asyncio.create_task(ask("gone", f"gone-{number}.example", left)) for number in range(9)]
        await asyncio.sleep(0)
        one = asyncio.create_task(ask("one", "a.example"))
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(one, *many)

    page = front.Front(app)
    with ThreadPoolExecutor() as elsewhere:
        elsewhere.submit(asyncio.run, story()).result()
    assert made.index("one") < 3
    assert (made.count("many"), made.count("gone")) == (9, 0)


def test_nobody_gets_another_visitors_page(server):
    first, _ = get(server)
    asked = [{"Host": "elsewhere.example", "Origin": f"https://{name}.example"} for name in "ab"]
    theirs = [get(server, **headers) for headers in asked]
    assert all(b"http://elsewhere.example" in page for page, _ in theirs)
    allowed = [headers.get_all("Access-Control-Allow-Origin") for _, headers in theirs]
    assert allowed == [["https://a.example"], ["https://b.example"]]
    assert get(server)[0] == first
    with urllib.request.urlopen(urllib.request.Request(server, method="HEAD")) as answer:
        assert int(answer.headers["Content-Length"]) == len(first)
