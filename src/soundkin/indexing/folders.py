"""Bring a library in step with folders: walk, hash, decode and embed in parallel, store.

What is in the library already is not decoded again: unchanged files are told by size and times,
moved and duplicate ones by the hash of their bytes. Each recording is committed by itself, so that
an interrupted run loses only what was in flight.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from soundkin.audio.walk import resolve_root
from soundkin.embedding.model import ModelFile
from soundkin.embedding.pool import WorkerPool
from soundkin.embedding.trusted_models import choose_model
from soundkin.errors import LibraryError
from soundkin.indexing.facts_backfill import measure_missing
from soundkin.indexing.folder_scan import FolderScan, scan_files, scan_folders
from soundkin.indexing.indexer import Indexer
from soundkin.indexing.relocate import follow_spelling
from soundkin.library.library import Library
from soundkin.library.locks import lock_library
from soundkin.progress import IndexReport, ProgressCallback, ignore


def index_folders(
    library: Library,
    folders: Sequence[str | os.PathLike[str]] = (),
    *,
    slow: float | None = None,
    model: str | os.PathLike[str] | None = None,
    rebuild: bool = False,
    keep_missing: bool = False,
    drop_missing: bool = False,
    n_workers: int | None = None,
    on_progress: ProgressCallback = ignore,
) -> IndexReport:
    """Bring a library in step with folders and files; without any, with all it knows.

    Parameters
    ----------
    slow
        Hear what lies in these folders so many times slower (1 to 100), as ultrasound; from now on,
        and with what was heard otherwise embedded again. None leaves it as it was.
    model
        Name or file of the model; None means the library's own, or the default for a new one.
    rebuild
        Take another model: embed everything the library knows again.
    keep_missing
        Keep recordings whose files are gone.
    drop_missing
        Drop them even where it looks as if a drive is not plugged in.
    n_workers
        Processes that decode and embed; None means one a processor.

    Raises
    ------
    SoundkinError
        A folder is missing, another run is at work on the library, the library was made with
        another model, or it cannot be written. Files that cannot be read are in the report.
    """
    if library.is_distributed:
        raise LibraryError(f"{library.name}: to index into it, add --cluster")
    started = time.monotonic()
    roots = [resolve_root(folder) for folder in folders]
    with lock_library(library.path):
        model_file = choose_model(library, model, rebuild=rebuild)
        follow_spelling(library)
        with library.transaction():
            for root in roots:
                library.add_folder(root, slow)
        if rebuild or not roots:
            roots = library.list_folders()
        if not roots:
            raise LibraryError(f"{library.name}: nothing to index; run: soundkin index FOLDER")
        scan = scan_folders(library, roots)
        with WorkerPool(model_file, n_workers) as pool, library.connection.relaxed_sync():
            run = Indexer(library, scan, pool, on_progress)
            run.run(keep_missing=keep_missing, drop_missing=drop_missing)
            library.drop_orphans()
            n_measured = measure_missing(library, pool, on_progress)
    report = run.tally.report(time.monotonic() - started)
    return replace(report, n_measured=n_measured)


def index_scan(
    library: Library,
    make_scan: Callable[[], FolderScan],
    take_pool: Callable[[ModelFile], WorkerPool],
    on_progress: ProgressCallback = ignore,
) -> IndexReport:
    """Bring a library in step with what a scan of it has found, and with nothing else.

    The scan is made once the library is this run's; the pool is left open.

    Raises
    ------
    SoundkinError
        As `index_folders`; BusyError where another run is at work on the library.
    """
    started = time.monotonic()
    with lock_library(library.path):
        pool = take_pool(choose_model(library, None))
        scan = make_scan()
        run = Indexer(library, scan, pool, on_progress)
        run.run(keep_missing=False, drop_missing=False)
        if scan.known:  # else there were no bytes before that are nobody's now
            library.drop_orphans()
    return run.tally.report(time.monotonic() - started)


def embed_again(
    library: Library,
    paths: Sequence[str],
    *,
    n_workers: int | None = None,
    on_progress: ProgressCallback = ignore,
) -> IndexReport:
    """Bring single files of a library in step, as for a repair; the caller has locked the library.

    Raises
    ------
    SoundkinError
        The library's model is not to be found, or it cannot be written.
    """
    started = time.monotonic()
    model_file = choose_model(library, None)
    with WorkerPool(model_file, n_workers) as pool, library.connection.relaxed_sync():
        run = Indexer(library, scan_files(library, paths), pool, on_progress)
        run.run(keep_missing=True, drop_missing=False)
        n_measured = measure_missing(library, pool, on_progress)
    return replace(run.tally.report(time.monotonic() - started), n_measured=n_measured)
