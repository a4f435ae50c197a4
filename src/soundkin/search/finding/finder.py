"""Finding: scenes are scored, a threshold is chosen, and events are looked at in the audio."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from soundkin.audio.decoders.open import open_decoder
from soundkin.embedding.embedder import Embedder
from soundkin.errors import AudioError
from soundkin.search.finding.events import Event, EventReader, Run, estimate_event, list_runs
from soundkin.search.finding.occurrence import Occurrence, Occurrences
from soundkin.search.finding.scene import UNSCORED, Scene, Scores, Source
from soundkin.search.finding.templates import Example
from soundkin.search.finding.threshold import choose_threshold, compute_chance_bound

LONG_S = 20.0  # a recording so long has a background of its own
POOL_SEGMENTS = 200_000
MARGIN = 0.1  # below the threshold, what is still looked at in the audio
MAX_RUNS = 2000
LEAST_SHARED_S = 0.01
STRETCH = 1.2  # times the longest example that one event may last, parted by a pause
MAX_EVENTS = 10_000


def find_occurrences(
    sources: Iterable[Source],
    examples: Sequence[Example],
    disliked: Sequence[Example],
    embedder: Embedder,
    min_score: float | None = None,
) -> Occurrences:
    """Find every occurrence of what one of the examples is like.

    Parameters
    ----------
    sources
        What is searched.
    examples, disliked
        What is sought, at least one, and what is not wanted though it is like it.
    min_score
        Least score of an event; None chooses it from the data (`threshold`).

    Of more than 10,000 events those of the best scores are kept.
    """
    found: list[tuple[Source, Scene, Scores]] = []
    for scene in _set_scenes(sources, embedder):
        for source, scores in zip(scene.sources, scene.score(examples, disliked), strict=True):
            found.append((source, scene, scores))
    duration_s = sum(source.recording.duration_s for source, _, _ in found)
    bound = _compute_bound([scores for _, _, scores in found])
    lowest = (bound if min_score is None else min(bound, min_score)) - MARGIN
    runs = [
        run for source, scene, scores in found for run in list_runs(source, scene, scores, lowest)
    ]
    best = sorted(runs, key=lambda run: -float(run.scores.max()))[:MAX_RUNS]
    kept = set(map(id, best))
    reader = EventReader(examples, disliked)
    candidates = [
        _name(source, event)
        for source, group in groupby((run for run in runs if id(run) in kept), _get_source)
        for event in _read_events(list(group), reader)
    ]
    chosen = choose_threshold(
        np.array([event.score for event in candidates]), has_shapes=reader.has_shapes
    )
    least = chosen if min_score is None else min_score
    events = [event for event in candidates if event.score >= least]
    if len(events) > MAX_EVENTS:
        lowest = sorted(event.score for event in events)[-MAX_EVENTS]
        events = [event for event in events if event.score >= lowest]
    return Occurrences(tuple(events), least, chosen, len(found), duration_s)


def _set_scenes(sources: Iterable[Source], embedder: Embedder) -> Iterator[Scene]:
    """Make a scene of each long recording, and of so many short ones together."""
    pooled: list[Source] = []
    n_pooled = 0
    for source in sources:
        if source.slow * source.recording.duration_s >= LONG_S:
            yield Scene([source], embedder, has_floor=True)
            continue
        pooled.append(source)
        n_pooled += len(source.vectors)
        if n_pooled >= POOL_SEGMENTS:
            yield Scene(pooled, embedder, has_floor=False)
            pooled, n_pooled = [], 0
    if pooled:
        yield Scene(pooled, embedder, has_floor=False)


def _compute_bound(each: Sequence[Scores]) -> float:
    everything = np.concatenate([*each, np.zeros(0, np.float32)])
    return compute_chance_bound(everything[everything > UNSCORED])


def _get_source(run: Run) -> Source:
    return run.source


def _name(source: Source, event: Event) -> Occurrence:
    recording = source.recording
    values = event.start_s, event.end_s, event.score, event.level_db, event.is_exact
    return Occurrence(recording, *values)


def _read_events(runs: Sequence[Run], reader: EventReader) -> list[Event]:
    """Look at the runs of one source in its audio; where that cannot be, estimate."""
    events: list[Event] = []
    try:
        with open_decoder(runs[0].source.path) as decoder:
            for run in runs:
                try:
                    events += reader.read(run, decoder)
                except AudioError:
                    events.append(estimate_event(run))
    except AudioError:  # it is gone
        events = [estimate_event(run) for run in runs]
    return _part(events, reader.longest_s / runs[0].source.slow)


def _part(events: Sequence[Event], longest_s: float) -> list[Event]:
    """Sort events by time, those joined that two runs share, or that one example would hold."""
    kept: list[Event] = []
    for event in sorted(events, key=lambda event: event.start_s):
        last = kept[-1] if kept else None
        if last is None or not _is_one(last, event, longest_s):
            kept.append(event)
            continue
        better = max(last, event, key=lambda one: one.score)
        end_s = max(last.end_s, event.end_s)
        kept[-1] = replace(better, start_s=last.start_s, end_s=end_s)
    return kept


def _is_one(before: Event, after: Event, longest_s: float) -> bool:
    is_shared = after.start_s < before.end_s - LEAST_SHARED_S
    return is_shared or after.end_s - before.start_s <= STRETCH * longest_s
