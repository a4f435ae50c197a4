"""Long work started from outside: indexing and mapping, with news as server-sent events."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi import Path as FromPath
from pydantic import BaseModel, Field
from starlette.responses import Response, StreamingResponse

from soundkin.server.jobs.runner import RUNNING, Job
from soundkin.server.problems import Json, ProblemError
from soundkin.server.routes.machine import check_folder
from soundkin.server.schemas import RequestModel, Text
from soundkin.server.state import ServerState, State

NEWS_EVERY_S = 0.1
HEARTBEAT_S = 10.0
CLUSTER_WORDS = {
    "index": "a cluster serves this library; index with: soundkin index FOLDER --cluster",
    "map": "a cluster serves this library; make its map with: soundkin map",
}

router = APIRouter(prefix="/api/v1", tags=["jobs"])
JobId = Annotated[str, FromPath(pattern=r"^[0-9a-f]{16}$")]


class JobRequest(RequestModel):
    """A job to do. Without folders, all that the library knows are indexed again."""

    kind: Literal["index", "map"] = Field(examples=["index"])
    folders: list[Text] = Field(default=[], max_length=100, examples=[["/home/me/Samples"]])


class JobResponse(BaseModel):
    """A job as it stands."""

    id: str
    kind: str
    folders: list[str]
    state: str = Field(examples=["running", "done", "failed"])
    n_done: int
    n_total: int
    words: str = Field(examples=["12/60 files, 1.2 min of audio, 130× real time"])
    summary: str | None
    report: dict[str, Any] | None
    detail: str | None


@router.post("/jobs", response_model=JobResponse, status_code=201, summary="Start a job")
def start_job(words: JobRequest, state: State) -> Response:
    """Bring the library in step with folders, or make its map. One job is at work at a time."""
    if state.settings.is_replica:
        raise ProblemError(409, CLUSTER_WORDS[words.kind])
    folders = [check_folder(folder, state) for folder in words.folders]
    return Json(describe_job(state.board.start(words.kind, folders)), status_code=201)


@router.get("/jobs", response_model=list[JobResponse], summary="List jobs")
def list_jobs(state: State) -> Response:
    """List the jobs of this server, the newest first."""
    return Json([describe_job(job) for job in state.board.list()])


@router.get("/jobs/{job_id}", response_model=JobResponse, summary="How far a job is")
def get_job(job_id: JobId, state: State) -> Response:
    """Describe a job as it stands."""
    return Json(describe_job(state.board.get(job_id)))


@router.delete("/jobs/{job_id}", response_model=JobResponse, summary="Interrupt a job")
def stop_job(job_id: JobId, state: State) -> Response:
    """Interrupt a job; what it has done is kept, and the same job goes on from there."""
    return Json(describe_job(state.board.stop(job_id)))


@router.get(
    "/jobs/{job_id}/events",
    summary="A job's news",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "Server-sent events"}},
)
async def follow_job(job_id: JobId, request: Request, state: State) -> Response:
    """Send `progress` while a job is at work, then `done` or `failed`, each with the whole job."""
    state.board.get(job_id)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(
        _send_news(job_id, request, state), headers=headers, media_type="text/event-stream"
    )


async def _send_news(job_id: str, request: Request, state: ServerState) -> AsyncIterator[str]:
    last: Job | None = None
    quiet_s = 0.0
    while not (state.board.is_closing or await request.is_disconnected()):
        job = state.board.get(job_id)
        if job is not last:
            last, quiet_s = job, 0.0
            name = "progress" if job.state == RUNNING else job.state
            yield f"event: {name}\ndata: {json.dumps(describe_job(job))}\n\n"
            if job.state != RUNNING:
                return
        await asyncio.sleep(NEWS_EVERY_S)
        quiet_s += NEWS_EVERY_S
        if quiet_s >= HEARTBEAT_S:
            quiet_s = 0.0
            yield ": still at work\n\n"


def describe_job(job: Job) -> dict[str, Any]:
    """Write a job as a row."""
    return dataclasses.asdict(job) | {"summary": job.words if job.state == "done" else None}
