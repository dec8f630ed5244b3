"""The files that the widgets run in the page, under an address that changes with their content.

Gradio serves the page; these files have a route of their own before Gradio's. It serves what it read when the app
started and nothing else, so a browser may keep every file for good: other content has another address. Each is
compressed once, and so are Gradio's own scripts and styles, whose names change with their content too.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import mimetypes
import re
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import Any
from urllib.parse import quote

import brotli  # Gradio's own requirement
import gradio
import plotly
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from app.explore import limits
from app.explore.library import Library
from app.explore.limits import RequestError
from app.explore.points_file import points_file
from vae.checkpoint import ModelFolderError

APP = Path(__file__).parents[1]
TYPES = {".js": "text/javascript", ".json": "application/json", ".svg": "image/svg+xml", ".wasm": "application/wasm"}
PLOTLY = "plotly.min.js"  # the plotting library, from its package: Gradio would serve it by its path on this machine
LIMITS = "web/limits.js"  # made here; the widgets import it like any other module
GRADIOS = Path(gradio.__file__).parent / "templates" / "frontend" / "assets"
HOME = "latentscape"
KEPT = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}

BROTLI_QUALITY = 4  # as Gradio's; gzip at its default weighs twice as much, and takes twice as long
PIECE_BYTES = 1 << 18  # of a file that is sent in pieces

_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{1,15})")
_IMPORT = re.compile(r"""^(?:import|export)\b[^;]*?\bfrom\s+["'](\.[^"']+)["']""", re.MULTILINE)


@cache
def files() -> dict[str, bytes]:
    """Path, such as "web/dom.js" or "widgets/corners/main.js" -> content."""
    rooms = [APP / "web", *(path.parent for path in (APP / "widgets").glob("*/main.js"))]
    paths = [path for room in rooms for path in sorted(room.rglob("*")) if path.suffix in TYPES]
    found = {path.relative_to(APP).as_posix(): path.read_bytes() for path in paths}
    numbers = json.dumps(limits.for_page(), indent=2)
    found[PLOTLY] = (Path(plotly.__file__).parent / "package_data" / PLOTLY).read_bytes()
    return found | {LIMITS: f"// From app/explore/limits.py.\nexport const LIMITS = {numbers};\n".encode()}


@cache
def version() -> str:
    """A name for the content of all files."""
    digest = hashlib.sha256()
    for path, content in sorted(files().items()):
        digest.update(f"{path} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def routes() -> list[Route]:
    """For `launch(app_kwargs={"routes": routes()})`: where these files are, and Gradio's own.

    A route with the path as its parameter: a mount of Starlette's finds nothing behind a proxy that takes the root path
    off.
    """
    return [Route(f"/{HOME}/{{version}}/{{path:path}}", _serve), Route("/assets/{path:path}", _serve_gradios)]


def decoder_routes(library: Library) -> list[Route]:
    """Where browsers fetch the models' decoders, as `OpenModel.card` says; to be put before `routes()`.

    Not compressed: float16 weights would shrink by 8%. A name only picks a model of the library, and opens no file.
    """

    def serve(request: Request) -> Response:  # in a thread: the model may have to be loaded
        try:
            file = library[request.path_params["name"]].decoder_file
        except (RequestError, ModelFolderError):
            file = None
        if file is None or request.path_params["digest"] != file.digest:
            return PlainTextResponse("There is no such decoder. Reload the page.", 404)
        return _part_of(memoryview(file.content), request.headers.get("range", ""))

    return [Route(f"/{HOME}/decoders/{{digest}}/{{name}}.safetensors", serve)]


def latents_routes(library: Library) -> list[Route]:
    """Where browsers fetch the latents of the models' maps, as `OpenModel.map_latents` says; before `routes()` too.

    Not compressed either: they would shrink by 5%.
    """

    def serve(request: Request) -> Response:
        try:
            model = library.look_at(request.path_params["name"])
            found = model.map_latents
        except (RequestError, ModelFolderError):
            found = None
        if found is None or found.split("/")[1] != request.path_params["digest"]:
            return PlainTextResponse("There are no such latents. Reload the page.", 404)
        return _part_of(model.map_latents_file, request.headers.get("range", ""))

    return [Route(f"/{HOME}/latents/{{digest}}/{{name}}.f16", serve)]


def points_routes(library: Library) -> list[Route]:
    """Where browsers fetch the numbers of the maps' points, as `points_address` says; before `routes()` too."""

    def serve(request: Request) -> Response:
        try:
            found = points_file(library.look_at(request.path_params["name"]), request.path_params["layout"])
        except (RequestError, ModelFolderError):
            found = None
        if found is None or found.digest != request.path_params["digest"]:
            return PlainTextResponse("There are no such points. Reload the page.", 404)
        return _part_of(memoryview(found.content), request.headers.get("range", ""))

    return [Route(f"/{HOME}/points/{{digest}}/{{layout}}/{{name}}.bin", serve)]


def _part_of(content: memoryview, asked: str) -> Response:
    """A file, or the one part of it that a Range header asks for: its other forms may be ignored (RFC 9110)."""
    headers, status, part = KEPT | {"Accept-Ranges": "bytes"}, 200, content
    if match := _RANGE.fullmatch(asked):
        first, last = (int(text) for text in match.groups())
        if not first <= last or first >= len(content):
            return Response(status_code=416, headers={"Content-Range": f"bytes */{len(content)}"})
        status, part = 206, content[first : last + 1]
        headers |= {"Content-Range": f"bytes {first}-{first + len(part) - 1}/{len(content)}"}
    return _sent(part, status, headers, "application/octet-stream")


