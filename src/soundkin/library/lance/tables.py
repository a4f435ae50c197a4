"""The Lance tables of a library, on local disk, a shared folder or object storage.

    library.lance       one row: format, identity, model, and which table of segments holds
    recordings.lance    a row per file: path, size, time, hash of its bytes, or why it failed
    segments-….lance    a row per segment; that of a content's first has the content's own facts
    tags.lance, rejected.lance, folders.lance, concepts.lance, crates.lance

Every change is one atomic commit of one table, and who reads sees whole commits. Contents are known
by their hash, so what is written twice counts once: of contents with the same bytes the first
holds. Rows have stable ids, given out by Lance in the order of commits and never twice: they are
the library's ids of contents (that of the first segment) and recordings.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pyarrow as pa

from soundkin.errors import LibraryError
from soundkin.library.lance import MISSING
from soundkin.library.lance.schema import (
    CONCEPTS,
    CRATES,
    FOLDERS,
    FORMAT,
    LIBRARY,
    RECORDINGS,
    REJECTED,
    SCHEMAS,
    SUFFIX,
    TAGS,
    find_missing,
    make_batches,
    make_segments_schema,
)
from soundkin.library.records import LibraryModel

if TYPE_CHECKING:
    from lance import LanceDataset

OPTIONS: dict[str, Any] = {"enable_stable_row_ids": True}
DELETED_AT_ONCE = 500  # ranges; a longer condition takes long to read
KEPT = datetime.timedelta(days=1)
COMPACT_FROM = 64  # fragments, from which many small ones are made into few


class Tables:
    """The tables below one address. Every error comes out as a LibraryError naming it."""

    def __init__(self, uri: str) -> None:
        if "://" not in uri:
            uri = os.path.abspath(os.path.expanduser(uri))  # noqa: PTH100, PTH111
        self.uri = uri.rstrip("/")
        self.storage = _find_storage(self.uri)
        self._open: dict[str, LanceDataset] = {}

    def exist(self) -> bool:
        """Whether there is a library."""
        return self.has(LIBRARY)

    def has(self, name: str) -> bool:
        """Whether there is a table; libraries of before have none of crates."""
        if name in self._open:
            return True
        lance = import_lance()
        with self._explained():
            try:
                lance.dataset(self._address(name), storage_options=self.storage)
            except (ValueError, OSError) as error:
                if _is_absence(error):
                    return False
                raise
        return True

    def create(self) -> None:
        """Make an empty library; that of the table `library`, the last, makes it one."""
        for name in (RECORDINGS, TAGS, REJECTED, FOLDERS, CONCEPTS, CRATES):
            self.write(name, [], SCHEMAS[name])
        self.write_library({"format": FORMAT, "identity": uuid4().hex})

    def open(self, name: str) -> LanceDataset:
        """Open a table at its latest version."""
        lance = import_lance()
        with self._explained():
            known = self._open.get(name)
            if known is None:
                known = lance.dataset(self._address(name), storage_options=self.storage)
                self._open[name] = known
            elif known.latest_version != known.version:
                known.checkout_latest()  # type: ignore[no-untyped-call]
            return known

    def write(self, name: str, rows: Iterable[Any], schema: pa.Schema) -> None:
        """Write a whole table anew, from record batches."""
        lance = import_lance()
        with self._explained():
            reader = pa.RecordBatchReader.from_batches(schema, rows)
            self._open[name] = lance.write_dataset(
                reader,
                self._address(name),
                mode="overwrite",
                storage_options=self.storage,
                **OPTIONS,
            )

    def read_library(self) -> dict[str, Any]:
        """Read the row of the table `library`."""
        with self._explained():
            row: dict[str, Any] = self.open(LIBRARY).to_table().to_pylist()[0]
        if row["format"] > FORMAT:
            raise LibraryError(f"{self.uri}: a newer soundkin wrote it; update soundkin to use it")
        return row

    def write_library(self, row: dict[str, Any]) -> None:
        """Write it anew."""
        self.write(LIBRARY, make_batches([row], SCHEMAS[LIBRARY]), SCHEMAS[LIBRARY])

    def replace_model(self, model: LibraryModel) -> str:
        """Begin an empty table of segments for another model; returns its name."""
        name = f"segments-{uuid4().hex[:12]}"
        self.write(name, [], make_segments_schema(model.embedding_size))
        self.write_library(
            self.read_library()
            | {
                "segments": name,
                "model_name": model.name,
                "model_hash": model.hash,
                "model_file": model.file_name,
                "model_config": model.to_json(),
            }
        )
        return name

    def complete(self) -> None:
        """Give a library the tables, columns and facts that it was made without, as nulls."""
        segments = self.read_library()["segments"]
        if not self.has(CRATES):
            self.write(CRATES, [], SCHEMAS[CRATES])
        with self._explained():
            for name in (RECORDINGS, FOLDERS, *filter(None, [segments])):
                dataset = self.open(name)
                missing = find_missing(dataset.schema, SCHEMAS.get(name))
                if missing is not None:
                    dataset.add_columns(missing)

    def append(self, name: str, rows: Sequence[dict[str, Any]]) -> None:
        """Append rows in one commit."""
        with self._explained():
            dataset = self.open(name)
            dataset.insert(pa.Table.from_pylist(list(rows), schema=dataset.schema))

    def upsert(self, name: str, keys: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
        """Renew the rows of the same keys, which keep their ids, and append the others."""
        table = pa.Table.from_pylist(list(rows), schema=self.open(name).schema)
        with self._explained():
            builder = self.open(name).merge_insert(list(keys))
            builder.when_matched_update_all().when_not_matched_insert_all().execute(table)

    def remove(self, name: str, keys: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
        """Delete the rows of these keys."""
        table = pa.Table.from_pylist(list(rows), schema=self.open(name).schema)
        with self._explained():
            self.open(name).merge_insert(list(keys)).when_matched_delete().execute(table)

    def remove_rows(self, name: str, ranges: Iterable[tuple[int, int]]) -> None:
        """Delete rows by their ids, from each first to before each last."""
        parts = [f"(_rowid >= {first} AND _rowid < {last})" for first, last in _join(ranges)]
        for start in range(0, len(parts), DELETED_AT_ONCE):
            with self._explained():
                self.open(name).delete(" OR ".join(parts[start : start + DELETED_AT_ONCE]))

    def move_recording(
        self, row_id: int, path: str, size: int, mtime_ns: int, ctime_ns: int | None
    ) -> None:
        """Give a recording another file's path, size and times; its id stays."""
        values = {
            "path": f"X'{os.fsencode(path).hex()}'",
            "size": str(size),
            "mtime_ns": str(mtime_ns),
            "ctime_ns": "NULL" if ctime_ns is None else str(ctime_ns),
        }
        with self._explained():
            self.open(RECORDINGS).update(values, where=f"_rowid = {row_id}")

    def write_fragments(self, name: str, table: pa.Table) -> list[str]:
        """Write rows that nobody sees before `commit_fragments`; returns what that takes."""
        write_fragments = import_lance().fragment.write_fragments
        with self._explained():
            found = write_fragments(
                table,
                self._address(name),
                schema=table.schema,
                storage_options=self.storage,
                **OPTIONS,
            )
        return [json.dumps(fragment.to_json()) for fragment in found]

    def commit_fragments(self, name: str, fragments: Sequence[str]) -> None:
        """Make written rows part of a table, all at once."""
        lance = import_lance()
        found = [lance.fragment.FragmentMetadata.from_json(text) for text in fragments]
        with self._explained():
            self._open[name] = lance.LanceDataset.commit(
                self._address(name),
                lance.LanceOperation.Append(found),
                read_version=self.open(name).version,
                storage_options=self.storage,
            )

    def compact(self, name: str) -> None:
        """Make few large fragments of many small ones, and drop versions that nobody reads.

        Ids and index stay.
        """
        with self._explained():
            dataset = self.open(name)
            if len(dataset.get_fragments()) >= COMPACT_FROM:
                dataset.optimize.compact_files()
                dataset.cleanup_old_versions(older_than=KEPT)

    def pin(self, name: str) -> LanceDataset:
        """Open a table at its latest version, to stay at it, whatever is written."""
        dataset = self.open(name)
        with self._explained():
            return dataset.checkout_version(dataset.version)

    def measure_bytes(self) -> int:
        """Sum up the tables' sizes."""
        row = self.read_library()
        names = [*filter(self.has, SCHEMAS), *filter(None, [row["segments"]])]
        with self._explained():
            return sum(
                sum(batch["size_bytes"].to_pylist())
                for name in names
                for batch in self.open(name).all_files()
            )

    def _address(self, name: str) -> str:
        return f"{self.uri}/{name}{SUFFIX}"

    def _explained(self) -> AbstractContextManager[None]:
        return explain_errors(self.uri)


