"""`soundkin dups`."""

from __future__ import annotations

from typing import Any

import click

from soundkin.cli.filters import build_filters, filter_options
from soundkin.cli.options import (
    CSV,
    JSON,
    PATHS,
    Number,
    library_option,
    null_option,
    open_library,
    output_options,
)


@click.command(
    epilog="""\b
Examples:
  soundkin dups                          every group of recordings that sound the same
  soundkin dups --paths                  all but the first of each group, e.g. to look through
"""
)
@click.option(
    "--threshold",
    type=Number(-1, 1),
    default=0.8,
    show_default=True,
    help="Least cosine similarity of recordings that are looked at closer.",
)
@filter_options
@output_options(JSON, CSV, PATHS)
@null_option
@library_option
def dups(
    threshold: float, output: str | None, null: bool, library_path: str, **filters: Any
) -> None:
    """List near-duplicate recordings: the same sound at another level, format or trim.

    Recordings that sound alike are laid over each other, and what differs is told of each beside
    the first of its group; other takes of one instrument are no duplicates.

    --paths leaves out the first recording of each group: the best, which is not lossy if another
    is, and has the most bits, channels and samples a second, and the least silence around it.
    """
    from soundkin.cli import output as out
    from soundkin.search.duplicates.groups import find_duplicates
    from soundkin.search.rows import describe_duplicates
    from soundkin.text import format_time

    with open_library(library_path) as library:
        groups = find_duplicates(
            library, threshold=threshold, filters=build_filters(library, **filters)
        )
    rows = describe_duplicates(groups)
    if output or null:
        if output in (None, "paths"):
            rows = [row for row in rows if not row["first"]]
        out.print_rows(rows, output or "paths", null=null)
    elif not rows:
        click.echo("soundkin: no two recordings sound the same", err=True)
    else:
        cells = (
            (
                str(row["group"]),
                format_time(row["duration_s"]),
                row["differs"] or "",
                out.shorten_path(row["path"]),
            )
            for row in rows
        )
        out.print_table(("group", "duration", "differs", "recording"), cells)
