"""What a library holds, as values: recordings, contents, counts, and the filters on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from soundkin.config import ModelConfig


@dataclass(frozen=True)
class LibraryModel:
    """The model a library was made with."""

    name: str
    hash: str
    file_name: str  # as `soundkin.model.find_model` takes it
    config: ModelConfig


@dataclass(frozen=True)
class Content:
    """What a file's bytes hold; `vectors` `(n_segments, 128)`, `levels_db` `(n_segments,)`."""

    hash: bytes
    duration_s: float
    sample_rate: int
    n_channels: int
    format: str
    warning: str | None
    vectors: npt.NDArray[np.floating[Any]]
    levels_db: npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Recording:
    """One audio file in a library. Without `content_id` it failed, for the reason in `error`."""

    id: int
    path: str
    size: int
    mtime_ns: int
    content_id: int | None
    error: str | None
    duration_s: float
    sample_rate: int
    n_channels: int
    format: str
    warning: str | None
    n_segments: int
    tags: tuple[str, ...]


class KnownFile(NamedTuple):
    """What tells whether a file is still the one in the library; one for every file of a run."""

    id: int
    path: str
    size: int
    mtime_ns: int
    failed: bool


@dataclass(frozen=True)
class Filters:
    """Which recordings count: below a folder, of an extension, of a duration, with every tag."""

    folders: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    min_duration_s: float | None = None
    max_duration_s: float | None = None
    tags: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is filtered at all."""
        return self != Filters()


@dataclass(frozen=True)
class LibraryCounts:
    """How much a library holds; failed recordings are counted apart."""

    n_recordings: int
    n_failed: int
    n_contents: int
    n_segments: int
    duration_s: float
