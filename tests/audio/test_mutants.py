"""Wrong sound files, hundreds of them, through the workers that index: benchmarks/fuzz/run.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.fuzz import extreme_collections
from benchmarks.fuzz import run as mutants
from benchmarks.fuzz.mutate import DEEDS, Mutant, forge_samples, forge_wav, make_mutant
from benchmarks.fuzz.seeds import NOT_MADE, Seed, make_seeds
from soundkin.audio.decoders.open import EXTENSIONS
from soundkin.audio.read import read_audio
from soundkin.config import ModelConfig
from soundkin.embedding.embedder import Embedder
from soundkin.errors import AudioError
from sounds import make_noise, write_sound

SEED = 20_261_125
N_MUTANTS = 400


@pytest.fixture(scope="module")
def seeds() -> list[Seed]:
    return make_seeds()


def test_every_kind_of_file_is_among_the_seeds(seeds: list[Seed]) -> None:
    aliases = {".aif", ".aifc", ".bwf", ".snd"}  # other names for what there is
    assert {seed.suffix for seed in seeds} >= EXTENSIONS - aliases - set(NOT_MADE)
    assert len(seeds) > 150


def test_seeds_and_mutants_are_the_same_every_time(seeds: list[Seed]) -> None:
    assert make_seeds() == seeds
    made = [make_mutant(seeds, SEED, number) for number in range(100)]
    assert made == [make_mutant(seeds, SEED, number) for number in range(100)]
    others = [make_mutant(seeds, SEED + 1, number) for number in range(100)]
    assert sum(a.content == b.content for a, b in zip(made, others, strict=True)) < 20


@pytest.mark.parametrize("deed", DEEDS)
def test_every_mutation_changes_a_file(seeds: list[Seed], deed: str) -> None:
    generator = np.random.default_rng(0)
    seed = seeds[20]
    assert any(DEEDS[deed](seed.content, generator, seeds) != seed.content for _ in range(5))


def test_seeds_as_they_are_become_vectors(
    seeds: list[Seed], monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave(seeds: list[Seed], seed: int, number: int) -> Mutant:
        return Mutant(number, seeds[number].name, (), seeds[number].suffix, seeds[number].content)

    monkeypatch.setattr(mutants, "make_mutant", leave)
    *_, tally = mutants.run_mutants(range(len(seeds)), seeds, SEED)
    assert not tally.noted
    assert tally.outcomes.total() - tally.outcomes["refused"] >= 0.95 * len(seeds)


def test_wrong_files_are_embedded_or_refused_and_never_worse(seeds: list[Seed]) -> None:
    *_, tally = mutants.run_mutants(range(N_MUTANTS), seeds, SEED)
    assert sum(tally.outcomes.values()) == N_MUTANTS
    assert not tally.defects, tally.defects
    assert tally.outcomes["embedded"] > N_MUTANTS / 4
    assert tally.outcomes["refused"] > N_MUTANTS / 10


def test_samples_far_beyond_sound_are_silence(tmp_path: Path) -> None:
    sound = make_noise(1.0)
    loud = sound.copy()
    loud[100:200:3] = [np.nan, np.inf, -np.inf, 1e30, -3e38] * 6 + [1e11] * 4
    decoded = read_audio(write_sound(tmp_path / "a.wav", loud, subtype="FLOAT"), 44_100)
    silent = sound.copy()
    silent[100:200:3] = 0.0
    assert np.array_equal(decoded, silent)
    scaled = (2.0**31 * sound).astype(np.float32)  # integers written as floats are sound
    kept = read_audio(write_sound(tmp_path / "b.wav", scaled, subtype="FLOAT"), 44_100)
    assert np.array_equal(kept, scaled)
    found = Embedder.load("kin").embed_file(tmp_path / "b.wav")
    assert np.isfinite(found.levels_db).all()


@pytest.mark.parametrize("rate", [1, 50, 2**31 - 1])
def test_a_rate_that_is_none_of_sound_is_refused(tmp_path: Path, rate: int) -> None:
    path = write_sound(tmp_path / "a.wav", make_noise(0.1), rate)
    with pytest.raises(AudioError, match=f"{rate} Hz is no sample rate of sound"):
        read_audio(path, ModelConfig("any").segments.sample_rate)


def test_forged_headers_and_samples_are_wav_files() -> None:
    draw = np.random.default_rng(0)
    for forged in (forge_wav(draw), forge_samples(draw)):
        assert forged.startswith(b"RIFF")
        assert b"data" in forged


def test_very_many_tiny_files_are_all_taken_in(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert extreme_collections.run(400, 0.0) == 0
    printed = capsys.readouterr().out
    assert "400 embedded" in printed
    assert "400 unchanged" in printed
