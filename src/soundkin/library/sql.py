"""Rows, paths and filters as SQL has them."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from types import NoneType
from typing import Any

import numpy as np
import numpy.typing as npt

from soundkin.audio_facts import AMOUNTS, FACT_COLUMNS, FACTS_VERSION, Facts
from soundkin.config import MAX_SLOW
from soundkin.errors import DamagedLibraryError, QueryError
from soundkin.library.connection import REPAIR
from soundkin.library.name_words import FUNCTION, NameWords
from soundkin.library.records import Filters, KnownFile, Recording
from soundkin.notation import read_key
from soundkin.system.paths import find_separator, is_whole
from soundkin.system.remote import is_remote

N_OWN = 14  # columns of a recording before those of its facts

# What the columns of a recording hold, in their order; a file that others made may hold anything.
KINDS: tuple[Any, ...] = (
    *(int, (str, bytes), int, int, (int, NoneType), (str, NoneType)),
    *((int, float), int, int, str, (str, NoneType), int, float, str),
)

RECORDINGS = (
    "recordings LEFT JOIN contents ON contents.id = content_id"
    " LEFT JOIN facts ON facts.content = content_id"
)
SELECT_RECORDINGS = f"""
    SELECT recordings.id, path, size, mtime_ns, content_id, error,
        COALESCE(duration_s, 0), COALESCE(sample_rate, 0), COALESCE(n_channels, 0),
        COALESCE(format, ''), warning, COALESCE(length(levels) / 2, 0), slow,
        (SELECT json_group_array(tag) FROM tags WHERE recording_id = recordings.id),
        facts.content, {", ".join(FACT_COLUMNS)}
    FROM {RECORDINGS}
"""
SELECT_KNOWN = "SELECT id, path, size, mtime_ns, ctime_ns, slow, error NOTNULL FROM recordings"
SELECT_FACTS = f"SELECT content, {', '.join(FACT_COLUMNS)} FROM facts"
# Compared as bytes, since a name that is no valid UTF-8 is stored as bytes.
BELOW = "(CAST(path AS BLOB) = ? OR substr(CAST(path AS BLOB), 1, ?) = ?)"
HAS_WORD = (
    f"({FUNCTION}(CAST(path AS BLOB), (SELECT COALESCE(group_concat(hex(CAST(path AS BLOB)), ' '),"
    " '') FROM folders), ?) OR EXISTS (SELECT 1 FROM tags WHERE recording_id = recordings.id"
    f" AND {FUNCTION}(CAST(tag AS BLOB), '', ?)))"
)
INSERT_FACTS = (
    f"INSERT OR REPLACE INTO facts (content, {', '.join(FACT_COLUMNS)}, version)"
    f" VALUES (?{', ?' * len(FACT_COLUMNS)}, {FACTS_VERSION})"
)
INSERT_FINGERPRINT = "INSERT OR REPLACE INTO fingerprints (content, data) VALUES (?, ?)"


def read_path(value: object) -> str:
    """Read a path or URL as it is stored: text, or bytes where a name is no valid UTF-8.

    Raises
    ------
    LibraryError
        It is neither, or no file can have it.
    """
    path = os.fsdecode(value) if isinstance(value, str | bytes) else ""
    is_path = is_whole(path) or is_remote(path)
    if not is_path or "\0" in path:
        raise DamagedLibraryError(f"the library is damaged: {path!r:.60} is no path; {REPAIR}")
    return path


def read_recording(row: tuple[Any, ...]) -> Recording:
    """Make a recording of a row of `SELECT_RECORDINGS`.

    Raises
    ------
    LibraryError
        Some value is of a kind that soundkin never writes.
    """
    path = read_path(row[1])
    has_facts = row[N_OWN] is not None
    is_sane = all(map(isinstance, row[:N_OWN], KINDS)) and math.isfinite(row[6])
    if not is_sane or not 1 <= row[N_OWN - 2] <= MAX_SLOW:
        raise DamagedLibraryError(f"{path}: its row in the library is damaged; {REPAIR}")
    if has_facts and not all(isinstance(fact, float | None) for fact in row[N_OWN + 1 :]):
        raise DamagedLibraryError(f"{path}: its facts in the library are damaged; {REPAIR}")
    tags = tuple(json.loads(row[N_OWN - 1]))
    facts = Facts(*row[N_OWN + 1 :]) if has_facts else None
    values = [row[0], path, *row[2 : N_OWN - 1], tags, facts]
    return Recording(*values)


def read_known(row: tuple[Any, ...]) -> KnownFile:
    """Make what is known of a file of a row of `SELECT_KNOWN`; errors as of `read_path`."""
    recording_id, path, size, mtime_ns, ctime_ns, slow, failed = row
    return KnownFile(recording_id, read_path(path), size, mtime_ns, ctime_ns, slow, bool(failed))


def encode_facts(content_id: int, facts: Facts) -> list[Any]:
    """Write a content's facts as the parameters of `INSERT_FACTS`."""
    return [content_id, *vars(facts).values()]


