"""Arrow schemas of the Lance tables, and rows as batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from soundkin.audio_facts import FACT_COLUMNS

FORMAT = 1
SUFFIX = ".lance"
LIBRARY, RECORDINGS = "library", "recordings"
TAGS, REJECTED, FOLDERS, CONCEPTS = "tags", "rejected", "folders", "concepts"
CRATES = "crates"
HASH = pa.binary(32)

CONTENT = pa.struct(
    [
        ("duration_s", pa.float64()),
        ("sample_rate", pa.int32()),
        ("n_channels", pa.int32()),
        ("format", pa.string()),
        ("warning", pa.string()),
        ("n_segments", pa.int32()),
        ("facts", pa.struct([(name, pa.float64()) for name in FACT_COLUMNS])),
        ("fingerprint", pa.large_binary()),
    ]
)
SCHEMAS = {
    LIBRARY: pa.schema(
        [
            ("format", pa.int32()),
            ("identity", pa.string()),
            ("segments", pa.string()),
            ("model_name", pa.string()),
            ("model_hash", pa.string()),
            ("model_file", pa.string()),
            ("model_config", pa.string()),
            ("index_kind", pa.string()),
        ]
    ),
    RECORDINGS: pa.schema(
        [
            ("path", pa.large_binary()),  # bytes, since a file's name may be no valid UTF-8
            ("size", pa.int64()),
            ("mtime_ns", pa.int64()),
            ("ctime_ns", pa.int64()),
            ("slow", pa.float64()),  # null for 1, in tables of before
            ("hash", HASH),
            ("error", pa.string()),
        ]
    ),
    TAGS: pa.schema([("tag", pa.string()), ("recording", pa.int64())]),
    REJECTED: pa.schema([("tag", pa.string()), ("recording", pa.int64())]),
    FOLDERS: pa.schema([("path", pa.large_binary()), ("slow", pa.float64())]),
    CONCEPTS: pa.schema(
        [
            ("name", pa.string()),
            ("model_hash", pa.string()),
            ("definition", pa.string()),
            ("vectors", pa.large_binary()),
        ]
    ),
    CRATES: pa.schema(
        [
            ("crate", pa.string()),
            ("recording", pa.int64()),
            ("start_s", pa.float64()),
            ("end_s", pa.float64()),
            ("position", pa.int64()),
        ]
    ),
}


def make_segments_schema(size: int) -> pa.Schema:
    """Make the schema of segments whose vectors have so many dimensions."""
    return pa.schema(
        [
            ("hash", HASH),
            ("number", pa.int32()),
            ("level_db", pa.float16()),
            ("vector", pa.list_(pa.float16(), size)),
            ("content", CONTENT),
        ]
    )


def find_missing(schema: pa.Schema, wanted: pa.Schema | None) -> pa.Schema | None:
    """Say what an older table lacks, as the columns to be added; None for nothing.

    Parameters
    ----------
    wanted
        The present schema; None for a table of segments, of which what is measured has grown.
    """
    if wanted is not None:
        added = [field for field in wanted if field.name not in schema.names]
        return pa.schema(added) if added else None
    content = schema.field("content").type
    known = {field.name for field in content.field("facts").type}
    facts = pa.struct([(name, pa.float64()) for name in FACT_COLUMNS if name not in known])
    missing = [pa.field("facts", facts)] if facts.num_fields else []
    if content.get_field_index("fingerprint") < 0:
        missing.append(CONTENT.field("fingerprint"))
    return pa.schema([("content", pa.struct(missing))]) if missing else None


def make_batches(rows: Sequence[dict[str, Any]], schema: pa.Schema) -> list[pa.RecordBatch]:
    """Write rows as record batches."""
    batches: list[pa.RecordBatch] = pa.Table.from_pylist(list(rows), schema=schema).to_batches()
    return batches


def make_segments(
    contents: Sequence[dict[str, Any]],
    vectors: Sequence[npt.NDArray[np.floating[Any]]],
    levels_db: Sequence[npt.NDArray[np.floating[Any]]],
    schema: pa.Schema,
) -> pa.RecordBatch:
    """Write contents, with their `hash` and `content`, as rows: a row for each segment."""
    counts = [len(block) for block in vectors]
    firsts = np.cumsum([0, *counts[:-1]])
    flat = np.concatenate(vectors).astype(np.float16)
    owner = np.repeat(np.arange(len(counts)), counts)
    numbers = np.arange(len(flat)) - firsts[owner]
    described: list[dict[str, Any] | None] = [None] * len(flat)
    for first, content in zip(firsts.tolist(), contents, strict=True):
        described[first] = content["content"]
    columns = [
        pa.array([content["hash"] for content in contents], HASH).take(pa.array(owner)),
        pa.array(numbers, pa.int32()),
        pa.array(np.concatenate(levels_db).astype(np.float16)),
        pa.FixedSizeListArray.from_arrays(pa.array(flat.ravel()), flat.shape[1]),
        pa.array(described, CONTENT),
    ]
    return pa.record_batch(columns, schema=schema)
