"""Training without labels: mining against a slow reference, deformations, and runs that learn."""

from __future__ import annotations

import json
import os
import pickle
import re
import signal
import time
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from conftest import DEMO_SOUNDS, Soundkin
from soundkin.audio import read_audio
from soundkin.config import (
    MelConfig,
    ModelConfig,
    NetworkConfig,
    Recipe,
    SegmentConfig,
)
from soundkin.embedding import Embedder
from soundkin.errors import ModelError, TrainingError
from soundkin.features import compute_log_mel
from soundkin.finishing import SPREAD_POWER, compute_spread, find_emptiest
from soundkin.model import find_model, load_model
from soundkin.network import Network, export_network
from soundkin.pairs import NO_DEFORMATION, PairDrawer, shift_pitch, stretch_time
from soundkin.training import StepReport, train_model
from soundkin.triplets import compute_contrastive_loss, compute_triplet_loss, mine_semi_hard
from soundkin.validation import HeldOutScore
from soundkin.waveforms import WaveformCache, build_cache
from sounds import make_noise, make_sweep, make_tone, write_sound

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


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> WaveformCache:
    return build_cache([DEMO_SOUNDS], tmp_path_factory.mktemp("cache") / "demo.pcm", 16_000)


def mine_slowly(distances: np.ndarray, recordings: list[int], margin: float) -> list[int]:
    """Choose negatives as the words say, one at a time."""
    chosen = []
    for row in range(len(distances)):
        positive = distances[row, row]
        candidates = [c for c in range(len(distances)) if recordings[c] != recordings[row]]
        semi_hard = [c for c in candidates if positive < distances[row, c] < positive + margin]
        further = [c for c in candidates if distances[row, c] > positive]
        if semi_hard:
            chosen.append(min(semi_hard, key=lambda c: (distances[row, c], c)))
        elif further:
            chosen.append(min(further, key=lambda c: (distances[row, c], c)))
        elif candidates:
            chosen.append(min(candidates, key=lambda c: (-distances[row, c], c)))
        else:
            chosen.append(-1)
    return chosen


@pytest.mark.parametrize("seed", range(20))
def test_mining_is_the_slow_reference_with_ties_and_rows_without_candidates(seed: int) -> None:
    generator = np.random.default_rng(seed)
    size = int(generator.integers(2, 24))
    distances = np.round(generator.uniform(0, 2, (size, size)), 1)  # rounded, so that many tie
    n_recordings = 1 if seed == 0 else int(generator.integers(1, size + 1))
    recordings = generator.integers(0, n_recordings, size)
    chosen, usable = mine_semi_hard(
        torch.from_numpy(distances), torch.from_numpy(recordings), margin=0.2
    )
    expected = mine_slowly(distances, recordings.tolist(), 0.2)
    for row, slow in enumerate(expected):
        assert bool(usable[row]) == (slow >= 0)
        if slow >= 0:
            assert int(chosen[row]) == slow
            assert recordings[slow] != recordings[row]


def test_the_triplet_loss_is_its_equation() -> None:
    generator = torch.Generator().manual_seed(0)
    unit = torch.nn.functional.normalize
    anchors, positives = unit(torch.randn(2, 16, 8, generator=generator), dim=2)
    recordings = torch.arange(16) // 2
    loss, statistics = compute_triplet_loss(anchors, positives, recordings, 0.3)
    distances = 1 - anchors @ positives.T
    chosen = mine_slowly(distances.numpy(), recordings.tolist(), 0.3)
    hinges = [
        max(0.0, float(distances[i, i] - distances[i, n]) + 0.3) for i, n in enumerate(chosen)
    ]
    assert float(loss) == pytest.approx(np.mean(hinges), abs=1e-6)
    assert statistics.hard + statistics.semi_hard + statistics.easy == pytest.approx(1)


def test_the_contrastive_loss_leaves_out_the_anchors_own_recording() -> None:
    vectors = torch.nn.functional.normalize(torch.ones(4, 3), dim=1)
    alone = compute_contrastive_loss(vectors, vectors, torch.zeros(4, dtype=torch.int64), 0.1)
    assert float(alone) == pytest.approx(0)
    apart = compute_contrastive_loss(vectors, vectors, torch.arange(4), 0.1)
    assert float(apart) == pytest.approx(np.log(4), abs=1e-4)


def test_no_deformation_is_the_identity_and_the_front_end_of_inference(
    cache: WaveformCache,
) -> None:
    recordings = np.flatnonzero(np.diff(cache.offsets) > 2 * 16_000)
    drawer = PairDrawer(cache, recordings, MODEL, NO_DEFORMATION)
    batch = drawer.draw(8, np.random.default_rng(0))
    assert torch.allclose(batch.anchors, batch.positives, atol=1e-4)
    waveform = cache.samples[cache.offsets[recordings[0]] :][:16_000] / np.float32(32767)
    drawer._draw_start = lambda recording, generator: 0  # type: ignore[method-assign]
    drawer._recordings, drawer._shares = recordings[:1], np.ones(1)
    found = drawer.draw(1, np.random.default_rng(0)).anchors[0].numpy()
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
        drawer = PairDrawer(cache, np.zeros(1, np.int64), MODEL, NO_DEFORMATION)
        powers = drawer._compute_powers(drawer._read(0, 0)[None])
        return torch.log(shift_pitch(powers, np.array([shift]), MODEL) + 1e-4).mean(dim=2)[0]

    plain = compute_mels(440, 0)
    by_filters = compute_mels(440, semitones)
    audible = compute_mels(440 * 2 ** (semitones / 12), 0)
    assert float((by_filters - audible).abs().mean()) < 0.25
    assert float((plain - audible).abs().mean()) > 0.5


