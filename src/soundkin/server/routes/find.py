"""Every occurrence of a sound: where in which recordings, in order of time."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from soundkin.search.finding.occurrence import Occurrence
from soundkin.search.finding.resolve import Place, recall_concept
from soundkin.search.rows import describe_occurrence
from soundkin.server.problems import Json
from soundkin.server.routes.query import find_kept, read_filters, read_query
from soundkin.server.rows import describe_identity
from soundkin.server.schemas import (
    FilterRequest,
    PartRequest,
    RequestModel,
    SegmentRef,
    SoundId,
)
from soundkin.server.sounds.sound import SoundRef
from soundkin.server.state import ServerState, State
from soundkin.server.thread_limits import run_in_slow_pool

Score = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]

router = APIRouter(prefix="/api/v1", tags=["search"])


class FindRequest(RequestModel):
    """What to find, and in what: recordings and uploads, or all that passes the filters."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"sounds": [{"id": "r17", "start_s": 0.5, "end_s": 0.9}], "within": ["r17"]},
                {"sounds": [{"id": "c1"}], "filters": {"min_duration_s": 60}, "min_score": 0.7},
            ]
        },
    )

    sounds: list[PartRequest] = Field(min_length=1, max_length=100)
    liked: list[SegmentRef] = Field(default=[], max_length=1000)
    disliked: list[SegmentRef] = Field(default=[], max_length=1000)
    within: list[SoundId] = Field(default=[], max_length=1000)
    filters: FilterRequest = FilterRequest()
    min_score: Score | None = Field(default=None, description="null chooses it from the scores")


class EventResponse(BaseModel):
    """A stretch in which the sound is heard; `exact` is false where only segments tell it."""

    id: str = Field(examples=["r17"])
    path: str
    name: str
    folder: str
    favourite: bool
    start_s: float
    end_s: float
    duration_s: float
    score: float = Field(examples=[0.871])
    level_db: float
    exact: bool
    recording_duration_s: float
    sample_rate: int
    tags: list[str]


class FindResponse(BaseModel):
    """Events in order of recording and time, of at least `min_score`.

    `chosen_score` is the least score that the scores themselves tell.
    """

    events: list[EventResponse]
    min_score: float
    chosen_score: float
    n_recordings: int
    duration_s: float
    took_ms: float


@router.post("/find", response_model=FindResponse, summary="Find every occurrence of this")
async def find(words: FindRequest, state: State) -> Response:
    """Find where in recordings a sound is heard; several sounds are examples of one thing."""
    return Json(await run_in_slow_pool(run_find, words, state))


def run_find(words: FindRequest, state: ServerState) -> dict[str, Any]:
    """Find, and describe every event."""
    started = time.perf_counter()
    with state.open_library() as library:
        kept = [part for part in words.sounds if part.id.startswith("c")]
        heard_parts = [part for part in words.sounds if part not in kept]
        asked = read_query(heard_parts, words.liked, words.disliked, state, library)
        for part in kept:
            sounds, liked, disliked = recall_concept(library, find_kept(part.id, library))
            asked.sounds.extend(replace(one, weight=one.weight * part.weight) for one in sounds)
            asked.liked.extend(liked)
            asked.disliked.extend(disliked)
        heard = [state.get_sound_ref(library, sound_id) for sound_id in words.within]
        places: list[Place] = [one.recording or str(one.path) for one in heard]
        found = state.make_searcher(library).find(
            asked.sounds,
            places,
            filters=read_filters(words.filters),
            liked=asked.liked,
            disliked=asked.disliked,
            min_score=words.min_score,
        )
    uploads = {str(one.path): one for one in heard if one.upload}
    return {
        "events": [_describe(event, uploads) for event in found.events],
        "min_score": round(found.min_score, 4),
        "chosen_score": round(found.chosen_score, 4),
        "n_recordings": found.n_recordings,
        "duration_s": round(found.duration_s, 3),
        "took_ms": round(1000 * (time.perf_counter() - started), 2),
    }


def _describe(event: Occurrence, uploads: dict[str, SoundRef]) -> dict[str, Any]:
    """Write an event: what `soundkin find --json` says, and whose it is."""
    row = describe_occurrence(event) | describe_identity(event.recording)
    upload = uploads.get(event.recording.path)
    if upload is None:
        return row
    return row | {"id": upload.id, "path": upload.name, "name": upload.name, "folder": ""}
