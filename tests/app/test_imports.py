"""What the app imports before its page is up: whoever starts it waits for that."""

import subprocess
import sys

from tests.conftest import ROOT

# Each takes a quarter of a second to two seconds, and is imported where it is first needed.
LATE = ["sklearn", "scipy", "plotly.colors", "imageio_ffmpeg", "matplotlib"]


# What Gradio does before it calls a handler, in the loop that answers everybody: it asks for the name of a backend.
FIRST_QUESTION = "with gradio.utils.MatplotlibBackendMananger(): print('matplotlib.pyplot' in sys.modules)"


def test_what_is_needed_late_is_imported_late_and_pyplot_never():
    imports = f"import app.main, gradio.utils, sys; print([name for name in {LATE} if name in sys.modules])"
    code = f"{imports}\n{FIRST_QUESTION}"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout == "[]\nFalse\n"
