"""What the searchers of one library share: its index and its model, loaded once, for any thread."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from soundkin.embedding.embedder import Embedder
from soundkin.embedding.trusted_models import find_trusted_model
from soundkin.errors import LibraryError
from soundkin.index.disk import IndexFolder
from soundkin.index.vector_index import VectorIndex
from soundkin.library.library import Library
from soundkin.library.records import LibraryModel
from soundkin.progress import OnProgress
from soundkin.search.feedback import N_RANDOM
from soundkin.search.reference import Reference, find_reference
from soundkin.search.verdict import compute_chance_score, compute_usual_score

BACKGROUND_SEED = 0
NOTED_GROWTH = 1.1  # a library so much larger or smaller is measured anew


@dataclass(frozen=True)
class LoadedIndex:
    """An index as of a library's stamp, and the model that its vectors come from."""

    stamp: tuple[str, int]
    model: LibraryModel
    index: VectorIndex
    folder: IndexFolder

    @property
    def reference(self) -> Reference | None:
        """Sounds of the world as vectors of the library's model, where there are any of it."""
        return find_reference(self.model.hash)

    @cached_property
    def background(self) -> npt.NDArray[np.float32]:
        """The scores that different sounds of the library have by chance, ascending."""
        return self.index.compute_background(np.random.default_rng(BACKGROUND_SEED))

    @cached_property
    def random_vectors(self) -> npt.NDArray[np.float32]:
        """Vectors of some segments drawn at random `(n_segments, n)`, the same each time."""
        audible = np.flatnonzero(~self.index.silent)
        generator = np.random.default_rng(BACKGROUND_SEED)
        drawn = generator.choice(audible, min(N_RANDOM, len(audible)), replace=False)
        return self.index.read(np.sort(drawn))

    @cached_property
    def usual_score(self) -> float:
        """The score from which a hit is one, and not what chance finds; see `verdict`.

        Among a million segments it takes half a second, so it is noted beside a saved index.
        """
        reference = self.reference
        percent = None if reference is None else reference.chance_percent
        origin = {"identity": self.stamp[0], "model": self.model.hash, "chance_percent": percent}
        notes, n_segments = self.folder.read_notes(), len(self.index)
        if origin.items() <= notes.items():
            n_noted, noted = notes["n_segments"], notes["usual_score"]
            if n_segments <= NOTED_GROWTH * n_noted and n_noted <= NOTED_GROWTH * n_segments:
                return float(noted)
        generator = np.random.default_rng(BACKGROUND_SEED)
        if reference is None:
            score = compute_usual_score(self.index, generator)
        else:
            score = compute_chance_score(self.index, reference, generator)
        self.folder.write_notes(origin | {"n_segments": n_segments, "usual_score": score})
        return score

    def compute_percentile(self, score: float) -> float:
        """Place a score among those that pairs of sounds of the world have by chance, 0-100.

        Where there are no reference sounds for the model, pairs of the library's own are taken.
        """
        if self.reference is not None:
            return self.reference.compute_percentile(score)
        if not len(self.background):
            return 100.0
        place = np.searchsorted(self.background, np.float32(score))  # of its kind, else all is cast
        return 100.0 * float(place) / len(self.background)


class SharedIndex:
    """Keeps a library's index in step, and its model loaded."""

    def __init__(self, on_progress: OnProgress | None = None, *, lag_s: float = 0.0) -> None:
        """Prepare to load them; `on_progress` hears of an index that must be built first.

        With `lag_s`, an index out of step serves on while another thread brings it in step, and so
        long after the last time: a library that is being indexed changes many times a second.
        """
        self._on_progress = on_progress
        self._lag_s = lag_s
        self._lock = threading.Lock()
        self._loaded: LoadedIndex | None = None
        self._refreshed_at = 0.0
        self._embedder: tuple[str, Embedder] | None = None

    def get(self, library: Library) -> LoadedIndex:
        """Give the index, brought in step first.

        Raises
        ------
        LibraryError
            Nothing is indexed in the library.
        """
        loaded = self._loaded
        if loaded is None or loaded.stamp != library.stamp:
            loaded = self._refresh(library, loaded if self._lag_s else None)
        if not len(loaded.index):
            raise _empty(library)
        return loaded

    def refresh(self, library: Library, *, damaged: bool = False) -> LoadedIndex:
        """Bring the index in step now; build it anew where its files turned out `damaged`."""
        if damaged:
            library.discard_index()
            self._loaded = None
        return self._refresh(library, None)

    def _refresh(self, library: Library, fallback: LoadedIndex | None) -> LoadedIndex:
        if fallback is not None and time.monotonic() - self._refreshed_at < self._lag_s:
            return fallback
        if not self._lock.acquire(blocking=fallback is None):
            assert fallback is not None  # only then the lock is not waited for
            return fallback
        try:
            loaded, stamp, model = self._loaded, library.stamp, library.model
            if model is None:
                raise _empty(library)
            if loaded is None or loaded.stamp != stamp:
                folder = IndexFolder.beside(library.path)
                index = library.open_index(self._on_progress).index
                loaded = self._loaded = LoadedIndex(stamp, model, index, folder)
                self._refreshed_at = time.monotonic()
            return loaded
        finally:
            self._lock.release()

    def get_embedder(self, library: Library, model: LibraryModel) -> Embedder:
        """Load the model that a library was made with, once.

        Raises
        ------
        SoundkinError
            It is not to be found, or it is another by now.
        """
        with self._lock:
            if self._embedder is None or self._embedder[0] != model.hash:
                model_file = find_trusted_model(model)
                library.check_model(model_file.name, model_file.hash)
                self._embedder = model.hash, Embedder.load(model_file, measures=False)
            return self._embedder[1]


def _empty(library: Library) -> LibraryError:
    return LibraryError(f"{library.name}: it is empty; run: soundkin index FOLDER")
