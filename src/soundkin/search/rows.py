"""Hits and recordings as other programs take them: rows, CSV, playlists, labels, projects."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from soundkin.audio_facts import FACTS, Facts

if TYPE_CHECKING:
    from soundkin.library.records import Recording
    from soundkin.search.duplicates.differences import Difference
    from soundkin.search.duplicates.groups import DuplicateGroup
    from soundkin.search.explain import Explanation
    from soundkin.search.finding.occurrence import Occurrence
    from soundkin.search.hits import FoldedCopy, Hit
    from soundkin.search.tags.suggestions import Suggestion
    from soundkin.search.verdict import Verdict

Row = dict[str, Any]

NAMED = [fact for fact in FACTS.values() if fact.name_value]


def describe_hit(hit: Hit) -> Row:
    """Write a hit as a row, the same for the command and the HTTP API."""
    return {
        "rank": hit.rank,
        "path": hit.recording.path,
        "start_s": round(hit.start_s, 6),
        "duration_s": round(hit.duration_s, 6),
        "score": round(hit.score, 6),
        "percentile": round(hit.percentile, 3),
        "same_sound": hit.same_sound,
        "rank_score": None if hit.rank_score is None else round(hit.rank_score, 6),
        "n_folded": hit.n_folded,
        "copies": [describe_copy(copy) for copy in hit.copies],
        "recording_duration_s": round(hit.recording.duration_s, 6),
        "tags": list(hit.recording.tags),
        "facts": describe_facts(hit.recording.facts),
    }


def describe_stretch(
    recording: Recording,
    rank: int,
    start_s: float,
    duration_s: float,
    score: float | None = None,
    percentile: float | None = None,
) -> Row:
    """Write a stretch that is taken away as a row that playlists take; a score where it has one."""
    return {
        "rank": rank,
        "path": recording.path,
        "start_s": start_s,
        "duration_s": duration_s,
        "score": score,
        "percentile": percentile,
        "recording_duration_s": round(recording.duration_s, 6),
        "tags": list(recording.tags),
    }


def describe_copy(copy: FoldedCopy) -> Row:
    """Write a near-copy that was left out as a row."""
    return {"path": copy.recording.path, "differs": str(copy.difference)}


def describe_duplicates(groups: Iterable[DuplicateGroup]) -> list[Row]:
    """Write groups of near-duplicates as rows, one for each recording."""
    from soundkin.search.duplicates.differences import Difference  # not for what only writes rows

    return [
        {
            "group": number,
            "score": round(group.score, 6),
            "path": recording.path,
            "duration_s": round(recording.duration_s, 6),
            "first": difference is None,
            **_describe_difference(difference or Difference()),
            "differs": None if difference is None else str(difference),
        }
        for number, group in enumerate(groups, 1)
        for recording, difference in zip(group.recordings, group.differences, strict=True)
    ]


def _describe_difference(difference: Difference) -> Row:
    names = ("level_db", "lead_s", "tail_s", "speed", "distance_db")
    values = ((name, getattr(difference, name)) for name in names)
    return {name: None if value is None else round(value, 4) for name, value in values}


def describe_occurrence(occurrence: Occurrence) -> Row:
    """Write an event as a row, the same for the command and the HTTP API."""
    recording = occurrence.recording
    return {
        "path": recording.path,
        "start_s": round(occurrence.start_s, 3),
        "end_s": round(occurrence.end_s, 3),
        "duration_s": round(occurrence.end_s - occurrence.start_s, 3),
        "score": round(occurrence.score, 4),
        "level_db": round(occurrence.level_db, 1),
        "exact": occurrence.is_exact,
        "recording_duration_s": round(recording.duration_s, 6),
        "sample_rate": recording.sample_rate,
        "tags": list(recording.tags),
    }


def describe_recording(recording: Recording) -> Row:
    """Write a recording as a row; one that failed has its reason only."""
    if recording.error is not None:
        return {"path": recording.path, "error": recording.error}
    return {
        "path": recording.path,
        "duration_s": round(recording.duration_s, 6),
        "sample_rate": recording.sample_rate,
        "n_channels": recording.n_channels,
        "format": recording.format,
        "n_segments": recording.n_segments,
        "slow": recording.slow,
        "tags": list(recording.tags),
        "facts": describe_facts(recording.facts),
        "warning": recording.warning,
    }


def describe_explanation(explanation: Explanation) -> Row:
    """Write why a recording was found: how stable that is, and each fact beside the query's."""
    return {
        "stability": round(explanation.stability, 3),
        "stable": explanation.is_stable,
        "n_pieces": explanation.n_pieces,
        "n_near": explanation.n_near,
        "facts": [
            {
                "fact": one.fact,
                "query": None if one.query is None else round(one.query, 3),
                "hit": None if one.hit is None else round(one.hit, 3),
                "query_name": FACTS[one.fact].name_of(one.query),
                "hit_name": FACTS[one.fact].name_of(one.hit),
                "closeness": round(one.closeness, 3),
            }
            for one in explanation.facts
        ],
    }


def describe_suggestion(suggestion: Suggestion) -> Row:
    """Write a suggested tag as a row."""
    return {
        "path": suggestion.recording.path,
        "tag": suggestion.tag,
        "vote": round(suggestion.vote, 3),
        "precision": round(suggestion.precision, 3),
        "because": suggestion.because.path,
    }


def describe_verdict(verdict: Verdict) -> Row:
    """Write a verdict as a row."""
    return {
        "word": verdict.word,
        "n_good": verdict.n_good,
        "best_score": round(verdict.best_score, 6),
        "usual_score": round(verdict.usual_score, 6),
    }


def describe_facts(facts: Facts | None) -> Row | None:
    """Write a sound's facts as a row, with `pitch_name` and `key_name` as people call them.

    None where they were never measured.
    """
    if facts is None:
        return None
    row: Row = {k: v if v is None else round(v, 3) for k, v in dataclasses.asdict(facts).items()}
    return row | {f"{f.name}_name": f.name_of(row[f.column]) for f in NAMED}


def write_csv(rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of a table, the names of the first row's columns first.

    Each fact has a column of its own.
    """
    buffer = io.StringIO()
    writer: csv.DictWriter[str] | None = None
    for row in map(_flatten, rows):
        if writer is None:
            writer = csv.DictWriter(buffer, list(row), lineterminator="\n")
            writer.writeheader()
        writer.writerow({k: ";".join(v) if isinstance(v, list) else v for k, v in row.items()})
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def _flatten(row: Row) -> Row:
    if "copies" in row:
        row = row | {"copies": [f"{copy['path']} ({copy['differs']})" for copy in row["copies"]]}
    if "facts" not in row:
        return row
    facts: Row = row["facts"] or dict.fromkeys(describe_facts(Facts()) or {})
    return {key: value for key, value in row.items() if key != "facts"} | facts
