"""What a library offers, whatever it lies in: an SQLite file, or Lance tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from soundkin.audio_facts import Facts
from soundkin.index.disk import Snapshot
from soundkin.library.connection import Connection
from soundkin.library.records import (
    Content,
    Filters,
    KnownFile,
    LibraryCounts,
    LibraryModel,
    Recording,
)
from soundkin.progress import OnProgress

Ids = npt.NDArray[np.int64]
Floats16 = npt.NDArray[np.float16]


class LibraryStore(Protocol):
    """A library of any kind; each method is described where it is implemented.

    Both kinds answer every question. Only what is new of recordings comes to a distributed one by
    the cluster instead: it raises a LibraryError where it is given any here.
    """

    @property
    def is_distributed(self) -> bool:
        """Whether many machines index into it, and this process alone cannot."""

    @property
    def name(self) -> str:
        """What a person calls it: its file, or its address."""

    @property
    def path(self) -> Path:
        """Its SQLite file, that of a cache where it lies elsewhere; locks lie beside it."""

    @property
    def connection(self) -> Connection:
        """That file, open, for rooms that know the tables."""

    def transaction(self) -> AbstractContextManager[None]: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...

    # What it is

    @property
    def stamp(self) -> tuple[str, int]:
        """Identity and generation: equal stamps, equal vectors."""

    @property
    def model(self) -> LibraryModel | None:
        """The model it was made with; None before the first index run."""

    index_kind: str | None

    def check_model(self, name: str, digest: str) -> None: ...
    def replace_model(self, model: LibraryModel) -> None: ...
    def count(self) -> LibraryCounts: ...
    def measure_bytes(self) -> int: ...

    # Recordings

    def select_recordings(
        self, filters: Filters | None = None, *, failed: bool = False
    ) -> Iterator[Recording]: ...
    def select_where(self, condition: str, parameters: Sequence[object]) -> Iterator[Recording]: ...
    def select_content_ids(self, filters: Filters) -> Ids: ...
    def get_recordings(
        self, content_ids: Iterable[int], filters: Filters | None = None
    ) -> dict[int, list[Recording]]: ...
    def get_recording(self, recording_id: int) -> Recording | None: ...
    def find_recording(self, path: str) -> Recording | None: ...
    def find_by_ending(self, name: str) -> list[Recording]: ...
    def list_files_below(self, folder: str) -> list[KnownFile]: ...
    def list_recording_ids(self) -> tuple[Ids, Ids]: ...
    def save_recording(
        self,
        path: str,
        size: int,
        mtime_ns: int,
        *,
        content_id: int | None = None,
        error: str | None = None,
    ) -> None: ...
    def move_recording(self, recording: Recording, path: str) -> None: ...
    def remove_recordings(self, ids: Iterable[int]) -> None: ...

    # Contents and their vectors

    def list_content_ids(self) -> Ids: ...
    def find_content(self, digest: bytes) -> int | None: ...
    def read_vectors(self, content_id: int) -> tuple[Floats16, Floats16]: ...
    def read_vectors_above(self, last: int) -> Iterator[tuple[int, Floats16, Floats16]]: ...
    def add_content(self, content: Content) -> int: ...
    def save_facts(self, content_id: int, facts: Facts) -> None: ...
    def read_fingerprints(self, content_ids: Iterable[int]) -> dict[int, bytes]: ...
    def save_fingerprint(self, content_id: int, fingerprint: bytes) -> None: ...
    def drop_orphans(self) -> None: ...

    # Folders and tags

    def list_folders(self) -> list[str]: ...
    def add_folder(self, path: str) -> None: ...
    def remove_folder(self, path: str) -> None: ...
    def list_tags(self) -> list[tuple[str, int]]: ...
    def add_tags(self, recordings: Iterable[Recording], tags: Sequence[str]) -> None: ...
    def remove_tags(self, recordings: Iterable[Recording], tags: Sequence[str]) -> None: ...

    # The index of its vectors

    def open_index(
        self, on_progress: OnProgress | None = None, *, check_all: bool = False
    ) -> Snapshot: ...
    def renew_index(self, on_progress: OnProgress | None = None) -> None: ...
    def discard_index(self) -> None: ...
    def measure_index_bytes(self) -> int: ...
