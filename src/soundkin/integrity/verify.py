"""A library checked from its pages to its audio files, in bounded memory; nothing is changed."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from soundkin.embedding.trusted_models import find_trusted_model
from soundkin.errors import AudioError, DamagedLibraryError, LibraryError, ModelError
from soundkin.index.disk import MANIFEST, IndexFolder
from soundkin.integrity.checks import (
    Finding,
    check_concepts,
    check_contents,
    check_facts,
    check_file,
    check_fingerprints,
    check_meta,
    check_recordings,
)
from soundkin.library.connection import REPAIR
from soundkin.library.library import Library
from soundkin.library.records import Filters, Recording
from soundkin.library.slowed import identify_content
from soundkin.progress import OnProgress, ignore
from soundkin.system.files import hash_file

MAX_FINDINGS = 1000  # kept of each part; further ones are counted

OTHER_BYTES = "other bytes than were indexed, though its size and time are the same"
INDEX_AGAIN = "run: soundkin index"


@dataclass(frozen=True)
class VerifyReport:
    """What was checked, and what is not as it should be.

    Of each part (see `Finding`) the first 1000 `findings` are kept; `n_damaged` and `n_notes` count
    all of them.
    """

    library: str
    n_recordings: int
    n_contents: int
    n_segments: int
    n_damaged: int
    n_notes: int
    elapsed_s: float
    findings: tuple[Finding, ...]

    @property
    def is_whole(self) -> bool:
        """Whether nothing in the library is damaged; files that are gone are none of it."""
        return not self.n_damaged


def verify_library(
    path: str | os.PathLike[str],
    *,
    deep: bool = False,
    on_progress: OnProgress = ignore,
    on_finding: Callable[[Finding], None] = lambda finding: None,
) -> VerifyReport:
    """Check a library's file, its rows, its saved index, its model and its audio files.

    Parameters
    ----------
    deep
        Compare the bytes of every audio file too.
    on_progress
        Called with what is being checked, how many are, and how many there are.
    on_finding
        Called with every finding at once, for those who want more than the first of each part.

    Raises
    ------
    LibraryError
        There is no such file, it is no soundkin library, or it cannot be read for now.
    """
    started = time.monotonic()
    path = Path(path).expanduser().absolute()
    collected = _Collected(on_finding)
    counts = (0, 0, 0)
    try:
        with Library.open(path) as library:
            collected.take(check_tables(library, on_progress))
            collected.take(check_model(library))
            collected.take(check_index(library, on_progress))
            collected.take(check_audio(library, on_progress, deep=deep))
            counts = _count(library)
    except DamagedLibraryError as error:
        collected.add(_read_damage(path, error))
    return VerifyReport(
        str(path), *counts, collected.n_damaged, collected.n_notes, time.monotonic() - started,
        tuple(collected.findings),
    )  # fmt: skip


def check_tables(library: Library, on_progress: OnProgress) -> Iterator[Finding]:
    """Check all that is in the library's file itself."""
    on_progress("Checking the file", 0, 1)
    checks: tuple[Iterator[Finding], ...] = (
        check_file(library),
        check_meta(library),
        check_contents(library, on_progress),
        check_facts(library),
        check_fingerprints(library),
        check_recordings(library),
        check_concepts(library),
    )
    said: list[Finding] = []  # by SQLite, of pages that more than one check came to
    for check in checks:
        try:
            yield from check
        except DamagedLibraryError as error:
            finding = _read_damage(library.path, error)
            if finding not in said:
                said.append(finding)
                yield finding


def check_model(library: Library) -> Iterator[Finding]:
    """See whether the model that the library was made with is there, byte for byte."""
    try:
        model = library.model
    except DamagedLibraryError:
        return  # told by `check_tables`
    if model is None:
        return
    again = f"to embed all of it with another: soundkin index --rebuild --model {model.name:.60}"
    try:
        found = find_trusted_model(model)
    except ModelError as error:
        yield Finding("model", model.file_name, str(error), again, is_damage=False)
        return
    if found.hash != model.hash:
        reason = f"it is another model ({found.hash[:8]}) than the library's ({model.hash[:8]})"
        yield Finding("model", str(found.path), reason, again, is_damage=False)


