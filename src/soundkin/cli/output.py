"""How results are printed: tables for people, JSON, CSV and paths for programs."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click

from soundkin.search.rows import Row, write_csv
from soundkin.text import make_printable

GAP = "   "


def print_rows(rows: Iterable[Row], output: str, *, null: bool = False) -> None:
    """Print rows with a `path` each as `json`, `csv` or `paths`."""
    if output == "json":
        lines: Iterator[str] = (json.dumps(row) + "\n" for row in rows)
    elif output == "csv":
        lines = write_csv(rows)
    else:
        lines = (row["path"] + ("\0" if null else "\n") for row in rows)
    for line in lines:
        click.echo(line, nl=False)


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


def shorten_path(path: str) -> str:
    """Write a path relative to the present folder if it lies below it."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except (ValueError, OSError):
        return path
