"""`soundkin remove`: recordings taken out of a library."""

from __future__ import annotations

import click

from soundkin.cli.options import (
    find_recordings,
    library_option,
    open_library,
    resolve_path,
)
from soundkin.text import format_count


@click.command(
    epilog="""\b
Examples:
  soundkin remove ~/Samples/old         a folder, no longer to be indexed
  soundkin remove kick.wav              one recording, until its folder is indexed again
"""
)
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@library_option
def remove(paths: tuple[str, ...], library_path: str) -> None:
    """Take recordings out of the library; the files themselves are not touched."""
    from soundkin.library.locks import lock_library

    with open_library(library_path) as library, lock_library(library.path):
        folders = set(library.list_folders())
        wanted = [path for path in paths if resolve_path(path) not in folders]
        recordings = find_recordings(library, wanted)
        ids = {recording.id for recording in recordings}
        with library.transaction():
            for path in map(resolve_path, paths):
                ids.update(file.id for file in library.list_files_below(path))
                library.remove_folder(path)
            library.remove_recordings(ids)
    click.echo(f"soundkin: {format_count(len(ids), 'recording')} taken out", err=True)
