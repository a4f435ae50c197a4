"""One sound stream of a container as samples, each at its place on the container's clock.

The clock is the player's: 0 where the container begins, be that before its sound does. Where time
stamps leave a hole there is silence, so that nothing after it is early.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from soundkin.audio.decoders.decoder import Samples

if TYPE_CHECKING:
    import av

TOLERANCE_S = 0.025  # of time stamps, which some containers round, beside a count of samples
MAX_OVERLAP_S = 1.0  # of what is stamped earlier than it comes; more is a clock that began anew
MAX_HOLE_S = 3 * 3600.0  # more is damage, whatever the container says of its length
SILENCE_S = 1.0  # of a hole that is handed out at once


class Track:
    """A stream while it is decoded: what has come of it, and where on the clock that ends.

    `origin_s` is the container's first time stamp, `length_s` how long the container says it is;
    `is_timed` tells whether its time stamps are more than a count of samples.
    """

    def __init__(
        self,
        rate: int,
        origin_s: Fraction,
        length_s: float | None,
        *,
        is_timed: bool,
    ) -> None:
        self.place: int | None = None  # of the next sample; None before the first
        self.n_dropped = 0  # samples stamped with times at which others had been already
        self._rate = rate
        self._origin_s = origin_s
        self._is_timed = is_timed
        self._end = None if length_s is None else round(rate * (length_s + 1))
        self._shift = self._overlap = 0
        self._resamplers: dict[tuple[str, str, int], av.AudioResampler] = {}
        self._last: tuple[str, str, int] | None = None

    def locate(self, frame: av.AudioFrame) -> int | None:
        """Tell at which sample of the clock a frame begins; None without a time stamp."""
        if frame.pts is None or frame.time_base is None:
            return None
        time_s = frame.pts * Fraction(frame.time_base) - self._origin_s
        return round(time_s * self._rate) + self._shift

    def convert(self, frame: av.AudioFrame | None) -> Iterator[Samples]:
        """Yield a frame, `(n_samples, n_channels)`, after the silence before it, if any.

        None, at the end, gives what a resampler still holds.
        """
        if frame is not None:
            yield from self._fill_hole(frame)
        for piece in self._resample(frame):
            skip = min(len(piece), self._overlap)
            self._overlap -= skip
            self.n_dropped += skip
            self.place = (self.place or 0) + len(piece) - skip
            if skip < len(piece):
                yield piece[skip:]

    def _fill_hole(self, frame: av.AudioFrame) -> Iterator[Samples]:
        """Yield silence up to where a frame begins; note how far it reaches back."""
        self._overlap = 0
        wanted = self.locate(frame) if self._is_timed or self.place is None else None
        if wanted is None or not self._is_timed:
            self.place = self.place or 0
            return
        tolerance = round(TOLERANCE_S * self._rate)
        place = self.place = self.place or 0
        gap = wanted - place
        if abs(gap) <= tolerance:
            return
        is_restart = wanted - self._shift <= tolerance  # as of files joined to one
        is_beyond = self._end is not None and wanted > self._end
        if is_restart or is_beyond or not -MAX_OVERLAP_S <= gap / self._rate <= MAX_HOLE_S:
            self._shift -= gap  # another clock from here on
        elif gap < 0:
            self._overlap = -gap
        else:
            n_channels = len(frame.layout.channels)
            n_block = round(SILENCE_S * self._rate)
            for start in range(0, gap, n_block):
                n_silent = min(n_block, gap - start)
                self.place += n_silent
                yield np.zeros((n_silent, n_channels), np.float32)

    def _resample(self, frame: av.AudioFrame | None) -> Iterator[Samples]:
        """Yield a frame as interleaved floats at the track's rate, whatever its own are."""
        import av

        kind = self._last
        if frame is not None:
            kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        changed = [self._resamplers.pop(self._last)] if self._last not in (None, kind) else []
        if frame is None and kind is not None:
            changed.append(self._resamplers.pop(kind))
        for former in changed:
            yield from (_read_samples(one) for one in former.resample(None))
        self._last = None if frame is None else kind
        if frame is None or kind is None:
            return
        if kind not in self._resamplers:  # as planes, PyAV crashes on 8 channels and more
            self._resamplers[kind] = av.AudioResampler(format="flt", rate=self._rate)
        yield from (_read_samples(one) for one in self._resamplers[kind].resample(frame))


def _read_samples(frame: av.AudioFrame) -> Samples:
    samples = frame.to_ndarray().astype(np.float32, copy=False)
    return samples.reshape(frame.samples, -1)
