"""Sounds to unit vectors: the same samples give the same embedding, however they come."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from soundkin.audio.decoders.decoder import BLOCK_S
from soundkin.audio.mel import compute_filter_bank, compute_log_mel
from soundkin.audio.read import read_audio
from soundkin.config import MelConfig, ModelConfig, SegmentConfig
from soundkin.embedding.embedder import Embedder
from soundkin.embedding.model import find_model, list_models, load_model
from soundkin.embedding.segments import compute_mean_vector, locate_segments
from soundkin.errors import AudioError, ModelError
from sounds import make_noise, make_sweep, make_tone, write_sound


@pytest.fixture(scope="module", params=list_models())
def embedder(request: pytest.FixtureRequest) -> Embedder:
    return Embedder.load(request.param)


def test_every_vector_is_finite_and_of_norm_one(embedder: Embedder) -> None:
    found = embedder.embed_waveform(make_sweep(3.3), 44_100)
    assert found.vectors.shape == (6, 128)
    assert found.vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-5)


def test_array_file_and_region_give_the_same_embedding(embedder: Embedder, tmp_path: Path) -> None:
    sound = make_sweep(6.0)
    path = write_sound(tmp_path / "a.wav", sound, subtype="FLOAT")
    whole = embedder.embed_file(path)
    assert np.abs(whole.vectors - embedder.embed_waveform(sound, 44_100).vectors).max() < 1e-5
    region = embedder.embed_file(path, 2.0, 4.0)
    cut = embedder.embed_waveform(sound[2 * 44_100 : 4 * 44_100], 44_100)
    assert (region.vectors * cut.vectors).sum(axis=1).min() > 0.95  # but for an onset's lead


def test_batch_size_changes_nothing(embedder: Embedder) -> None:
    config = embedder.model.config
    log_mel = compute_log_mel(make_noise(8.0, rate=32_000), config.mel, 32_000)
    segments = np.stack([log_mel[:, i : i + config.n_frames] for i in range(0, 300, 25)])
    together = embedder.model.embed(segments)
    alone = np.concatenate([embedder.model.embed(segment[None]) for segment in segments])
    assert np.abs(together - alone).max() < 1e-5


def test_a_segment_is_the_same_alone_and_within_a_long_recording(
    embedder: Embedder, tmp_path: Path
) -> None:
    seconds = 2 * BLOCK_S + 7.3  # more than two blocks of decoding
    sound = make_sweep(seconds, 32_000)
    path = write_sound(tmp_path / "a.wav", sound, 32_000, "FLOAT")
    found = embedder.embed_file(path)
    segments = embedder.model.config.segments
    starts, _ = locate_segments(len(found.vectors), found.duration_s, segments)
    for place in (0, 38, 39, 40, 41, 79, 80, 81, len(starts) - 1):
        first = round(starts[place] * 32_000)
        part = sound[first : first + 32_000]
        alone = embedder.embed_stretch(part, segments.segment_hop)
        assert np.abs(alone[0] - found.vectors[place]).max() < 1e-4
        region = embedder.embed_waveform(part, 32_000).vectors
        assert region.shape == (1, 128)  # but for the lead that an onset has
        assert region[0] @ found.vectors[place] > 0.9


@pytest.mark.parametrize(
    ("seconds", "starts"),
    [
        (0.01, [0]),
        (0.5, [0]),
        (1.0, [0]),
        (1.2, [0, 0.2]),
        (1.5, [0, 0.5]),
        (2.0, [0, 0.5, 1]),
        (2.2, [0, 0.5, 1, 1.2]),
    ],
)
def test_segments_cover_a_sound_to_its_end(
    embedder: Embedder, seconds: float, starts: list[float]
) -> None:
    found = embedder.embed_waveform(make_noise(seconds, rate=32_000), 32_000)
    config = embedder.model.config.segments
    places, length_s = locate_segments(len(found.vectors), seconds, config, found.sound_s)
    assert places == pytest.approx(starts, abs=0.011)
    assert length_s == pytest.approx(min(1.0, seconds), abs=0.011)


@pytest.mark.parametrize("level", [0.0, 0.5, -1.0])
def test_silence_and_constants_have_a_finite_embedding_and_are_marked(
    embedder: Embedder, level: float
) -> None:
    found = embedder.embed_waveform(np.full(100_000, level, np.float32), 44_100)
    assert np.allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-5)
    assert found.silent.all()
    assert compute_mean_vector(found) is None


def test_a_quiet_sound_is_not_silent(embedder: Embedder) -> None:
    assert not embedder.embed_waveform(2e-3 * make_noise(1.0), 44_100).silent.any()


def test_a_damaged_end_keeps_what_came_before_and_is_told(
    embedder: Embedder, tmp_path: Path
) -> None:
    path = write_sound(tmp_path / "a.flac", make_noise(10.0))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    found = embedder.embed_file(path)
    assert 3 <= found.duration_s <= 5
    assert found.warning == "decoding stopped (Error : flac decoder lost sync)"


def test_a_region_past_the_end_is_refused(embedder: Embedder, tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.wav", make_noise(1.0))
    with pytest.raises(AudioError, match=r"it ends at 1\.00 s"):
        embedder.embed_file(path, 2.0, 3.0)
    with pytest.raises(AudioError, match="empty"):
        embedder.embed_file(path, 0.5, 0.5)


def test_log_mel_of_a_sine_peaks_in_its_band_at_its_power() -> None:
    config = MelConfig(n_fft=1024, win_length=1024, hop_length=640, log_offset=1e-10)
    bank = compute_filter_bank(config, 32_000)
    bin_number = 128  # 4 kHz
    sine = np.sin(2 * np.pi * 4000 * np.arange(32_000) / 32_000).astype(np.float32)
    log_mel = compute_log_mel(sine, config, 32_000)
    assert log_mel.shape == (64, 1 + (32_000 - 1024) // 640)
    assert log_mel.mean(axis=1).argmax() == bank[bin_number].argmax()
    spread = np.array([0.25, 1, 0.25])  # a Hann window spreads a sine over three bins
    expected = np.log(spread @ bank[bin_number - 1 : bin_number + 2].max(axis=1, initial=0))
    assert log_mel.max() == pytest.approx(expected, abs=0.5)


def test_different_sounds_are_further_apart_than_takes_of_one(embedder: Embedder) -> None:
    tones = [compute_mean_vector(embedder.embed_waveform(make_tone(h), 44_100)) for h in (440, 450)]
    noise = compute_mean_vector(embedder.embed_waveform(make_noise(), 44_100))
    assert tones[0] is not None
    assert tones[0] @ tones[1] > 0.9 > tones[0] @ noise


def test_models_are_artefacts_with_config_and_hash(tmp_path: Path) -> None:
    assert "melstats" in list_models()
    shipped = load_model("melstats")
    assert "no labels" in shipped.provenance
    copy = tmp_path / "mine.onnx"
    copy.write_bytes(shipped.file.path.read_bytes())
    other = load_model(copy)
    assert other.file.hash == shipped.file.hash
    assert other.config == shipped.config
    assert ModelConfig.from_json(other.config.to_json()) == other.config


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="melstats"):
        find_model("nonesuch")
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(b"not a graph")
    with pytest.raises(ModelError, match=r"bad\.onnx: not an ONNX model"):
        load_model(bad)


def test_a_config_whose_segments_could_not_share_frames_is_refused() -> None:
    with pytest.raises(ModelError, match="multiple of hop_length"):
        ModelConfig("odd", segments=SegmentConfig(hop_s=0.3), mel=MelConfig(hop_length=500))
    with pytest.raises(ModelError, match="cannot be read"):
        ModelConfig.from_json('{"name": "x"}')


def test_embedding_reads_files_as_they_were_read(embedder: Embedder, tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.wav", make_noise(2.0))
    again = embedder.embed_waveform(read_audio(path, 44_100), 44_100)
    assert np.abs(again.vectors - embedder.embed_file(path).vectors).max() < 1e-5
