"""What a person types at the terminal is understood, and what is printed there fits it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from conftest import COMMAND, DEMO_SOUNDS, Soundkin
from sounds import make_noise, make_tone, write_sound
from terminals import read_terminal

CROW = DEMO_SOUNDS / "misc_crow.flac"


def run_in_terminal(soundkin: Soundkin, columns: int, *arguments: Any) -> list[str]:
    """Run with a terminal for its output; gives the lines that came."""
    pty = pytest.importorskip("pty", reason="this system has no such terminals")
    leader, follower = pty.openpty()
    command = [COMMAND, *map(str, arguments)]
    env = soundkin.env | {"COLUMNS": str(columns), "TERM": "xterm"}
    run = subprocess.Popen(command, env=env, stdout=follower, stderr=subprocess.DEVNULL)
    os.close(follower)
    shown = read_terminal(leader)
    os.close(leader)
    assert run.wait() == 0
    return shown.decode().splitlines()


@pytest.fixture
def two_packs(soundkin: Soundkin, folder: Path) -> Soundkin:
    """Give the command over a library of a few folders, three deep."""
    for number, name in enumerate(("A/Drums/kick 1", "A/Drums/kick 2", "B/Drums/rim 1", "B/pad")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_sound(folder / f"{name}.wav", make_tone(200 * 1.1**number, 0.5))
    soundkin("index", folder)
    return soundkin


def list_stems(soundkin: Soundkin, *arguments: Any) -> list[str]:
    """List what passes some filters, by name."""
    return [Path(row["path"]).stem for row in soundkin.json("list", *arguments)]


def test_a_region_is_given_by_times_as_they_are_printed(demo: Soundkin) -> None:
    as_seconds = demo.json("search", CROW, "--from", 0.25, "--to", 0.5)
    for start, end in (("0:00.25", "0:00.5"), ("0:0.25", "0:00:00.50")):
        assert demo.json("search", CROW, "--from", start, "--to", end) == as_seconds
    assert list_stems(demo, "--min-duration", "0:05") == list_stems(demo, "--min-duration", 5)
    for wrong, reason in (("0:75", "60 seconds"), ("1:2:3:4", "no time"), ("a:1", "no time")):
        assert reason in demo("search", CROW, "--from", wrong, status=2).stderr
    assert "is not in the range" in demo("search", CROW, "--from", -1, status=2).stderr


def test_names_are_words_in_any_order(two_packs: Soundkin) -> None:
    assert list_stems(two_packs, "--name", "1 drums") == ["kick 1", "rim 1"]
    assert list_stems(two_packs, "--name", "drums/1 -KICK") == ["rim 1"]
    assert list_stems(two_packs, "--name", "drums", "--name", "-rim") == ["kick 1", "kick 2"]
    two_packs("tag", "pad.wav", "--add", "Lush, wide")
    assert list_stems(two_packs, "--name", "wide lush b") == ["pad"]
    hits = two_packs.json("search", "B/pad.wav", "--name", "drums -2", "--exclude-self")
    assert {Path(hit["path"]).stem for hit in hits} == {"kick 1", "rim 1"}


def test_folders_are_known_by_the_end_of_their_path_from_anywhere(
    two_packs: Soundkin, folder: Path, tmp_path: Path
) -> None:
    drums = ["kick 1", "kick 2", "rim 1"]
    for place in (tmp_path, folder, folder / "A", Path("/")):
        found = two_packs("list", "--folder", "Drums", "--json", cwd=place).stdout.splitlines()
        stems = [Path(json.loads(row)["path"]).stem for row in found]
        assert stems == (drums[:2] if place == folder / "A" else drums)
    assert list_stems(two_packs, "--folder", "B/Drums") == ["rim 1"]
    assert list_stems(two_packs, "--not-folder", "A", "--not-folder", "B/Drums/") == ["pad"]
    assert list_stems(two_packs, "--folder", "Drums", "--not-folder", "A/Drums") == ["rim 1"]
    for name, meant in (("Drms", "Drums"), ("b/drums", "B/Drums")):
        for option in ("--folder", "--not-folder"):
            refused = two_packs("list", option, name, status=2).stderr
            assert f"{name}: no such folder in {two_packs.library}; did you mean {meant}" in refused


def test_tables_are_never_wider_than_the_terminal(soundkin: Soundkin, folder: Path) -> None:
    name = "ドラム " + "very-long-name-" * 14 + "end"
    write_sound(folder / f"{name}.wav", make_noise(0.5, 0))
    write_sound(folder / "b.wav", make_noise(0.5, 1))
    soundkin("index", folder)
    soundkin("tag", "b.wav", "--add", "tag " * 30)
    for columns in (200, 60, 24):
        for command in (("search", folder / "b.wav"), ("list",)):
            lines = run_in_terminal(soundkin, columns, *command)
            assert len(lines) == 4
            assert max(map(cell_len, lines)) <= columns
            assert columns < 60 or any("end.wav" in line for line in lines)
    piped = soundkin("list").stdout
    assert name in piped  # nothing is cut for programs
    assert len(piped.splitlines()[1]) <= 200


def test_a_path_behind_a_minus_is_explained(demo: Soundkin) -> None:
    said = demo("search", CROW, "-Drums/x.ogg", status=2).stderr
    assert "put a space behind the minus: - Drums/x.ogg" in said
    assert "./-Drums/x.ogg" in said
    assert "./-name.wav" in demo("search", CROW, "-name.wav", status=2).stderr
    only_file = demo("find", "-Drums/x.ogg", status=2).stderr
    assert "./-Drums/x.ogg" in only_file
    assert "subtract" not in only_file
    assert "No such option" in demo("search", CROW, "-x", status=2).stderr


@pytest.mark.parametrize(("data", "reason"), [(b"", "it is empty"), (b"no sound", "not sound")])
def test_standard_input_is_called_that(demo: Soundkin, data: bytes, reason: str) -> None:
    said = demo("search", "-", input=data, text=False, errors=None, status=2).stderr.decode()
    assert said.startswith("soundkin: standard input: ")
    assert reason in said


def test_a_take_from_standard_input_is_called_that(demo: Soundkin, folder: Path) -> None:
    silence = make_noise(1.5, 0) * 0
    write_sound(folder / "take.wav", [*silence, *make_noise(0.3, 1), *silence])
    data = (folder / "take.wav").read_bytes()
    done = demo("search", "-", input=data, text=False, errors=None)
    assert done.stderr.decode().startswith("soundkin: standard input: 0.")


def test_no_folder_is_made_for_a_mistyped_library(
    soundkin: Soundkin, folder: Path, tmp_path: Path
) -> None:
    write_sound(folder / "a.wav", make_noise(0.2))
    for name in ("nope/x.sqlite", "nope/deeper/x.sqlite"):
        library = tmp_path / name
        for command in (("index", folder), ("serve", "--no-open"), ("watch", folder)):
            refused = soundkin(*command, "--library", library, status=2).stderr
            assert f"{library.parent}: no such folder" in refused
    assert not (tmp_path / "nope").exists()
    soundkin.env.pop("SOUNDKIN_LIBRARY")
    soundkin.env["XDG_DATA_HOME"] = str(tmp_path / "new" / "data")
    soundkin("index", folder)  # where soundkin keeps its own, the folder is made
    assert (tmp_path / "new" / "data" / "soundkin" / "library.sqlite").is_file()


def test_help_groups_commands_by_what_they_are_for(soundkin: Soundkin) -> None:
    lines = soundkin("--help").stdout.splitlines()
    titles = [line for line in lines if line.endswith(":") and not line.startswith((" ", "Usage"))]
    assert titles == ["Options:", "Find:", "Library:", "Care:", "Models:", "Shell:"]
    assert lines[lines.index("Find:") + 1].split()[0] == "search"
    assert lines[lines.index("Library:") + 1].split()[0] == "index"
    assert not any(line.endswith("...") for line in lines[1:])
