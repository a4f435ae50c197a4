"""Crates: sounds that a person has put together under a name, in the order they were put in.

A crate is what is in it: with the last of its sounds it is gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from soundkin.errors import QueryError
from soundkin.library.records import Recording
from soundkin.library.store import LibraryStore

LONGEST_NAME = 200


@dataclass(frozen=True)
class CrateItem:
    """A recording in a crate, or its stretch from `start_s` to `end_s`, None being the end."""

    recording: Recording
    start_s: float = 0.0
    end_s: float | None = None

    @property
    def is_whole(self) -> bool:
        """Whether all of the recording is meant."""
        return self.start_s == 0 and self.end_s is None

    @property
    def duration_s(self) -> float:
        """How long it is."""
        return (self.recording.duration_s if self.end_s is None else self.end_s) - self.start_s


def list_crates(library: LibraryStore) -> list[tuple[str, int]]:
    """List the names of all crates in order, and how many sounds are in each."""
    sql = "SELECT crate, COUNT(*) FROM crates GROUP BY crate ORDER BY crate"
    return [(str(name), int(count)) for name, count in library.connection.fetch(sql)]


def read_crate(library: LibraryStore, name: str) -> list[CrateItem]:
    """Read what is in a crate; recordings that cannot be read any more are left out.

    Raises
    ------
    QueryError
        There is no such crate.
    """
    sql = "SELECT recording_id, start_s, end_s FROM crates WHERE crate = ? ORDER BY position"
    rows = list(library.connection.fetch(sql, [name]))
    if not rows:
        raise QueryError(f"{name}: no such crate; soundkin crate lists them")
    inside = (
        "content_id NOTNULL AND recordings.id IN (SELECT recording_id FROM crates WHERE crate = ?)"
    )
    known = {recording.id: recording for recording in library.select_where(inside, [name])}
    return [CrateItem(known[number], *region) for number, *region in rows if number in known]


def add_to_crate(library: LibraryStore, name: str, items: Iterable[CrateItem]) -> int:
    """Put sounds behind those in a crate, which is made where there is none; returns how many.

    What is in it already keeps its place.

    Raises
    ------
    QueryError
        The name has no letter, or is longer than 200.
    """
    name = check_crate_name(name)
    with library.transaction():
        [(last,)] = library.connection.fetch(
            "SELECT COALESCE(MAX(position), 0) FROM crates WHERE crate = ?", [name]
        )
        n_before = _count(library, name)
        for position, item in enumerate(items, last + 1):
            library.connection.run(
                "INSERT OR IGNORE INTO crates VALUES (?, ?, ?, ?, ?)",
                [name, item.recording.id, item.start_s, item.end_s, position],
            )
        return _count(library, name) - n_before


def remove_from_crate(library: LibraryStore, name: str, items: Iterable[tuple[int, float]]) -> int:
    """Take out sounds, each the id of its recording and where it begins; returns how many."""
    sql = "DELETE FROM crates WHERE crate = ? AND recording_id = ? AND start_s = ?"
    with library.transaction():
        return sum(library.connection.run(sql, [name, *item]).rowcount for item in items)


def remove_crate(library: LibraryStore, name: str) -> bool:
    """Forget a crate; its sounds stay in the library. False where there is none."""
    return bool(library.connection.run("DELETE FROM crates WHERE crate = ?", [name]).rowcount)


def rename_crate(library: LibraryStore, name: str, new: str) -> None:
    """Give a crate another name.

    Raises
    ------
    QueryError
        There is no such crate, there is one of the new name, or that is none.
    """
    new = check_crate_name(new)
    with library.transaction():
        if not _count(library, name):
            raise QueryError(f"{name}: no such crate; soundkin crate lists them")
        if _count(library, new):
            raise QueryError(f"{new}: there is such a crate already; choose another name")
        library.connection.run("UPDATE crates SET crate = ? WHERE crate = ?", [new, name])


def check_crate_name(name: str) -> str:
    """Take off spaces around a crate's name.

    Raises
    ------
    QueryError
        It has no letter, or is longer than 200.
    """
    name = name.strip()
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise QueryError(f"a crate's name has 1 to {LONGEST_NAME} letters, on one line")
    return name


def _count(library: LibraryStore, name: str) -> int:
    [(count,)] = library.connection.fetch("SELECT COUNT(*) FROM crates WHERE crate = ?", [name])
    return int(count)
