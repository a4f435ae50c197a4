"""Pairs drawn for training: spectrograms deformed as sounds would be, recordings drawn fairly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from soundkin.audio.mel import compute_log_mel, cut_log_mels
from soundkin.audio.read import read_audio
from soundkin.training.excerpts import MappedExcerpts, ResidentExcerpts
from soundkin.training.pairs import (
    NO_DEFORMATION,
    PairDrawer,
    make_generator,
    shift_pitch,
    stretch_time,
)
from soundkin.training.waveform_cache import WaveformCache, build_cache
from sounds import make_noise, make_tone, write_sound
from tiny_training import MODEL, RECIPE


def test_no_deformation_is_the_identity_and_the_front_end_of_inference(
    cache: WaveformCache,
) -> None:
    recordings = np.flatnonzero(np.diff(cache.offsets) > 2 * 16_000)
    drawer = PairDrawer(MappedExcerpts(cache), recordings, MODEL, NO_DEFORMATION)
    batch = drawer.draw(8, make_generator([0]))
    assert torch.allclose(batch.anchors, batch.positives, atol=1e-4)
    waveform = cache.samples[cache.offsets[recordings[0]] :][:16_000] / np.float32(32767)
    start = torch.zeros(1, dtype=torch.int64)
    first = torch.from_numpy(recordings[:1])
    log_mels = drawer._draw_deformed(first, start, NO_DEFORMATION, make_generator([0]))
    found = log_mels[0].numpy()
    expected = compute_log_mel(waveform.astype(np.float32), MODEL.mel, 16_000)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-3


def make_cache(waveform: np.ndarray, rate: int = 16_000) -> WaveformCache:
    samples = (waveform * 32767).astype(np.int16)
    return WaveformCache(samples, np.array([0, len(samples)]), rate)


@pytest.mark.parametrize("semitones", [-5, -2, 3, 5])
def test_shifting_the_filters_is_shifting_the_pitch(semitones: int) -> None:
    def compute_mels(hz: float, shift: float) -> torch.Tensor:
        cache = make_cache(make_tone(hz, 3.0, 16_000))
        excerpts = MappedExcerpts(cache)
        drawer = PairDrawer(excerpts, np.zeros(1, np.int64), MODEL, NO_DEFORMATION)
        first = torch.zeros(1, dtype=torch.int64)
        powers = drawer._compute_powers(excerpts.read(first, first, drawer._excerpt_length))
        return torch.log(shift_pitch(powers, torch.tensor([shift]), MODEL) + 1e-4).mean(dim=2)[0]

    plain = compute_mels(440, 0)
    by_filters = compute_mels(440, semitones)
    audible = compute_mels(440 * 2 ** (semitones / 12), 0)
    assert float((by_filters - audible).abs().mean()) < 0.25
    assert float((plain - audible).abs().mean()) > 0.5


def test_a_stretched_sweep_is_a_slower_or_faster_sweep() -> None:
    rising = torch.arange(30.0)[None, None].expand(3, 1, 30)
    found = stretch_time(rising, torch.tensor([1.0, 0.5, 1.5]), 20)[:, 0]
    assert torch.allclose(found[0], torch.arange(20.0))
    assert torch.allclose(found[1], torch.arange(20.0) / 2)
    assert torch.allclose(found[2, :19], torch.arange(19.0) * 1.5)


def test_the_cache_holds_every_recording_once_decoded_as_for_inference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "soundkin.training.waveform_cache.SPOOL_BYTES", 1 << 16
    )  # so that some go to disk
    folder = tmp_path / "sounds"
    folder.mkdir()
    for number, seconds in enumerate((0.02, 0.5, 20.0)):
        write_sound(folder / f"{number}.wav", make_noise(seconds, number))
    (folder / "copy.wav").write_bytes((folder / "1.wav").read_bytes())
    (folder / "text.wav").write_text("words")
    (folder / "dangling.wav").symlink_to(folder / "nowhere.wav")
    write_sound(folder / "silence.wav", np.zeros(44_100, np.float32))
    built = build_cache([folder], tmp_path / "a.pcm", 16_000)
    assert np.diff(built.offsets).tolist() == [8_000, 320_000]
    expected = read_audio(folder / "2.wav", 16_000)
    assert np.abs(built.samples[8_000:] / 32767 - expected).max() < 1e-4
    assert [Path(failure.path).name for failure in built.failures] == ["dangling.wav", "text.wav"]
    changed = (tmp_path / "a.pcm").stat().st_mtime_ns
    again = build_cache([folder], tmp_path / "a.pcm", 16_000)
    assert (tmp_path / "a.pcm").stat().st_mtime_ns == changed
    assert again.offsets.tolist() == built.offsets.tolist()
    write_sound(folder / "new.wav", make_noise(1.0, 9))
    assert len(build_cache([folder], tmp_path / "a.pcm", 16_000).offsets) == 4


def test_recordings_are_drawn_by_the_square_root_of_their_length() -> None:
    samples = (make_noise(110.0, rate=16_000) * 32767).astype(np.int16)
    cache = WaveformCache(samples, np.array([0, 160_000, 1_760_000]), 16_000)  # 10 s and 100 s
    drawer = PairDrawer(MappedExcerpts(cache), np.arange(2), MODEL, NO_DEFORMATION)
    shares = drawer._shares.diff(prepend=torch.zeros(1))
    assert float(shares[1] / shares[0]) == pytest.approx(np.sqrt(10))
    counts = drawer.draw(4000, make_generator([0])).recordings.bincount()
    assert float(counts[1] / counts[0]) == pytest.approx(np.sqrt(10), rel=0.15)


def test_only_a_share_of_the_sounds_is_deformed(cache: WaveformCache) -> None:
    recordings = np.arange(len(cache.offsets) - 1)
    for name, strength in (("pitch", {"pitch_semitones": 5.0}), ("stretch", {"stretch": 1.5})):
        config = replace(NO_DEFORMATION, **strength, **{f"{name}_share": 0.3})
        none = replace(config, **{f"{name}_share": 0.0})
        drawn = [
            PairDrawer(MappedExcerpts(cache), recordings, MODEL, c)
            .draw(300, make_generator([1]))
            .anchors
            for c in (config, none)
        ]
        is_same = (drawn[0] == drawn[1]).flatten(1).all(dim=1)
        assert 0.6 < float(is_same.float().mean()) < 0.8


def test_one_deformation_a_batch_leaves_the_anchors_alone(cache: WaveformCache) -> None:
    many = replace(RECIPE.deformations, one_per_batch=True, proximity_share=1.0, mixture_share=0.0)
    recordings = np.arange(len(cache.offsets) - 1)
    kinds = set()
    for seed in range(12):
        draws = [
            PairDrawer(MappedExcerpts(cache), recordings, MODEL, config).draw(
                16, make_generator([seed])
            )
            for config in (many, replace(NO_DEFORMATION, one_per_batch=True))
        ]
        assert torch.equal(draws[0].anchors, draws[1].anchors)
        kinds.add(bool(torch.equal(draws[0].positives, draws[1].positives)))
    assert False in kinds


def test_recordings_in_a_devices_memory_are_read_as_those_on_disk(
    cache: WaveformCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "soundkin.training.excerpts.UPLOADED", 1 << 18
    )  # so that it takes several parts
    mapped = MappedExcerpts(cache)
    resident = ResidentExcerpts(cache, 25_600)
    generator = np.random.default_rng(0)
    recordings = torch.from_numpy(np.repeat(np.arange(len(cache.offsets) - 1), 20))
    chance = torch.from_numpy(generator.random(len(recordings)))
    starts = (chance * mapped.lengths[recordings]).long()
    is_short = mapped.lengths[recordings] < 16_000
    starts[is_short] = 0
    assert 0 < int(is_short.sum()) < len(recordings)
    found = [one.read(recordings, starts, 24_000) for one in (mapped, resident)]
    assert torch.equal(*found)
    assert bool((found[0][~is_short][:, -1] == 0).any())  # some go on beyond the end
    audible = [one.are_audible(recordings, starts, 24_000) for one in (mapped, resident)]
    assert torch.equal(*audible)
    drawers = [
        PairDrawer(one, np.arange(len(cache.offsets) - 1), MODEL, RECIPE.deformations)
        for one in (mapped, resident)
    ]
    draws = [drawer.draw(32, make_generator([3])).anchors for drawer in drawers]
    assert torch.equal(*draws)


def test_silence_is_drawn_again() -> None:
    waveform = np.concatenate([np.zeros(10 * 16_000), make_noise(10.0, rate=16_000)])
    cache = make_cache(waveform.astype(np.float32))
    for excerpts in (MappedExcerpts(cache), ResidentExcerpts(cache, 20_000)):
        drawer = PairDrawer(excerpts, np.zeros(1, np.int64), MODEL, NO_DEFORMATION)
        loudest = drawer.draw(400, make_generator([0])).anchors.amax(dim=(1, 2))
        silent = float((loudest < np.log(MODEL.mel.log_offset) + 1).float().mean())
        assert 0.0 < silent < 0.15  # a half, and again three times


def test_excerpts_have_the_level_that_a_model_asks_for_whatever_theirs_was() -> None:
    levelled = replace(MODEL, mel=replace(MODEL.mel, peak_db=-9.0))
    waveform = make_noise(3.0, rate=16_000)
    first = torch.zeros(1, dtype=torch.int64)
    found = []
    for level in (1.0, 0.05):
        excerpts = MappedExcerpts(make_cache(level * waveform))
        drawer = PairDrawer(excerpts, np.zeros(1, np.int64), levelled, NO_DEFORMATION)
        found.append(drawer._draw_deformed(first, first, NO_DEFORMATION, make_generator([0])))
    assert (found[0] - found[1]).abs().median() < 0.05
    segments, _ = cut_log_mels(waveform[:16_000], levelled, 8_000)
    assert np.abs(found[0].numpy() - segments).max() < 0.05


def test_excerpts_may_begin_before_their_recordings_and_have_silence_there(
    cache: WaveformCache,
) -> None:
    recordings = torch.arange(len(cache.offsets) - 1)
    starts = torch.full_like(recordings, -4_000)
    for excerpts in (MappedExcerpts(cache), ResidentExcerpts(cache, 25_600)):
        found = excerpts.read(recordings, starts, 16_000)
        assert bool((found[:, :4_000] == 0).all())
        later = excerpts.read(recordings, torch.zeros_like(starts), 12_000)
        assert torch.equal(found[:, 4_000:], later)
    far = torch.full_like(recordings, -20_000)
    assert bool((MappedExcerpts(cache).read(recordings, far, 16_000) == 0).all())


def test_a_take_is_trained_on_from_its_onset_to_its_end(tmp_path: Path) -> None:
    stroke = make_noise(0.4, 1)
    rest = np.zeros(44_100, np.float32)
    write_sound(tmp_path / "padded.wav", np.concatenate([rest, stroke, rest]))
    write_sound(tmp_path / "cut.wav", make_noise(0.4, 2))
    lengths = np.diff(build_cache([tmp_path], tmp_path / "a.pcm", 16_000).offsets)
    assert np.abs(lengths - 0.4 * 16_000).max() < 0.025 * 16_000
