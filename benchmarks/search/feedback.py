"""How much thumbs up and down help, and by which method: feedback simulated by labels.

    python -m benchmarks.search.feedback LABELS.csv... [--model kin] [--queries 400]

Each clip is a query. Ten hits are shown, those of its label are liked and the others disliked, and
what was not shown yet is ranked anew: three rounds. After each, average precision and precision at
10 of all that was not shown; a clip counts by its class (macro averages).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from benchmarks.harness.commands import print_table
from soundkin.embedding.model import find_model
from soundkin.embedding.pool import WorkerPool
from soundkin.evaluation.metrics import compute_average_precision, compute_precision_at
from soundkin.evaluation.retrieval import LabelledSet, load_labelled_set
from soundkin.search.feedback import N_RANDOM, RelevanceFeedback

SHOWN = 10
ROUNDS = 3
RIDGE = 0.1

Vectors = npt.NDArray[np.float32]
Score = Callable[[Vectors, Vectors, Vectors, Vectors], Vectors]


def keep_query(query: Vectors, liked: Vectors, disliked: Vectors, library: Vectors) -> Vectors:
    """Rank as before."""
    return library @ query


def rocchio(alpha: float, beta: float, gamma: float) -> Score:
    """Make Rocchio's method with its three weights."""

    def score(query: Vectors, liked: Vectors, disliked: Vectors, library: Vectors) -> Vectors:
        moved = alpha * query
        if len(liked):
            moved = moved + beta * liked.mean(axis=0)
        if len(disliked):
            moved = moved - gamma * disliked.mean(axis=0)
        return library @ moved

    return score


def search_by_taste(query: Vectors, liked: Vectors, disliked: Vectors, library: Vectors) -> Vectors:
    """Do what `Searcher.search` does."""
    return RelevanceFeedback.learn(query, liked, disliked, _draw(library)).score(library)


def fit_logistic(query: Vectors, liked: Vectors, disliked: Vectors, library: Vectors) -> Vectors:
    """Score along the direction that a logistic regression finds."""
    return library @ RelevanceFeedback.learn(query, liked, disliked, _draw(library)).direction


def take_nearest(query: Vectors, liked: Vectors, disliked: Vectors, library: Vectors) -> Vectors:
    """Score by the nearest of the query and what was liked."""
    return (library @ np.vstack([query[None], liked]).T).max(axis=1)


def nearest_minus_nearest(
    query: Vectors, liked: Vectors, disliked: Vectors, library: Vectors
) -> Vectors:
    """Score by the nearest liked, less half the nearest disliked."""
    scores = take_nearest(query, liked, disliked, library)
    if len(disliked):
        scores = scores - 0.5 * (library @ disliked.T).max(axis=1)
    return scores


def _draw(library: Vectors) -> Vectors:
    generator = np.random.default_rng(0)
    return library[generator.choice(len(library), min(N_RANDOM, len(library)), replace=False)]


