"""What is sought, as the model hears it among what else is in a recording."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from soundkin.config import SegmentConfig
from soundkin.embedding.embedder import Embedder
from soundkin.search.finding.edges import compute_levels_db, find_active

PHASES = (0.1, 0.4)  # of a segment, where a sound begins in it: those that lie half a segment apart
BELOW_FLOOR_DB = 5.0
LOUDEST_DB = -15.0  # RMS of full scale
STEP_DB = 9.0
MAX_LEVELS = 8
MAX_PIECES = 6
QUIET_PIECE_DB = 12.0  # below the loudest, a piece of a long sound no longer stands for it

Samples = npt.NDArray[np.float32]
Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Example:
    """A sound to look for: its samples at the model's rate, `(n_samples,)`, or only unit vectors.

    Without samples (a concept, a file that is gone) `vectors` `(m, n)` stand for it.
    """

    waveform: Samples | None
    vectors: Vectors
    segments: SegmentConfig

    @cached_property
    def audible(self) -> Samples:
        """What is heard of it: from the first to the last 10 ms that stand out."""
        if self.waveform is None:
            return np.zeros(0, np.float32)
        rate = self.segments.sample_rate
        active = find_active(compute_levels_db(self.waveform, rate), math.inf)
        if not active:
            return self.waveform
        start, end = active[0][0], active[-1][1]
        return self.waveform[start * rate // 100 : max(end * rate // 100, start * rate // 100 + 1)]

    @property
    def duration_s(self) -> float:
        """How long what is heard of it lasts; a segment, where that is not known."""
        if self.waveform is None:
            return self.segments.segment_s
        return len(self.audible) / self.segments.sample_rate

    @cached_property
    def pieces(self) -> list[Samples]:
        """It, or the loudest segments of it where it is longer than one."""
        length = self.segments.segment_length
        sound = self.audible
        if len(sound) <= length:
            return [sound] if len(sound) else []
        starts = np.arange(0, len(sound) - length // 2, self.segments.segment_hop)
        pieces = [sound[start : start + length] for start in starts.tolist()]
        levels = np.array([measure_rms_db(piece) for piece in pieces])
        loudest = np.argsort(-levels, kind="stable")[:MAX_PIECES]
        return [pieces[i] for i in loudest.tolist() if levels[i] > levels.max() - QUIET_PIECE_DB]


@dataclass(frozen=True)
class Background:
    """Stretches of a recording, each a segment long, in which nothing stands out.

    Where there are none, as in a short recording, it is silence.
    """

    stretches: tuple[Samples, ...]
    level_db: float


def list_levels(background: Background) -> npt.NDArray[np.float64]:
    """List the RMS levels in dB at which a sound is laid over a background, from just under it."""
    least = min(background.level_db - BELOW_FLOOR_DB, LOUDEST_DB - STEP_DB)
    n_levels = min(MAX_LEVELS, 1 + round((LOUDEST_DB - least) / STEP_DB))
    return np.linspace(least, LOUDEST_DB, n_levels)


def embed_over(example: Example, background: Background, embedder: Embedder) -> Vectors:
    """Embed an example laid over each stretch of a background, at each level and phase.

    Returns
    -------
    Vectors `(n_templates, n)`, each the mean over the stretches.
    """
    length = example.segments.segment_length
    stretches = background.stretches or (np.zeros(length, np.float32),)
    mixed = [
        _lay_over(stretch, piece * np.float32(gain), round(phase * length))
        for piece in example.pieces
        for gain in 10 ** ((list_levels(background) - measure_rms_db(piece)) / 20)
        for phase in PHASES
        for stretch in stretches
    ]
    vectors = embed_segments(mixed, embedder)
    means: Vectors = vectors.reshape(-1, len(stretches), vectors.shape[1]).mean(axis=1)
    return means


def embed_segments(segments: Sequence[Samples], embedder: Embedder) -> Vectors:
    """Embed samples of a segment each, `(n_segments, n)`."""
    hop = embedder.model.segments.segment_hop
    return np.concatenate([embedder.embed_stretch(segment, hop) for segment in segments])


def _lay_over(stretch: Samples, piece: Samples, start: int) -> Samples:
    mixed = stretch.copy()
    kept = piece[: len(mixed) - start]
    mixed[start : start + len(kept)] += kept
    return mixed


def measure_rms_db(piece: Samples) -> float:
    """Compute the RMS level in dB of full scale."""
    return float(10 * np.log10(np.mean(np.square(piece, dtype=np.float64)) + 1e-20))
