"""The index that lies with a Lance table: filed by soundkin, kept and searched by Lance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from soundkin.library.lance.ivf_rq import COLUMN, NAME, LanceIvfRq, LanceVectors, renew_index
from soundkin.library.lance.tables import OPTIONS, Tables

lance = pytest.importorskip("lance", reason="needs: pip install 'soundkin[cluster]'")
SIZE = 32


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    """Give a table of 6,000 vectors that lie in sixty heaps."""
    generator = np.random.default_rng(0)
    heaps = generator.standard_normal((60, SIZE))
    vectors = np.repeat(heaps, 100, axis=0) + 0.3 * generator.standard_normal((6000, SIZE))
    lance.write_dataset(make_rows(vectors), tmp_path / "segments.lance", **OPTIONS)
    return Tables(str(tmp_path))


def make_rows(vectors: np.ndarray) -> pa.Table:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    values = pa.array(unit.astype(np.float16).ravel())
    return pa.table({COLUMN: pa.FixedSizeListArray.from_arrays(values, SIZE)})


def renew(tables: Tables) -> set[str]:
    """Bring the index up to date; returns what it was said to do."""
    said: list[str] = []
    renew_index(tables, "segments", "lists", lambda what, n_done, n_rows: said.append(what))
    assert tables.open("segments").stats.index_stats(NAME)["num_unindexed_rows"] == 0
    return set(said)


def test_its_lists_are_as_many_as_so_many_vectors_need(tables: Tables) -> None:
    assert renew(tables) == {"Building the index"}
    dataset = tables.open("segments")
    vectors = LanceVectors(dataset, np.array([1]), np.array([0, 6000]), SIZE)
    assert LanceIvfRq(dataset, vectors).n_lists > 100


def test_a_little_extends_the_index_and_much_makes_it_anew(tables: Tables) -> None:
    renew(tables)
    assert renew(tables) == set()
    generator = np.random.default_rng(1)
    path = Path(tables.uri) / "segments.lance"
    for count, expected in ((60, "Extending the index"), (600, "Building the index")):
        lance.write_dataset(
            make_rows(generator.standard_normal((count, SIZE))), path, mode="append"
        )
        assert renew(tables) == {expected}
