"""A library's copy made while it is in use, and put back: whole, checked, in one step."""

from __future__ import annotations

import os
import sqlite3
import uuid
from dataclasses import dataclass
from pathlib import Path

from soundkin.errors import DamagedLibraryError, LibraryError, naming
from soundkin.integrity.library_file import put_backup_in_place, read_kind, replace_library
from soundkin.integrity.verify import check_tables
from soundkin.library.connection import Connection, open_to_read, translate_sqlite_error
from soundkin.library.database_file import LOGS, make_temporary
from soundkin.library.library import Library
from soundkin.library.locks import lock_library
from soundkin.library.records import LibraryCounts
from soundkin.progress import OnProgress, ignore
from soundkin.system.files import drop_left_over


@dataclass(frozen=True)
class BackupReport:
    """What was written, or put back: where, how large, and what it holds.

    `kept` is where the library that was there before lies now, None where there was none.
    """

    path: Path
    size_bytes: int
    counts: LibraryCounts
    kept: Path | None = None


def back_up(
    library: Library,
    target: str | os.PathLike[str],
    on_progress: OnProgress = ignore,
) -> BackupReport:
    """Write all that a library holds as of now into one file, while others may write the library.

    The file is a library of its own, with another identity. It is checked before it has its name.

    Raises
    ------
    LibraryError
        The library is damaged, what lies there is no library, or it cannot be written.
    """
    path = Path(target).expanduser().absolute()
    if not path.parent.is_dir():
        raise LibraryError(f"{path.parent}: no such folder")
    _refuse_target(path, library.path)
    drop_left_over(path)
    with make_temporary(path) as temporary:
        library.connection.copy_to(temporary, lambda *done: on_progress("Copying", *done))
        counts = _seal(temporary, on_progress, library.path)
        put_backup_in_place(temporary, path)
    return BackupReport(path, path.stat().st_size, counts)


def restore(
    path: str | os.PathLike[str],
    source: str | os.PathLike[str],
    on_progress: OnProgress = ignore,
) -> BackupReport:
    """Put a backup in a library's place, in one step; the library that was there is kept aside.

    Programs that have the library open go on with what was restored.

    Raises
    ------
    LibraryError
        The backup is damaged or none, the library is being indexed, or it cannot be written.
    """
    path, source = (Path(name).expanduser().absolute() for name in (path, source))
    if not source.is_file():
        raise LibraryError(f"{source}: no such file; give the backup's file")
    if path.exists() and not path.is_file():
        raise LibraryError(f"{path}: not a file; give the library's file")
    if path.exists() and path.samefile(source):
        raise LibraryError(f"{source}: that is the library itself; give the backup's file")
    if read_kind(path) == "foreign":
        raise LibraryError(f"{path}: an SQLite file, but not a soundkin library")
    with naming(path.parent, LibraryError):
        path.parent.mkdir(parents=True, exist_ok=True)
    with lock_library(path):
        drop_left_over(path)
        with make_temporary(path) as temporary:
            _copy_backup(source, temporary, on_progress)
            counts = _seal(temporary, on_progress, source)
            kept = replace_library(path, temporary, on_progress)
    return BackupReport(path, path.stat().st_size, counts, kept)


def _refuse_target(path: Path, library: Path) -> None:
    """Refuse to write a backup over anything but another backup."""
    if path.exists() and path.samefile(library):
        raise LibraryError(f"{path}: that is the library itself; give another file")
    if read_kind(path) not in ("none", "library"):
        raise LibraryError(f"{path}: it is there, and not a soundkin library; give another file")
    if any(Path(f"{path}{suffix}").exists() for suffix in LOGS):
        raise LibraryError(f"{path}: a library that is in use; give another file")


def _copy_backup(source: Path, temporary: Path, on_progress: OnProgress) -> None:
    """Copy a backup, and its log if it has one, without changing it."""
    if read_kind(source) != "library":
        raise LibraryError(f"{source}: not a soundkin library; give a file that backup wrote")
    try:
        connection = Connection(source, open_to_read(source))
    except sqlite3.Error as error:
        raise translate_sqlite_error(error, source) from error
    try:
        connection.copy_to(temporary, lambda *done: on_progress("Copying", *done))
    finally:
        connection.close()


def _seal(temporary: Path, on_progress: OnProgress, source: Path) -> LibraryCounts:
    """Check a copy, bring it to the present version, and give it an identity of its own.

    No index beside another library may be taken for its own, nor that of what it was before.
    """
    try:
        with Library.open(temporary) as library:
            damage = (one for one in check_tables(library, on_progress) if one.is_damage)
            for finding in damage:
                raise DamagedLibraryError(f"{finding.path}: {finding.reason}")
            library.connection.run("UPDATE meta SET identity = ?", [uuid.uuid4().hex])
            counts = library.count()
            library.connection.checkpoint_wal()
    except DamagedLibraryError as error:
        reason = str(error).removeprefix(f"{temporary}: ").split("; ")[0]
        raise DamagedLibraryError(
            f"{source}: it is damaged ({reason}); run: soundkin verify --repair --library {source}"
        ) from error
    return counts
