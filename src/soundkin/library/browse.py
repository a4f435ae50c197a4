"""A library's recordings page by page, and its folders with what is in them."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import PurePath

from soundkin.audio_facts import FACTS
from soundkin.library.records import Filters, Recording
from soundkin.library.slowed import find_slow
from soundkin.library.sql import RECORDINGS, compile_filters, read_path
from soundkin.library.store import LibraryStore


@dataclass(frozen=True)
class Wanted:
    """Which recordings to list: those that pass, with some text in their path; or failed ones."""

    filters: Filters
    text: str = ""
    failed: bool = False


@dataclass(frozen=True)
class Page:
    """Some of the recordings that are wanted, and how many are."""

    total: int
    recordings: list[Recording]


@dataclass(frozen=True)
class Folder:
    """A folder, with what is in it and below, and how many times slower that is to be heard."""

    path: str
    n_recordings: int
    duration_s: float
    slow: float


def read_page(library: LibraryStore, wanted: Wanted, offset: int = 0, limit: int = 100) -> Page:
    """Read some recordings in order of path."""
    where, parameters = compile_filters(wanted.filters)
    where += f" AND content_id IS {'NULL' if wanted.failed else 'NOT NULL'}"
    if wanted.text:
        where += " AND instr(lower(CAST(path AS TEXT)), lower(?))"
        parameters.append(wanted.text)
    counting = f"SELECT COUNT(*) FROM {RECORDINGS} WHERE {where}"
    [(total,)] = library.connection.fetch(counting, parameters)
    part = f"{where} ORDER BY path LIMIT ? OFFSET ?"
    return Page(total, list(library.select_where(part, [*parameters, limit, offset])))


def list_folder_tree(library: LibraryStore) -> list[Folder]:
    """List the folders that were asked to be indexed and all below that hold recordings."""
    roots = library.list_folders()
    counts: defaultdict[str, int] = defaultdict(int)
    seconds: defaultdict[str, float] = defaultdict(float)
    sql = "SELECT path, duration_s FROM recordings JOIN contents ON contents.id = content_id"
    for path, duration_s in library.connection.fetch(sql):
        for folder in _list_above(os.path.dirname(read_path(path)), roots):  # noqa: PTH120
            counts[folder] += 1
            seconds[folder] += duration_s
    slow = library.list_slow()
    return [
        Folder(path, counts[path], round(seconds[path], 3), find_slow(path, slow))
        for path in sorted(counts)
    ]


def count_extensions(library: LibraryStore) -> list[tuple[str, int]]:
    """Count the recordings of each kind of file, the most frequent kind first."""
    found: Counter[str] = Counter()
    for (path,) in library.connection.fetch("SELECT path FROM recordings WHERE error IS NULL"):
        found[os.path.splitext(read_path(path))[1].lower()] += 1  # noqa: PTH122
    return sorted(found.items(), key=lambda one: (-one[1], one[0]))


def measure_ranges(library: LibraryStore) -> dict[str, tuple[float, float]]:
    """Find the least and the greatest value of each fact (`FACTS`) that any recording has."""
    columns = ", ".join(f"MIN({fact.column}), MAX({fact.column})" for fact in FACTS.values())
    [values] = library.connection.fetch(f"SELECT {columns} FROM facts")
    pairs = zip(FACTS, values[::2], values[1::2], strict=True)
    return {name: (least, most) for name, least, most in pairs if least is not None}


def _list_above(folder: str, roots: list[str]) -> list[str]:
    """List a folder and those above it, up to the one that was indexed."""
    path = PurePath(folder)
    tops = [root for root in roots if path.is_relative_to(root)]
    if not tops:
        return [folder]
    top = PurePath(min(tops, key=len))
    return [str(one) for one in (path, *path.parents) if one.is_relative_to(top)]
