"""The corpus builder: sounds drawn at random, and recordings taken from a package."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from corpus.build import take_package
from corpus.patches import RATE, RECORDING_S, draw_patch, play_patch, render_patches
from corpus.phrases import _list_programs, draw_phrase
from corpus.textures import SOURCES, draw_texture, render_textures
from soundkin.audio.read import probe_audio
from soundkin.embedding.embedder import Embedder
from soundkin.embedding.segments import compute_mean_vector
from sounds import make_tone, write_sound


@pytest.mark.parametrize("seed", range(4))
def test_a_drawn_instrument_is_the_same_for_the_same_seed_and_can_be_heard(seed: int) -> None:
    first, again = (
        play_patch(draw_patch(generator), generator)
        for generator in (np.random.default_rng(seed), np.random.default_rng(seed))
    )
    assert np.array_equal(first, again)
    assert len(first) == round(RECORDING_S * RATE)
    assert np.isfinite(first).all()
    assert 0.05 < np.abs(first).max() <= 0.71
    assert first.std() > 1e-3


def test_instruments_are_written_one_a_recording(tmp_path: Path) -> None:
    written = list(render_patches(tmp_path, 2))
    assert [path.name for path, _ in written] == ["00000.flac", "00001.flac"]
    assert all(probe_audio(path).duration_s == pytest.approx(seconds) for path, seconds in written)


@pytest.mark.parametrize("source", SOURCES)
def test_every_source_of_textures_sounds_for_many_seeds(source: Callable[..., Any]) -> None:
    for seed in range(6):
        sound = source(np.random.default_rng(seed))
        assert len(sound) == round(RECORDING_S * RATE)
        assert np.isfinite(sound).all()
        assert sound.std() > 0


def test_a_texture_is_the_same_for_the_same_seed_and_its_halves_are_alike() -> None:
    again = draw_texture(np.random.default_rng(3))
    textures = [draw_texture(np.random.default_rng(seed)) for seed in range(12)]
    assert np.array_equal(again, textures[3])
    assert all(0.02 < np.abs(texture).max() <= 0.81 for texture in textures)
    embedder = Embedder.load("melstats")
    halves = [
        [compute_mean_vector(embedder.embed_waveform(half, RATE)) for half in np.split(texture, 2)]
        for texture in textures
    ]
    first, second = (np.array([pair[place] for pair in halves]) for place in (0, 1))
    found = (first @ second.T).argmax(axis=1) == np.arange(12)
    assert found.sum() >= 10


def test_textures_are_written_one_a_recording(tmp_path: Path) -> None:
    written = list(render_textures(tmp_path, 2))
    assert [path.name for path, _ in written] == ["00000.flac", "00001.flac"]
    assert all(probe_audio(path).duration_s == pytest.approx(seconds) for path, seconds in written)


def test_a_phrase_on_one_drum_has_no_other_key() -> None:
    data = draw_phrase(0, 9, 40, 40, np.random.default_rng(0))
    notes = [data[i + 1] for i in range(len(data) - 2) if data[i] == 0x99 and data[i + 1] < 128]
    assert notes
    assert set(notes) == {40}


def test_only_the_programs_that_patches_have_are_played(tmp_path: Path) -> None:
    configuration = tmp_path / "some.cfg"
    configuration.write_text(
        "dir /x\ndrumset 0\n 35\tKick.pat\nbank 0\n 0\tPiano.pat\n14\tBells.pat amp=9\n"
    )
    assert _list_programs(configuration) == [0, 14]
    assert len(_list_programs(tmp_path / "some.sf2")) == 128


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs dpkg-deb, as the builder does")
def test_so_many_recordings_are_taken_of_a_package_and_no_bytes_twice(tmp_path: Path) -> None:
    package = tmp_path / "package"
    (package / "DEBIAN").mkdir(parents=True)
    (package / "usr").mkdir()
    (package / "DEBIAN" / "control").write_text(
        "Package: tiny\nVersion: 1\nArchitecture: all\nMaintainer: a <a@example.org>\n"
        "Description: sounds\n"
    )
    for number in range(5):
        write_sound(package / "usr" / f"{number}.wav", make_tone(200 + 100 * number, 0.2))
    shutil.copy(package / "usr" / "0.wav", package / "usr" / "again.wav")
    (package / "usr" / "notes.txt").write_text("no sound")
    archive = tmp_path / "tiny_1_all.deb"
    subprocess.run(["dpkg-deb", "--build", package, archive], check=True, capture_output=True)
    every = take_package(archive, tmp_path / "every", 100, 60.0, set())
    assert len(every) == 5
    assert all(Path(path).exists() for path, *_ in every)
    seen: set[bytes] = set()
    some = take_package(archive, tmp_path / "some", 3, 60.0, seen)
    rest = take_package(archive, tmp_path / "rest", 100, 60.0, seen)
    assert len(some) == 3
    assert {row[3] for row in some}.isdisjoint(row[3] for row in rest)
    assert sorted(path.name for path in (tmp_path / "some").iterdir()) == [
        "00000.wav",
        "00001.wav",
        "00002.wav",
    ]
