"""How results look: tables for people, JSON, CSV, paths and playlists for programs."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

Row = dict[str, Any]


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
        if writer is None:
            writer = csv.DictWriter(buffer, list(row), lineterminator="\n")
            writer.writeheader()
        writer.writerow({k: ";".join(v) if isinstance(v, list) else v for k, v in row.items()})
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table, the last column left-aligned and cut to the terminal, the others right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    is_terminal = sys.stdout.isatty()
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns[:-1]:
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column(columns[-1], no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(*(Text(make_printable(cell)) for cell in row))
    Console(highlight=False, width=None if is_terminal else 10_000).print(table)


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
