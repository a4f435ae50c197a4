"""`soundkin convert`."""

from __future__ import annotations

import click


@click.command(
    epilog="""\b
Examples:
  soundkin convert sounds.sqlite sounds.lance
  soundkin convert sounds.sqlite s3://bucket/sounds
  soundkin convert s3://bucket/sounds here.sqlite
"""
)
@click.argument("source", metavar="FROM", type=click.Path())
@click.argument("target", metavar="TO", type=click.Path())
@click.option("-q", "--quiet", is_flag=True, help="No progress and no summary.")
def convert(source: str, target: str, quiet: bool) -> None:
    """Copy a library from an SQLite file to Lance tables, or back.

    FROM stays as it is; TO must not be there yet. Lance tables are a folder named ….lance, or a URL
    as s3://bucket/name; several machines can index into them and search them.
    """
    from soundkin.cli.options import open_library
    from soundkin.cli.progress import count_segments
    from soundkin.library.convert import convert_library
    from soundkin.text import format_count

    convert_library(source, target, count_segments(quiet=quiet))
    if not quiet:
        with open_library(target) as library:
            counts = library.count()
        click.echo(
            f"{target}: {format_count(counts.n_recordings, 'recording')},"
            f" {format_count(counts.n_segments, 'segment')}",
            err=True,
        )
