"""What copies of a sound are told by: how its spectrum moves, in some hundred bytes a second.

The level of 24 mel bands in frames of 32 ms, one every 10 ms, each in whole dB under the loudest of
all: the same for a copy in another format, level, rate or place of a file, and not for another take
of the same instrument. What is longer has coarser frames, smoothed so that they may be shifted by
parts of one. Its aim is that of Haitsma & Kalker, "A highly robust audio fingerprinting system"
(ISMIR 2002), whose bits say which way levels move, and need seconds of sound to be sure.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from soundkin.audio.band_power import compute_band_power
from soundkin.audio.decoders.decoder import Samples
from soundkin.config import MelConfig

Levels = npt.NDArray[np.float32]

HOP_S = 0.010
N_BANDS = 24
DEPTH_DB = 60.0
MOST_FRAMES = 512  # of a sound by itself; of longer ones frames are as long again, and again
LONG_DOUBLINGS = 4  # of what comes as a stream: a frame every 160 ms
MAX_DOUBLINGS = 10
HEADER = struct.Struct("<BBf")  # a version, how often frames are doubled, the loudest cell in dB
VERSION = 1
ZLIB_LEVEL = 4
MOST_BYTES = 1 << 26  # of days of sound; what says that it has more was made to do harm
LEAST_POWER = 1e-20
LEAST_PEAK_DB = -110.0  # a band of what is silence altogether


@dataclass(frozen=True)
class Fingerprint:
    """A sound's levels in mel bands, uint8 `(n_frames, 24)`: whole dB under the loudest, up to 60.

    Frames begin every `hop_s` from the recording's beginning; `peak_db` is the loudest cell's
    level in dB of a full-scale sine. Silence has no frames.
    """

    depths_db: npt.NDArray[np.uint8]
    hop_s: float
    peak_db: float

    def to_bytes(self) -> bytes:
        """Write it as some hundreds of bytes for a second of sound."""
        n_doublings = round(np.log2(self.hop_s / HOP_S))
        steps = np.diff(self.depths_db, axis=0, prepend=np.uint8(0))  # modulo 256
        head = HEADER.pack(VERSION, n_doublings, self.peak_db)
        return head + zlib.compress(np.ascontiguousarray(steps.T).tobytes(), ZLIB_LEVEL)

    @classmethod
    def from_bytes(cls, data: bytes) -> Fingerprint:
        """Read what `to_bytes` wrote.

        Raises
        ------
        ValueError
            It is no such thing.
        """
        try:
            version, n_doublings, peak_db = HEADER.unpack_from(data)
            stream = zlib.decompressobj()
            raw = stream.decompress(data[HEADER.size :], MOST_BYTES)
        except (struct.error, zlib.error, TypeError) as error:
            raise ValueError("it is no fingerprint") from error
        if version != VERSION or n_doublings > MAX_DOUBLINGS or not np.isfinite(peak_db):
            raise ValueError("it is no fingerprint of this version")
        if len(raw) % N_BANDS or not stream.eof:
            raise ValueError("it is no fingerprint of so many bands")
        steps = np.frombuffer(raw, np.uint8).reshape(N_BANDS, -1).T
        depths = np.cumsum(steps, axis=0, dtype=np.uint8)
        return cls(depths, HOP_S * 2**n_doublings, peak_db)

    @property
    def power(self) -> Levels:
        """The power of each cell, the loudest's being 1; 0 where it is 60 dB under that."""
        return _POWERS[np.minimum(self.depths_db, len(_POWERS) - 1)]


_POWERS = np.append(10 ** (-np.arange(DEPTH_DB) / 10), 0).astype(np.float32)
HALVED = np.array([1, 4, 6, 4, 1], np.float32) / 16
JOINED = np.array([1, 4, 10, 20, 31, 40, 44, 40, 31, 20, 10, 4, 1], np.float32) / 256  # twice


