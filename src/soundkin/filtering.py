"""Filters and paths as SQLite sees them."""

from __future__ import annotations

import os
from typing import Any

from soundkin.errors import QueryError
from soundkin.records import FACTS, Filters


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
        There is no fact of a name.
    """
    conditions, parameters = ["1"], []
    if filters.folders:
        # Compared as bytes, since a name that is no valid UTF-8 is stored as bytes.
        below = "(CAST(path AS BLOB) = ? OR substr(CAST(path AS BLOB), 1, ?) = ?)"
        conditions.append("(" + " OR ".join([below] * len(filters.folders)) + ")")
        for folder in filters.folders:
            prefix = os.fsencode(folder.rstrip(os.sep) + os.sep)
            parameters += [os.fsencode(folder), len(prefix), prefix]
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
    for name, (least, greatest) in filters.facts.items():
        if name not in FACTS:
            raise QueryError(f"no fact {name!r}; there are {', '.join(FACTS)}")
        conditions.append(f"{FACTS[name]} BETWEEN IFNULL(?, -9e999) AND IFNULL(?, 9e999)")
        parameters += [least, greatest]
    return " AND ".join(conditions), parameters


def _escape_like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
