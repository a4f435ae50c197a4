"""A Lance library brought in step with sources by a cluster: Ray does the work, here is kept count.

Ray Data streams portions of paths to actors (`embed_task`), which embed them and write fragments
that nobody sees yet. Every few seconds what came back is committed: the segments, then the
recordings. So a lost actor, node or driver costs what was in flight, and a run after it goes on
from there. What is to be done lies in a table on disk, not in memory, however many files there are.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from soundkin.audio.walk import FoundFile, Unreadable
from soundkin.cluster.connect import connect, translate_ray_error
from soundkin.cluster.embed_task import (
    BatchResult,
    EmbedTask,
    FileResult,
    hash_files,
    read_result,
    write_files,
)
from soundkin.cluster.ray_data import EmbedBatch, hash_batch, keep_quiet, make_block
from soundkin.cluster.sources import is_list, list_source, resolve_source
from soundkin.cluster.work_list import WorkList
from soundkin.embedding.trusted_models import choose_model
from soundkin.errors import LibraryError
from soundkin.library.lance.lance_library import LanceLibrary
from soundkin.library.lance.schema import RECORDINGS
from soundkin.library.locks import lock_library
from soundkin.library.slowed import find_slow, identify_content
from soundkin.progress import Failure, IndexReport, ProgressCallback, RunTally, ignore
from soundkin.system.limits import trim_heap
from soundkin.system.remote import is_remote

ROUND_FILES = 5_000  # that are given to Ray Data at once; its own memory grows with them
TASK_FILES = 64
TASK_BYTES = 64 << 20
TASKS_PER_CPU = 8
COMMIT_S = 2.0
HASHED_HERE = 64 << 20  # bytes, by the driver itself


def index_with_cluster(
    library: LanceLibrary,
    sources: Sequence[str | os.PathLike[str]] = (),
    *,
    address: str = "auto",
    slow: float | None = None,
    model: str | os.PathLike[str] | None = None,
    rebuild: bool = False,
    keep_missing: bool = False,
    drop_missing: bool = False,
    n_workers: int | None = None,
    on_progress: ProgressCallback = ignore,
) -> IndexReport:
    """Bring a library in step with folders, lists of paths and URLs; or with all it knows.

    Parameters are those of `indexing.index_folders`, but `address` (see `cluster.connect`), and
    `n_workers` actors at most, None meaning as many as the cluster has processors.

    Raises
    ------
    SoundkinError
        As from `indexing.index_folders`, or the cluster cannot be reached or gave up.
    """
    started = time.monotonic()
    roots = [resolve_source(source) for source in sources]
    lists = [root for root in roots if is_list(root)]
    if slow is not None and lists:
        raise LibraryError(f"{lists[0]}: a list keeps no --slow; name the folder of its files")
    with lock_library(library.path):
        library.tables.complete()
        model_file = choose_model(library, model, rebuild=rebuild)
        with library.transaction():
            for root in roots:
                library.add_folder(root, slow)
        if rebuild or not roots:
            roots = library.list_folders()
        if not roots:
            raise LibraryError(
                f"{library.name}: nothing to index; run: soundkin index FOLDER --cluster"
            )
        known = library.model
        segments = library.segments
        assert known is not None  # settled above
        assert segments is not None  # as well
        task = EmbedTask(
            library.name,
            segments,
            known.embedding_size,
            model_file.name,
            model_file.hash,
            tuple(library.list_slow().items()),
        )
        with WorkList(library) as work_list, connect(address, n_workers) as ray:
            run = _Run(library, work_list, ray, task, n_workers, on_progress)
            run.run(roots, keep_missing=keep_missing, drop_missing=drop_missing)
        trim_heap()
    return run.tally.report(time.monotonic() - started)


class _Run:
    """One run: what came of it so far."""

    def __init__(
        self,
        library: LanceLibrary,
        work_list: WorkList,
        ray: Any,
        task: EmbedTask,
        n_workers: int | None,
        on_progress: ProgressCallback,
    ) -> None:
        self._library = library
        self._work_list = work_list
        self._ray = ray
        self._task = task
        self._n_workers = n_workers
        self._slow = dict(task.slow)
        self.tally = RunTally(on_progress)

    def run(self, roots: Sequence[str], *, keep_missing: bool, drop_missing: bool) -> None:
        """Do the whole run."""
        protected: list[str] = []
        for root in roots:
            for found in list_source(root):
                if isinstance(found, Unreadable):
                    if found.matters:
                        self.tally.failures.append(Failure(found.path, found.reason))
                    if not (found.is_missing and drop_missing):
                        protected.append(found.path)
                else:
                    self._work_list.add(found)
        plan = self._work_list.plan()
        self.tally.counts.update(
            n_unchanged=plan.n_unchanged,
            n_failed_before=plan.n_failed_before,
            n_slowed=plan.n_slowed,
        )
        self.tally.advance(n_files=plan.n_files, n_bytes=plan.n_bytes)
        for files in self._work_list.read_rounds(ROUND_FILES):
            self._do_round(files)
        if not keep_missing:
            folders = [root for root in roots if not is_list(root)]
            self.tally.counts["n_removed"] += self._work_list.drop_vanished(folders, protected)
        self._library.drop_orphans()
        self._library.sweep()
        for name in (self._task.segments, RECORDINGS):
            self._library.tables.compact(name)
        self._library.refresh()

    def _do_round(self, files: Sequence[tuple[FoundFile, bool]]) -> None:
        """Hash what may be known already, embed what is not, and link copies to it."""
        fresh = [file for file, may_be_known in files if not may_be_known]
        copies: list[FileResult] = []
        failed: list[FileResult] = []
        seen: set[bytes] = set()
        hashed = [file for file, may_be_known in files if may_be_known]
        for portion in self._hash(hashed):
            for result in portion.results:
                if result.digest is None:
                    failed.append(result)
                elif result.digest in seen or self._work_list.has_content(result.digest):
                    copies.append(result)
                else:
                    seen.add(result.digest)
                    fresh.append(result.file)
        self._commit([BatchResult(tuple(failed))])
        fresh.sort(key=lambda file: -file.size)
        portions: list[BatchResult] = []
        committed_at = time.monotonic()
        try:
            for portion in self._stream(EmbedBatch, fresh, self._task):
                portions.append(portion)
                if time.monotonic() - committed_at > COMMIT_S:
                    portions = self._commit(portions)
                    committed_at = time.monotonic()
        finally:  # what came back is kept, whatever stopped the rest
            self._commit(portions)
        self._library.refresh()
        self._link(copies)
        trim_heap()

    def _commit(self, portions: Sequence[BatchResult]) -> list[BatchResult]:
        """Make what came back part of the library; returns the empty list to go on with."""
        fragments = [fragment for portion in portions for fragment in portion.fragments]
        if fragments:
            self._library.tables.commit_fragments(self._task.segments, fragments)
        results = [result for portion in portions for result in portion.results]
        self._work_list.record(
            [o for o in results if o.kept or not self._work_list.has_recording(o.file)]
        )
        for result in results:
            self._count("n_added", result)
        return []

    def _link(self, copies: Sequence[FileResult]) -> None:
        """Give files the vectors that their bytes have by now: they were moved, or are copies."""
        known: list[FileResult] = []
        again: list[FileResult] = []
        for result in copies:
            assert result.digest is not None  # only such were put aside
            (known if self._work_list.has_content(result.digest) else again).append(result)
        moved = self._work_list.move(known)
        rest = [result for result in known if result.file.path not in moved]
        self._work_list.record(rest)
        self._library.refresh()
        for result in known:
            self._count("n_moved" if result.file.path in moved else "n_duplicates", result)
        for portion in self._stream(EmbedBatch, [o.file for o in again], self._task):
            self._commit([portion])  # the one that was tried first failed

    def _count(self, name: str, result: FileResult) -> None:
        file = result.file
        if result.error is not None:
            self.tally.failures.append(Failure(file.path, result.error))
        else:
            self.tally.counts[name] += 1
        if result.warning:
            self.tally.warnings.append(Failure(file.path, result.warning))
        audio_s = result.duration_s if name == "n_added" else 0.0
        self.tally.advance(n_done=1, bytes_done=file.size, audio_s=audio_s)

    def _hash(self, files: Sequence[FoundFile]) -> Iterator[BatchResult]:
        """Hash files; what is near and little is done before others would have begun."""
        is_near = not any(is_remote(file.path) for file in files)
        if is_near and sum(file.size for file in files) <= HASHED_HERE:
            portions: Iterable[BatchResult] = [hash_files(files)]
        else:
            portions = self._stream(hash_batch, files)
        for portion in portions:
            yield BatchResult(tuple(map(self._identify, portion.results)))

    def _identify(self, result: FileResult) -> FileResult:
        """Know a file by how it is heard too."""
        if result.digest is None:
            return result
        slow = find_slow(result.file.path, self._slow)
        return replace(result, digest=identify_content(result.digest, slow))

    def _stream(
        self, work: Any, files: Sequence[FoundFile], *settings: Any
    ) -> Iterator[BatchResult]:
        """Have Ray Data do portions of files; yields what came of each as it is done."""
        if not files:
            return
        n_cpus = max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        n_actors = min(self._n_workers or n_cpus, len(files))
        blocks = [make_block(write_files(part)) for part in _divide(files, n_cpus)]
        options: dict[str, Any] = {"num_cpus": 1, "batch_size": None, "batch_format": "pyarrow"}
        if isinstance(work, type):
            strategy = self._ray.data.ActorPoolStrategy(
                min_size=1, max_size=n_actors, initial_size=n_actors
            )
            options |= {"compute": strategy, "fn_constructor_args": settings}
        keep_quiet(self._ray)
        dataset = self._ray.data.from_arrow(blocks).map_batches(work, **options)
        try:
            for row in dataset.iter_rows():
                yield read_result(row["value"])
        except self._ray.exceptions.RayError as error:
            raise translate_ray_error(error) from error


def _divide(files: Sequence[FoundFile], n_cpus: int) -> Iterator[Sequence[FoundFile]]:
    """Divide files into portions: small enough to share them out, large enough to be worth it."""
    share = 1 + sum(file.size for file in files) // (n_cpus * TASKS_PER_CPU)
    most_files = max(1, min(TASK_FILES, -(-len(files) // (n_cpus * TASKS_PER_CPU))))
    part: list[FoundFile] = []
    n_bytes = 0
    for file in files:
        part.append(file)
        n_bytes += file.size
        if len(part) >= most_files or n_bytes >= min(share, TASK_BYTES):
            yield part
            part, n_bytes = [], 0
    if part:
        yield part
