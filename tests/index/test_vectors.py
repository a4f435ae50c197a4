"""What an index computes of its vectors."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from soundkin.index.unit_vectors import average_vectors
from soundkin.index.vector_index import DamagedIndexError, VectorIndex
from vector_indexes import draw_vectors, make_plain_index


def test_the_background_pairs_only_different_recordings() -> None:
    vector = np.eye(2, 128, dtype=np.float16)
    index = VectorIndex.build(
        [(1, vector[[0, 0, 0]], np.zeros(3, bool)), (2, vector[[1]], np.zeros(1, bool))]
    )
    assert index.compute_background(np.random.default_rng(0)).tolist() == [0, 0, 0]


@pytest.fixture
def index() -> VectorIndex:
    """Give forty contents of one to three hundred segments, the third of them silent."""
    generator = np.random.default_rng(1)
    lengths = [300, *generator.integers(1, 200, size=39).tolist()]
    vectors = draw_vectors("random", sum(lengths), 128, generator)
    is_silent = generator.random(len(vectors)) < 0.2
    is_silent[sum(lengths[:2]) : sum(lengths[:3])] = True
    return make_plain_index(vectors, lengths, is_silent)


def test_contents_are_averaged_in_any_order_as_one_by_one(
    index: VectorIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soundkin.index.exact.BLOCK_FLOATS", 128 * 500)  # several blocks
    places = np.array([7, 0, 1, 2, 3, 4, 4, 39, 38, 5, *range(6, 30)])
    means = index.average(places)
    for place, mean in zip(places.tolist(), means, strict=True):
        rows = np.arange(index.offsets[place], index.offsets[place + 1])
        alone = average_vectors(index.read(rows[~index.silent[rows]]))
        assert np.array_equal(mean, np.zeros(128) if alone is None else alone)
        assert (alone is None) == (place == 2)
    assert index.average(places[:0]).shape == (0, 128)


def test_a_mean_is_of_norm_1_or_there_is_none() -> None:
    vectors = draw_vectors("random", 9, 16, np.random.default_rng(2)).astype(np.float32)
    mean = average_vectors(vectors)
    assert mean is not None
    assert mean.dtype == np.float32
    expected = vectors.mean(axis=0, dtype=np.float64)
    np.testing.assert_allclose(mean, expected / np.linalg.norm(expected), rtol=0, atol=1e-7)
    assert average_vectors(vectors[:0]) is None
    assert average_vectors(np.concatenate([vectors, -vectors])) is None


def test_no_mean_is_made_of_a_changed_vector(index: VectorIndex) -> None:
    vectors = index.vectors[:].copy()
    vectors.view(np.uint16)[3, 5] ^= 1 << 3
    damaged = dataclasses.replace(index, vectors=vectors)
    damaged.average(np.arange(1, 40))
    with pytest.raises(DamagedIndexError):
        damaged.average(np.arange(40))
