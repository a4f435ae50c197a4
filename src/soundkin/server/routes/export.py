"""Taking results away: lists for other programs, and the file shown where it lies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

import click
from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from soundkin.search.playlists import write_labels, write_m3u, write_reaper
from soundkin.search.rows import write_csv
from soundkin.server.problems import ProblemError
from soundkin.server.schemas import Finite, RecordingId, RequestModel, Seconds
from soundkin.server.state import State, find_recording

Row = dict[str, Any]


def _end_lines(write: Callable[[Iterable[Row]], Iterator[str]]) -> Callable[..., Iterator[str]]:
    return lambda rows: (f"{line}\n" for line in write(rows))


FORMATS: dict[str, tuple[Callable[[Iterable[Row]], Iterator[str]], str, str]] = {
    "m3u": (_end_lines(write_m3u), "audio/x-mpegurl", "m3u8"),
    "csv": (write_csv, "text/csv", "csv"),
    "labels": (_end_lines(write_labels), "text/plain", "txt"),
    "reaper": (_end_lines(write_reaper), "application/octet-stream", "rpp"),
}

router = APIRouter(prefix="/api/v1", tags=["take away"])


class HitRequest(RequestModel):
    """A hit to take away, as a search gave it."""

    id: RecordingId
    start_s: Seconds = 0.0
    duration_s: Seconds = 1.0
    score: Finite = 0.0
    percentile: Finite | None = None


class ExportRequest(RequestModel):
    """Hits, and what to write them as."""

    hits: list[HitRequest] = Field(min_length=1, max_length=10_000, fail_fast=True)
    format: Literal["m3u", "csv", "labels", "reaper"]


class RevealRequest(RequestModel):
    """A recording to show in the file manager."""

    id: RecordingId


@router.post(
    "/export",
    summary="Write hits for another program",
    response_class=Response,
    responses={
        200: {
            "content": {kind: {"schema": {"type": "string"}} for _, kind, _ in FORMATS.values()},
            "description": "The file",
        }
    },
)
def export(words: ExportRequest, state: State) -> Response:
    """Write a playlist, a table, an Audacity label track or a REAPER project with regions."""
    with state.open_library() as library:
        recordings = [find_recording(library, hit.id) for hit in words.hits]
    rows = [
        {
            "rank": rank,
            "path": recording.path,
            "start_s": hit.start_s,
            "duration_s": hit.duration_s,
            "score": hit.score,
            "percentile": hit.percentile,
            "recording_duration_s": round(recording.duration_s, 6),
            "tags": list(recording.tags),
        }
        for rank, (hit, recording) in enumerate(zip(words.hits, recordings, strict=True), 1)
    ]
    write, kind, suffix = FORMATS[words.format]
    text = "".join(write(rows))
    headers = {"content-disposition": f'attachment; filename="soundkin.{suffix}"'}
    return Response(text.encode("utf-8", "surrogateescape"), media_type=kind, headers=headers)


@router.post("/reveal", status_code=204, summary="Show a recording in the file manager")
def reveal(words: RevealRequest, state: State) -> Response:
    """Open the folder a recording lies in, on the machine the server runs on."""
    if not state.settings.is_local or state.settings.is_replica:
        raise ProblemError(403, "only on the machine that the server runs on")
    with state.open_library() as library:
        recording = find_recording(library, words.id)
    if click.launch(recording.path, locate=True) != 0:
        raise ProblemError(409, "no file manager could be started")
    return Response(status_code=204)
