"""Queries of the API brought to those of the library."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from soundkin.library.concepts import Concept, find_concept
from soundkin.library.library import Library
from soundkin.library.records import FAVOURITE, Filters
from soundkin.search.query import Sound
from soundkin.server.problems import ProblemError
from soundkin.server.schemas import FilterRequest, PartRequest, SegmentRef
from soundkin.server.state import ServerState


@dataclass(frozen=True)
class ResolvedQuery:
    """A query of the API as the library takes it; a concept brings what it likes and dislikes."""

    sounds: list[Sound]
    liked: list[Sound]
    disliked: list[Sound]


def read_query(
    parts: Iterable[PartRequest],
    liked: Iterable[SegmentRef],
    disliked: Iterable[SegmentRef],
    state: ServerState,
    library: Library,
) -> ResolvedQuery:
    """Find the sounds that a query names.

    Raises
    ------
    ProblemError
        There is no such sound or concept.
    """
    asked = ResolvedQuery(
        [], _read_places(liked, state, library), _read_places(disliked, state, library)
    )
    for part in parts:
        if part.id.startswith("c"):
            concept = find_kept(part.id, library)
            asked.sounds.append(Sound(concept.query, part.weight))
            asked.liked.extend(map(Sound, concept.liked))
            asked.disliked.extend(map(Sound, concept.disliked))
        else:
            heard = state.get_sound_ref(library, part.id)
            sound = heard.as_query(library, part.weight, part.start_s, part.end_s)
            asked.sounds.append(replace(sound, whole=part.whole))
    return asked


def find_kept(part_id: str, library: Library) -> Concept:
    """Find the concept of an id.

    Raises
    ------
    ProblemError
        There is none, or another model made it.
    """
    concept = find_concept(library, int(part_id[1:]))
    if concept is None:
        raise ProblemError(404, f"{part_id}: no such concept")
    model = library.model
    if model is None or model.hash != concept.model_hash:
        raise ProblemError(409, f"{concept.name}: another model made it; save it again")
    return concept


def _read_places(places: Iterable[SegmentRef], state: ServerState, library: Library) -> list[Sound]:
    """Find the segments that were liked or disliked."""
    model = library.model
    segment_s = model.segments.segment_s if model else 1.0
    found = []
    for place in places:
        heard = state.get_sound_ref(library, place.id)
        end_s = min(
            place.start_s + segment_s / heard.slow, max(heard.duration_s, place.start_s + 1e-3)
        )
        found.append(heard.as_query(library, 1.0, place.start_s, end_s))
    return found


def read_filters(words: FilterRequest) -> Filters:
    """Make the library's filters of a request's."""
    favourite = (FAVOURITE,) if words.favourites else ()
    return Filters(
        folders=tuple(words.folders),
        not_folders=tuple(words.not_folders),
        name=words.name,
        extensions=tuple(words.extensions),
        min_duration_s=words.min_duration_s,
        max_duration_s=words.max_duration_s,
        tags=(*words.tags, *favourite),
        keys=tuple(words.keys),
        facts={name: _close(bounds) for name, bounds in words.facts.items()},
    )


def _close(bounds: tuple[float | None, float | None]) -> tuple[float, float]:
    """Put infinities where there is no bound."""
    least, most = bounds
    return -math.inf if least is None else least, math.inf if most is None else most
