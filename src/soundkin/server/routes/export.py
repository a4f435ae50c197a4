"""Taking results away: lists for other programs, and the file shown where it lies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from soundkin.search.playlists import FORMATS
from soundkin.search.rows import describe_stretch
from soundkin.server.problems import ProblemError
from soundkin.server.schemas import Finite, RecordingId, RequestModel, Seconds
from soundkin.server.state import ServerState, State, find_recording
from soundkin.system.reveal import reveal_file

if TYPE_CHECKING:
    FormatName = str
else:
    FormatName = Literal[*FORMATS]

router = APIRouter(prefix="/api/v1", tags=["take away"])


class HitRequest(RequestModel):
    """A hit to take away, as a search gave it."""

    id: RecordingId
    start_s: Seconds = 0.0
    duration_s: Seconds = 1.0
    score: Finite | None = Field(default=0.0, description="Null where nobody searched for it")
    percentile: Finite | None = None


class ExportRequest(RequestModel):
    """Hits, and what to write them as."""

    hits: list[HitRequest] = Field(min_length=1, max_length=10_000, fail_fast=True)
    format: FormatName


class RevealRequest(RequestModel):
    """A recording to show in the file manager."""

    id: RecordingId


@router.post(
    "/export",
    summary="Write hits for another program",
    response_class=Response,
    responses={
        200: {
            "content": {one.media_type: {"schema": {"type": "string"}} for one in FORMATS.values()},
            "description": "The file",
        }
    },
)
def export(words: ExportRequest, state: State) -> Response:
    """Write a playlist, a table, an Audacity label track or a REAPER project with regions."""
    chosen = FORMATS[words.format]
    headers = {"content-disposition": f'attachment; filename="soundkin.{chosen.extension}"'}
    return Response(write_hits(words, state), media_type=chosen.media_type, headers=headers)


def write_hits(words: ExportRequest, state: ServerState) -> bytes:
    """Write hits in a format, as the bytes of a file.

    Raises
    ------
    ProblemError
        There is no such recording.
    """
    with state.open_library() as library:
        recordings = [find_recording(library, hit.id) for hit in words.hits]
    rows = [
        describe_stretch(recording, rank, hit.start_s, hit.duration_s, hit.score, hit.percentile)
        for rank, (hit, recording) in enumerate(zip(words.hits, recordings, strict=True), 1)
    ]
    return "".join(FORMATS[words.format].write(rows)).encode("utf-8", "surrogateescape")


@router.post("/reveal", status_code=204, summary="Show a recording in the file manager")
def reveal(words: RevealRequest, state: State) -> Response:
    """Open the folder a recording lies in, on the machine the server runs on."""
    if not state.settings.is_local or state.settings.is_replica:
        raise ProblemError(403, "only on the machine that the server runs on")
    with state.open_library() as library:
        recording = find_recording(library, words.id)
    if not reveal_file(recording.path):
        raise ProblemError(409, f"no file manager could be started; it lies at {recording.path}")
    return Response(status_code=204)
