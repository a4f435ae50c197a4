"""What a library's values look like as rows of its tables."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from types import NoneType
from typing import Any

import numpy as np
import numpy.typing as npt

from soundkin.connection import REPAIR
from soundkin.errors import DamagedLibraryError
from soundkin.far import is_url
from soundkin.records import FACT_COLUMNS, Facts, Recording

N_OWN = 13  # columns of a recording before those of its facts

# What the columns of a recording hold, in their order; a file that others made may hold anything.
KINDS: tuple[Any, ...] = (
    *(int, (str, bytes), int, int, (int, NoneType), (str, NoneType)),
    *((int, float), int, int, str, (str, NoneType), int, str),
)

RECORDINGS = (
    "recordings LEFT JOIN contents ON contents.id = content_id"
    " LEFT JOIN facts ON facts.content = content_id"
)
SELECT_RECORDINGS = f"""
    SELECT recordings.id, path, size, mtime_ns, content_id, error,
        COALESCE(duration_s, 0), COALESCE(sample_rate, 0), COALESCE(n_channels, 0),
        COALESCE(format, ''), warning, COALESCE(length(levels) / 2, 0),
        (SELECT json_group_array(tag) FROM tags WHERE recording_id = recordings.id),
        facts.content, {", ".join(FACT_COLUMNS)}
    FROM {RECORDINGS}
"""
SELECT_FACTS = f"SELECT content, {', '.join(FACT_COLUMNS)} FROM facts"
INSERT_FACTS = (
    f"INSERT OR REPLACE INTO facts (content, {', '.join(FACT_COLUMNS)})"
    f" VALUES (?{', ?' * len(FACT_COLUMNS)})"
)


def read_path(value: object) -> str:
    """Read a path or URL as it is stored: text, or bytes where a name is no valid UTF-8.

    Raises
    ------
    LibraryError
        It is neither, or no file can have it.
    """
    path = os.fsdecode(value) if isinstance(value, str | bytes) else ""
    is_path = os.path.isabs(path) or is_url(path)  # noqa: PTH117
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
    if not all(map(isinstance, row[:N_OWN], KINDS)) or not math.isfinite(row[6]):
        raise DamagedLibraryError(f"{path}: its row in the library is damaged; {REPAIR}")
    if has_facts and not all(isinstance(fact, float | None) for fact in row[N_OWN + 1 :]):
        raise DamagedLibraryError(f"{path}: its facts in the library are damaged; {REPAIR}")
    tags = tuple(json.loads(row[N_OWN - 1]))
    facts = Facts(*row[N_OWN + 1 :]) if has_facts else None
    values = [row[0], path, *row[2 : N_OWN - 1], tags, facts]
    return Recording(*values)


def encode_facts(content_id: int, facts: Facts) -> list[Any]:
    """Write a content's facts as the parameters of `INSERT_FACTS`."""
    return [content_id, *dataclasses.astuple(facts)]


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
