"""A library's recordings page by page, and what kinds of them there are."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass

from soundkin.audio_facts import AMOUNTS, Fact
from soundkin.library.records import Filters, Recording
from soundkin.library.sql import RECORDINGS, compile_filters, read_path
from soundkin.library.store import LibraryStore


@dataclass(frozen=True)
class Wanted:
    """Which recordings to list: those that pass, or with `failed` those that could not be read."""

    filters: Filters
    failed: bool = False


@dataclass(frozen=True)
class Page:
    """Some of the recordings that are wanted, and how many are."""

    total: int
    recordings: list[Recording]


def read_page(library: LibraryStore, wanted: Wanted, offset: int = 0, limit: int = 100) -> Page:
    """Read some recordings in order of path."""
    where, parameters = compile_filters(wanted.filters)
    where += f" AND content_id IS {'NULL' if wanted.failed else 'NOT NULL'}"
    counting = f"SELECT COUNT(*) FROM {RECORDINGS} WHERE {where}"
    [(total,)] = library.connection.fetch(counting, parameters)
    part = f"{where} ORDER BY path LIMIT ? OFFSET ?"
    return Page(total, list(library.select_where(part, [*parameters, limit, offset])))


def count_extensions(library: LibraryStore) -> list[tuple[str, int]]:
    """Count the recordings of each kind of file, the most frequent kind first."""
    found: Counter[str] = Counter()
    for (path,) in library.connection.fetch("SELECT path FROM recordings WHERE error IS NULL"):
        found[os.path.splitext(read_path(path))[1].lower()] += 1  # noqa: PTH122
    return sorted(found.items(), key=lambda one: (-one[1], one[0]))


def measure_ranges(library: LibraryStore) -> dict[str, tuple[float, float]]:
    """Find the least and the greatest value of each amount (`AMOUNTS`) that any recording has."""
    columns = ", ".join(f"MIN({fact.column}), MAX({fact.column})" for fact in AMOUNTS.values())
    [values] = library.connection.fetch(f"SELECT {columns} FROM facts")
    pairs = zip(AMOUNTS, values[::2], values[1::2], strict=True)
    return {name: (least, most) for name, least, most in pairs if least is not None}


def count_kinds(library: LibraryStore, fact: Fact) -> list[tuple[str, int]]:
    """Count the recordings of each kind of a fact that has kinds, the most frequent first."""
    sql = f"SELECT {fact.column}, COUNT(*) FROM {RECORDINGS} WHERE {fact.column} NOTNULL GROUP BY 1"
    found = [(fact.name_of(value), count) for value, count in library.connection.fetch(sql)]
    named = [(name, count) for name, count in found if name is not None]
    return sorted(named, key=lambda one: (-one[1], one[0]))
