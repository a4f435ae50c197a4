"""Where in a waveform something is to be heard, and where its strokes begin and end.

What counts as sound is told by the waveform itself: by its loudest moment, and by the noise that is
there before it (a room, a preamplifier) or into which it decays. The level is the RMS around the
mean, so that a constant counts for nothing, in windows of 10 ms, one every 2 ms: a transient's
spectrogram changes with shifts above that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from soundkin.audio.decoders.decoder import Samples
from soundkin.config import SILENCE_DB

STEP_S, WINDOW_STEPS = 0.002, 5
LEAD_S = 0.010  # kept before an onset: half of a spectrogram's window, so that it sees the attack
FADE_S = 0.010

# In dB under the loudest moment. A decay's last part is heard by nobody, but an attack must be.
ONSET_DB, END_DB = 30.0, 50.0
# In dB over the noise; an onset must rise out of it clearly, a decay is followed down to it.
ONSET_RISE_DB, END_RISE_DB = 10.0, 5.0
LEAST_DEPTH_DB = 6.0  # so much of a sound always counts, whatever the noise

RISE_DB = 10.0  # what lies before a sound comes within this of its loudest moment is its lead
LEAD_STEPS = 30  # in a shorter lead no noise can be told from the attack
LEAD_WINDOW, TAIL_WINDOW = 25, 125  # steps over which noise is averaged
TAIL_DB = 35.0  # without a lead, noise is only what is so far below: else it may be a sustain
STEADY_DB = 1.5  # that it falls in the last quarter of a second at most: else it may be a decay

MEDIAN_SAMPLES = 5_000
CACHED_STEPS = 512  # that fit a processor's cache
GAP_S = 0.5  # of silence or noise, by which strokes are apart

Levels = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Stretch:
    """A part of a waveform from sample `start` up to `stop`.

    An onset at a waveform's very beginning has its lead before it: `start` may be negative.
    """

    start: int
    stop: int

    def cut(self, waveform: Samples, sample_rate: int, length: int = 0) -> Samples:
        """Take it out of a waveform, silence where that has nothing, faded out at its end.

        A constant is taken off, which would end with a click where silence begins. Silence follows
        a sound shorter than `length`, as it does where a sound has ended.
        """
        body = waveform[max(0, self.start) : self.stop]
        n_samples = self.stop - self.start
        taken = np.zeros(max(length, n_samples), np.float32)
        place = taken[max(0, -self.start) : n_samples][: len(body)]
        np.subtract(body, np.float32(_estimate_constant(waveform)), out=place)
        if self.stop < len(waveform):
            n_fade = min(n_samples, round(FADE_S * sample_rate))
            taken[n_samples - n_fade : n_samples] *= np.linspace(1, 0, n_fade, dtype=np.float32)
        return taken


def find_sound(waveform: Samples, sample_rate: int) -> Stretch:
    """Find where a waveform `(n_samples,)` sounds: from its first onset, less 10 ms, to its end.

    All of it where nothing is above -80 dB of full scale.
    """
    return _Course.measure(waveform, sample_rate).find_sound()


def has_sound(waveform: Samples, sample_rate: int) -> bool:
    """Tell whether anything in a waveform `(n_samples,)` is above -80 dB, if only for 10 ms."""
    return _Course.measure(waveform, sample_rate).onset is not None


def find_strokes(waveform: Samples, sample_rate: int) -> list[Stretch]:
    """Find what sounds in a waveform with half a second of silence or noise between, in order.

    One where nothing is above -80 dB.
    """
    return _Course.measure(waveform, sample_rate).find_strokes()


def align_segments(waveform: Samples, sample_rate: int, hop: int) -> Stretch:
    """Find where segments, one every `hop` samples, should begin and end in a waveform.

    They reach from the first onset to the end, and one of them begins with the loudest stroke.
    """
    course = _Course.measure(waveform, sample_rate)
    sound, strokes = course.find_sound(), course.find_strokes()
    loudest = strokes[find_loudest(strokes, waveform)]
    n_before = -(-(loudest.start - sound.start) // hop)
    return Stretch(loudest.start - max(0, n_before) * hop, sound.stop)


def find_loudest(strokes: list[Stretch], waveform: Samples) -> int:
    """Tell which of some strokes has the most energy."""
    if len(strokes) == 1:
        return 0
    parts = (waveform[max(0, one.start) : one.stop].astype(np.float64) for one in strokes)
    return int(np.argmax([float(part @ part) - part.sum() ** 2 / len(part) for part in parts]))


@dataclass(frozen=True)
class _Course:
    """The levels of a waveform in dB, those of the windows that end at each step of some samples.

    `onset` and `end` are the levels from which these count; None where nothing sounds.
    """

    levels: Levels
    step: int
    n_samples: int
    sample_rate: int
    onset: float | None
    end: float

    @classmethod
    def measure(cls, waveform: Samples, sample_rate: int) -> _Course:
        """Measure a waveform's levels, and choose what counts."""
        levels, step = _compute_levels(waveform, sample_rate)
        onset, end = _choose_thresholds(levels) or (None, 0.0)
        return cls(levels, step, len(waveform), sample_rate, onset, end)

    def find_sound(self) -> Stretch:
        """Find the first onset and the last end."""
        if self.onset is None:
            return Stretch(0, self.n_samples)
        first = int(np.argmax(self.levels >= self.onset))
        last = len(self.levels) - 1 - int(np.argmax(self.levels[::-1] >= self.end))
        return self._make_stretch(first, last)

    def find_strokes(self) -> list[Stretch]:
        """Find what lies between gaps."""
        if self.onset is None:
            return [Stretch(0, self.n_samples)]
        above = np.flatnonzero(self.levels >= min(self.onset, self.end))
        is_apart = np.diff(above) * self.step > GAP_S * self.sample_rate
        firsts, lasts = above[np.r_[True, is_apart]], above[np.r_[is_apart, True]]
        found = []
        for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True):
            own = self.levels[first : last + 1]
            if own.max() < self.onset:
                continue
            ended = first + int(np.flatnonzero(own >= self.end)[-1])
            begun = first + int(np.argmax(own >= self.onset))
            found.append(self._make_stretch(begun, max(begun, ended)))
        return found

    def _make_stretch(self, first: int, last: int) -> Stretch:
        """Bring the first and last window to samples; an attack lies in the end of the first."""
        start = first * self.step - round(LEAD_S * self.sample_rate)
        return Stretch(start, max(start + 1, min(self.n_samples, last * self.step)))


