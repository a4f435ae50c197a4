"""The tools that change something: tags, and new files in the library's folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field

from soundkin.assistant.answers import make_sendable, telling
from soundkin.assistant.paths import resolve_inside
from soundkin.assistant.reading import Name, NamedPlace
from soundkin.assistant.sounds import identify_recording
from soundkin.errors import LibraryError, QueryError, naming
from soundkin.search.playlists import FORMATS
from soundkin.search.query_embedder import may_be_unchanged
from soundkin.search.take_away import copy_items
from soundkin.server.routes.crates import CopiedFilesResponse, ItemRequest, find_items
from soundkin.server.routes.export import ExportRequest, FormatName, HitRequest, write_hits
from soundkin.server.routes.library import ChangedResponse, change_tags
from soundkin.server.schemas import Finite, RequestModel, Seconds, Tag
from soundkin.server.state import ServerState
from soundkin.system.files import write_aside

Target = Annotated[str, Field(min_length=1, max_length=4096)]


class NamedHit(RequestModel):
    """A hit as `search` gave it, or an event of `find`."""

    sound: Name
    start_s: Seconds = 0.0
    duration_s: Seconds = 1.0
    score: Finite | None = None


class ExportedResponse(BaseModel):
    """The file that was written."""

    path: str


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
    ) -> ExportedResponse:
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
            with naming(target, LibraryError):
                target.parent.mkdir(parents=True, exist_ok=True)
                with write_aside(target) as file:
                    file.write(data)
            return ExportedResponse(path=make_sendable(str(target)))

    def copy(
        self,
        sounds: Annotated[list[NamedPlace], Field(min_length=1, max_length=1000)],
        folder: Target,
    ) -> CopiedFilesResponse:
        """Copy recordings, or regions of them as WAV files, to a folder in the library's folders.

        The folder is made if it is not there. A copy that is there already is left as it is.
        """
        with telling(self._state):
            target = Path(self._resolve(folder))
            items = [
                ItemRequest(
                    id=identify_recording(one.sound, self._state),
                    start_s=one.start_s,
                    end_s=one.end_s,
                )
                for one in sounds
            ]
            with self._state.open_library() as library:
                found = find_items(items, library)
            for item in found:
                if not may_be_unchanged(item.recording):
                    raise QueryError(f"{item.recording.path}: changed since; index it again")
            files, failures = copy_items(found, target)
            told = {"folder": str(target), "files": files}
            lines = [{"path": failure.path, "reason": failure.reason} for failure in failures]
            return CopiedFilesResponse(**make_sendable(told | {"failures": lines}))

    def _resolve(self, path: str) -> str:
        with self._state.open_library() as library:
            return resolve_inside(path, library.list_folders())
