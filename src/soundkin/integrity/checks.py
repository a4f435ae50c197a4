"""What a library's rows must be: shapes, ranges and kinds, checked one row at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from soundkin.audio.fingerprint import Fingerprint
from soundkin.audio_facts import COLUMN_RANGES
from soundkin.errors import LibraryError
from soundkin.index.float16 import find_unsound
from soundkin.index.kinds import INDEX_KINDS
from soundkin.library.concepts import CONCEPT_COLUMNS, read_concept
from soundkin.library.connection import REPAIR
from soundkin.library.library import Library
from soundkin.library.records import NOT_EMBEDDED
from soundkin.library.sql import SELECT_RECORDINGS, decode_vectors, read_path, read_recording
from soundkin.progress import OnProgress

MAX_SQLITE_FINDINGS = 100  # complaints of SQLite's; more of them say nothing more
HASH_BYTES = 32

# The vectors come only where their sizes are right, so that no size that was made up is read.
SELECT_CONTENTS = (
    "SELECT id, hash, duration_s, sample_rate, n_channels, n_segments,"
    " CASE WHEN fits THEN vectors END, CASE WHEN fits THEN levels END FROM (SELECT *,"
    " length(vectors) = n_segments * ? * 2 AND length(levels) = n_segments * 2 AS fits"
    " FROM contents) ORDER BY id"
)


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be: where, what, and what to do about it.

    `part` is `file` (SQLite's pages), `table`, `vectors`, `facts`, `fingerprint`, `recording`,
    `named sound`, `model`, `index` or `audio`; `path` is the recording's, or another file's. What
    is no damage is a note. `id` is the row's, where it is one.
    """

    part: str
    path: str
    reason: str
    remedy: str = REPAIR
    is_damage: bool = True
    id: int | None = None


def check_file(library: Library) -> Iterator[Finding]:
    """Let SQLite check its pages, its indices and what refers to what."""
    name = str(library.path)
    for (text,) in library.connection.fetch(f"PRAGMA integrity_check({MAX_SQLITE_FINDINGS})"):
        if text != "ok":
            yield Finding("file", name, " ".join(str(text).split()))
    for table, row_id, parent, _ in library.connection.fetch("PRAGMA foreign_key_check"):
        yield Finding("table", name, f"row {row_id} of {table} refers to nothing in {parent}")


def check_meta(library: Library) -> Iterator[Finding]:
    """Check what the library says of itself."""
    name = str(library.path)
    try:
        model = library.model
    except LibraryError as error:
        yield Finding("model", name, str(error).removeprefix(f"{name}: ").split("; run")[0])
        model = None
    [(n_contents, greatest)] = library.connection.fetch("SELECT COUNT(*), MAX(id) FROM contents")
    columns = "SELECT identity, generation, next_content_id, index_kind FROM meta"
    found = library.connection.fetch_one(columns)
    if found is None:
        yield Finding("table", name, "it says nothing of itself")
        return
    identity, generation, next_id, kind = found
    if not isinstance(identity, str) or not identity or not isinstance(generation, int):
        yield Finding("table", name, "its identity is damaged")
    if not isinstance(next_id, int) or next_id <= (greatest or 0):
        yield Finding("table", name, f"the next content's id, {next_id!r:.40}, is taken")
    if kind is not None and kind not in INDEX_KINDS:
        yield Finding("table", name, f"no kind of index is called {kind!r:.40}")
    if model is None and n_contents:
        yield Finding("model", name, "it has vectors, but no model that they come from")


def check_contents(library: Library, on_progress: OnProgress) -> Iterator[Finding]:
    """Check every content's vectors, and what else is known of it."""
    try:
        model = library.model
    except LibraryError:
        return  # told by `check_meta`
    size = model.embedding_size if model else 0
    [(n_all,)] = library.connection.fetch("SELECT COUNT(*) FROM contents")
    for n_done, row in enumerate(library.connection.fetch(SELECT_CONTENTS, [size]), 1):
        reason = judge_content(row, size)
        if reason:
            path = _find_path(library, row[0])
            yield Finding("vectors", path, reason, f"{REPAIR} (embeds it again)", id=row[0])
        on_progress("Checking vectors", n_done, n_all)