def _join(ranges: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Join ranges that touch each other."""
    first = last = None
    for start, stop in sorted(ranges):
        if last is not None and first is not None and start > last:
            yield first, last
            first = None
        first, last = (start if first is None else first), stop
    if first is not None and last is not None:
        yield first, last


def import_lance() -> Any:
    """Import Lance.

    Raises
    ------
    LibraryError
        It is not installed.
    """
    os.environ.setdefault("LANCE_LOG", "error")
    os.environ.setdefault("LANCE_INCLUDE_VECTOR_CENTROIDS", "false")
    warnings.filterwarnings("ignore", "lance is not fork-safe")  # what forks executes at once
    try:
        import lance
    except ImportError as error:
        raise LibraryError(MISSING) from error
    return lance


@contextmanager
def explain_errors(uri: str) -> Iterator[None]:
    """Turn errors of Lance's into a LibraryError that names what lies at an address."""
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        if _is_absence(error):
            reason = "no library there, or not all of it"
        else:
            reason = re.split(r", \S+\.rs:\d+|\n", str(error))[0][:300]
        raise LibraryError(f"{uri}: {reason}") from error


def _is_absence(error: Exception) -> bool:
    text = str(error).lower()
    return "was not found" in text or "not found" in text or "no such file" in text


def _find_storage(uri: str) -> dict[str, str] | None:
    """Tell Lance of an S3 server that is not Amazon's, as its own tools are told."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if not uri.startswith("s3://") or not endpoint:
        return None
    return {"aws_endpoint": endpoint, "allow_http": str(endpoint.startswith("http:")).lower()}
