"""The folders of a library, with what is in them, found by the end of their path too."""

from __future__ import annotations

import difflib
import math
import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath

from soundkin.errors import QueryError
from soundkin.library.slowed import find_slow
from soundkin.library.sql import BELOW, list_below, read_path
from soundkin.library.store import LibraryStore

LEAST_ALIKE = 0.6  # for a name to be what a person may have meant, as `difflib` has it
MOST_GUESSES = 3


@dataclass(frozen=True)
class Folder:
    """A folder, with what is in it and below, and how many times slower that is to be heard."""

    path: str
    n_recordings: int
    duration_s: float
    slow: float


def list_folder_tree(library: LibraryStore) -> list[Folder]:
    """List the folders that were asked to be indexed and all below that hold recordings."""
    own: defaultdict[str, list[float]] = defaultdict(list)
    sql = "SELECT path, duration_s FROM recordings JOIN contents ON contents.id = content_id"
    for path, duration_s in library.connection.fetch(sql):
        own[os.path.dirname(read_path(path))].append(duration_s)  # noqa: PTH120 (or a URL)
    roots, slow = library.list_folders(), library.list_slow()
    below: defaultdict[str, list[float]] = defaultdict(list)
    for folder, durations_s in own.items():
        for one in (folder, *_list_above(folder, roots)):
            below[one] += durations_s
    return [
        Folder(path, len(below[path]), round(math.fsum(below[path]), 3), find_slow(path, slow))
        for path in sorted(below)
    ]


def find_folders(library: LibraryStore, name: str, path: str) -> list[str]:
    """Find the folders of a library that a person names: by their path, or the end of it.

    Parameters
    ----------
    name
        What was given.
    path
        The same as an absolute path, or a URL.

    Raises
    ------
    QueryError
        There is none; the message has the most similar ones.
    """
    is_known = f"SELECT 1 FROM recordings WHERE {BELOW} LIMIT 1"
    if path in library.list_folders() or library.connection.fetch_one(is_known, list_below(path)):
        return [path]
    folders = _list_folders(library)
    ending = os.path.normpath(name).strip(os.sep)
    found = [folder for folder in folders if folder.endswith(os.sep + ending)]
    if found:
        return found
    guesses = _guess(ending, folders)
    meant = f"; did you mean {' or '.join(guesses)}?" if guesses else ""
    raise QueryError(f"{name}: no such folder in {library.name}{meant}")


def _list_folders(library: LibraryStore) -> list[str]:
    """List the folders that hold recordings, in them or below, in order."""
    roots = library.list_folders()
    rows = library.connection.fetch("SELECT path FROM recordings")
    holding = {os.path.dirname(read_path(path)) for (path,) in rows}  # noqa: PTH120
    above = {one for folder in holding for one in _list_above(folder, roots)}
    return sorted(holding | above)


def _guess(ending: str, folders: Iterable[str]) -> list[str]:
    """Find the ends of paths, of as many folders, that look most like one that is not there."""
    n_parts = ending.count(os.sep) + 1
    ends = {os.sep.join(PurePath(folder).parts[-n_parts:]) for folder in folders}  # noqa: PTH118
    by_small = {end.casefold(): end for end in sorted(ends)}
    alike = difflib.get_close_matches(ending.casefold(), by_small, MOST_GUESSES, LEAST_ALIKE)
    return [by_small[one] for one in alike]


def _list_above(folder: str, roots: Iterable[str]) -> list[str]:
    """List the folders above one, the nearest first, up to the outermost that was indexed."""
    holding = [
        root for root in roots if f"{folder}{os.sep}".startswith(root.rstrip(os.sep) + os.sep)
    ]
    top = min(holding, key=len, default=folder)
    found = []
    while len(folder) > len(top):
        folder = os.path.dirname(folder)  # noqa: PTH120
        found.append(folder)
    return found
