"""Recordings that are searched together, and what a sound stands out from in them.

A model's vector of a call in rain is for the most part one of rain. So nothing is compared as it
is: the mean vector of the scene is taken off, and what is left is whitened by the scene's own
covariance, in which rain, wind and whatever else is always there count little. What is sought is
laid over stretches of the scene itself at several levels, embedded, and treated alike. The score is
the cosine similarity of the two then: the adaptive coherence estimator (S. Kraut, L. Scharf and
L. McWhorter, "Adaptive Subspace Detectors", IEEE Transactions on Signal Processing 49, 2001). Its
scores for whatever else lie around 0 in the same way in every scene, so that a bound holds in all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from soundkin.audio.read import read_audio
from soundkin.embedding.embedder import Embedder
from soundkin.errors import AudioError
from soundkin.index.silence import find_silent
from soundkin.library.records import Recording
from soundkin.search.finding.edges import Spectrum
from soundkin.search.finding.templates import Background, Example, embed_over, embed_segments

N_STRETCHES = 4
QUIET_SHARE = 0.25
DRY_SHARE = 0.1  # so many silent segments, and what is between events is silence
PRIOR_SEGMENTS = 64  # that a scene's mean and covariance count like, being none and the identity
RIDGE = 0.1  # of the mean variance
OWN_SCORE = 0.5  # what scores so is taken to be what is sought, and no background
SILENT_FLOOR_DB = -60.0
BLOCK_ROWS = 1 << 16
UNSCORED = -1.0

Vectors = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Source:
    """A recording to search, with its segments' vectors `(n_segments, n)` and levels.

    `starts_s` `(n_segments,)` is where they start, `length_s` how long one lasts. `path` has its
    audio.
    """

    recording: Recording
    vectors: npt.NDArray[np.floating]
    levels_db: npt.NDArray[np.floating]
    path: str
    starts_s: npt.NDArray[np.float64]
    length_s: float

    @cached_property
    def silent(self) -> npt.NDArray[np.bool_]:
        """Which segments hold nothing to hear."""
        return find_silent(self.levels_db)

    @property
    def slow(self) -> float:
        """How many times slower than it is it is heard."""
        return self.recording.slow


@dataclass(frozen=True)
class Whitening:
    """What takes a scene's mean off vectors, and brings its covariance to the identity."""

    mean: Vectors
    matrix: Vectors

    @classmethod
    def fit(cls, blocks: Iterable[Vectors], size: int) -> Whitening:
        """Fit it to unit vectors."""
        n_vectors = PRIOR_SEGMENTS
        total, products = np.zeros(size), np.zeros((size, size))
        for block in blocks:
            n_vectors += len(block)
            total += block.sum(axis=0)
            products += block.T @ block
        mean = total / n_vectors
        products += PRIOR_SEGMENTS / size * np.eye(size)
        covariance = products / n_vectors - np.outer(mean, mean)
        ridge = RIDGE * np.trace(covariance) / size
        variances, axes = np.linalg.eigh(covariance + ridge * np.eye(size))
        matrix = (axes / np.sqrt(variances)) @ axes.T
        return cls(mean.astype(np.float32), matrix.astype(np.float32))

    def apply(self, vectors: Vectors, origin: Vectors | None = None) -> Vectors:
        """Whiten vectors `(m, n)` as seen from an origin, else from the mean; norm 1 each."""
        seen = (vectors - (self.mean if origin is None else origin)) @ self.matrix
        norms = np.linalg.norm(seen, axis=1, keepdims=True)
        return np.asarray(seen / np.maximum(norms, 1e-9), np.float32)


