"""Whether recordings hold the very sound that is searched with, whatever surrounds it in either.

A take of a sound in a noisy room, a cut or coded piece of it: by vectors a neighbour may be nearer
than the sound itself. Fingerprints and waveforms tell them apart, as they tell copies.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

import numpy as np

from soundkin.audio.decoders.decoder import Samples
from soundkin.audio.fingerprint import compute_fingerprint
from soundkin.audio.read import convert_waveform
from soundkin.library.records import Recording
from soundkin.search.duplicates.alignment import COPY_DB, LEAST_COVER, Alignment, align
from soundkin.search.duplicates.coherence import RATE
from soundkin.search.duplicates.differences import has_8_bits
from soundkin.search.duplicates.outline import GIST_DB, Outline, to_db
from soundkin.search.duplicates.waveform_check import LEAST_LOSSY, compare_waveform

EDGE_S = 0.03  # taken beside a sound, for frames that see its ends
BEFORE_S, BEHIND_S = 0.06, 0.1  # beside a sound, where there may be some of it still
LEAST_ROOM_S, OVER_NOISE_DB = 0.1, 10.0  # what noise is told from, and how far it swells
PROFILE_DB = 3.0  # by which the loudest moments of bands differ, on average, at the most
BEHIND_DB = 1.5  # the nearest: the sound itself nearly always is that
BESIDE = 5  # frames by which it may begin earlier or end later than told
MOST_BY_BANDS = 16  # of the nearest by that are laid over the sound
MOST_BY_RANK = 5  # else of the first: the loudest moments of a stroke without its attack are others
MOST_READ = 3  # of the nearest then, the files
MORE_DB = 1.0  # than the nearest, beyond which low tones alone have the same waveform
NEAR_DB = 3.5  # in frames that begin at other parts of a hop, before an attack
PART_S = 1.0  # of which the waveform is compared


class HeardSound:
    """A sound of less than a minute, to be recognised in recordings.

    Parameters
    ----------
    waveform
        Mono samples `(n_samples,)`: the sound, and what is around it, a room or silence.
    sample_rate
        In Hz.
    sound_s
        Where in the waveform the sound begins and ends, in seconds.
    """

    def __init__(self, waveform: Samples, sample_rate: int, sound_s: tuple[float, float]) -> None:
        self._waveform, self._sample_rate, self._sound_s = waveform, sample_rate, sound_s
        self._outline, self._begin_s = self._draw_outline(0.0)

    def _draw_outline(self, shift_s: float) -> tuple[Outline, float]:
        """Draw the sound's outline in frames that begin so much later; and where that begins."""
        waveform = self._waveform[round(shift_s * self._sample_rate) :]
        start_s, end_s = (time_s - shift_s for time_s in self._sound_s)
        fingerprint = compute_fingerprint(waveform, self._sample_rate)
        hop_s, power = fingerprint.hop_s, fingerprint.power
        first = max(0, math.floor((start_s - EDGE_S) / hop_s))
        last = math.ceil((end_s + EDGE_S) / hop_s)
        times = np.arange(len(power)) * hop_s
        room = power[(times < start_s - BEFORE_S) | (times > end_s + BEHIND_S)]
        outline = Outline(power[first:last], hop_s, fingerprint.peak_db)
        if len(room) * hop_s >= LEAST_ROOM_S:
            noise_db = to_db(room.mean(axis=0)) + np.float32(OVER_NOISE_DB)
            outline = replace(outline, noise_db=noise_db)
        return outline, shift_s + first * hop_s

    def recognise(
        self, places: Mapping[int, tuple[Recording, float]], fingerprints: Mapping[int, bytes]
    ) -> dict[int, float]:
        """Find the recordings that hold the sound, and how far its levels are off there, in dB.

        Parameters
        ----------
        places
            By content ids, the likeliest first, recordings and where in each the sound may begin,
            in seconds.
        fingerprints
            By content ids; what has none, or a damaged one, is not recognised.
        """
        outlines = {}
        for content_id, (recording, _) in places.items():
            with suppress(KeyError, ValueError):
                is_8_bit = has_8_bits(recording)
                outlines[content_id] = Outline.read(fingerprints[content_id], is_8_bit=is_8_bit)
        apart = {one: self._compare_bands(other, places[one]) for one, other in outlines.items()}
        most_db = min(PROFILE_DB, min(apart.values(), default=0.0) + BEHIND_DB)
        near = [one for one in sorted(apart, key=lambda one: apart[one]) if apart[one] <= most_db]
        for likely in (near[:MOST_BY_BANDS], list(apart)[:MOST_BY_RANK]):
            found = self._compare({one: places[one] for one in likely}, outlines)
            if found:
                return found
        return {}

    def _compare(
        self, places: Mapping[int, tuple[Recording, float]], outlines: Mapping[int, Outline]
    ) -> dict[int, float]:
        """Lay recordings over the sound, and hold the nearest against its waveform."""
        over = {}
        for one, (recording, start_s) in places.items():
            laid = align(self._outline, outlines[one], lead_s=start_s * recording.slow)
            if laid and laid.distance_db <= NEAR_DB and laid.covers[0] >= LEAST_COVER:
                over[one] = laid
        nearest = sorted(over, key=lambda one: over[one].distance_db)[:MOST_READ]
        measured = {one: self._measure(outlines[one], places[one][0], over[one]) for one in nearest}
        most_db = min(measured.values(), default=0.0) + MORE_DB
        return {one: found for one, found in measured.items() if found <= min(most_db, NEAR_DB)}

    def _compare_bands(self, other: Outline, place: tuple[Recording, float]) -> float:
        """Compare the loudest moments of bands here and there, in dB on average."""
        recording, start_s = place
        one = self._outline.coarsen(other.hop_s)
        other = other.coarsen(one.hop_s)
        floors_db = np.maximum(-np.float32(GIST_DB), one.noise_db)
        first, apart_db = round(start_s * recording.slow / other.hop_s), math.inf
        for begin in (max(0, first - BESIDE), first + BESIDE):
            part = other.levels[begin : first + len(one.power) + BESIDE]
            if len(part) and len(one.power):
                bands = [levels.max(axis=0) - levels.max() for levels in (one.levels, part)]
                here, there = (np.maximum(band, floors_db) for band in bands)
                apart_db = min(apart_db, float(np.abs(here - there).mean()))
        return apart_db

    def _measure(self, other: Outline, recording: Recording, found: Alignment) -> float:
        """Measure how far a recording's levels are off in frames that begin where its own do.

        Infinity where the waveform is another. One that cannot be read must be as near as a copy.
        """
        part_s = max(0.0, self._outline.loudest_s - PART_S / 2)
        lag_s = found.stretch * part_s + found.lead_s
        placed = compare_waveform(recording, self._cut(part_s), lag_s)
        if placed is None:
            return found.distance_db if found.distance_db <= COPY_DB else math.inf
        if placed.coherence < LEAST_LOSSY:
            return math.inf
        offset_s = placed.start_s - part_s - self._begin_s  # of the recording's times
        shift_s = -offset_s % max(self._outline.hop_s, other.hop_s)
        if shift_s >= self._sound_s[1]:
            return found.distance_db
        outline, begin_s = self._draw_outline(shift_s)
        exact = align(outline, other, lead_s=begin_s + offset_s)
        return min(found.distance_db, exact.distance_db) if exact else found.distance_db

    def _cut(self, start_s: float) -> Samples:
        """Cut a part of the sound, `RATE` samples a second."""
        stop_s = min(start_s + PART_S, len(self._outline.power) * self._outline.hop_s)
        first, last = (
            round((self._begin_s + time_s) * self._sample_rate) for time_s in (start_s, stop_s)
        )
        return convert_waveform(self._waveform[first:last], self._sample_rate, RATE)