def decode_vectors(
    vectors: bytes, levels: bytes, size: int
) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.float16]]:
    """Read a content's vectors `(n_segments, size)` and levels `(n_segments,)`.

    Raises
    ------
    ValueError
        They are not of that shape.
    """
    if not isinstance(vectors, bytes) or not isinstance(levels, bytes) or not levels:
        raise ValueError("they are no vectors and levels")
    levels_db = np.frombuffer(levels, np.float16)
    return np.frombuffer(vectors, np.float16).reshape(len(levels_db), size), levels_db


def encode_path(path: str) -> str | bytes:
    """Store a path as text, or as bytes where a file's name is no valid UTF-8."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return os.fsencode(path)
    return path


def compile_filters(filters: Filters) -> tuple[str, list[Any]]:
    """Write filters as an SQL condition with its parameters.

    Raises
    ------
    QueryError
        There is no fact of a name that has a least and a most, or no such key.
    """
    conditions: list[str] = ["1"]
    parameters: list[Any] = []
    for require in (_require_folders, _require_words):
        for condition, values in require(filters):
            conditions.append(condition)
            parameters += values
    if filters.extensions:
        likes = ["CAST(path AS TEXT) LIKE ? ESCAPE '\\'"] * len(filters.extensions)
        conditions.append("(" + " OR ".join(likes) + ")")
        patterns = ["%." + _escape_like(name.lstrip(".")) for name in filters.extensions]
        parameters += map(encode_path, patterns)
    if filters.min_duration_s is not None:
        conditions.append("duration_s >= ?")
        parameters.append(filters.min_duration_s)
    if filters.max_duration_s is not None:
        conditions.append("duration_s <= ?")
        parameters.append(filters.max_duration_s)
    for tag in filters.tags:
        conditions.append(
            "EXISTS (SELECT 1 FROM tags WHERE tag = ? AND recording_id = recordings.id)"
        )
        parameters.append(encode_path(tag))  # as bytes no tag is equal to it
    if filters.keys:
        conditions.append(f"key_number IN (?{', ?' * (len(filters.keys) - 1)})")
        parameters += map(read_key, filters.keys)
    for name, (least, greatest) in filters.facts.items():
        if name not in AMOUNTS:
            raise QueryError(f"no fact {name!r}; there are {', '.join(AMOUNTS)}")
        conditions.append(f"{AMOUNTS[name].column} BETWEEN IFNULL(?, -9e999) AND IFNULL(?, 9e999)")
        parameters += [least, greatest]
    return " AND ".join(conditions), parameters


def list_below(folder: str) -> list[Any]:
    """List the parameters of `BELOW` for a folder, or a file."""
    separator = find_separator(folder)
    prefix = os.fsencode(folder.rstrip(separator) + separator)
    return [os.fsencode(folder), len(prefix), prefix]


def _require_folders(filters: Filters) -> Iterator[tuple[str, list[Any]]]:
    for folders, outside in ((filters.folders, ""), (filters.not_folders, "NOT ")):
        if folders:
            condition = f"{outside}({' OR '.join([BELOW] * len(folders))})"
            yield condition, [value for folder in folders for value in list_below(folder)]


def _require_words(filters: Filters) -> Iterator[tuple[str, list[Any]]]:
    words = NameWords.read(filters.name)
    for word in words.wanted:
        yield HAS_WORD, [word, word]
    for group in words.unwanted:
        condition = f"NOT ({' AND '.join([HAS_WORD] * len(group))})"
        yield condition, [word for word in group for _ in range(2)]


def _escape_like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
