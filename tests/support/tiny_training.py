"""A network and a recipe that train in seconds."""

from __future__ import annotations

from soundkin.config import MelConfig, ModelConfig, SegmentConfig
from soundkin.training.recipe import Recipe

MODEL = ModelConfig(
    "tiny",
    segments=SegmentConfig(16_000, 1.0, 0.5),
    mel=MelConfig(1024, 1024, 800, 32, 50.0, 7_500.0, 1e-6),
)
TINY = """
[model]
name = "tiny"
segments = { sample_rate = 16000, segment_s = 1.0, hop_s = 0.5 }
mel = { n_fft = 1024, win_length = 1024, hop_length = 800, n_mels = 32, f_max = 7500.0 }
[training]
steps = 40
batch_size = 32
warmup_steps = 5
checkpoint_every = 10
held_out = 0.2
[training.network]
channels = [8, 12, 16]
inner_share = 1.0
"""
RECIPE = Recipe.from_toml(TINY).training