def test_a_stretched_sweep_is_a_slower_or_faster_sweep() -> None:
    rising = torch.arange(30.0)[None, None].expand(3, 1, 30)
    found = stretch_time(rising, np.array([1.0, 0.5, 1.5]), 20)[:, 0]
    assert torch.allclose(found[0], torch.arange(20.0))
    assert torch.allclose(found[1], torch.arange(20.0) / 2)
    assert torch.allclose(found[2, :19], torch.arange(19.0) * 1.5)


def test_the_cache_holds_every_recording_once_decoded_as_for_inference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soundkin.waveforms.SPOOL_BYTES", 1 << 16)  # so that some go to disk
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
    drawer = PairDrawer(cache, np.arange(2), MODEL, NO_DEFORMATION)
    assert drawer._shares[1] / drawer._shares[0] == pytest.approx(np.sqrt(10))


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
    config = replace(RECIPE, steps=120)
    result = train_model(cache, tmp_path, MODEL, config)
    assert result.after.found > 1.4 * result.before.found
    assert result.after.median_rank < 0.5 * result.before.median_rank
    spread = result.after.negative_distance - result.after.positive_distance
    assert spread > result.before.negative_distance - result.before.positive_distance


def test_what_all_sounds_share_is_taken_off_the_embedding(
    cache: WaveformCache, tmp_path: Path
) -> None:
    model = load_model(train_model(cache, tmp_path, MODEL, replace(RECIPE, steps=30)).model)
    drawer = PairDrawer(cache, np.arange(len(cache.offsets) - 1), MODEL, NO_DEFORMATION)
    sounds = drawer.draw(400, np.random.default_rng(5)).anchors.numpy()
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
    spread = compute_spread(moves)
    evened = torch.linalg.svdvals(moves @ spread) / torch.linalg.svdvals(moves @ spread).mean()
    wanted = reaches ** (1 - SPREAD_POWER)  # so much of the way is left, by their logarithms
    wanted = wanted.flip(0) / wanted.mean()
    assert torch.allclose(evened, wanted, rtol=0.05)
    assert torch.allclose(spread, spread.T, atol=1e-5)
    assert torch.equal(compute_spread(torch.zeros(10, 128)), torch.eye(128))


def test_silence_lies_where_sounds_have_least() -> None:
    vectors = torch.randn(500, 128, generator=torch.Generator().manual_seed(0))
    vectors[:, 17] = 0
    assert torch.allclose(find_emptiest(vectors), torch.eye(128)[17], atol=1e-5)


def load_network(folder: Path) -> Network:
    """Load the network of a checkpoint, as training had it."""
    state = torch.load(folder / "checkpoint.pt", weights_only=True)
    network = Network(RECIPE.network, MODEL.mel.n_mels)
    network.load_state_dict(state["best"]["weights"])
    return network.eval()


def test_only_a_share_of_the_sounds_is_deformed(cache: WaveformCache) -> None:
    recordings = np.arange(len(cache.offsets) - 1)
    for name, strength in (("pitch", {"pitch_semitones": 5.0}), ("stretch", {"stretch": 1.5})):
        config = replace(NO_DEFORMATION, **strength, **{f"{name}_share": 0.3})
        none = replace(config, **{f"{name}_share": 0.0})
        drawn = [
            PairDrawer(cache, recordings, MODEL, c).draw(300, np.random.default_rng(1)).anchors
            for c in (config, none)
        ]
        is_same = (drawn[0] == drawn[1]).flatten(1).all(dim=1)
        assert 0.6 < float(is_same.float().mean()) < 0.8


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
    text = (resources.files("soundkin") / "recipes" / "original.toml").read_text("utf-8")
    recipe = Recipe.from_toml(text)
    short = replace(recipe.training, steps=2, batch_size=8)
    result = train_model(
        build_cache([DEMO_SOUNDS], tmp_path / "demo.pcm", 11_025), tmp_path, recipe.model, short
    )
    assert (
        Embedder.load(result.model).embed_file(DEMO_SOUNDS / "bd_808.flac").vectors.shape[1] == 128
    )


def test_one_deformation_a_batch_leaves_the_anchors_alone(cache: WaveformCache) -> None:
    many = replace(RECIPE.deformations, one_per_batch=True, proximity_share=1.0, mixture_share=0.0)
    recordings = np.arange(len(cache.offsets) - 1)
    kinds = set()
    for seed in range(12):
        draws = [
            PairDrawer(cache, recordings, MODEL, config).draw(16, np.random.default_rng(seed))
            for config in (many, replace(NO_DEFORMATION, one_per_batch=True))
        ]
        assert torch.equal(draws[0].anchors, draws[1].anchors)
        kinds.add(bool(torch.equal(draws[0].positives, draws[1].positives)))
    assert False in kinds


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
    folder = resources.files("soundkin") / "recipes"
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
