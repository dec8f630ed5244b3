"""The page's HTML as it goes out: with an icon and a preview for links to it, and compressed.

Gradio fills the page for each visitor, sends it uncompressed, and calls it "Gradio" in its previews. The middleware
here touches the page and its configuration and nothing else: results come as a stream of events, which must not wait.
"""

from __future__ import annotations

import asyncio
import gzip
import html
import re
from pathlib import Path

import brotli  # Gradio's own requirement, for its scripts
from gradio.route_utils import get_root_url
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.kit.web import HOME, KEPT, version

ROOT = Path(__file__).resolve().parent.parent
TITLE = "Latentscape"
DESCRIPTION = (
    "Walk through what an image autoencoder has learnt: reconstruct pictures, go from one to another, draw samples, "
    "and point at a map of all latents to see what lies there."
)
PICTURE = f"{HOME}/preview.jpg"
PICTURE_SIZE = (1200, 630)
ICON = ROOT / "app" / "web" / "icon.svg"

PAGE = "/"
PATHS = (PAGE, "/config")  # what is compressed here; the browser opens the first, `gradio_client` the second
BROTLI_QUALITY = 4  # Gradio's, for its scripts; gzip at its default weighs twice as much, and takes twice as long

_THEIRS = re.compile(rb'<meta\s+(?:property="og:|name="twitter:)[^>]*>\s*')
_FIRST_SCRIPT = b"<script"  # the page's configuration is in the first; what is before it is Gradio's, and short


def routes() -> list[Route]:
    """Where the preview's picture is."""
    content = (ROOT / "assets" / "preview.jpg").read_bytes()
    headers = KEPT | {"Cache-Control": "public, max-age=86400"}

    def serve(_: Request) -> Response:
        return Response(content, headers=headers, media_type="image/jpeg")

    return [Route(f"/{PICTURE}", serve)]


class Front:
    """ASGI middleware around the app."""

    def __init__(self, app: ASGIApp):
        self.app = app
        self.compressing = asyncio.Semaphore(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        if scope["type"] != "http" or scope["method"] != "GET" or path not in PATHS:
            await self.app(scope, receive, send)
            return
        start: Message = {}
        body = bytearray()

        async def gather(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            elif message["type"] == "http.response.body":
                body.extend(message.get("body", b""))

        await self.app(scope, receive, gather)
        headers = MutableHeaders(raw=start["headers"])
        content = bytes(body)
        if path == PAGE and headers.get("content-type", "").startswith("text/html"):
            content = with_head(content, _address(scope))
        accepted = Headers(scope=scope).get("accept-encoding", "")
        async with self.compressing:  # not in the loop, which answers everybody
            content, encoding = await asyncio.to_thread(compressed, content, accepted)
        if encoding:
            headers["Content-Encoding"] = encoding
        headers.add_vary_header("Accept-Encoding")
        headers["Content-Length"] = str(len(content))
        await send(start)
        await send({"type": "http.response.body", "body": content})


def compressed(content: bytes, accepted: str) -> tuple[bytes, str | None]:
    """The content in the best encoding of those accepted, and that encoding's name; None for the content as it is."""
    if re.search(r"\bbr\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", accepted):
        return brotli.compress(content, quality=BROTLI_QUALITY), "br"
    if re.search(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", accepted):
        return gzip.compress(content, 6), "gzip"
    return content, None


def with_head(page: bytes, address: str) -> bytes:
    """The page with its icon, and with what the preview of a link shows in place of Gradio's.

    Args:
        page: the HTML.
        address: of the page, without a slash at its end, as visitors have it: previews take no relative address.
    """
    width, height = PICTURE_SIZE
    picture = f"{address}/{PICTURE}"
    facts = [
        ("name", "description", DESCRIPTION),
        ("property", "og:type", "website"),
        ("property", "og:url", f"{address}/"),
        ("property", "og:title", TITLE),
        ("property", "og:description", DESCRIPTION),
        ("property", "og:image", picture),
        ("property", "og:image:width", str(width)),
        ("property", "og:image:height", str(height)),
        ("name", "twitter:card", "summary_large_image"),
        ("name", "twitter:title", TITLE),
        ("name", "twitter:description", DESCRIPTION),
        ("name", "twitter:image", picture),
    ]
    ours = "".join(f'<meta {kind}="{name}" content="{html.escape(said)}" />\n' for kind, name, said in facts)
    # Relative: behind a proxy, the icon that browsers ask for by themselves is another site's.
    ours += f'<link rel="icon" type="image/svg+xml" href="{HOME}/{version()}/web/{ICON.name}" />\n'
    theirs, script, rest = page.partition(_FIRST_SCRIPT)
    return _THEIRS.sub(b"", theirs) + ours.encode() + script + rest


def _address(scope: Scope) -> str:
    return get_root_url(Request(scope), route_path=PAGE, root_path=scope["app"].root_path)
