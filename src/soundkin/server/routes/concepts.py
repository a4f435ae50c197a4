"""Named sounds: queries kept in the library, to search with and to go on from."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Path as FromPath
from pydantic import BaseModel, Field
from starlette.responses import Response

from soundkin.library.concepts import Concept, list_concepts, remove_concept, save_concept
from soundkin.search.query import Query
from soundkin.server.problems import Json, ProblemError
from soundkin.server.routes.query import read_query
from soundkin.server.schemas import PartRequest, RequestModel, SegmentRef
from soundkin.server.state import State

router = APIRouter(prefix="/api/v1", tags=["concepts"])
Name = Annotated[str, FromPath(max_length=200)]


class ConceptRequest(RequestModel):
    """A query to keep, and its name."""

    name: str = Field(min_length=1, max_length=200, pattern=r"\S", examples=["dusty kick"])
    sounds: list[PartRequest] = Field(min_length=1, max_length=100)
    liked: list[SegmentRef] = Field(default=[], max_length=1000)
    disliked: list[SegmentRef] = Field(default=[], max_length=1000)


class ConceptResponse(BaseModel):
    """A named sound, with the query that it was kept from."""

    id: str = Field(examples=["c1"])
    name: str
    sounds: list[dict[str, Any]]
    liked: list[dict[str, Any]]
    disliked: list[dict[str, Any]]


@router.get("/concepts", response_model=list[ConceptResponse], summary="List concepts")
def get_concepts(state: State) -> Response:
    """List the named sounds; the `id` of each can be a part of a query."""
    with state.open_library() as library:
        return Json([_describe(concept) for concept in list_concepts(library)])


@router.post("/concepts", response_model=ConceptResponse, status_code=201, summary="Keep a query")
def keep_concept(words: ConceptRequest, state: State) -> Response:
    """Keep a query as a named sound, in place of one of that name; uploads in it stay in it."""
    with state.open_library() as library:
        if any(part.id.startswith("c") for part in words.sounds):
            raise ProblemError(422, "a concept is kept of sounds, not of another concept")
        asked = read_query(words.sounds, words.liked, words.disliked, state, library)
        queries: list[Query] = [asked.sounds, *asked.liked, *asked.disliked]
        vectors = state.make_searcher(library).compute_vectors(queries)
        definition = words.model_dump(exclude={"name"})
        concept = save_concept(library, words.name, definition, vectors)
    return Json(_describe(concept), status_code=201)


@router.delete("/concepts/{name:path}", status_code=204, summary="Forget a concept")
def forget_concept(name: Name, state: State) -> Response:
    """Forget a named sound, by its name."""
    with state.open_library() as library:
        if not remove_concept(library, name):
            raise ProblemError(404, f"{name}: no such concept")
    return Response(status_code=204)


def _describe(concept: Concept) -> dict[str, Any]:
    return {"id": f"c{concept.id}", "name": concept.name, **concept.definition}
