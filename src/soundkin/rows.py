"""What a library's values look like as rows of its tables."""

from __future__ import annotations

import dataclasses
import json
import os
from typing import Any

import numpy as np
import numpy.typing as npt

from soundkin.records import FACT_COLUMNS, Facts, Recording

N_OWN = 13  # columns of a recording before those of its facts

RECORDINGS = (
    "recordings LEFT JOIN contents ON contents.id = content_id"
    " LEFT JOIN facts ON facts.content = content_id"
)
SELECT_RECORDINGS = f"""
    SELECT recordings.id, path, size, mtime_ns, content_id, error,
        COALESCE(duration_s, 0), COALESCE(sample_rate, 0), COALESCE(n_channels, 0),
        COALESCE(format, ''), warning, COALESCE(n_segments, 0),
        (SELECT json_group_array(tag) FROM tags WHERE recording_id = recordings.id),
        facts.content, {", ".join(FACT_COLUMNS)}
    FROM {RECORDINGS}
"""
SELECT_FACTS = f"SELECT content, {', '.join(FACT_COLUMNS)} FROM facts"
INSERT_FACTS = (
    f"INSERT OR REPLACE INTO facts (content, {', '.join(FACT_COLUMNS)})"
    f" VALUES (?{', ?' * len(FACT_COLUMNS)})"
)


def read_recording(row: tuple[Any, ...]) -> Recording:
    """Make a recording of a row of `SELECT_RECORDINGS`."""
    tags = tuple(json.loads(row[N_OWN - 1]))
    facts = None if row[N_OWN] is None else Facts(*row[N_OWN + 1 :])
    values = [row[0], os.fsdecode(row[1]), *row[2 : N_OWN - 1], tags, facts]
    return Recording(*values)


def encode_facts(content_id: int, facts: Facts) -> list[Any]:
    """Write a content's facts as the parameters of `INSERT_FACTS`."""
    return [content_id, *dataclasses.astuple(facts)]


def decode_vectors(
    vectors: bytes, levels: bytes
) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.float16]]:
    """Read a content's vectors `(n_segments, n)` and levels `(n_segments,)`."""
    levels_db = np.frombuffer(levels, np.float16)
    return np.frombuffer(vectors, np.float16).reshape(len(levels_db), -1), levels_db
