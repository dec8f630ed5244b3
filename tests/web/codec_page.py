"""A page of Chromium's that has the codec's modules."""

import base64
from pathlib import Path

import numpy as np

from app.web import codec

HOME = "https://codec.test/"  # a secure context, which WebGPU needs
HERE = Path(codec.__file__).parent


class CodecPage:
    """A page that has the codec's modules under `/codec/`, and what `files` holds beside them."""

    def __init__(self, page):
        self.page, self.files = page, {}
        page.route(f"{HOME}**", self._serve)
        page.goto(HOME)

    def _serve(self, route):
        path = route.request.url.removeprefix(HOME)
        types = {".js": "text/javascript", ".wasm": "application/wasm"}
        if path.startswith("codec/") and (HERE / path.removeprefix("codec/")).is_file():
            file = HERE / path.removeprefix("codec/")
            route.fulfill(body=file.read_bytes(), content_type=types[file.suffix])
        elif path in self.files:
            route.fulfill(body=self.files[path], content_type="application/octet-stream")
        else:
            route.fulfill(body="<!doctype html>", content_type="text/html", status=404 if path else 200)

    def run(self, script, **values):
        """The value of the body of an async function; Float32Arrays come back as NumPy's."""
        names = ", ".join(values)
        answer = self.page.evaluate(
            f"""async ({{ {names} }}) => {{
                const {{ createCodec }} = await import("/codec/codec.js");
                const {{ openCodec }} = await import("/codec/client.js");
                const bytes = async (path) => (await fetch(path)).arrayBuffer();
                const numbers = async (path) => new Float32Array(await bytes(path));
                const refusal = (promise) => promise.then(() => "no refusal", (error) => error.message);
                const pack = (value) => {{
                    if (!ArrayBuffer.isView(value)) return value;
                    const text = Array.from(new Uint8Array(value.buffer), (byte) => String.fromCharCode(byte));
                    return {{ kind: value.constructor.name, base64: btoa(text.join("")) }};
                }};
                const value = await (async () => {{ {script} }})();
                return Array.isArray(value) ? value.map(pack) : pack(value);
            }}""",
            values,
        )
        return [unpack(value) for value in answer] if isinstance(answer, list) else unpack(answer)


def unpack(value):
    if not isinstance(value, dict) or "base64" not in value:
        return value
    kinds = {"Float32Array": "<f4", "Uint8ClampedArray": "u1"}
    return np.frombuffer(base64.b64decode(value["base64"]), kinds[value["kind"]])
