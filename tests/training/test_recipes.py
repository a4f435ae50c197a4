"""What a recipe may hold, and what is said of one that holds something else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conftest import Soundkin
from soundkin.errors import ModelError
from soundkin.training.recipe import Recipe

CORPUS = Path(__file__).parents[2] / "corpus"

REFUSED = [
    ('steps = "many"', "training.steps: it should be a valid integer, not 'many'"),
    ('steps = "12"', "training.steps: it should be a valid integer, not '12'"),
    ("steps = 12.0", "training.steps: it should be a valid integer, not 12.0"),
    ("steps = true", "training.steps: it should be a valid integer, not True"),
    ("steps = 1979-05-27", "training.steps: it should be a valid integer, not '1979-05-27'"),
    ("steps = 0", "training.steps: it should be greater than or equal to 1, not 0"),
    ("batch_size = 1", "training.batch_size: it should be greater than or equal to 2, not 1"),
    ("learning_rate = 0", "training.learning_rate: it should be greater than 0, not 0"),
    ("learning_rate = inf", "training.learning_rate: it should be a finite number, not inf"),
    ("held_out = 1.0", "training.held_out: it should be less than 1, not 1.0"),
    ("held_out = 0", "training.held_out: it should be greater than 0, not 0"),
    ("loss = 3", "training.loss: loss must be one of 'triplet' or 'contrastive', not 3"),
    ("network = 3", "training.network: it should be an object, not 3"),
    ("speed = 9", "training.speed: no 'speed' in TrainingConfig; it may have steps, batch_size,"),
    (
        '[training.network]\nchannels = [1, "a"]',
        "training.network.channels.1: it should be a valid integer, not 'a'",
    ),
    ("[training.network]\nchannels = []", "training.network.channels: it must have 1 or more"),
    ("[training.network.more]\nx = 1", "training.network.more: no 'more' in NetworkConfig;"),
    (
        "[training.deformations]\npitch_share = 1.5",
        "training.deformations: pitch_share must lie within 0 and 1, not 1.5",
    ),
    (
        "[training.deformations]\nstretch = 0.5",
        "training.deformations: stretch must be 1 or more, not 0.5",
    ),
    (
        "[training.deformations]\ngain_db = -1",
        "training.deformations: gain_db must be 0 or more, not -1",
    ),
    (
        "[training.deformations]\nnoise_levels = [0.1]",
        "training.deformations: noise_levels must be two numbers",
    ),
]


@pytest.mark.parametrize(("line", "message"), REFUSED)
def test_what_makes_no_sense_is_refused_by_its_key(line: str, message: str) -> None:
    text = f"[model]\nname = 'x'\n[training]\n{line}\n"
    with pytest.raises(ModelError, match=f"^recipe: {re.escape(message)}") as refused:
        Recipe.from_toml(text)
    assert "\n" not in str(refused.value)


def test_sizes_that_no_model_can_have_are_refused() -> None:
    text = "[model]\nname = 'x'\nsegments = { segment_s = 9999.0 }\n"
    with pytest.raises(ModelError, match=r"^mine\.toml: model x: a segment has up to 120 s"):
        Recipe.from_toml(text, "mine.toml")
    text = "[model]\nname = 'x'\nmel = { n_mels = 64.5 }\n"
    with pytest.raises(ModelError, match=r"^mine\.toml: model\.mel\.n_mels: it should be a valid"):
        Recipe.from_toml(text, "mine.toml")


def test_whole_numbers_stand_for_others_and_lists_for_tuples() -> None:
    text = (
        "[model]\nname = 'x'\n[training]\nmargin = 1\n[training.network]\nchannels = [8, 12]\n"
        "[training.deformations]\nnoise_levels = [0, 1]\ngain_db = 3\n"
    )
    training = Recipe.from_toml(text).training
    assert (training.margin, training.network.channels) == (1.0, (8, 12))
    assert training.deformations.noise_levels == (0.0, 1.0)
    assert training.deformations.gain_db == 3.0


def test_the_recipes_of_the_corpus_can_be_read() -> None:
    teacher = Recipe.from_toml((CORPUS / "teacher.toml").read_text("utf-8"))
    assert teacher.training.network.channels == (48, 128, 256, 512)


def test_the_command_names_the_recipes_file(soundkin: Soundkin, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs: pip install 'soundkin[train]'")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("[model]\nname = 'x'\n[training]\nsteps = 'many'\n")
    arguments = ["train", tmp_path, "--output", tmp_path / "out", "--config", recipe]
    told = soundkin(*arguments, status=2).stderr
    assert told.count("\n") == 1
    assert f"{recipe}: training.steps: it should be a valid integer, not 'many'" in told
