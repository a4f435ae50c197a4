"""`soundkin backup` and `restore`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from soundkin.cli.options import library_option, open_library, require_file
from soundkin.text import format_count

if TYPE_CHECKING:
    from soundkin.integrity.backup import BackupReport

quiet_option = click.option("-q", "--quiet", is_flag=True, help="No progress and no summary.")


@click.command(
    epilog="""\b
Examples:
  soundkin backup /media/usb/sounds.sqlite    also while soundkin index or serve is at work
  soundkin backup sounds-$(date +%F).sqlite
"""
)
@click.argument("file", type=click.Path())
@quiet_option
@library_option
def backup(file: str, quiet: bool, library_path: str) -> None:
    """Copy the library into FILE as it is now: recordings, vectors, tags and named sounds.

    The copy is checked before it takes the place of an older one. It is a library itself, which
    --library can name.
    """
    require_file(library_path)
    from soundkin.cli.progress import count_segments
    from soundkin.integrity.backup import back_up

    with open_library(library_path) as library:
        report = back_up(library, file, count_segments(quiet=quiet, noun="done"))
    if not quiet:
        click.echo(_describe(report))


@click.command(
    epilog="""\b
Examples:
  soundkin restore /media/usb/sounds.sqlite   the library that was there is kept beside it
"""
)
@click.argument("file", type=click.Path())
@quiet_option
@library_option
def restore(file: str, quiet: bool, library_path: str) -> None:
    """Put the backup FILE in the library's place, once it is checked, in one step.

    The library that was there is kept beside it, under a name with the date. A running soundkin
    serve goes on with what was restored.
    """
    require_file(library_path)
    from soundkin.cli.progress import count_segments
    from soundkin.integrity.backup import restore as restore_library

    on_progress = count_segments(quiet=quiet, noun="done")
    report = restore_library(library_path, file, on_progress)
    with open_library(library_path) as library:
        library.renew_index(on_progress)
    if not quiet:
        click.echo(_describe(report))
        if report.kept is not None:
            click.echo(f"What was there before is kept as {report.kept}")


def _describe(report: BackupReport) -> str:
    counts = report.counts
    return (
        f"{report.path}: {format_count(counts.n_recordings, 'recording')},"
        f" {format_count(counts.n_segments, 'segment')},"
        f" {report.size_bytes / 1e6:.1f} MB"
    )
