"""The tools that only read: search, find, recordings, tags, and what the library holds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Annotated, Any

from pydantic import Field

from soundkin.assistant.answers import make_sendable, telling
from soundkin.assistant.sounds import identify_sound
from soundkin.library.browse import Wanted
from soundkin.library.folder_tree import find_folders
from soundkin.library.records import Filters
from soundkin.server.routes.find import FindRequest, FindResponse, Score, run_find
from soundkin.server.routes.library import (
    InfoResponse,
    RecordingsResponse,
    TagCount,
    describe_library,
    describe_page,
)
from soundkin.server.routes.search import SearchResponse, run_search
from soundkin.server.schemas import (
    NAME_WORDS,
    FilterRequest,
    Finite,
    PartRequest,
    RequestModel,
    SearchRequest,
    Seconds,
    Text,
)
from soundkin.server.sounds.upload_decoding import Part
from soundkin.server.state import ServerState

Name = Annotated[
    str,
    Field(
        min_length=1,
        max_length=4096,
        description="A recording by its id (r17), its path, or the end of it (drums/kick.wav)",
    ),
]


class NamedPlace(RequestModel):
    """A sound, or the region of it from start_s to end_s seconds."""

    sound: Name
    start_s: Seconds = 0.0
    end_s: Seconds | None = None


class NamedPart(NamedPlace):
    """A sound of a query; it may be a file in the library's folders that is not indexed yet.

    A negative weight subtracts it. Of a short file without a region its loudest stroke is taken.
    """

    weight: Finite = 1.0


ALL_RECORDINGS = FilterRequest()
Parts = Annotated[list[NamedPart], Field(min_length=1, max_length=20)]


class ReadingTools:
    """What an assistant may ask; each method is a tool, its docstring what the assistant reads."""

    def __init__(self, state: ServerState) -> None:
        self._state = state

    def list_tools(self) -> list[Callable[..., Any]]:
        """List the tools."""
        return [self.library_info, self.list_recordings, self.list_tags, self.search, self.find]

    def library_info(self) -> InfoResponse:
        """Tell what the library holds: recordings, hours, folders, tags, facts to filter by."""
        with telling(self._state):
            return InfoResponse(**make_sendable(describe_library(self._state)))

    def list_tags(self) -> list[TagCount]:
        """List all tags, with how many recordings have each."""
        with telling(self._state), self._state.open_library() as library:
            counts = [{"tag": tag, "count": count} for tag, count in library.list_tags()]
        return [TagCount(**one) for one in make_sendable(counts)]

    def list_recordings(
        self,
        words: Annotated[str, Field(max_length=200, description=NAME_WORDS)] = "",
        tags: Annotated[tuple[Text, ...], Field(max_length=100, description="All of these")] = (),
        folders: Annotated[
            tuple[Text, ...], Field(max_length=1000, description="In any of these")
        ] = (),
        limit: Annotated[int, Field(ge=1, le=1000)] = 30,
        offset: Annotated[int, Field(ge=0, le=1 << 40)] = 0,
    ) -> RecordingsResponse:
        """List recordings by words of their names and by tags, in order of path, page by page."""
        with telling(self._state):
            found = self._find_folders(folders)
            filters = Filters(folders=tuple(found), name=words, tags=tags)
            page = describe_page(Wanted(filters), offset, limit, self._state)
            return RecordingsResponse(**make_sendable(page))

    def search(
        self,
        sounds: Parts,
        top_k: Annotated[int, Field(ge=1, le=1000)] = 10,
        exclude_self: bool = True,
        fold: Annotated[bool, Field(description="Leave out near-copies of better hits")] = True,
        min_percentile: Annotated[float, Field(ge=0, le=100)] = 0.0,
        filters: FilterRequest = ALL_RECORDINGS,
    ) -> SearchResponse:
        """Find the places that sound most like a sound, or several added and subtracted.

        Hits come best first. `percentile` says how many of a hundred pairs of unrelated sounds are
        less alike; `verdict` whether any hit is good: many, some or none.
        """
        with telling(self._state):
            words = SearchRequest(
                sounds=self._identify(sounds),
                top_k=top_k,
                exclude_self=exclude_self,
                fold=fold,
                min_percentile=min_percentile,
                filters=self._settle(filters),
            )
            return SearchResponse(**make_sendable(run_search(words, self._state)))

    def find(
        self,
        sounds: Parts,
        within: Annotated[
            tuple[Name, ...], Field(max_length=1000, description="Default: all")
        ] = (),
        min_score: Annotated[
            Score | None, Field(description="Of an event; chosen from the scores by default")
        ] = None,
        filters: FilterRequest = ALL_RECORDINGS,
    ) -> FindResponse:
        """Find every occurrence of a sound in recordings, in order of time, with begin and end.

        Several sounds are examples of one thing; those of negative weight are not wanted.
        """
        with telling(self._state):
            words = FindRequest(
                sounds=self._identify(sounds),
                within=[identify_sound(name, self._state) for name in within],
                min_score=min_score,
                filters=self._settle(filters),
            )
            return FindResponse(**make_sendable(run_find(words, self._state)))

    def _identify(self, sounds: list[NamedPart]) -> list[PartRequest]:
        """Bring the sounds of a query to ids; of a file that is taken in only the part is kept."""
        found = []
        for one in sounds:
            part = Part(one.start_s, one.end_s)
            sound_id = identify_sound(one.sound, self._state, part)
            asked = PartRequest(id=sound_id, weight=one.weight)
            if sound_id.startswith("u"):
                region: dict[str, Any] = {"whole": not part.is_all}
            else:
                region = {"start_s": one.start_s, "end_s": one.end_s}
            found.append(asked.model_copy(update=region))
        return found

    def _settle(self, filters: FilterRequest) -> FilterRequest:
        """Find the folders that filters name, which may be ends of paths."""
        folders = self._find_folders(filters.folders)
        not_folders = self._find_folders(filters.not_folders)
        return filters.model_copy(update={"folders": folders, "not_folders": not_folders})

    def _find_folders(self, names: Iterable[str]) -> list[str]:
        with self._state.open_library() as library:
            found = [find_folders(library, name, os.path.expanduser(name)) for name in names]  # noqa: PTH111
        return [folder for some in found for folder in some]
