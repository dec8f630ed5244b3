"""Interpolations as files to keep: GIF, MP4, and a strip."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

FRAME_MILLISECONDS = 60


def save_gif(path: Path, frames: Sequence[Image.Image]) -> None:
    """Writes an endless animation."""
    reduced = [frame.quantize(method=Image.Quantize.FASTOCTREE) for frame in frames]
    reduced[0].save(path, save_all=True, append_images=reduced[1:], duration=FRAME_MILLISECONDS, loop=0)


def save_mp4(path: Path, frames: Sequence[Image.Image]) -> None:
    """Writes H.264 with 4:2:0 colour, which every browser and phone plays; the sides must be even."""
    from imageio_ffmpeg import get_ffmpeg_exe  # brings its own ffmpeg; only who exports a film waits for it

    width, height = frames[0].size
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(1000 / FRAME_MILLISECONDS)]
    encoded = ["-c:v", "libx264", "-crf", "18", "-pix_fmt", "yuv420p", "-movflags", "+faststart"]
    # Not through the package's own writer, which forks: with JAX's threads in the process, that may hang.
    subprocess.run(
        [get_ffmpeg_exe(), "-loglevel", "error", *raw, "-i", "-", *encoded, "-y", str(path)],
        input=b"".join(frame.convert("RGB").tobytes() for frame in frames),
        check=True,
    )


def save_strip(path: Path, frames: Sequence[Image.Image]) -> None:
    """Writes the frames side by side."""
    width, height = frames[0].size
    strip = Image.new("RGB", (width * len(frames), height))
    for k, frame in enumerate(frames):
        strip.paste(frame, (k * width, 0))
    strip.save(path)