def _estimate_constant(waveform: Samples) -> float:
    """Estimate what a waveform swings around."""
    return float(np.median(waveform[:: max(1, len(waveform) // MEDIAN_SAMPLES)]))


def _compute_levels(waveform: Samples, sample_rate: int) -> tuple[Levels, int]:
    """Compute the level in dB of the windows that end at each step; and a step's samples."""
    step = max(1, round(STEP_S * sample_rate))
    n_steps = -(-len(waveform) // step)
    n_behind = (n_steps + WINDOW_STEPS) * step - len(waveform)
    padded = np.pad(
        waveform, (WINDOW_STEPS * step, n_behind), constant_values=_estimate_constant(waveform)
    )
    blocks = padded.reshape(-1, step)
    powers, sums = np.empty(len(blocks)), np.empty(len(blocks))
    for start in range(0, len(blocks), CACHED_STEPS):
        exact = blocks[start : start + CACHED_STEPS].astype(np.float64)
        np.vecdot(exact, exact, out=powers[start : start + CACHED_STEPS])
        np.matmul(exact, np.ones(step), out=sums[start : start + CACHED_STEPS])
    length = WINDOW_STEPS * step
    power = _sum_runs(powers, WINDOW_STEPS) / length - (_sum_runs(sums, WINDOW_STEPS) / length) ** 2
    levels: Levels = 10 * np.log10(np.maximum(power, 1e-20))
    return levels, step


def _sum_runs(values: Levels, n: int) -> Levels:
    """Sum each run of `n` values."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    runs: Levels = sums[n:] - sums[:-n]
    return runs


def _choose_thresholds(levels: Levels) -> tuple[float, float] | None:
    """Choose the levels from which an onset and an end count; None where nothing sounds."""
    inner = levels[2 * WINDOW_STEPS : -2 * WINDOW_STEPS]
    inner = inner if len(inner) else levels
    loudest = float(levels.max())
    if loudest < SILENCE_DB:
        return None
    noise = _estimate_noise(inner, float(inner.max()))
    most = loudest - LEAST_DEPTH_DB
    onset = min(max(loudest - ONSET_DB, noise + ONSET_RISE_DB), most)
    return onset, min(max(loudest - END_DB, noise + END_RISE_DB), most)


def _estimate_noise(levels: Levels, loudest: float) -> float:
    """Estimate the level of the noise around a sound, -200 dB where none can be told."""
    n_lead = int(np.argmax(levels >= loudest - RISE_DB))
    if n_lead >= LEAD_STEPS:
        lead = _average(levels[:n_lead], LEAD_WINDOW)
        noise = float(lead[: max(1, n_lead - LEAD_STEPS)].min())
        return noise if noise <= loudest - RISE_DB else -200.0
    tail = levels[int(levels.argmax()) :]
    n = min(len(tail) // 2, TAIL_WINDOW)
    if n < LEAD_STEPS:
        return -200.0
    before, noise = _average(tail[-2 * n :], n)[[0, -1]].tolist()
    is_noise = noise <= loudest - TAIL_DB and before - noise < STEADY_DB
    return noise if is_noise else -200.0


def _average(levels: Levels, n: int) -> Levels:
    """Average the power over runs of `n` levels, in dB."""
    averages: Levels = 10 * np.log10(np.maximum(_sum_runs(10 ** (levels / 10), n) / n, 1e-20))
    return averages
