"""What training with microphones, rooms and floors is for: they move the network less."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import DEMO_SOUNDS
from soundkin.audio.read import read_audio
from soundkin.audio.surroundings import Channel, add_floor, add_room, pass_channel
from soundkin.config import DeformationConfig
from soundkin.embedding.embedder import Embedder
from soundkin.embedding.segments import compute_mean_vector
from soundkin.training.recipe import DEFAULT_MEL, NetworkConfig, TrainingConfig
from soundkin.training.trainer import train_model
from soundkin.training.waveform_cache import build_cache
from tiny_training import MODEL

RATE = MODEL.segments.sample_rate
LEVELLED = replace(
    MODEL, mel=replace(MODEL.mel, peak_db=DEFAULT_MEL.peak_db, log_offset=DEFAULT_MEL.log_offset)
)
TELEPHONE = Channel(low_hz=300.0, top_hz=3_400.0, slope_db=48.0, is_resampled=True)
WITH = DeformationConfig(band_share=0.4, room_share=0.4)
WITHOUT = replace(WITH, channel_share=0, band_share=0, room_share=0, floor_share=0)
WAYS = {
    "telephone": lambda w: pass_channel(w, RATE, TELEPHONE),
    "room": lambda w: add_room(w, RATE, 0.6, 0.0, np.random.default_rng(0)),
    "floor": lambda w: add_floor(w, RATE, -40.0, np.random.default_rng(0)),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, float]]:
    """How far each way moves the demo sounds, in distances of random ones, by training."""
    folder = tmp_path_factory.mktemp("training")
    cache = build_cache([DEMO_SOUNDS], folder / "waveforms.pcm", RATE)
    waveforms = [read_audio(path, RATE) for path in sorted(DEMO_SOUNDS.glob("*.flac"))]
    shares = {}
    for name, deformations in (("with", WITH), ("without", WITHOUT)):
        config = TrainingConfig(
            steps=150,
            batch_size=64,
            warmup_steps=10,
            checkpoint_every=1000,
            deformations=deformations,
            network=NetworkConfig(channels=(8, 16, 24)),
        )
        result = train_model(cache, folder / name, LEVELLED, config)
        shares[name] = measure(result.model, waveforms)
    return shares


def measure(model: Path, waveforms: list[np.ndarray]) -> dict[str, float]:
    embedder = Embedder.load(model, measures=False)

    def embed(waveform: np.ndarray) -> np.ndarray:
        vector = compute_mean_vector(embedder.embed_waveform(waveform, RATE))
        assert vector is not None
        return vector

    clean = np.stack([embed(waveform) for waveform in waveforms])
    others = float(np.median(1 - clean @ clean.T))
    moved = {}
    for name, hear in WAYS.items():
        heard = np.stack([embed(hear(waveform)) for waveform in waveforms])
        moved[name] = float(np.mean(1 - (heard * clean).sum(axis=1))) / others
    return moved


@pytest.mark.parametrize("way", WAYS)
def test_what_a_sound_is_heard_through_moves_a_network_less_that_was_trained_with_it(
    found: dict[str, dict[str, float]], way: str
) -> None:
    assert found["with"][way] < found["without"][way]
