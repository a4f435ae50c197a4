"""A library's copy made while it is in use, and put back: whole, checked, in one step."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from soundkin.connection import Connection, explain, open_to_read
from soundkin.errors import DamagedLibraryError, LibraryError
from soundkin.files import drop_left_over, name_aside, put_in_place, sync_folder
from soundkin.library import Library
from soundkin.locks import hold_alone, lock_library
from soundkin.records import LibraryCounts
from soundkin.schema import APPLICATION_ID
from soundkin.upkeep import OnProgress
from soundkin.verification import check_tables

LOGS = ("-wal", "-shm", "-journal")
MAGIC = b"SQLite format 3\0"


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
    on_progress: OnProgress = lambda title, n_done, n_all: None,
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
    with _make_temporary(path) as temporary:
        library.connection.copy_to(temporary, lambda *done: on_progress("Copying", *done))
        counts = _seal(temporary, on_progress, library.path)
        _put_in_place(temporary, path)
    return BackupReport(path, path.stat().st_size, counts)


def restore(
    path: str | os.PathLike[str],
    source: str | os.PathLike[str],
    on_progress: OnProgress = lambda title, n_done, n_all: None,
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
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LibraryError(f"{path.parent}: {error.strerror or error}") from error
    with lock_library(path):
        drop_left_over(path)
        with _make_temporary(path) as temporary:
            _copy_backup(source, temporary, on_progress)
            counts = _seal(temporary, on_progress, source)
            kept = _replace(path, temporary, on_progress)
    return BackupReport(path, path.stat().st_size, counts, kept)


def swap_in(temporary: Path, path: Path) -> Path | None:
    """Put a new file in place of a damaged library, which is kept aside; returns where.

    Raises
    ------
    LibraryError
        Another program has the library open, or it cannot be done.
    """
    is_there = path.exists()
    try:
        with hold_alone(path) if is_there else nullcontext():
            kept = _keep_aside(path)
            for suffix in LOGS:  # the new file must not be taken for what they belong to
                Path(f"{path}{suffix}").unlink(missing_ok=True)
            sync_folder(path.parent)
            put_in_place(temporary, path)
    except OSError as error:
        raise LibraryError(f"{path}: {error.strerror or error}") from error
    return kept if is_there else None


def read_kind(path: Path) -> str:
    """Tell by its first bytes what a file is: `none`, `library`, `foreign` (SQLite), `other`."""
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except FileNotFoundError:
        return "none"
    except OSError as error:
        raise LibraryError(f"{path}: {error.strerror or error}") from error
    if not header.startswith(MAGIC) or len(header) < 100:
        return "other"
    if int.from_bytes(header[68:72], "big") == APPLICATION_ID:
        return "library"
    return "library" if _says_its_log_so(path) else "foreign"


def _says_its_log_so(path: Path) -> bool:
    """Whether a file is a library by what stands in its log, and not yet in itself."""
    if not Path(f"{path}-wal").exists():
        return False
    try:
        with closing(open_to_read(path)) as connection:
            found: int = connection.execute("PRAGMA application_id").fetchone()[0]
            return found == APPLICATION_ID
    except sqlite3.Error:
        return False


def _refuse_target(path: Path, library: Path) -> None:
    """Refuse to write a backup over anything but another backup."""
    if path.exists() and path.samefile(library):
        raise LibraryError(f"{path}: that is the library itself; give another file")
    if read_kind(path) not in ("none", "library"):
        raise LibraryError(f"{path}: it is there, and not a soundkin library; give another file")
    if any(Path(f"{path}{suffix}").exists() for suffix in LOGS):
        raise LibraryError(f"{path}: a library that is in use; give another file")


@contextmanager
def _make_temporary(path: Path, ending: str = "") -> Iterator[Path]:
    """Name a file beside another, gone in the end unless it was put in place."""
    temporary = Path(f"{name_aside(path)}{ending}")
    try:
        yield temporary
    finally:
        for suffix in ("", *LOGS):
            with suppress(OSError):
                Path(f"{temporary}{suffix}").unlink()


def _copy_backup(source: Path, temporary: Path, on_progress: OnProgress) -> None:
    """Copy a backup, and its log if it has one, without changing it."""
    if read_kind(source) != "library":
        raise LibraryError(f"{source}: not a soundkin library; give a file that backup wrote")
    try:
        connection = Connection(source, open_to_read(source))
    except sqlite3.Error as error:
        raise explain(error, source) from error
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
            library.connection.fold_log()
    except DamagedLibraryError as error:
        reason = str(error).removeprefix(f"{temporary}: ").split("; ")[0]
        raise DamagedLibraryError(
            f"{source}: it is damaged ({reason}); run: soundkin verify --repair --library {source}"
        ) from error
    return counts


def _put_in_place(temporary: Path, path: Path) -> None:
    try:
        put_in_place(temporary, path)
    except OSError as error:
        raise LibraryError(f"{path}: {error.strerror or error}") from error


def _replace(path: Path, temporary: Path, on_progress: OnProgress) -> Path | None:
    """Put a whole library in place of what is there."""
    if read_kind(path) != "library":
        return swap_in(temporary, path)
    try:
        present = Library.open(path)
    except DamagedLibraryError:
        return swap_in(temporary, path)
    with present:
        kept = _name_kept(path)
        with _make_temporary(path, ".kept") as copy:
            present.connection.copy_to(copy, lambda *done: on_progress("Keeping", *done))
            _put_in_place(copy, kept)
        # Written over in one transaction, so that whoever has it open goes on with the new one.
        present.connection.overwrite_with(temporary, lambda *done: on_progress("Restoring", *done))
    return kept


def _name_kept(path: Path) -> Path:
    """Name a file that a library is kept in when another takes its place."""
    moment = time.strftime("%Y%m%d-%H%M%S")
    for number in count(1):
        ending = moment if number == 1 else f"{moment}-{number}"
        kept = path.with_name(f"{path.stem}-{ending}{path.suffix}")
        if not kept.exists():
            break
    return kept


def _keep_aside(path: Path) -> Path:
    """Give a library's file and its log another name too."""
    kept = _name_kept(path)
    for suffix in ("", "-wal", "-journal"):
        file = Path(f"{path}{suffix}")
        if not file.exists():
            continue
        try:
            Path(f"{kept}{suffix}").hardlink_to(file)
        except OSError:  # no links on this kind of disk
            shutil.copyfile(file, f"{kept}{suffix}")
    sync_folder(path.parent)
    return kept
