"""The API's words: what requests may say, checked; examples for who reads the OpenAPI."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path as FromPath
from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from soundkin.audio_facts import AMOUNTS, FACTS

SOUND_ID = r"^(r[0-9]{1,18}|u[0-9a-f]{32})$"
PART_ID = r"^(r[0-9]{1,18}|u[0-9a-f]{32}|c[0-9]{1,18})$"
RECORDING_ID = r"^r[0-9]{1,18}$"
MAX_S = 1e7
MAX_TEXT = 4096
FACT_NAMES = ", ".join(fact.help for fact in FACTS.values())
AMOUNT_NAMES = ", ".join(fact.help for fact in AMOUNTS.values())

NAME_WORDS = "Words of the folder, name and tags, in any order, those after a minus not"

SoundId = Annotated[str, Field(pattern=SOUND_ID, examples=["r17"])]
RecordingId = Annotated[str, Field(pattern=RECORDING_ID, examples=["r17"])]
PathId = Annotated[
    str, FromPath(pattern=SOUND_ID, description="`r17` a recording, `u3f…` an upload")
]
Seconds = Annotated[float, Field(ge=0, le=MAX_S, allow_inf_nan=False)]
Finite = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Text = Annotated[str, Field(max_length=MAX_TEXT)]
Tag = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]
StartQuery = Annotated[float, Query(ge=0, le=MAX_S, allow_inf_nan=False)]
EndQuery = Annotated[float | None, Query(ge=0, le=MAX_S, allow_inf_nan=False)]
NameQuery = Annotated[str, Query(max_length=MAX_TEXT, description="What the sound is called")]


class RequestModel(BaseModel):
    """What a request says; a word that means nothing is refused."""

    model_config = ConfigDict(extra="forbid")


class PartRequest(RequestModel):
    """One sound of a query: `r…`, `u…`, or `c…` a concept. A negative weight subtracts it.

    Of an upload of up to 20 s without a region the loudest stroke is taken; with `whole`, all.
    """

    id: Annotated[str, Field(pattern=PART_ID, examples=["r17"])]
    weight: Finite = 1.0
    start_s: Seconds = 0.0
    end_s: Seconds | None = None
    whole: bool = False


class SegmentRef(RequestModel):
    """A place in a sound: the segment that starts there."""

    id: SoundId
    start_s: Seconds = 0.0


class FilterRequest(RequestModel):
    """Which recordings count; `facts` bounds acoustic facts, null being no bound."""

    folders: list[Text] = Field(default=[], max_length=1000, description="Below any of them")
    not_folders: list[Text] = Field(default=[], max_length=1000, description="Below none of them")
    name: str = Field(
        default="", max_length=200, description=NAME_WORDS, examples=["snare 01 -rim"]
    )
    extensions: list[Text] = Field(default=[], max_length=100, examples=[["wav", "flac"]])
    min_duration_s: Seconds | None = None
    max_duration_s: Seconds | None = None
    tags: list[Text] = Field(default=[], max_length=100)
    favourites: bool = False
    facts: dict[str, tuple[Finite | None, Finite | None]] = Field(
        default={}, max_length=100, description=f"Of {AMOUNT_NAMES}"
    )
    keys: list[Text] = Field(
        default=[], max_length=100, description="In any of them", examples=[["A minor", "C"]]
    )


class SearchRequest(RequestModel):
    """What to search for, and among what."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"sounds": [{"id": "r17"}], "top_k": 10},
                {
                    "sounds": [
                        {"id": "r17", "start_s": 0.5, "end_s": 1.5},
                        {"id": "r3", "weight": -0.5},
                    ],
                    "filters": {"max_duration_s": 2, "tags": ["dry"]},
                },
            ]
        },
    )

    sounds: list[PartRequest] = Field(default=[], max_length=100)
    liked: list[SegmentRef] = Field(default=[], max_length=1000)
    disliked: list[SegmentRef] = Field(default=[], max_length=1000)
    top_k: int = Field(default=30, ge=1, le=1000)
    per_recording: int = Field(default=1, ge=1, le=100)
    exclude_self: bool = True
    filters: FilterRequest = FilterRequest()
    weights: dict[str, Share] = Field(
        default={}, max_length=100, examples=[{"pitch": 0.5}], description=f"Of {FACT_NAMES}"
    )
    fold: bool = Field(default=False, description="Leave out near-copies of better hits")
    min_score: float = Field(default=-1, ge=-1, le=1, description="Of hits, the least score")
    min_percentile: float = Field(
        default=0, ge=0, le=100, description="Of hits, the least percentile"
    )


Body = dict[str, Any]
BYTES: Body = {"schema": {"type": "string", "format": "binary"}}
UNCHANGED: dict[int | str, Body] = {
    304: {"description": "It is still what the ETag in If-None-Match stands for"}
}
UPLOAD_BODY: Body = {
    "requestBody": {
        "required": True,
        "description": "The bytes of a sound file, of whatever type they are said to be,"
        " or a form with it as `file`.",
        "content": {
            "application/octet-stream": BYTES,
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": BYTES["schema"]},
                }
            },
        },
    }
}


class ProblemResponse(BaseModel):
    """An error, as RFC 9457 has it."""

    type: str = Field(examples=["urn:soundkin:query"])
    title: str = Field(examples=["This query has no answer"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["no recording passes the filters"])
    errors: list[dict[str, str]] | None = None


Facts = dict[str, float | str | None]  # `pitch_name` and `key_name` are words, the others numbers


class StrokeResponse(BaseModel):
    """What sounds in a take, between silence or noise."""

    start_s: float
    end_s: float


class SoundResponse(BaseModel):
    """An upload, or a recording, which has a path, tags and facts beside.

    `strokes` are what sounds in an upload of up to 20 s, in order, where that is not all of it, and
    `loudest` is the place of the one that is searched with unless another region is given.
    """

    id: str = Field(examples=["r17"])
    name: str
    duration_s: float
    sample_rate: int
    n_channels: int
    format: str = Field(examples=["WAV PCM_16"])
    strokes: list[StrokeResponse] = []
    loudest: int | None = None


class RecordingResponse(BaseModel):
    """A recording; one that could not be read has its `error` and little else."""

    id: str = Field(examples=["r17"])
    path: str
    name: str
    folder: str
    favourite: bool
    error: str | None = None
    duration_s: float | None = None
    sample_rate: int | None = None
    n_channels: int | None = None
    format: str | None = None
    n_segments: int | None = None
    slow: float | None = Field(None, description="Times slower that it was heard, as ultrasound")
    tags: list[str] | None = None
    facts: Facts | None = None
    warning: str | None = None
