"""Sounds as an assistant names them, brought to the ids of the HTTP API."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from anyio.from_thread import run as run_in_loop

from soundkin.assistant.paths import resolve_inside
from soundkin.errors import QueryError
from soundkin.library.library import Library
from soundkin.library.records import Recording
from soundkin.library.slowed import find_slow
from soundkin.search.query_embedder import find_by_ending
from soundkin.server.schemas import PART_ID, RECORDING_ID
from soundkin.server.sounds.upload_decoding import Part
from soundkin.server.sounds.uploads import ALL
from soundkin.server.state import ServerState
from soundkin.system.paths import locate
from soundkin.system.remote import is_remote


def identify_recording(name: str, state: ServerState) -> str:
    """Find the id of a recording by itself, a path, or the end of a path.

    Raises
    ------
    QueryError
        There is no such recording in the library, or the path lies outside of its folders.
    """
    if re.fullmatch(RECORDING_ID, name):
        return name
    with state.open_library() as library:
        found = _locate(name, library)
        if isinstance(found, str):
            raise QueryError(f"{name}: not indexed yet; only recordings of the library will do")
    return f"r{found.id}"


def identify_sound(name: str, state: ServerState, part: Part = ALL) -> str:
    """Find the id of a recording or concept, or take in a file that is not indexed yet.

    To be called in a worker thread of the loop; such a file, or the part of it, is decoded in
    another process.

    Raises
    ------
    SoundkinError
        There is no such sound in the library's folders, or it cannot be read.
    """
    if re.fullmatch(PART_ID, name):
        return name
    with state.open_library() as library:
        found = _locate(name, library)
        slow = 1.0 if isinstance(found, Recording) else find_slow(found, library.list_slow())
    if isinstance(found, Recording):
        return f"r{found.id}"
    if slow != 1:
        raise QueryError(f"{name}: heard {slow:g} times slower in this folder; index it first")
    label = os.path.basename(found)  # noqa: PTH119
    with Path(found).open("rb") as file:
        spooled = run_in_loop(state.uploads.spool_file, file, label, part)
    return state.uploads.adopt(spooled, label, part).id


def _locate(name: str, library: Library) -> Recording | str:
    """Find the recording that is meant, or the path of a file in the library's folders."""
    path = os.path.expanduser(name)  # noqa: PTH111
    if is_remote(name) or os.path.isabs(path):  # noqa: PTH117
        known = library.find_recording(name if is_remote(name) else locate(path))
        if known is not None:
            return known
        candidates: Sequence[str] = [path]
    elif library.find_by_ending(name):
        return find_by_ending(library, name)
    else:
        near = (folder for folder in library.list_folders() if not is_remote(folder))
        candidates = [os.path.join(folder, name) for folder in near]  # noqa: PTH118
    for candidate in candidates:
        real = resolve_inside(candidate, library.list_folders())
        known = library.find_recording(real)
        if known is not None:
            return known
        if Path(real).is_file():
            return real
    raise QueryError(f"{name}: no such recording, nor a file in the library's folders")
