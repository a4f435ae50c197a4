"""Tags suggested from tagged neighbours, to be accepted or rejected by hand."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.responses import Response

from soundkin.search.tags.suggestions import Suggestion, list_rejected, reject_tag, suggest_tags
from soundkin.server.problems import Json
from soundkin.server.rows import describe_recording_row
from soundkin.server.schemas import RecordingId, RecordingResponse, RequestModel, Tag
from soundkin.server.state import State, find_recording

router = APIRouter(prefix="/api/v1", tags=["library"])


class RejectRequest(RequestModel):
    """A suggestion that is not wanted."""

    id: RecordingId
    tag: Tag


class SuggestionResponse(BaseModel):
    """A tag for a recording, because of another one."""

    id: str
    tag: str
    score: float
    vote: float
    because: str
    recording: RecordingResponse
    because_recording: RecordingResponse


@router.get("/suggestions", response_model=list[SuggestionResponse], summary="Suggest tags")
def list_suggestions(
    state: State,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    sure: Annotated[float, Query(ge=0, le=1, description="How likely each must be right")] = 0.8,
) -> Response:
    """Suggest tags for recordings without any, as the nearest tagged ones vote; surest first."""
    with state.open_library() as library:
        if library.model is None:
            return Json([])
        rejected = list_rejected(library)
        found = suggest_tags(library, least_precision=sure)
    wanted = [one for one in found if (one.recording.id, one.tag) not in rejected]
    return Json([_describe(one) for one in wanted[:limit]])


def _describe(suggestion: Suggestion) -> dict[str, Any]:
    return {
        "id": f"r{suggestion.recording.id}",
        "tag": suggestion.tag,
        "score": round(suggestion.precision, 6),
        "vote": round(suggestion.vote, 6),
        "because": f"r{suggestion.because.id}",
        "recording": describe_recording_row(suggestion.recording),
        "because_recording": describe_recording_row(suggestion.because),
    }


@router.post("/suggestions/rejected", status_code=204, summary="Reject a suggestion")
def reject_suggestion(words: RejectRequest, state: State) -> Response:
    """Never suggest this tag for this recording again; to accept one, tag the recording."""
    with state.open_library() as library:
        reject_tag(library, find_recording(library, words.id), words.tag)
    return Response(status_code=204)
