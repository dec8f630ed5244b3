"""Collected only where what it compares with is installed: `pip install -r requirements-parity.txt`."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("torch") and find_spec("diffusers") else ["test_*.py"]
