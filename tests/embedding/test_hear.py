"""The HEAR 2021 API: what its validator asks of a module, and what soundkin promises."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from encoder_files import RATE, SIZE, write_encoder
from soundkin import hear
from soundkin.audio.read import convert_waveform
from soundkin.errors import AudioError, ModelError, QueryError
from sounds import make_noise, make_sweep


@pytest.fixture(scope="module", params=["", "melstats", "encoder"])
def model(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> torch.nn.Module:
    if request.param != "encoder":
        return hear.load_model(request.param)
    return hear.load_model(str(write_encoder(tmp_path_factory.mktemp("hear") / "encoder.onnx")))


def make_audio(model: hear.HearModel, seconds: float, n_sounds: int = 3) -> torch.Tensor:
    n_samples = int(seconds * model.sample_rate)
    return torch.rand((n_sounds, n_samples), generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_a_model_says_what_it_takes_and_gives(model: hear.HearModel) -> None:
    assert isinstance(model, torch.nn.Module)
    assert model.sample_rate in (16_000, 22_050, 44_100, 48_000)  # HEAR's validator takes no other
    assert type(model.scene_embedding_size) is int
    assert type(model.timestamp_embedding_size) is int
    assert model.to("cpu").eval() is model


def test_timestamp_embeddings_have_their_shapes_and_regular_times(model: hear.HearModel) -> None:
    audio = make_audio(model, 2.0)
    embeddings, timestamps = hear.get_timestamp_embeddings(audio, model)
    assert embeddings.dtype == timestamps.dtype == torch.float32
    assert embeddings.shape == (*timestamps.shape, model.timestamp_embedding_size)
    assert len(embeddings) == len(audio)
    steps = torch.diff(timestamps)
    assert (steps > 0).all()
    assert steps.max() <= 50.0
    assert (steps - steps.mean()).abs().max() < 1e-3
    assert (timestamps[:, 0] == 0).all()
    assert (timestamps[:, -1] <= 2000).all()
    assert (timestamps[:, -1] > 1950).all()
    assert torch.isfinite(embeddings).all()
    assert torch.allclose(embeddings.norm(dim=2), torch.ones(()), atol=1e-5)


def test_scene_embeddings_have_their_shape(model: hear.HearModel) -> None:
    audio = make_audio(model, 3.74, 8)
    scenes = hear.get_scene_embeddings(audio, model)
    assert scenes.dtype == torch.float32
    assert scenes.shape == (8, model.scene_embedding_size)
    assert torch.equal(model(audio), scenes)


def test_a_sound_is_embedded_the_same_alone_and_in_a_batch(model: hear.HearModel) -> None:
    audio = make_audio(model, 1.3)
    together, _ = hear.get_timestamp_embeddings(audio, model)
    scenes = hear.get_scene_embeddings(audio, model)
    for number in range(len(audio)):
        alone, _ = hear.get_timestamp_embeddings(audio[number : number + 1], model)
        assert (alone[0] - together[number]).abs().max() < 1e-5
        scene = hear.get_scene_embeddings(audio[number : number + 1], model)
        assert (scene[0] - scenes[number]).abs().max() < 1e-5


def test_an_embedding_is_that_of_the_segment_around_its_time(
    model: hear.HearModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hear, "BLOCK_TIMESTAMPS", 7)
    rate, length = model.sample_rate, model.segment_length
    sound = make_sweep(3.0, rate)
    embeddings, timestamps = hear.get_timestamp_embeddings(torch.from_numpy(sound)[None], model)
    own = convert_waveform(sound, rate, model.own_rate)
    for place in (13, 14, 20, 21, 40):
        first = round(float(timestamps[0, place]) * model.own_rate / 1000) - length // 2
        (alone,) = model.embedder.embed_stretch(own[first : first + length], length)
        assert np.abs(embeddings[0, place].numpy() - alone).max() < 1e-4


def test_a_scene_is_the_mean_of_its_segments(model: hear.HearModel) -> None:
    sound = make_sweep(3.3, model.sample_rate)
    (scene,) = hear.get_scene_embeddings(torch.from_numpy(sound)[None], model)
    vectors = model.embedder.embed_waveform(sound, model.sample_rate).vectors
    assert np.allclose(scene.numpy(), vectors.mean(axis=0), atol=1e-6)


@pytest.mark.parametrize("n_samples", [1, 100, 5_000])
def test_the_shortest_sounds_have_embeddings(model: hear.HearModel, n_samples: int) -> None:
    audio = torch.full((2, n_samples), 0.1)
    embeddings, timestamps = hear.get_timestamp_embeddings(audio, model)
    assert embeddings.shape[:2] == timestamps.shape
    assert torch.isfinite(embeddings).all()
    assert torch.isfinite(hear.get_scene_embeddings(audio, model)).all()


def test_silence_has_finite_embeddings(model: hear.HearModel) -> None:
    audio = torch.zeros(1, model.sample_rate)
    assert torch.isfinite(hear.get_timestamp_embeddings(audio, model)[0]).all()
    assert torch.isfinite(hear.get_scene_embeddings(audio, model)).all()


def test_the_hop_can_be_chosen(model: hear.HearModel) -> None:
    audio = make_audio(model, 1.0, 1)
    _, timestamps = hear.get_timestamp_embeddings(audio, model, hop_ms=100.0)
    assert timestamps.shape == (1, 11)
    with pytest.raises(QueryError, match="hop_ms must be at least"):
        hear.get_timestamp_embeddings(audio, model, hop_ms=0.001)


def test_timestamps_stay_regular_at_rates_that_50_ms_does_not_divide(tmp_path: Path) -> None:
    toml = "sample_rate = 22050\nlength = 8000\n"
    model = hear.load_model(str(write_encoder(tmp_path / "e.onnx", toml=toml)))
    audio = torch.from_numpy(make_noise(2.0, rate=22_050))[None]
    _, timestamps = hear.get_timestamp_embeddings(audio, model)
    steps = torch.diff(timestamps)
    assert (steps - steps.mean()).abs().max() < 1e-3
    assert steps.max() < 50


def test_an_encoder_of_others_is_embedded_at_its_own_rate_and_size(tmp_path: Path) -> None:
    model = hear.load_model(str(write_encoder(tmp_path / "e.onnx", ("n",))))
    assert model.sample_rate == RATE
    embeddings, timestamps = hear.get_timestamp_embeddings(make_audio(model, 1.0, 1), model)
    assert embeddings.shape == (1, 21, SIZE)
    assert torch.equal(timestamps[0], 50.0 * torch.arange(21))


@pytest.mark.parametrize(
    "audio",
    [
        torch.zeros(100),
        torch.zeros(1, 1, 100),
        torch.zeros(1, 0),
        torch.zeros(1, 9, dtype=torch.int16),
    ],
)
def test_audio_of_another_shape_or_kind_is_refused(audio: torch.Tensor) -> None:
    model = hear.load_model()
    for embed in (hear.get_timestamp_embeddings, hear.get_scene_embeddings):
        with pytest.raises(AudioError, match=r"floats \(n_sounds, n_samples\)"):
            embed(audio, model)


def test_a_model_that_is_not_there_is_refused() -> None:
    with pytest.raises(ModelError, match="no model 'nonesuch'"):
        hear.load_model("nonesuch")


def test_without_torch_the_message_says_how_to_get_it() -> None:
    code = "import sys; sys.modules['torch'] = None; import soundkin.hear"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode
    assert "soundkin.hear needs PyTorch: pip install 'soundkin[train]'" in done.stderr
