"""Errors as RFC 9457 `application/problem+json`: one shape, a type of its own for each kind."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from soundkin.errors import (
    AudioError,
    DeformationError,
    LibraryError,
    ModelError,
    QueryError,
    SoundkinError,
    TooLongError,
    WorkerError,
)

MAX_ERRORS = 20
MEDIA_TYPE = "application/problem+json"
KINDS: dict[type[SoundkinError], tuple[int, str, str]] = {
    TooLongError: (422, "too-long", "This sound is too long"),
    AudioError: (422, "unreadable-sound", "This sound cannot be read"),
    WorkerError: (422, "unreadable-sound", "This sound cannot be read"),
    DeformationError: (422, "deformation", "This sound cannot be deformed so"),
    QueryError: (422, "query", "This query has no answer"),
    LibraryError: (409, "library", "The library cannot do this"),
    ModelError: (409, "model", "The model cannot be used"),
}
TITLES = {
    400: ("bad-request", "This request cannot be read"),
    401: ("token", "A token is needed"),
    403: ("foreign", "This request comes from elsewhere"),
    404: ("not-found", "There is no such thing"),
    405: ("method", "This cannot be done here"),
    408: ("slow", "This request took too long to come"),
    409: ("conflict", "Something else is under way"),
    413: ("too-large", "This is too large"),
    416: ("range", "There are no such bytes"),
    422: ("invalid", "This request makes no sense"),
    431: ("too-large", "This is too large"),
    500: ("internal", "Something went wrong inside soundkin"),
    503: ("busy", "Too much is under way"),
}


class Json(JSONResponse):
    """JSON in ASCII, so that a file's name that is no valid UTF-8 comes through."""

    def render(self, content: Any) -> bytes:
        """Write it."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()


class ProblemError(HTTPException):
    """An error that has a status of its own; `detail` is a line for a person."""


def describe_problem(
    status: int, detail: str, kind: str | None = None, title: str | None = None, **more: Any
) -> Response:
    """Make the response of an error."""
    known_kind, known_title = TITLES.get(status, ("error", HTTPStatus(status).phrase))
    body = {
        "type": f"urn:soundkin:{kind or known_kind}",
        "title": title or known_title,
        "status": status,
        "detail": detail,
    }
    return Json(body | more, status_code=status, media_type=MEDIA_TYPE)


def describe_error(error: SoundkinError, detail: str) -> Response:
    """Make the response of an error that soundkin raised."""
    for kind, (status, name, title) in KINDS.items():
        if isinstance(error, kind):
            return describe_problem(status, detail, name, title)
    return describe_problem(422, detail)


def add_handlers(app: FastAPI) -> None:
    """Have every error come out in the one shape."""

    @app.exception_handler(SoundkinError)
    async def tell_soundkin_error(request: Request, error: SoundkinError) -> Response:
        detail = " ".join(str(error).splitlines())
        return describe_error(error, request.app.state.server.uploads.hide_paths(detail))

    @app.exception_handler(HTTPException)
    async def tell_http_error(request: Request, error: HTTPException) -> Response:
        response = describe_problem(error.status_code, str(error.detail))
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(RequestValidationError)
    async def tell_invalid(request: Request, error: RequestValidationError) -> Response:
        errors = [
            {"where": ".".join(map(str, one["loc"])), "what": one["msg"]}
            for one in error.errors()[:MAX_ERRORS]
        ]
        detail = "; ".join(f"{one['where']}: {one['what']}" for one in errors[:3])
        return describe_problem(422, detail, errors=errors)

    @app.exception_handler(ClientDisconnect)
    async def tell_nobody(request: Request, error: ClientDisconnect) -> Response:
        return describe_problem(400, "whoever sent this went away before it was whole")

    @app.exception_handler(Exception)
    async def tell_unexpected(request: Request, error: Exception) -> Response:
        return describe_problem(500, "an error that nobody foresaw; see the server's output")
