"""Renders the four fruits among the examples: bodies of revolution under one soft light, on white.

    python assets/examples/make_fruits.py

Each is a profile (the outline of half a fruit) turned around its axis and leant a little towards the viewer. A pixel is
shaded from the surface normal, coloured by height and by smooth noise, and speckled or dimpled as its kind is.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIDE = 256
SUPERSAMPLED = 3 * SIDE
LIGHT = np.array([-0.45, 0.6, 0.66])


@dataclass(frozen=True)
class Fruit:
    """What tells one fruit from another.

    Attributes:
        width, height: of the body, as a share of the picture.
        point: how far both ends are drawn out to tips; 0 is round.
        colours: RGB of the shadowed, the main and the blushing side.
        blush: how much of the surface blushes, 0 to 1.
        speckle: contrast of small pale dots.
        dimples: depth of the pores.
        gloss: strength of the highlight.
        stem: length of the stem, as a share of the picture; 0 for none.
    """

    width: float
    height: float
    point: float
    colours: tuple[tuple[int, int, int], ...]
    blush: float
    speckle: float
    dimples: float
    gloss: float
    stem: float


FRUITS = {
    "apple": Fruit(0.92, 0.86, 0.0, ((96, 12, 16), (196, 34, 32), (226, 178, 84)), 0.35, 0.10, 0.0, 0.55, 0.12),
    "orange": Fruit(0.92, 0.90, 0.0, ((150, 64, 4), (240, 140, 22), (250, 170, 60)), 0.3, 0.0, 1.5, 0.30, 0.0),
    "lemon": Fruit(0.74, 0.98, 0.80, ((150, 120, 10), (242, 212, 50), (236, 224, 110)), 0.3, 0.0, 1.0, 0.35, 0.0),
    "plum": Fruit(0.82, 0.90, 0.0, ((22, 8, 34), (86, 34, 82), (140, 84, 130)), 0.4, 0.05, 0.0, 0.40, 0.08),
}


def noise(rng: np.random.Generator, scale: int) -> np.ndarray:
    """Smooth noise in [0, 1], with features of about 1 / scale of the picture."""
    small = Image.fromarray((rng.random((scale, scale)) * 255).astype(np.uint8))
    return np.asarray(small.resize((SUPERSAMPLED,) * 2, Image.Resampling.BICUBIC), np.float32) / 255


def render(fruit: Fruit, seed: int) -> Image.Image:
    """One fruit, 256 x 256 pixels, RGB."""
    rng = np.random.default_rng(seed)
    axis = (np.arange(SUPERSAMPLED) + 0.5) / SUPERSAMPLED * 2 - 1
    x, y = np.meshgrid(axis / fruit.width, -(axis - 0.02) / fruit.height)
    # The profile: a circle, whose ends are drawn out to tips by an exponent that grows towards them.
    waist = np.clip(1 - y**2, 0, 1) ** (0.5 + fruit.point * y**6)
    # A shallow dent where the stem sits, seen from slightly above.
    dent = 0.10 * np.exp(-((x / 0.22) ** 2)) * (fruit.stem > 0)
    inside = (np.abs(x) < waist) & (y < 1 - dent)
    z = np.sqrt(np.clip(waist**2 - x**2, 0, 1))
    hollow = np.exp(-((x / 0.30) ** 2 + ((y - 0.86) / 0.16) ** 2)) * (fruit.stem > 0)

    # A body of revolution is x² + z² = waist(y)².
    slope = np.gradient(waist**2, axis=0) / np.gradient(y, axis=0)
    normal = np.stack([x, -slope / 2, z + 1e-3], axis=-1)
    pores = noise(rng, 64) - 0.5
    normal[..., :2] += fruit.dimples * np.stack(np.gradient(pores), axis=-1)[..., ::-1]
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)

    light = LIGHT / np.linalg.norm(LIGHT)
    diffuse = np.clip(normal @ light, 0, 1)
    halfway = light + np.array([0, 0, 1])
    halfway /= np.linalg.norm(halfway)
    highlight = np.clip(normal @ halfway, 0, 1) ** 60

    dark, body, blushing = (np.array(c, np.float32) / 255 for c in fruit.colours)
    patches = np.clip((noise(rng, 5) - 1 + fruit.blush) / 0.5 + 0.25 * (noise(rng, 24) - 0.5), 0, 1)[..., None]
    surface = body * (1 - patches) + blushing * patches
    dots = np.clip((noise(rng, 96) - 0.78) * 8, 0, 1)[..., None]
    surface = surface + fruit.speckle * dots * (1 - surface)
    shade = (0.25 + 0.75 * diffuse - 0.45 * hollow)[..., None].clip(0, 1)
    colour = dark * (1 - shade) + surface * shade
    colour = colour + fruit.gloss * highlight[..., None] * (1 - colour)

    picture = np.where(inside[..., None], colour, 1.0).clip(0, 1)
    image = Image.fromarray((picture * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(1.5))
    if fruit.stem:
        _draw_stem(image, fruit)
    return image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def _draw_stem(image: Image.Image, fruit: Fruit) -> None:
    top = SUPERSAMPLED * (0.5 + 0.01 - 0.5 * fruit.height * 0.86)
    length, middle = SUPERSAMPLED * fruit.stem, SUPERSAMPLED / 2
    points = [(middle + 0.25 * length * s**2, top - length * s) for s in np.linspace(0, 1, 12)]
    draw = ImageDraw.Draw(image)
    draw.line(points, fill=(74, 50, 30), width=SUPERSAMPLED // 48, joint="curve")
    draw.line([(x - 3, y) for x, y in points], fill=(112, 82, 50), width=SUPERSAMPLED // 160, joint="curve")


def main() -> None:
    """Writes `fruit-NAME.png` beside this script."""
    for seed, (name, fruit) in enumerate(FRUITS.items()):
        render(fruit, seed).save(Path(__file__).parent / f"fruit-{name}.png", optimize=True)


if __name__ == "__main__":
    main()
