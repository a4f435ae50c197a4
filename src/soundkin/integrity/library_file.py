"""A library's file: told from others, replaced in one step, kept aside."""

from __future__ import annotations

import shutil
import sqlite3
import time
from contextlib import closing, nullcontext
from itertools import count
from pathlib import Path

from soundkin.errors import DamagedLibraryError, LibraryError, naming
from soundkin.library.connection import open_to_read
from soundkin.library.database_file import LOGS, make_temporary
from soundkin.library.library import Library
from soundkin.library.locks import hold_alone
from soundkin.library.schema import APPLICATION_ID
from soundkin.progress import OnProgress
from soundkin.system.files import put_in_place, sync_folder

MAGIC = b"SQLite format 3\0"


def swap_in(temporary: Path, path: Path) -> Path | None:
    """Put a new file in place of a damaged library, which is kept aside; returns where.

    Raises
    ------
    LibraryError
        Another program has the library open, or it cannot be done.
    """
    is_there = path.exists()
    with naming(path, LibraryError), hold_alone(path) if is_there else nullcontext():
        kept = _keep_aside(path)
        for suffix in LOGS:  # the new file must not be taken for what they belong to
            Path(f"{path}{suffix}").unlink(missing_ok=True)
        sync_folder(path.parent)
        put_in_place(temporary, path)
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


def put_backup_in_place(temporary: Path, path: Path) -> None:
    with naming(path, LibraryError):
        put_in_place(temporary, path)


def replace_library(path: Path, temporary: Path, on_progress: OnProgress) -> Path | None:
    """Put a whole library in place of what is there."""
    if read_kind(path) != "library":
        return swap_in(temporary, path)
    try:
        present = Library.open(path)
    except DamagedLibraryError:
        return swap_in(temporary, path)
    with present:
        kept = _name_kept(path)
        with make_temporary(path, ".kept") as copy:
            present.connection.copy_to(copy, lambda *done: on_progress("Keeping", *done))
            put_backup_in_place(copy, kept)
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
