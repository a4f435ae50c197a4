"""How results look: tables for people, JSON, CSV, paths and playlists for programs."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

if TYPE_CHECKING:
    from soundkin.records import Facts

Row = dict[str, Any]

GAP = "   "


def print_rows(rows: Iterable[Row], output: str, *, null: bool = False) -> None:
    """Print rows with a `path` each as `json`, `csv` or `paths`."""
    if output == "json":
        lines: Iterator[str] = (json.dumps(row) + "\n" for row in rows)
    elif output == "csv":
        lines = _write_csv(rows)
    else:
        lines = (row["path"] + ("\0" if null else "\n") for row in rows)
    for line in lines:
        click.echo(line, nl=False)


def _write_csv(rows: Iterable[Row]) -> Iterator[str]:
    buffer = io.StringIO()
    writer: csv.DictWriter[str] | None = None
    for row in rows:
        flat = _flatten(row)
        if writer is None:
            writer = csv.DictWriter(buffer, list(flat), lineterminator="\n")
            writer.writeheader()
        writer.writerow({k: ";".join(v) if isinstance(v, list) else v for k, v in flat.items()})
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def _flatten(row: Row) -> Row:
    """Give each fact a column of its own, the same ones in every row."""
    if "facts" not in row:
        return row
    from soundkin.records import Facts

    facts = row["facts"] or dataclasses.asdict(Facts())
    return {key: value for key, value in row.items() if key != "facts"} | facts


def describe_facts(facts: Facts | None) -> Row | None:
    """Round facts for showing; None where they were never measured."""
    if facts is None:
        return None
    return {k: v if v is None else round(v, 3) for k, v in dataclasses.asdict(facts).items()}


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table, the last column left-aligned and cut to a terminal, the others right."""
    from rich.cells import cell_len, set_cell_size

    lines = [list(columns), *([make_printable(cell) for cell in row] for row in rows)]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    room = widths[-1]
    if sys.stdout.isatty():
        used = sum(widths[:-1]) + len(GAP) * (len(widths) - 1)
        room = min(room, max(20, shutil.get_terminal_size().columns - used))
    for number, line in enumerate(lines):
        cells = [" " * (w - cell_len(c)) + c for c, w in zip(line[:-1], widths, strict=False)]
        last = line[-1]
        if cell_len(last) > room:
            last = set_cell_size(last, room - 1) + "…"
        click.echo(GAP.join([*cells, last]))
        if number == 0:
            click.echo("─" * (sum(widths[:-1]) + len(GAP) * (len(widths) - 1) + room))


def make_printable(text: str) -> str:
    """Show control characters and undecodable bytes of a file's name as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shorten_path(path: str) -> str:
    """Write a path relative to the present folder if it lies below it."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except (ValueError, OSError):
        return path


def format_time(seconds: float) -> str:
    """Write a time in a recording: 0:03.50, 12:00.00, 1:02:03.00."""
    minutes, rest = divmod(round(seconds * 100), 6000)
    hours, minutes = divmod(minutes, 60)
    clock = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{clock}:{rest / 100:05.2f}"


def format_hours(seconds: float) -> str:
    """Write an amount of audio in the unit that suits it."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"


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
