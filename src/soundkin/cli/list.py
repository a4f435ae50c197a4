"""`soundkin list`, `info`, `tag` and `remove`: what a library holds."""

from __future__ import annotations

from typing import Any

import click

from soundkin.cli.filters import build_filters, filter_options
from soundkin.cli.options import (
    CSV,
    JSON,
    PATHS,
    library_option,
    null_option,
    open_library,
    output_options,
)


@click.command(
    "list",
    epilog="""\b
Examples:
  soundkin list --folder ~/Samples/drums --max-duration 1
  soundkin list --name "snare 01 -rim" --not-folder old
  soundkin list --failed                what could not be read, and why
  soundkin list --tag dry --paths -0 | xargs -0 …
""",
)
@click.option("--failed", is_flag=True, help="What could not be read, with the reasons.")
@filter_options
@output_options(JSON, CSV, PATHS)
@null_option
@library_option
def list_(failed: bool, output: str | None, null: bool, library_path: str, **filters: Any) -> None:
    """List the recordings in the library."""
    from soundkin.cli import output as out
    from soundkin.search.rows import describe_recording
    from soundkin.text import format_time

    with open_library(library_path) as library:
        recordings = library.select_recordings(build_filters(library, **filters), failed=failed)
        if output or null:
            out.print_rows(map(describe_recording, recordings), output or "paths", null=null)
        elif failed:
            rows = ((r.error or "", out.shorten_path(r.path)) for r in recordings)
            out.print_table(("reason", "file"), rows)
        else:
            cells = (
                (
                    format_time(r.duration_s),
                    str(r.sample_rate),
                    str(r.n_channels),
                    ", ".join(r.tags),
                    out.shorten_path(r.path) + (f"  ({r.warning})" if r.warning else ""),
                )
                for r in recordings
            )
            out.print_table(("duration", "Hz", "channels", "tags", "recording"), cells)
