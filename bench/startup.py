"""How long the app takes to start, beside a bare Gradio page; and the memory of a warm app.

    python bench/startup.py [ROUNDS [MODEL ...]]    # default: all models that come with it

Each round starts both, one after the other, in new processes. Seconds from the start of the process to the first page,
and from there to the first reconstruction, asked for over HTTP; beside them the processor's seconds of that process up
to the same moment, which other work on the machine changes less. "First" is a start whose compiled programs are not
there yet. Medians. Linux only: it reads /proc.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from statistics import median

from gradio_client import Client, handle_file

ROOT = Path(__file__).resolve().parent.parent
APPLE = handle_file(str(ROOT / "assets" / "examples" / "fruit-apple.png"))
APP = [str(ROOT / "app" / "main.py")]
BARE = ["-c", "import gradio as gr\nwith gr.Blocks() as page:\n    gr.Markdown('# Hello')\npage.launch(ssr_mode=False)"]
ROUNDS, PORT = 5, 7917
TICKS = os.sysconf("SC_CLK_TCK")
QUIET_SECONDS = 3  # without work, after which the app is warm


def used(process: subprocess.Popen) -> float:
    """The processor's seconds so far."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(process: subprocess.Popen) -> float:
    """What it has in memory, in MB."""
    (line,) = [text for text in Path(f"/proc/{process.pid}/status").read_text().splitlines() if "VmRSS" in text]
    return int(line.split()[1]) / 1000


def start(arguments: list[str], cache: str, ask: bool) -> dict[str, float]:
    """Starts a page, asks for one reconstruction if it is the app, and stops it."""
    environment = os.environ | {
        "GRADIO_SERVER_PORT": str(PORT), "GRADIO_ANALYTICS_ENABLED": "False", "XDG_CACHE_HOME": cache,
    }  # fmt: skip
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL)
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{PORT}/", timeout=30).close()
                break
            except OSError:
                time.sleep(0.02)
        found = {"page": time.perf_counter() - began, "page, processor": used(process)}
        if not ask:
            return found
        shown = time.perf_counter()
        client = Client(f"http://127.0.0.1:{PORT}/", verbose=False, download_files=False)
        client.predict(APPLE, 0, 0, "", api_name="/reconstruct")
        found["reconstruction"] = time.perf_counter() - shown
        busy = -1.0
        while used(process) - busy > 0.1:
            busy = used(process)
            time.sleep(QUIET_SECONDS)
        return found | {"warm, MB": memory(process), "warm, processor": used(process)}
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def main() -> None:
    """Prints the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    app = [*APP, "--model", *sys.argv[2:]] if len(sys.argv) > 2 else APP
    found: dict[str, list[dict[str, float]]] = {"bare": [], "first": [], "later": []}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as cache:
            found["bare"].append(start(BARE, cache, False))
            found["first"].append(start(app, cache, True))
            found["bare"].append(start(BARE, cache, False))
            found["later"].append(start(app, cache, True))
    columns = {what: {key: median(run[key] for run in runs) for key in runs[0]} for what, runs in found.items()}
    print(f"{rounds} rounds, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"{'':<18}" + "".join(f"{what:>9}" for what in columns))
    for key in columns["later"]:
        cells = (f"{column[key]:9.2f}" if key in column else f"{'':>9}" for column in columns.values())
        print(f"{key:<18}" + "".join(cells))
    for key in ("page", "page, processor"):
        print(f"{key}: {columns['later'][key] / columns['bare'][key]:.2f}x the bare page")


if __name__ == "__main__":
    main()
