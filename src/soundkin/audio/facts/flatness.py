"""How flat the spectrum is: near 0 for a tone, 1 for white noise.

Spectral flatness is the geometric over the arithmetic mean of the power spectrum (A. H. Gray and
J. D. Markel, A spectral-flatness measure for studying the autocorrelation method of linear
prediction of speech analysis, 1974; the AudioSpectrumFlatness of MPEG-7, ISO/IEC 15938-4). The
spectrum is the density of power in mel bands, which are there anyway, each counted by its width.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from soundkin.audio.mel import compute_band_corners, compute_filter_bank, compute_window
from soundkin.config import MelConfig

# What sounds of 16 kHz still have. Noise that is flat up to there is noise, though a microphone, a
# codec or another rate cut off what was above.
CUT_HZ = 7_500.0
FLOOR = 1e-4  # of the mean: what is more than 40 dB below counts as 40, so that no gap decides
SILENT = np.float32(1e-25)
N_LAGS = 8  # bins less than that apart are alike, by the window

Floats = npt.NDArray[np.float32]


class FlatnessMeter:
    """Averages the flatness of frames, each by its power, so that louder moments count more.

    That of a frame is the greater one of all bands' and of those below `CUT_HZ`, whose arithmetic
    mean is no less than all bands' mean: else a high tone would leave nothing but its noise there.

    Parameters
    ----------
    mel
        Of the bands.
    sample_rate
        In Hz.
    """

    def __init__(self, mel: MelConfig, sample_rate: int) -> None:
        self._widths, self._shares, self._log_white = _describe_white_noise(mel, sample_rate)
        self._per_width = self._shares / self._widths
        self._floor = np.float32(FLOOR) * self._widths[:, None]
        self._flat_power = self._power = 0.0

    def add(self, bands: Floats) -> None:
        """Take the power in bands, `(n_mels, n_frames)`."""
        means = np.maximum(self._per_width @ bands, SILENT)
        power = means[0].copy()
        np.maximum(means[1], power, out=means[1])
        audible = self._floor * means[1]
        np.maximum(audible, bands, out=audible)
        logs = self._shares @ np.log(audible, out=audible)
        flatness = (np.exp(logs - self._log_white) / means).max(axis=0)
        self._flat_power += float(flatness @ power)
        self._power += float(power.sum())

    def measure(self) -> float:
        """Compute the flatness, 0-1; 0 too where no frame was taken."""
        return min(1.0, self._flat_power / self._power) if self._power > 0 else 0.0


@lru_cache(maxsize=8)
def _describe_white_noise(mel: MelConfig, sample_rate: int) -> tuple[Floats, Floats, Floats]:
    """Describe bands: widths `(n_mels,)`, shares of both means, and white noise's mean logarithms.

    The shares are those of all bands and of the lower ones, `(2, n_mels)`. The noise has density 1.
    A frame of it is not flat itself, the less so the fewer bins are in a band: the power of n
    independent ones is gamma distributed, and its logarithm lies below that of its mean by
    log(n) - digamma(n). `(2, 1)`.
    """
    bank = compute_filter_bank(mel, sample_rate).astype(np.float64)
    window = np.square(compute_window(mel).astype(np.float64))
    alike = np.square(np.abs(np.fft.rfft(window, mel.n_fft)) / window.sum())
    variances = np.square(bank).sum(axis=0)
    for lag in range(1, min(N_LAGS, len(bank))):
        variances += 2 * alike[lag] * (bank[lag:] * bank[:-lag]).sum(axis=0)
    has_bins = variances > 0  # where bands are many and bins few, some have none
    widths = np.where(has_bins, bank.sum(axis=0), 1.0)
    n = np.square(widths) / np.where(has_bins, variances, 1.0)
    is_low = compute_band_corners(mel)[2:] <= CUT_HZ
    counted = np.stack([has_bins, has_bins & is_low]) * widths
    shares = counted / np.maximum(counted.sum(axis=1, keepdims=True), 1e-9)
    log_white = shares @ (np.log(widths) - 1 / (2 * n) - 1 / (12 * n**2))[:, None]
    return widths.astype(np.float32), shares.astype(np.float32), log_white.astype(np.float32)
