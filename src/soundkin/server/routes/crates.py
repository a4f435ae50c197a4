"""Crates: sounds put together under a name, and taken away as real files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import IO, Annotated, Any

from fastapi import APIRouter, Query
from fastapi import Path as FromPath
from pydantic import BaseModel, Field
from starlette.responses import Response, StreamingResponse

from soundkin.library.crates import (
    LONGEST_NAME,
    CrateItem,
    add_to_crate,
    list_crates,
    read_crate,
    remove_crate,
    remove_from_crate,
    rename_crate,
)
from soundkin.library.library import Library
from soundkin.progress import Failure
from soundkin.search.take_away import copy_items, pack_items
from soundkin.server.problems import Json, ProblemError
from soundkin.server.routes.machine import check_whole
from soundkin.server.rows import describe_recording_row
from soundkin.server.schemas import (
    BYTES,
    RECORDING_ID,
    RecordingId,
    RecordingResponse,
    RequestModel,
    Seconds,
    StartQuery,
    Text,
)
from soundkin.server.state import State, find_recording

MOST_ITEMS = 10_000
SPOOLED_BYTES = 1 << 26  # of an archive, that stay in memory
SENT_BYTES = 1 << 20

router = APIRouter(prefix="/api/v1", tags=["crates"])
Name = Annotated[str, FromPath(max_length=LONGEST_NAME)]
CrateName = Annotated[
    str, Field(min_length=1, max_length=LONGEST_NAME, pattern=r"\S", examples=["dusty"])
]


class ItemRequest(RequestModel):
    """A recording, or a stretch of it; `end_s` null is its end."""

    id: RecordingId
    start_s: Seconds = 0.0
    end_s: Seconds | None = None


Items = Annotated[list[ItemRequest], Field(min_length=1, max_length=MOST_ITEMS, fail_fast=True)]


class CrateRequest(RequestModel):
    """What to put into a crate, which is made where there is none."""

    name: CrateName
    items: Items


class RenameRequest(RequestModel):
    """The new name of a crate."""

    name: CrateName


class CopyRequest(RequestModel):
    """What to copy, and the folder on the server's machine that it goes to, made at need."""

    items: Items
    folder: Text = Field(examples=["/home/me/Music/dusty"])


class ZipRequest(RequestModel):
    """What to pack."""

    items: Items


class CrateCount(BaseModel):
    """A crate, and how many sounds are in it."""

    name: str
    count: int


class AddedResponse(CrateCount):
    """A crate after sounds were put in, and how many of them were not in it before."""

    n_added: int


class ItemResponse(BaseModel):
    """A sound in a crate."""

    recording: RecordingResponse
    start_s: float
    end_s: float | None
    duration_s: float


class CrateResponse(BaseModel):
    """What is in a crate, in the order it was put in."""

    name: str
    items: list[ItemResponse]


class NotRead(BaseModel):
    """A recording whose file could not be read, and why."""

    path: str
    reason: str


class CopiedFilesResponse(BaseModel):
    """The files that are in the folder now, and what could not be read."""

    folder: str
    files: list[str]
    failures: list[NotRead]


@router.get("/crates", response_model=list[CrateCount], summary="List crates")
def get_crates(state: State) -> Response:
    """List the crates by name, and how many sounds are in each."""
    with state.open_library() as library:
        return Json([{"name": name, "count": count} for name, count in list_crates(library)])


@router.post("/crates", response_model=AddedResponse, status_code=201, summary="Put into a crate")
def put_in(words: CrateRequest, state: State) -> Response:
    """Put sounds into a crate, behind what is there; what is in it already keeps its place."""
    with state.open_library() as library:
        items = find_items(words.items, library)
        n_added = add_to_crate(library, words.name, items)
        count = len(read_crate(library, words.name.strip()))
    return Json({"name": words.name.strip(), "count": count, "n_added": n_added}, status_code=201)


