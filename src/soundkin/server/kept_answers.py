"""Answers about the whole library, put together once and kept until it changes.

Who has one already, by its ETag, is told so (304) and sent nothing. However many ask at once, one
of them has it made, and the others wait for that.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from soundkin.library.library import Library
from soundkin.library.open import open_library
from soundkin.server.thread_limits import run_in_slow_pool

KEPT = {"cache-control": "private, no-cache"}  # kept by browsers, which ask whether it is still so

Make = Callable[[], Response]
ReadVersion = Callable[[Library], object]


@dataclass(frozen=True)
class _Kept:
    """An answer, what the library was when it was made, and when its making began."""

    version: Any
    began_s: float
    response: Response
    etag: str


class KeptAnswers:
    """Keeps an answer for each name; for the event loop."""

    def __init__(self, library: str) -> None:
        self._name = library
        self._lock = threading.Lock()
        self._watching: Library | None = None
        self._kept: dict[str, _Kept] = {}
        self._making: dict[str, asyncio.Task[None]] = {}

    async def answer(
        self,
        request: Request,
        name: str,
        make: Make,
        read_version: ReadVersion = lambda library: None,
    ) -> Response:
        """Answer with what `make` gives, unless it is known already, here or to who asks.

        `read_version` reads what else than the library's tables an answer depends on.
        """
        kept = await self._get(name, make, read_version)
        headers = KEPT | {"etag": kept.etag}
        if kept.response.status_code == 200 and _has(request, kept.etag):
            return Response(status_code=304, headers=headers)
        made = kept.response
        return Response(made.body, made.status_code, headers, made.media_type)

    async def _get(self, name: str, make: Make, read_version: ReadVersion) -> _Kept:
        came_s = time.monotonic()
        while True:
            version = await run_in_threadpool(self._read_version, read_version)
            kept = self._kept.get(name)
            if kept is not None and (kept.version == version or kept.began_s >= came_s):
                return kept
            if name not in self._making:
                work = self._make(name, make, read_version)
                self._making[name] = task = asyncio.create_task(work)
                task.add_done_callback(lambda done: self._end(name, done))
            await asyncio.shield(self._making[name])  # whoever goes away leaves it to the others

    async def _make(self, name: str, make: Make, read_version: ReadVersion) -> None:
        began_s = time.monotonic()
        # Read before what is made of it: a change meanwhile makes it anew for who comes next.
        version = await run_in_threadpool(self._read_version, read_version)
        response = await run_in_slow_pool(make)
        etag = f'"{hashlib.blake2b(response.body, digest_size=12).hexdigest()}"'
        self._kept[name] = _Kept(version, began_s, response, etag)

    def _end(self, name: str, task: asyncio.Task[None]) -> None:
        del self._making[name]
        if not task.cancelled():
            task.exception()  # told to who waits, if anyone still does

    def _read_version(self, read_version: ReadVersion) -> tuple[Any, ...]:
        """Read what changes with every change of the library, by whichever process.

        SQLite counts, for a connection, the commits of all others; this one makes none.
        """
        with self._lock:
            if self._watching is None:
                self._watching = open_library(self._name, create=True)
            library = self._watching
            stamp = library.stamp  # which takes over first what others wrote to Lance tables
            count = library.connection.fetch_one("PRAGMA data_version")
            return stamp, count, read_version(library)

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            if self._watching is not None:
                self._watching.close()


def _has(request: Request, etag: str) -> bool:
    """Tell whether who asks has the answer of that tag."""
    given = request.headers.get("if-none-match", "").split(",")
    return any(one.strip().removeprefix("W/") in (etag, "*") for one in given)
