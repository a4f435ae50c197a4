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
WINDOW = 1 << 14  # samples that are correlated, around the loudest
MAX_LAG = 1 << 11  # samples that a channel may be late
QUIET = 1e-4  # of the loudest channel's energy: too little to be moved for
KEPT = 0.4  # of the energy that a mean of unlike channels has

Samples = npt.NDArray[np.float32]


def mix_to_mono(block: Samples) -> Samples:
    """Mix the channels of `(n_samples, n_channels)`; what is no sample of sound becomes 0."""
    n_channels = block.shape[1]
    if n_channels == 1:
        return silence_odd(block[:, 0].copy())
    channels = [silence_odd(np.ascontiguousarray(block[:, i])) for i in range(n_channels)]
    energies = [float(np.dot(one, one)) for one in channels]
    loudest = int(np.argmax(energies))
    reference = channels[loudest]
    for place, channel in enumerate(channels):
        if place != loudest and energies[place] > QUIET * energies[loudest]:
            channels[place] = _bring_in_step(channel, reference)
    mono = channels[0] + channels[1]
    for channel in channels[2:]:
        mono += channel
    mono *= np.float32(1 / n_channels)
    sounding = [energy for energy in energies if energy > QUIET * energies[loudest]]
    expected = sum(sounding) / n_channels**2
    if float(np.dot(mono, mono)) < KEPT * expected:
        return reference.copy() if n_channels == len(sounding) else reference / n_channels
    return mono


def silence_odd(samples: Samples) -> Samples:
    """Make what is no sample of sound 0, in place."""
    with np.errstate(over="ignore", invalid="ignore"):
        energy = float(np.dot(samples.ravel(), samples.ravel()))
    if not energy <= MAX_AMPLITUDE**2:  # so some may lie beyond, or be no number
        samples[~(np.abs(samples) <= MAX_AMPLITUDE)] = 0.0
    return samples


def _bring_in_step(channel: Samples, reference: Samples) -> Samples:
    """Turn and move a channel to where it is most like another, if that is elsewhere."""
    if np.array_equal(channel, reference):
        return channel
    place = _find_loudest(reference)
    first = np.diff(reference[place : place + WINDOW])
    second = np.diff(channel[place : place + WINDOW])
    scale = float(np.sqrt(np.dot(first, first)) * np.sqrt(np.dot(second, second)))
    if len(first) < 2 or not scale > 0:
        return channel
    as_is = float(np.dot(first, second)) / scale
    if as_is >= ALIKE:
        return channel
    lags = min(MAX_LAG, len(first) - 1)
    size = 1 << (len(first) + lags).bit_length()
    product = np.fft.rfft(first, size).conj() * np.fft.rfft(second, size)
    correlation = np.fft.irfft(product, size) / scale
    correlation = np.concatenate([correlation[-lags:], correlation[: lags + 1]])
    best = int(np.abs(correlation).argmax())
    peak = abs(float(correlation[best]))
    if peak < PEAK or peak < as_is + GAIN:
        return channel
    moved = channel if correlation[best] > 0 else -channel
    return _move(moved, best - lags, reference)


def _find_loudest(samples: Samples) -> int:
    """Find where the loudest stretch of `WINDOW` samples begins, coarsely."""
    step = WINDOW // 4
    n_steps = len(samples) // step
    if n_steps <= 4:
        return 0
    energies = np.square(samples[: n_steps * step].reshape(n_steps, step)).sum(axis=1)
    sums = np.convolve(energies, np.ones(4, np.float32), "valid")
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
