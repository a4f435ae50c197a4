"""The map: every recording as a point near those that sound like it, and a query among them."""

from __future__ import annotations

import threading
from functools import partial
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from soundkin.library.library import Library
from soundkin.server.problems import Json
from soundkin.server.routes.query import read_query
from soundkin.server.schemas import UNCHANGED, PartRequest, RequestModel
from soundkin.server.state import ServerState, State
from soundkin.sound_map.base64_arrays import encode_array
from soundkin.sound_map.colours import describe_points
from soundkin.sound_map.sound_map import MapPlacer, SoundMap, load_map, read_map_version

router = APIRouter(prefix="/api/v1", tags=["map"])
By = Literal["recordings", "segments"]
_busy = threading.Lock()  # bringing a map in step takes all cores; twice at once gains nothing


class PlaceRequest(RequestModel):
    """A query to find on the map."""

    sounds: list[PartRequest] = Field(min_length=1, max_length=100)
    by: By = "recordings"


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


@router.get(
    "/map",
    response_model=MapResponse,
    responses={**UNCHANGED, 204: {"description": "There is none yet"}},
    summary="The map",
)
async def get_map(
    request: Request, state: State, by: Annotated[By, Query()] = "recordings"
) -> Response:
    """Give all points, brought in step with the library, and the colours they can have.

    Arrays are base64 of little-endian numbers: `x`, `y` float32 in [-1, 1], `ids` uint32 (of
    recordings, `r…`), `starts_s` float32, where points are segments; `codes` uint8, places in a
    column's `palette`. Where there is none (204), a job of kind `map` makes it.
    """
    return await state.kept.answer(
        request, f"map {by}", partial(_draw_map, state, by), partial(read_map_version, by=by)
    )


def _draw_map(state: ServerState, by: By) -> Response:
    with state.open_library() as library, _busy:
        sound_map = load_map(library, by)
        if sound_map is None:
            return Response(status_code=204)
        details = describe_points(library, sound_map)
    columns = [
        {
            "name": column.name,
            "title": column.title,
            "codes": encode_array(column.codes, np.uint8),
            "palette": [list(colour) for colour in column.palette],
            "legend": [[words, code] for words, code in column.legend],
        }
        for column in details.columns.values()
    ]
    starts = None if by == "recordings" else encode_array(details.starts_s, np.float32)
    return Json(_describe(sound_map) | {"starts_s": starts, "columns": columns})


def _describe(sound_map: SoundMap) -> dict[str, Any]:
    return {
        "stamp": "{}-{}".format(*sound_map.stamp),
        "by": sound_map.by,
        "n": len(sound_map),
        "x": encode_array(sound_map.x, np.float32),
        "y": encode_array(sound_map.y, np.float32),
        "ids": encode_array(sound_map.ids, np.uint32),
    }


@router.post("/map/place", response_model=PlaceResponse, summary="A query on the map")
def place_query(words: PlaceRequest, state: State) -> Response:
    """Find where on the map a query lies, among the points that sound like it."""
    with state.open_library() as library:
        query = read_query(words.sounds, (), (), state, library).sounds
        vectors = state.make_searcher(library).compute_vectors([query])
        with _busy:
            x, y = _get_placer(words.by, state, library).place(vectors)[0].tolist()
    return Json({"x": round(x, 6), "y": round(y, 6)})


def _get_placer(by: By, state: ServerState, library: Library) -> MapPlacer:
    """Take the one that was made last, if the library is still what it was."""
    stamp = library.stamp
    known = state.placers.get(by)
    if known is None or known[0] != stamp:
        known = state.placers[by] = stamp, MapPlacer(library, by)
    return known[1]
