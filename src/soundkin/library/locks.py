"""Who may change a library: one index run, restore or repair at a time."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from soundkin.errors import BusyError, LibraryError

# SQLite locks these bytes of a library's file, shared, for as long as a connection is open.
SHARED_FIRST, SHARED_SIZE = 0x40000002, 510


@contextmanager
def lock_library(path: Path) -> Iterator[None]:
    """Hold the right to index into a library, or to put another in its place.

    Raises
    ------
    BusyError
        Another process has it.
    LibraryError
        The lock's file cannot be written.
    """
    lock = filelock.FileLock(f"{path}.lock", blocking=False)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise BusyError(
            f"{path}: another soundkin is indexing into it; run again when it is done"
        ) from error
    except OSError as error:
        raise LibraryError(f"{path}.lock: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def hold_alone(path: Path) -> Iterator[None]:
    """Keep all others from having a library's file open, while it is taken away.

    One that has it open would delete, at its end, the log of the file that came in its place.

    Raises
    ------
    LibraryError
        Another program has it open.
    """
    if sys.platform == "win32":  # where a file that is open cannot be taken away
        yield
        return
    try:
        import fcntl
    except ImportError:  # of what others do with the file nothing can be known
        yield
        return
    with path.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, SHARED_SIZE, SHARED_FIRST, os.SEEK_SET)
        except OSError as error:
            raise LibraryError(
                f"{path}: another program has it open; end that one, as soundkin serve, first"
            ) from error
        yield
