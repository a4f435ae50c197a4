"""Places in recordings, as the commands that find some print them."""

from __future__ import annotations

from collections.abc import Sequence

import click

from soundkin.cli.options import CSV, JSON, PATHS
from soundkin.search.playlists import FORMATS
from soundkin.search.rows import Row

_OF_ALL = (JSON, CSV, PATHS)  # what other commands have too
PLACE_FORMATS = (
    *_OF_ALL,
    *((one.name, one.help) for one in FORMATS.values() if one.name not in dict(_OF_ALL)),
)


def print_places(rows: Sequence[Row], output: str | None, *, null: bool) -> bool:
    """Print places in the format that was asked for; tells whether one was."""
    from soundkin.cli import output as out

    if output in FORMATS:
        click.echo("".join(FORMATS[output].write(rows)), nl=False)
    elif output or null:
        out.print_rows(rows, output or "paths", null=null)
    else:
        return False
    return True
