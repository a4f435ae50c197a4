"""Pictures of spectrograms: log-mels side by side on one scale of time and of level, as a PNG."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

PANEL_WIDTH = 280
PANEL_HEIGHT = 192
PER_ROW = 5
MARGIN = 20
LABEL_HEIGHT = 44
HEADING_HEIGHT = 40
RANGE_DB = 80.0
BACKGROUND = (14, 12, 20)
BRIGHT, DIM = (240, 236, 230), (160, 154, 168)

# Dark to light through violet and orange, evenly in lightness, so that grey prints read the same.
# fmt: off
STOPS = np.array([
    (0, 0, 4), (29, 17, 71), (81, 18, 124), (131, 38, 129), (183, 55, 121), (230, 81, 99),
    (252, 137, 97), (254, 196, 136), (252, 253, 191),
], np.float32)
# fmt: on


@dataclass(frozen=True)
class Panel:
    """One spectrogram: `log_mel` `(n_mels, n_frames)`, natural log of power, and its labels."""

    title: str
    caption: str
    log_mel: npt.NDArray[np.float32]


def draw_panels(panels: Sequence[Panel], heading: str) -> bytes:
    """Draw panels in rows of five, low frequencies at the bottom; returns a PNG.

    The loudest point of all is the brightest colour; the softest one, or 80 dB below, the darkest.
    A panel's width goes with its number of frames.
    """
    longest = max(panel.log_mel.shape[1] for panel in panels)
    lowest, highest = _choose_range([panel.log_mel for panel in panels])
    n_columns = min(PER_ROW, len(panels))
    n_rows = -(-len(panels) // n_columns)
    cell = PANEL_WIDTH + MARGIN, LABEL_HEIGHT + PANEL_HEIGHT + MARGIN
    size = (MARGIN + n_columns * cell[0], HEADING_HEIGHT + MARGIN + n_rows * cell[1])
    image = Image.new("RGB", size, BACKGROUND)
    draw = ImageDraw.Draw(image)
    draw.text((MARGIN, MARGIN), heading, DIM, ImageFont.load_default(15))
    for number, panel in enumerate(panels):
        row, column = divmod(number, n_columns)
        x, y = MARGIN + column * cell[0], HEADING_HEIGHT + MARGIN + row * cell[1]
        draw.text((x, y), panel.title, BRIGHT, ImageFont.load_default(16))
        draw.text((x, y + 21), panel.caption, DIM, ImageFont.load_default(14))
        width = max(1, round(PANEL_WIDTH * panel.log_mel.shape[1] / longest))
        panel_size = (width, PANEL_HEIGHT)
        image.paste(_colour(panel.log_mel, lowest, highest, panel_size), (x, y + LABEL_HEIGHT))
    return _write_png(image)


def draw_spectrogram(log_mel: npt.NDArray[np.float32], width: int, height: int) -> bytes:
    """Draw one log-mel `(n_mels, n_frames)` without any label, in so many pixels; returns a PNG."""
    return _write_png(_colour(log_mel, *_choose_range([log_mel]), (width, height)))


def _choose_range(log_mels: Sequence[npt.NDArray[np.float32]]) -> tuple[float, float]:
    """Choose which levels are darkest and brightest."""
    highest = max(float(log_mel.max()) for log_mel in log_mels)
    softest = min(float(log_mel.min()) for log_mel in log_mels)
    lowest = max(softest, highest - RANGE_DB / 10 * math.log(10))
    return min(lowest, highest - 1), highest


def _write_png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _colour(
    log_mel: npt.NDArray[np.float32], lowest: float, highest: float, size: tuple[int, int]
) -> Image.Image:
    plane = Image.fromarray(np.ascontiguousarray(log_mel[::-1], np.float32))
    resized = np.asarray(plane.resize(size, Image.Resampling.BICUBIC))
    places = np.clip((resized - lowest) / (highest - lowest), 0, 1) * (len(STOPS) - 1)
    stops = np.arange(len(STOPS))
    channels = [np.interp(places, stops, STOPS[:, channel]) for channel in range(3)]
    return Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8))
