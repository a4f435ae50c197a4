"""Libraries opened by their names, whatever they lie in: an SQLite file, or Lance tables."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from soundkin.library.library import Library

if TYPE_CHECKING:
    from soundkin.library.lance.lance_library import LanceLibrary
    from soundkin.library.store import LibraryStore

    KINDS: tuple[type[LibraryStore], ...] = (Library, LanceLibrary)  # mypy holds each to it


def open_library(name: str | os.PathLike[str], *, create: bool = False) -> Library:
    """Open a library; with `create`, make it where there is none.

    Parameters
    ----------
    name
        A file, or the address of Lance tables: a URL (`s3://…`) or a folder named `….lance`.

    Raises
    ------
    LibraryError
        There is none, it is no soundkin library, or a newer soundkin wrote it.
    """
    if not is_lance(os.fsdecode(name)):
        return Library.open(name, create=create)
    from soundkin.library.lance.lance_library import LanceLibrary

    return LanceLibrary.open_tables(os.fsdecode(name), create=create)


def is_lance(name: str) -> bool:
    """Tell by its name whether a library lies in Lance tables: a URL, or a name in `.lance`."""
    return "://" in name or name.rstrip("/" + os.sep).lower().endswith(".lance")
