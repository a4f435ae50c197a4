"""Whether a library has anything like a query, or no more than chance finds there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from soundkin.index.vector_index import VectorIndex
from soundkin.search.reference import Reference

MANY = 5
FAR_PERCENT = 10.0  # so many of a library's own sounds have no nearer kin than `usual_score`
N_SAMPLED = 128
N_REFERENCE = 256
N_NEAREST = 5
COPY_SCORE = 0.99  # a copy tells nothing about how near other sounds are
NOWHERE = -1.0  # of no hits at all


@dataclass(frozen=True)
class Verdict:
    """How well a library answers a query.

    `word` is `many`, `some` or `none`: how many of the hits have at least a score of
    `usual_score`, which few sounds of the world find in this library by chance; for a model
    without reference sounds, which nine in ten of the library's own sounds have with their nearest;
    what is the very sound is good whatever its score. `n_good` counts them; `best_score` is the
    highest.
    """

    word: str
    n_good: int
    best_score: float
    usual_score: float


def judge_scores(scores: Sequence[float], usual_score: float, n_same: int = 0) -> Verdict:
    """Judge the hits of a query by their scores; the first `n_same` are the very sound."""
    n_good = n_same + sum(score >= usual_score for score in scores[n_same:])
    word = "none" if not n_good else "many" if n_good >= MANY else "some"
    return Verdict(word, n_good, max(scores, default=NOWHERE), usual_score)


def compute_chance_score(
    index: VectorIndex, reference: Reference, generator: np.random.Generator
) -> float:
    """Compute the score that `chance_percent` of the sounds of the world do not find in a library.

    Some of the reference sounds are searched for. More recordings, longer ones and
    more kinds of sound bring the nearest closer by chance, and so ask for more of a hit; that the
    library's sounds are alike among themselves does not. It is what the E-value is to searches for
    sequences (Karlin & Altschul 1990), counted instead of modelled.
    """
    n_sounds = len(reference.vectors)
    drawn = generator.choice(n_sounds, min(N_REFERENCE, n_sounds), replace=False)
    found = index.search_many(reference.vectors[np.sort(drawn)], 1)
    best = [float(neighbours.scores[0]) for neighbours in found if len(neighbours.scores)]
    return float(np.percentile(best, reference.chance_percent)) if best else NOWHERE


def compute_usual_score(index: VectorIndex, generator: np.random.Generator) -> float:
    """Compute the score that nine in ten of a library's sounds have with their nearest other one.

    It is -1 where there are no two sounds to compare.
    """
    places = np.arange(len(index.content_ids))
    if len(places) > N_SAMPLED:
        places = np.sort(generator.choice(places, N_SAMPLED, replace=False))
    means = index.average(places)
    is_audible = means.any(axis=1)
    nearest = []
    found = index.search_many(means[is_audible], N_NEAREST + 1)
    for place, neighbours in zip(places[is_audible], found, strict=True):
        others = neighbours.scores[neighbours.content_ids != index.content_ids[place]]
        different = others[others < COPY_SCORE]
        if len(others):
            nearest.append(float(different[0] if len(different) else others[-1]))
    return float(np.percentile(nearest, FAR_PERCENT)) if nearest else NOWHERE
