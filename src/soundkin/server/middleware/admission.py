"""How much is answered at once: whoever comes when all places are taken is sent away for a moment.

Each kind of request has places of its own, so that what takes long, or is made to take long, never
keeps searches out.
"""

from __future__ import annotations

from collections import Counter

from starlette.types import ASGIApp, Receive, Scope, Send

from soundkin.server.problems import describe_problem

PLACES = {"sound": 64, "upload": 32, "news": 32, "other": 128}
RETRY_S = "1"
UPLOADS = ("/api/v1/sounds", "/api/v1/search/upload", "/api/v1/embed")


class AdmissionMiddleware:
    """Stands before the app, behind the guard: so many requests of each kind are let in."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._inside: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer that there is no place, or pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        kind = _tell_kind(scope["path"])
        if self._inside[kind] >= PLACES[kind]:
            answer = describe_problem(
                503, f"{PLACES[kind]} requests of this kind are being answered"
            )
            answer.headers["retry-after"] = RETRY_S
            await answer(scope, receive, send)
            return
        self._inside[kind] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._inside[kind] -= 1


def _tell_kind(path: str) -> str:
    if path in UPLOADS:
        return "upload"
    if path.endswith("/events"):
        return "news"
    return "sound" if path.endswith("/audio") else "other"
