"""The collection: what the library holds, by folder, tag and name; its tags edited."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

import soundkin
from soundkin.audio_facts import FACTS
from soundkin.indexing.upgrade import find_upgrade
from soundkin.library.browse import (
    ORDERS,
    Wanted,
    count_extensions,
    measure_ranges,
    read_page,
)
from soundkin.library.folder_tree import list_folder_tree
from soundkin.library.library import Library
from soundkin.library.records import FAVOURITE, Filters, Recording
from soundkin.search.beginnings import draw_varied
from soundkin.search.kits.formats import KIT_FORMATS, KitFormat
from soundkin.search.playlists import FORMATS, Format
from soundkin.server.problems import Json
from soundkin.server.rows import describe_recording_row
from soundkin.server.schemas import (
    NAME_WORDS,
    UNCHANGED,
    RecordingId,
    RecordingResponse,
    RequestModel,
    Tag,
    Text,
)
from soundkin.server.state import ServerState, State, find_recording

if TYPE_CHECKING:
    OrderName = str
else:
    OrderName = Literal[*ORDERS]

router = APIRouter(prefix="/api/v1", tags=["library"])

Ids = Annotated[list[RecordingId], Field(min_length=1, max_length=10_000)]
FoldersQuery = Annotated[
    list[Text] | tuple[()], Query(max_length=1000, description="Below any, or below none of them")
]
TextQuery = Annotated[str | None, Query(max_length=4096)]


class TagRequest(RequestModel):
    """Tags to give and to take."""

    ids: Ids
    add: list[Tag] = Field(default=[], max_length=100)
    remove: list[Tag] = Field(default=[], max_length=100)


class FavouriteRequest(RequestModel):
    """Recordings to mark, or to mark no more."""

    ids: Ids
    favourite: bool = True


class ModelResponse(BaseModel):
    """The model a library was made with."""

    name: str
    hash: str
    embedding_size: int
    sample_rate: int
    segment_s: float
    hop_s: float


class UpgradeResponse(BaseModel):
    """A newer version of the library's model, and what embedding it anew would take, about."""

    name: str
    hash: str
    n_recordings: int
    duration_s: float
    estimated_s: float


class TagCount(BaseModel):
    """A tag, and how many recordings have it."""

    tag: str
    count: int


class ExtensionCount(BaseModel):
    """A kind of file, and how many recordings are of it."""

    extension: str = Field(examples=[".wav"])
    n_recordings: int


class FactRange(BaseModel):
    """An acoustic fact, and its bounds in this library; any number is one where `step` is null."""

    name: str = Field(examples=["brightness"])
    title: str
    unit: str
    step: float | None
    min: float | None
    max: float | None


class FormatResponse(BaseModel):
    """What hits or a kit can be taken away as."""

    name: str = Field(examples=["m3u"])
    title: str
    extension: str


class Limits(BaseModel):
    """The most that an upload may be."""

    upload_bytes: int
    upload_s: float
    whole_bytes: int = Field(description="Of a sound of which only a part is wanted")


class InfoResponse(BaseModel):
    """What there is."""

    version: str
    library: str
    model: ModelResponse | None
    newer_model: UpgradeResponse | None
    n_recordings: int
    n_failed: int
    n_segments: int
    duration_s: float
    folders: list[str]
    slow: dict[str, float] = Field(
        description="Folders to be heard so many times slower, as ultrasound"
    )
    tags: list[TagCount]
    extensions: list[ExtensionCount]
    facts: list[FactRange]
    formats: list[FormatResponse]
    kit_formats: list[FormatResponse]
    limits: Limits
    is_local: bool


class RecordingsResponse(BaseModel):
    """A page of recordings, and how many there are in all."""

    total: int
    recordings: list[RecordingResponse]


class FolderResponse(BaseModel):
    """A folder, with what is in it and below, and how many times slower that is to be heard."""

    path: str
    n_recordings: int
    duration_s: float
    slow: float


class ChangedResponse(BaseModel):
    """How many recordings were changed."""

    changed: int


@router.get("/info", response_model=InfoResponse, responses=UNCHANGED, summary="What there is")
async def get_info(request: Request, state: State) -> Response:
    """Say what the library holds, and how it is cut."""
    return await state.kept.answer(request, "info", partial(_describe_library, state))


