"""The decoder in WebGPU against that in WebAssembly, and who of the two draws. Chromium runs the shaders on the CPU."""

import numpy as np
import pytest
from safetensors.numpy import save

from app.web import codec
from tests.conftest import ROOT, launch
from tests.web.codec_page import HERE, CodecPage
from vae.checkpoint import load_model, parameters
from vae.model import VAEConfig

pytestmark = pytest.mark.browser

PHOTOS = ROOT / "assets" / "models" / "photos"
VECTOR = VAEConfig(image_size=24, latent="vector", latent_dim=6, channels=(16, 24), halve_first=True)
SLOWED_MS = 400

# In front of the worker: each picture of WebAssembly takes longer, so that the GPU's do not; and the device is at hand.
SLOWLY = f"""
const instantiate = WebAssembly.instantiate;
WebAssembly.instantiate = async (wasm) => {{
    const {{ exports }} = (await instantiate(wasm)).instance;
    const to_pixels = (...values) => {{
        for (const end = performance.now() + {SLOWED_MS}; performance.now() < end; );
        exports.to_pixels(...values);
    }};
    return {{ instance: {{ exports: {{ ...exports, to_pixels }} }} }};
}};
const requestDevice = GPUAdapter.prototype.requestDevice;
GPUAdapter.prototype.requestDevice = async function () {{
    return (self.device = await requestDevice.call(this));
}};
"""


@pytest.fixture(scope="module")
def chromium(browser):
    """Another one, with WebGPU in software: the pages of all other tests do without."""
    quick = "--enable-dawn-features=disable_workgroup_init"  # else it compiles for seconds what clears 16 KB
    chromium = launch(browser.browser_type, "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", quick)
    page = CodecPage(chromium.new_page())
    if not page.run("return Boolean(await navigator.gpu?.requestAdapter());"):
        pytest.skip("this Chromium has no WebGPU, not even in software")
    page.page.close()
    yield chromium
    chromium.close()


@pytest.fixture
def page(chromium):
    page = chromium.new_page()
    yield CodecPage(page)
    page.close()


ARCHITECTURES = {
    "spatial": (VAEConfig(image_size=24, latent_dim=3, channels=(8, 16, 40), blocks=2), 24, 40),
    "vector, halving first": (VECTOR, 24, 24),
}


def test_all_is_drawn_as_by_webassembly(page, draw_vae):
    """A part of a photograph: a whole one takes many seconds on a CPU. Few maps are multiples of the tiles."""
    page.run("""
        window.tools = await import("/codec/gpu/decoder.js");
        window.gpu = await tools.startGpu();
    """)
    models = {name: (config, stored(draw_vae(config)), *size) for name, (config, *size) in ARCHITECTURES.items()}
    models["photos"] = load_model(PHOTOS).config, codec.weights(PHOTOS, ("decoder",)), 40, 24
    for name, (config, weights, height, width) in models.items():
        shape = (height // config.downsampling, width // config.downsampling, config.latent_dim)
        latent = np.random.default_rng(1).normal(size=shape[-len(config.latent_shape) :]).astype("f4")
        page.files |= {"weights": weights, "latent": latent.tobytes()}
        here, there = page.run(
            """
            const [weights, latent] = [await bytes("/weights"), await numbers("/latent")];
            const codec = await createCodec(architecture, weights, await bytes("/codec/codec.wasm"));
            const decoder = tools.createGpuDecoder(gpu, architecture, weights);
            return [codec.decode(latent, height, width), await decoder.decode(latent, height, width)];
            """,
            architecture=config.to_dict(),
            height=height,
            width=width,
        )
        assert np.ptp(here.reshape(-1, 4)[:, :3]) > 100, name
        assert np.abs(here.astype(int) - there).max() <= 2, name


def stored(vae):
    return save({name: np.asarray(value) for name, value in parameters(vae).items()})


def open_slowly(page, draw_vae):
    """Opens a codec, `codec`, whose WebAssembly is slower than the GPU; its worker."""
    page.files["weights"] = stored(draw_vae(VECTOR))
    worker = SLOWLY + (HERE / "worker.js").read_text()
    page.page.route("**/codec/worker.js", lambda route: route.fulfill(body=worker, content_type="text/javascript"))
    script = 'window.codec = await openCodec({ architecture, weights: "/weights" }); return codec.drawer;'
    assert page.run(script, architecture=VECTOR.to_dict()) == "WebAssembly"
    return page.page.workers[0]


DRAW = "const [{ data }] = await codec.decode([Float32Array.of(1, -1, 2, -2, 0, 1)]); return"


def test_the_gpu_draws_once_it_is_right_and_faster_until_it_is_lost(page, draw_vae):
    worker = open_slowly(page, draw_vae)
    page.page.wait_for_function('codec.drawer === "WebGPU"')
    assert page.run("return codec.milliseconds") < SLOWED_MS
    by_gpu, drawer = page.run(f"{DRAW} [data, codec.drawer];")
    assert drawer == "WebGPU"
    assert page.run("return refusal(codec.decode([new Float32Array(5)]))") == "This model's latent is 6 numbers."
    worker.evaluate("device.destroy()")
    by_webassembly, drawer, time = page.run(f"{DRAW} [data, codec.drawer, codec.milliseconds];")
    assert drawer == "WebAssembly"
    assert time >= SLOWED_MS
    assert np.abs(by_gpu.astype(int) - by_webassembly).max() <= 2


def test_a_gpu_that_draws_something_else_is_let_go(page, draw_vae):
    kernels = (HERE / "gpu" / "kernels.js").read_text()
    assert "1e-6" in kernels
    wrong = kernels.replace("1e-6", "1.0")
    page.page.route("**/kernels.js", lambda route: route.fulfill(body=wrong, content_type="text/javascript"))
    worker = open_slowly(page, draw_vae)
    was_lost = worker.evaluate("""async () => {
        const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds, false));
        while (!self.device) await wait(10);
        return Promise.race([device.lost.then(() => true), wait(30_000)]);
    }""")
    assert was_lost
    assert page.run(f"{DRAW} codec.drawer;") == "WebAssembly"
