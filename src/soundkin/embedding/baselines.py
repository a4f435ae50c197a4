"""What people used before: statistics of log-mel and MFCC frames, to measure models against.

A baseline stands where a model would, with the same front end; its vectors are standardised over
the sounds at hand, so it can be measured, not indexed with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from soundkin.audio.mel import cut_log_mels
from soundkin.config import MelConfig, ModelConfig, SegmentConfig

N_MFCC = 20

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Baseline:
    """A front end and statistics of it: `(n, n_mels, n_frames)` to `(n, n_statistics)`."""

    config: ModelConfig
    embed: Callable[[Array], Array]

    @property
    def segments(self) -> SegmentConfig:
        """How to cut."""
        return self.config.segments

    @property
    def mel(self) -> MelConfig:
        """What log-mel `cut` gives."""
        return self.config.mel

    def cut(self, stretch: Array, hop: int) -> tuple[Array, Array]:
        """Compute the log-mel of each segment; see `soundkin.audio.mel.cut_log_mels`."""
        return cut_log_mels(stretch, self.config, hop)


def compute_log_mel_statistics(log_mels: Array) -> Array:
    """Compute mean and standard deviation over time of each band, `(n, 2 * n_mels)`."""
    return np.concatenate([log_mels.mean(axis=2), log_mels.std(axis=2)], axis=1)


def compute_mfcc_statistics(log_mels: Array) -> Array:
    """Compute mean and deviation over time of the MFCC, and the deviation of their differences.

    The MFCC are the first 20 of a DCT-II over bands (Davis and Mermelstein 1980); `(n, 60)`.
    """
    n_mels = log_mels.shape[1]
    orders = np.arange(N_MFCC)[:, None]
    dct = np.cos(np.pi * orders * (np.arange(n_mels) + 0.5) / n_mels).astype(np.float32)
    mfcc = dct @ log_mels
    deltas = np.diff(mfcc, axis=2)
    return np.concatenate([mfcc.mean(axis=2), mfcc.std(axis=2), deltas.std(axis=2)], axis=1)


def standardise(segments: Sequence[Array]) -> list[Array]:
    """Bring each statistic to mean 0, deviation 1 over all segments, and each vector to norm 1."""
    stacked = np.concatenate(segments)
    mean, deviation = stacked.mean(axis=0), np.maximum(stacked.std(axis=0), 1e-9)
    scaled = [(own - mean) / deviation for own in segments]
    return [own / np.maximum(np.linalg.norm(own, axis=1, keepdims=True), 1e-9) for own in scaled]


def _make(name: str, embed: Callable[[Array], Array]) -> Baseline:
    mel = MelConfig(
        n_fft=1024,
        win_length=1024,
        hop_length=441,
        n_mels=64,
        f_min=50.0,
        f_max=10_800.0,
        log_offset=1e-10,
    )
    segments = SegmentConfig(sample_rate=22_050, segment_s=1.0, hop_s=0.5)
    return Baseline(ModelConfig(name, segments=segments, mel=mel), embed)


BASELINES = {
    "log-mel": _make("log-mel", compute_log_mel_statistics),
    "mfcc": _make("mfcc", compute_mfcc_statistics),
}
