"""A library's recordings page by page, and what kinds of them there are."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from soundkin.audio_facts import FACTS
from soundkin.library.records import FAVOURITE, Filters, Recording
from soundkin.library.sql import RECORDINGS, compile_filters, read_path
from soundkin.library.store import LibraryStore

# What is left of a path without all letters up to its last separator.
FILE_NAME = f"replace(path, rtrim(path, replace(path, '{os.sep}', '')), '')"
ORDERS = {  # what recordings can be sorted by; what is not known comes last
    "path": "path",
    "name": f"{FILE_NAME} COLLATE NOCASE",
    "duration": "contents.duration_s",
    **{name: f"facts.{fact.column}" for name, fact in FACTS.items()},
}


@dataclass(frozen=True)
class Wanted:
    """Which recordings to list: those that pass, or with `failed` those that could not be read.

    `order` is one of `ORDERS`, `descending` the greatest first.
    """

    filters: Filters
    failed: bool = False
    order: str = "path"
    descending: bool = False


@dataclass(frozen=True)
class Page:
    """Some of the recordings that are wanted, and how many are."""

    total: int
    recordings: list[Recording]


def read_page(library: LibraryStore, wanted: Wanted, offset: int = 0, limit: int = 100) -> Page:
    """Read some recordings in the order that is wanted; what is alike in it comes by path."""
    where, parameters = compile_filters(wanted.filters)
    where += f" AND content_id IS {'NULL' if wanted.failed else 'NOT NULL'}"
    counting = f"SELECT COUNT(*) FROM {RECORDINGS} WHERE {where}"
    [(total,)] = library.connection.fetch(counting, parameters)
    part = f"{where} ORDER BY {_write_order(wanted)} LIMIT ? OFFSET ?"
    return Page(total, list(library.select_where(part, [*parameters, limit, offset])))


def _write_order(wanted: Wanted) -> str:
    column = ORDERS[wanted.order]
    direction = "DESC" if wanted.descending else "ASC"
    return f"{column} IS NULL, {column} {direction}, path {direction}"


def explain_nothing(library: LibraryStore, filters: Filters) -> str:
    """Say that no recording passes some filters, and which of them is to blame where one is."""
    words = "no recording passes the filters"
    found = [
        (len(library.select_content_ids(without)), name)
        for name, without in _leave_out_each(filters)
    ]
    if len(found) < 2:
        return f"{words}: {found[0][1]}" if found else words
    count, name = max(found)
    if not count:
        return f"{words}; not even without {' or without '.join(name for _, name in found)}"
    return f"{words}; without {name} {count} would"


def _leave_out_each(filters: Filters) -> Iterator[tuple[str, Filters]]:
    """Name each filter that is set, and give the others."""
    if filters.folders:
        yield "the folder " + " or ".join(filters.folders), replace(filters, folders=())
    if filters.not_folders:
        yield "“not in " + " or ".join(filters.not_folders) + "”", replace(filters, not_folders=())
    if filters.name:
        yield f"the words “{filters.name}”", replace(filters, name="")
    if filters.extensions:
        yield "the type " + " or ".join(filters.extensions), replace(filters, extensions=())
    for tag in filters.tags:
        others = tuple(one for one in filters.tags if one != tag)
        words = "“favourites only”" if tag == FAVOURITE else f"the tag “{tag}”"
        yield words, replace(filters, tags=others)
    if filters.min_duration_s is not None or filters.max_duration_s is not None:
        yield "the bounds of length", replace(filters, min_duration_s=None, max_duration_s=None)
    for name in filters.facts:
        others_ = {key: value for key, value in filters.facts.items() if key != name}
        yield f"the bounds of {FACTS[name].title.lower()}", replace(filters, facts=others_)


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