def _sent(content: memoryview, status: int, headers: dict[str, str], media_type: str) -> Response:
    if len(content) <= PIECE_BYTES:
        return Response(bytes(content), status, headers, media_type)
    return StreamingResponse(_pieces(content), status, headers | {"Content-Length": str(len(content))}, media_type)


async def _pieces(content: memoryview) -> AsyncIterator[bytes]:
    """A copy of a piece at a time: of the whole, everybody who reads slowly or not at all would hold one."""
    for start in range(0, len(content), PIECE_BYTES):
        yield bytes(content[start : start + PIECE_BYTES])


def snapshot_address(name: str, digest: str) -> str:
    """Where a browser fetches a snapshot of a model, under the address of these files."""
    return f"snapshots/{digest}/{quote(name, safe='')}.safetensors"


def snapshot_routes(library: Library) -> list[Route]:
    """Where browsers fetch moments of the models' training; to be put before `routes()`."""

    def serve(request: Request) -> Response:
        try:
            runs = library.look_at(request.path_params["name"]).snapshots
        except (RequestError, ModelFolderError):
            runs = {}
        for snapshot in (one for run in runs.values() for one in run):
            if snapshot.digest == request.path_params["digest"]:
                return _part_of(memoryview(snapshot.content), request.headers.get("range", ""))
        return PlainTextResponse("There is no such moment. Reload the page.", 404)

    return [Route(f"/{HOME}/snapshots/{{digest}}/{{name}}.safetensors", serve)]


def _serve(request: Request) -> Response:  # in a thread: the file may have to be compressed
    path = request.path_params["path"]
    if request.path_params["version"] != version() or path not in files():
        return PlainTextResponse("There is no such file. Reload the page.", 404)
    encoding = encoding_for(request.headers.get("accept-encoding", ""))
    content = _packed(path, encoding)
    headers = KEPT | {"Vary": "Accept-Encoding"} | ({"Content-Encoding": encoding} if encoding else {})
    return _sent(memoryview(content), 200, headers, TYPES[Path(path).suffix])


@cache
def _gradios() -> dict[str, Path]:
    """Gradio's own scripts, styles and fonts, by their names."""
    return {path.relative_to(GRADIOS).as_posix(): path for path in GRADIOS.rglob("*") if path.is_file()}


def _serve_gradios(request: Request) -> Response:
    path = _gradios().get(request.path_params["path"])
    if path is None:
        return PlainTextResponse("There is no such file. Reload the page.", 404)
    kind = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
    encoding = encoding_for(request.headers.get("accept-encoding", "")) if path.suffix in (".js", ".css") else None
    headers = KEPT | {"Vary": "Accept-Encoding"}
    if encoding is None:
        return FileResponse(path, headers=headers, media_type=kind)
    return _sent(memoryview(_packed_gradios(path, encoding)), 200, headers | {"Content-Encoding": encoding}, kind)


@cache
def _packed_gradios(path: Path, encoding: str) -> bytes:
    return compressed(path.read_bytes(), encoding)


@cache
def _packed(path: str, encoding: str | None) -> bytes:
    return compressed(files()[path], encoding)


def encoding_for(accepted: str) -> str | None:
    """The name of the best encoding of those accepted; None for the content as it is."""
    for encoding in ("br", "gzip"):
        if re.search(rf"\b{encoding}\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", accepted):
            return encoding
    return None


def compressed(content: bytes, encoding: str | None) -> bytes:
    """The content in this encoding."""
    if encoding == "br":
        return brotli.compress(content, quality=BROTLI_QUALITY)
    return gzip.compress(content, 6) if encoding == "gzip" else content


def needed_by(module: str) -> list[str]:
    """The modules that a module imports, and those that these import.

    The page asks for all of them at once, instead of one level after the other: over HTTP/2 with 150 ms of latency, a
    widget is there after 0.3 s instead of 0.9 s.
    """
    found: list[str] = []
    waiting = [module]
    while waiting:
        importing = waiting.pop()
        for target in _IMPORT.findall(files()[importing].decode()):
            path = normpath(join(dirname(importing), target))
            if path not in found:
                found.append(path)
                waiting.append(path)
    return found


def mounting(module: str, settings: dict[str, Any] | None = None) -> str:
    """The script of a gr.HTML that imports a module and calls its `mount`.

    `settings` are props that it begins with. Gradio forgets those of what it shows only later, such as in a tab inside
    a tab, or in a column that was hidden.

    Gradio runs it as the body of a function with these names in scope. `gradio_config.root` is where the app is, for
    whoever asked for the page; if a proxy ends TLS and does not say so, its host is right and its protocol is not. The
    settings are encoded, as gr.HTML takes every name in quotes for one of an event.
    """
    return f"""
const root = new URL(window.gradio_config.root);
const origin = root.hostname === location.hostname ? location.origin : root.origin;
const home = `${{origin}}${{root.pathname.replace(/\\/$/, "")}}/{HOME}/{version()}/`;
for (const path of {json.dumps(needed_by(module))}) {{
  if (document.querySelector(`link[href="${{home}}${{path}}"]`)) continue;
  document.head.append(Object.assign(document.createElement("link"), {{ rel: "modulepreload", href: home + path }}));
}}
const settings = JSON.parse(decodeURIComponent("{quote(json.dumps(settings or {}))}"));
const whole = new Proxy(props, {{ get: (own, name) => (own[name] === undefined ? settings[name] : own[name]) }});
import(`${{home}}{module}`)
  .then(({{ mount }}) => mount({{ element, trigger, props: whole, server, upload, watch }}))
  .catch((error) => {{
    element.textContent = "This part of the page could not be loaded. Reload the page.";
    throw error;
  }});
"""
