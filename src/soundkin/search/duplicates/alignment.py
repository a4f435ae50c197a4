"""Whether one recording is a copy of another: their fingerprints laid over each other and compared.

Where the two lie over each other best is found by cross-correlation, the level by which they differ
is taken out, and what is left over is weighed: the louder a cell, and the lower, the more it
counts, since codecs, noise and fewer bits change what is soft and high, and another take changes
everything. In long recordings some stretches are laid over each other one by one, so that a copy
may run a bit faster.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from soundkin.audio.fingerprint import MOST_FRAMES, N_BANDS
from soundkin.search.duplicates.outline import FLOOR_DB, Cells, Outline, to_db

COPY_DB = 1.5  # strokes of one drum that were measured differ by 1.7 dB and more, most by above 4
MOVED = 0.6  # of how far cells move; those of other stretches of one noise differ by more than 1
STEADY_DB = 0.45  # so near are only copies, however little moves
LEAST_COVER = 0.75  # of what sounds in each, by which a copy may be cut
MOST_DB = 6.0  # that one cell may differ: from there on it is another
STRONG_DB = 25.0  # within which of the loudest cell the level is measured
NEAR_FRAMES = 3  # around where they correlate best
LEAST_FRAMES = 3
HOPELESS_DB = 4.0  # in whole frames, beyond which parts of one help no more
EDGE_FRAMES = 2  # that see a cut
CHUNK_FRAMES = 128
MOST_CHUNKS = 12
DRIFT_DB = 0.5  # by which a copy's speed shows
SPEEDS = 0.006  # a copy's speed is within this of its original's
LONG_FRAME_S = 0.03
PARTS = (-0.75, -0.5, -0.25, 0.25, 0.5, 0.75)  # of a frame
FAR = 8  # frames, from which a lag is looked for by correlation
QUIET_SHARE, QUIET_DB, NOISE_DB = 0.1, 3.0, 10.0
LEAST_WEIGHT = np.float32(1e-9)
HIGHEST_WEIGHT = 0.2
BAND_WEIGHTS = np.linspace(1.0, HIGHEST_WEIGHT, N_BANDS).astype(np.float32)


@dataclass(frozen=True)
class Alignment:
    """How the second of two recordings lies over the first.

    `distance_db` is the weighted RMS difference of their cells, `moves_db` how far those of the
    first stray from each band's mean, `covers` the shares of the first's and of the second's sound
    that the other has. The second is louder by `gain_db`, begins `lead_s` before the first does,
    and takes `stretch` times as long.
    """

    distance_db: float
    moves_db: float
    covers: tuple[float, float]
    gain_db: float
    lead_s: float
    stretch: float

    @property
    def is_copy(self) -> bool:
        """Whether they are copies of one sound.

        Two stretches of one rain have the same levels, but move apart, further than each does.
        """
        is_same = self.distance_db <= min(COPY_DB, max(STEADY_DB, MOVED * self.moves_db))
        return is_same and min(self.covers) >= LEAST_COVER


def align(
    first: Outline,
    second: Outline,
    *,
    most_db: float = HOPELESS_DB,
    lead_s: float | None = None,
) -> Alignment | None:
    """Lay a recording over another, where they correlate best or near `lead_s`, if that is given.

    None where either is silent, or where in whole frames they differ by more than `most_db`.
    """
    if not len(first.power) or not len(second.power):
        return None
    hop_s = max(first.hop_s, second.hop_s)
    first, second = first.coarsen(hop_s), second.coarsen(hop_s)
    chunks = _choose_chunks(first)
    is_short = len(first.power) <= MOST_FRAMES
    where = (0, len(first.power)) if is_short else chunks[0]
    laid = _lay(first, second, _correlate(first, second, where), where)
    if lead_s is not None:
        told = round(lead_s / first.hop_s)
        lags = range(told - NEAR_FRAMES, told + NEAR_FRAMES + 1)
        others = (_Laid.measure(first, second, lag, where) for lag in lags if lag != laid.lag)
        laid = min([laid, *others], key=lambda one: one.error)
    if laid.error > most_db**2 or laid.error == math.inf:
        return None
    return _refine(first, second, laid, chunks)


def _lay(first: Outline, second: Outline, near: int, where: tuple[int, int]) -> _Laid:
    """Lay them over each other in whole frames where they differ least, downhill from a lag."""
    best = _Laid.measure(first, second, near, where)
    for step in (-1, 1):
        start = best
        for shift in range(1, NEAR_FRAMES + 1):
            other = _Laid.measure(first, second, near + step * shift, where)
            if other.error >= best.error:
                break
            best = other
        if best is not start:
            break
    return best


@dataclass(frozen=True)
class _Laid:
    """Frame t of the first, from `start` up to `stop`, lies over t + `lag` of the second.

    The second is softer by `gain_db`; below `floors_db` `(24,)` is noise of one or the other.
    """

    lag: int
    start: int
    stop: int
    gain_db: float = 0.0
    floors_db: Cells = field(default_factory=lambda: np.zeros(N_BANDS, np.float32))
    error: float = math.inf

    @classmethod
    def measure(cls, first: Outline, second: Outline, lag: int, where: tuple[int, int]) -> _Laid:
        """Lay them over each other in whole frames, and measure what is left over."""
        start, stop = max(where[0], -lag), min(where[1], len(second.power) - lag)
        laid = cls(lag, start, stop)
        if stop - start < LEAST_FRAMES:
            return laid
        one, other = first.levels[start:stop], second.levels[start + lag : stop + lag]
        strong = (one > one.max() - STRONG_DB) & (other > other.max() - STRONG_DB)
        if np.count_nonzero(strong) < LEAST_FRAMES:
            return laid
        gain = float(np.median((one - other)[strong]))
        noise_db = np.maximum(first.noise_db, second.noise_db + np.float32(gain))
        floors_db = _find_floors(one, other + np.float32(gain), noise_db)
        laid = replace(laid, gain_db=gain, floors_db=floors_db)
        laid = laid._leave_out_cuts(first, second)
        total, weight, _ = laid.compare(first, second, laid.start, laid.stop, lag)
        return replace(laid, error=total / weight) if weight > 0 else laid

    def _leave_out_cuts(self, first: Outline, second: Outline) -> _Laid:
        """Leave out frames that see a cut: where one begins or ends, and the other sounds on."""
        if self.stop - self.start <= 4 * EDGE_FRAMES:
            return self
        before = np.s_[: self.start], np.s_[: self.start + self.lag]
        after = np.s_[self.stop :], np.s_[self.stop + self.lag :]
        is_cut = [
            bool((first.levels[one] > self.floors_db).any())
            or bool((second.levels[other] + self.gain_db > self.floors_db).any())
            for one, other in (before, after)
        ]
        return replace(
            self,
            start=self.start + EDGE_FRAMES * is_cut[0],
            stop=self.stop - EDGE_FRAMES * is_cut[1],
        )

    def compare(
        self, first: Outline, second: Outline, start: int, stop: int, lag: float
    ) -> tuple[float, float, float]:
        """Sum up weighted squares of differences, weights, and squares of how far cells move."""
        whole = math.floor(lag)
        part = np.float32(lag - whole)
        start, stop = max(start, -whole), min(stop, len(second.power) - whole - int(part > 0))
        if start >= stop:
            return 0.0, 0.0, 0.0
        one = np.maximum(first.levels[start:stop], self.floors_db)
        lowest, highest = self._bound(second, start + whole, stop + whole, part)
        weights = (np.maximum(one, highest) - self.floors_db) * BAND_WEIGHTS
        errors = np.minimum(np.maximum(one - highest, lowest - one).clip(0), MOST_DB)
        sums = weights.sum(axis=0)
        means = (weights * one).sum(axis=0) / np.maximum(sums, LEAST_WEIGHT)
        moves = np.minimum(np.abs(one - means), MOST_DB)
        return (
            float(np.vdot(weights, errors * errors)),
            float(sums.sum()),
            float(np.vdot(weights, moves * moves)),
        )

    def _bound(
        self, second: Outline, start: int, stop: int, part: np.float32
    ) -> tuple[Cells, Cells]:
        """Bound the levels of the second's frames `start` to `stop`, a part of a frame later.

        In short frames they are known; within long ones an attack lies anywhere.
        """
        if part and second.hop_s < LONG_FRAME_S:
            earlier, later = second.power[start:stop], second.power[start + 1 : stop + 1]
            found = [to_db((1 - part) * earlier + part * later)]
        elif part:
            found = [second.levels[start:stop], second.levels[start + 1 : stop + 1]]
        else:
            found = [second.levels[start:stop]]
        gain_db = np.float32(self.gain_db)
        levels = [np.maximum(one + gain_db, self.floors_db) for one in found]
        return np.minimum.reduce(levels), np.maximum.reduce(levels)

    def measure_covers(self, first: Outline, second: Outline) -> tuple[float, float]:
        """Measure the shares of what sounds in the first and the second that the other has."""
        one = np.maximum(first.levels - self.floors_db, 0).sum(axis=1)
        other = np.maximum(second.levels + np.float32(self.gain_db) - self.floors_db, 0).sum(axis=1)
        start, stop = max(0, -self.lag), min(len(one), len(other) - self.lag)
        shared = one[start:stop].sum(), other[start + self.lag : stop + self.lag].sum()
        return _share(shared[0], one.sum()), _share(shared[1], other.sum())


def _refine(
    first: Outline, second: Outline, laid: _Laid, chunks: list[tuple[int, int]]
) -> Alignment | None:
    """Shift stretch by stretch by parts of a frame, and sum up what is left over."""
    ends, home = (laid.start, laid.stop), (laid.start + laid.stop) / 2
    if len(first.power) > MOST_FRAMES:
        ends = max(0, -laid.lag), min(len(first.power), len(second.power) - laid.lag)
    kept = [(max(start, ends[0]), min(stop, ends[1])) for start, stop in chunks]
    kept = [(start, stop) for start, stop in kept if start < stop]
    if not kept:
        return None
    places = [_place(first, second, laid, chunk, home) for chunk in kept]
    lags = np.array([lag for lag, _ in places])
    sums = np.array([found for _, found in places])
    total, weight, moves = sums.sum(axis=0).tolist()
    if weight <= 0:
        return None
    distance_db = math.sqrt(total / weight)
    lag, slope = _fit_line(np.array(kept).mean(axis=1), lags, sums[:, 1])
    if slope:
        steady = float(np.average(lags, weights=sums[:, 1]))
        whole = sum(laid.compare(first, second, *chunk, steady)[0] for chunk in kept)
        if math.sqrt(whole / weight) < distance_db + DRIFT_DB:  # as near without any drift
            lag, slope = steady, 0.0
    return Alignment(
        distance_db=distance_db,
        moves_db=math.sqrt(moves / weight),
        covers=laid.measure_covers(first, second),
        gain_db=second.peak_db - first.peak_db - laid.gain_db,
        lead_s=lag * first.hop_s,
        stretch=1.0 + slope,
    )


def _place(
    first: Outline, second: Outline, laid: _Laid, chunk: tuple[int, int], home: float
) -> tuple[float, tuple[float, float, float]]:
    """Find the lag by which a stretch lies over the second best, and what is left over there."""
    reach = math.ceil(SPEEDS * abs(sum(chunk) / 2 - home))
    whole = [laid.lag + shift for shift in range(-reach - 1, reach + 2)]
    if reach > FAR:
        near = _correlate(first, second, chunk, (whole[0], whole[-1]))
        whole = [near - 1, near, near + 1]

    def compare(lag: float) -> tuple[float, tuple[float, float, float]]:
        return lag, laid.compare(first, second, *chunk, lag)

    def measure(place: tuple[float, tuple[float, float, float]]) -> float:
        total, weight, _ = place[1]
        return total / weight if weight > 0 else math.inf

    best = min(map(compare, whole), key=measure)
    return min([best, *(compare(best[0] + part) for part in PARTS)], key=measure)


def _fit_line(
    centres: npt.NDArray[np.float64],
    lags: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64],
) -> tuple[float, float]:
    """Fit lags by a line in time: its value at the beginning, and its slope."""
    weights = weights / weights.sum()
    centre, lag = float(weights @ centres), float(weights @ lags)
    spread = float(weights @ (centres - centre) ** 2)
    slope = float(weights @ ((centres - centre) * (lags - lag))) / spread if spread else 0.0
    return lag - slope * centre, slope


def _choose_chunks(outline: Outline) -> list[tuple[int, int]]:
    """Choose stretches to compare, one in which much moves first."""
    n_chunks = max(1, round(len(outline.power) / CHUNK_FRAMES))
    edges = np.linspace(0, len(outline.power), n_chunks + 1).astype(int).tolist()
    chunks = list(itertools.pairwise(edges))
    moves = [float(outline.height[start:stop].std(axis=0).sum()) for start, stop in chunks]
    best = int(np.argmax(moves))
    kept = {round(place) for place in np.linspace(0, n_chunks - 1, min(n_chunks, MOST_CHUNKS))}
    return [chunks[best], *(chunks[place] for place in sorted(kept - {best}))]


def _correlate(
    first: Outline,
    second: Outline,
    where: tuple[int, int],
    within: tuple[int, int] | None = None,
) -> int:
    """Find the lag in frames by which a stretch of the first lies over the second best."""
    if within is not None and within[0] == within[1]:
        return within[0]
    one, other = first.height[where[0] : where[1]], second.height
    n_fft = 1 << (len(one) + len(other) - 1).bit_length()
    spectra = np.conj(np.fft.rfft(one, n_fft, axis=0)) * np.fft.rfft(other, n_fft, axis=0)
    found = np.fft.irfft(spectra.sum(axis=1), n_fft)
    # found[l] is the sum of one[t] other[t + l]; what is behind the end lies before the beginning
    lags = np.arange(1 - len(one), len(other)) - where[0]
    if within is not None:
        lags = lags[(lags >= within[0]) & (lags <= within[1])]
    return int(lags[found[lags + where[0]].argmax()])


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0


def _find_floors(one: Cells, other: Cells, noise_db: Cells) -> Cells:
    """Find below what level in each band there is noise: where the quiet of one is louder."""
    loudest = max(float(one.max()), float(other.max()))
    highest = np.float32(loudest - STRONG_DB)  # below which noise may hide what differs
    floor = np.minimum(np.maximum(np.float32(loudest - FLOOR_DB), noise_db), highest)
    place = int(QUIET_SHARE * len(one))
    lows = [np.partition(levels, place, axis=0)[place] for levels in (one, other)]
    quiet, noisy = np.maximum(np.minimum(*lows), floor - NOISE_DB), np.maximum(*lows)
    raised = np.clip(noisy + np.float32(NOISE_DB), floor, highest)
    floors: Cells = np.where(noisy - quiet > QUIET_DB, raised, floor).astype(np.float32)
    return floors
