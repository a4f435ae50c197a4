"""Channels mixed to one in a way that cannot cancel what is in them.

The mean of two channels is silent where one is the other turned over, and hollow where one is a
little late. So channels that are much alike but for that are turned and moved into step first, by
the peak of their cross-correlation (Knapp and Carter 1976, of differences, which weigh high
frequencies up); and where a mean would still lose most, the loudest channel stands for all.
Channels that are alike as they are, or not alike at all, are averaged as ever.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

MAX_AMPLITUDE = 1e10  # integers written as floats stay below; squares and their sums stay numbers
ALIKE = 0.9  # correlation from which channels are in step
PEAK = 0.6  # that a correlation has to reach elsewhere, and
GAIN = 0.15  # by how much it has to be above that in step
MAX_LAG = 1 << 11  # samples that a channel may be late
WINDOW = (1 << 14) - MAX_LAG  # samples that are correlated, around the loudest
QUIET = 1e-4  # of the loudest channel's energy: too little to be moved for
ASKED_SAMPLES = 1_000_000  # of 20 s, about
THINNED = 16  # one sample of so many is enough to compare energies
KEPT = 0.4  # of the energy that a mean of unlike channels has

Samples = npt.NDArray[np.float32]


class Downmixer:
    """Mixes the chunks of one sound; how channels have to be moved is asked every 20 s.

    It is judged by few samples, so that most chunks are only added up.
    """

    def __init__(self) -> None:
        self._moves: dict[int, tuple[int, int]] = {}
        self._n_left = 0  # samples until it is asked again

    def __call__(self, chunk: Samples) -> Samples:
        """Mix `(n_samples, n_channels)`; what is no sample of sound becomes 0."""
        n_channels = chunk.shape[1]
        if n_channels == 1:
            return silence_odd(chunk[:, 0].copy())
        energies = _measure_energies(chunk)
        if not all(energy <= MAX_AMPLITUDE**2 for energy in energies):  # or no number
            chunk = silence_odd(chunk.copy())
            energies = _measure_energies(chunk)
        loudest = energies.index(max(energies))
        quiet = QUIET * energies[loudest]
        sounding = [place for place, energy in enumerate(energies) if energy > quiet]
        self._n_left -= len(chunk)
        if self._n_left < 0 and len(sounding) > 1:
            self._moves = _find_moves(chunk, loudest, sounding)
            self._n_left = ASKED_SAMPLES
        mono = self._add_up(chunk, loudest)
        expected = sum(energies[place] for place in sounding) / n_channels**2
        if _measure_energy(mono) < KEPT * expected:
            mono = chunk[:, loudest] * np.float32(len(sounding) / n_channels)
        return silence_odd(mono)

    def _add_up(self, chunk: Samples, loudest: int) -> Samples:
        """Average the channels, moved where they have to be."""
        n_channels = chunk.shape[1]
        weights = np.full(n_channels, 1 / n_channels, np.float32)
        if self._moves:
            chunk = chunk.copy()
            for place, (sign, lag) in self._moves.items():
                turned = chunk[:, place] * np.float32(sign)
                chunk[:, place] = _move(turned, lag, chunk[:, loudest])
        with np.errstate(over="ignore", invalid="ignore"):
            mono: Samples = chunk @ weights
        return mono


def mix_to_mono(samples: Samples) -> Samples:
    """Mix the channels of a whole sound `(n_samples, n_channels)`."""
    return Downmixer()(samples)


def _measure_energies(chunk: Samples) -> list[float]:
    """Measure each channel's energy, by few samples."""
    return [_measure_energy(chunk[:, place]) for place in range(chunk.shape[1])]


def _measure_energy(samples: Samples) -> float:
    thin = samples[::THINNED]
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.dot(thin, thin))


def _find_moves(block: Samples, loudest: int, sounding: list[int]) -> dict[int, tuple[int, int]]:
    """Find which channels are like the loudest one but turned over, or late: sign and samples."""
    start = _find_loudest(block[:, loudest])
    window = block[start : start + WINDOW]
    first = np.diff(window[:, loudest])
    moves = {}
    for place in sounding:
        move = None if place == loudest else _find_move(np.diff(window[:, place]), first)
        if move is not None:
            moves[place] = move
    return moves


def silence_odd(samples: Samples) -> Samples:
    """Make what is no sample of sound 0, in place."""
    with np.errstate(over="ignore", invalid="ignore"):
        energy = float(np.dot(samples.ravel(), samples.ravel()))
    if not energy <= MAX_AMPLITUDE**2:  # so some may lie beyond, or be no number
        samples[~(np.abs(samples) <= MAX_AMPLITUDE)] = 0.0
    return samples


def _find_move(second: Samples, first: Samples) -> tuple[int, int] | None:
    """Find the sign and the lag by which differences of a channel are most like another's."""
    scale = float(np.sqrt(np.dot(first, first)) * np.sqrt(np.dot(second, second)))
    if len(first) < 2 or not scale > 0:
        return None
    as_is = float(np.dot(first, second)) / scale
    if as_is >= ALIKE:
        return None
    lags = min(MAX_LAG, len(first) - 1)
    size = 1 << (len(first) + lags).bit_length()
    product = np.fft.rfft(first, size).conj() * np.fft.rfft(second, size)
    correlation = np.fft.irfft(product, size) / scale
    correlation = np.concatenate([correlation[-lags:], correlation[: lags + 1]])
    best = int(np.abs(correlation).argmax())
    peak = abs(float(correlation[best]))
    if peak < PEAK or peak < as_is + GAIN:
        return None
    return (1 if correlation[best] > 0 else -1), best - lags


def _find_loudest(samples: Samples) -> int:
    """Find where the loudest stretch of `WINDOW` samples begins, coarsely."""
    step = WINDOW // 4 // THINNED * THINNED
    n_steps = len(samples) // step
    if n_steps <= 4:
        return 0
    thin = samples[: n_steps * step : THINNED].reshape(n_steps, -1)
    sums = np.convolve(np.square(thin).sum(axis=1), np.ones(4, np.float32), "valid")
    return int(sums.argmax()) * step


def _move(channel: Samples, lag: int, reference: Samples) -> Samples:
    """Move a channel that is `lag` samples late to where it should be; the other fills its end."""
    if lag == 0:
        return channel
    moved = reference.copy()
    if lag > 0:
        moved[:-lag] = channel[lag:]
    else:
        moved[-lag:] = channel[:lag]
    return moved
