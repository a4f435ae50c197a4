"""Sounds for the slots of a kit: a sound's neighbours, near ones or farther ones, by chance."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

import numpy as np

from soundkin.errors import QueryError
from soundkin.library.records import Filters, Recording
from soundkin.library.store import LibraryStore
from soundkin.search.query import Query
from soundkin.search.searcher import Searcher

LONGEST_S = 15.0  # of a one-shot
FARTHEST = 100  # neighbours among which the farthest is


@dataclass(frozen=True)
class Draw:
    """How to choose: how far from a sound, 0 (the nearest) to 1, among which recordings."""

    how_far: float = 0.0
    filters: Filters = field(default_factory=Filters)

    def __post_init__(self) -> None:
        if not 0 <= self.how_far <= 1:
            raise QueryError("how far lies between 0 and 1")

    @property
    def short(self) -> Filters:
        """The recordings that count, one-shots alone."""
        longest = self.filters.max_duration_s
        return replace(self.filters, max_duration_s=LONGEST_S if longest is None else longest)


def draw_neighbour(
    searcher: Searcher,
    query: Query,
    draw: Draw,
    generator: np.random.Generator,
    avoided: Collection[int] = (),
) -> Recording | None:
    """Draw a recording that sounds like a query; itself too, where it is in the library.

    With a distance of 0 the nearest one is taken, else each of as many nearest ones as that lets in
    is as likely. `avoided` are ids of recordings that are not taken. None where all of them are.

    Raises
    ------
    SoundkinError
        As from `Searcher.search`.
    """
    n_let_in = 1 + round(draw.how_far * (FARTHEST - 1))
    hits = searcher.search(query, n_let_in + len(avoided), filters=draw.short)
    found = [hit.recording for hit in hits if hit.recording.id not in avoided][:n_let_in]
    return found[int(generator.integers(len(found)))] if found else None


def draw_by_words(
    library: LibraryStore,
    words: str,
    draw: Draw,
    generator: np.random.Generator,
    avoided: Collection[int] = (),
) -> Recording | None:
    """Draw one of the recordings that have words in their name, folder or tags; None without any.

    It is where a slot begins that nobody has given a sound.
    """
    filters = replace(draw.short, name=f"{draw.filters.name} {words}".strip())
    found = [one for one in library.select_recordings(filters) if _is_open(one, avoided)]
    return found[int(generator.integers(len(found)))] if found else None


def _is_open(recording: Recording, avoided: Collection[int]) -> bool:
    return recording.content_id is not None and recording.id not in avoided
