"""Who may ask: Host and Origin, token, sizes, and what a browser is told about the answers."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from soundkin.server.middleware.admission import UPLOADS
from soundkin.server.problems import ProblemError, describe_problem
from soundkin.server.settings import Settings, is_address

MAX_BODY_BYTES = 256 << 10  # JSON is read and checked by the event loop, which all wait for
MAX_HITS_BYTES = 1 << 20
EXPORT = "/api/v1/export"
SOUNDS = "/api/v1/sounds"
PART = ("start_s", "end_s")  # of what is sent only that is kept
MULTIPART_BYTES = 1 << 16  # what a form adds around the file in it
POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "microphone=(self), camera=(), geolocation=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
# Browsers heed it, and do not complain, only where nobody can have changed it on its way.
TRUSTED_HEADERS = HEADERS | {"cross-origin-opener-policy": "same-origin"}


class SecurityMiddleware:
    """Stands before the app: what comes from elsewhere is refused, sizes are watched."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._names = settings.host_names
        self._cookie = f"soundkin-{settings.port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        is_trusted = self._settings.is_local or scope["scheme"] == "https"

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in (TRUSTED_HEADERS if is_trusted else HEADERS).items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/api/"):
                    headers.setdefault("cache-control", "no-store")
            await send(message)

        refusal = self._refuse(scope)
        if refusal is not None:
            await refusal(scope, receive, send_guarded)
            return
        await self._app(scope, self._watch_size(scope, receive), send_guarded)

    def _refuse(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        name = _read_name(host)
        is_known = name in self._names or (not self._settings.is_local and is_address(name))
        if not is_known:
            return describe_problem(403, f"this server is not called {host or 'nothing'}")
        if not _is_own(headers, scope, host):
            return describe_problem(403, "only soundkin's own page may ask this server")
        return None if self._settings.token is None else self._demand_token(scope, headers)

    def _demand_token(self, scope: Scope, headers: Headers) -> Response | None:
        """Let in who has the token; one in the address becomes a cookie."""
        parameters = parse_qsl(scope["query_string"].decode("latin-1"))
        shown = [value for key, value in parameters if key == "token"]
        if scope["path"] == "/" and self._fits(shown):
            rest = urlencode([pair for pair in parameters if pair[0] != "token"])
            entry = RedirectResponse("/" + (f"?{rest}" if rest else ""), status_code=303)
            entry.set_cookie(
                self._cookie,
                shown[0],
                httponly=True,
                samesite="strict",
                secure=scope["scheme"] == "https",
                max_age=30 * 86_400,
            )
            return entry
        scheme, _, credentials = headers.get("authorization", "").partition(" ")
        given = [credentials.strip()] if scheme.lower() == "bearer" else []
        if self._fits([*given, *_read_cookies(headers, self._cookie)]):
            return None
        response = describe_problem(401, "open the address that `soundkin serve` printed")
        response.headers["www-authenticate"] = "Bearer"
        return response

    def _fits(self, given: Iterable[str]) -> bool:
        token = (self._settings.token or "").encode()
        return any(hmac.compare_digest(one.encode(), token) for one in given)

    def _watch_size(self, scope: Scope, receive: Receive) -> Receive:
        """Stop reading a body that is larger than what it may be."""
        most = MAX_HITS_BYTES if scope["path"] == EXPORT else MAX_BODY_BYTES
        if scope["path"] in UPLOADS:
            asked = parse_qsl(scope["query_string"].decode("latin-1"))
            is_part = scope["path"] == SOUNDS and any(key in PART for key, _ in asked)
            settings = self._settings
            most = settings.max_whole_bytes if is_part else settings.max_upload_bytes
            most += MULTIPART_BYTES
        n_bytes = 0

        async def receive_watched() -> Message:
            nonlocal n_bytes
            message = await receive()
            n_bytes += len(message.get("body", b""))
            if n_bytes > most:
                raise ProblemError(413, f"at most {_describe_bytes(most)} are taken at once")
            return message

        return receive_watched


def _describe_bytes(n_bytes: int) -> str:
    return f"{n_bytes >> 20} MB" if n_bytes >= 1 << 20 else f"{n_bytes >> 10} kB"


def _read_name(host: str) -> str:
    """Take the port off a Host header."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _is_own(headers: Headers, scope: Scope, host: str) -> bool:
    """Tell whether a browser sends this for our own page; what is no browser says nothing."""
    origin = headers.get("origin")
    if origin is not None:
        return origin.lower() in {f"http://{host.lower()}", f"https://{host.lower()}"}
    site = headers.get("sec-fetch-site", "none")
    if site in {"same-origin", "none"}:
        return True
    is_visit = headers.get("sec-fetch-mode") == "navigate" and scope["method"] in {"GET", "HEAD"}
    return is_visit and not scope["path"].startswith("/api/")


def _read_cookies(headers: Headers, name: str) -> list[str]:
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return []
    return [cookies[name].value] if name in cookies else []
