"""A sound of several segments is held against as many of a recording's."""

import numpy as np
import pytest

from soundkin.index.passage import Passage
from soundkin.index.vector_index import VectorIndex

SIZE = 16


def make_units(n: int, seed: int) -> np.ndarray:
    drawn = np.random.default_rng(seed).standard_normal((n, SIZE))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


def average(vectors: np.ndarray, weights: np.ndarray) -> np.ndarray:
    mean = weights @ vectors
    return (mean / np.linalg.norm(mean)).astype(np.float32)


def build(contents: list[np.ndarray]) -> VectorIndex:
    halves = [vectors.astype(np.float16) for vectors in contents]
    return VectorIndex.build(
        (number, vectors, np.zeros(len(vectors), np.bool_))
        for number, vectors in enumerate(halves, 1)
    )


def test_the_own_recording_is_before_a_segment_that_is_like_the_mean() -> None:
    own = make_units(4, 0)
    weights = np.array([1, 0.5, 0.8, 0.2], np.float32)
    mean = average(own, weights)
    index = build([average(mean[None] + 0.1 * make_units(1, 9), np.ones(1))[None], own])
    assert index.search(mean, 1).content_ids.tolist() == [1]  # a single segment is nearer
    found = index.search(mean, 2, passage=Passage.cut(weights))
    assert found.content_ids.tolist() == [2, 1]
    assert found.scores[0] == pytest.approx(1, abs=1e-3)
    assert (found.segments[0], found.counts[0]) == (0, 4)


@pytest.mark.parametrize("place", [0, 7, 36])
def test_it_is_found_where_it_lies_in_a_long_recording(place: int) -> None:
    own, weights = make_units(4, 0), np.array([0.3, 0, 1, 0.9], np.float32)
    long = make_units(40, 1)
    long[place : place + 4] = own
    index = build([make_units(6, 2), long])
    query, passage = average(own, weights), Passage.cut(weights)
    found = index.search(query, 1, passage=passage)
    assert (found.content_ids[0], found.segments[0], found.counts[0]) == (2, place, 4)
    assert found.scores[0] == pytest.approx(1, abs=1e-3)
    many = index.search_many(query[None], 1, passages=[passage])[0]
    assert many.segments[0] == place
    several = index.search(query, 1, passage=passage, per_content=5, min_gap=2)
    assert several.segments[0] == place
    assert min(np.diff(np.sort(several.segments))) >= 5


def test_a_shorter_recording_is_held_against_its_part_of_the_sound() -> None:
    own, weights = make_units(5, 0), np.array([0.1, 1, 1, 0.1, 0.1], np.float32)
    index = build([own[1:3], make_units(8, 3)])
    found = index.search(average(own, weights), 1, passage=Passage.cut(weights))
    assert (found.content_ids[0], found.counts[0], found.skipped[0]) == (1, 2, 1)
    assert found.scores[0] > 0.95
