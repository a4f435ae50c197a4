"""Files written whole or not at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from soundkin.errors import AudioError, naming

PART = ".part"


@contextmanager
def write_aside(path: Path) -> Iterator[IO[bytes]]:
    """Open a file beside `path` for writing, and put it in place once it is whole and on disk.

    Raises
    ------
    OSError
        It cannot be written; a file that was there before stays as it was.
    """
    temporary = name_aside(path)
    try:
        with temporary.open("wb") as file:
            yield file
        put_in_place(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink()


def name_aside(path: Path) -> Path:
    """Name a file beside another, for this process to write before it is put in place."""
    return path.with_name(f"{path.name}.{os.getpid()}{PART}")


def put_in_place(temporary: Path, path: Path) -> None:
    """Give a file that is whole the name of another, in one step, once it is on disk."""
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names of a folder's files to disk, where that can be asked for."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def drop_left_over(path: Path) -> None:
    """Delete what processes that were killed have left beside a file."""
    for entry in path.parent.glob(f"{_escape(path.name)}.*{PART}*"):
        number = entry.name[len(path.name) + 1 :].partition(".")[0]
        if number.isdigit() and not _is_running(int(number)):
            with suppress(OSError):
                entry.unlink()


def _escape(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass
    return True


def is_unchanged(path: str, size: int, mtime_ns: int) -> bool:
    """Whether a file still has a size and a time of change; False where it cannot be looked at."""
    try:
        status = os.stat(path)  # noqa: PTH116 (a name as it was listed)
    except (OSError, ValueError):
        return False
    return (status.st_size, status.st_mtime_ns) == (size, mtime_ns)


def hash_file(path: str) -> bytes:
    """Compute the SHA-256 of a file's bytes.

    Raises
    ------
    AudioError
        The file cannot be read.
    """
    with naming(path, AudioError), Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
