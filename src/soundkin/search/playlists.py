"""Hits for other programs: playlists, tables, Audacity labels, Raven tables, REAPER projects.

What is in `FORMATS` the command writes, the API sends and the page offers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from soundkin.config import MelConfig
from soundkin.search.rows import Row, write_csv
from soundkin.text import make_printable

RAVEN_COLUMNS = (
    *("Selection", "View", "Channel", "Begin Time (s)", "End Time (s)"),
    *("Low Freq (Hz)", "High Freq (Hz)", "Begin Path", "Begin File", "File Offset (s)", "Score"),
)
HIGHEST_HZ = MelConfig().f_max

Write = Callable[[Iterable[Row]], Iterator[str]]


@dataclass(frozen=True)
class Format:
    """What hits are written as: `write` yields the text of a file of rows, part by part.

    `title` is the page's word for it, `help` the command's; `extension` has no dot.
    """

    name: str
    title: str
    help: str
    extension: str
    media_type: str
    write: Write


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
        yield f"{row['start_s']:.6f}\t{end_s:.6f}\t{_write_score(row)}{name}"


def write_raven(rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of a Raven selection table, for the recordings opened as one sequence.

    Times are those of the sequence, in which the recordings follow each other as they first come in
    the rows; the offset is the time within the recording. Frequencies are those the model hears.
    """
    yield "\t".join(RAVEN_COLUMNS)
    begins: dict[str, float] = {}
    length_s = 0.0
    for number, row in enumerate(rows, 1):
        path, start_s = row["path"], row["start_s"]
        if path not in begins:
            begins[path] = length_s
            length_s += row["recording_duration_s"]
        begin_s = begins[path] + start_s
        high_hz = min(HIGHEST_HZ, row.get("sample_rate", 2 * HIGHEST_HZ) / 2)
        cells = (
            *(str(number), "Spectrogram 1", "1"),
            *(f"{begin_s:.6f}", f"{begin_s + row['duration_s']:.6f}", "0.0", f"{high_hz:.1f}"),
            *(make_printable(path), make_printable(os.path.basename(path))),  # noqa: PTH119
            *(f"{start_s:.6f}", "" if row["score"] is None else f"{row['score']:.4f}"),
        )
        yield "\t".join(cells)


def write_reaper(rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of a REAPER project: hits one after another on a track, a region over each.

    An item is the whole file, cut to the stretch that was found, so that it can be pulled open.
    """
    rows = list(rows)
    yield '<REAPER_PROJECT 0.1 "7.0" 0'
    position_s = 0.0
    for number, row in enumerate(rows, 1):
        end_s = position_s + row["duration_s"]
        name = _quote_reaper(f"{_write_score(row)}{os.path.basename(row['path'])}")  # noqa: PTH119
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


def _write_score(row: Row) -> str:
    """Write a score before a name, where there is one: what is in a crate was not searched for."""
    return "" if row["score"] is None else f"{row['score']:.3f} "


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
    kinds = {".flac": "FLAC", ".mp3": "MP3", ".ogg": "VORBIS", ".oga": "VORBIS"}
    kinds |= {".opus": "OPUS", ".wv": "WAVPACK"}
    video = {".mp4", ".m4a", ".mov", ".mkv", ".webm", ".avi", ".wmv", ".wma", ".aac", ".mpg"}
    return kinds.get(suffix, "VIDEO" if suffix in video else "WAVE")


def _quote_reaper(text: str) -> str:
    """Quote a text with whichever of REAPER's quotes is not in it."""
    text = make_printable(text)
    for mark in ('"', "'", "`"):
        if mark not in text:
            return f"{mark}{text}{mark}"
    return f"`{text.replace('`', chr(39))}`"


def _end_lines(write: Write) -> Write:
    return lambda rows: (f"{line}\n" for line in write(rows))


_TABLE = (
    Format(
        name="m3u",
        title="Playlist (M3U)",
        help="A playlist.",
        extension="m3u8",
        media_type="audio/x-mpegurl",
        write=_end_lines(write_m3u),
    ),
    Format(
        name="csv",
        title="Table (CSV)",
        help="Comma-separated values.",
        extension="csv",
        media_type="text/csv",
        write=write_csv,
    ),
    Format(
        name="labels",
        title="Audacity labels",
        help="An Audacity label track.",
        extension="txt",
        media_type="text/plain",
        write=_end_lines(write_labels),
    ),
    Format(
        name="raven",
        title="Raven selections",
        help="A Raven selection table.",
        extension="selections.txt",
        media_type="text/tab-separated-values",
        write=_end_lines(write_raven),
    ),
    Format(
        name="reaper",
        title="REAPER project",
        help="A REAPER project with a region for each hit.",
        extension="rpp",
        media_type="application/octet-stream",
        write=_end_lines(write_reaper),
    ),
)
FORMATS = {one.name: one for one in _TABLE}