def _gather(
    query: Vectors, liked: Vectors, disliked: Vectors, library: Vectors
) -> tuple[Vectors, npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Gather examples, targets (1 or -1) and weights; random sounds are weak negatives."""
    drawn = _draw(library)
    examples = np.vstack([query[None], liked, disliked, drawn])
    n_positive = 1 + len(liked)
    targets = np.where(np.arange(len(examples)) < n_positive, 1.0, -1.0)
    weights = np.concatenate(
        [
            np.full(n_positive, 1 / n_positive),
            np.full(len(disliked), 0.5 / max(1, len(disliked))),
            np.full(len(drawn), 0.5 / len(drawn)),
        ]
    )
    return examples, targets, weights


def fit_ridge(query: Vectors, liked: Vectors, disliked: Vectors, library: Vectors) -> Vectors:
    """Score by least squares on examples and random negatives, classes weighing the same."""
    examples, targets, weights = _gather(query, liked, disliked, library)
    centred = examples - weights @ examples / weights.sum()
    gram = (centred * weights[:, None]).T @ centred + RIDGE / 10 * np.eye(examples.shape[1])
    return library @ np.linalg.solve(gram, centred.T @ (weights * targets)).astype(np.float32)


def fit_lda(query: Vectors, liked: Vectors, disliked: Vectors, library: Vectors) -> Vectors:
    """Score along the difference of means, whitened by the library's covariance."""
    positive = np.vstack([query[None], liked]).mean(axis=0)
    negative = library.mean(axis=0)
    if len(disliked):
        negative = (negative + disliked.mean(axis=0)) / 2
    covariance = np.cov(library.T)
    covariance += RIDGE * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    return library @ np.linalg.solve(covariance, positive - negative).astype(np.float32)


METHODS: dict[str, Score] = {
    "no feedback": keep_query,
    "Rocchio 1, .75, .15": rocchio(1, 0.75, 0.15),
    "Rocchio 1, .75, .25": rocchio(1, 0.75, 0.25),
    "Rocchio 1, 1, 1": rocchio(1, 1, 1),
    "nearest liked": take_nearest,
    "nearest liked - disliked": nearest_minus_nearest,
    "ridge, random negatives": fit_ridge,
    "logistic, random negatives": fit_logistic,
    "logistic + nearest (shipped)": search_by_taste,
    "LDA, library covariance": fit_lda,
}


def embed(labelled: LabelledSet, model: str) -> Vectors:
    """Embed every clip: the normalised mean of its segments' vectors."""
    with WorkerPool(find_model(model)) as pool:
        found = [future.result() for future in [pool.submit(path) for path in labelled.paths]]
    means = np.stack([embeddings.vectors.mean(axis=0) for embeddings in found])
    return means / np.linalg.norm(means, axis=1, keepdims=True)


def simulate(
    vectors: Vectors, labelled: LabelledSet, score: Score, queries: npt.NDArray[np.int64]
) -> list[tuple[float, float]]:
    """Run all rounds of all queries; (mAP, P@10) of the rest after each number of rounds."""
    classes = np.unique(labelled.labels, return_inverse=True)[1]
    groups = np.array(labelled.groups)
    by_round: list[dict[int, list[tuple[float, float]]]] = [{} for _ in range(ROUNDS + 1)]
    for place in queries.tolist():
        counts = np.arange(len(vectors)) != place
        if groups[place]:
            counts &= groups != groups[place]
        relevant = classes == classes[place]
        scores = vectors @ vectors[place]
        marked = np.zeros(0, np.int64)
        for number in range(ROUNDS + 1):
            if number:
                liked, disliked = marked[relevant[marked]], marked[~relevant[marked]]
                scores = score(vectors[place], vectors[liked], vectors[disliked], vectors)
            left = counts.copy()
            left[marked] = False
            order = np.argsort(-np.where(left, scores, -np.inf), kind="stable")[: left.sum()]
            found = relevant[order][None]
            if not found.any():
                break
            average = compute_average_precision(found, found.sum(axis=1))[0]
            own = by_round[number].setdefault(int(classes[place]), [])
            own.append((float(average), float(compute_precision_at(found, SHOWN)[0])))
            marked = np.concatenate([marked, order[:SHOWN]])
    macro = [np.mean([np.mean(own, axis=0) for own in r.values()], axis=0) for r in by_round]
    return [(float(values[0]), float(values[1])) for values in macro]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("manifests", nargs="+")
    parser.add_argument("--model", default="kin")
    parser.add_argument("--queries", type=int, default=400)
    arguments = parser.parse_args()
    for manifest in arguments.manifests:
        labelled = load_labelled_set(manifest)
        vectors = embed(labelled, arguments.model)
        generator = np.random.default_rng(0)
        n_queries = min(arguments.queries, len(vectors))
        queries = np.sort(generator.choice(len(vectors), n_queries, replace=False))
        print(f"\n{labelled.name}, {n_queries} queries: mAP / P@10 of what was not shown yet\n")
        rows = []
        for name, score in METHODS.items():
            cells = [f"{a:.3f} / {p:.3f}" for a, p in simulate(vectors, labelled, score, queries)]
            rows.append([name, *cells])
        print_table(["method", "before", "1 round", "2 rounds", "3 rounds"], rows)


if __name__ == "__main__":
    main()