class Scene:
    """Some recordings with the background that they share; one of its own, for a long recording."""

    def __init__(self, sources: Sequence[Source], embedder: Embedder, *, has_floor: bool) -> None:
        """Prepare to search `sources`; with `has_floor`, the first has a background to take."""
        self.sources = sources
        self.embedder = embedder
        self._has_floor = has_floor
        self._embedded: dict[int, tuple[Vectors, Vectors | None]] = {}
        self._whitening = self._fit(None)

    @cached_property
    def background(self) -> Background:
        """Where nothing stands out: drawn, always alike, from its quietest quarter."""
        source, segments = self.sources[0], self.embedder.model.segments
        audible = np.flatnonzero(~source.silent)
        is_dry = len(audible) < (1 - DRY_SHARE) * len(source.levels_db)
        if not self._has_floor or is_dry or not len(audible):
            return Background((), SILENT_FLOOR_DB)
        quiet = audible[np.argsort(source.levels_db[audible], kind="stable")]
        quiet = quiet[: max(1, round(QUIET_SHARE * len(quiet)))]
        drawn = np.random.default_rng(0).choice(quiet, min(N_STRETCHES, len(quiet)), replace=False)
        stretches = []
        rate = round(source.slow * segments.sample_rate)
        for start_s in source.starts_s[np.sort(drawn)].tolist():
            try:
                stretch = read_audio(source.path, rate, start_s, start_s + source.length_s)
            except AudioError:  # it is gone, or damaged there
                continue
            if len(stretch) == segments.segment_length:
                stretches.append(stretch)
        if not stretches:
            return Background((), SILENT_FLOOR_DB)
        power = np.mean([np.square(one, dtype=np.float64).mean() for one in stretches])
        return Background(tuple(stretches), float(10 * np.log10(power + 1e-14)))

    @cached_property
    def origin(self) -> Vectors | None:
        """The vector of its background, `(n,)`, if it has one."""
        stretches = self.background.stretches
        return embed_segments(stretches, self.embedder).mean(axis=0) if stretches else None

    @cached_property
    def floor(self) -> Spectrum | None:
        """The spectrum of its background, if it has one."""
        stretches = self.background.stretches
        if not stretches:
            return None
        return Spectrum.of(np.concatenate(stretches), self.embedder.model.segments.sample_rate)

    def score(self, examples: Sequence[Example], disliked: Sequence[Example]) -> list[Scores]:
        """Score every segment of each source by the nearest example.

        Where a disliked one is as near, the score is below 0, by how much nearer that is. Silent
        segments have -1.
        """
        scores = self._score_all(examples, disliked)
        is_own = [score >= OWN_SCORE for score in scores]
        if any(own.any() for own in is_own):
            self._whitening = self._fit(is_own)
            scores = self._score_all(examples, disliked)
        return scores

    def score_vectors(
        self,
        vectors: Vectors,
        examples: Sequence[Example],
        disliked: Sequence[Example],
        origin: Vectors | None = None,
    ) -> Scores:
        """Score vectors `(m, n)` as `score` does, as seen from an origin, else from the mean."""
        seen = self._whitening.apply(vectors, origin)
        scores = (seen @ self._whiten_examples(examples).T).max(axis=1)
        if disliked:
            away = (seen @ self._whiten_examples(disliked).T).max(axis=1)
            scores = np.where(away >= scores, scores - away, scores)
        return np.asarray(scores, np.float32)

    def _score_all(self, examples: Sequence[Example], disliked: Sequence[Example]) -> list[Scores]:
        found = []
        for source in self.sources:
            blocks = range(0, len(source.vectors), BLOCK_ROWS)
            parts = [source.vectors[b : b + BLOCK_ROWS].astype(np.float32) for b in blocks]
            scores = [self.score_vectors(part, examples, disliked) for part in parts]
            found.append(np.where(source.silent, np.float32(UNSCORED), np.concatenate(scores)))
        return found

    def _whiten_examples(self, examples: Sequence[Example]) -> Vectors:
        return np.concatenate([self._whiten_example(example) for example in examples])

    def _whiten_example(self, example: Example) -> Vectors:
        if id(example) not in self._embedded:
            self._embedded[id(example)] = self._embed(example)
        return self._whitening.apply(*self._embedded[id(example)])

    def _embed(self, example: Example) -> tuple[Vectors, Vectors | None]:
        """Embed an example over the background; without one also as short sounds are indexed."""
        if not example.pieces:
            return example.vectors, None
        vectors = embed_over(example, self.background, self.embedder)
        if self.origin is None:
            vectors = np.concatenate([vectors, example.vectors])
        return vectors, self.origin

    def _fit(self, left_out: Sequence[npt.NDArray[np.bool_]] | None) -> Whitening:
        """Fit the whitening to what is audible, and not left out."""
        size = self.sources[0].vectors.shape[1]

        def list_blocks() -> Iterable[Vectors]:
            for number, source in enumerate(self.sources):
                kept = ~source.silent
                if left_out is not None:
                    kept = kept & ~left_out[number]
                for start in range(0, len(kept), BLOCK_ROWS):
                    part = slice(start, start + BLOCK_ROWS)
                    yield source.vectors[part][kept[part]].astype(np.float32)

        return Whitening.fit(list_blocks(), size)
