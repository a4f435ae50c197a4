"""What sounds like this: searches by recordings, uploads, regions and sums of them."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from soundkin.formats import describe_explanation, describe_verdict
from soundkin.hits import Hit
from soundkin.server.answers import ExplanationResponse, SearchResponse, UploadSearchResponse
from soundkin.server.desk import Desk, DeskHere
from soundkin.server.heard import Heard
from soundkin.server.problems import Json, Problem
from soundkin.server.queries import read_filters, read_query
from soundkin.server.rows import FACT_WORDS, list_heard, list_hit, list_recording
from soundkin.server.sounds import take_in
from soundkin.server.threads import run_search_in_turn
from soundkin.server.words import (
    UPLOAD_BODY,
    NameQuery,
    PartRequest,
    RequestModel,
    SearchRequest,
    SegmentRef,
)

router = APIRouter(prefix="/api/v1", tags=["search"])


@router.post("/search", response_model=SearchResponse, summary="Find what sounds like this")
async def search(words: SearchRequest, desk: DeskHere) -> Response:
    """Search by recordings and uploads, whole or a region of each, added and subtracted."""
    return Json(await run_search_in_turn(run_search, words, desk))


@router.post(
    "/search/upload",
    response_model=UploadSearchResponse,
    openapi_extra=UPLOAD_BODY,
    summary="Send a sound and search with it",
)
async def search_upload(
    request: Request,
    desk: DeskHere,
    name: NameQuery = "sound",
    top_k: Annotated[int, Query(ge=1, le=1000)] = 30,
    per_recording: Annotated[int, Query(ge=1, le=100)] = 1,
    exclude_self: bool = True,
) -> Response:
    """Take a sound in and search with all of it, in one round trip."""
    upload = await take_in(request, desk, name)
    words = SearchRequest(
        sounds=[PartRequest(id=upload.id)],
        top_k=top_k,
        per_recording=per_recording,
        exclude_self=exclude_self,
    )
    answer = await run_search_in_turn(run_search, words, desk)
    return Json({"sound": list_heard(Heard.of_upload(upload))} | answer)


def run_search(words: SearchRequest, desk: Desk) -> dict[str, Any]:
    """Search, and describe what was found."""
    started = time.perf_counter()
    with desk.open_library() as library:
        asked = read_query(words.sounds, words.liked, words.disliked, desk, library)
        searcher = desk.make_searcher(library)
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
        )
        verdict = searcher.judge(hits)
    return {
        "hits": [list_hit(hit) for hit in hits],
        "verdict": describe_verdict(verdict),
        "took_ms": round(1000 * (time.perf_counter() - started), 2),
    }


class ExplainRequest(RequestModel):
    """A query, and a hit of it."""

    sounds: list[PartRequest] = Field(min_length=1, max_length=100)
    hit: SegmentRef


@router.post("/explain", response_model=ExplanationResponse, summary="Why this hit?")
def explain(words: ExplainRequest, desk: DeskHere) -> Response:
    """Compare the facts of a query and a hit, and tell whether parts of the query find it too."""
    with desk.open_library() as library:
        heard = desk.find_heard(library, words.hit.id)
        if heard.recording is None:
            raise Problem(422, f"{words.hit.id}: a hit is a recording")
        query = read_query(words.sounds, (), (), desk, library).sounds
        hit = Hit(1, heard.recording, words.hit.start_s, heard.duration_s, 0.0, 0.0)
        row = describe_explanation(desk.make_searcher(library).explain(query, hit))
    for fact in row["facts"]:
        title, unit = FACT_WORDS[fact["fact"]]
        fact |= {"name": fact["fact"], "title": title, "unit": unit}
    return Json(row | {"hit": list_recording(heard.recording)})
