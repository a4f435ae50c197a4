"""Hits and recordings as other programs take them: rows, CSV, playlists, labels, projects."""

from __future__ import annotations

import csv
import dataclasses
import io
import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from soundkin.records import FACT_COLUMNS

if TYPE_CHECKING:
    from soundkin.explaining import Explanation
    from soundkin.hits import Hit
    from soundkin.records import Facts, Recording
    from soundkin.suggestions import Suggestion
    from soundkin.verdicts import Verdict

Row = dict[str, Any]


def describe_hit(hit: Hit) -> Row:
    """Write a hit as a row, the same for the command and the HTTP API."""
    return {
        "rank": hit.rank,
        "path": hit.recording.path,
        "start_s": round(hit.start_s, 6),
        "duration_s": round(hit.duration_s, 6),
        "score": round(hit.score, 6),
        "percentile": round(hit.percentile, 3),
        "rank_score": None if hit.rank_score is None else round(hit.rank_score, 6),
        "n_folded": hit.n_folded,
        "recording_duration_s": round(hit.recording.duration_s, 6),
        "tags": list(hit.recording.tags),
        "facts": describe_facts(hit.recording.facts),
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
    """Write a sound's facts as a row; None where they were never measured."""
    if facts is None:
        return None
    return {k: v if v is None else round(v, 3) for k, v in dataclasses.asdict(facts).items()}


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
    if "facts" not in row:
        return row
    facts = row["facts"] or dict.fromkeys(FACT_COLUMNS)
    return {key: value for key, value in row.items() if key != "facts"} | facts


def make_printable(text: str) -> str:
    """Show control characters and undecodable bytes of a file's name as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def write_m3u(rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of an M3U playlist of (path, start_s, duration_s, name) rows."""
    yield "#EXTM3U"
    for row in rows:
        path, start_s, duration_s = row["path"], row["start_s"], row["duration_s"]
        yield f"#EXTINF:{max(1, round(duration_s))},{make_printable(os.path.basename(path))}"  # noqa: PTH119
        yield f"#EXTVLCOPT:start-time={start_s:.3f}"
        yield f"#EXTVLCOPT:stop-time={start_s + duration_s:.3f}"
        yield path if path.isprintable() else "file://" + quote(os.fsencode(path))


def write_labels(rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of an Audacity label track: start, end, score and path."""
    for row in rows:
        end_s = row["start_s"] + row["duration_s"]
        name = make_printable(row["path"])
        yield f"{row['start_s']:.6f}\t{end_s:.6f}\t{row['score']:.3f} {name}"


def write_reaper(rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of a REAPER project: hits one after another on a track, a region over each.

    An item is the whole file, cut to the stretch that was found, so that it can be pulled open.
    """
    rows = list(rows)
    yield '<REAPER_PROJECT 0.1 "7.0" 0'
    position_s = 0.0
    for number, row in enumerate(rows, 1):
        end_s = position_s + row["duration_s"]
        name = _quote_reaper(f"{row['score']:.3f} {os.path.basename(row['path'])}")  # noqa: PTH119
        yield f"  MARKER {number} {position_s:.6f} {name} 1"
        yield f'  MARKER {number} {end_s:.6f} "" 1'
        position_s = end_s
    yield "  <TRACK"
    yield '    NAME "soundkin"'
    position_s = 0.0
    for row in rows:
        yield from _write_reaper_item(row, position_s)
        position_s += row["duration_s"]
    yield "  >"
    yield ">"


def _write_reaper_item(row: Row, position_s: float) -> Iterator[str]:
    path = make_printable(row["path"])
    yield "    <ITEM"
    yield f"      POSITION {position_s:.6f}"
    yield f"      LENGTH {row['duration_s']:.6f}"
    yield "      LOOP 0"
    yield f"      NAME {_quote_reaper(os.path.basename(path))}"  # noqa: PTH119
    yield f"      SOFFS {row['start_s']:.6f}"
    yield f"      <SOURCE {_name_reaper_source(path)}"
    yield f"        FILE {_quote_reaper(path)}"
    yield "      >"
    yield "    >"


def _name_reaper_source(path: str) -> str:
    suffix = os.path.splitext(path)[1].lower()  # noqa: PTH122
    kinds = {".flac": "FLAC", ".mp3": "MP3", ".ogg": "VORBIS", ".opus": "VORBIS", ".oga": "VORBIS"}
    video = {".mp4", ".m4a", ".mov", ".mkv", ".webm", ".avi", ".wmv", ".wma", ".aac", ".mpg"}
    return kinds.get(suffix, "VIDEO" if suffix in video else "WAVE")


def _quote_reaper(text: str) -> str:
    """Quote a text with whichever of REAPER's quotes is not in it."""
    text = make_printable(text)
    for mark in ('"', "'", "`"):
        if mark not in text:
            return f"{mark}{text}{mark}"
    return f"`{text.replace('`', chr(39))}`"
