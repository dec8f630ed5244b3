"""A Space from this checkout, against a stand-in for the Hub's HTTP API on loopback."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from app import space
from tests.conftest import ROOT

PLAIN_LIMIT = 10 * 2**20  # bytes: the Hub's, for a file in a commit that is not in large storage


class Hub:
    """The parts of the Hub's API that making and filling a Space uses; it keeps what it was sent."""

    def __init__(self):
        self.files: dict[str, bytes] = {"removed.py": b"of an earlier version"}
        self.large: dict[str, bytes] = {}
        self.variables: dict[str, str] = {}
        self.created: list[dict] = []
        self.refuses = False
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _handler(hub):
        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def answer(self, content, status=200):
                body = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                tree = [{"type": "file", "path": path, "size": 1, "oid": "0"} for path in hub.files]
                if hub.refuses:
                    return self.answer({"error": "no"}, 403)
                return self.answer(tree if "/tree/" in self.path else {})

            def do_PUT(self):
                content = self.rfile.read(int(self.headers["Content-Length"]))
                hub.large[hashlib.sha256(content).hexdigest()] = content
                self.answer({})

            def do_POST(self):
                sent = self.rfile.read(int(self.headers["Content-Length"]))
                path = self.path.partition("?")[0]
                if hub.refuses:
                    return self.answer({"error": "no"}, 403)
                if path.endswith("/commit/main"):
                    return self.commit([json.loads(line) for line in sent.splitlines()])
                asked = json.loads(sent)
                if path == "/api/repos/create":
                    hub.created.append(asked)
                    return self.answer({"url": f"{hub.url}/spaces/{asked['organization']}/{asked['name']}"})
                if path.endswith("/preupload/main"):
                    modes = [(f["path"], b"\0" in base64.b64decode(f["sample"])) for f in asked["files"]]
                    files = [
                        {"path": name, "uploadMode": "lfs" if binary else "regular", "shouldIgnore": False}
                        for name, binary in modes
                    ]
                    return self.answer({"files": files})
                if path.endswith("/info/lfs/objects/batch"):
                    actions = {"upload": {"href": f"{hub.url}/storage"}}
                    objects = [{**entry, "actions": actions} for entry in asked["objects"]]
                    return self.answer({"transfer": "basic", "objects": objects})
                if path.endswith("/variables"):
                    hub.variables[asked["key"]] = asked["value"]
                    return self.answer({asked["key"]: {"value": asked["value"]}})
                return self.answer({"errors": [], "warnings": []})  # of the card's header

            def commit(self, lines):
                for line in lines:
                    entry = line["value"]
                    if line["key"] == "file":
                        content = base64.b64decode(entry["content"])
                        if len(content) > PLAIN_LIMIT:
                            return self.answer({"error": "files larger than 10 MiB need large storage"}, 400)
                        hub.files[entry["path"]] = content
                    elif line["key"] == "lfsFile":
                        hub.files[entry["path"]] = hub.large[entry["oid"]]
                    elif line["key"] == "deletedFile":
                        del hub.files[entry["path"]]
                return self.answer({"commitUrl": f"{hub.url}/spaces/someone/latents/commit/1", "commitOid": "1"})

        return Handler


@pytest.fixture
def hub():
    hub = Hub()
    yield hub
    hub.server.shutdown()


@pytest.fixture
def checkout(tmp_path):
    """A small git checkout with one of each kind of file, and this module in it."""
    contents = {
        "README.md": b"---\nsdk: gradio\n---\n# A Space\n",
        "app/__init__.py": b"",
        "app/main.py": b"print('hello')\n",
        "assets/models/tiny/model.safetensors": b"\0" * 20_000,
        "assets/models/tiny/training/metrics.jsonl": b"{}\n",
        "tests/test_main.py": b"",
        "requirements.txt": b"gradio\n",
        "requirements-dev.txt": b"pytest\n",
    }
    for path, content in contents.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    shutil.copy(space.__file__, tmp_path / "app" / "space.py")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "."], cwd=tmp_path, check=True)
    (tmp_path / "not-tracked.txt").write_text("of this machine alone")
    return tmp_path


def run(checkout, hub, *arguments):
    environment = os.environ | {
        "HF_ENDPOINT": hub.url, "HF_TOKEN": "hf_test", "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1",
        "PYTHONPATH": str(ROOT),  # where `vae` is; `app` is the checkout's
    }  # fmt: skip
    command = [sys.executable, "-m", "app.space", *arguments]
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, timeout=60)


