"""An SQLite file and its logs, as the one thing that they are: made aside, and deleted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from soundkin.errors import LibraryError
from soundkin.system.files import name_aside

LOGS = ("-wal", "-shm", "-journal")


def require_folder(path: Path) -> None:
    """Refuse to make a library where there is no folder: its path is mistyped, or a drive away.

    Raises
    ------
    LibraryError
        There is none.
    """
    if not path.parent.is_dir():
        raise LibraryError(
            f"{path.parent}: no such folder, so no library is made in it; make the folder first,"
            " or choose another with --library FILE"
        )


@contextmanager
def make_temporary(path: Path, ending: str = "") -> Iterator[Path]:
    """Name a database beside another, gone in the end unless it was put in place."""
    temporary = Path(f"{name_aside(path)}{ending}")
    try:
        yield temporary
    finally:
        delete_database(temporary)


def delete_database(path: Path) -> None:
    """Delete a database and its logs, as far as they are there and can be deleted.

    The logs first: one that is left alone would be taken for that of the next file of the name.
    """
    for suffix in (*LOGS, ""):
        with suppress(OSError):
            Path(f"{path}{suffix}").unlink()
