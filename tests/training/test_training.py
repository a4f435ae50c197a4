"""Training without labels, from the weights to the command: runs that learn, stop and go on."""

from __future__ import annotations

import json
import os
import pickle
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from conftest import DEMO_SOUNDS, Soundkin
from soundkin.embedding.embedder import Embedder
from soundkin.embedding.model import find_model, load_model
from soundkin.errors import ModelError, TrainingError
from soundkin.training import trainer, validation
from soundkin.training.excerpts import MappedExcerpts
from soundkin.training.export import (
    SPREAD_POWER,
    compute_whitening,
    export_network,
    find_silence_direction,
)
from soundkin.training.network import Network
from soundkin.training.pairs import NO_DEFORMATION, PairDrawer, make_generator
from soundkin.training.recipe import NetworkConfig, Recipe
from soundkin.training.trainer import StepReport, train_model
from soundkin.training.validation import HeldOutScore
from soundkin.training.waveform_cache import WaveformCache, build_cache
from sounds import make_sweep, write_sound
from tiny_training import MODEL, RECIPE, TINY


@pytest.fixture(autouse=True, scope="module")
def _score_in_small() -> Iterator[None]:
    """Have networks scored and finished by a quarter of the pairs, which takes most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(validation, "N_PAIRS", 256)
        patch.setattr(trainer, "FINISHING_BATCHES", 16)
        yield


@pytest.mark.parametrize(
    "config",
    [RECIPE.network, NetworkConfig("residual", (8, 12)), NetworkConfig("plain", (4, 8))],
)
def test_the_exported_graph_gives_what_torch_gives(tmp_path: Path, config: NetworkConfig) -> None:
    torch.manual_seed(0)
    network = Network(config, MODEL.mel.n_mels)
    with torch.no_grad():
        for _ in range(5):  # so that the normalisations have something to fold
            network(3 * torch.randn(64, MODEL.mel.n_mels, MODEL.n_frames) - 5)
        network.centre.copy_(0.1 * torch.randn(128))
        network.spread.add_(0.1 * torch.randn(128, 128))
        network.silence.copy_(torch.eye(128)[3])
        network.floor.fill_(-18.0)
    network.eval()
    path = tmp_path / "tiny.onnx"
    path.write_bytes(export_network(network, MODEL, "by a test"))
    model = load_model(path)
    assert model.config == MODEL
    assert model.provenance == "by a test"
    inputs = 3 * torch.randn(50, MODEL.mel.n_mels, MODEL.n_frames) - 5
    inputs[7:9] = -20.0
    with torch.no_grad():
        expected = network(inputs).numpy()
    assert np.abs(model.embed(inputs.numpy()) - expected).max() < 1e-4
    assert np.array_equal(expected[7:9], np.eye(128)[[3, 3]])
    assert not np.isclose(expected[:7], np.eye(128)[3]).all(axis=1).any()


def test_a_tiny_run_learns(cache: WaveformCache, tmp_path: Path) -> None:
    config = replace(RECIPE, steps=120, checkpoint_every=60)
    result = train_model(cache, tmp_path, MODEL, config)
    assert result.after.found > 1.4 * result.before.found
    assert result.after.median_rank < 0.5 * result.before.median_rank
    spread = result.after.negative_distance - result.after.positive_distance
    assert spread > result.before.negative_distance - result.before.positive_distance


def test_what_all_sounds_share_is_taken_off_the_embedding(
    cache: WaveformCache, tmp_path: Path
) -> None:
    model = load_model(train_model(cache, tmp_path, MODEL, replace(RECIPE, steps=30)).model)
    recordings = np.arange(len(cache.offsets) - 1)
    drawer = PairDrawer(MappedExcerpts(cache), recordings, MODEL, NO_DEFORMATION)
    sounds = drawer.draw(400, make_generator([5])).anchors.numpy()
    uncentred = load_network(tmp_path)
    with torch.no_grad():
        before = uncentred(torch.from_numpy(sounds)).numpy()
    assert np.linalg.norm(before.mean(axis=0)) > 2 * np.linalg.norm(
        model.embed(sounds).mean(axis=0)
    )


def test_directions_in_which_deformed_sounds_move_are_made_smaller() -> None:
    generator = torch.Generator().manual_seed(0)
    reaches = torch.linspace(0.1, 2.0, 128)
    turn, _ = torch.linalg.qr(torch.randn(128, 128, generator=generator))
    moves = reaches * torch.randn(20_000, 128, generator=generator) @ turn
    spread = compute_whitening(moves)
    evened = torch.linalg.svdvals(moves @ spread) / torch.linalg.svdvals(moves @ spread).mean()
    wanted = reaches ** (1 - SPREAD_POWER)  # so much of the way is left, by their logarithms
    wanted = wanted.flip(0) / wanted.mean()
    assert torch.allclose(evened, wanted, rtol=0.05)
    assert torch.allclose(spread, spread.T, atol=1e-5)
    assert torch.equal(compute_whitening(torch.zeros(10, 128)), torch.eye(128))


def test_silence_lies_where_sounds_have_least() -> None:
    vectors = torch.randn(500, 128, generator=torch.Generator().manual_seed(0))
    vectors[:, 17] = 0
    assert torch.allclose(find_silence_direction(vectors), torch.eye(128)[17], atol=1e-5)


def load_network(folder: Path) -> Network:
    """Load the network of a checkpoint, as training had it."""
    state = torch.load(folder / "checkpoint.pt", weights_only=True)
    network = Network(RECIPE.network, MODEL.mel.n_mels)
    network.load_state_dict(state["best"]["weights"])
    return network.eval()


def test_training_goes_on_from_the_weights_of_a_model(cache: WaveformCache, tmp_path: Path) -> None:
    first = train_model(cache, tmp_path / "first", MODEL, RECIPE)
    config = replace(RECIPE, steps=1)
    second = train_model(cache, tmp_path / "second", MODEL, config, init=find_model(first.model))
    assert second.before == first.after
    origin = json.loads(load_model(second.model).provenance)["recipe"]["init"]
    assert origin == {"name": "tiny.onnx", "hash": find_model(first.model).hash}


def test_training_does_not_go_on_from_another_network(cache: WaveformCache, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not a model of the recipe's network"):
        train_model(cache, tmp_path, MODEL, RECIPE, init=find_model("kin"))
    model = tmp_path / "same-shape.onnx"
    network = Network(RECIPE.network, MODEL.mel.n_mels)
    other = replace(MODEL, mel=replace(MODEL.mel, log_offset=1e-3))
    model.write_bytes(export_network(network, other, ""))
    with pytest.raises(ModelError, match="same channels, segments and mel bands"):
        train_model(cache, tmp_path, MODEL, RECIPE, init=find_model(model))


def test_training_that_no_longer_helps_stops_early_and_keeps_the_best(
    cache: WaveformCache, tmp_path: Path
) -> None:
    scores: dict[int, HeldOutScore] = {}

    def collect(report: StepReport) -> None:
        if report.held_out is not None:
            scores[report.step] = report.held_out

    config = replace(RECIPE, steps=400, checkpoint_every=2, patience=3, learning_rate=1e-7)
    result = train_model(cache, tmp_path, MODEL, config, on_step=collect)
    assert len(scores) < 200
    scores[0] = result.before
    assert scores[result.step].found == max(score.found for score in scores.values())


def test_the_original_recipe_trains(cache: WaveformCache, tmp_path: Path) -> None:
    text = (resources.files("soundkin.training") / "recipes" / "original.toml").read_text("utf-8")
    recipe = Recipe.from_toml(text)
    short = replace(recipe.training, steps=2, batch_size=8)
    result = train_model(
        build_cache([DEMO_SOUNDS], tmp_path / "demo.pcm", 11_025), tmp_path, recipe.model, short
    )
    assert (
        Embedder.load(result.model).embed_file(DEMO_SOUNDS / "bd_808.flac").vectors.shape[1] == 128
    )


@pytest.mark.parametrize("loss", ["triplet", "contrastive"])
def test_a_resumed_run_is_the_run_never_stopped(
    cache: WaveformCache, tmp_path: Path, loss: str
) -> None:
    config = replace(RECIPE, loss=loss, steps=20)
    whole: list[float] = []
    train_model(cache, tmp_path / "whole", MODEL, config, on_step=lambda r: whole.append(r.loss))

    class StopError(Exception):
        pass

    parts: list[float] = []

    def stop(report: object) -> None:
        parts.append(report.loss)  # type: ignore[attr-defined]
        if len(parts) == 14:
            raise StopError

    with pytest.raises(StopError):
        train_model(cache, tmp_path / "parts", MODEL, config, on_step=stop)
    del parts[10:]  # the last checkpoint was after step 10
    train_model(cache, tmp_path / "parts", MODEL, config, on_step=lambda r: parts.append(r.loss))
    assert parts == pytest.approx(whole, abs=1e-5)


def test_training_from_the_command_line_gives_a_model_to_index_with(
    soundkin: Soundkin, tmp_path: Path
) -> None:
    (tmp_path / "recipe.toml").write_text(TINY)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "text.wav").write_text("words")
    arguments = ["train", DEMO_SOUNDS, tmp_path / "bad", "--config", tmp_path / "recipe.toml"]
    done = soundkin(*arguments, "--output", tmp_path / "out")
    assert "text.wav: not sound" in done.stderr
    assert "before training" in done.stdout
    assert re.search(r"after [1-4]0 steps +[\d.]+%", done.stdout)
    log = (tmp_path / "out" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in log] == [10, 20, 30, 40]
    model = tmp_path / "out" / "tiny.onnx"
    provenance = json.loads(load_model(model).provenance)
    assert provenance["step"] in (10, 20, 30, 40)  # the best of them
    assert 0 < provenance["held_out"]["found"] <= 1
    assert not any("bd_808" in str(prop) for prop in onnx.load(model).metadata_props)
    soundkin("index", DEMO_SOUNDS, "--model", model)
    hits = soundkin.json("search", DEMO_SOUNDS / "bd_808.flac")
    assert hits[0]["score"] > 0.999
    assert len(hits) == 10


def test_an_interrupted_training_goes_on(soundkin: Soundkin, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(TINY.replace("steps = 40", "steps = 4000"))
    output = tmp_path / "out"
    arguments = ["train", DEMO_SOUNDS, "--config", tmp_path / "recipe.toml", "--output", output]
    run = soundkin.start(*arguments)
    deadline = time.monotonic() + 90
    while not (output / "log.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    _, errors = run.communicate(timeout=60)
    assert run.returncode == 130, errors
    assert "Traceback" not in errors
    refused = soundkin(*arguments, "--steps", 30, status=2)
    assert "of another recipe" in refused.stderr


def test_what_cannot_be_trained_on_is_refused(soundkin: Soundkin, folder: Path) -> None:
    out = folder.parent / "out"
    assert "no sound to train on" in soundkin("train", folder, "-o", out, status=2).stderr
    for number in range(9):
        write_sound(folder / f"{number}.wav", np.zeros(9000, np.float32) + number / 1e6)
    assert "no sound to train on" in soundkin("train", folder, "-o", out, status=2).stderr
    write_sound(folder / "one.wav", make_sweep(3.0))
    assert "too few" in soundkin("train", folder, "-o", out, status=2).stderr
    assert "no such file" in soundkin("train", "/no/folder", "-o", out, status=2).stderr
    assert "/proc" in soundkin("train", folder, "-o", "/proc/out", status=2).stderr
    missing = soundkin("train", folder, "-o", out, "--config", "/no/recipe.toml", status=2)
    assert "/no/recipe.toml: No such file" in missing.stderr


def test_a_recipe_that_says_nothing_is_the_default_recipe() -> None:
    folder = resources.files("soundkin.training") / "recipes"
    default = Recipe.from_toml((folder / "default.toml").read_text("utf-8"))
    assert Recipe.from_toml("[model]\nname = 'mine'\n") == default
    triplet = Recipe.from_toml((folder / "triplet.toml").read_text("utf-8"))
    assert replace(triplet.training, loss="contrastive") == default.training


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[model]\nname = 'x'\n[training]\nspeed = 9\n", "no 'speed' in TrainingConfig"),
        ("[model]\nname = 'x'\n[training]\nloss = 'magic'\n", "loss must be one of"),
        ("[model\n", "cannot be read"),
        ("[training]\nsteps = 3\n", "cannot be read"),
    ],
)
def test_a_bad_recipe_is_refused(text: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        Recipe.from_toml(text)


class Harm:
    """Unpickled, it makes a folder."""

    def __init__(self, trace: Path) -> None:
        self._trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self._trace),)


def test_a_checkpoint_that_is_damaged_or_would_do_harm_is_refused(
    cache: WaveformCache, tmp_path: Path
) -> None:
    checkpoint, trace = tmp_path / "checkpoint.pt", tmp_path / "harmed"
    torch.save({"recipe": Harm(trace)}, checkpoint)
    harmful = checkpoint.read_bytes(), pickle.dumps(Harm(trace), 2)
    for content in (b"junk" * 100, *harmful):
        checkpoint.write_bytes(content)
        with pytest.raises(TrainingError, match=r"checkpoint\.pt: damaged"):
            train_model(cache, tmp_path, MODEL, RECIPE)
    assert not trace.exists()


def test_a_loss_that_is_no_number_ends_the_run(cache: WaveformCache, tmp_path: Path) -> None:
    config = replace(RECIPE, learning_rate=1e20, steps=9, warmup_steps=0)
    with pytest.raises(TrainingError, match="the loss is no number"):
        train_model(cache, tmp_path, MODEL, config)
