"""Runs of segments that sound like what is sought, looked at in the audio: what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from soundkin.audio.decoders.decoder import Decoder, Samples
from soundkin.audio.read import read_region
from soundkin.search.finding.edges import (
    FRAMES_PER_S,
    N_BANDS,
    Floats,
    Spectrum,
    compute_mel_power,
    estimate_floor,
    estimate_floor_beside,
    find_active,
    find_regions,
)
from soundkin.search.finding.edges import compute_levels_db as compute_frame_levels_db
from soundkin.search.finding.scene import Scene, Scores, Source
from soundkin.search.finding.shapes import LONGEST_S, Match, Shapes
from soundkin.search.finding.templates import PHASES, Example, embed_segments, measure_rms_db

AROUND_S = 0.5  # that is read before and after a run, so that the floor is seen
FADE_S = 0.01
LONGEST_RUN_S = 120.0  # of which more is not looked at; it is no event in a scene, but the scene
LEAST_GAP_S, MOST_GAP_S = 0.06, 0.6
LEAST_OVERLAP = 0.5
LEAST_WHOLE = 0.5  # of an example's length; what is shorter is a fragment, as noise leaves of it


@dataclass(frozen=True)
class Run:
    """Neighbouring segments of a source, `first` to before `end`, that sound like the sought."""

    source: Source
    scene: Scene
    first: int
    end: int
    scores: Scores


@dataclass(frozen=True)
class Event:
    """A stretch of a source, in seconds, and its score."""

    start_s: float
    end_s: float
    score: float
    level_db: float
    is_exact: bool


def list_runs(source: Source, scene: Scene, scores: Scores, least: float) -> list[Run]:
    """List the runs of segments that have at least such a score."""
    above = np.concatenate([[False], scores >= least, [False]])
    bounds = np.flatnonzero(np.diff(above.astype(np.int8)))
    return [
        Run(source, scene, first, end, scores[first:end])
        for first, end in bounds.reshape(-1, 2).tolist()
    ]


def estimate_event(run: Run) -> Event:
    """Take what a run's segments have in common for the event, where audio cannot tell."""
    source, best = run.source, run.first + int(run.scores.argmax())
    start_s, end_s = float(source.starts_s[run.first]), float(source.starts_s[run.end - 1])
    end_s += source.length_s
    if run.end - run.first > 1:
        segments = run.scene.embedder.model.segments
        inset_s = (segments.segment_s - segments.hop_s) / source.slow
        start_s, end_s = start_s + inset_s, end_s - inset_s
    end_s = min(end_s, source.recording.duration_s)
    return Event(start_s, end_s, float(run.scores.max()), float(source.levels_db[best]), False)


