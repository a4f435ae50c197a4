"""What the tables of a library are: made by the migrations, and recognised before any is read.

A file that others made may hold views, triggers, virtual tables or checks of theirs, which SQLite
would run while soundkin reads or writes. So nothing is asked of a file but its list of tables,
which runs nothing, until that list is word for word the one that the migrations make.
"""

from __future__ import annotations

import sqlite3
from functools import lru_cache
from importlib import resources

APPLICATION_ID = 0x534B494E  # "SKIN"
TABLES = (
    "meta",
    "folders",
    "contents",
    "recordings",
    "tags",
    "facts",
    "fingerprints",
    "rejected_tags",
    "concepts",
    "crates",
    "away",
)

# What SQLite itself adds where someone lets it gather statistics; harmless.
STATISTICS = frozenset(
    {
        ("table", "sqlite_stat1", "sqlite_stat1", "CREATE TABLE sqlite_stat1(tbl,idx,stat)"),
        (
            "table",
            "sqlite_stat4",
            "sqlite_stat4",
            "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)",
        ),
    }
)
# What a mirror of Lance tables has on top.
MIRROR = "CREATE TABLE mirror (name TEXT PRIMARY KEY, version INTEGER) STRICT"
MIRRORING = frozenset(
    {
        ("table", "mirror", "mirror", MIRROR),
        ("index", "sqlite_autoindex_mirror_1", "mirror", None),
    }
)
LIST_SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_master"

Entry = tuple[str, str, str, str | None]


@lru_cache(maxsize=1)
def read_migrations() -> tuple[str, ...]:
    """Read the steps that bring an empty file to the present version, in order."""
    folder = resources.files("soundkin.library") / "migrations"
    files = sorted((item for item in folder.iterdir() if item.name.endswith(".sql")), key=str)
    return tuple(file.read_text("utf-8") for file in files)


@lru_cache
def compute_schema(version: int) -> frozenset[Entry]:
    """Work out the tables and indices of a version, as SQLite lists them."""
    connection = sqlite3.connect(":memory:")
    try:
        for migration in read_migrations()[:version]:
            connection.executescript(migration)
        return frozenset(connection.execute(LIST_SCHEMA))
    finally:
        connection.close()


def find_foreign(connection: sqlite3.Connection, version: int) -> str | None:
    """Name the first thing in a file that a library of this version lacks, or that it lacks itself.

    None where it has exactly what it should have.
    """
    missing = set(compute_schema(version))
    for entry in connection.execute(LIST_SCHEMA):
        if entry in missing:
            missing.remove(entry)
        elif entry not in STATISTICS | MIRRORING:
            return f"{entry[0]} {entry[1]}"
    return f"{next(iter(missing))[1]} missing" if missing else None


def list_own_tables(connection: sqlite3.Connection) -> list[str]:
    """List the tables that are word for word those of some version, and so may be read."""
    known: set[Entry] = set()
    for version in range(1, len(read_migrations()) + 1):
        known |= compute_schema(version)
    found = [entry[1] for entry in connection.execute(LIST_SCHEMA) if entry in known]
    return [name for name in TABLES if name in found]
