"""The folders of the server's machine, for who looks for one that may be indexed."""

from __future__ import annotations

import os
import string
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import platformdirs
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from soundkin.audio.decoders.open import is_audio_path
from soundkin.audio.walk import is_below, resolve_root
from soundkin.server.problems import Json, ProblemError
from soundkin.server.state import ServerState, State

MOST_FOLDERS = 2000
MOST_SOUNDS = 500
DRIVES = ("/media", "/run/media", "/mnt", "/Volumes")  # where systems put what is plugged in

router = APIRouter(prefix="/api/v1", tags=["jobs"])


class NamedPathResponse(BaseModel):
    """A folder or file by its path, and what it is called."""

    name: str = Field(examples=["Samples"])
    path: str = Field(examples=["/home/me/Samples"])


class MachineFolderResponse(NamedPathResponse):
    """A folder; whether it lies in one that was asked to be indexed."""

    is_indexed: bool


class MachineResponse(BaseModel):
    """What is in a folder: of folders the first 2,000, of sounds the first 500 by name."""

    path: str | None
    name: str
    is_indexed: bool
    above: list[NamedPathResponse] = Field(description="The folders above it, the outermost first")
    places: list[NamedPathResponse] = Field(description="Where to begin")
    folders: list[MachineFolderResponse]
    sounds: list[NamedPathResponse]
    n_folders: int
    n_sounds: int


def check_whole(folder: str) -> Path:
    """Take a folder's whole path, from a person's home too.

    Raises
    ------
    ProblemError
        It is none.
    """
    if "\0" in folder or not Path(folder).expanduser().is_absolute():
        raise ProblemError(422, f"{folder}: give a folder's whole path, from / or ~ on")
    return Path(folder).expanduser()


def check_folder(folder: str, state: ServerState) -> str:
    """Make a folder's path absolute; from afar, only what is indexed already is to be indexed.

    Raises
    ------
    ProblemError
        It is no whole path, or one that others than this machine's may not index.
    AudioError
        It is not there.
    """
    check_whole(folder)
    path = resolve_root(folder)
    if not state.settings.is_local and not _lies_in(path, _list_roots(state)):
        raise ProblemError(403, f"{folder}: from afar only folders of the library can be indexed")
    return path


@router.get("/machine", response_model=MachineResponse, summary="Folders of the server's machine")
def list_machine(
    state: State, folder: Annotated[str, Query(max_length=4096, examples=["~/Music"])] = ""
) -> Response:
    """List what is in a folder, one's home without a path, to choose what to index.

    Whoever asks from afar sees the folders of the library and what is below, and no others.
    """
    if state.settings.is_replica:
        raise ProblemError(409, "a cluster serves this library; index with: soundkin index")
    roots = _list_roots(state)
    is_local = state.settings.is_local
    if not folder and not is_local:
        return Json(_describe(None, roots, [_name(root) for root in roots]))
    path = check_folder(folder or "~", state)
    if not is_local and not _lies_in(os.path.realpath(path), map(os.path.realpath, roots)):
        raise ProblemError(403, f"{folder}: it leads out of the library's folders")
    places = _list_places() if is_local else [_name(root) for root in roots]
    return Json(_describe(path, roots, places, is_local=is_local))


def _list_roots(state: ServerState) -> list[str]:
    with state.open_library() as library:
        return library.list_folders()


def _lies_in(path: str, folders: Iterable[str]) -> bool:
    return any(is_below(path, folder) for folder in folders)


def _name(path: str) -> dict[str, Any]:
    return {"name": os.path.basename(path.rstrip(os.sep)) or path, "path": path}  # noqa: PTH119


def _list_places() -> list[dict[str, Any]]:
    """List where a person's sounds may lie: home first, then music, then drives."""
    home = Path.home()
    found = [{"name": "Home", "path": str(home)}]
    music = platformdirs.user_music_path()
    found += [_name(str(music))] if music.is_dir() and music != home else []
    found += [_name(str(drive)) for drive in _find_drives()]
    return [*found, *([_name("/")] if os.sep == "/" else [])]


def _find_drives() -> Iterator[Path]:
    if sys.platform == "win32":
        yield from (
            Path(f"{one}:\\") for one in string.ascii_uppercase if Path(f"{one}:\\").exists()
        )
        return
    for top in map(Path, DRIVES):
        try:
            below = sorted(one for one in top.iterdir() if one.is_dir())
            own = [one for one in below if one.name == Path.home().name]
            yield from (sorted(one for one in own[0].iterdir() if one.is_dir()) if own else below)
        except OSError:  # there is no such folder, or it is not ours
            continue


def _describe(
    folder: str | None, roots: list[str], places: list[dict[str, Any]], *, is_local: bool = False
) -> dict[str, Any]:
    """Write what is in a folder; without one, only where to begin."""
    folders, sounds = _list_folder(folder) if folder is not None else ([], [])
    above = [str(one) for one in reversed(Path(folder).parents)] if folder is not None else []
    return {
        "path": folder,
        "name": _name(folder)["name"] if folder is not None else "",
        "is_indexed": folder is not None and _lies_in(folder, roots),
        "above": [_name(one) for one in above if is_local or _lies_in(one, roots)],
        "places": places,
        "folders": [
            _name(one) | {"is_indexed": _lies_in(one, roots)} for one in folders[:MOST_FOLDERS]
        ],
        "sounds": [_name(one) for one in sounds[:MOST_SOUNDS]],
        "n_folders": len(folders),
        "n_sounds": len(sounds),
    }


def _list_folder(folder: str) -> tuple[list[str], list[str]]:
    """List the folders and the sounds in a folder by name, but hidden ones."""
    folders, sounds = [], []
    try:
        with os.scandir(folder) as listing:
            for entry in listing:
                if entry.name.startswith("."):
                    continue
                if _is_folder(entry):
                    folders.append(entry.path)
                elif is_audio_path(entry.name):
                    sounds.append(entry.path)
    except NotADirectoryError as error:
        raise ProblemError(422, f"{folder}: a file, and no folder") from error
    except OSError as error:
        raise ProblemError(403, f"{folder}: {error.strerror or error}") from error
    return sorted(folders, key=str.casefold), sorted(sounds, key=str.casefold)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
