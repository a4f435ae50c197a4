"""Wrong sound files, hundreds of them, through the workers that index: benchmarks/fuzz/run.py."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.decoding.referee import Verdict, is_comparable
from benchmarks.fuzz import extreme_collections
from benchmarks.fuzz import run as mutants
from benchmarks.fuzz.mutate import DEEDS, Mutant, forge_samples, forge_wav, make_mutant
from benchmarks.fuzz.odd_files import aiff_without_sizes, patch_sizes, wav_bytes
from benchmarks.fuzz.seeds import NOT_MADE, Seed, make_seeds
from soundkin.audio.decoders.open import EXTENSIONS
from soundkin.audio.read import read_audio
from soundkin.config import ModelConfig
from soundkin.embedding.embedder import Embedder
from soundkin.embedding.segments import Embeddings
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


def _leave(seeds: list[Seed], seed: int, number: int) -> Mutant:
    return Mutant(number, seeds[number].name, (), seeds[number].suffix, seeds[number].content)


class _HalfDeaf:
    """Embeds in this process, as a pool of workers would, and says that half of it was heard."""

    n_workers = 1

    def __init__(self, *_: object) -> None:
        self._embedder = Embedder.load("kin")

    def __enter__(self) -> _HalfDeaf:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, path: str) -> Future[Embeddings]:
        future: Future[Embeddings] = Future()
        found = self._embedder.embed_file(path)
        future.set_result(replace(found, duration_s=found.duration_s / 2))
        return future


def test_seeds_as_they_are_become_vectors(
    seeds: list[Seed], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutants, "make_mutant", _leave)
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


@pytest.mark.parametrize("suffix", [".wav", ".w64", ".caf", ".aiff"])
def test_stereo_far_beyond_full_scale_is_mixed_like_any(tmp_path: Path, suffix: str) -> None:
    sound = (2.0**31 * make_noise(1.0)).astype(np.float32)  # integers written as floats
    stereo = np.stack([sound, sound], axis=1)
    stereo[100:9_000:3] = [np.nan, 1e30]
    path = write_sound(tmp_path / f"a{suffix}", stereo, subtype="FLOAT")
    silent = sound.copy()
    silent[100:9_000:3] = 0.0
    assert np.array_equal(read_audio(path, 44_100), silent)


@pytest.mark.parametrize("rate", [1, 50, 2**31, 2**32 - 1])
def test_a_rate_that_is_none_of_sound_is_refused_where_sizes_are_wrong_too(
    tmp_path: Path, rate: int
) -> None:
    data = bytearray(patch_sizes(wav_bytes(make_noise(0.1)), 0, 0))
    data[24:28] = rate.to_bytes(4, "little")
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    with pytest.raises(AudioError, match=f"{rate} Hz is no sample rate of sound"):
        read_audio(path, 44_100)


@pytest.mark.parametrize("exponent", [0x7FFF, 0x6000, 0x4040, 0x4030, 0])
def test_a_rate_beyond_all_numbers_is_refused(tmp_path: Path, exponent: int) -> None:
    data = bytearray(aiff_without_sizes(make_noise(0.1)))
    place = data.index(b"COMM") + 16
    data[place : place + 2] = exponent.to_bytes(2, "big")
    path = tmp_path / "a.aiff"
    path.write_bytes(data)
    with pytest.raises(AudioError, match=r"Hz is no sample rate|not sound that soundkin can read"):
        read_audio(path, 44_100)


def test_a_mutant_heard_in_part_without_a_word_is_found(
    seeds: list[Seed], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutants, "WorkerPool", _HalfDeaf)
    monkeypatch.setattr(mutants, "make_mutant", _leave)
    number = [seed.name for seed in seeds].index("joined.flac")
    *_, tally = mutants.run_mutants([number], seeds, SEED)
    assert [what.split(":")[0] for _, what in tally.defects] == ["sound lost"]


@pytest.mark.parametrize(
    ("form", "verdict", "fits"),
    [
        ("WAV PCM_16", "wav pcm_s16le", True),
        ("WAV PCM_16", "wav pcm_s24le", False),
        ("WAV FLOAT", "mp3 mp3float", False),
        ("XI DPCM_8", "mp3 mp2", False),
        ("MATROSKA AAC", "matroska,webm aac", True),
    ],
)
def test_ffmpeg_is_no_judge_of_what_it_takes_for_another_file(
    form: str, verdict: str, fits: bool
) -> None:
    assert is_comparable(form, Verdict(1.0, 44_100, 0.02, verdict, 0)) is fits


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
