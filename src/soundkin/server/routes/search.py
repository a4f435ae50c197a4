"""What sounds like this: searches by recordings, uploads, regions and sums of them."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from soundkin.audio_facts import FACTS
from soundkin.search.hits import Hit
from soundkin.search.rows import describe_explanation, describe_verdict
from soundkin.server.problems import Json, ProblemError
from soundkin.server.routes.query import read_filters, read_query
from soundkin.server.routes.sounds import take_in
from soundkin.server.rows import describe_hit_row, describe_recording_row, describe_sound
from soundkin.server.schemas import (
    UPLOAD_BODY,
    Facts,
    NameQuery,
    PartRequest,
    RecordingResponse,
    RequestModel,
    SearchRequest,
    SegmentRef,
    SoundResponse,
)
from soundkin.server.sounds.sound import SoundRef
from soundkin.server.state import ServerState, State
from soundkin.server.thread_limits import run_in_search_pool

router = APIRouter(prefix="/api/v1", tags=["search"])


class ExplainRequest(RequestModel):
    """A query, and a hit of it."""

    sounds: list[PartRequest] = Field(min_length=1, max_length=100)
    hit: SegmentRef


class CopyResponse(BaseModel):
    """A near-copy that a hit stands for, and what tells it from that."""

    path: str
    differs: str = Field(examples=["-6 dB, +0.30 s of silence before, MP3"])


class HitResponse(BaseModel):
    """A place that sounds like the query: a row of `soundkin search --json`, and who it is."""

    rank: int = Field(examples=[1])
    id: str = Field(examples=["r17"])
    path: str
    name: str
    folder: str
    start_s: float
    duration_s: float
    recording_duration_s: float
    score: float = Field(examples=[0.827312])
    percentile: float = Field(
        examples=[99.9], description="Share, 0-100, of pairs of sounds of the world less alike"
    )
    same_sound: bool = Field(
        description="Whether it is the very sound that was asked for, whatever surrounds it"
    )
    rank_score: float | None
    n_folded: int
    copies: list[CopyResponse]
    tags: list[str]
    favourite: bool
    facts: Facts | None


class VerdictResponse(BaseModel):
    """How many hits reach `usual_score`, as few sounds of the world do here by chance."""

    word: str = Field(examples=["many", "some", "none"])
    n_good: int
    best_score: float
    usual_score: float


class SearchResponse(BaseModel):
    """Hits, best first; `verdict` tells whether any of them is good."""

    hits: list[HitResponse]
    verdict: VerdictResponse
    took_ms: float


class UploadSearchResponse(SearchResponse):
    """Hits, and the sound that was sent."""

    sound: SoundResponse


class ComparedFact(BaseModel):
    """A fact of a query beside that of a hit."""

    name: str = Field(examples=["pitch"])
    fact: str
    title: str
    unit: str
    query: float | None
    hit: float | None
    query_name: str | None = Field(examples=["A3"])
    hit_name: str | None = Field(examples=["A3 +12 cents"])
    closeness: float


class ExplanationResponse(BaseModel):
    """Why a hit was found; `stability` is the share of the query's pieces that find it too."""

    stability: float
    stable: bool
    n_pieces: int
    n_near: int
    facts: list[ComparedFact]
    hit: RecordingResponse


@router.post("/search", response_model=SearchResponse, summary="Find what sounds like this")
async def search(words: SearchRequest, state: State) -> Response:
    """Search by recordings and uploads, whole or a region of each, added and subtracted."""
    return Json(await run_in_search_pool(run_search, words, state))


@router.post(
    "/search/upload",
    response_model=UploadSearchResponse,
    openapi_extra=UPLOAD_BODY,
    summary="Send a sound and search with it",
)
async def search_upload(
    request: Request,
    state: State,
    name: NameQuery = "sound",
    top_k: Annotated[int, Query(ge=1, le=1000)] = 30,
    per_recording: Annotated[int, Query(ge=1, le=100)] = 1,
    exclude_self: bool = True,
    min_score: Annotated[float, Query(ge=-1, le=1)] = -1.0,
    min_percentile: Annotated[float, Query(ge=0, le=100)] = 0.0,
) -> Response:
    """Take a sound in and search with all of it, in one round trip."""
    upload = await take_in(request, state, name)
    sound = await run_in_search_pool(describe_sound, SoundRef.of_upload(upload))
    part = PartRequest(id=upload.id)
    if sound["strokes"]:
        part = PartRequest(id=upload.id, **sound["strokes"][sound["loudest"]])
    words = SearchRequest(
        sounds=[part],
        top_k=top_k,
        per_recording=per_recording,
        exclude_self=exclude_self,
        min_score=min_score,
        min_percentile=min_percentile,
    )
    answer = await run_in_search_pool(run_search, words, state)
    return Json({"sound": sound} | answer)


def run_search(words: SearchRequest, state: ServerState) -> dict[str, Any]:
    """Search, and describe what was found."""
    started = time.perf_counter()
    with state.open_library() as library:
        asked = read_query(words.sounds, words.liked, words.disliked, state, library)
        searcher = state.make_searcher(library)
        hits = searcher.search(
            asked.sounds,
            words.top_k,
            per_recording=words.per_recording,
            exclude_self=words.exclude_self,
            filters=read_filters(words.filters),
            liked=asked.liked,
            disliked=asked.disliked,
            weights=words.weights,
            fold_duplicates=words.fold,
            min_score=words.min_score,
            min_percentile=words.min_percentile,
        )
        verdict = searcher.judge(hits)
    return {
        "hits": [describe_hit_row(hit) for hit in hits],
        "verdict": describe_verdict(verdict),
        "took_ms": round(1000 * (time.perf_counter() - started), 2),
    }


@router.post("/explain", response_model=ExplanationResponse, summary="Why this hit?")
def explain(words: ExplainRequest, state: State) -> Response:
    """Compare the facts of a query and a hit, and tell whether parts of the query find it too."""
    with state.open_library() as library:
        heard = state.get_sound_ref(library, words.hit.id)
        if heard.recording is None:
            raise ProblemError(422, f"{words.hit.id}: a hit is a recording")
        query = read_query(words.sounds, (), (), state, library).sounds
        hit = Hit(1, heard.recording, words.hit.start_s, heard.duration_s, 0.0, 0.0)
        row = describe_explanation(state.make_searcher(library).explain(query, hit))
    for one in row["facts"]:
        fact = FACTS[one["fact"]]
        one |= {"name": fact.name, "title": fact.title, "unit": fact.unit}
    return Json(row | {"hit": describe_recording_row(heard.recording)})