class EventReader:
    """Looks for what is sought in the audio of runs."""

    def __init__(self, examples: Sequence[Example], disliked: Sequence[Example]) -> None:
        self._examples = examples
        self._disliked = disliked
        heard = [example for example in examples if example.pieces]
        self._rate = examples[0].segments.sample_rate
        self._shapes = Shapes([example.audible for example in heard], self._rate)
        self._spectrum = self._average_spectrum(heard)
        self._gap_s = max([_measure_gap_s(one.audible, self._rate) for one in heard], default=0.1)
        self.longest_s = max(example.duration_s for example in examples)

    @property
    def has_shapes(self) -> bool:
        """Whether there is audio of an example to compare with."""
        return len(self._shapes) > 0

    def _average_spectrum(self, heard: Sequence[Example]) -> Spectrum:
        if not heard:
            return Spectrum(np.ones(N_BANDS))
        powers = [Spectrum.of(example.audible, self._rate).power for example in heard]
        return Spectrum(np.mean([power / power.max() for power in powers], axis=0))

    def read(self, run: Run, decoder: Decoder) -> list[Event]:
        """Find the events in a run.

        Raises
        ------
        AudioError
            That part of the file cannot be read.
        """
        source = run.source
        starts = source.starts_s[run.first : run.end]
        around_s = (AROUND_S + self.longest_s / 2) / source.slow
        from_s = max(0.0, float(starts[0]) - around_s)
        to_s = min(
            float(starts[-1]) + source.length_s + around_s,
            from_s + LONGEST_RUN_S,
            max(source.recording.duration_s, from_s + 1e-3),
        )
        rate = round(source.slow * self._rate)
        waveform = read_region(decoder, source.path, rate, from_s, to_s)
        frame_s = 1 / (FRAMES_PER_S * source.slow)
        power = compute_mel_power(waveform, self._rate)
        floor = estimate_floor(power, run.scene.floor)
        events = []
        for first, end in find_regions(power, floor, self._spectrum, self._gap_s):
            start_s, end_s = from_s + first * frame_s, from_s + end * frame_s
            overlap = np.minimum(end_s, starts + source.length_s) - np.maximum(start_s, starts)
            covered = overlap >= LEAST_OVERLAP * min(end_s - start_s, source.length_s)
            if not covered.any():
                continue
            whole = float(run.scores[covered].max())
            match = self._match(power, first, end, floor)
            part = self._cut(waveform, match.first, match.end)
            if not len(part):
                continue
            scores = [whole, self._score_alone(run.scene, part)]
            if self.has_shapes:
                scores.append(match.likeness)
            if end - first < LEAST_WHOLE * (match.end - match.first):
                start_s, end_s = from_s + match.first * frame_s, from_s + match.end * frame_s
                start_s, end_s = max(start_s, from_s), min(end_s, to_s)
            level_db = measure_rms_db(self._cut(waveform, first, end))
            events.append(Event(start_s, end_s, float(np.mean(scores)), level_db, True))
        return events

    def _match(self, power: Floats, first: int, end: int, floor: Floats) -> Match:
        """Lay the examples over an event; without any, it is what it seems.

        Of what is longer than is compared, only how like it is can be told, not where it ends.
        """
        if not self.has_shapes:
            return Match(0.0, first, end)
        floor = estimate_floor_beside(power, first, end, floor)
        match = self._shapes.compare(power, first, end, floor)
        return match if self.longest_s <= LONGEST_S else Match(match.likeness, first, end)

    def _cut(self, waveform: Samples, first: int, end: int) -> Samples:
        """Cut out frames."""
        places = (max(0, frame) * self._rate // FRAMES_PER_S for frame in (first, end))
        return waveform[slice(*places)]

    def _score_alone(self, scene: Scene, part: Samples) -> float:
        """Score an event cut out and laid into the scene's background, where nothing else is."""
        segments = scene.embedder.model.segments
        length, background = segments.segment_length, scene.background
        stretches = background.stretches or (np.zeros(length, np.float32),)
        pieces = Example(part, np.zeros((0, 0), np.float32), segments).pieces or [part[:length]]
        vectors = [
            embed_segments([self._replace(one, piece) for one in stretches], scene.embedder)
            for piece in pieces
        ]
        means = np.stack([each.mean(axis=0) for each in vectors])
        scores = scene.score_vectors(means, self._examples, self._disliked, scene.origin)
        return float(scores.max())

    def _replace(self, stretch: Samples, piece: Samples) -> Samples:
        """Put a piece in the place of part of a stretch, with faded seams."""
        start = round(PHASES[0] * len(stretch))
        kept = piece[: len(stretch) - start]
        n_fade = min(round(FADE_S * self._rate), len(kept) // 2)
        weights = np.ones(len(kept), np.float32)
        weights[:n_fade] = np.linspace(0, 1, n_fade)
        weights[len(kept) - n_fade :] = np.linspace(1, 0, n_fade)
        mixed = stretch.copy()
        part = mixed[start : start + len(kept)]
        part += weights * (kept - part)
        return mixed


def _measure_gap_s(waveform: Samples, rate: int) -> float:
    """Measure the longest pause within a sound: events of its kind may have one too."""
    runs = find_active(compute_frame_levels_db(waveform, rate), 0.0)
    pauses = [after[0] - before[1] for before, after in pairwise(runs)]
    longest_s = max(pauses, default=0) / FRAMES_PER_S
    return min(MOST_GAP_S, max(LEAST_GAP_S, 1.2 * longest_s))
