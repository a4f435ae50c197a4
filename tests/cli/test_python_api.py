"""The Python API, as documented: open a library, index, search, embed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import soundkin
from conftest import DEMO_SOUNDS
from sounds import make_noise, make_tone, write_sound


@pytest.fixture
def library(tmp_path: Path, folder: Path) -> soundkin.Library:
    for seed in range(5):
        write_sound(folder / f"{seed}.wav", make_noise(1.5, seed))
    write_sound(folder / "tone.wav", make_tone(300, 1.5))
    library = soundkin.Library.open(tmp_path / "api.sqlite", create=True)
    assert soundkin.index_folders(library, [folder]).n_added == 6
    return library


def test_everything_public_is_there_and_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "python-api.md").read_text("utf-8")
    for name in soundkin.__all__:
        assert hasattr(soundkin, name)
        assert name == "__version__" or f"`{name}" in text, name
    with pytest.raises(AttributeError, match="nonesuch"):
        _ = soundkin.nonesuch  # type: ignore[attr-defined]


def test_an_array_a_file_and_a_region_find_the_same(
    library: soundkin.Library, folder: Path
) -> None:
    searcher = soundkin.Searcher(library)
    by_file = searcher.search(folder / "tone.wav")
    array = soundkin.Waveform(make_tone(300, 1.5), 44_100)
    by_array = searcher.search(array)
    by_region = searcher.search(soundkin.Sound(array, start_s=0.0, end_s=1.5))
    scores = {hit.recording.path: hit.score for hit in by_file}
    for found in (by_array, by_region):
        assert Path(found[0].recording.path).name == "tone.wav"
        assert {hit.recording.path: hit.score for hit in found} == pytest.approx(scores, abs=0.01)
    assert by_array[0].score == pytest.approx(by_file[0].score, abs=1e-3)


def test_a_searcher_sees_what_was_indexed_since(library: soundkin.Library, folder: Path) -> None:
    searcher = soundkin.Searcher(library)
    before = searcher.search(folder / "tone.wav", top_k=50)
    write_sound(folder / "late.wav", make_tone(310, 1.5))
    with soundkin.Library.open(library.path) as other:
        soundkin.index_folders(other, [folder])
    after = searcher.search(folder / "tone.wav", top_k=50)
    assert len(after) == len(before) + 1
    (folder / "late.wav").unlink()
    (folder / "0.wav").unlink()
    soundkin.index_folders(library)
    assert len(searcher.search(folder / "tone.wav", top_k=50)) == len(before) - 1


def test_many_queries_at_once_find_what_single_ones_find(
    library: soundkin.Library, folder: Path
) -> None:
    searcher = soundkin.Searcher(library)
    queries = [folder / "tone.wav", "2.wav", [soundkin.Sound("0.wav"), soundkin.Sound("1.wav", -1)]]
    many = searcher.search_many(queries, top_k=4)
    assert many == [searcher.search(query, top_k=4) for query in queries]
    assert searcher.search_many([]) == []
    with pytest.raises(soundkin.SoundkinError, match="no such file"):
        searcher.search_many(["2.wav", "nowhere.wav"])


def test_an_index_damaged_on_disk_is_built_anew_while_it_is_searched(
    library: soundkin.Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = soundkin.Searcher(library).search(folder / "tone.wav")
    library.index_kind = "lists"
    monkeypatch.setattr("soundkin.index.disk.EXACT_ROWS", 1)  # as in a library too large to check
    searcher = soundkin.Searcher(library)
    assert searcher.search(folder / "tone.wav") == expected
    (vectors,) = Path(f"{library.path}.index").glob("vectors-*")
    data = bytearray(vectors.read_bytes())
    data[::64] = bytes(byte ^ 4 for byte in data[::64])
    with vectors.open("r+b") as file:  # the very file that the searcher has mapped
        file.write(data)
    assert searcher.search(folder / "tone.wav") == expected
    assert soundkin.Searcher(library).search(folder / "tone.wav") == expected
    assert not vectors.exists()


def test_embedding_files_and_arrays() -> None:
    embedder = soundkin.Embedder.load("kin")
    found = embedder.embed_file(DEMO_SOUNDS / "misc_crow.flac")
    assert found.vectors.shape == (1, 128)
    table = soundkin.embed_paths([DEMO_SOUNDS / "misc_crow.flac"])
    assert np.abs(table.embedding - found.vectors).max() < 1e-5


def test_errors_share_a_root(tmp_path: Path) -> None:
    with pytest.raises(soundkin.SoundkinError):
        soundkin.Library.open(tmp_path / "none.sqlite")


def test_a_decoder_that_crashes_costs_one_file(
    library: soundkin.Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crashing = """
import os, sys
from soundkin.embedding import embedder, pool
embed_file = embedder.Embedder.embed_file
def crash(self, path, *region, **options):
    if path.endswith("deadly.wav"):
        os.abort()
    return embed_file(self, path, *region, **options)
embedder.Embedder.embed_file = crash
pool.serve_requests(sys.argv[1], sys.stdin.buffer, sys.stdout.buffer)
"""
    script = folder.parent / "crashing.py"
    script.write_text(crashing)
    monkeypatch.setattr("soundkin.embedding.pool.WORKER", (str(script),))
    for seed in range(10, 16):
        write_sound(folder / f"{seed}.wav", make_noise(1.2, seed))
    write_sound(folder / "deadly.wav", make_noise(5.0, 99))
    report = soundkin.index_folders(library, [folder])
    assert report.n_added == 6
    (failure,) = report.failures
    assert Path(failure.path).name == "deadly.wav"
    assert "the decoder died on it (SIGABRT)" in failure.reason
