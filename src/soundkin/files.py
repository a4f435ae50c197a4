"""Files written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


@contextmanager
def write_aside(path: Path) -> Iterator[IO[bytes]]:
    """Open a file beside `path` for writing, and put it in place once it is whole and on disk.

    Raises
    ------
    OSError
        It cannot be written; a file that was there before stays as it was.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink()
