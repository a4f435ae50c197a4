"""What sounds like this: searches by recordings, uploads, regions and sums of them."""

from __future__ import annotations

import math
import time
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from soundkin.records import Filters
from soundkin.server import answers
from soundkin.server.desk import Desk, DeskHere
from soundkin.server.heard import Heard
from soundkin.server.problems import Json
from soundkin.server.rows import FAVOURITE, list_heard, list_hit
from soundkin.server.sounds import take_in
from soundkin.server.words import UPLOAD_BODY, FilterWords, NameQuery, Part, SearchWords

router = APIRouter(prefix="/api/v1", tags=["search"])


@router.post("/search", response_model=answers.SearchAnswer, summary="Find what sounds like this")
def search(words: SearchWords, desk: DeskHere) -> Response:
    """Search by recordings and uploads, whole or a region of each, added and subtracted."""
    return Json(run_search(words, desk))


@router.post(
    "/search/upload",
    response_model=answers.UploadSearchAnswer,
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
    words = SearchWords(
        sounds=[Part(id=upload.id)],
        top_k=top_k,
        per_recording=per_recording,
        exclude_self=exclude_self,
    )
    answer = await run_in_threadpool(run_search, words, desk)
    return Json({"sound": list_heard(Heard.of_upload(upload))} | answer)


def run_search(words: SearchWords, desk: Desk) -> dict[str, Any]:
    """Search, and describe what was found."""
    started = time.perf_counter()
    with desk.open_library() as library:
        query = [
            desk.find_heard(library, part.id).as_query(
                library, part.weight, part.start_s, part.end_s
            )
            for part in words.sounds
        ]
        hits = desk.make_searcher(library).search(
            query,
            words.top_k,
            per_recording=words.per_recording,
            exclude_self=words.exclude_self,
            filters=read_filters(words.filters),
        )
    took_ms = round(1000 * (time.perf_counter() - started), 2)
    return {"hits": [list_hit(hit) for hit in hits], "verdict": None, "took_ms": took_ms}


def read_filters(words: FilterWords) -> Filters:
    """Make the library's filters of a request's."""
    favourite = (FAVOURITE,) if words.favourites else ()
    return Filters(
        folders=tuple(words.folders),
        extensions=tuple(words.extensions),
        min_duration_s=words.min_duration_s,
        max_duration_s=words.max_duration_s,
        tags=(*words.tags, *favourite),
        facts={name: _close(bounds) for name, bounds in words.facts.items()},
    )


def _close(bounds: tuple[float | None, float | None]) -> tuple[float, float]:
    """Put infinities where there is no bound."""
    least, most = bounds
    return -math.inf if least is None else least, math.inf if most is None else most
