"""What a library holds, as values: recordings, contents, counts, and the filters on them."""

from __future__ import annotations

import dataclasses
import json
import operator
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from soundkin.audio_facts import Facts
from soundkin.config import EMBEDDING_SIZE, SegmentConfig

# Beyond what any model has; what lies beyond was made to do harm.
MAX_RATE = 1_000_000
MAX_STORED_SEGMENT_S = 3600.0
MAX_STORED_SIZE = 65_536

NOT_EMBEDDED = "not embedded yet"  # the error of a recording whose vectors are still to come
FAVOURITE = "favourite"  # a tag of what a person likes, not of how it sounds
REREAD_SIZE = -1  # no file's size, so that a recording of it counts as changed and is read again


@dataclass(frozen=True)
class LibraryModel:
    """The model a library was made with."""

    name: str
    hash: str
    file_name: str  # as `soundkin.embedding.model.find_model` takes it
    segments: SegmentConfig
    embedding_size: int

    def to_json(self) -> str:
        """Write how it cuts and what it gives as JSON."""
        segments = dataclasses.asdict(self.segments)
        return json.dumps({"segments": segments, "embedding_size": self.embedding_size})

    @classmethod
    def from_json(cls, name: str, digest: str, file_name: str, text: str) -> Self:
        """Read what `to_json` wrote; older libraries held only vectors of soundkin's own size.

        Raises
        ------
        ValueError
            It is no such thing.
        """
        try:
            values = json.loads(text)
            segments = SegmentConfig(**values["segments"])
            size = values.get("embedding_size", EMBEDDING_SIZE)
            is_sane = (
                1 <= operator.index(segments.sample_rate) <= MAX_RATE
                and 0 < segments.hop_s <= segments.segment_s <= MAX_STORED_SEGMENT_S
                and segments.segment_hop > 0
                and 1 <= operator.index(size) <= MAX_STORED_SIZE
                and all(isinstance(value, str) for value in (name, digest, file_name))
            )
        except (TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ValueError("it is no description of a model") from error
        if not is_sane:
            raise ValueError("it describes a model that cannot be")
        return cls(name, digest, file_name, segments, size)


@dataclass(frozen=True)
class Content:
    """What a file's bytes hold; `vectors` `(n_segments, n)`, `levels_db` `(n_segments,)`.

    `fingerprint` is what its copies are told by (see `soundkin.audio.fingerprint`).
    """

    hash: bytes
    duration_s: float
    sample_rate: int
    n_channels: int
    format: str
    warning: str | None
    vectors: npt.NDArray[np.floating[Any]]
    levels_db: npt.NDArray[np.floating[Any]]
    facts: Facts | None = None
    fingerprint: bytes | None = None


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
    slow: float  # times slower than it is that it was heard; its times and facts are its own
    tags: tuple[str, ...]
    facts: Facts | None = None  # where they were measured

    @property
    def sound_s(self) -> tuple[float, float] | None:
        """Where it begins and ends to sound, in seconds; None where its segments cover it all."""
        return self.facts.sound_s if self.facts else None


class KnownFile(NamedTuple):
    """What tells whether a file is still the one in the library; one for every file of a run."""

    id: int
    path: str
    size: int
    mtime_ns: int
    ctime_ns: int | None  # not known where an older soundkin took it in, or it lay elsewhere
    slow: float
    failed: bool


@dataclass(frozen=True)
class Filters:
    """Which recordings count: below a folder, of an extension, of a duration, with every tag.

    They lie below any of `folders` and below none of `not_folders`. `name` are words that are in
    their folder, name or tags, as `soundkin.library.name_words` reads them: `snare 01 -rim`.
    `facts` has the least and the greatest value by the facts' names (`FACTS`), both included, None
    being no bound; a recording that lacks such a fact does not count. `keys` are keys as people
    write them, `A minor` or `Am`, of which a recording is in any.
    """

    folders: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    min_duration_s: float | None = None
    max_duration_s: float | None = None
    tags: tuple[str, ...] = ()
    facts: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)
    not_folders: tuple[str, ...] = ()
    name: str = ""
    keys: tuple[str, ...] = ()

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
