"""Keep a library in step with folders, while their files come, change, move and go."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from soundkin.audio.decoders.open import is_audio_path
from soundkin.audio.walk import FoundFile, is_below, resolve_root, walk_audio
from soundkin.embedding.model import ModelFile
from soundkin.embedding.pool import WorkerPool
from soundkin.errors import BusyError
from soundkin.indexing.folder_scan import FolderScan, scan_changes, scan_folders
from soundkin.indexing.folders import index_folders, index_scan
from soundkin.library.library import Library
from soundkin.library.locks import lock_library
from soundkin.progress import IndexReport, ProgressCallback, ignore
from soundkin.system.file_events import FolderEvents, FolderWatcher, StopEvent
from soundkin.system.paths import Spellings

POLL_S = 0.5
QUIET_S = 1.0
IDLE_S = 60.0
BUSY = "another soundkin is indexing into the library; going on when it is done"


@dataclass(frozen=True)
class WatchNews:
    """What came of watching: a batch of changes was taken in, or there is something to be said."""

    report: IndexReport | None = None
    message: str | None = None


def watch_folders(
    library: Library,
    folders: Sequence[str | os.PathLike[str]] = (),
    *,
    model: str | os.PathLike[str] | None = None,
    quiet_s: float = QUIET_S,
    poll_every_s: float | None = None,
    n_workers: int | None = None,
    stop: StopEvent | None = None,
    on_progress: ProgressCallback = ignore,
) -> Iterator[WatchNews]:
    """Bring a library in step with folders, then again with every change, until it is stopped.

    Without folders, with all that the library knows, those too that it comes to know meanwhile. A
    folder that is away is waited for; what the library has of it is kept. Other runs may index into
    the library between two batches.

    Parameters
    ----------
    quiet_s
        A file is taken in once its size and time have not changed for so long.
    poll_every_s
        Walk the folders so often instead of asking the system for news, as for network shares.
    stop
        Ends it, after what is being done, once it is set. A KeyboardInterrupt ends it at once;
        what was done is kept either way.

    Yields
    ------
    The report of the first run, then one for each batch of changes; and messages.

    Raises
    ------
    SoundkinError
        As `index_folders`, but for other runs at work on the library, which are waited for.
    """
    roots = [resolve_root(folder) for folder in folders]
    while True:
        try:
            report = index_folders(
                library, roots, model=model, n_workers=n_workers, on_progress=on_progress
            )
            break
        except BusyError:
            yield WatchNews(message=BUSY)
            if not _wait_until_free(library, stop):
                return
    library.renew_index()
    yield WatchNews(report)
    workers = _Workers(n_workers)
    try:
        with FolderWatcher(poll_every_s=poll_every_s) as lookout:
            yield from _Watch(library, lookout, roots, quiet_s, workers, on_progress).run(stop)
    finally:
        workers.close()


def _wait_until_free(library: Library, stop: StopEvent | None) -> bool:
    """Wait until no other run is at work on a library; False if it is to be stopped before."""
    while stop is None or not stop.is_set():
        time.sleep(POLL_S)
        try:
            with lock_library(library.path):
                return True
        except BusyError:
            continue
    return False


@dataclass
class _Change:
    """A path that changed: its size and time when it was last looked at, and since when."""

    size: int
    mtime_ns: int
    since_s: float


class _Watch:
    """What is known to have changed, and has not been taken in yet."""

    def __init__(
        self,
        library: Library,
        lookout: FolderWatcher,
        roots: Sequence[str],
        quiet_s: float,
        workers: _Workers,
        on_progress: ProgressCallback,
    ) -> None:
        self._library = library
        self._watcher = lookout
        self._given_roots = roots
        self._quiet_s = quiet_s
        self._workers = workers
        self._on_progress = on_progress
        self._changed: dict[str, _Change] = {}
        self._gone: dict[str, float] = {}
        self._stale: dict[str, float] = {}
        self._is_waiting = False

    def run(self, stop: StopEvent | None) -> Iterator[WatchNews]:
        """Take changes in until told to stop."""
        events = self._watcher.poll(self._list_roots(), 0.0, stop)
        yield from (WatchNews(message=message) for message in events.messages)
        self._note(events)
        while stop is None or not stop.is_set():
            events = self._watcher.poll(self._list_roots(), POLL_S, stop)
            yield from (WatchNews(message=message) for message in events.messages)
            self._note(events)
            try:
                report = self._take_in(time.monotonic())
            except BusyError:
                if not self._is_waiting:
                    yield WatchNews(message=BUSY)
                self._is_waiting = True
                continue
            self._workers.close(IDLE_S)
            if report is not None:
                self._is_waiting = False
                if _has_changed(report):
                    self._library.renew_index()
                if _has_changed(report) or report.failures or report.missing:
                    yield WatchNews(report)

    def _list_roots(self) -> Sequence[str]:
        return self._given_roots or self._library.list_folders()

    def _note(self, events: FolderEvents) -> None:
        """Remember what was events, and since when."""
        now = time.monotonic()
        for root in events.to_rescan:
            self._stale.setdefault(root, now)
        roots = sorted(self._list_roots(), key=len, reverse=True)
        spellings = Spellings()
        for path in events.paths:
            root = next((root for root in roots if is_below(path, root)), "")
            if not root or _is_hidden(path, root):
                continue
            spelt = spellings.find(path, root)
            if spelt != path:  # it has this name no more, or never had it on this disk
                self._note_gone(path, now)
            try:
                status = Path(spelt).stat()
            except FileNotFoundError:
                if path != root:  # one that is away is no deletion
                    self._note_gone(spelt, now)
            except OSError:
                continue
            else:
                self._note_file(spelt, status, root, now)

    def _note_gone(self, path: str, now: float) -> None:
        self._changed.pop(path, None)
        self._gone[path] = now

    def _note_file(self, path: str, status: os.stat_result, root: str, now: float) -> None:
        if stat.S_ISDIR(status.st_mode):
            if path == root:
                return
            for found in walk_audio(path):  # it may have been filled before anyone listened to it
                if isinstance(found, FoundFile):
                    self._changed[found.path] = _Change(found.size, found.mtime_ns, now)
        elif stat.S_ISREG(status.st_mode) and (path == root or is_audio_path(path)):
            self._changed[path] = _Change(status.st_size, status.st_mtime_ns, now)

    def _take_in(self, now: float) -> IndexReport | None:
        """Bring the library in step with what has become quiet; None where nothing has."""
        stale = [root for root, since_s in self._stale.items() if now - since_s >= self._quiet_s]
        if stale:
            report = self._index(lambda: self._rescan(stale))
            self._stale = {root: at for root, at in self._stale.items() if root not in stale}
            return report
        files = self._find_quiet(now)
        # Later than files, so that one that was moved is not forgotten before it is found again.
        gone = [path for path, at in self._gone.items() if now - at >= 2 * self._quiet_s]
        if not files and not gone:
            return None
        there = [root for root in self._list_roots() if self._watcher.is_there(root)]
        trusted = [path for path in gone if any(is_below(path, root) for root in there)]
        report = self._index(lambda: scan_changes(self._library, files, trusted, there))
        for file in files:
            del self._changed[file.path]
        for path in gone:
            del self._gone[path]
        return report

    def _rescan(self, roots: Sequence[str]) -> FolderScan:
        """Look at all of some roots, but leave what is being written for later."""
        scan = scan_folders(self._library, roots)
        now = time.monotonic()
        for file in scan.defer_recent(time.time_ns() - int(1e9 * self._quiet_s)):
            self._changed.setdefault(file.path, _Change(file.size, file.mtime_ns, now))
        return scan

    def _find_quiet(self, now: float) -> list[FoundFile]:
        """Find the changed files whose size and time stay as they are."""
        quiet: list[FoundFile] = []
        for path, change in list(self._changed.items()):
            if now - change.since_s < self._quiet_s:
                continue
            try:
                status = Path(path).stat()
            except OSError:
                del self._changed[path]
                self._gone.setdefault(path, now)
                continue
            if (status.st_size, status.st_mtime_ns) == (change.size, change.mtime_ns):
                quiet.append(FoundFile.of(path, status))
            else:
                self._changed[path] = _Change(status.st_size, status.st_mtime_ns, now)
        return quiet

    def _index(self, make_scan: Callable[[], FolderScan]) -> IndexReport:
        return index_scan(
            self._library, make_scan, self._workers.take, on_progress=self._on_progress
        )


class _Workers:
    """Workers that are kept between batches, as starting them takes longer than most batches."""

    def __init__(self, n_workers: int | None) -> None:
        self._n_workers = n_workers
        self._pools = ExitStack()
        self._taken: tuple[ModelFile, WorkerPool] | None = None
        self._used_at = 0.0

    def take(self, model: ModelFile) -> WorkerPool:
        """Take the pool, a new one if there is none of this model."""
        if self._taken is None or self._taken[0] != model:
            self.close()
            self._taken = model, self._pools.enter_context(WorkerPool(model, self._n_workers))
        self._used_at = time.monotonic()
        return self._taken[1]

    def close(self, idle_s: float = 0.0) -> None:
        """End them, if they have been idle for so long."""
        if time.monotonic() - self._used_at >= idle_s:
            self._pools.close()
            self._taken = None


def _is_hidden(path: str, root: str) -> bool:
    """Tell whether a walk of a root would leave a path out."""
    return f"{os.sep}." in path[len(root.rstrip(os.sep)) :]


def _has_changed(report: IndexReport) -> bool:
    """Whether a run has changed anything."""
    changes = (report.n_added, report.n_duplicates, report.n_moved, report.n_removed)
    return any(changes)