def _describe_library(state: ServerState) -> Response:
    with state.open_library() as library:
        counts, model, ranges = library.count(), library.model, measure_ranges(library)
        upgrade = find_upgrade(library)
        facts: dict[str, Any] = {
            "version": soundkin.__version__,
            "library": library.name,
            "model": model
            and {
                "name": model.name,
                "hash": model.hash,
                "embedding_size": model.embedding_size,
                **dataclasses.asdict(model.segments),
            },
            "newer_model": upgrade and dataclasses.asdict(upgrade),
            "n_recordings": counts.n_recordings,
            "n_failed": counts.n_failed,
            "n_segments": counts.n_segments,
            "duration_s": round(counts.duration_s, 3),
            "folders": library.list_folders(),
            "slow": library.list_slow(),
            "tags": [{"tag": tag, "count": count} for tag, count in library.list_tags()],
            "extensions": [
                {"extension": extension, "n_recordings": count}
                for extension, count in count_extensions(library)
            ],
            "facts": [
                {
                    "name": fact.name,
                    "title": fact.title,
                    "unit": fact.unit,
                    "step": fact.step,
                    "min": least,
                    "max": most,
                }
                for fact in FACTS.values()
                for least, most in [ranges.get(fact.name, (None, None))]
            ],
            "formats": _describe_formats(FORMATS.values()),
            "kit_formats": _describe_formats(KIT_FORMATS.values()),
            "limits": {
                "upload_bytes": state.settings.max_upload_bytes,
                "upload_s": state.settings.max_upload_s,
                "whole_bytes": state.settings.max_whole_bytes,
            },
            "is_local": state.settings.is_local,
        }
    return Json(facts)


def _describe_formats(formats: Iterable[Format | KitFormat]) -> list[dict[str, str]]:
    return [{"name": one.name, "title": one.title, "extension": one.extension} for one in formats]


@router.get("/recordings", response_model=RecordingsResponse, summary="List recordings")
def list_recordings(
    state: State,
    folder: FoldersQuery = (),
    not_folder: FoldersQuery = (),
    tag: TextQuery = None,
    text: Annotated[
        str,
        Query(max_length=200, description=f"{NAME_WORDS}: `snare 01 -rim`"),
    ] = "",
    favourites: bool = False,
    failed: Annotated[bool, Query(description="What could not be read, and why")] = False,
    sort: Annotated[OrderName, Query(description="What is not known comes last")] = "path",
    descending: bool = False,
    offset: Annotated[int, Query(ge=0, le=1 << 40)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """List recordings page by page, in order of path or of what `sort` says."""
    tags = ((tag,) if tag else ()) + ((FAVOURITE,) if favourites else ())
    folders, not_folders = (tuple(filter(None, given)) for given in (folder, not_folder))
    filters = Filters(folders=folders, not_folders=not_folders, tags=tags, name=text)
    with state.open_library() as library:
        page = read_page(library, Wanted(filters, failed, sort, descending), offset, limit)
    return Json(
        {"total": page.total, "recordings": list(map(describe_recording_row, page.recordings))}
    )


@router.get(
    "/recordings/varied", response_model=list[RecordingResponse], summary="Some that differ"
)
def list_varied(
    state: State,
    count: Annotated[int, Query(ge=1, le=100)] = 12,
    seed: Annotated[int, Query(ge=0, lt=1 << 53)] = 0,
) -> Response:
    """List recordings that sound as different from each other as can be, to begin from."""
    generator = np.random.default_rng(seed)
    with state.open_library() as library:
        found = draw_varied(library, count, generator)
    return Json(list(map(describe_recording_row, found)))


@router.get(
    "/folders", response_model=list[FolderResponse], responses=UNCHANGED, summary="List folders"
)
async def list_folders(request: Request, state: State) -> Response:
    """List every folder that has recordings in it or below, with how many and how long."""
    return await state.kept.answer(request, "folders", partial(_list_folders, state))


def _list_folders(state: ServerState) -> Response:
    with state.open_library() as library:
        return Json([dataclasses.asdict(folder) for folder in list_folder_tree(library)])


@router.post("/tags", response_model=ChangedResponse, summary="Tag recordings")
def edit_tags(words: TagRequest, state: State) -> Response:
    """Give and take tags; says how many recordings have other tags than before."""
    with state.open_library() as library:
        add = [tag.strip() for tag in words.add]
        return Json({"changed": change_tags(library, words.ids, add, words.remove)})


@router.post("/favourites", response_model=ChangedResponse, summary="Mark favourites")
def edit_favourites(words: FavouriteRequest, state: State) -> Response:
    """Mark recordings as favourites, or no more; kept as the tag `favourite`."""
    add, remove = ([FAVOURITE], []) if words.favourite else ([], [FAVOURITE])
    with state.open_library() as library:
        return Json({"changed": change_tags(library, words.ids, add, remove)})


def change_tags(library: Library, ids: list[str], add: list[Text], remove: list[Text]) -> int:
    """Edit tags in one transaction; returns how many recordings that changed."""
    with library.transaction():
        recordings = [find_recording(library, recording_id) for recording_id in dict.fromkeys(ids)]
        library.add_tags(recordings, add)
        library.remove_tags(recordings, remove)
        return sum(_is_changed(recording, add, remove) for recording in recordings)


def _is_changed(recording: Recording, add: list[str], remove: list[str]) -> bool:
    before = set(recording.tags)
    return (before | set(add)) - set(remove) != before
