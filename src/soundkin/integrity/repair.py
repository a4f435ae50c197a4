"""A damaged library made whole: rescued, mended, and embedded again where vectors were lost.

What a person made is never thrown away where it can be read: tags and paths first, vectors last,
since these can be made again of the audio.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from soundkin.embedding.model import find_model, list_models, load_model
from soundkin.errors import DamagedLibraryError, LibraryError, ModelError
from soundkin.index.kinds import INDEX_KINDS
from soundkin.indexing.folders import embed_again
from soundkin.integrity.checks import (
    Finding,
    check_concepts,
    check_contents,
    check_facts,
    check_fingerprints,
)
from soundkin.integrity.damaged_file import keep_log_in
from soundkin.integrity.library_file import read_kind, swap_in
from soundkin.integrity.recover import Rescued, rescue_rows
from soundkin.integrity.verify import OTHER_BYTES, VerifyReport, verify_library
from soundkin.library.database_file import make_temporary
from soundkin.library.library import Library
from soundkin.library.locks import lock_library
from soundkin.library.records import NOT_EMBEDDED, REREAD_SIZE, LibraryModel
from soundkin.library.sql import read_path
from soundkin.progress import OnProgress, ProgressCallback, ignore
from soundkin.system.files import drop_left_over

OF_THE_FILE = ("file", "table", "recording")  # what only writing it anew mends
LOST = "its vectors were damaged and its file cannot be read; bring it back and run soundkin index"


@dataclass(frozen=True)
class RepairReport:
    """What was found before and after, and what was done.

    `rescued` counts what was read of a damaged file, and `kept` is where that file lies now; both
    are None where the file itself was sound. `problem` says why nothing could be embedded again.
    """

    before: VerifyReport
    after: VerifyReport
    n_embedded: int = 0
    rescued: Rescued | None = None
    kept: Path | None = None
    problem: str | None = None


def repair_library(
    path: str | os.PathLike[str],
    *,
    deep: bool = False,
    n_workers: int | None = None,
    on_progress: OnProgress = ignore,
    on_embedding: ProgressCallback = ignore,
) -> RepairReport:
    """Check a library as `verify_library` does, and make whole what is damaged.

    Raises
    ------
    SoundkinError
        It is no library or nothing of it can be read, another program has it open, or it cannot be
        written.
    """
    path = Path(path).expanduser().absolute()
    if not path.is_file():
        raise LibraryError(f"{path}: no library there")
    damaged_parts: set[str] = set()
    changed: list[int] = []

    def note(finding: Finding) -> None:
        if finding.is_damage:
            damaged_parts.add(finding.part)
        if finding.reason == OTHER_BYTES and finding.id is not None:
            changed.append(finding.id)

    with lock_library(path):
        drop_left_over(path)
        before = _verify(path, deep, on_progress, note)
        rescued = kept = None
        if damaged_parts & set(OF_THE_FILE):
            on_progress("Reading what can be read", 0, 1)
            rescued, kept = _write_anew(path)
        with Library.open(path) as library:
            _mend(library, changed, on_progress)
            if "index" in damaged_parts:
                library.discard_index()
            n_embedded, problem = _embed_lost(library, n_workers, on_embedding)
            library.renew_index(on_progress)
    after = verify_library(path, on_progress=on_progress)
    return RepairReport(before, after, n_embedded, rescued, kept, problem)


def _verify(
    path: Path, deep: bool, on_progress: OnProgress, note: Callable[[Finding], None]
) -> VerifyReport:
    """Check a library; one whose very beginning is lost is damaged too, as a person says it is."""
    if read_kind(path) != "other":
        return verify_library(path, deep=deep, on_progress=on_progress, on_finding=note)
    finding = Finding("file", str(path), "it does not begin as a library does")
    note(finding)
    return VerifyReport(str(path), 0, 0, 0, 1, 0, 0.0, (finding,))


def _write_anew(path: Path) -> tuple[Rescued, Path | None]:
    """Put a new file with all that can be read in place of a damaged one."""
    keep_log_in(path)
    with make_temporary(path) as temporary:
        rescued = rescue_rows(path, temporary)
        return rescued, swap_in(temporary, path)


def _mend(library: Library, changed: list[int], on_progress: OnProgress) -> None:
    """Take out what is damaged in a sound file, so that it is made again."""
    run = library.connection.run
    with library.transaction():
        _mend_model(library)
        kinds = ", ".join(f"'{kind}'" for kind in INDEX_KINDS)
        run(f"UPDATE meta SET index_kind = NULL WHERE index_kind NOT IN ({kinds})")
        for finding in list(check_contents(library, on_progress)):
            run(
                "UPDATE recordings SET size = ?, content_id = NULL, error = ? WHERE content_id = ?",
                [REREAD_SIZE, NOT_EMBEDDED, finding.id],
            )
            run("DELETE FROM contents WHERE id = ?", [finding.id])
            run("UPDATE meta SET generation = generation + 1")
        for finding in list(check_facts(library)):
            run("DELETE FROM facts WHERE content = ?", [finding.id])
        for finding in list(check_fingerprints(library)):
            run("DELETE FROM fingerprints WHERE content = ?", [finding.id])
        for finding in list(check_concepts(library)):
            run("DELETE FROM concepts WHERE id = ?", [finding.id])
        for recording_id in changed:
            run("UPDATE recordings SET size = ? WHERE id = ?", [REREAD_SIZE, recording_id])


def _mend_model(library: Library) -> None:
    """Describe the library's model anew, if it is one that comes with soundkin; else forget it."""
    try:
        is_known = library.model is not None
        [(n_contents,)] = library.connection.fetch("SELECT COUNT(*) FROM contents")
        if is_known or not n_contents:
            return
    except DamagedLibraryError:
        pass
    [(digest,)] = library.connection.fetch("SELECT model_hash FROM meta")
    columns = "model_name = ?, model_hash = ?, model_file = ?, model_config = ?"
    for name in list_models():
        if find_model(name).hash == digest:
            model = load_model(name)
            known = LibraryModel(model.name, digest, name, model.segments, model.embedding_size)
            values = [known.name, known.hash, known.file_name, known.to_json()]
            library.connection.run(f"UPDATE meta SET {columns}", values)
            return
    library.connection.run(f"UPDATE meta SET {columns}", [None] * 4)
    library.connection.run(
        "UPDATE recordings SET size = ?, content_id = NULL, error = ? WHERE content_id NOTNULL",
        [REREAD_SIZE, NOT_EMBEDDED],
    )
    library.drop_orphans()


def _embed_lost(
    library: Library, n_workers: int | None, on_progress: ProgressCallback
) -> tuple[int, str | None]:
    """Embed what has lost its vectors, or is to be read again; how many, and why not the others."""
    sql = "SELECT path FROM recordings WHERE size = ? ORDER BY id"
    found = library.connection.fetch(sql, [REREAD_SIZE])
    paths = [read_path(path) for (path,) in found]
    [(n_unmeasured,)] = library.connection.fetch(
        "SELECT COUNT(*) FROM contents WHERE id NOT IN (SELECT content FROM facts)"
        " OR id NOT IN (SELECT content FROM fingerprints)"
    )
    if not paths and not n_unmeasured:
        return 0, None
    try:
        report = embed_again(library, paths, n_workers=n_workers, on_progress=on_progress)
    except ModelError as error:
        return 0, str(error)
    library.connection.run("UPDATE recordings SET error = ? WHERE error = ?", [LOST, NOT_EMBEDDED])
    return report.n_added + report.n_duplicates + report.n_moved, None
