"""`soundkin relocate`."""

from __future__ import annotations

import click

from soundkin.cli.options import library_option, open_library
from soundkin.text import format_count


@click.command(
    epilog="""\b
Examples:
  soundkin relocate /media/old/Samples ~/Samples     a collection that was moved or copied
  soundkin relocate D:/Takes E:/Takes --force        a drive that is not there now
  soundkin relocate 'C:\\Users\\x\\Samples' ~/Samples  a library from another system
"""
)
@click.argument("old", type=click.Path())
@click.argument("new", type=click.Path())
@click.option("--force", is_flag=True, help="Even where none of the files is found below NEW.")
@library_option
def relocate(old: str, new: str, force: bool, library_path: str) -> None:
    """Say that what lay below OLD lies below NEW now; nothing is embedded again.

    Tags, vectors and named sounds stay. The files themselves are not touched. OLD may be a path of
    another system, which the library came from.
    """
    from soundkin.indexing.relocate import relocate as relocate_library

    with open_library(library_path) as library:
        report = relocate_library(library, old, new, force=force)
    merged = f", {report.n_merged} joined with what was there" if report.n_merged else ""
    click.echo(
        f"{format_count(report.n_recordings, 'recording')} and"
        f" {format_count(report.n_folders, 'folder')} moved{merged};"
        f" {report.n_found} files found there with the same size"
    )
