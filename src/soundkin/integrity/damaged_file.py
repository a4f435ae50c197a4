"""A damaged SQLite file opened to be read, page by page."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path

from soundkin.errors import LibraryError
from soundkin.library.connection import open_to_read
from soundkin.library.database_file import delete_database
from soundkin.library.library import Library
from soundkin.library.schema import list_own_tables

PAGE_SIZE = 4096
NOTHING = "nothing of a library can be read from it; if there is one, run: soundkin restore BACKUP"


def open_damaged(path: Path, with_page: Path) -> sqlite3.Connection:
    """Open a damaged file; where its first page is lost, a copy with that of a new library."""
    with suppress(sqlite3.Error):
        source = open_to_read(path)
        source.execute("PRAGMA writable_schema = ON")  # reads on where the file is cut off
        if list_own_tables(source):
            return source
        source.close()
    _transplant_page(path, with_page)
    try:
        source = open_to_read(with_page)
        source.execute("PRAGMA writable_schema = ON")
        if list_own_tables(source):
            return source
        source.close()
    except sqlite3.Error:
        pass
    raise LibraryError(f"{path}: {NOTHING}")


def _transplant_page(path: Path, target: Path) -> None:
    """Copy a file and its log, with a first page that lists where a new library's tables lie."""
    shutil.copyfile(path, target)
    log = Path(f"{path}-wal")
    if log.exists():
        shutil.copyfile(log, f"{target}-wal")
    pristine = target.with_name(f"{target.name}.new")
    try:
        Library.open(pristine, create=True).close()
        page = bytearray(pristine.read_bytes()[:PAGE_SIZE])
    finally:
        delete_database(pristine)
    page[28:32] = (path.stat().st_size // PAGE_SIZE).to_bytes(4, "big")
    page[32:40] = bytes(8)  # no free pages are known
    with target.open("r+b") as file:
        file.write(page)


def keep_log_in(path: Path) -> None:
    """Bring the log of a damaged file into it as far as that goes."""
    with suppress(sqlite3.Error, OSError):
        connection = sqlite3.connect(os.fspath(path), isolation_level=None)
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.close()
