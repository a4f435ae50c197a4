"""What every request needs at hand: connections to the library, the searcher, the uploads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import Empty, LifoQueue
from typing import Annotated

from fastapi import Depends, Request

from soundkin.errors import SoundkinError
from soundkin.library.library import Library
from soundkin.library.open import open_library
from soundkin.library.records import Recording
from soundkin.search.searcher import Searcher
from soundkin.search.shared_index import SharedIndex
from soundkin.server.jobs.runner import Job, JobBoard
from soundkin.server.kept_answers import KeptAnswers
from soundkin.server.problems import ProblemError
from soundkin.server.settings import Settings
from soundkin.server.sounds.preview_cache import PreviewCache
from soundkin.server.sounds.sound import SoundRef
from soundkin.server.sounds.uploads import UploadStore
from soundkin.sound_map.sound_map import MapPlacer

LAG_S = 2.0  # how far a search may be behind while the library is being indexed


class ServerState:
    """Shared by all requests. A connection serves one at a time; the index serves all at once."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.shared_index = SharedIndex(lag_s=LAG_S)
        self.uploads = UploadStore(settings)
        self.gallery = PreviewCache()
        self.kept = KeptAnswers(settings.library)
        self.placers: dict[str, tuple[tuple[str, int], MapPlacer]] = {}
        self.board = JobBoard(settings.library, self._take_in)
        self._idle: LifoQueue[Library] = LifoQueue()

    @contextmanager
    def open_library(self) -> Iterator[Library]:
        """Lend a connection to the library."""
        try:
            library = self._idle.get_nowait()
        except Empty:
            library = open_library(self.settings.library, create=True)
        try:
            yield library
        finally:
            library.connection.fold_log()
            self._idle.put(library)

    def _take_in(self, job: Job) -> None:
        """Have what a job has indexed in the very next search."""
        with self.open_library() as library:
            if library.model is not None:
                self.shared_index.refresh(library)

    def warm_up(self) -> None:
        """Load what the first search needs, before anyone asks; a library may be empty yet."""
        with suppress(SoundkinError), self.open_library() as library:
            loaded = self.shared_index.get(library)
            self.shared_index.get_embedder(library, loaded.model)
            loaded.compute_percentile(0.0)
            self.make_searcher(library).judge([])

    def make_searcher(self, library: Library) -> Searcher:
        """Make a searcher that shares the loaded index and model."""
        return Searcher(library, shared_index=self.shared_index)

    def get_sound_ref(self, library: Library, sound_id: str) -> SoundRef:
        """Find what an id names.

        Raises
        ------
        ProblemError
            Nothing, or something that could not be decoded.
        """
        if sound_id.startswith("u"):
            upload = self.uploads.get(sound_id)
            if upload is None:
                raise ProblemError(
                    404, f"{sound_id}: no such upload; they are kept for a while only"
                )
            return SoundRef.of_upload(upload)
        recording = find_recording(library, sound_id)
        if recording.content_id is None:
            raise ProblemError(409, f"{recording.path}: it could not be read ({recording.error})")
        return SoundRef.of_recording(recording)

    def close(self) -> None:
        """Close the connections, and delete what was uploaded."""
        self.board.close()
        self.uploads.close()
        self.kept.close()
        while not self._idle.empty():
            self._idle.get_nowait().close()


def find_recording(library: Library, sound_id: str) -> Recording:
    """Find a recording by its id, `r17`, one that failed too.

    Raises
    ------
    ProblemError
        There is none.
    """
    number = sound_id.removeprefix("r")
    recording = None
    if number.isascii() and number.isdigit() and len(number) < 19:
        recording = library.get_recording(int(number))
    if recording is None:
        raise ProblemError(404, f"{sound_id}: no such recording in the library")
    return recording


async def _get_state(request: Request) -> ServerState:
    state: ServerState = request.app.state.server
    return state


State = Annotated[ServerState, Depends(_get_state)]
