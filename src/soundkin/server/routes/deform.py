"""A sound looked at more closely: its segments, its vectors, its deformations."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from soundkin.config import DeformationConfig
from soundkin.embedding.segments import Embeddings, locate_segments
from soundkin.evaluation.deform import DeformedSound, deform_sound, read_excerpt
from soundkin.evaluation.random_distances import RandomDistances, measure_random
from soundkin.library.library import Library
from soundkin.library.records import LibraryModel
from soundkin.server.problems import Json, ProblemError
from soundkin.server.routes.sounds import get_readable_sound, take_in
from soundkin.server.schemas import SOUND_ID, UPLOAD_BODY, EndQuery, PathId, StartQuery
from soundkin.server.sounds.sound import SoundRef
from soundkin.server.sounds.uploads import Upload
from soundkin.server.state import ServerState, State
from soundkin.server.thread_limits import run_in_slow_pool

SEED = 0

router = APIRouter(prefix="/api/v1", tags=["sounds"])


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


@router.get(
    "/sounds/{sound_id}/segments", response_model=list[SegmentResponse], summary="Its segments"
)
def list_segments(sound_id: PathId, state: State) -> Response:
    """List the stretches that have a vector each, and how loud they are."""
    with state.open_library() as library:
        heard = state.get_sound_ref(library, sound_id)
        loaded = state.shared_index.get(library)
        embeddings = _get_embeddings(state, library, heard, loaded.model)
    return Json(describe_segments(embeddings, loaded.model, heard.slow))


def _get_embeddings(
    state: ServerState, library: Library, heard: SoundRef, model: LibraryModel
) -> Embeddings:
    """Read the vectors of a recording, or make those of an upload."""
    if heard.recording is None:
        return state.shared_index.get_embedder(library, model).embed_file(heard.path)
    assert heard.recording.content_id is not None  # what can be heard has one
    vectors, levels_db = library.read_vectors(heard.recording.content_id)
    return Embeddings(
        vectors.astype(np.float32),
        levels_db.astype(np.float32),
        heard.recording.duration_s,
        sound_s=heard.recording.sound_s,
    )


def describe_segments(
    embeddings: Embeddings, model: LibraryModel, slow: float = 1.0
) -> list[dict[str, Any]]:
    """Write segments as rows, without their vectors."""
    starts, length_s = locate_segments(
        len(embeddings.vectors), embeddings.duration_s, model.segments, embeddings.sound_s, slow
    )
    columns = (starts.tolist(), embeddings.levels_db.tolist(), embeddings.silent.tolist())
    return [
        {
            "segment": number,
            "start_s": round(start_s, 6),
            "duration_s": round(length_s, 6),
            "level_db": round(level_db, 2),
            "silent": silent,
        }
        for number, (start_s, level_db, silent) in enumerate(zip(*columns, strict=True))
    ]


@router.post(
    "/embed",
    response_model=EmbedResponse,
    tags=["search"],
    openapi_extra=UPLOAD_BODY,
    summary="Make vectors of a sound",
)
async def embed(request: Request, state: State) -> Response:
    """Embed a sound by the library's model; nothing of it is kept."""
    upload = await take_in(request, state, "sound")
    return await run_in_slow_pool(_embed, upload, state)


def _embed(upload: Upload, state: ServerState) -> Response:
    try:
        with state.open_library() as library:
            model = state.shared_index.get(library).model
            embeddings = state.shared_index.get_embedder(library, model).embed_file(upload.copy)
    finally:
        state.uploads.forget(upload)
    starts, _ = locate_segments(
        len(embeddings.vectors), embeddings.duration_s, model.segments, embeddings.sound_s
    )
    return Json(
        {
            "n_segments": len(embeddings.vectors),
            "duration_s": round(embeddings.duration_s, 6),
            "starts_s": np.round(starts, 6).tolist(),
            "levels_db": np.round(embeddings.levels_db.astype(np.float64), 2).tolist(),
            "vectors": np.round(embeddings.vectors.astype(np.float64), 7).tolist(),
        }
    )


@router.get(
    "/sounds/{sound_id}/deformations",
    response_model=DeformationsResponse,
    summary="Hear it deformed",
)
async def list_deformations(
    sound_id: PathId,
    state: State,
    mix: Annotated[
        str | None, Query(pattern=SOUND_ID, description="A second sound to mix in")
    ] = None,
    start_s: StartQuery = 0.0,
    end_s: EndQuery = None,
) -> Response:
    """Deform a sound, its first 20 s at most, in every way that training relies on.

    Each deformation is a sound with an id, kept like an upload; its distance is the cosine distance
    from the original. Beside them stand the distances of random sounds from it.
    """
    return await run_in_slow_pool(_deform, state, sound_id, mix, start_s, end_s)


def _deform(
    state: ServerState, sound_id: str, mix: str | None, start_s: float, end_s: float | None
) -> Response:
    heard = get_readable_sound(state, sound_id)
    if heard.slow != 1:
        words = f"only sounds heard as they are can be deformed, not {heard.slow:g} times slower"
        raise ProblemError(422, words)
    excerpt = read_excerpt(heard.path, start_s, end_s)
    other = None
    if mix is not None:
        rate = excerpt.sample_rate
        other = read_excerpt(get_readable_sound(state, mix).path, sample_rate=rate).waveform
    generator = np.random.default_rng(SEED)
    with state.open_library() as library:
        model = state.shared_index.get(library).model
        embedder = state.shared_index.get_embedder(library, model)
        sounds = deform_sound(excerpt, embedder, DeformationConfig(), generator, other)
        vector = sounds[0].vector
        assert vector is not None  # a silent sound is refused
        own = str(heard.upload.path if heard.upload else heard.path)
        random = measure_random(vector, own, embedder, model.hash, library, generator)
    rows = [
        _describe_deformed(sound, excerpt.sample_rate, heard, random, state) for sound in sounds
    ]
    return Json({"deformations": rows, "random_distances": _describe_random(random)})


def _describe_deformed(
    sound: DeformedSound,
    sample_rate: int,
    heard: SoundRef,
    random: RandomDistances,
    state: ServerState,
) -> dict[str, Any]:
    name = f"{heard.name} ({sound.name})"
    upload = state.uploads.add_waveform(sound.waveform, sample_rate, name)
    distance = sound.distance
    return {
        "id": upload.id,
        "name": sound.name,
        "title": sound.description,
        "duration_s": round(sound.duration_s, 6),
        "distance": None if distance is None else round(distance, 6),
        "percentile": None if distance is None else round(random.compute_percentile(distance), 3),
        "audio_url": f"/api/v1/sounds/{upload.id}/audio",
        "spectrogram_url": f"/api/v1/sounds/{upload.id}/spectrogram.png",
    }


def _describe_random(random: RandomDistances) -> dict[str, Any]:
    return {
        "median": round(random.median, 6),
        "p05": round(random.nearest, 6),
        "n": len(random.distances),
        "sounds": "library" if random.reason is None else "synthesised",
        "reason": random.reason,
    }
