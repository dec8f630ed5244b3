"""The photos' decoder in WebGPU: what a picture takes to compute, and how long it takes here.

python bench/codec_gpu.py

Without a GPU, Chromium computes the shaders on the CPU. That tells whether they are right, and nothing of a GPU's time.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from app.web import codec
from bench.codec import HOME, MODELS, serve
from vae.checkpoint import load_model

LIVE_MS = 16
PEAKS = (1.0, 1.5, 2.0)  # TFLOPS in float32, of the GPUs in ordinary laptops' processors
SHARES = (0.25, 0.35)  # of the peak, that tiled products of matrices reach in browsers

MEASURE = """async ({ architecture, budget }) => {
  const bytes = async (path) => (await fetch(path)).arrayBuffer();
  const { createCodec } = await import("/codec/codec.js");
  const { decoderSteps } = await import("/codec/network.js");
  const { createGpuDecoder, startGpu } = await import("/codec/gpu/decoder.js");
  const { POINTS, TILE } = await import("/codec/gpu/kernels.js");
  const { image_size: size } = architecture;

  const tiles = (TILE.width / 2) * (TILE.height / 2);
  const outputs = 4 * TILE.quads; // channels
  const products = { direct: 0, winograd: 0 };
  for (const { layer, height, width } of decoderSteps(architecture, size, size).steps) {
    const blocks = Math.ceil(height / TILE.height) * Math.ceil(width / TILE.width) * Math.ceil(layer.outputs / outputs);
    products.direct += height * width * layer.shape.reduce((a, b) => a * b);
    products.winograd += blocks * tiles * POINTS * outputs * layer.inputs;
  }

  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter) return { products };
  const weights = await bytes("/weights");
  const latent = new Float32Array(await bytes("/latent"));
  const gpu = createGpuDecoder(await startGpu(), architecture, weights);
  const drawn = await gpu.decode(latent);
  const expected = (await createCodec(architecture, weights, await bytes("/codec/codec.wasm"))).decode(latent);
  const apart = drawn.reduce((most, value, k) => Math.max(most, Math.abs(value - expected[k])), 0);
  const times = [];
  for (const end = performance.now() + budget; performance.now() < end; ) {
    const start = performance.now();
    await gpu.decode(latent);
    times.push(performance.now() - start);
  }
  const { vendor, architecture: kind } = adapter.info;
  return { products, apart, times, adapter: `${vendor} ${kind}` };
}"""


def main() -> None:
    """Prints the counts, and the times."""
    vae = load_model(MODELS / "photos")
    latent = np.random.default_rng(0).normal(size=vae.config.latent_shape).astype("f4").tobytes()
    files = {"weights": codec.weights(MODELS / "photos"), "latent": latent}
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--enable-unsafe-webgpu", "--enable-features=Vulkan"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        page = browser.new_page()
        page.route(f"{HOME}**", lambda route: serve(files, route))
        page.goto(HOME)
        found = page.evaluate(MEASURE, {"architecture": vae.config.to_dict(), "budget": 3000})
        browser.close()

    direct, winograd = (found["products"][name] for name in ("direct", "winograd"))
    print(f"multiply-adds of a picture: {direct / 1e9:.2f} billion directly, {winograd / 1e9:.2f} billion as computed")
    for peak in PEAKS:
        slow, fast = (2 * winograd / (share * peak * 1e12) * 1e3 for share in SHARES)
        print(f"at {SHARES[0]:.0%} to {SHARES[1]:.0%} of {peak} TFLOPS: {slow:.1f} to {fast:.1f} ms (computed)")
    print(f"{LIVE_MS} ms: {2 * winograd / LIVE_MS / 1e9:.2f} TFLOPS sustained (computed)")
    if "times" in found:
        times = np.array(found["times"])
        print(f"{found['adapter']}: {times.min():.0f} ms, the least of {len(times)} (measured)")
        print(f"at most {found['apart']} of 255 from WebAssembly's picture")
    else:
        print("This Chromium has no WebGPU here.")


if __name__ == "__main__":
    main()
