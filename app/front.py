"""The page's HTML as it goes out: with an icon and a preview for links to it, compressed, and made once.

Gradio fills the page for each visitor, sends it uncompressed, and calls it "Gradio" in its previews. The middleware
here touches the page and its configuration and nothing else: results come as a stream of events, which must not wait.
"""

from __future__ import annotations

import asyncio
import html
import re
from dataclasses import dataclass
from pathlib import Path

from gradio.route_utils import get_root_url
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.explore.limits import KEPT_PAGES
from app.kit.lines import Line
from app.kit.shares import visitor_of
from app.kit.web import HOME, KEPT, compressed, encoding_for, version

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
STYLE = "/theme.css"
# What is compressed here. Browsers ask for the first two, `gradio_client` for the next, and who writes programs.
PATHS = (PAGE, STYLE, "/config", *(f"/gradio_api/{name}" for name in ("info", "openapi.json", "mcp/schema")))

_THEIRS = re.compile(rb'<meta\s+(?:property="og:|name="twitter:)[^>]*>\s*')
_FIRST_SCRIPT = b"<script"  # the page's configuration is in the first; what is before it is Gradio's, and short


def routes() -> list[Route]:
    """Where the preview's picture is."""
    content = (ROOT / "assets" / "preview.jpg").read_bytes()
    headers = KEPT | {"Cache-Control": "public, max-age=86400"}

    def serve(_: Request) -> Response:
        return Response(content, headers=headers, media_type="image/jpeg")

    return [Route(f"/{PICTURE}", serve)]


@dataclass(frozen=True)
class Made:
    """A page as it goes out."""

    status: int
    headers: list[tuple[bytes, bytes]]
    content: bytes


class Front:
    """ASGI middleware around the app.

    Making the page takes a twentieth of a second of the interpreter, which nobody else has meanwhile: pages are made
    one after another, and kept. A page is the same for everybody who comes by the same address, unless they log in.
    """

    def __init__(self, app: ASGIApp):
        self.app = app
        self._making = Line()
        self._made: dict[tuple[str, str | None, str | None], Made] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request.

        Raises:
            LeftError: whoever asked has left before it was their turn.
        """
        path = scope.get("path", "").removeprefix(scope.get("root_path", "")).rstrip("/") or PAGE
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD") or path not in PATHS:
            await self.app(scope, receive, send)
            return
        if path in (PAGE, STYLE):
            scope = {**scope, "query_string": b""}  # the page reads its address by itself
        # By which Gradio's own server of pages, which is not used here, would say the address.
        headers = [(name, value) for name, value in scope["headers"] if name != b"x-gradio-server"]
        scope = {**scope, "headers": headers}
        encoding = encoding_for(Headers(scope=scope).get("accept-encoding", ""))
        address = _address(scope)
        key = (path, address, encoding)
        is_everybodys = address is not None and not scope["query_string"] and scope["app"].auth is None
        kept = self._made if is_everybodys else {}
        made = kept.get(key)
        if made is None:
            asked = [await receive()]  # from which on it is known whether who asks is there (`Shares`)

            async def again() -> Message:
                return asked.pop() if asked else await receive()

            async with self._making.turn(visitor_of(scope)):
                made = kept.get(key) or await self._make(*key, scope, again)
        if made.status == 200:
            kept.pop(key, None)
            kept[key] = made  # the latest last
            if len(kept) > KEPT_PAGES:
                del kept[next(iter(kept))]
        # What stands around this adds to the headers.
        await send({"type": "http.response.start", "status": made.status, "headers": [*made.headers]})
        await send({"type": "http.response.body", "body": made.content})

    async def _make(self, path: str, address: str | None, encoding: str | None, scope: Scope, receive: Receive) -> Made:
        start: Message = {}
        body = bytearray()

        async def gather(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            elif message["type"] == "http.response.body":
                body.extend(message.get("body", b""))

        await self.app({**scope, "method": "GET"}, receive, gather)
        headers = MutableHeaders(raw=list(start["headers"]))
        content = bytes(body)
        if path == PAGE and headers.get("content-type", "").startswith("text/html") and address is not None:
            content = with_head(content, address)
        content = await asyncio.to_thread(compressed, content, encoding)  # not in the loop, which answers everybody
        if encoding:
            headers["Content-Encoding"] = encoding
        headers.add_vary_header("Accept-Encoding")
        headers["Content-Length"] = str(len(content))
        return Made(start["status"], headers.raw, content)


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


def _address(scope: Scope) -> str | None:
    """The page's, without a slash at its end; None where the visitor's cannot be read, whom the door refuses."""
    page = {**scope, "path": scope.get("root_path", "") + PAGE}
    try:
        return get_root_url(Request(page), route_path=PAGE, root_path=scope["app"].root_path)
    except Exception:  # httpx's, of any kind
        return None
