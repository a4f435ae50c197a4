"""The log-scaled mel spectrogram: one definition, used by training and by inference."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from soundkin.config import MelConfig, ModelConfig

Array = npt.NDArray[np.float32]

LEAST_PEAK = 1e-4  # what is softer, -80 dB of full scale, stays softer than others
BLOCK_FRAMES = 64  # what a block needs fits a processor's cache


def compute_mel_from_hz(hz: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Hertz to mel, O'Shaughnessy's formula as used by HTK: 2595 log10(1 + f / 700)."""
    return 2595.0 * np.log10(1.0 + np.asarray(hz, np.float64) / 700.0)


def compute_hz_from_mel(mel: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Mel to hertz, the inverse of `compute_mel_from_hz`."""
    return 700.0 * (10.0 ** (np.asarray(mel, np.float64) / 2595.0) - 1.0)


def compute_band_corners(config: MelConfig) -> npt.NDArray[np.float64]:
    """Compute the corners of the mel bands in Hz, `(n_mels + 2,)`: band i has i, i + 1, i + 2."""
    lowest, highest = compute_mel_from_hz([config.f_min, config.f_max]).tolist()
    return compute_hz_from_mel(np.linspace(lowest, highest, config.n_mels + 2))


@lru_cache(maxsize=8)
def compute_filter_bank(config: MelConfig, sample_rate: int) -> Array:
    """Triangular mel filters of peak 1, their corners evenly spaced in mel.

    Returns
    -------
    float32 `(n_fft // 2 + 1, n_mels)`, read-only.
    """
    corners = compute_band_corners(config)
    frequencies = np.fft.rfftfreq(config.n_fft, 1.0 / sample_rate)[:, None]
    rising = (frequencies - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - frequencies) / (corners[2:] - corners[1:-1])
    bank = np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)
    bank.flags.writeable = False
    return bank


@lru_cache(maxsize=8)
def compute_window(config: MelConfig) -> Array:
    """Periodic Hann window, scaled so that a full-scale sine has power 1 at its frequency.

    Returns
    -------
    float32 `(win_length,)`, read-only.
    """
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(config.win_length) / config.win_length)
    window: Array = (hann * (2.0 / hann.sum())).astype(np.float32)
    window.flags.writeable = False
    return window


def compute_log_mel(waveform: Array, config: MelConfig, sample_rate: int) -> Array:
    """Compute the natural logarithm of the mel-band power, `log(mel + log_offset)`.

    Parameters and shapes are those of `compute_mel`.
    """
    mel = compute_mel(waveform, config, sample_rate)
    mel += np.float32(config.log_offset)
    return np.log(mel, out=mel)


def compute_mel(waveform: Array, config: MelConfig, sample_rate: int) -> Array:
    """Compute the power in mel bands.

    Only frames wholly inside the waveform count (no padding, no centring), so that the frames of
    a segment are the same whether it is computed alone or within a longer stretch.

    Parameters
    ----------
    waveform
        float32 `(n_samples,)`, n_samples ≥ n_fft.

    Returns
    -------
    float32 `(n_mels, n_frames)`, n_frames = 1 + (n_samples - n_fft) // hop_length.
    """
    frames = view_frames(waveform, config.n_fft, config.hop_length)[:, : config.win_length]
    window, bank = compute_window(config), compute_filter_bank(config, sample_rate)
    mel = np.empty((len(frames), config.n_mels), np.float32)
    for start in range(0, len(frames), BLOCK_FRAMES):
        block = frames[start : start + BLOCK_FRAMES] * window
        spectrum = np.fft.rfft(block, n=config.n_fft, axis=1)
        power = np.square(spectrum.real)
        power += np.square(spectrum.imag)
        np.matmul(power, bank, out=mel[start : start + BLOCK_FRAMES])
    return np.ascontiguousarray(mel.T)


def view_frames(waveform: Array, length: int, hop: int) -> Array:
    """View a waveform `(n_samples,)` as its frames `(n_frames, length)`, read-only.

    Those that lie wholly inside, one every `hop` samples. (`sliding_window_view` takes as long as
    the spectra of a short sound.)
    """
    waveform = np.ascontiguousarray(waveform)
    size = waveform.itemsize
    shape = 1 + (len(waveform) - length) // hop, length
    frames: Array = np.ndarray(shape, waveform.dtype, waveform, strides=(hop * size, size))
    frames.flags.writeable = False
    return frames


def cut_log_mels(stretch: Array, config: ModelConfig, hop: int) -> tuple[Array, Array]:
    """Compute the log-mel of each segment of a stretch; frames that they share are computed once.

    Parameters
    ----------
    stretch
        float32 `(n_samples,)`, at least a segment long.
    hop
        Samples from one segment's start to the next one's, a multiple of `hop_length`.

    Returns
    -------
    Segments float32 `(n_segments, n_mels, n_frames)`, brought to `peak_db` where the config has it;
    and the mel power of the whole stretch as it is, `(n_mels, n_frames)`.
    """
    mel = compute_mel(stretch, config.mel, config.segments.sample_rate)
    windows = np.lib.stride_tricks.sliding_window_view(mel, config.n_frames, axis=1)
    segments = windows[:, :: hop // config.mel.hop_length].transpose(1, 0, 2)
    if config.mel.peak_db is None:
        levelled = segments + np.float32(config.mel.log_offset)
    else:
        peaks = _measure_peaks(stretch, config.segments.segment_length, hop, len(segments))
        gains = 10 ** (config.mel.peak_db / 10) / np.square(np.maximum(peaks, LEAST_PEAK))
        levelled = segments * gains[:, None, None].astype(np.float32)
        levelled += np.float32(config.mel.log_offset)
    return np.log(levelled, out=levelled), mel


def _measure_peaks(stretch: Array, length: int, hop: int, n_segments: int) -> Array:
    """Measure half of how far each segment swings, `(n_segments,)`: its peak but for a constant."""
    unit = math.gcd(length, hop)
    blocks = stretch[: (n_segments - 1) * hop + length].reshape(-1, unit)
    highest, lowest = (
        np.lib.stride_tricks.sliding_window_view(values, length // unit)[:: hop // unit]
        for values in (blocks.max(axis=1), blocks.min(axis=1))
    )
    peaks: Array = (highest.max(axis=1) - lowest.min(axis=1)) / 2
    return peaks