def check_index(library: Library, on_progress: OnProgress) -> Iterator[Finding]:
    """Check the saved index against itself and, where it is up to date, against the library."""
    folder = IndexFolder.beside(library.path)
    name = str(folder.path)
    if not (folder.path / MANIFEST).exists():
        return
    remedy = f"{REPAIR} (it is built again)"
    try:
        manifest = folder.read_manifest()
        found = folder.load()
    except (OSError, ValueError, KeyError, TypeError):
        found = None
    if found is None or not found.index.is_whole():
        yield Finding("index", name, "it is damaged", remedy)
        return
    if manifest.stamp != library.stamp:
        reason = "it is not up to date; the next search brings it in step"
        yield Finding("index", name, reason, INDEX_AGAIN, is_damage=False)
        return
    index = found.index
    places = {content_id: place for place, content_id in enumerate(index.content_ids.tolist())}
    contents = library.read_vectors_above(0)
    for n_done, (content_id, vectors, _) in enumerate(contents, 1):
        place = places.pop(content_id, None)
        rows = slice(0) if place is None else slice(*index.offsets[place : place + 2].tolist())
        if index.vectors[rows].tobytes() != vectors.tobytes():
            reason = f"it does not agree with the library (content {content_id})"
            yield Finding("index", name, reason, remedy)
            return
        on_progress("Comparing the index", n_done, len(index.content_ids))
    gone = [slice(*index.offsets[place : place + 2].tolist()) for place in places.values()]
    if not all(index.silent[rows].all() for rows in gone):
        yield Finding("index", name, "it finds what is in the library no more", remedy)


def check_audio(library: Library, on_progress: OnProgress, *, deep: bool) -> Iterator[Finding]:
    """See whether the files are there, of the size and time that they had; `deep`: their bytes."""
    n_all = library.count().n_recordings
    for n_done, recording in enumerate(library.select_recordings(Filters()), 1):
        path = recording.path
        on_progress("Reading audio files" if deep else "Looking at audio files", n_done, n_all)
        try:
            status = Path(path).stat()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            yield Finding("audio", path, f"not there ({reason})", INDEX_AGAIN, False, recording.id)
            continue
        if (status.st_size, status.st_mtime_ns) != (recording.size, recording.mtime_ns):
            reason = "it has another size or time than when it was indexed"
            yield Finding("audio", path, reason, INDEX_AGAIN, False, recording.id)
        elif deep:
            yield from _check_bytes(library, recording)


def _check_bytes(library: Library, recording: Recording) -> Iterator[Finding]:
    sql, path = "SELECT hash FROM contents WHERE id = ?", recording.path
    [(known,)] = library.connection.fetch(sql, [recording.content_id])
    try:
        if identify_content(hash_file(path), recording.slow) == known:
            return
        reason = OTHER_BYTES
        remedy = "run: soundkin verify --deep --repair (takes it in as it is now)"
    except AudioError as error:
        reason, remedy = str(error).removeprefix(f"{path}: "), INDEX_AGAIN
    yield Finding("audio", path, reason, remedy, False, recording.id)


class _Collected:
    """Findings, the first of each part kept and all of them counted."""

    def __init__(self, on_finding: Callable[[Finding], None]) -> None:
        self.findings: list[Finding] = []
        self.n_damaged = self.n_notes = 0
        self._counts: Counter[str] = Counter()
        self._on_finding = on_finding

    def take(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self.add(finding)

    def add(self, finding: Finding) -> None:
        self.n_damaged += finding.is_damage
        self.n_notes += not finding.is_damage
        self._counts[finding.part] += 1
        if self._counts[finding.part] <= MAX_FINDINGS:
            self.findings.append(finding)
        self._on_finding(finding)


def _read_damage(path: Path, error: LibraryError) -> Finding:
    reason = str(error).removeprefix(f"{path}: ").split(f"; {REPAIR}")[0]
    return Finding("file", str(path), reason)


def _count(library: Library) -> tuple[int, int, int]:
    counts = library.count()
    return counts.n_recordings + counts.n_failed, counts.n_contents, counts.n_segments
