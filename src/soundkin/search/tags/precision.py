"""How often a vote for a tag is right among what a library has no tags for.

Three kinds of votes have a known outcome: on a tagged recording by the others; on a tagged
recording by those that share no tag with it, as if its kind had no tag: always wrong; and on sounds
of the world: taken for wrong. A logistic regression tells right from wrong by the evidence. How
much of each kind the untagged recordings are is found by expectation maximisation, from how their
evidence is distributed (the class priors of Saerens, Latinne & Decaestecker 2002, with kinds of
votes for classes), and the precision is what it is in that mixture. So where most of a library is
of no tagged kind, next to nothing is suggested, and where all is, the votes are trusted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from soundkin.search.logistic import compute_share, fit_logistic
from soundkin.search.tags.votes import N_EVIDENCE, Vote, Voters

BLOCK = 1024
EDGES = np.arange(-8.0, 8.5)  # logits between which votes count as equally clear
N_ROUNDS = 200
PENALTY = 0.01
N_STEPS = 20
UNSEEN = 2.0  # tagged recordings that are counted as wrong beside those there are

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Outcomes:
    """Votes of one kind, their evidence `(n_votes, n)`, and which were right."""

    evidence: Floats
    is_right: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class TagPrecision:
    """Tells the precision of a vote: a logistic curve over its evidence, lowered by `trust`.

    Few tagged recordings, or few kinds that were left out to see what happens, tell little of what
    else there may be: of sounds of no tagged kind, Jeffreys' share of what was seen in none of so
    many kinds is taken to be as near as any.
    """

    direction: Floats
    curve: Floats
    trust: float

    @classmethod
    def measure(cls, voters: Voters, votes: Sequence[Vote]) -> TagPrecision:
        """Measure it for `votes` on untagged recordings."""
        kinds = [kind for kind in _gather_outcomes(voters) if len(kind.is_right)]
        evidence = np.vstack([kind.evidence for kind in kinds])
        is_right = np.concatenate([kind.is_right for kind in kinds])
        even = _weigh(kinds, np.ones(len(kinds)) / len(kinds))
        direction = _fit(evidence, is_right, even)
        margins = [_append_one(kind.evidence) @ direction for kind in kinds]
        asked = _append_one(_stack(votes)) @ direction
        shares = _mix(margins, asked)
        curve = _fit(np.concatenate(margins)[:, None], is_right, _weigh(kinds, shares))
        n_tags, n_voters = len(voters.tags), len(voters.recordings)
        strange = (1 - float(shares[0])) * 0.5 / (n_tags + 1)
        return cls(direction, curve, (1 - strange) * n_voters / (n_voters + UNSEEN))

    def estimate(self, votes: Sequence[Vote]) -> Floats:
        """Tell how likely each vote is right, 0-1."""
        margins = _append_one(_stack(votes)) @ self.direction
        return self.trust * compute_share(_append_one(margins[:, None]) @ self.curve)


def _gather_outcomes(voters: Voters) -> list[Outcomes]:
    """Vote on what is known: as if it had no tags, as if its tags were not known, the world."""
    hidden: list[Outcomes] = []
    unknown: list[Outcomes] = []
    for start in range(0, len(voters.recordings), BLOCK):
        part = slice(start, start + BLOCK)
        vectors = voters.vectors[part]
        votes = voters.vote(vectors)
        known = [vote.tag in voters.recordings[start + vote.sound].tags for vote in votes]
        hidden.append(Outcomes(_stack(votes), np.array(known, bool)))
        unknown.append(_take_for_wrong(voters.vote(vectors, voters.find_kin(part))))
    world = [
        _take_for_wrong(voters.vote(voters.reference[start : start + BLOCK]))
        for start in range(0, len(voters.reference), BLOCK)
    ]
    return [_join(kind) for kind in (hidden, unknown, world) if kind]


def _take_for_wrong(votes: Sequence[Vote]) -> Outcomes:
    return Outcomes(_stack(votes), np.zeros(len(votes), bool))


def _join(parts: Sequence[Outcomes]) -> Outcomes:
    evidence = np.vstack([part.evidence for part in parts])
    return Outcomes(evidence, np.concatenate([part.is_right for part in parts]))


def _mix(margins: Sequence[Floats], asked: Floats) -> Floats:
    """Find how much of each kind of votes is in those asked about, by their margins."""
    bins = np.searchsorted(EDGES, asked)
    n_bins = len(EDGES) + 1
    densities = np.stack(
        [
            (np.bincount(np.searchsorted(EDGES, kind), minlength=n_bins) + 1 / n_bins)
            / (len(kind) + 1)
            for kind in margins
        ],
        axis=1,
    )[bins]
    shares = np.ones(len(margins)) / len(margins)
    for _ in range(N_ROUNDS):
        parts = densities * shares
        shares = (parts / parts.sum(axis=1, keepdims=True)).mean(axis=0)
    return np.asarray(shares)


def _weigh(kinds: Sequence[Outcomes], shares: Floats) -> Floats:
    """Weigh each vote so that its kind has its share, and all together as many as the first has."""
    total = len(kinds[0].is_right)
    sizes = [len(kind.is_right) for kind in kinds]
    parts = [np.full(size, total * share / size) for size, share in zip(sizes, shares, strict=True)]
    return np.concatenate(parts)


def _fit(examples: Floats, is_right: npt.NDArray[np.bool_], weights: Floats) -> Floats:
    examples = _append_one(examples)
    return fit_logistic(examples, is_right, weights, penalty=PENALTY, n_steps=N_STEPS)


def _append_one(values: Floats) -> Floats:
    return np.hstack([values, np.ones((len(values), 1))])


def _stack(votes: Sequence[Vote]) -> Floats:
    return np.array([vote.evidence for vote in votes], np.float64).reshape(-1, N_EVIDENCE)