def judge_content(row: tuple[Any, ...], size: int) -> str | None:
    """Say what is wrong with a row of `SELECT_CONTENTS`; None where nothing is."""
    _, digest, duration_s, sample_rate, n_channels, n_segments, vectors, levels = row
    if not isinstance(digest, bytes) or len(digest) != HASH_BYTES:
        return "its hash is damaged"
    if not isinstance(duration_s, float) or not 0 <= duration_s < math.inf:
        return "its duration is damaged"
    counts = (sample_rate, n_channels, n_segments)
    if not all(isinstance(count, int) and count > 0 for count in counts):
        return "its sample rate, channels or count of segments are damaged"
    if vectors is None or levels is None:
        return f"its vectors are not of shape ({n_segments}, {size}), as its segments are"
    try:
        halves, levels_db = decode_vectors(vectors, levels, size)
    except ValueError as error:
        return str(error)
    if np.isnan(levels_db).any():
        return "its levels are no numbers"
    n_unsound = int(np.count_nonzero(find_unsound(halves)))
    if n_unsound:
        return f"{n_unsound} of its {n_segments} vectors are no unit vectors"
    return None


def check_facts(library: Library) -> Iterator[Finding]:
    """Check that the facts are numbers that sounds can have."""
    sql = f"SELECT content, {', '.join(COLUMN_RANGES)} FROM facts"
    for content_id, *values in library.connection.fetch(sql):
        for value, (name, (least, greatest)) in zip(values, COLUMN_RANGES.items(), strict=True):
            if value is None or (isinstance(value, float) and least <= value <= greatest):
                continue
            path = _find_path(library, content_id)
            remedy = f"{REPAIR} (measures it again)"
            yield Finding("facts", path, f"{name} is {value!r:.40}", remedy, id=content_id)
            break


def check_fingerprints(library: Library) -> Iterator[Finding]:
    """Check that fingerprints are such as soundkin writes."""
    for content_id, data in library.connection.fetch("SELECT content, data FROM fingerprints"):
        try:
            Fingerprint.from_bytes(data)
        except ValueError as error:
            path = _find_path(library, content_id)
            remedy = f"{REPAIR} (measures it again)"
            yield Finding("fingerprint", path, str(error), remedy, id=content_id)


def check_recordings(library: Library) -> Iterator[Finding]:
    """Check the rows of recordings, folders, tags and crates."""
    name = str(library.path)
    for row in library.connection.fetch(f"{SELECT_RECORDINGS} ORDER BY recordings.id"):
        try:
            recording = read_recording(row)
        except LibraryError as error:
            reason = str(error).split(f"; {REPAIR}")[0]
            yield Finding("recording", name, f"recording {row[0]}: {reason}", id=row[0])
            continue
        if (recording.content_id is None) == (recording.error is None):
            yield Finding("recording", recording.path, "its row is damaged", id=recording.id)
        elif recording.error == NOT_EMBEDDED:
            remedy = "run: soundkin index"
            yield Finding("recording", recording.path, NOT_EMBEDDED, remedy, False, recording.id)
    for (path,) in library.connection.fetch("SELECT path FROM folders"):
        try:
            read_path(path)
        except LibraryError:
            yield Finding("table", name, f"the path of a folder, {path!r:.60}, is damaged")
    yield from _check_names(library, "tags", "tag", "a tag of")
    yield from _check_names(library, "crates", "crate", "the name of a crate with")


def _check_names(library: Library, table: str, column: str, words: str) -> Iterator[Finding]:
    """Check what a person has called something that refers to recordings."""
    sql = f"SELECT {column}, recording_id FROM {table}"
    for name, recording_id in library.connection.fetch(sql):
        if not isinstance(name, str) or not name:
            reason = f"{words} recording {recording_id} is damaged"
            yield Finding("table", str(library.path), reason, id=recording_id)


def check_concepts(library: Library) -> Iterator[Finding]:
    """Check the named sounds."""
    for row in library.connection.fetch(f"SELECT {CONCEPT_COLUMNS} FROM concepts"):
        try:
            read_concept(*row)
        except ValueError as error:
            reason = f"{row[1]!r:.60}: {error}"
            remedy = f"{REPAIR} (removes it), and name it again"
            yield Finding("named sound", str(library.path), reason, remedy, id=row[0])


def _find_path(library: Library, content_id: int) -> str:
    """Name a recording of a content, or the library where none has it."""
    sql = "SELECT path FROM recordings WHERE content_id = ? LIMIT 1"
    try:
        row = library.connection.fetch_one(sql, [content_id])
        return read_path(row[0]) if row else str(library.path)
    except LibraryError:
        return str(library.path)
