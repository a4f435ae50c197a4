"""`soundkin index`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from soundkin.cli.options import check_address, cluster_option, library_option, open_library
from soundkin.config import MAX_SLOW
from soundkin.errors import LibraryError, QueryError
from soundkin.index.kinds import INDEX_KINDS

if TYPE_CHECKING:
    from soundkin.library.library import Library
    from soundkin.progress import IndexReport


@click.command(
    epilog="""\b
Examples:
  soundkin index ~/Samples              the first time, or again: only what changed
  soundkin index ~/Samples ~/Takes      several folders in one library
  soundkin index                        every folder the library knows, again
  soundkin index ~/Bats --slow 10       ultrasound: 40 kHz is heard as 4 kHz
  soundkin index --keep-missing /media  a drive whose files come and go
  soundkin index --rebuild --model encoder.onnx
  soundkin index /shared/Samples --cluster --library /shared/sounds.lance
  soundkin index s3://bucket/sounds --cluster head:6379 --library s3://bucket/sounds.lance
  soundkin index files.csv --cluster --library sounds.lance
"""
)
@click.argument("folders", nargs=-1, type=click.Path())
@click.option(
    "--slow",
    type=click.FloatRange(1, MAX_SLOW),
    metavar="FACTOR",
    help="Hear FOLDERS so many times slower, as recordings of bats, from now on; 1: as they are.",
)
@click.option("--model", metavar="NAME", help="Model that embeds, by name or .onnx file.")
@click.option("--rebuild", is_flag=True, help="Embed everything again, as for another model.")
@click.option("--keep-missing", is_flag=True, help="Keep recordings whose files are gone.")
@click.option("--drop-missing", is_flag=True, help="Drop them even where a drive may be away.")
@click.option(
    "--index-kind",
    type=click.Choice(("auto", *INDEX_KINDS)),
    help="How neighbours are found from now on; auto goes by the library's size.",
)
@cluster_option(
    "Let a Ray cluster do it, into a Lance library: HOST:PORT of its head, or else the cluster"
    " of this machine, or one started for this run (local always starts one). Write it after the"
    " folders.",
)
@click.option("--workers", type=click.IntRange(1), metavar="N", help="Processes [default: cores].")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no summary.")
@library_option
def index(
    folders: tuple[str, ...],
    slow: float | None,
    model: str | None,
    rebuild: bool,
    keep_missing: bool,
    drop_missing: bool,
    index_kind: str | None,
    cluster: str | None,
    workers: int | None,
    quiet: bool,
    library_path: str,
) -> None:
    """Bring the library in step with FOLDERS of sounds.

    Files that did not change are not read again, moved ones keep their tags, and files that are
    gone are dropped: but where a whole folder is not there, empty or another one by its files, a
    drive may be away, and its recordings are kept. Ctrl-C at any time: the next run goes on from
    there.

    With --slow 10 a recording is heard as if its sample rate were a tenth, so that ultrasound is
    heard too. The folder keeps the factor; with another one its recordings are embedded again.
    Times are told in the file's own seconds, and pitches in its own Hz.

    With --cluster, FOLDERS may also be URLs, as s3://bucket/folder, and lists of paths: a .txt file
    with a path a line, or a .csv file with a column path.
    """
    if slow is not None and not folders:
        raise click.UsageError("--slow goes with the folders that are to be heard slower")
    if cluster is not None:
        check_address(cluster)
        from soundkin.system.limits import limit_heaps

        # Ray and Lance have dozens of threads, with whose heaps a driver grows by every file; it
        # allocates too little for them to get in each other's way.
        limit_heaps(1)
    from soundkin.audio.walk import resolve_root
    from soundkin.cli.progress import count_segments, report_failures, show_progress
    from soundkin.embedding.model import load_model
    from soundkin.indexing.summary import summarise_run
    from soundkin.indexing.upgrade import find_upgrade

    for folder in folders:  # before a library is made for nothing
        if cluster is None or "://" not in folder:
            resolve_root(folder)
    if model is not None:
        load_model(model)
    with open_library(library_path, create=bool(folders)) as library:
        with show_progress(quiet=quiet) as on_progress:
            report = _bring_in_step(
                library,
                folders,
                cluster,
                slow=slow,
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
        library.renew_index(count_segments(quiet=quiet))
        if not quiet:
            click.echo(summarise_run(report, library.count()))
            upgrade = find_upgrade(library)
            if upgrade:
                click.echo(str(upgrade), err=True)
    listed = " (soundkin list --failed has all)"
    report_failures("Read only in part", report.warnings, "")
    report_failures("Not read", report.failures, listed)
    report_failures("Not there", report.missing, "")


def _bring_in_step(
    library: Library, folders: tuple[str, ...], cluster: str | None, **options: Any
) -> IndexReport:
    if cluster is None:
        from soundkin.indexing.folders import index_folders

        return index_folders(library, folders, **options)
    from soundkin.cluster.index import index_with_cluster
    from soundkin.library.lance.lance_library import LanceLibrary

    if not isinstance(library, LanceLibrary):
        raise LibraryError(
            f"{library.name}: an SQLite file, into which one machine indexes; for --cluster name"
            " a folder of Lance tables: --library NAME.lance, or a URL"
        )
    return index_with_cluster(library, folders, address=cluster, **options)
