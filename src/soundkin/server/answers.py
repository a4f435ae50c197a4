"""What the API answers, for its OpenAPI; the answers themselves are rows (`rows`)."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

Facts = dict[str, float | None]


class ModelResponse(BaseModel):
    """The model a library was made with."""

    name: str
    hash: str
    embedding_size: int
    sample_rate: int
    segment_s: float
    hop_s: float


class TagCount(BaseModel):
    """A tag, and how many recordings have it."""

    tag: str
    count: int


class ExtensionCount(BaseModel):
    """A kind of file, and how many recordings are of it."""

    extension: str = Field(examples=[".wav"])
    n_recordings: int


class FactRange(BaseModel):
    """An acoustic fact, and its bounds in this library."""

    name: str = Field(examples=["brightness"])
    title: str
    unit: str
    min: float | None
    max: float | None


class Limits(BaseModel):
    """The most that an upload may be."""

    upload_bytes: int
    upload_s: float


class InfoResponse(BaseModel):
    """What there is."""

    version: str
    library: str
    model: ModelResponse | None
    n_recordings: int
    n_failed: int
    n_segments: int
    duration_s: float
    folders: list[str]
    tags: list[TagCount]
    extensions: list[ExtensionCount]
    facts: list[FactRange]
    limits: Limits
    is_local: bool


class SoundResponse(BaseModel):
    """An upload, or a recording, which has a path, tags and facts beside."""

    id: str = Field(examples=["r17"])
    name: str
    duration_s: float
    sample_rate: int
    n_channels: int
    format: str = Field(examples=["WAV PCM_16"])


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
    tags: list[str] | None = None
    facts: Facts | None = None
    warning: str | None = None


class RecordingsResponse(BaseModel):
    """A page of recordings, and how many there are in all."""

    total: int
    recordings: list[RecordingResponse]


class FolderResponse(BaseModel):
    """A folder, with what is in it and below."""

    path: str
    n_recordings: int
    duration_s: float


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
    percentile: float = Field(examples=[99.9])
    rank_score: float | None
    n_folded: int
    tags: list[str]
    favourite: bool
    facts: Facts | None


class VerdictResponse(BaseModel):
    """How many hits are as near to the query as most sounds here have their nearest."""

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


class PeaksResponse(BaseModel):
    """The least and greatest samples of equal stretches."""

    start_s: float
    duration_s: float
    min: list[float]
    max: list[float]


class SegmentResponse(BaseModel):
    """A stretch of a sound that has a vector."""

    segment: int
    start_s: float
    duration_s: float
    level_db: float
    silent: bool


class EmbedResponse(BaseModel):
    """Unit vectors of a sound's segments."""

    n_segments: int
    duration_s: float
    starts_s: list[float]
    levels_db: list[float]
    vectors: list[list[float]]


class DeformationResponse(BaseModel):
    """A deformed sound, and its cosine distance from the original."""

    id: str
    name: str = Field(examples=["pitch-up"])
    title: str = Field(examples=["9 semitones up"])
    duration_s: float
    distance: float | None
    percentile: float | None
    audio_url: str
    spectrogram_url: str


class RandomDistancesResponse(BaseModel):
    """How far random sounds are from the original."""

    median: float
    p05: float
    n: int
    sounds: str
    reason: str | None


class DeformationsResponse(BaseModel):
    """A sound deformed in every way, beside random ones."""

    deformations: list[DeformationResponse]
    random_distances: RandomDistancesResponse


class ChangedResponse(BaseModel):
    """How many recordings were changed."""

    changed: int


class SuggestionResponse(BaseModel):
    """A tag for a recording, because of another one."""

    id: str
    tag: str
    score: float
    vote: float
    because: str
    recording: RecordingResponse
    because_recording: RecordingResponse


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


class ComparedFact(BaseModel):
    """A fact of a query beside that of a hit."""

    name: str = Field(examples=["pitch"])
    fact: str
    title: str
    unit: str
    query: float | None
    hit: float | None
    closeness: float


class ExplanationResponse(BaseModel):
    """Why a hit was found; `stability` is the share of the query's pieces that find it too."""

    stability: float
    stable: bool
    n_pieces: int
    n_near: int
    facts: list[ComparedFact]
    hit: RecordingResponse


class ConceptResponse(BaseModel):
    """A named sound, with the query that it was kept from."""

    id: str = Field(examples=["c1"])
    name: str
    sounds: list[dict[str, Any]]
    liked: list[dict[str, Any]]
    disliked: list[dict[str, Any]]


class MapColumnResponse(BaseModel):
    """What points can be coloured by: point i has the colour `palette[codes[i]]`."""

    name: str = Field(examples=["folder"])
    title: str
    codes: str
    palette: list[list[int]]
    legend: list[list[str | int]]


class MapResponse(BaseModel):
    """All points of the map."""

    stamp: str
    by: str
    n: int
    x: str
    y: str
    ids: str
    starts_s: str | None
    columns: list[MapColumnResponse]


class PlaceResponse(BaseModel):
    """A place on the map."""

    x: float
    y: float
