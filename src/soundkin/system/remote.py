"""Files in object storage: found by URL, and brought near to be decoded.

What was brought near is kept in the user's cache folder for the next time, the longest unused
going first; a file that changed where it is from is brought anew.
"""

from __future__ import annotations

import datetime
import hashlib
import os
import re
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from soundkin.errors import AudioError, naming
from soundkin.system.files import PART, name_aside

NEAR_BYTES = 4 << 30
FRESH_S = 60.0  # for which a file is taken to be what it was when last looked at
SWEPT_SHARE = 0.8  # of the room that is left full, so that it is not swept for each file
URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")

_LOCKS = [threading.Lock() for _ in range(16)]
_FRESH: dict[str, tuple[float, str]] = {}


def is_remote(path: str) -> bool:
    """Tell the address of something far, one scheme and no other inside it, from a path."""
    return URL.match(path) is not None


def open_filesystem(url: str) -> tuple[Any, str]:
    """Find the file system that a URL is in, and the path within.

    Raises
    ------
    AudioError
        What that takes is not installed, or it cannot be reached.
    """
    try:
        import fsspec

        system, path = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError, OSError) as error:
        raise AudioError(f"{url}: {error}") from error
    return system, path


def read_mtime(info: dict[str, Any]) -> float:
    """Find in what a file system tells of a file when it changed, in seconds, or else 0."""
    changed = info.get("LastModified", info.get("mtime", info.get("last_modified", 0)))
    return changed.timestamp() if isinstance(changed, datetime.datetime) else float(changed)


def fetch_cached(path: str) -> str:
    """Give the path of a copy on this machine of what is far; of what is here its own path.

    Raises
    ------
    AudioError
        It is gone, cannot be reached, or there is no room for it here.
    """
    if not is_remote(path):
        return path
    with _LOCKS[hash(path) % len(_LOCKS)]:
        looked_at, near = _FRESH.get(path, (-FRESH_S, ""))
        if time.monotonic() - looked_at > FRESH_S or not Path(near).exists():
            near = _fetch(path)
            _FRESH[path] = (time.monotonic(), near)
        return near


def _fetch(url: str) -> str:
    """Copy a file here, if it is not here yet as it is there now."""
    import platformdirs

    system, path = open_filesystem(url)
    folder = platformdirs.user_cache_path("soundkin") / "near"
    with naming(url, AudioError):
        info = system.info(path)
        facts = f"{url}\0{info['size']}\0{read_mtime(info)}\0{info.get('ETag', '')}"
        name = hashlib.sha256(facts.encode("utf-8", "surrogateescape")).hexdigest()[:32]
        near = folder / f"{name}{Path(path).suffix.lower()}"
        if near.exists():
            os.utime(near)
            return str(near)
        folder.mkdir(parents=True, exist_ok=True)
        _make_room(folder, int(info["size"] or 0))
        aside = name_aside(near)
        try:
            system.get_file(path, str(aside))
            aside.replace(near)
        finally:
            aside.unlink(missing_ok=True)
    return str(near)


def _make_room(folder: Path, n_bytes: int) -> None:
    """Delete what was not used for longest, once all is more than may be kept."""
    kept: list[tuple[float, int, Path]] = []
    for near in folder.iterdir():
        with suppress(OSError):
            status = near.stat()
            if PART not in near.suffixes[-1:]:
                kept.append((status.st_mtime, status.st_size, near))
    total = n_bytes + sum(size for _, size, _ in kept)
    if total <= NEAR_BYTES:
        return
    for _, size, near in sorted(kept):
        near.unlink(missing_ok=True)
        total -= size
        if total <= SWEPT_SHARE * NEAR_BYTES:
            return