@router.get("/crates/{name:path}", response_model=CrateResponse, summary="What is in a crate")
def get_crate(name: Name, state: State) -> Response:
    """List what is in a crate."""
    with state.open_library() as library:
        _require(library, name)
        items = [_describe(item) for item in read_crate(library, name)]
    return Json({"name": name, "items": items})


@router.put("/crates/{name:path}", status_code=204, summary="Rename a crate")
def rename(name: Name, words: RenameRequest, state: State) -> Response:
    """Give a crate another name, that no other one has."""
    with state.open_library() as library:
        _require(library, name)
        rename_crate(library, name, words.name)
    return Response(status_code=204)


@router.delete("/crates/{name:path}", status_code=204, summary="Take out of a crate, or forget it")
def take_out(
    name: Name,
    state: State,
    sound_id: Annotated[
        str | None, Query(alias="id", pattern=RECORDING_ID, description="One sound of it")
    ] = None,
    start_s: StartQuery = 0.0,
) -> Response:
    """Forget a crate, or with an id take one sound out; all sounds stay in the library."""
    with state.open_library() as library:
        _require(library, name)
        if sound_id is None:
            remove_crate(library, name)
        elif not remove_from_crate(library, name, [(int(sound_id[1:]), start_s)]):
            raise ProblemError(404, f"{sound_id}: not in {name}")
    return Response(status_code=204)


@router.post("/files/copy", response_model=CopiedFilesResponse, summary="Copy sounds into a folder")
def copy_files(words: CopyRequest, state: State) -> Response:
    """Copy recordings byte for byte, and stretches as WAV; nothing there is overwritten.

    It is for who sits at the server's machine.
    """
    if not state.settings.is_local or state.settings.is_replica:
        raise ProblemError(403, "only on the machine that the server runs on; take a zip instead")
    folder = check_whole(words.folder)
    with state.open_library() as library:
        items = find_items(words.items, library)
    files, failures = copy_items(items, folder)
    return Json({"folder": str(folder), "files": files, "failures": _describe_failures(failures)})


@router.post(
    "/files/zip",
    summary="Pack sounds into a zip file",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/zip": BYTES}, "description": "The file"}},
)
def zip_files(words: ZipRequest, state: State) -> Response:
    """Pack recordings byte for byte, and stretches as WAV.

    What could not be read is listed in `not read.txt` inside.
    """
    with state.open_library() as library:
        items = find_items(words.items, library)
    file = tempfile.SpooledTemporaryFile(SPOOLED_BYTES)  # noqa: SIM115 (closed once it is sent)
    pack_items(items, file, list_failures=True)
    headers = {
        "content-disposition": 'attachment; filename="soundkin.zip"',
        "content-length": str(file.tell()),
    }
    file.seek(0)
    return StreamingResponse(_send(file), media_type="application/zip", headers=headers)


def _send(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while block := file.read(SENT_BYTES):
            yield block


def find_items(items: list[ItemRequest], library: Library) -> list[CrateItem]:
    """Find what is meant; a stretch has to lie in its recording."""
    found = []
    for item in items:
        recording = find_recording(library, item.id)
        end_s = item.end_s
        if end_s is not None and end_s >= recording.duration_s:
            end_s = None
        if item.start_s >= (recording.duration_s if end_s is None else end_s):
            raise ProblemError(422, f"{recording.path}: nothing from {item.start_s:g} s on")
        found.append(CrateItem(recording, item.start_s, end_s))
    return found


def _require(library: Library, name: str) -> None:
    if name not in dict(list_crates(library)):
        raise ProblemError(404, f"{name}: no such crate")


def _describe(item: CrateItem) -> dict[str, Any]:
    return {
        "recording": describe_recording_row(item.recording),
        "start_s": item.start_s,
        "end_s": item.end_s,
        "duration_s": round(item.duration_s, 6),
    }


def _describe_failures(failures: list[Failure]) -> list[dict[str, str]]:
    return [{"path": failure.path, "reason": failure.reason} for failure in failures]
