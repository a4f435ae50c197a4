"""Recordings that are heard slowed down, as ultrasound is: which they are, and by what factor.

Time expansion: a recording of bats at 250 kHz, heard 10 times slower, sounds at 25 kHz, and what
called at 40 kHz calls at 4 kHz. The factor belongs to a folder, and to all below it that has no
nearer one. The same bytes heard in two ways are two contents.
"""

from __future__ import annotations

import hashlib
import math
import os
import struct
from collections.abc import Mapping

from soundkin.config import MAX_SLOW
from soundkin.errors import QueryError


def check_slow(slow: float) -> None:
    """Refuse a factor that slows nothing down, or beyond what anyone could want.

    Raises
    ------
    QueryError
        It is such a factor.
    """
    if not (math.isfinite(slow) and 1 <= slow <= MAX_SLOW):
        raise QueryError(f"a sound is heard 1 to {MAX_SLOW:g} times slower, not {slow:g}")


def find_slow(path: str, folders: Mapping[str, float]) -> float:
    """Find how many times slower a file is heard, by the folders that say so (`list_slow`)."""
    while folders:
        if path in folders:
            return folders[path]
        above = os.path.dirname(path)  # noqa: PTH120 (URLs too, and thousands)
        if above == path:
            break
        path = above
    return 1.0


def identify_content(digest: bytes, slow: float) -> bytes:
    """Compute what a content is known by, of the hash of its bytes and how it is heard."""
    if slow == 1:
        return digest
    return hashlib.sha256(digest + struct.pack("<d", slow)).digest()
