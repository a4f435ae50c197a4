"""Figures of what goes in: the constraints, the filter bank, the log-mel spectrogram."""

from __future__ import annotations

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from docs.figure_style import (
    BLACK,
    BLUE,
    GREY,
    ORANGE,
    PALE,
    WIDTH,
    MissingDataError,
    Sources,
    compute_band_centres,
    show_log_mel,
)
from soundkin.audio.mel import compute_band_corners, compute_log_mel
from soundkin.audio.read import convert_waveform, read_audio
from soundkin.audio.spectrogram_png import RANGE_DB
from soundkin.evaluation.deform import DeformedSound, deform_sound, read_excerpt

DEFORMED, MIXED_IN, SEEN = "loop_tabla", "ambi_choir", "guit_harmonics"
EXCERPT_S = 2.5
SEEN_S = 2.0
RANGE_LOG = RANGE_DB / 10 * np.log(10)
ORDER = (
    *("original", "pitch-up", "pitch-down", "longer", "shorter"),
    *("noisy", "mixture", "beginning", "middle", "end"),
    *("microphone", "telephone", "room", "floor"),
)
DISPLAY_HOP_S = 0.008  # finer than the model's frames, for the eye


def draw_constraints(sources: Sources) -> Figure:
    """Draw a sound beside its deformations, with what the model makes of them."""
    sound = read_excerpt(_find(sources, DEFORMED), 0.0, EXCERPT_S)
    other = read_audio(_find(sources, MIXED_IN), sound.sample_rate, 0.0, EXCERPT_S)
    config = sources.recipe.training.deformations
    generator = np.random.default_rng(0)
    found = {
        one.name: one for one in deform_sound(sound, sources.embedder, config, generator, other)
    }
    chosen = [found[name] for name in ORDER if name in found]
    longest_s = max(one.duration_s for one in chosen)
    log_mels = [_compute_for_display(one, sound.sample_rate, sources) for one in chosen]
    highest = max(float(log_mel.max()) for log_mel in log_mels)
    lowest = max(min(float(log_mel.min()) for log_mel in log_mels), highest - RANGE_LOG)
    figure, grid = plt.subplots(3, 5, figsize=(WIDTH, 6.9), sharex=True, sharey=True)
    for axes, one, log_mel in zip(grid.flat, chosen, log_mels, strict=False):
        mel = sources.model.config.mel
        show_log_mel(axes, log_mel, mel, one.duration_s, vmin=lowest, vmax=highest)
        axes.set_xlim(0, longest_s)
        axes.set_facecolor(PALE)
        axes.set_xticks(np.arange(0, longest_s))
        axes.set_title(one.name, fontsize=10)
        distance = "silent" if one.distance is None else f"distance {one.distance:.3f}"
        words = one.description.replace("another at", f"{MIXED_IN} at")
        axes.set_xlabel(f"{words}\n{distance}", fontsize=8.5, color=BLACK)
    for axes in grid.flat[len(chosen) :]:
        axes.set_axis_off()
    for axes in grid[:, 0]:
        axes.set_ylabel("frequency, Hz")
    figure.supxlabel("time, s", fontsize=10)
    return figure


def _find(sources: Sources, name: str) -> str:
    path = sources.sounds / f"{name}.flac"
    if not path.exists():
        raise MissingDataError(f"{path} is not there")
    return str(path)


