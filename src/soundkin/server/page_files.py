"""The files of the page, compressed once for all who take them so."""

from __future__ import annotations

import gzip
import os
from collections.abc import MutableMapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

COMPRESSED = {".css", ".html", ".js", ".svg"}  # fonts are compressed already


class PageFiles(StaticFiles):
    """Files below a folder, `index.html` where none is named."""

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: MutableMapping[str, Any],
        status_code: int = 200,
    ) -> Response:
        """Answer with a file, or that it has not changed."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        suffix = Path(full_path).suffix
        if not isinstance(response, FileResponse) or suffix not in COMPRESSED:
            return response
        response.headers["vary"] = "accept-encoding"
        wanted = Headers(scope=scope)
        if "gzip" not in wanted.get("accept-encoding", "") or "range" in wanted:
            return response
        kept = ("etag", "last-modified", "vary")
        headers = {name: response.headers[name] for name in kept if name in response.headers}
        data = _compress(os.fspath(full_path), stat_result.st_mtime_ns)
        headers["content-encoding"] = "gzip"
        return Response(data, status_code, headers, media_type=response.media_type)


@lru_cache(maxsize=512)
def _compress(path: str, mtime_ns: int) -> bytes:
    """Compress a file as it was at a time, the same bytes each time."""
    return gzip.compress(Path(path).read_bytes(), mtime=0)
