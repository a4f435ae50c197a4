"""A map as a picture: points in colours, and a legend, as a PNG."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from soundkin.sound_map.colours import Colour, Column
from soundkin.sound_map.sound_map import SoundMap

SIDE = 1400  # of the map, pixels
MARGIN = 36
LEGEND_WIDTH = 360
SUPERSAMPLING = 2
BACKGROUND: Colour = (14, 12, 20)
BRIGHT, DIM = (240, 236, 230), (160, 154, 168)
LINE_HEIGHT = 30
LARGEST, SMALLEST = 7.0, 0.9  # radius of a point, pixels
CROWD = 160.0  # radius times the root of how many points there are
MAX_LETTERS = 30


def draw_map(sound_map: SoundMap, column: Column, heading: str) -> bytes:
    """Draw a map `column` colours, x to the right, y upward; returns a PNG."""
    size = (SIDE + LEGEND_WIDTH, SIDE)
    wide = Image.new("RGB", (SIDE * SUPERSAMPLING, SIDE * SUPERSAMPLING), BACKGROUND)
    _draw_points(ImageDraw.Draw(wide), sound_map, column)
    image = Image.new("RGB", size, BACKGROUND)
    image.paste(wide.resize((SIDE, SIDE), Image.Resampling.BOX))
    _draw_legend(ImageDraw.Draw(image), column, heading)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _draw_points(draw: ImageDraw.ImageDraw, sound_map: SoundMap, column: Column) -> None:
    scale = SUPERSAMPLING * (SIDE / 2 - MARGIN)
    middle = SUPERSAMPLING * SIDE / 2
    xs, ys = middle + scale * sound_map.x, middle - scale * sound_map.y
    radius = SUPERSAMPLING * float(
        np.clip(CROWD / np.sqrt(max(1, len(sound_map))), SMALLEST, LARGEST)
    )
    order = np.random.default_rng(0).permutation(len(sound_map))  # so that no colour lies on top
    points = zip(xs[order].tolist(), ys[order].tolist(), column.codes[order].tolist(), strict=True)
    for x, y, code in points:
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), column.palette[code])


def _draw_legend(draw: ImageDraw.ImageDraw, column: Column, heading: str) -> None:
    x, y = SIDE + 10, MARGIN
    draw.text((x, y), _shorten(heading), DIM, ImageFont.load_default(16))
    y += 2 * LINE_HEIGHT
    draw.text((x, y), column.title, BRIGHT, ImageFont.load_default(22))
    y += LINE_HEIGHT + 10
    for words, code in column.legend:
        draw.ellipse((x, y + 3, x + 16, y + 19), column.palette[code])
        draw.text((x + 28, y), _shorten(words), BRIGHT, ImageFont.load_default(18))
        y += LINE_HEIGHT


def _shorten(text: str) -> str:
    """Make a text short, and such that it can be drawn whatever a folder is called."""
    printable = "".join(c if c.isprintable() else "�" for c in text)
    return printable if len(printable) <= MAX_LETTERS else printable[: MAX_LETTERS - 1] + "…"
