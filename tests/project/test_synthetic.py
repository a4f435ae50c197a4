"""Synthetic libraries of the benchmarks: true ones, of vectors like those they are made from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.harness.synthetic_library import RUN, SHARE, main, measure_spread, resample
from conftest import Soundkin
from soundkin.library.library import Library

SIZE = 32
N_SEGMENTS = 250


def make_vectors(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Make recordings of three segments, in pairs that are alike."""
    sounds = np.repeat(generator.standard_normal((100, 1, SIZE)), 2, axis=0)
    vectors = (sounds + 0.2 * generator.standard_normal((200, 3, SIZE))).reshape(-1, SIZE)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32), np.arange(0, len(vectors) + 1, 3)


def test_copies_lie_from_their_originals_as_neighbours_do() -> None:
    vectors, offsets = make_vectors(np.random.default_rng(0))
    blocks = list(resample(vectors, offsets, 90_001, np.random.default_rng(1)))
    drawn = np.concatenate(blocks).astype(np.float32)
    assert [len(block) for block in blocks] == [40_000, 40_000, 10_001]
    np.testing.assert_allclose(np.linalg.norm(drawn, axis=1), 1, atol=2e-3)
    nearest = 1 - (drawn[:500] @ vectors.T).max(axis=1)
    usual = np.square(measure_spread(vectors, offsets).sizes) / 2 / SHARE
    assert np.median(nearest) == pytest.approx(SHARE * np.median(usual), rel=0.15)


def test_the_same_seed_draws_the_same() -> None:
    vectors, offsets = make_vectors(np.random.default_rng(0))
    one, same, other = (
        next(resample(vectors, offsets, 100, np.random.default_rng(seed))) for seed in (1, 1, 2)
    )
    assert (one == same).all()
    assert (one != other).any()


def test_a_synthetic_library_is_a_true_one(
    demo: Soundkin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "synthetic.sqlite"
    arguments = ["synthetic_library.py", str(demo.library), str(N_SEGMENTS), str(output)]
    monkeypatch.setattr("sys.argv", arguments)
    main()
    with Library.open(demo.library) as source, Library.open(output) as library:
        assert library.model == source.model
        counts, index = library.count(), library.open_index().index
        name = library.find_by_ending("000003.wav")[0].path
    assert (counts.n_segments, counts.n_contents) == (N_SEGMENTS, -(-N_SEGMENTS // RUN))
    assert len(index) == N_SEGMENTS
    assert not index.silent.any()
    found = Soundkin(output)("search", "000003.wav", "--top", "1")
    assert name in found.stdout
    with pytest.raises(SystemExit, match="there already"):
        main()
