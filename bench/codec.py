"""The codec in the browser: milliseconds for a decode and an encode on one thread, until it is ready, and its size.

python bench/codec.py

Beside it, in turn on the same page, onnxruntime-web on one thread, where it is installed:
  npm install --prefix bench onnxruntime-web
  python -m pip install onnx
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import shutil
import sys
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, Route, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from app.web import codec
from vae.checkpoint import load_model

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / "assets" / "models"
CODEC = Path(codec.__file__).parent
ONNXRUNTIME = ROOT / "bench" / "node_modules" / "onnxruntime-web" / "dist"
HOME = "https://bench.test/"
TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm"}
ISOLATED = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}  # a finer clock
ROUNDS = 5
BUDGET_MS = 1500  # for each side, task and round

# Runs in the page. Each side is { decode(latent), encode(colours) } with values that can be compared.
MEASURE = """async ({ architecture, others, rounds, budget }) => {
  const bytes = async (path) => (await fetch(path)).arrayBuffer();
  const { createCodec } = await import("/codec/codec.js");
  const { openCodec } = await import("/codec/client.js");
  const [latent, colours] = (await Promise.all(["/latent", "/colours"].map(bytes))).map((b) => new Float32Array(b));

  const [weights, wasm] = await Promise.all(["/weights", "/codec/codec.wasm"].map(bytes));
  const start = performance.now();
  const own = await createCodec(architecture, weights, wasm);
  own.decode(latent);
  const firstPicture = performance.now() - start;
  const begun = performance.now();
  const worker = await openCodec({ architecture, weights: "/weights" });
  const ready = performance.now() - begun;
  worker.close();

  const sides = { own: { decode: () => own.decodeFloats(latent), encode: () => own.encode(colours).mean } };
  if (others) {
    const ort = await import("/onnxruntime/ort.wasm.min.mjs");
    ort.env.wasm.numThreads = 1;
    const open = async (path) => ort.InferenceSession.create(await bytes(path), { graphOptimizationLevel: "all" });
    const [decoder, encoder] = [await open("/decoder.onnx"), await open("/encoder.onnx")];
    const size = architecture.image_size;
    const spatial = architecture.latent === "spatial";
    const side = size / 2 ** (architecture.channels.length + architecture.halve_first);
    const shape = spatial ? [side, side, architecture.latent_dim] : [architecture.latent_dim];
    const tensor = (values, shape) => new ort.Tensor("float32", values, [1, ...shape]);
    sides.onnxruntime = {
      decode: async () => (await decoder.run({ latent: tensor(latent, shape) })).picture.data,
      encode: async () => (await encoder.run({ picture: tensor(colours, [size, size, 3]) })).mean.data,
    };
  }

  const times = {};
  const values = {};
  for (let round = 0; round < rounds; round++) {
    for (const [name, side] of Object.entries(sides)) {
      for (const [task, run] of Object.entries(side)) {
        values[`${name} ${task}`] = await run();
        const found = (times[`${name} ${task}`] ??= []);
        for (const end = performance.now() + budget; performance.now() < end; ) {
          const start = performance.now();
          await run();
          found.push(performance.now() - start);
        }
      }
    }
  }
  const apart = (task) => {
    const [own, other] = ["own", "onnxruntime"].map((name) => values[`${name} ${task}`]);
    return other?.reduce((most, value, k) => Math.max(most, Math.abs(value - own[k])), 0) ?? 0;
  };
  return { firstPicture, ready, times, apart: Math.max(apart("decode"), apart("encode")) };
}"""


def serve(files: dict[str, bytes], route: Route) -> None:
    """Answers from the codec's folder, onnxruntime's, and `files`."""
    path = route.request.url.removeprefix(HOME)
    folder, _, name = path.partition("/")
    file = {"codec": CODEC, "onnxruntime": ONNXRUNTIME}.get(folder, CODEC) / name
    if name and file.is_file():
        route.fulfill(body=file.read_bytes(), content_type=TYPES[file.suffix], headers=ISOLATED)
    else:
        kind = "application/octet-stream" if path in files else "text/html"
        route.fulfill(body=files.get(path, b"<!doctype html>"), content_type=kind, headers=ISOLATED)


def measure(page: Page, name: str, others: bool) -> dict:
    """What `MEASURE` finds for a model that ships."""
    vae = load_model(MODELS / name)
    random, size = np.random.default_rng(0), vae.config.image_size
    files = {
        "weights": codec.weights(MODELS / name),
        "latent": random.normal(size=vae.config.latent_shape).astype("f4").tobytes(),
        "colours": random.random((size, size, 3), "f4").tobytes(),
    }
    if others:
        from train import export

        files |= {"decoder.onnx": export.decoder(vae), "encoder.onnx": export.encoder(vae)}
    page.route(f"{HOME}**", lambda route: serve(files, route))
    page.goto(HOME)
    return page.evaluate(
        MEASURE, {"architecture": vae.config.to_dict(), "others": others, "rounds": ROUNDS, "budget": BUDGET_MS}
    )


def main() -> None:
    """Prints the table."""
    others = ONNXRUNTIME.is_dir() and importlib.util.find_spec("onnx") is not None
    if not others:
        print(f"onnxruntime-web is left out. It needs:{__doc__.partition('installed:')[2]}".rstrip())
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
    code = sum(path.stat().st_size for path in CODEC.iterdir() if path.suffix in (".js", ".wasm"))
    print(f"code: {code / 1000:.1f} KB")
    print(f"{'model':<10}{'task':<8}{'least ms':>10}{'median':>10}{'onnxruntime-web':>18}{'median':>10}{'ratio':>8}")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        for config in sorted(MODELS.glob("*/config.json")):
            if json.loads(config.read_text()).get("kind", "conv-vae") != "conv-vae":
                continue
            page = browser.new_page()
            found = measure(page, config.parent.name, others)
            page.close()
            for task in ("decode", "encode"):
                own = np.array(found["times"][f"own {task}"])
                line = f"{config.parent.name:<10}{task:<8}{own.min():>10.2f}{np.median(own):>10.2f}"
                if others:
                    other = np.array(found["times"][f"onnxruntime {task}"])
                    line += f"{other.min():>18.2f}{np.median(other):>10.2f}{own.min() / other.min():>8.2f}"
                print(line)
            first, ready = found["firstPicture"], found["ready"]
            print(f"{'':<10}first picture {first:.0f} ms after the download, at full speed after {ready:.0f} ms")
            if others:
                print(f"{'':<10}at most {found['apart']:.1e} from onnxruntime-web, whose weights are float32")
        browser.close()


if __name__ == "__main__":
    main()
