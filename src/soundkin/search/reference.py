"""Sounds of the world, as vectors of the shipped model: what scores are held against.

A library alone cannot tell what a score means: one recording has no pairs, and all hours of one
recorder are alike. These sounds are the same for every library. `python -m corpus.reference` makes
them; a model that they were not made with has none, and is judged by the library itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from soundkin.index.unit_vectors import average_runs

REFERENCE_FILE = Path(__file__).with_name("reference.npz")
STEPS = 127  # of a number of a vector, to each side of 0
RAREST = 1e-6  # of pairs
RARITIES = np.concatenate([np.linspace(1, 0.1, 91), np.geomspace(0.1, RAREST, 201)[1:]])
LEVELS = 100 * (1 - RARITIES)
BLOCK = 512

Vectors = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Reference:
    """Unit vectors of sounds that have nothing to do with a library, float32 `(n_sounds, n)`.

    Of pairs of them from different sources, `levels[i]` percent, ascending, are less alike than
    `scores[i]`. `model_hash` is that of the model whose vectors they are. `chance_percent` of them
    find nothing so near in a library as what counts there as a good hit (see `verdict`).
    """

    model_hash: str
    vectors: Vectors
    scores: Floats
    levels: Floats
    chance_percent: float

    @classmethod
    def build(
        cls,
        model_hash: str,
        vectors: Vectors,
        sources: npt.NDArray[np.int64],
        chance_percent: float,
    ) -> Reference:
        """Compare sounds `(n_sounds, n)` with all those of other sources, `(n_sounds,)`."""
        found = []
        for start in range(0, len(vectors), BLOCK):
            part = slice(start, start + BLOCK)
            is_other = sources[part, None] < sources[None]  # each pair once
            found.append((vectors[part] @ vectors.T)[is_other])
        scores = np.percentile(np.concatenate(found), LEVELS)
        return cls(model_hash, vectors, np.maximum.accumulate(scores), LEVELS, chance_percent)

    def compute_percentile(self, score: float) -> float:
        """Place a score among those of pairs of sounds from different sources, 0-100."""
        return float(np.interp(score, self.scores, self.levels, left=0.0, right=100.0))

    def save(self, path: Path) -> None:
        """Write them, each number of a vector as one byte."""
        largest = np.abs(self.vectors).max(axis=1, keepdims=True)
        codes = np.round(self.vectors / largest * STEPS).astype(np.int8)
        np.savez_compressed(
            path,
            model_hash=np.array(self.model_hash),
            codes=codes,
            scores=self.scores,
            levels=self.levels,
            chance_percent=self.chance_percent,
        )

    @classmethod
    def load(cls, path: Path) -> Reference:
        """Read what `save` wrote."""
        with np.load(path) as stored:
            codes = stored["codes"].astype(np.float32)
            vectors = average_runs(codes, np.arange(len(codes)))  # back to norm 1
            return cls(
                str(stored["model_hash"]),
                vectors,
                stored["scores"],
                stored["levels"],
                float(stored["chance_percent"]),
            )


@cache
def find_reference(model_hash: str) -> Reference | None:
    """Find the sounds to hold scores of a model against; None where there are none of it."""
    if not REFERENCE_FILE.is_file():
        return None
    reference = Reference.load(REFERENCE_FILE)
    return reference if reference.model_hash == model_hash else None
