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
    """Print a table, the last column left-aligned, the others right, never wider than a terminal.

    What is too wide there is cut in its middle, so that the name at the end of a path stays. In a
    pipe nothing is cut, and only the rule is as long as a line.
    """
    from rich.cells import cell_len

    lines = [list(columns), *([make_printable(cell) for cell in row] for row in rows)]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    room = shutil.get_terminal_size().columns
    gap = GAP
    if sys.stdout.isatty():
        while len(gap) > 1 and sum(widths) + len(gap) * (len(widths) - 1) > room:
            gap = gap[1:]
        widths = fit_widths(widths, room - len(gap) * (len(widths) - 1))
        lines = [[cut(c, w) for c, w in zip(line, widths, strict=True)] for line in lines]
    for number, line in enumerate(lines):
        cells = [" " * (w - cell_len(c)) + c for c, w in zip(line[:-1], widths, strict=False)]
        click.echo(gap.join([*cells, line[-1]]))
        if number == 0:
            click.echo("─" * min(sum(widths) + len(gap) * (len(widths) - 1), room))


def fit_widths(widths: Sequence[int], room: int) -> list[int]:
    """Narrow the widest columns until all fit; none is narrower than 1."""
    fitted = list(widths)
    while sum(fitted) > room and max(fitted) > 1:
        widest = fitted.index(max(fitted))
        others = [width for width in fitted if width < fitted[widest]]
        least = max([*others, 1])
        fitted[widest] = max(least - 1, fitted[widest] - (sum(fitted) - room), 1)
    return fitted


def cut(text: str, width: int) -> str:
    """Cut a text in its middle so that it takes at most `width` cells; more of its end is kept."""
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) <= width:
        return text
    n_head = (width - 1) // 3
    head = set_cell_size(text, n_head).rstrip()
    tail = ""
    for at in range(len(text) - 1, -1, -1):
        if cell_len(text[at:]) > width - 1 - n_head:
            break
        tail = text[at:]
    return f"{head}…{tail}" if width > 1 else "…"


def shorten_path(path: str) -> str:
    """Write a path relative to the present folder if it lies below it."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except (ValueError, OSError):
        return path
