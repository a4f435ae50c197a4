"""The fence around the library's folders: no path that an assistant names leads out of it."""

from __future__ import annotations

import os
from collections.abc import Sequence

from soundkin.audio.walk import is_below
from soundkin.errors import QueryError
from soundkin.system.paths import locate
from soundkin.system.remote import is_remote


def resolve_inside(path: str, folders: Sequence[str]) -> str:
    """Follow all links of a path, which need not exist, and refuse what is not in the folders.

    Whether there is anything outside is not told.

    Raises
    ------
    QueryError
        It is no whole path, or it lies outside.
    """
    whole = os.path.expanduser(path)  # noqa: PTH111
    if "\0" in whole or not os.path.isabs(whole):  # noqa: PTH117
        raise QueryError(f"{path}: give a whole path, in a folder of the library")
    real = locate(os.path.realpath(whole))
    inside = (locate(os.path.realpath(folder)) for folder in folders if not is_remote(folder))
    if not any(is_below(real, folder) for folder in inside):
        known = ", ".join(folders) or "none yet"
        raise QueryError(f"{path}: outside of the library's folders ({known})")
    return real
