"""A start as it is on a Space: the files that are uploaded, in a folder that cannot be written, nor can the home."""

import os
import shutil
import subprocess
import sys
import time
import urllib.request

import pytest
from gradio_client import Client, handle_file

from app import space
from tests.conftest import EXAMPLES, ROOT, free_port

# Root may write anywhere, so without that right where the tests run as root.
BOUND = [] if os.geteuid() or not shutil.which("setpriv") else ["setpriv", "--bounding-set=-dac_override"]


@pytest.fixture
def copied(tmp_path):
    """The repository as a Space has it; read-only."""
    folder = tmp_path / "space"
    for path in space.files(ROOT):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, folder / path)
    everything = [tmp_path, *tmp_path.rglob("*")]
    for path in reversed(everything):
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield folder
    for path in everything:
        path.chmod(0o755)


def test_the_app_starts_as_a_space_starts_it(copied, tmp_path):
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "GRADIO_SERVER_NAME": "0.0.0.0",
        "GRADIO_SERVER_PORT": str(port),
        "LATENTSCAPE_MODEL": "emoji",
        "JAX_PLATFORMS": "cpu",
    }
    refused = subprocess.run([*BOUND, "touch", str(copied / "app" / "new")], capture_output=True)
    assert refused.returncode, "the folder can be written; the test would not tell"
    command = [*BOUND, sys.executable, "app/main.py"]
    with open(os.devnull, "w") as nowhere:
        app = subprocess.Popen(command, cwd=copied, env=environment, stdout=nowhere, stderr=subprocess.PIPE, text=True)
    url = f"http://127.0.0.1:{port}/"
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(url, timeout=5).close()
                break
            except OSError:
                assert app.poll() is None, app.stderr.read()
                time.sleep(0.2)
        client = Client(url, verbose=False, download_files=False)
        assert [model["name"] for model in client.predict(api_name="/models") if model["default"]] == ["emoji"]
        picture = handle_file(str(EXAMPLES / "emoji-panda.png"))
        _, metrics = client.predict(picture, 0, 0, "", api_name="/reconstruct")
        assert metrics["psnr_db"] > 15
    finally:
        app.terminate()
        said = app.communicate(timeout=30)[1]
    assert "Traceback" not in said
