"""How the command behaves: help, errors in one line, quiet when nobody watches."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import click
import pytest

from conftest import COMMAND, DEMO_SOUNDS, Soundkin
from docs.refresh_commands import render_help
from soundkin.cli import commands
from sounds import make_noise, write_sound
from terminals import read_terminal

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", sorted(commands.commands))
def test_every_command_has_help_with_examples_and_stands_in_the_docs(
    soundkin: Soundkin, name: str
) -> None:
    text = soundkin(name, "--help").stdout
    assert text.startswith(f"Usage: soundkin {name}")
    assert "Examples:" in text
    page = (ROOT / "docs" / "commands.md").read_text("utf-8")
    assert render_help(name) in page, "run: python -m docs.refresh_commands"


@pytest.mark.parametrize(
    "words",
    [["list"], ["info"], ["dups"], ["verify"], ["search", DEMO_SOUNDS / "bd_808.flac"]],
    ids=lambda words: words[0],
)
def test_a_command_imports_what_it_needs_by_itself(demo: Soundkin, words: list[str]) -> None:
    cold = Soundkin(demo.library)
    cold.env["SOUNDKIN_COLD"] = "1"
    said = [re.sub(r"[\d.]+ m?s\b", "", run(*words).stdout) for run in (cold, demo)]
    assert said[0] == said[1]


def test_every_option_has_help() -> None:
    for command in commands.commands.values():
        for option in command.params:
            assert not isinstance(option, click.Option) or option.help, (command.name, option.name)


def test_help_and_version_load_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['soundkin', '--help']\n"
        "from soundkin.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'onnxruntime', 'av', 'rich', 'soundfile', 'sqlite3', 'pyarrow', 'PIL'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_searching_never_loads_torch_or_the_network(demo: Soundkin) -> None:
    code = (
        "import sys\n"
        "import soundkin\n"
        f"library = soundkin.Library.open({str(demo.library)!r})\n"
        f"soundkin.Searcher(library).search({str(DEMO_SOUNDS / 'bd_808.flac')!r})\n"
        "assert not {'torch', 'requests', 'urllib3', 'httpx'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["search", "x.wav"], "no library there; make it with: soundkin index FOLDER"),
        (["list"], "no library there"),
        (["index", "/no/such/folder"], "/no/such/folder: no such file or folder"),
        (["index"], "no library there"),
        (["index", "{folder}", "--model", "nonesuch"], "no model 'nonesuch'"),
        (["embed", "/no/such.wav", "-o", "{folder}/x.npz"], "/no/such.wav: no such file"),
        (["embed", "{folder}", "-o", "/no/such/folder/x.npz"], "its folder does not exist"),
        (["search", "x.wav", "--library", "{folder}"], "not a file"),
        (["search", "x.wav", "--library", __file__], "not a soundkin library"),
        (["index", "{folder}", "--library", "/proc/x/y.sqlite"], "/proc/x: no such folder"),
        (["nonesuch"], "No such command"),
        (["search"], "Missing argument"),
        (["search", "a.wav", "--top", "0"], "0 is not in the range"),
        (["remove", "x.wav"], "no library there"),
        (["tag", "x.wav"], "give paths and"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line_and_status_2(
    soundkin: Soundkin, folder: Path, arguments: list[str], message: str
) -> None:
    filled = [argument.format(folder=folder) for argument in arguments]
    done = soundkin(*filled, status=2)
    assert message in done.stderr
    assert done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if line and not line.startswith("Usage")]
    assert len([line for line in lines if not line.startswith("Try ")]) == 1


def test_an_empty_library_says_what_to_do(soundkin: Soundkin, folder: Path) -> None:
    assert "no sound files there" in soundkin("index", folder, status=2).stderr
    assert "it is empty; run: soundkin index FOLDER" in soundkin("search", "x", status=2).stderr
    assert soundkin("list").stdout.count("\n") <= 2


def test_a_file_that_is_no_library_is_refused_and_left_alone(
    soundkin: Soundkin, folder: Path
) -> None:
    write_sound(folder / "a.wav", make_noise(0.2))
    soundkin.library.write_text("my diary\n" * 1000)
    assert "not a soundkin library" in soundkin("index", folder, status=2).stderr
    assert soundkin.library.read_text() == "my diary\n" * 1000
    soundkin.library.unlink()
    connection = sqlite3.connect(soundkin.library)
    connection.execute("CREATE TABLE mine (x)")
    connection.commit()
    connection.close()
    assert "not a soundkin library" in soundkin("index", folder, status=2).stderr
    connection = sqlite3.connect(soundkin.library)
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("mine",)]
    connection.close()


def test_a_library_of_a_newer_soundkin_is_refused(soundkin: Soundkin, folder: Path) -> None:
    write_sound(folder / "a.wav", make_noise(0.2))
    soundkin("index", folder)
    connection = sqlite3.connect(soundkin.library)
    connection.execute("PRAGMA user_version = 9999")
    connection.close()
    assert "a newer soundkin wrote it" in soundkin("list", status=2).stderr


def test_a_full_disk_is_one_clear_line_and_loses_nothing(soundkin: Soundkin, folder: Path) -> None:
    for seed in range(30):
        write_sound(folder / f"{seed}.wav", make_noise(12.0, seed, 8000), 8000)
    limited = ["bash", "-c", 'ulimit -f 300; exec "$0" "$@"', COMMAND, "index", folder]
    done = subprocess.run(
        limited, env=soundkin.env, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert re.search(r"disk (is full|cannot be)", done.stderr)
    kept = len(soundkin.paths())
    assert 0 < kept < 30
    assert f"{30 - kept} embedded, {kept} unchanged" in soundkin("index", folder).stdout


def test_progress_goes_to_a_terminal_only(soundkin: Soundkin, folder: Path) -> None:
    for seed in range(3):
        write_sound(folder / f"{seed}.wav", make_noise(1.0, seed))
    done = soundkin("index", folder)
    assert done.stderr == ""
    assert "3 embedded" in done.stdout
    assert soundkin("index", folder, "--quiet").stdout == ""

    pty = pytest.importorskip("pty", reason="this system has no such terminals")
    leader, follower = pty.openpty()
    run = subprocess.Popen(
        [COMMAND, "index", "--rebuild"],
        env=soundkin.env | {"TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=follower,
    )
    os.close(follower)
    shown = read_terminal(leader)
    run.communicate()
    os.close(leader)
    assert b"3/3 files" in shown
    assert b"of audio" in shown


def test_a_reader_that_has_enough_is_no_error(demo: Soundkin) -> None:
    pipeline = f"'{COMMAND}' list --json | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", pipeline],
        env=demo.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_complete(soundkin: Soundkin, shell: str) -> None:
    assert "_SOUNDKIN_COMPLETE" in soundkin("completion", shell).stdout
    done = subprocess.run(
        [COMMAND],
        env=soundkin.env
        | {"_SOUNDKIN_COMPLETE": "bash_complete", "COMP_WORDS": "soundkin se", "COMP_CWORD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "search" in done.stdout


def test_a_library_in_a_read_only_folder_is_searched(demo: Soundkin, tmp_path: Path) -> None:
    folder = tmp_path / "read only"
    folder.mkdir()
    (folder / "library.sqlite").write_bytes(demo.library.read_bytes())
    folder.chmod(0o555)
    try:
        command = Soundkin(folder / "library.sqlite")
        assert len(command.json("search", DEMO_SOUNDS / "bd_808.flac")) == 10
    finally:
        folder.chmod(0o755)
