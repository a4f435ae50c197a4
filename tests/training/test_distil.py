"""The last step of the default model: a small network that learns from a larger one."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from conftest import DEMO_SOUNDS
from corpus import distil
from soundkin.embedding.model import find_model, load_model
from soundkin.training.excerpts import MappedExcerpts
from soundkin.training.pairs import NO_DEFORMATION, PairDrawer, make_generator
from soundkin.training.recipe import Recipe
from soundkin.training.trainer import train_model
from soundkin.training.waveform_cache import build_cache
from tiny_training import TINY

ROOT = Path(__file__).parents[2]
TEACHER = replace(Recipe.from_toml(TINY).training.network, channels=(12, 16, 24))


def test_a_small_network_comes_to_embed_as_its_teacher(tmp_path: Path) -> None:
    recipe = Recipe.from_toml(TINY)
    model, config = recipe.model, recipe.training
    (tmp_path / "tiny.toml").write_text(TINY)
    path = tmp_path / "waveforms.pcm"
    cache = build_cache([DEMO_SOUNDS], path, model.segments.sample_rate)
    large = replace(config, network=TEACHER)
    teacher = train_model(cache, tmp_path / "teacher", model, large).model
    start = train_model(cache, tmp_path / "start", model, replace(config, steps=1)).model
    output = tmp_path / "distilled.onnx"
    command = [sys.executable, "-m", "corpus.distil", path, "--config", tmp_path / "tiny.toml"]
    command += ["--init", start, "--teacher", teacher, "--output", output, "--steps", "60"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    assert "step 60/60" in done.stdout
    assert find_model(output).hash != find_model(start).hash
    assert '"teacher"' in load_model(output).provenance

    recordings = np.arange(len(cache.offsets) - 1)
    excerpts = MappedExcerpts(cache)
    drawer = PairDrawer(excerpts, recordings, model, NO_DEFORMATION)
    sounds = drawer.draw(200, make_generator([5])).anchors
    with torch.no_grad():
        before, after, aims = (
            distil.load_network(one, model, "cpu").eval()(sounds)
            for one in (start, output, teacher)
        )
    assert float((after * aims).sum(dim=1).mean()) > 0.7
    assert float((before * aims).sum(dim=1).mean()) < 0.4
