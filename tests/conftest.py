"""What every test stands on: no network, private caches, and the compiler settings that the programs themselves use.

The shapes and types of arrays that signatures state are checked in every call that a test makes in its own process.
"""

import atexit
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import install_import_hook

# Before anything imports JAX or Hugging Face libraries, which read these once. Child processes inherit them.
# pytest-xdist's workers inherit them too, and share what is compiled.
CACHES = os.environ.get("LATENTSCAPE_TEST_CACHES", "")
if not CACHES:
    os.environ["LATENTSCAPE_TEST_CACHES"] = CACHES = tempfile.mkdtemp(prefix="latentscape-tests-")
    atexit.register(shutil.rmtree, CACHES, ignore_errors=True)
os.environ |= {
    "HF_HOME": f"{CACHES}/huggingface",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "JAX_PLATFORMS": "cpu",
    # Tests of interrupted runs start processes that compile what others compiled.
    "JAX_COMPILATION_CACHE_DIR": f"{CACHES}/jax",
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
}

# Before the hook: what is imported within a module that it rewrites is compiled anew, for seconds of each process.
import beartype  # noqa: E402, F401
import datasets  # noqa: E402, F401
import flax.nnx  # noqa: E402, F401
import orbax.checkpoint  # noqa: E402, F401

# Before anything imports them. The tower: where a float is asked for, an int is one too.
install_import_hook(
    ["vae", "train", "app.explore"], "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"
)

from vae.xla import use_fast_cpu_reductions  # noqa: E402

use_fast_cpu_reductions()
if version("jaxlib").startswith("0.10."):  # XLA aborts on a flag that it does not know
    # Training steps are compiled in a third of the time. They take longer then, which a few steps do not show.
    os.environ["XLA_FLAGS"] += " --xla_cpu_use_fusion_emitters=false"

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "assets" / "examples"


@pytest.fixture(scope="session")
def examples() -> dict[str, Path]:
    """A picture of each model's own kind, from those that the app offers."""
    return {
        "faces": EXAMPLES / "face-glasses.png",
        "fruits": EXAMPLES / "fruit-apple.png",
        "another fruit": EXAMPLES / "fruit-lemon.png",
        "emoji": EXAMPLES / "emoji-panda.png",
        "photos": EXAMPLES / "photo-coffee.jpg",
    }


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running_app(*arguments: str) -> Iterator[str]:
    """The address of the app, started as a person would, from some other folder."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    with tempfile.TemporaryDirectory() as elsewhere, tempfile.TemporaryFile("w+") as log:
        command = [sys.executable, str(ROOT / "app" / "main.py"), "--port", str(port), *arguments]
        # The fruits, whose figures the tests know; and the app's own compiler settings.
        environment = {"LATENTSCAPE_MODEL": "fruits"} | os.environ | {"XLA_FLAGS": ""}
        process = subprocess.Popen(command, cwd=elsewhere, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            for _ in range(240):
                try:
                    urllib.request.urlopen(url, timeout=5).close()
                    break
                except OSError:
                    log.seek(0)
                    assert process.poll() is None, f"the app stopped:\n{log.read()}"
                    time.sleep(0.5)
            yield url
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="session")
def server():
    """The address of the app with the models that ship."""
    with running_app() as url:
        yield url


def launch(chromium, *arguments: str):
    """A Chromium, started with these arguments too."""
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    usual = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    usual += ["--renderer-process-limit=1", "--js-flags=--max-lazy"]  # a page costs a quarter less: see `context`
    return chromium.launch(executable_path=path, args=[*usual, *arguments])


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium, best its headless shell, which has no windows to draw; or Playwright's own.

    Without one the tests that need it are skipped, except where LATENTSCAPE_REQUIRE_BROWSER is set.
    """
    from playwright.sync_api import Error, expect, sync_playwright

    expect.set_options(timeout=60_000)
    with sync_playwright() as playwright:
        try:
            chromium = launch(playwright.chromium)
        except Error as error:
            if os.environ.get("LATENTSCAPE_REQUIRE_BROWSER"):
                raise
            pytest.skip(f"no Chromium here: {error}")
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def context(browser):
    """A visitor's browser, which keeps from page to page what may be kept: most of a page's work is to read scripts.

    An empty page of the servers' host stays open, and with it the process of all pages, which has read the scripts.
    """
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    empty = context.new_page()
    empty.route("**", lambda route: route.fulfill(body=""))
    empty.goto("http://127.0.0.1/")
    yield context
    context.close()


@pytest.fixture
def page(context):
    """A fresh page; a JavaScript error on it fails the test."""
    errors: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.close()
    assert not errors, f"JavaScript errors: {errors}"


@pytest.fixture(scope="module")
def quick_compiling():
    """Lets XLA compile in less than half the time, to slower code: for tests that compile much and compute little."""
    import jax

    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


@pytest.fixture(scope="session")
def draw_vae():
    """`draw_vae(config)`: a VAE with random parameters, drawn by NumPy: JAX's own initialisers compile for 10 s."""
    from vae.checkpoint import bind, blank, parameter_shapes

    def draw(config, seed=0, **options):
        generator = np.random.default_rng(seed)
        values = {}
        for name, shape in parameter_shapes(config).items():
            noise = generator.normal(size=shape).astype(np.float32)
            if name.endswith("kernel"):
                values[name] = noise / np.float32(np.sqrt(np.prod(shape[:-1])))
            else:  # biases and scales too are off their initial values, as in a trained model
                values[name] = 0.1 * noise + np.float32(name.endswith("scale"))
        return bind(blank(config, **options), values)

    return draw
