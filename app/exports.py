"""Interpolations as files to keep: GIF, MP4, and a strip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

FRAME_MILLISECONDS = 60


def save_gif(path: Path, frames: Sequence[Image.Image]) -> None:
    """Writes an endless animation."""
    reduced = [frame.quantize(method=Image.Quantize.FASTOCTREE) for frame in frames]
    reduced[0].save(path, save_all=True, append_images=reduced[1:], duration=FRAME_MILLISECONDS, loop=0)


def save_mp4(path: Path, frames: Sequence[Image.Image]) -> None:
    """Writes H.264 with 4:2:0 colour, which every browser and phone plays; sides must be even."""
    import imageio_ffmpeg  # brings its own ffmpeg; only who exports a film waits for it

    writer = imageio_ffmpeg.write_frames(
        str(path), frames[0].size, fps=1000 / FRAME_MILLISECONDS, codec="libx264", macro_block_size=2,
        output_params=["-crf", "18", "-movflags", "+faststart"], ffmpeg_log_level="error",
    )  # fmt: skip
    writer.send(None)
    for frame in frames:
        writer.send(np.ascontiguousarray(frame.convert("RGB")))
    writer.close()


def save_strip(path: Path, frames: Sequence[Image.Image]) -> None:
    """Writes the frames side by side."""
    width, height = frames[0].size
    strip = Image.new("RGB", (width * len(frames), height))
    for k, frame in enumerate(frames):
        strip.paste(frame, (k * width, 0))
    strip.save(path)
