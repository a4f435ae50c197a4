"""A library copied from an SQLite file into Lance tables, or back; nothing is embedded again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from soundkin.audio_facts import FACT_COLUMNS
from soundkin.errors import LibraryError
from soundkin.library.concepts import list_concepts
from soundkin.library.database_file import make_temporary
from soundkin.library.lance.lance_library import LanceLibrary
from soundkin.library.lance.schema import (
    CONCEPTS,
    CRATES,
    FOLDERS,
    RECORDINGS,
    REJECTED,
    SCHEMAS,
    TAGS,
    make_batches,
    make_segments,
    make_segments_schema,
)
from soundkin.library.lance.tables import Tables
from soundkin.library.library import Library
from soundkin.library.open import is_lance, open_library
from soundkin.progress import OnProgress, ignore

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK_CONTENTS = 512
BLOCK_ROWS = 1 << 14
OF_FILES = ("size", "mtime_ns", "ctime_ns", "slow", "hash", "error")
CONTENT_COLUMNS = ("duration_s", "sample_rate", "n_channels", "format", "warning", "n_segments")


def convert_library(source: str, target: str, on_progress: OnProgress = ignore) -> None:
    """Copy a library to where there is none yet; the two are of different kinds.

    Recordings and contents keep their order and get new ids; `on_progress` as for an index.

    Raises
    ------
    LibraryError
        There is no library to copy, one is there already, or both are of one kind.
    """
    if is_lance(source) == is_lance(target):
        raise LibraryError(f"{target}: of one kind with {source}; one must be an SQLite file")
    with open_library(source) as library:
        if is_lance(target):
            _write_tables(library, Tables(target), on_progress)
        else:
            assert isinstance(library, LanceLibrary)  # its name is a Lance library's
            _write_file(library, Path(target).expanduser().absolute(), on_progress)
    if is_lance(target):
        with open_library(target) as written:
            written.renew_index(on_progress)


def _write_tables(library: Library, tables: Tables, on_progress: OnProgress) -> None:
    if tables.exist():
        raise LibraryError(f"{tables.uri}: there is a library already; choose another name")
    model = library.model
    if model is None:
        raise LibraryError(f"{library.name}: it is empty; run: soundkin index FOLDER")
    tables.create()
    name = tables.replace_model(model)
    schema = make_segments_schema(model.embedding_size)
    tables.write(name, _read_segments(library, schema, on_progress), schema)
    new_ids = _write_recordings(library, tables)
    for table, known in ((TAGS, "tags"), (REJECTED, "rejected_tags")):
        pairs = library.connection.fetch(f"SELECT tag, recording_id FROM {known}")
        rows = [{"tag": tag, "recording": new_ids[number]} for tag, number in pairs]
        tables.write(table, make_batches(rows, SCHEMAS[table]), SCHEMAS[table])
    slow = library.list_slow()
    folders = [
        {"path": os.fsencode(path), "slow": slow.get(path)} for path in library.list_folders()
    ]
    tables.write(FOLDERS, make_batches(folders, SCHEMAS[FOLDERS]), SCHEMAS[FOLDERS])
    concepts = [
        {
            "name": concept.name,
            "model_hash": concept.model_hash,
            "definition": json.dumps(_renumber(concept.definition, new_ids)),
            "vectors": np.vstack([concept.query, concept.liked, concept.disliked]).tobytes(),
        }
        for concept in list_concepts(library)
    ]
    tables.write(CONCEPTS, make_batches(concepts, SCHEMAS[CONCEPTS]), SCHEMAS[CONCEPTS])
    columns = ("crate", "recording", "start_s", "end_s", "position")
    crates = [
        dict(zip(columns, row, strict=True)) | {"recording": new_ids[row[1]]}
        for row in library.connection.fetch("SELECT * FROM crates")
    ]
    tables.write(CRATES, make_batches(crates, SCHEMAS[CRATES]), SCHEMAS[CRATES])
    if library.index_kind:
        tables.write_library(tables.read_library() | {"index_kind": library.index_kind})


def _read_segments(
    library: Library, schema: pa.Schema, on_progress: OnProgress
) -> Iterator[pa.RecordBatch]:
    """Read all segments, a batch for some contents at once."""
    n_done, n_all = 0, library.count().n_segments
    rows: list[dict[str, Any]] = []
    blocks: list[npt.NDArray[np.float16]] = []
    levels: list[npt.NDArray[np.float16]] = []
    sql = (
        f"SELECT hash, {', '.join(CONTENT_COLUMNS)}, data, facts.content, {', '.join(FACT_COLUMNS)}"
        " FROM contents LEFT JOIN facts ON facts.content = contents.id"
        " LEFT JOIN fingerprints ON fingerprints.content = contents.id WHERE contents.id = ?"
    )
    for content_id, vectors, levels_db in library.read_vectors_above(0):
        row = library.connection.run(sql, [content_id]).fetchone()
        n_own = 2 + len(CONTENT_COLUMNS)
        facts = None
        if row[n_own] is not None:
            facts = dict(zip(FACT_COLUMNS, row[n_own + 1 :], strict=True))
        own = (*CONTENT_COLUMNS, "fingerprint")
        content = dict(zip(own, row[1:n_own], strict=True)) | {"facts": facts}
        rows.append({"hash": row[0], "content": content})
        blocks.append(vectors)
        levels.append(levels_db)
        n_done += len(vectors)
        if len(rows) >= BLOCK_CONTENTS:
            yield make_segments(rows, blocks, levels, schema)
            rows, blocks, levels = [], [], []
            on_progress("Copying", n_done, n_all)
    if rows:
        yield make_segments(rows, blocks, levels, schema)


def _write_recordings(library: Library, tables: Tables) -> dict[int, int]:
    """Write the recordings in order of their ids; returns the new ids by the old ones."""
    sql = (
        f"SELECT recordings.id, path, {', '.join(OF_FILES)} FROM recordings"
        " LEFT JOIN contents ON contents.id = content_id ORDER BY recordings.id"
    )
    new_ids: dict[int, int] = {}

    def read() -> Iterator[pa.RecordBatch]:
        rows: list[dict[str, Any]] = []
        for number, path, *values in library.connection.fetch(sql):
            new_ids[number] = len(new_ids) + 1
            row = dict(zip(OF_FILES, values, strict=True))
            rows.append({"path": os.fsencode(path), **row})
            if len(rows) >= BLOCK_ROWS:
                yield from make_batches(rows, SCHEMAS[RECORDINGS])
                rows = []
        yield from make_batches(rows, SCHEMAS[RECORDINGS])

    tables.write(RECORDINGS, read(), SCHEMAS[RECORDINGS])
    return new_ids


def _renumber(definition: dict[str, Any], new_ids: dict[int, int]) -> dict[str, Any]:
    """Give the recordings that a named sound was asked with, as `r17`, their new ids."""

    def change(value: Any) -> Any:
        if isinstance(value, list):
            return [change(one) for one in value]
        if not isinstance(value, dict):
            return value
        changed = {name: change(one) for name, one in value.items()}
        name = changed.get("id")
        if isinstance(name, str) and name[:1] == "r" and name[1:].isdigit():
            changed["id"] = f"r{new_ids.get(int(name[1:]), 0)}"
        return changed

    changed: dict[str, Any] = change(definition)
    return changed


def _write_file(library: LanceLibrary, path: Path, on_progress: OnProgress) -> None:
    """Copy the mirror, and put the vectors into it; the file appears once it is whole."""
    if path.exists():
        raise LibraryError(f"{path}: there is a file already; choose another name")
    n_done, n_all = 0, library.count().n_segments
    with make_temporary(path) as part:
        library.connection.copy_to(part)
        with Library.open(part) as copy:
            with copy.transaction():
                copy.connection.run("DROP TABLE mirror")
                copy.connection.run(
                    "UPDATE meta SET next_content_id ="
                    " (SELECT COALESCE(MAX(id), 0) + 1 FROM contents), identity = ?",
                    [os.urandom(16).hex()],
                )
                for content_id, vectors, _ in library.read_vectors_above(0):
                    copy.connection.run(
                        "UPDATE contents SET vectors = ? WHERE id = ?",
                        [np.ascontiguousarray(vectors).tobytes(), content_id],
                    )
                    n_done += len(vectors)
                    on_progress("Copying", n_done, n_all)
            copy.connection.run("PRAGMA wal_checkpoint(TRUNCATE)")
        part.replace(path)
