"""Queries brought to vectors."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from soundkin.audio.read import convert_waveform
from soundkin.audio_facts import Facts
from soundkin.config import SegmentConfig
from soundkin.embedding.embedder import Embedder
from soundkin.embedding.segments import Embeddings, locate_in_recording
from soundkin.embedding.sound_stream import TAKE_S, read_take
from soundkin.errors import QueryError
from soundkin.library.library import Library
from soundkin.library.records import Recording
from soundkin.library.slowed import check_slow, find_slow, identify_content
from soundkin.search.query import (
    EmbeddedQuery,
    EmbeddedSound,
    Query,
    Sound,
    Vectors,
    Waveform,
    combine_vectors,
)
from soundkin.search.shared_index import LoadedIndex, SharedIndex
from soundkin.search.takes import hear_take
from soundkin.system.files import hash_file, is_unchanged
from soundkin.system.paths import locate
from soundkin.system.remote import fetch_cached, is_remote

SAME_TIME_S = 1e-5  # times are given out rounded to 1e-6


class QueryEmbedder:
    """Brings queries to vectors: from the library where they are in it, else by its model."""

    def __init__(self, library: Library, shared_index: SharedIndex, loaded: LoadedIndex) -> None:
        self._library = library
        self._shared_index = shared_index
        self._loaded = loaded

    def embed(self, query: Query | EmbeddedQuery) -> EmbeddedQuery:
        """Bring a query to one unit vector, if it is not there yet.

        Raises
        ------
        SoundkinError
            A sound cannot be read, is silent or is not to be found, or all cancel each other out.
        """
        if isinstance(query, EmbeddedQuery):
            return query
        parts = tuple(self._resolve(sound) for sound in list_sounds(query))
        vectors = [part.vector for part in parts]
        return EmbeddedQuery(combine_vectors(vectors, [part.sound.weight for part in parts]), parts)

    def embed_each(self, queries: Iterable[Query | EmbeddedQuery]) -> tuple[Vectors, list[int]]:
        """Bring queries to unit vectors `(n_queries, n)`; and the contents that they are from."""
        read = [self.embed(query) for query in queries]
        vectors = [one.vector for one in read]
        size = self._loaded.model.embedding_size
        stacked = np.stack(vectors) if vectors else np.zeros((0, size), np.float32)
        return stacked, [content_id for one in read for content_id in one.content_ids]

    def _embedder(self) -> Embedder:
        return self._shared_index.get_embedder(self._library, self._loaded.model)

    def _resolve(self, sound: Sound) -> EmbeddedSound:
        """Read one part of a query, from the library where it is there already."""
        if isinstance(sound.source, np.ndarray):
            size = self._loaded.model.embedding_size
            if sound.source.shape != (size,):
                raise QueryError(f"a vector of this library has {size} numbers")
            embeddings = Embeddings(sound.source[None], np.zeros(1, np.float32), 0.0)
            return EmbeddedSound(sound, embeddings, None, self._embedder, Facts())
        if isinstance(sound.source, Waveform):
            return self._hear_samples(replace(sound, slow=None), sound.source)
        path, recording = self._locate(sound.source)
        slow = self._find_slow(path, recording, sound)
        located = replace(sound, source=path, slow=slow)
        content_id = recording.content_id if recording else None
        if recording is not None and content_id is not None and may_be_unchanged(recording):
            stored = self._read_stored(recording, sound)
            if stored is not None:
                is_whole = not sound.start_s and sound.end_s is None
                facts = recording.facts if is_whole else None
                return EmbeddedSound(located, stored, content_id, self._embedder, facts)
        if content_id is None:
            digest = sound.digest or hash_file(fetch_cached(path))
            content_id = self._library.find_content(identify_content(digest, slow))
        embedder = self._embedder()
        if content_id is None and not sound.whole:
            samples = read_take(path, embedder.model.segments.sample_rate, slow)
            found = None if samples is None else self._choose_stroke(located, samples)
            if found is not None:
                return found
        embeddings = embedder.embed_file(path, sound.start_s, sound.end_s, slow=slow)
        return EmbeddedSound(located, embeddings, content_id, self._embedder)

    def _hear_samples(self, sound: Sound, waveform: Waveform) -> EmbeddedSound:
        """Read samples, of which a region or the loudest stroke may be meant."""
        embedder, cut = self._embedder(), waveform.cut(sound.start_s, sound.end_s)
        rate = embedder.model.segments.sample_rate
        if _is_open(sound) and len(cut) <= TAKE_S * waveform.sample_rate:
            found = self._choose_stroke(sound, convert_waveform(cut, waveform.sample_rate, rate))
            assert found is not None  # where all is open, there always is one
            return found
        embeddings = embedder.embed_waveform(cut, waveform.sample_rate)
        return EmbeddedSound(sound, embeddings, None, self._embedder)

    def _choose_stroke(self, sound: Sound, samples: Vectors) -> EmbeddedSound | None:
        """Take the loudest stroke of a take, mono samples at the model's rate.

        Or that one which the region is; None where it is another region.
        """
        embedder, slow = self._embedder(), sound.slow or 1.0
        region_s = None if _is_open(sound) else (sound.start_s, sound.end_s)
        heard = hear_take(samples, embedder.model.segments.sample_rate, slow, region_s)
        if heard is None:
            return None
        take, stretch = heard
        embeddings = embedder.embed_sound(samples, stretch)
        if take.leaves_out:
            start_s, end_s = take.heard_s
            sound = replace(sound, start_s=start_s, end_s=end_s)
        return EmbeddedSound(sound, embeddings, None, self._embedder, take=take)

    def _find_slow(self, path: str, recording: Recording | None, sound: Sound) -> float:
        """Find how many times slower a sound is heard: a recording as the library heard it."""
        if recording is not None:
            return recording.slow
        if sound.slow is not None:
            check_slow(sound.slow)
            return sound.slow
        return find_slow(path, self._library.list_slow())

    def _locate(self, source: str | os.PathLike[str] | Recording) -> tuple[str, Recording | None]:
        """Find the path of a source, and the recording that it is, if it is one."""
        if isinstance(source, Recording):
            return source.path, source
        name = os.fsdecode(source)
        if is_remote(name):
            return name, self._library.find_recording(name)
        path = locate(name)
        if Path(path).is_file():
            return path, self._library.find_recording(path)
        recording = self._library.find_recording(name) or find_by_ending(self._library, name)
        return recording.path, recording

    def _read_stored(self, recording: Recording, sound: Sound) -> Embeddings | None:
        """Read what the library has of a recording, or of a region that is some of its segments."""
        part = slice(None)
        if sound.start_s or sound.end_s is not None:
            found = _find_segments(recording, self._loaded.model.segments, sound)
            if found is None:
                return None
            part = found
        assert recording.content_id is not None  # only embedded recordings come here
        vectors, levels_db = self._library.read_vectors(recording.content_id)
        return Embeddings(
            vectors[part].astype(np.float32),
            levels_db[part].astype(np.float32),
            recording.duration_s,
            sound_s=recording.sound_s,
        )


def find_by_ending(library: Library, name: str) -> Recording:
    """Find the recording whose path ends so, any of several with the same bytes.

    Raises
    ------
    QueryError
        There is none, or several that differ.
    """
    found = library.find_by_ending(name)
    if not found:
        raise QueryError(f"{name}: no such file, nor a recording in {library.name}")
    if len({recording.content_id for recording in found}) > 1:
        examples = ", ".join(recording.path for recording in found[:3])
        raise QueryError(
            f"{name}: {len(found)} recordings end so ({examples} …); give more of the path"
        )
    return found[0]


def list_sounds(query: Query) -> list[Sound]:
    """List the parts of a query.

    Raises
    ------
    QueryError
        It has none.
    """
    if isinstance(query, Sound):
        return [query]
    if isinstance(query, str | os.PathLike | Waveform | Recording | np.ndarray):
        return [Sound(query)]
    if not query:
        raise QueryError("a query needs at least one sound")
    return list(query)


def _is_open(sound: Sound) -> bool:
    """Tell whether a sound's person has left open what of it is meant."""
    return not sound.whole and not sound.start_s and sound.end_s is None


def may_be_unchanged(recording: Recording) -> bool:
    """Tell whether a recording's file, if it is there, is still the one that was embedded."""
    path = recording.path
    return not Path(path).is_file() or is_unchanged(path, recording.size, recording.mtime_ns)


def _find_segments(recording: Recording, segments: SegmentConfig, sound: Sound) -> slice | None:
    """Tell which segments of a recording, one behind the other, a region is, if it is such.

    What the last is filled with, where the sound has ended, may belong to the region or not.
    """
    starts, length_s = locate_in_recording(recording, segments)
    first = int(np.abs(starts - sound.start_s).argmin())
    segment_s = segments.segment_s / recording.slow
    end_s = min(sound.end_s or recording.duration_s, recording.duration_s)
    is_last = (starts + length_s - SAME_TIME_S <= end_s) & (
        end_s <= starts + segment_s + SAME_TIME_S
    )
    lasts = first + np.flatnonzero(is_last[first:])
    if abs(starts[first] - sound.start_s) > SAME_TIME_S or not len(lasts):
        return None
    nearest = lasts[np.abs(starts[lasts] + length_s - end_s).argmin()]
    return slice(first, int(nearest) + 1)
