"""How the figures of docs/how-it-works.md look, what they are drawn from, how they are saved."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from PIL import Image

from soundkin.audio.mel import compute_hz_from_mel, compute_mel_from_hz
from soundkin.audio.spectrogram_png import STOPS
from soundkin.config import MelConfig
from soundkin.embedding.embedder import Embedder
from soundkin.embedding.model import DEFAULT_MODEL, Model, load_model
from soundkin.training.recipe import Recipe

ROOT = Path(__file__).parent.parent
DPI = 130
WIDTH = 10.0  # inches
TICKS_HZ = (100, 500, 1000, 2000, 5000, 10_000)

# The palette of Okabe and Ito, which colour-blind people can tell apart, without its yellow.
BLUE, ORANGE, GREEN, RED = "#0072b2", "#e69f00", "#009e73", "#d55e00"
PINK, SKY, BLACK, GREY = "#cc79a7", "#56b4e9", "#22222a", "#8a8a94"
PALE, BAND = "#f1f1f4", "#e0e0e7"
COLOURS = BLUE, ORANGE, GREEN, RED, PINK, SKY, BLACK
MARKERS = "osD^vP*X<>hp"  # with the colours, 84 looks
N_COLOURS = 256
SPECTRUM = LinearSegmentedColormap.from_list("soundkin", STOPS / 255)

STYLE: dict[str, Any] = {
    "axes.edgecolor": GREY,
    "axes.facecolor": "#ffffff",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelcolor": BLACK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "figure.constrained_layout.use": True,
    "figure.dpi": DPI,
    "figure.facecolor": "#ffffff",
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same everywhere
    "font.size": 10,
    "grid.color": "#e6e6ea",
    "grid.linewidth": 0.8,
    "image.cmap": "soundkin",
    "legend.frameon": False,
    "lines.linewidth": 2,
    "savefig.dpi": DPI,
    "text.color": BLACK,
    "xtick.color": BLACK,
    "ytick.color": BLACK,
}


class MissingDataError(Exception):
    """What a figure is drawn from is not there; the message says how to get it."""


@dataclass(frozen=True)
class Sources:
    """What figures are drawn from; the defaults are what the repository has."""

    sounds: Path = ROOT / "demo" / "sounds"
    labels: Path = ROOT / "demo" / "labels.csv"
    model_name: str = DEFAULT_MODEL
    training_log: Path = ROOT / "docs" / "figures" / "training.jsonl"
    ablations: Path = ROOT / "docs" / "ablations.csv"
    neighbours: Path = ROOT / "docs" / "neighbours.csv"
    neighbours_growth: Path = ROOT / "docs" / "neighbours_growth.csv"
    n_pairs: int = 256

    @cached_property
    def model(self) -> Model:
        """The model that is told about."""
        model = load_model(self.model_name)
        if not isinstance(model, Model):
            raise MissingDataError(f"{self.model_name} is not a model that soundkin train made")
        return model

    @cached_property
    def embedder(self) -> Embedder:
        """That model with everything around it."""
        return Embedder(self.model)

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe that training uses by default."""
        file = resources.files("soundkin.training") / "recipes" / "default.toml"
        return Recipe.from_toml(file.read_text("utf-8"))


def use_style() -> None:
    """Make what is drawn from here on look alike."""
    if SPECTRUM.name not in mpl.colormaps:
        mpl.colormaps.register(SPECTRUM)
    mpl.rcParams.update(mpl.rcParamsDefault)
    mpl.rcParams.update({"backend": "agg"} | STYLE)


def save(figure: Figure, path: Path) -> None:
    """Write a small PNG, the same bytes for the same picture: no date, no version."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    image = Image.open(buffer).convert("RGB").quantize(N_COLOURS, dither=Image.Dither.NONE)
    image.save(path, "PNG", optimize=True)


def show_log_mel(
    axes: Axes, log_mel: npt.NDArray[np.float32], mel: MelConfig, duration_s: float, **limits: Any
) -> None:
    """Draw a log-mel spectrogram, `(n_mels, n_frames)`, over seconds and hertz."""
    low, high = compute_mel_from_hz([mel.f_min, mel.f_max]).tolist()
    extent = (0, duration_s, low, high)
    axes.imshow(log_mel, aspect="auto", origin="lower", extent=extent, **limits)
    label_hertz(axes, mel)


def label_hertz(axes: Axes, mel: MelConfig) -> None:
    """Label a vertical axis that is even in mel with hertz."""
    ticks = [hz for hz in TICKS_HZ if mel.f_min <= hz <= mel.f_max]
    names = [f"{hz / 1000:g}k" if hz >= 1000 else str(hz) for hz in ticks]
    axes.set_yticks(compute_mel_from_hz(ticks), names)
    axes.grid(visible=False)


def compute_band_centres(mel: MelConfig) -> npt.NDArray[np.float64]:
    """Compute the frequencies in Hz at which the mel bands peak, `(n_mels,)`."""
    low, high = compute_mel_from_hz([mel.f_min, mel.f_max]).tolist()
    return compute_hz_from_mel(np.linspace(low, high, mel.n_mels + 2)[1:-1])
