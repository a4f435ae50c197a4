"""The saved index follows its library: extended, masked, rebuilt, and never trusted."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from soundkin.config import SegmentConfig
from soundkin.index.disk import IndexFolder, Snapshot
from soundkin.index.silence import find_silent
from soundkin.index.vector_index import Neighbours, VectorIndex
from soundkin.library import index_sync
from soundkin.library.library import Library
from soundkin.library.records import Content, LibraryModel

SIZE = 32
MODEL = LibraryModel("none", "0" * 64, "none", SegmentConfig(), SIZE)


@pytest.fixture(autouse=True)
def _save_even_small_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_sync, "SAVED_ROWS", 1)


@pytest.fixture(params=["exact", "scan", "lists"])
def library(request: pytest.FixtureRequest, tmp_path: Path):
    with Library.open(tmp_path / "some.sqlite", create=True) as library:
        library.replace_model(MODEL)
        library.index_kind = request.param
        yield library


def add_contents(library: Library, count: int, generator: np.random.Generator) -> None:
    with library.transaction():
        for _ in range(count):
            number = int(generator.integers(1 << 62))
            n_segments = int(generator.integers(1, 9))
            vectors = generator.standard_normal((n_segments, SIZE))
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            levels_db = generator.uniform(-90, 0, n_segments)
            digest = number.to_bytes(32, "big")
            content = Content(digest, 1.0, 44_100, 1, "WAV", None, vectors, levels_db)
            content_id = library.add_content(content)
            library.save_recording(f"/sounds/{number}.wav", 1, 1, content_id=content_id)


def remove_some(library: Library, count: int, generator: np.random.Generator) -> None:
    ids = [recording.id for recording in library.select_recordings()]
    library.remove_recordings(generator.choice(ids, count, replace=False).tolist())


def get_folder(library: Library) -> Path:
    return Path(f"{library.path}.index")


def search(index: VectorIndex, seed: int = 0) -> list[Neighbours]:
    queries = np.random.default_rng(seed).standard_normal((8, SIZE)).astype(np.float32)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    return [index.search(query, 10, exact=True) for query in queries]


def assert_equal(found: list[Neighbours], expected: list[Neighbours]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert np.array_equal(one.content_ids, other.content_ids)
        assert np.array_equal(one.segments, other.segments)
        assert np.array_equal(one.scores, other.scores)


def build_afresh(library: Library) -> VectorIndex:
    return VectorIndex.build(
        (content_id, vectors, find_silent(levels_db))
        for content_id, vectors, levels_db in library.read_vectors_above(0)
    )


def test_adding_and_removing_in_any_order_equals_a_fresh_build(library: Library) -> None:
    generator = np.random.default_rng(1)
    add_contents(library, 300, generator)
    for _ in range(12):
        if generator.random() < 0.5:
            add_contents(library, int(generator.integers(1, 60)), generator)
        else:
            remove_some(library, int(generator.integers(1, 40)), generator)
        fresh = build_afresh(library)
        for index in (
            library.open_index().index,
            library.open_index().index,
        ):  # just made, and from its files
            assert index.kind == library.index_kind
            assert_equal(search(index), search(fresh))
            audible = int((~fresh.silent).sum())
            assert int((~index.silent).sum()) == audible
            if index.candidates is not None:
                assert len(index.candidates) >= audible
                query = fresh.vectors[np.flatnonzero(~fresh.silent)[-1]].astype(np.float32)
                best = index.search(query, 1)
                assert_equal([best], [fresh.search(query, 1)])


def test_what_is_new_is_appended_and_nothing_built_anew(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = np.random.default_rng(2)
    add_contents(library, 300, generator)
    before = library.open_index()
    assert isinstance(before, Snapshot)
    add_contents(library, 20, generator)
    remove_some(library, 5, generator)
    monkeypatch.setattr("soundkin.index.rabitq.RaBitQIndex.train", None)
    monkeypatch.setattr(index_sync._Upkeep, "build", None)
    after = library.open_index()
    assert isinstance(after, Snapshot)
    assert after.manifest.vectors == before.manifest.vectors
    assert after.manifest.projections == before.manifest.projections
    assert after.manifest.n_rows > before.manifest.n_rows
    assert_equal(search(after.index), search(build_afresh(library)))
    assert_equal(search(before.index), search(before.index))  # what was mapped is as it was


def test_late_vectors_are_saved_with_the_others_once_they_are_many(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_sync, "LATE_ROWS", 30)
    generator = np.random.default_rng(3)
    add_contents(library, 300, generator)
    before = library.open_index()
    add_contents(library, 40, generator)
    after = library.open_index()
    assert isinstance(before, Snapshot)
    assert isinstance(after, Snapshot)
    if library.index_kind != "exact":
        assert after.manifest.n_projected == len(after.index) > before.manifest.n_projected
    names = {entry.name for entry in get_folder(library).iterdir()}
    kept = {after.manifest.vectors, after.manifest.arrays, after.manifest.projections}
    assert names == {"manifest.json", "lock"} | {name for name in kept if name}


def test_an_index_that_is_mostly_gone_is_compacted(library: Library) -> None:
    generator = np.random.default_rng(4)
    add_contents(library, 200, generator)
    library.open_index()
    remove_some(library, 100, generator)
    index = library.open_index().index
    assert len(index) == library.count().n_segments
    assert_equal(search(index), search(build_afresh(library)))


def test_any_truncated_or_flipped_file_is_noticed(library: Library, tmp_path: Path) -> None:
    generator = np.random.default_rng(5)
    add_contents(library, 120, generator)
    expected = search(library.open_index().index)
    folder, copy = get_folder(library), tmp_path / "copy"
    shutil.copytree(folder, copy)
    files = sorted(entry for entry in copy.iterdir() if entry.name != "lock")
    assert len(files) == (3 if library.index_kind == "exact" else 4)
    for file in files:
        whole = file.read_bytes()
        places = generator.integers(len(whole), size=12).tolist()
        damages = [whole[:place] for place in [0, len(whole) - 1, *places[:3]]]
        for place in places:
            flipped = bytes([whole[place] ^ (1 << int(generator.integers(8)))])
            damages.append(whole[:place] + flipped + whole[place + 1 :])
        for damaged in damages:
            (folder / file.name).write_bytes(damaged)
            assert IndexFolder(folder).load() is None
        (folder / file.name).write_bytes(whole[: len(whole) // 2])
        assert_equal(search(library.open_index().index), expected)
        shutil.rmtree(folder)
        shutil.copytree(copy, folder)


def test_an_interrupted_run_leaves_the_old_index_good(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = np.random.default_rng(6)
    add_contents(library, 100, generator)
    before = library.open_index()
    add_contents(library, 30, generator)
    with monkeypatch.context() as patch:

        def die(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(IndexFolder, "commit", die)
        with pytest.raises(KeyboardInterrupt):
            library.open_index()
    left = IndexFolder(get_folder(library)).load()
    assert left is not None
    assert isinstance(before, Snapshot)
    assert left.manifest == before.manifest
    assert_equal(search(library.open_index().index), search(build_afresh(library)))


def test_another_kind_can_be_asked_for_and_left_to_soundkin_again(library: Library) -> None:
    add_contents(library, 100, np.random.default_rng(7))
    for kind in ("lists", "exact", "scan", "exact"):
        library.index_kind = kind
        assert library.open_index().index.kind == kind
        assert library.open_index().index.kind == kind
    library.index_kind = None
    assert library.open_index().index.kind == "exact"


def test_an_index_that_cannot_be_written_serves_the_process(library: Library) -> None:
    add_contents(library, 50, np.random.default_rng(8))
    get_folder(library).write_text("a file where the folder should be")
    index = library.open_index().index
    assert index.kind == library.index_kind
    assert_equal(search(index), search(build_afresh(library)))


EXTENDING = """
import sys
from soundkin.library import index_sync
from soundkin import Library
index_sync.SAVED_ROWS = 1
with Library.open(sys.argv[1]) as library:
    for _ in range(5):
        index = library.open_index().index
    print(len(index), int((~index.silent).sum()))
"""


def test_processes_that_extend_at_once_end_with_the_same(library: Library) -> None:
    generator = np.random.default_rng(9)
    add_contents(library, 200, generator)
    library.open_index()
    for _ in range(3):
        add_contents(library, 50, generator)
        remove_some(library, 10, generator)
        command = [sys.executable, "-c", EXTENDING, str(library.path)]
        processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
        answers = {process.communicate()[0] for process in processes}
        assert [process.returncode for process in processes] == [0, 0, 0]
        assert len(answers) == 1
        assert_equal(search(library.open_index().index), search(build_afresh(library)))


def test_ids_of_contents_are_given_out_once(tmp_path: Path) -> None:
    with Library.open(tmp_path / "some.sqlite", create=True) as library:
        library.replace_model(MODEL)
        generator = np.random.default_rng(10)
        add_contents(library, 3, generator)
        library.remove_recordings([recording.id for recording in library.select_recordings()])
        add_contents(library, 2, generator)
        assert library.list_content_ids().tolist() == [4, 5]