def compute_fingerprint(waveform: Samples, sample_rate: int) -> Fingerprint:
    """Compute the fingerprint of a sound by itself `(n_samples,)`, of less than a minute."""
    hop = round(HOP_S * sample_rate)
    n_fft = _choose_n_fft(3 * hop)
    padded = np.zeros(len(waveform) // hop * hop + n_fft, np.float32)
    padded[n_fft // 2 :][: len(waveform)] = waveform - waveform.mean()
    power = _compute_bands(padded, n_fft, hop, sample_rate)
    n_doublings = 0
    while len(power) > MOST_FRAMES:
        power = halve_frames(power)
        n_doublings += 1
    return _measure_depths(power, HOP_S * 2**n_doublings)


class FingerprintMeter:
    """Takes a long sound block by block; memory holds a block and 600 bytes for each second."""

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._hop = 4 * round(HOP_S * sample_rate)
        self._n_fft = _choose_n_fft(self._hop + self._hop // 2)
        self._rest = np.zeros(self._n_fft // 2, np.float32)
        self._frames = np.zeros(
            (len(JOINED) // 2, N_BANDS), np.float32
        )  # every 40 ms, still to be joined
        self._joined: list[Levels] = []

    def add(self, samples: Samples) -> None:
        """Take the next samples `(n_samples,)`."""
        self._rest = np.concatenate([self._rest, samples])
        n_frames = (len(self._rest) - self._n_fft) // self._hop + 1
        if n_frames > 0:
            frames = _compute_bands(self._rest, self._n_fft, self._hop, self._sample_rate)
            self._rest = self._rest[n_frames * self._hop :]
            self._join(frames)

    def measure(self) -> Fingerprint:
        """Give the fingerprint, all samples having been taken."""
        self.add(np.zeros(self._n_fft // 2, np.float32))
        self._join(np.zeros((len(JOINED) // 2, N_BANDS), np.float32))
        power = np.concatenate([np.zeros((0, N_BANDS), np.float32), *self._joined])
        return _measure_depths(power, HOP_S * 2**LONG_DOUBLINGS)

    def _join(self, frames: Levels) -> None:
        """Join frames every 40 ms into one every 160 ms, as `halve_frames` does twice."""
        self._frames = np.concatenate([self._frames, frames])
        n_joined = (len(self._frames) - len(JOINED)) // 4 + 1
        if n_joined > 0:
            windows = np.lib.stride_tricks.sliding_window_view(self._frames, len(JOINED), axis=0)
            self._joined.append((windows[::4] @ JOINED).astype(np.float32))
            self._frames = self._frames[4 * n_joined :]


def halve_frames(power: Levels) -> Levels:
    """Take every other frame, smoothed by a cubic B-spline, so that it may be interpolated."""
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(power, ((2, 2), (0, 0))), 5, axis=0)
    return (windows[::2] @ HALVED).astype(np.float32)


def _choose_n_fft(n_samples: int) -> int:
    return 1 << (n_samples - 1).bit_length()


def _compute_bands(samples: Samples, n_fft: int, hop: int, sample_rate: int) -> Levels:
    """Compute the power of bands `(n_frames, 24)` in frames wholly inside the samples."""
    highest_hz = min(10_000.0, 0.47 * sample_rate)
    config = MelConfig(n_fft, n_fft, hop, N_BANDS, 100.0, highest_hz)
    return compute_band_power(samples, config, sample_rate)


def _measure_depths(power: Levels, hop_s: float) -> Fingerprint:
    """Make a fingerprint of the power in bands `(n_frames, 24)`."""
    peak = float(power.max(initial=0.0))
    if peak < 10 ** (LEAST_PEAK_DB / 10):
        return Fingerprint(np.zeros((0, N_BANDS), np.uint8), hop_s, LEAST_PEAK_DB)
    depths = -10 * np.log10(np.maximum(power / np.float32(peak), LEAST_POWER))
    cells = np.minimum(np.round(depths), DEPTH_DB).astype(np.uint8)
    return Fingerprint(cells, hop_s, 10 * float(np.log10(peak)))
