"""A fingerprint made ready to be compared with others."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from soundkin.audio.fingerprint import N_BANDS, Fingerprint, halve_frames

Cells = npt.NDArray[np.float32]

FLOOR_DB = 56.0  # under the loudest cell, below which nothing is compared
GIST_SIZE = N_BANDS + 1
LOUDEST_S = 5.0
GIST_DB = 32.0  # under the loudest band, below which bands are not compared
NOISE_OF_8_BIT_DB = -52.0  # of full scale: the loudest cells that rounding to 8 bits makes
LEAST_POWER = np.float32(1e-9)


@dataclass(frozen=True)
class Outline:
    """A fingerprint ready to be compared: power and levels in dB `(n_frames, 24)`.

    Below `noise_db` `(24,)`, relative to the loudest cell, is noise: that of samples of few bits,
    which is there only while there is sound, or that of a room.
    """

    power: Cells
    hop_s: float
    peak_db: float
    noise_db: Cells = field(default_factory=lambda: np.full(N_BANDS, -np.inf, np.float32))

    @classmethod
    def read(cls, data: bytes, *, is_8_bit: bool = False) -> Outline:
        """Read a stored fingerprint; ValueError where it is none."""
        found = Fingerprint.from_bytes(data)
        noise_db = NOISE_OF_8_BIT_DB - found.peak_db if is_8_bit else -math.inf
        bands = np.full(N_BANDS, noise_db, np.float32)
        return cls(found.power, found.hop_s, found.peak_db, bands)

    @cached_property
    def levels(self) -> Cells:
        """In dB under the loudest cell of the recording."""
        return to_db(self.power)

    @cached_property
    def height(self) -> Cells:
        """How far cells stand above the floor, in dB."""
        height: Cells = np.maximum(self.levels + np.float32(FLOOR_DB), 0)
        return height

    @cached_property
    def gist(self) -> Cells:
        """What is the same whatever is around a sound `(25,)`: the loudest moment of each band in
        dB, and the logarithm of how much there is of it; NaN where there is nothing.
        """
        if not len(self.levels):
            return np.full(GIST_SIZE, np.nan, np.float32)
        extent = np.log(np.float32(self.height.sum()) * np.float32(self.hop_s))
        return np.append(np.maximum(self.levels.max(axis=0), -np.float32(GIST_DB)), extent)

    @cached_property
    def loudest_s(self) -> float:
        """Where the middle of the loudest seconds of a sound lies."""
        powers = self.power.sum(axis=1)
        n_frames = min(len(powers), max(1, round(LOUDEST_S / self.hop_s)))
        sums = np.convolve(powers, np.ones(n_frames), "valid")
        return (int(sums.argmax()) + n_frames / 2) * self.hop_s

    @cached_property
    def halved(self) -> Outline:
        """The same with frames twice as long."""
        return replace(self, power=halve_frames(self.power), hop_s=2 * self.hop_s)

    def coarsen(self, hop_s: float) -> Outline:
        """Make frames as long as those of another."""
        return self.halved.coarsen(hop_s) if self.hop_s < 0.99 * hop_s else self


def to_db(power: Cells) -> Cells:
    """Bring power to dB, -90 at the least."""
    levels: Cells = 10 * np.log10(np.maximum(power, LEAST_POWER))
    return levels
