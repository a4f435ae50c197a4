"""One run of indexing: files hashed, known ones linked, new ones embedded and stored."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from itertools import islice
from typing import Any

from soundkin.audio.walk import FoundFile
from soundkin.embedding.pool import WorkerPool
from soundkin.embedding.segments import Embeddings
from soundkin.errors import AudioError, SoundkinError, WorkerError
from soundkin.indexing.folder_scan import FolderScan, remember_away
from soundkin.library.library import Library
from soundkin.library.records import REREAD_SIZE, Content, Recording
from soundkin.library.slowed import find_slow, identify_content
from soundkin.progress import Failure, ProgressCallback, RunTally
from soundkin.system.files import hash_file, is_unchanged
from soundkin.system.paths import is_listed

HASH_THREADS = 2
HASH_LOOK_AHEAD = 8
CHANGED = "it changed while it was read; run again"


class Indexer:
    """One index run: what was found, what is in flight, what came of it."""

    def __init__(
        self, library: Library, scan: FolderScan, pool: WorkerPool, on_progress: ProgressCallback
    ) -> None:
        self._library = library
        self._scan = scan
        self._pool = pool
        self._slow = library.list_slow()
        self._roots = library.list_folders()
        self.tally = RunTally(on_progress)
        self._ctimes_ns: dict[int, int] = {}  # of recordings of which none was known
        self._in_flight: dict[bytes, list[FoundFile]] = {}
        self._pending: dict[Future[Embeddings], bytes] = {}

    def run(self, *, keep_missing: bool, drop_missing: bool) -> None:
        """Do the whole run."""
        self.tally.others = self._scan.others
        for file, digest in self._hash_ahead(self._find_changed()):
            self._take(file, digest)
        while self._pending:
            self._store_finished()
        leaving = self._scan.settle(drop_missing=drop_missing)
        self.tally.failures += leaving.failures
        if not keep_missing:
            self._library.remove_recordings(leaving.vanished)
            self.tally.counts["n_removed"] += len(leaving.vanished)
            remember_away(self._library, leaving)
            self.tally.missing = leaving.missing
            self.tally.counts["n_missing"] += leaving.n_missing

    def _find_changed(self) -> list[FoundFile]:
        """List the files that are new or changed, the largest first.

        The largest first, so that no long recording is left alone on one processor at the end.
        """
        changed = sorted(filter(self._is_changed, self._scan.found), key=lambda file: -file.size)
        self._library.save_ctimes(self._ctimes_ns)
        self.tally.advance(n_files=len(changed), n_bytes=sum(file.size for file in changed))
        return changed

    def _is_changed(self, found: FoundFile) -> bool:
        """Tell whether a file has to be read: other bytes, or others than it was heard by.

        Where only its ctime is another one, its bytes are hashed, and it is decoded if they differ.
        One that was not known is taken as it is, since to hash a whole older library takes hours.
        """
        known = self._scan.known.get(found.path)
        if known is None or (known.size, known.mtime_ns) != (found.size, found.mtime_ns):
            return True
        if known.slow != self._find_slow(found):
            self.tally.counts["n_slowed"] += 1
            return True
        if known.ctime_ns is None and found.ctime_ns is not None:
            self._ctimes_ns[known.id] = found.ctime_ns
        elif known.ctime_ns != found.ctime_ns:
            return True
        self.tally.counts["n_failed_before" if known.failed else "n_unchanged"] += 1
        return False

    def _find_slow(self, file: FoundFile) -> float:
        return find_slow(file.path, self._slow)

    def _identify(self, file: FoundFile) -> bytes:
        """Compute what a file's content is known by; AudioError where it cannot be read."""
        return identify_content(hash_file(file.path), self._find_slow(file))

    def _hash_ahead(self, files: Sequence[FoundFile]) -> Iterator[tuple[FoundFile, bytes]]:
        """Yield files with what their contents are known by, computed some files ahead."""
        threads = ThreadPoolExecutor(HASH_THREADS, thread_name_prefix="hash")
        queue: deque[tuple[FoundFile, Future[bytes]]] = deque()
        coming = iter(files)
        try:
            while True:
                for file in islice(coming, HASH_LOOK_AHEAD - len(queue)):
                    queue.append((file, threads.submit(self._identify, file)))
                if not queue:
                    return
                file, future = queue.popleft()
                try:
                    digest = future.result()
                except AudioError as error:  # no fault of its bytes: tried again by the next run
                    self._fail(file, error, keep=False)
                else:
                    yield file, digest
        finally:
            threads.shutdown(cancel_futures=True)

    def _take(self, file: FoundFile, digest: bytes) -> None:
        """Store a file whose bytes are known; queue one whose bytes are not."""
        content_id = self._library.find_content(digest)
        if content_id is not None:
            self._link(file, content_id)
        elif digest in self._in_flight:
            self._in_flight[digest].append(file)
        else:
            while len(self._pending) >= 2 * self._pool.n_workers:
                self._store_finished()
            self._in_flight[digest] = [file]
            self._pending[self._pool.submit(file.path, self._find_slow(file))] = digest

    def _store_finished(self) -> None:
        """Wait until a file is embedded, and store all that are."""
        done, _ = wait(self._pending, return_when=FIRST_COMPLETED)
        for future in done:
            digest = self._pending.pop(future)
            files = self._in_flight.pop(digest)
            try:
                embeddings = future.result()
            except (AudioError, WorkerError) as error:
                reason = Failure.of(
                    files[0].path, error
                ).reason  # names no file: all have its bytes
                for file in files:
                    self._fail_decoding(file, digest, type(error)(reason))
            else:
                self._store(files, digest, embeddings)

    def _store(self, files: list[FoundFile], digest: bytes, embeddings: Embeddings) -> None:
        first, *copies = files
        if not is_unchanged(first.path, first.size, first.mtime_ns):
            self._fail(first, AudioError(CHANGED), keep=False)
            for copy in copies:  # the copy may still hold the bytes that were hashed
                self._take(copy, self._identify(copy))
            return
        with self._library.transaction():
            self._follow_move(first)
            content_id = self._library.add_content(_describe(digest, embeddings))
            self._save(first, content_id)
        self.tally.counts["n_added"] += 1
        self.tally.advance(n_done=1, bytes_done=first.size, audio_s=embeddings.duration_s)
        if embeddings.warning:
            self.tally.warnings.append(Failure(first.path, embeddings.warning))
        for copy in copies:
            self._link(copy, content_id)

    def _link(self, file: FoundFile, content_id: int) -> None:
        """Give a file the vectors that its bytes have already: it was moved, or is a copy."""
        with self._library.transaction():
            present = self._library.find_recording(file.path)
            is_touched = present is not None and present.content_id == content_id
            moved = None if is_touched else self._find_moved(content_id)
            if moved is not None:
                self._scan.note_move(moved.path, file.path)
                self._library.move_recording(moved, file.path)
                if present is not None and present.size == REREAD_SIZE:
                    self._library.add_tags([moved], present.tags)  # they were of no other sound
            elif is_touched:
                self._scan.note_move(file.path, file.path)
            self._save(file, content_id)
        self.tally.counts["n_moved" if moved else "n_duplicates"] += 1
        self.tally.advance(n_done=1, bytes_done=file.size)

    def _follow_move(self, file: FoundFile) -> None:
        """Keep the tags of what came from a folder that is heard at another speed."""
        if not self._slow or file.path in self._scan.known:
            return
        with suppress(AudioError):
            other_id = self._library.find_bytes(hash_file(file.path))
            moved = None if other_id is None else self._find_moved(other_id)
            if moved is not None:
                self._scan.note_move(moved.path, file.path)
                self._library.move_recording(moved, file.path)

    def _find_moved(self, content_id: int) -> Recording | None:
        """Find a recording of the same bytes whose own file is gone."""
        for recording in self._library.get_recordings([content_id]).get(content_id, []):
            if recording.path not in self._scan.seen and not is_listed(recording.path, self._roots):
                return recording
        return None

    def _save(self, file: FoundFile, content_id: int) -> None:
        self._save_as(file, file.size, content_id=content_id)

    def _save_as(self, file: FoundFile, size: int, **what: Any) -> None:
        own: dict[str, Any] = {"ctime_ns": file.ctime_ns, "slow": self._find_slow(file)}
        self._library.save_recording(file.path, size, file.mtime_ns, **own, **what)

    def _fail(self, file: FoundFile, error: SoundkinError, *, keep: bool = True) -> None:
        """Note a failure; without `keep`, what is known of the file stays, for a next try."""
        failure = Failure.of(file.path, error)
        size = file.size if keep else REREAD_SIZE
        if keep or file.path not in self._scan.known:
            with self._library.transaction():
                self._save_as(file, size, error=failure.reason)
        self.tally.failures.append(failure)
        self.tally.advance(n_done=1, bytes_done=file.size)

    def _fail_decoding(self, file: FoundFile, digest: bytes, error: SoundkinError) -> None:
        """Note that a file cannot be decoded; where its bytes are at fault, it is not tried again.

        They are not, where by now they cannot be read at all, or are others than were hashed.
        """
        try:
            is_its_own = self._identify(file) == digest
        except AudioError as reading:
            self._fail(file, reading, keep=False)
            return
        self._fail(file, error if is_its_own else AudioError(CHANGED), keep=is_its_own)


def _describe(digest: bytes, embeddings: Embeddings) -> Content:
    info = embeddings.info
    assert info is not None  # a file always has one
    return Content(
        hash=digest,
        duration_s=embeddings.duration_s,
        sample_rate=info.sample_rate,
        n_channels=info.n_channels,
        format=info.format,
        warning=embeddings.warning,
        vectors=embeddings.vectors,
        levels_db=embeddings.levels_db,
        facts=embeddings.facts,
        fingerprint=embeddings.fingerprint,
    )
