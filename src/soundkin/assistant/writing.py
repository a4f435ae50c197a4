"""The tools that change something: tags, and new files in the library's folders."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field

from soundkin.assistant.answers import make_sendable, telling
from soundkin.assistant.paths import resolve_inside
from soundkin.assistant.reading import Name, NamedPlace
from soundkin.assistant.sounds import identify_recording
from soundkin.audio.wav_bytes import Wave
from soundkin.errors import LibraryError, QueryError, naming
from soundkin.search.playlists import FORMATS
from soundkin.search.query_embedder import may_be_unchanged
from soundkin.server.routes.export import ExportRequest, FormatName, HitRequest, write_hits
from soundkin.server.routes.library import ChangedResponse, change_tags
from soundkin.server.schemas import RequestModel, Seconds, Tag
from soundkin.server.sounds.sound import SoundRef
from soundkin.server.state import ServerState
from soundkin.system.files import write_aside
from soundkin.text import make_file_name

Target = Annotated[str, Field(min_length=1, max_length=4096)]


class NamedHit(RequestModel):
    """A hit as `search` gave it, or an event of `find`."""

    sound: Name
    start_s: Seconds = 0.0
    duration_s: Seconds = 1.0
    score: float = 0.0


class WrittenResponse(BaseModel):
    """The files that were written."""

    paths: list[str]


class WritingTools:
    """What an assistant may do, where it was let; no file that is there is overwritten."""

    def __init__(self, state: ServerState) -> None:
        self._state = state

    def list_tools(self) -> list[Callable[..., Any]]:
        """List the tools."""
        return [self.tag, self.export, self.copy]

    def tag(
        self,
        sounds: Annotated[list[Name], Field(min_length=1, max_length=1000)],
        add: Annotated[tuple[Tag, ...], Field(max_length=100)] = (),
        remove: Annotated[tuple[Tag, ...], Field(max_length=100)] = (),
    ) -> ChangedResponse:
        """Give tags to recordings of the library, and take them off; files stay as they are."""
        with telling(self._state):
            ids = [identify_recording(name, self._state) for name in sounds]
            with self._state.open_library() as library:
                changed = change_tags(library, ids, [tag.strip() for tag in add], list(remove))
            return ChangedResponse(changed=changed)

    def export(
        self,
        hits: Annotated[list[NamedHit], Field(min_length=1, max_length=10_000)],
        format: FormatName,  # noqa: A002 (the word of the API)
        path: Target,
    ) -> WrittenResponse:
        """Write hits to a new file in the library's folders, for another program.

        Formats: m3u a playlist, csv a table, labels for Audacity, raven a selection table, reaper
        a project.
        """
        with telling(self._state):
            rows = [
                HitRequest(
                    id=identify_recording(hit.sound, self._state),
                    start_s=hit.start_s,
                    duration_s=hit.duration_s,
                    score=hit.score,
                )
                for hit in hits
            ]
            target, extension = Path(self._resolve(path)), FORMATS[format].extension
            if not target.name.endswith(f".{extension}"):
                raise QueryError(f"{path}: a file of this format is called .{extension}")
            if target.exists():
                raise QueryError(f"{path}: it is there already; choose another name")
            data = write_hits(ExportRequest(hits=rows, format=format), self._state)
            _write(target, [data])
            return WrittenResponse(paths=make_sendable([str(target)]))

    def copy(
        self,
        sounds: Annotated[list[NamedPlace], Field(min_length=1, max_length=1000)],
        folder: Target,
    ) -> WrittenResponse:
        """Copy recordings, or regions of them as WAV files, to a folder in the library's folders.

        The folder is made if it is not there; each copy gets a name of its own.
        """
        with telling(self._state):
            target = Path(self._resolve(folder))
            found = [(self._get_sound(one.sound), one) for one in sounds]
            paths = [_copy(heard, place, target) for heard, place in found]
            return WrittenResponse(paths=make_sendable(list(map(str, paths))))

    def _resolve(self, path: str) -> str:
        with self._state.open_library() as library:
            return resolve_inside(path, library.list_folders())

    def _get_sound(self, name: str) -> SoundRef:
        """Find a recording whose file is still the one that was indexed."""
        with self._state.open_library() as library:
            heard = self._state.get_sound_ref(library, identify_recording(name, self._state))
        assert heard.recording is not None  # it was named as one
        if not may_be_unchanged(heard.recording) or not heard.path.is_file():
            raise QueryError(f"{heard.source}: gone, or changed since; index it again")
        return heard


def _copy(heard: SoundRef, place: NamedPlace, folder: Path) -> Path:
    """Copy a sound's file, or write a region of it, under a name that is free."""
    if not place.start_s and place.end_s is None:
        path = _find_free(folder, Path(heard.name).stem, Path(heard.name).suffix)
        with naming(heard.source, LibraryError), heard.path.open("rb") as file:
            _write(path, iter(lambda: file.read(1 << 20), b""))
        shutil.copystat(heard.path, path)
        return path
    rate, n_channels = heard.info.sample_rate, heard.info.n_channels
    wave = Wave.cut(heard.path, rate, n_channels, heard.duration_s, place.start_s, place.end_s)
    path = _find_free(folder, f"{Path(heard.name).stem} {place.start_s:.3f}", ".wav")
    _write(path, wave.read(0, wave.n_bytes))
    return path


def _find_free(folder: Path, stem: str, suffix: str) -> Path:
    """Find a name that no file in a folder has."""
    name = make_file_name(stem)
    names = (f"{name}{suffix}" if n == 1 else f"{name} {n}{suffix}" for n in count(1))
    return next(path for path in map(folder.joinpath, names) if not path.exists())


def _write(path: Path, chunks: Iterator[bytes] | list[bytes]) -> None:
    """Write a new file whole, and its folder if it is not there."""
    with naming(path, LibraryError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with write_aside(path) as file:
            file.writelines(chunks)
