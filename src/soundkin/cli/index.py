"""`soundkin index`."""

from __future__ import annotations

import click

from soundkin.cli.options import library_option, open_library
from soundkin.errors import QueryError


@click.command(
    epilog="""\b
Examples:
  soundkin index ~/Samples              the first time, or again: only what changed
  soundkin index ~/Samples ~/Takes      several folders in one library
  soundkin index                        every folder the library knows, again
  soundkin index --keep-missing /media  a drive whose files come and go
  soundkin index --rebuild --model encoder.onnx
"""
)
@click.argument("folders", nargs=-1, type=click.Path())
@click.option("--model", metavar="NAME", help="Model that embeds, by name or .onnx file.")
@click.option("--rebuild", is_flag=True, help="Embed everything again, as for another model.")
@click.option("--keep-missing", is_flag=True, help="Keep recordings whose files are gone.")
@click.option("--drop-missing", is_flag=True, help="Drop them even where a drive may be away.")
@click.option(
    "--index-kind",
    type=click.Choice(("auto", "exact", "scan", "lists")),
    help="How neighbours are found from now on; auto goes by the library's size.",
)
@click.option("--workers", type=click.IntRange(1), metavar="N", help="Processes [default: cores].")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no summary.")
@library_option
def index(
    folders: tuple[str, ...],
    model: str | None,
    rebuild: bool,
    keep_missing: bool,
    drop_missing: bool,
    index_kind: str | None,
    workers: int | None,
    quiet: bool,
    library_path: str,
) -> None:
    """Bring the library in step with FOLDERS of sounds.

    Files that did not change are not read again, moved ones keep their tags, and files that are
    gone are dropped: but where a whole folder is not there, empty or another one by its files, a
    drive may be away, and its recordings are kept. Ctrl-C at any time: the next run goes on from
    there.
    """
    from soundkin.cli.progress import count_segments, report_failures, show_progress
    from soundkin.indexing import index_folders
    from soundkin.model import load_model
    from soundkin.phrasing import summarise_run
    from soundkin.upkeep import save_index
    from soundkin.walking import resolve_root

    for folder in folders:  # before a library is made for nothing
        resolve_root(folder)
    if model is not None:
        load_model(model)
    with open_library(library_path, create=bool(folders)) as library:
        with show_progress(quiet=quiet) as on_progress:
            report = index_folders(
                library,
                folders,
                model=model,
                rebuild=rebuild,
                keep_missing=keep_missing,
                drop_missing=drop_missing,
                n_workers=workers,
                on_progress=on_progress,
            )
        if folders and not report.n_files:
            raise QueryError(f"{', '.join(folders)}: no sound files there")
        if index_kind:
            library.index_kind = None if index_kind == "auto" else index_kind
        if library.model is not None:
            save_index(library, count_segments(quiet=quiet))
        if not quiet:
            click.echo(summarise_run(report, library.count()))
    listed = " (soundkin list --failed has all)"
    report_failures("Read only in part", report.warnings, "")
    report_failures("Not read", report.failures, listed)
    report_failures("Not there", report.missing, "")
