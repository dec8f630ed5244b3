"""What the app imports before its page is up: whoever starts it waits for that."""

import subprocess
import sys

from tests.conftest import ROOT

# Each takes a quarter of a second to two seconds, and is imported where it is first needed.
LATE = ["sklearn", "scipy", "plotly.colors", "imageio_ffmpeg", "matplotlib"]


def test_what_is_needed_late_is_imported_late():
    code = f"import app.main, sys; print([name for name in {LATE} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