def _compute_for_display(
    sound: DeformedSound, sample_rate: int, sources: Sources
) -> np.typing.NDArray[np.float32]:
    config = sources.model.config
    rate = config.segments.sample_rate
    waveform = convert_waveform(sound.waveform, sample_rate, rate)
    mel = replace(config.mel, hop_length=round(DISPLAY_HOP_S * rate))
    return compute_log_mel(np.pad(waveform, mel.n_fft // 2), mel, rate)


def draw_filter_bank(sources: Sources) -> Figure:
    """Draw the mel filters, and how wide they are to a musician."""
    config = sources.model.config
    mel, rate = config.mel, config.segments.sample_rate
    corners, centres = compute_band_corners(mel), compute_band_centres(mel)
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.4), width_ratios=(3, 2))
    for number in range(mel.n_mels):
        shown = number % 8 == 4
        triangle = corners[number : number + 3] / 1000
        colour = BLUE if shown else GREY
        left.plot(triangle, (0, 1, 0), color=colour, linewidth=1.8 if shown else 0.5)
        if shown:
            left.fill(triangle, (0, 1, 0), color=BLUE, alpha=0.12)
    left.set(xlabel="frequency, kHz", ylabel="weight", ylim=(0, 1.05))
    left.set_xlim(0, mel.f_max / 1000)
    left.set_title(f"{mel.n_mels} bands, every eighth marked")
    widths = 12 * np.log2(
        (centres + np.diff(corners)[1:] / 2) / (centres - np.diff(corners)[:-1] / 2)
    )
    right.plot(centres, widths, color=BLUE, label="a band, at half its height")
    bins = rate / mel.n_fft
    right.plot(
        centres,
        12 * np.log2(1 + bins / centres),
        color=ORANGE,
        label=f"a bin of the FFT ({bins:g} Hz)",
    )
    right.axhline(1, color=GREY, linestyle="--", linewidth=1)
    right.text(centres[-1], 1.05, "semitone", ha="right", color=GREY, fontsize=9)
    right.set_xscale("log")
    right.set_yscale("log")
    _label_logarithmic(right)
    right.set_title("How wide they are to a musician")
    right.legend(loc="upper right", fontsize=9)
    return figure


def _label_logarithmic(axes: Axes) -> None:
    axes.set_xticks([100, 1000, 10_000], ["100", "1k", "10k"])
    axes.set_yticks([0.1, 1, 10], ["0.1", "1", "10"])
    axes.set(xlabel="frequency, Hz", ylabel="width, semitones")
    axes.minorticks_off()


def draw_log_mel(sources: Sources) -> Figure:
    """Draw one sound from its waveform to what the network is given."""
    config = sources.model.config
    mel, rate = config.mel, config.segments.sample_rate
    waveform = read_audio(_find(sources, SEEN), rate, 0.0, SEEN_S)
    duration_s = len(waveform) / rate
    log_mel = compute_log_mel(waveform, mel, rate)
    figure, grid = plt.subplots(1, 4, figsize=(WIDTH, 3.2))
    times = np.arange(len(waveform)) / rate
    grid[0].plot(times, waveform, color=BLUE, linewidth=0.4)
    grid[0].set(ylabel="amplitude", xlim=(0, duration_s))
    powers = _compute_powers(waveform, mel.n_fft, mel.hop_length)
    extent = (0, duration_s, 0, rate / 2000)
    grid[1].imshow(powers, aspect="auto", origin="lower", extent=extent, vmax=powers.max() / 4)
    grid[1].set_ylabel("frequency, kHz")
    grid[1].set_yticks(np.arange(0, rate / 2000 + 1, 4))
    show_log_mel(grid[2], np.exp(log_mel), mel, duration_s, vmax=float(np.exp(log_mel.max())) / 4)
    lowest = max(float(log_mel.min()), float(log_mel.max() - RANGE_LOG))
    show_log_mel(grid[3], log_mel, mel, duration_s, vmin=lowest, vmax=float(log_mel.max()))
    for axes in grid[2:]:
        axes.set_ylabel("frequency, Hz (even in mel)")
    for start_s in np.arange(0, duration_s - config.segments.segment_s + 1e-6, 0.5):
        number = round(start_s / 0.5)
        y = grid[3].get_ylim()[1] * (0.985 - 0.03 * number)
        stop_s = start_s + config.segments.segment_s
        grid[3].plot((start_s, stop_s), (y, y), color="white", linewidth=2.5)
    names = ("1. Waveform", "2. Power", "3. Power in bands", "4. Its logarithm")
    for axes, name in zip(grid, names, strict=True):
        axes.set_title(name)
        axes.set_xlabel("time, s")
        axes.grid(visible=False)
    return figure


def _compute_powers(
    waveform: np.typing.NDArray[np.float32], n_fft: int, hop_length: int
) -> np.typing.NDArray[np.float64]:
    frames = np.lib.stride_tricks.sliding_window_view(waveform, n_fft)[::hop_length]
    return np.square(np.abs(np.fft.rfft(frames * np.hanning(n_fft), axis=1))).T
