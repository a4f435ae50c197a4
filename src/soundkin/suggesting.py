"""Tags suggested for recordings that have none, from the tagged ones that sound most like them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from soundkin.library import Library
from soundkin.records import Recording
from soundkin.search import Searcher

MOST_EXAMPLES = 40  # of one tag, drawn at random: more would say the same more slowly
N_NEIGHBOURS = 30
LEAST_PERCENTILE = 98.0
SEED = 0


@dataclass(frozen=True)
class Suggestion:
    """A tag for a recording, because another one that has it sounds so much alike.

    `score` is the cosine similarity of the two at their most similar places, `percentile` the
    share, 0-100, of pairs of sounds in this library that are less alike.
    """

    recording: Recording
    tag: str
    score: float
    percentile: float
    because: Recording


def suggest_tags(
    library: Library, searcher: Searcher, limit: int = 50, *, ignored: Collection[str] = ()
) -> list[Suggestion]:
    """Suggest tags for recordings without any, the surest first; what was rejected is left out.

    Parameters
    ----------
    ignored
        Tags that say nothing of how a sound sounds.
    """
    examples = _draw_examples(library, ignored)
    rejected = list_rejected(library)
    answers = searcher.search_many([example for example, _ in examples], N_NEIGHBOURS)
    best: dict[tuple[int, str], Suggestion] = {}
    for (example, tags), hits in zip(examples, answers, strict=True):
        for hit in hits:
            if set(hit.recording.tags) - set(ignored) or hit.percentile < LEAST_PERCENTILE:
                continue
            for tag in tags:
                key = hit.recording.id, tag
                known = best.get(key)
                if key not in rejected and (known is None or known.score < hit.score):
                    found = (hit.recording, tag, hit.score, hit.percentile, example)
                    best[key] = Suggestion(*found)
    ranked = sorted(best.values(), key=lambda one: (-one.score, one.recording.path, one.tag))
    return ranked[:limit]


def _draw_examples(
    library: Library, ignored: Collection[str]
) -> list[tuple[Recording, tuple[str, ...]]]:
    """Draw tagged recordings, so many of each tag, and tell which tags each stands for."""
    condition = (
        "content_id IS NOT NULL AND recordings.id IN (SELECT recording_id FROM tags) ORDER BY path"
    )
    by_tag: defaultdict[str, list[Recording]] = defaultdict(list)
    for recording in library.select_where(condition, []):
        for tag in recording.tags:
            if tag not in ignored:
                by_tag[tag].append(recording)
    generator = np.random.default_rng(SEED)
    tags_of: defaultdict[int, list[str]] = defaultdict(list)
    drawn: dict[int, Recording] = {}
    for tag, recordings in sorted(by_tag.items()):
        for number in generator.permutation(len(recordings))[:MOST_EXAMPLES].tolist():
            recording = recordings[number]
            drawn[recording.id] = recording
            tags_of[recording.id].append(tag)
    return [(recording, tuple(tags_of[recording.id])) for recording in drawn.values()]


def list_rejected(library: Library) -> set[tuple[int, str]]:
    """List the suggestions, as (id of a recording, tag), that a person did not want."""
    sql = "SELECT recording_id, tag FROM rejected_tags"
    return {(recording_id, tag) for recording_id, tag in library.connection.fetch(sql)}


def reject_tag(library: Library, recording: Recording, tag: str) -> None:
    """Never suggest this tag for this recording again."""
    library.connection.run(
        "INSERT OR IGNORE INTO rejected_tags (recording_id, tag) VALUES (?, ?)", [recording.id, tag]
    )