def test_what_the_space_needs_is_uploaded_and_the_rest_is_not(checkout, hub):
    made = run(checkout, hub, "someone/latents", "--model", "photos")
    assert made.returncode == 0, made.stderr
    assert f"{hub.url}/spaces/someone/latents" in made.stdout
    assert sorted(hub.files) == [
        ".gitattributes", "README.md", "app/__init__.py", "app/main.py", "app/space.py",
        "assets/models/tiny/model.safetensors", "requirements.txt",
    ]  # fmt: skip
    assert b"*.safetensors filter=lfs" in hub.files[".gitattributes"]
    assert hub.files["README.md"].decode() == (
        "---\nsdk: gradio\n"
        f"thumbnail: {hub.url}/spaces/someone/latents/resolve/main/assets/preview.jpg\n---\n# A Space\n"
    )
    assert hub.files["assets/models/tiny/model.safetensors"] == b"\0" * 20_000
    assert hub.created[0]["sdk"] == "gradio"
    assert hub.variables == {"LATENTSCAPE_MODEL": "photos"}


def test_a_second_run_updates_the_space(checkout, hub):
    assert run(checkout, hub, "someone/latents").returncode == 0
    (checkout / "app" / "main.py").write_text("print('changed')\n")
    assert run(checkout, hub, "someone/latents").returncode == 0
    assert hub.files["app/main.py"] == b"print('changed')\n"
    assert hub.variables == {}


def test_a_dry_run_lists_files_and_sizes_and_uploads_nothing(checkout, hub):
    listed = run(checkout, hub, "someone/latents", "--dry-run")
    assert listed.returncode == 0
    assert "20.0 kB  assets/models/tiny/model.safetensors" in listed.stdout
    assert "tests/test_main.py" not in listed.stdout
    assert "in 6 files" in listed.stdout
    assert not hub.created


def test_a_file_that_the_hub_would_refuse_is_named_before_anything_is_sent(checkout, hub):
    (checkout / "assets/models/tiny/model.safetensors").write_bytes(b"\0" * (PLAIN_LIMIT + 1))
    refused = run(checkout, hub, "someone/latents")
    assert refused.returncode == 1
    assert refused.stderr == (
        "error: A file of a Space may have 10 MiB; these have more: assets/models/tiny/model.safetensors (10.0 MiB).\n"
    )
    listed = run(checkout, hub, "someone/latents", "--dry-run")
    assert (listed.returncode, listed.stderr) == (1, refused.stderr)
    assert "assets/models/tiny/model.safetensors\n" in listed.stdout
    assert not hub.created


def test_the_whole_has_a_limit_too():
    space.check_sizes({str(number): 10 * 2**20 for number in range(9)})
    with pytest.raises(space.SpaceError, match="These files have 105 MB; a Space may have 100 MB"):
        space.check_sizes({str(number): 10 * 2**20 for number in range(10)})


def test_the_card_names_a_first_model_that_is_on_the_hub():
    readme = "---\nsdk: gradio\n---\n# A Space\n\n---\nmore\n"
    assert space.card(readme, "me/it", "someone/model", "https://hub.example") == (
        "---\nsdk: gradio\nthumbnail: https://hub.example/spaces/me/it/resolve/main/assets/preview.jpg\n"
        "models:\n  - someone/model\n---\n# A Space\n\n---\nmore\n"
    )


def test_errors_say_what_to_do(checkout, hub, tmp_path_factory):
    invalid = run(checkout, hub, "not/a/name")
    assert invalid.stderr == "error: 'not/a/name' given; accepted: owner/name, such as your-name/latentscape\n"
    hub.refuses = True
    assert "write access" in run(checkout, hub, "someone/latents").stderr
    hub.server.shutdown()
    hub.server.server_close()
    assert "cannot be reached" in run(checkout, hub, "someone/latents").stderr
    with pytest.raises(space.SpaceError, match="not a git checkout"):
        space.files(tmp_path_factory.mktemp("elsewhere"))


def test_this_checkout_fits_a_space():
    sizes = space.files(ROOT)
    space.check_sizes(sizes)
    assert {"README.md", "app/main.py", "requirements.txt", space.PREVIEW} <= sizes.keys()
    assert not any(path.startswith(("tests/", "bench/")) for path in sizes)
