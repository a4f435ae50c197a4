"""The power in mel bands of many frames, by products of matrices.

A fingerprint takes a hundred spectra a second, of which it needs what lies below 10 kHz, in a few
bands. So the Fourier transform is split once (J. W. Cooley and J. W. Tukey, An algorithm for the
machine calculation of complex Fourier series, 1965) into parts that are matrices: BLAS multiplies
them in two thirds of the time that a transform takes, and bins that no band has are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from soundkin.audio.mel import compute_filter_bank, compute_window, view_frames
from soundkin.config import MelConfig

Floats = npt.NDArray[np.float32]

BLOCK_FRAMES = 96  # what a block needs fits a processor's cache


@dataclass(frozen=True)
class _Split:
    """The transform of `n_rows * n_columns` points as two products, and bands of what they give.

    `by_columns` `(2 * n_kept, n_rows)` transforms the columns of a frame that is written row by
    row; of its real points half of the rows are kept, each as a real and an imaginary part.
    `by_rows` `(n_kept, 2 * n_columns, n_parts)` turns and transforms each of those rows; `bank`
    `(n_kept * n_parts, n_mels)` sums the squares of all parts to bands.
    """

    by_columns: Floats
    by_rows: Floats
    bank: Floats

    @classmethod
    @lru_cache(maxsize=8)
    def plan(cls, config: MelConfig, sample_rate: int) -> _Split:
        """Compute the matrices for a power of two, `config.n_fft`."""
        n_points = config.n_fft
        n_rows = 1 << (n_points.bit_length() - 1) // 2
        n_columns = n_points // n_rows
        kept, columns = np.arange(n_rows // 2 + 1), np.arange(n_columns)
        bins = kept[:, None] + n_rows * np.arange(n_columns)
        is_mirrored = bins > n_points // 2
        is_twice = is_mirrored & np.isin(kept, (0, n_rows // 2))[:, None]
        weights = compute_filter_bank(config, sample_rate)[
            np.where(is_mirrored, n_points - bins, bins)
        ]
        weights = weights * ~is_twice[:, :, None]
        is_used = weights.any(axis=(0, 2))
        by_columns = _turn(np.outer(kept, np.arange(n_rows)) / n_rows)
        turns = _turn(columns[:, None] * bins[:, None, is_used] / n_points)
        return cls(
            np.stack([by_columns.real, by_columns.imag], 1).reshape(-1, n_rows).astype(np.float32),
            np.block([[turns.real, turns.imag], [-turns.imag, turns.real]]).astype(np.float32),
            np.tile(weights[:, is_used], (1, 2, 1)).reshape(-1, config.n_mels).astype(np.float32),
        )


def compute_band_power(samples: Floats, config: MelConfig, sample_rate: int) -> Floats:
    """Compute the power in mel bands, as `soundkin.audio.mel.compute_mel` does, frame by frame.

    Parameters
    ----------
    samples
        float32 `(n_samples,)`, n_samples ≥ n_fft.
    config
        Of the bands; `n_fft` and `win_length` are the same power of two.
    sample_rate
        In Hz.

    Returns
    -------
    float32 `(n_frames, n_mels)`, within some 1e-6 of what `compute_mel` gives.
    """
    split, window = _Split.plan(config, sample_rate), compute_window(config)
    frames = view_frames(samples, config.n_fft, config.hop_length)
    n_kept, _, n_parts = split.by_rows.shape
    n_rows = split.by_columns.shape[1]
    power = np.empty((len(frames), config.n_mels), np.float32)
    for start in range(0, len(frames), BLOCK_FRAMES):
        block = frames[start : start + BLOCK_FRAMES] * window
        half = split.by_columns @ block.reshape(len(block), n_rows, -1)
        half = half.reshape(len(block), n_kept, -1)
        parts = np.empty((len(block), n_kept, n_parts), np.float32)
        np.matmul(half.transpose(1, 0, 2), split.by_rows, out=parts.transpose(1, 0, 2))
        np.square(parts, out=parts)
        flat = parts.reshape(len(block), -1)
        np.matmul(flat, split.bank, out=power[start : start + BLOCK_FRAMES])
    return power


def _turn(turns: npt.NDArray[np.float64]) -> npt.NDArray[np.complex128]:
    """Compute the unit numbers at shares of a turn, clockwise."""
    return np.asarray(np.exp(-2j * np.pi * turns))
