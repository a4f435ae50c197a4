"""`soundkin crate`: sounds put together, and taken away as real files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from soundkin.cli.options import (
    CSV,
    JSON,
    PATHS,
    find_recordings,
    library_option,
    null_option,
    open_library,
    output_options,
)

if TYPE_CHECKING:
    from soundkin.library.crates import CrateItem
    from soundkin.library.library import Library
    from soundkin.progress import Failure


@click.command(
    epilog="""\b
Examples:
  soundkin crate                                  every crate, and how much is in it
  soundkin crate dusty ~/Samples/909 kick.wav     put sounds into one, made at need
  soundkin search kick.wav --paths -0 | xargs -0 soundkin crate dusty
  soundkin crate dusty                            what is in it
  soundkin crate dusty --copy ~/Music/dusty       as real files, for a DAW's own browser
  soundkin crate dusty --reaper > dusty.rpp
"""
)
@click.argument("name", required=False)
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--take-out", is_flag=True, help="Take PATHS out instead of putting them in.")
@click.option(
    "--copy",
    "folder",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Copy what is in it into a folder; nothing there is overwritten.",
)
@click.option(
    "--zip",
    "archive",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write what is in it into a zip file.",
)
@click.option("--rename", "new_name", metavar="NAME", help="Give it another name.")
@click.option("--delete", is_flag=True, help="Forget it; its sounds stay.")
@output_options(
    JSON,
    CSV,
    PATHS,
    ("m3u", "A playlist."),
    ("reaper", "A REAPER project with a region for each sound."),
)
@null_option
@library_option
def crate(
    name: str | None,
    paths: tuple[str, ...],
    take_out: bool,
    folder: Path | None,
    archive: Path | None,
    new_name: str | None,
    delete: bool,
    output: str | None,
    null: bool,
    library_path: str,
) -> None:
    """Put sounds together under a NAME, list them, or take them away as files.

    PATHS are recordings of the library, folders in it, or ends of paths. A crate whose last sound
    is taken out is gone; its sounds stay in the library.
    """
    acts = [bool(paths), folder is not None, archive is not None, new_name is not None, delete]
    if sum(acts) + bool(output or null) > 1:
        raise click.UsageError("one thing at a time: PATHS, --copy, --zip, --rename, --delete")
    if name is None and (any(acts) or output or null):
        raise click.UsageError("say which crate: soundkin crate NAME …")
    if take_out and not paths:
        raise click.UsageError("say what is to be taken out: soundkin crate NAME --take-out PATHS")
    with open_library(library_path) as library:
        if name is None:
            _print_crates(library)
        elif paths:
            _change(library, name, paths, take_out=take_out)
        elif new_name is not None or delete:
            _rename_or_forget(library, name, new_name)
        else:
            _take_away(library, name, folder, archive, output, null=null)


def _print_crates(library: Library) -> None:
    from soundkin.cli.output import print_table
    from soundkin.library.crates import list_crates

    print_table(("sounds", "crate"), [(str(count), name) for name, count in list_crates(library)])


def _change(library: Library, name: str, paths: Sequence[str], *, take_out: bool) -> None:
    from soundkin.library.crates import CrateItem, add_to_crate, read_crate, remove_from_crate

    recordings = [one for one in find_recordings(library, paths) if not one.error]
    if take_out:
        wanted = {one.id for one in recordings}
        inside = read_crate(library, name)
        gone = [(one.recording.id, one.start_s) for one in inside if one.recording.id in wanted]
        count = remove_from_crate(library, name, gone)
        click.echo(f"soundkin: {count} taken out of {name}", err=True)
        return
    count = add_to_crate(library, name, map(CrateItem, recordings))
    known = f", {len(recordings) - count} were there" if count < len(recordings) else ""
    click.echo(f"soundkin: {count} put into {name}{known}", err=True)


def _rename_or_forget(library: Library, name: str, new_name: str | None) -> None:
    from soundkin.errors import QueryError
    from soundkin.library.crates import remove_crate, rename_crate

    if new_name is not None:
        rename_crate(library, name, new_name)
    elif not remove_crate(library, name):
        raise QueryError(f"{name}: no such crate; soundkin crate lists them")


def _take_away(
    library: Library,
    name: str,
    folder: Path | None,
    archive: Path | None,
    output: str | None,
    *,
    null: bool,
) -> None:
    from soundkin.cli import output as out
    from soundkin.library.crates import read_crate
    from soundkin.search.playlists import FORMATS
    from soundkin.search.take_away import describe_items

    items = read_crate(library, name)
    rows = describe_items(items)
    if folder is not None or archive is not None:
        _write_files(items, folder, archive)
    elif output in ("m3u", "reaper"):
        for text in FORMATS[output].write(rows):
            click.echo(text, nl=False)
    elif output or null:
        out.print_rows(rows, output or "paths", null=null)
    else:
        _print_items(items)


def _print_items(items: Sequence[CrateItem]) -> None:
    from soundkin.cli import output as out
    from soundkin.text import format_time

    cells = (
        (
            "" if item.is_whole else format_time(item.start_s),
            format_time(item.duration_s),
            out.shorten_path(item.recording.path),
        )
        for item in items
    )
    out.print_table(("from", "length", "recording"), list(cells))


def _write_files(items: Sequence[CrateItem], folder: Path | None, archive: Path | None) -> None:
    from soundkin.audio.decoders.decoder_process import decode_in_subprocess
    from soundkin.errors import AudioError, LibraryError, naming
    from soundkin.search.take_away import copy_items, pack_items
    from soundkin.system.files import write_aside

    failures: list[Failure] = []
    with decode_in_subprocess():
        if folder is not None:
            _, failures = copy_items(items, folder)
        elif archive is not None:
            if archive.exists():
                raise click.UsageError(f"{archive}: it is there already; choose another name")
            with naming(archive, LibraryError), write_aside(archive) as file:
                failures = pack_items(items, file)
    for failure in failures:
        click.echo(f"soundkin: {failure.path}: {failure.reason}", err=True)
    click.echo(f"soundkin: {len(items) - len(failures)} files in {folder or archive}", err=True)
    if items and len(failures) == len(items):
        raise AudioError(f"{items[0].recording.path}: no sound of the crate can be read")
