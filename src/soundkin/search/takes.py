"""Takes: short sounds from outside the library, of which the loudest stroke is searched with.

A microphone take begins with a second of room and may hold a stroke several times. What was meant
is what stands out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from soundkin.audio.audible import Stretch, find_loudest, find_strokes
from soundkin.audio.decoders.decoder import Samples

SAME_TIME_S = 0.002  # times are given out in milliseconds
NOTABLE_S = 0.1  # of room, from which it is worth saying that it was left out


@dataclass(frozen=True)
class Take:
    """What sounds in a take of `duration_s` seconds: strokes, each from one second to another.

    `chosen` is the place of the one that is searched with.
    """

    duration_s: float
    strokes: tuple[tuple[float, float], ...]
    chosen: int

    @property
    def heard_s(self) -> tuple[float, float]:
        """Where the chosen stroke begins and ends."""
        return self.strokes[self.chosen]

    @property
    def leaves_out(self) -> bool:
        """Whether there is more in it than is searched with, be it silence."""
        start_s, end_s = self.heard_s
        return self.duration_s - (end_s - start_s) > NOTABLE_S


def hear_take(
    samples: Samples,
    sample_rate: int,
    slow: float = 1.0,
    region_s: tuple[float, float | None] | None = None,
) -> tuple[Take, Stretch] | None:
    """Find the strokes of a take, mono samples `(n_samples,)`, and choose the loudest.

    Or with `region_s` the stroke that begins and ends there; None if there is no such one. Of a
    take that was read `slow` times slower the times are its own.
    """
    found = find_strokes(samples, sample_rate)
    scale = slow * sample_rate
    strokes = [(max(0, one.start) / scale, one.stop / scale) for one in found]
    if region_s is None:
        chosen = find_loudest(found, samples)
    else:
        start_s, end_s = region_s
        wanted = (start_s, len(samples) / scale if end_s is None else end_s)
        is_same = [np.allclose(stroke, wanted, rtol=0, atol=SAME_TIME_S) for stroke in strokes]
        if not any(is_same):
            return None
        chosen = is_same.index(True)
    return Take(len(samples) / scale, tuple(strokes), chosen), found[chosen]
