"""What a sound is heard through, to listen to: microphone, narrow band, room, floor, level.

The same sound through another telephone, in another room, from another preamplifier, is the same
sound. Training has these on spectrograms (`training.surroundings`), within the ranges below.

Waveforms are float32 `(n_samples,)`, mono; `sample_rate` is in Hz.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from soundkin.audio.deformations import Samples, check_range, check_waveform, draw_noise

MIDDLE_HZ, TILT_OCTAVES = 1_000.0, 3.3219  # a tilt reaches from 100 Hz to 10 kHz
N_BUMPS = 2
BUMP_HZ, BUMP_OCTAVES = (80.0, 12_000.0), (0.3, 1.5)
BAND_LOW_HZ, BAND_TOP_HZ = (60.0, 350.0), (2_500.0, 11_000.0)
BAND_SLOPE_DB = (12.0, 48.0)  # an octave
OCTAVE_DB = 6.0206  # that a filter of order 1 falls in an octave
RESAMPLED_ABOVE = 1.2  # times the top of a band, where a resampler leaves nothing
ROOM_S = (0.1, 1.0)  # to decay by 60 dB

MAX_GAIN_DB = 60.0
MAX_ROOM_S = 10.0
DIRECT_S = 0.003  # after which the room answers
# A bump: its centre in Hz, its height in dB, its width (standard deviation) in octaves.
Bump = tuple[float, float, float]
Spectrum = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Channel:
    """A frequency response: `tilt_db` up at 10 kHz and down at 100 Hz, bumps, a band.

    The band falls by `slope_db` an octave below `low_hz` and above `top_hz`; None is no edge. With
    `is_resampled` nothing at all is left above 1.2 times `top_hz`.
    """

    tilt_db: float = 0.0
    bumps: tuple[Bump, ...] = ()
    low_hz: float | None = None
    top_hz: float | None = None
    slope_db: float = 24.0
    is_resampled: bool = False

    def compute_gains(self, hz: npt.ArrayLike) -> Spectrum:
        """Compute the gain of power at frequencies above 0, `(n,)`."""
        hz = np.asarray(hz, np.float64)
        gains_db = self.tilt_db * np.clip(np.log2(hz / MIDDLE_HZ) / TILT_OCTAVES, -1, 1)
        for place, height_db, width in self.bumps:
            gains_db += height_db * np.exp(-((np.log2(hz / place) / width) ** 2) / 2)
        power = 2 * self.slope_db / OCTAVE_DB
        if self.low_hz is not None:
            gains_db -= 10 * np.log10(1 + (self.low_hz / hz) ** power)
        if self.top_hz is not None:
            gains_db -= 10 * np.log10(1 + (hz / self.top_hz) ** power)
        gains = 10 ** (gains_db / 10)
        if self.is_resampled and self.top_hz is not None:
            gains[hz >= RESAMPLED_ABOVE * self.top_hz] = 0
        return gains


def pass_channel(waveform: Samples, sample_rate: int, channel: Channel) -> Samples:
    """Hear a sound through a channel, at zero phase; of the input's length.

    Raises
    ------
    DeformationError
        No waveform, or a gain beyond 60 dB.
    """
    waveform = check_waveform(waveform, sample_rate)
    check_range("tilt_db", channel.tilt_db, -MAX_GAIN_DB, MAX_GAIN_DB)
    if channel == Channel():
        return waveform
    n_padded = 2 * len(waveform)  # a filter's ringing stays out of the other end
    hz = np.maximum(np.fft.rfftfreq(n_padded, 1 / sample_rate), 1.0)
    spectrum = np.fft.rfft(waveform, n_padded) * np.sqrt(channel.compute_gains(hz))
    return np.fft.irfft(spectrum, n_padded)[: len(waveform)].astype(np.float32)


def add_room(
    waveform: Samples,
    sample_rate: int,
    rt60_s: float,
    direct_db: float,
    generator: np.random.Generator,
) -> Samples:
    """Hear a sound in a room: noise that decays exponentially follows it (Polack 1988).

    Parameters
    ----------
    rt60_s
        Seconds to decay by 60 dB, up to 10; 0 is the identity.
    direct_db
        How far the direct sound's energy is above the room's.

    Returns
    -------
    float32, longer than the input by a third of `rt60_s`.

    Raises
    ------
    DeformationError
        Out of range, or no waveform.
    """
    waveform = check_waveform(waveform, sample_rate)
    check_range("rt60_s", rt60_s, 0, MAX_ROOM_S)
    check_range("direct_db", direct_db, -MAX_GAIN_DB, MAX_GAIN_DB)
    if not rt60_s:
        return waveform
    n_tail = max(2, round(rt60_s * sample_rate))
    answer = generator.standard_normal(n_tail) * 10 ** (-3 * np.arange(n_tail) / n_tail)
    answer[: min(n_tail - 1, round(DIRECT_S * sample_rate))] = 0
    answer *= np.sqrt(10 ** (-direct_db / 10) / np.sum(answer**2))
    answer[0] = 1
    length = len(waveform) + n_tail // 3
    n_padded = len(waveform) + n_tail
    heard = np.fft.irfft(np.fft.rfft(waveform, n_padded) * np.fft.rfft(answer, n_padded), n_padded)
    return heard[:length].astype(np.float32)


def add_floor(
    waveform: Samples,
    sample_rate: int,
    floor_db: float,
    generator: np.random.Generator,
    slope: float = 0.0,
) -> Samples:
    """Add steady noise whose RMS is `floor_db` (below 0) relative to the sound's peak.

    Raises
    ------
    DeformationError
        Out of range, or no waveform.
    """
    waveform = check_waveform(waveform, sample_rate)
    check_range("floor_db", floor_db, -200, 0)
    amplitude = float(np.abs(waveform).max()) * 10 ** (floor_db / 20)
    noise = draw_noise(len(waveform), sample_rate, slope, generator)
    return waveform + np.float32(amplitude) * noise
