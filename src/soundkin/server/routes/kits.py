"""Kits: one-shots drawn from what sounds alike, and written for other programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from soundkin.library.library import Library
from soundkin.library.records import Recording
from soundkin.search.kits.draw import Draw, draw_by_words, draw_neighbour
from soundkin.search.kits.formats import KIT_FORMATS
from soundkin.search.kits.kit import (
    MAX_SLOTS,
    N_STEPS,
    Kit,
    KitSound,
    assign_keys,
    choose_steps,
)
from soundkin.server.problems import Json
from soundkin.server.routes.query import read_filters, read_query
from soundkin.server.rows import describe_recording_row
from soundkin.server.schemas import (
    BYTES,
    FilterRequest,
    PartRequest,
    RecordingId,
    RecordingResponse,
    RequestModel,
    Seconds,
    Share,
)
from soundkin.server.state import ServerState, State

if TYPE_CHECKING:
    KitFormatName = str
else:
    KitFormatName = Literal[*KIT_FORMATS]

router = APIRouter(prefix="/api/v1", tags=["kits"])

SlotName = Annotated[str, Field(min_length=1, max_length=100, pattern=r"\S", examples=["kick"])]
Step = Annotated[int, Field(ge=0, lt=N_STEPS)]


class SlotRequest(RequestModel):
    """A slot to fill: with what sounds like these, or without any, what its name's words find."""

    name: SlotName
    sounds: list[PartRequest] = Field(default=[], max_length=100)
    avoid: list[RecordingId] = Field(default=[], max_length=200, description="Not these again")


class DrawRequest(RequestModel):
    """Slots to fill, from the nearest (0) to any of the hundred nearest (1)."""

    slots: list[SlotRequest] = Field(min_length=1, max_length=MAX_SLOTS)
    how_far: Share = 0.0
    seed: int = Field(default=0, ge=0, lt=1 << 53)
    avoid: list[RecordingId] = Field(default=[], max_length=200, description="In other slots")
    filters: FilterRequest = FilterRequest()


class SlotResponse(BaseModel):
    """What a slot has: its MIDI note, the steps it is struck at, its recording if one was found."""

    name: str
    key: int
    steps: list[int]
    recording: RecordingResponse | None


class KitSoundRequest(RequestModel):
    """A recording in a slot, or a region of it, and the steps that it is struck at."""

    name: SlotName
    id: RecordingId
    start_s: Seconds = 0.0
    end_s: Seconds | None = None
    steps: list[Step] = Field(default=[], max_length=N_STEPS)


class KitRequest(RequestModel):
    """A kit to write."""

    name: str = Field(default="kit", min_length=1, max_length=100, pattern=r"\S")
    format: KitFormatName
    tempo_bpm: float = Field(default=120.0, ge=20, le=400, allow_inf_nan=False)
    slots: list[KitSoundRequest] = Field(min_length=1, max_length=MAX_SLOTS)


@router.post("/kits/draw", response_model=list[SlotResponse], summary="Fill the slots of a kit")
def draw_kit(words: DrawRequest, state: State) -> Response:
    """Draw a recording of up to 15 s for each slot, none twice; the same again for a seed."""
    generator = np.random.default_rng(words.seed)
    names = [slot.name for slot in words.slots]
    rows: list[dict[str, Any]] = []
    with state.open_library() as library:
        draw = Draw(words.how_far, read_filters(words.filters))
        taken = {int(one[1:]) for one in words.avoid}
        for slot, key, steps in zip(
            words.slots, assign_keys(names), choose_steps(names), strict=True
        ):
            found = _fill(slot, draw, generator, taken, state, library)
            if found is not None:
                taken.add(found.id)
            row = found and describe_recording_row(found)
            rows.append({"name": slot.name, "key": key, "steps": steps, "recording": row})
    return Json(rows)


@router.post(
    "/kits/export",
    summary="Write a kit for another program",
    response_class=Response,
    responses={
        200: {
            "content": {one.media_type: BYTES for one in KIT_FORMATS.values()},
            "description": "The file",
        }
    },
)
def export_kit(words: KitRequest, state: State) -> Response:
    """Write samples from their onsets on, the pattern as MIDI, and what the format has."""
    with state.open_library() as library:
        sounds = tuple(
            KitSound(
                slot.name,
                _find_readable(slot.id, state, library),
                slot.start_s,
                slot.end_s,
                tuple(sorted(set(slot.steps))),
            )
            for slot in words.slots
        )
    chosen = KIT_FORMATS[words.format]
    data = chosen.pack(Kit(words.name, sounds, words.tempo_bpm))
    headers = {"content-disposition": f'attachment; filename="kit.{chosen.extension}"'}
    return Response(data, media_type=chosen.media_type, headers=headers)


def _find_readable(recording_id: str, state: ServerState, library: Library) -> Recording:
    recording = state.get_sound_ref(library, recording_id).recording
    assert recording is not None  # ids of uploads are refused before
    return recording


def _fill(
    slot: SlotRequest,
    draw: Draw,
    generator: np.random.Generator,
    taken: set[int],
    state: ServerState,
    library: Library,
) -> Recording | None:
    """Draw what a slot gets; None where nothing has its words, or no recording is left."""
    avoided = taken | {int(one[1:]) for one in slot.avoid}
    if not slot.sounds:
        return draw_by_words(library, slot.name, draw, generator, avoided)
    query = read_query(slot.sounds, [], [], state, library).sounds
    return draw_neighbour(state.make_searcher(library), query, draw, generator, avoided)
