"""Queries that are nonsense or malice: one line and exit 2, or a sane result; never a change."""

from __future__ import annotations

import hashlib
import io
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import click
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import DEMO_SOUNDS, Soundkin
from soundkin.cli import commands
from soundkin.errors import SoundkinError

SOUND = str(DEMO_SOUNDS / "bd_tek.flac")
NUMBERS = ["nan", "inf", "-inf", "-1", "1e300", "1e-300", "-0.0", "1e999", "0x10", "١", "", "1_0"]
SAID = (click.ClickException, click.exceptions.Exit, SoundkinError)
FILTERS = ["--tag", "--ext", "--folder", "--fact", "--min-duration", "--max-duration"]
TRICKS = [
    "' OR 1=1 --", '"; DROP TABLE recordings; --', "%", "_%", "\\", "*", "?", "..", "../../etc",
    "/", "~", "~root", ".", "", " ", "a" * 40_000, "\udcff\udc80", "\u202e", "\n", "\r\n", "é",
    "-", "+", "--", "-x", "0:", ":", "1:", "1:1:1:x", "9" * 400 + ":x", ".:x", "1e5:x", "🥁",
    "=", "==", "pitch=", "pitch=..", "pitch=1..0", "pitch=nan..nan", "pitch=1..2..3", "x=1",
]  # fmt: skip

text = st.one_of(
    st.sampled_from(TRICKS),
    st.binary(max_size=40).map(lambda typed: os.fsdecode(typed.replace(b"\0", b""))),
)


@pytest.fixture(scope="module")
def library(demo: Soundkin, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a library of the demo sounds that is this module's own."""
    path = tmp_path_factory.mktemp("queried") / "library.sqlite"
    Soundkin(path)("index", DEMO_SOUNDS, "-q")
    return path


@pytest.fixture(autouse=True)
def unchanged(library: Path) -> Iterator[None]:
    """See that nothing that is asked changes what is there."""
    before = hash_rows(library)
    yield
    assert hash_rows(library) == before


def hash_rows(library: Path) -> str:
    """Hash all that a library holds."""
    import sqlite3

    with sqlite3.connect(f"file:{library}?mode=ro", uri=True) as connection:
        dumped = "\n".join(connection.iterdump())
    connection.close()
    return hashlib.sha256(dumped.encode("utf-8", "surrogateescape")).hexdigest()


def ask(library: Path, *arguments: str) -> None:
    """Run a command in this process; all but an answer or an error in one line is raised."""
    given_arguments = [*arguments, "--library", str(library)]
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        try:
            commands.main(given_arguments, prog_name="soundkin", standalone_mode=False)
        except (*SAID, OSError):  # of which the command says one line
            pass


FUZZ = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@FUZZ
@given(st.lists(st.tuples(st.sampled_from(FILTERS), text), max_size=3))
def test_filters_are_never_code(library: Path, chosen: list[tuple[str, str]]) -> None:
    options = [word for pair in chosen for word in pair]
    ask(library, "search", SOUND, *options)
    ask(library, "list", "--json", *options)


@FUZZ
@given(st.lists(text, min_size=1, max_size=4))
def test_any_words_for_sounds_are_answered_or_refused(library: Path, words: list[str]) -> None:
    ask(library, "search", "--", *words)


@FUZZ
@given(
    st.sampled_from(["--from", "--to", "--top", "--per-recording", "--weigh", "--min-duration"]),
    st.one_of(st.sampled_from(NUMBERS), st.floats().map(str), st.integers().map(str), text),
    st.sampled_from(["", "1e300:", "0:", "-", "+"]),
)
def test_any_numbers_are_answered_or_refused(
    library: Path, option: str, number: str, weight: str
) -> None:
    value = f"pitch={number}" if option == "--weigh" else number
    ask(library, "search", f"{weight}{SOUND}", option, value, "--exclude-self")


@pytest.mark.parametrize(
    "arguments",
    [
        ("search", SOUND, "--from", "nan"),
        ("search", SOUND, "--from", "inf"),
        ("search", SOUND, "--to", "nan"),
        ("search", SOUND, "--from", "1e300"),
        ("search", SOUND, "-", SOUND),
        ("search", "-", SOUND),
        ("search", "9" * 400 + ":" + SOUND),
        ("search", SOUND, "--weigh", "pitch=nan"),
        ("search", SOUND, "--top", "9" * 30),
        ("search", SOUND, "--max-duration", "nan"),
        ("deform", SOUND, "--from", "nan", "-o", "heard"),
        ("deform", SOUND, "--to", "inf", "-o", "heard"),
    ],
)
def test_absurd_numbers_are_one_line(library: Path, tmp_path: Path, arguments: tuple[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "soundkin", *arguments, "--library", str(library)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
        text=True,
        cwd=tmp_path,
    )
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr
    assert done.returncode in {0, 2}
    if done.returncode == 2:
        assert done.stderr.strip().splitlines()[-1]
        assert not done.stdout


def test_what_is_no_file_of_sound_is_one_line(library: Path, tmp_path: Path) -> None:
    soundkin = Soundkin(library)
    pipe, random_bytes, folder = tmp_path / "pipe.wav", tmp_path / "random.wav", tmp_path / "f.wav"
    os.mkfifo(pipe)
    random_bytes.write_bytes(random.Random(0).randbytes(100_000))
    folder.mkdir()
    for path in (pipe, random_bytes, folder, "/dev/zero", "x" * 5_000):
        for command in (["search", path], ["deform", path, "-o", tmp_path / "heard"]):
            refused = soundkin(*command, status=2, stdin=subprocess.DEVNULL)
            assert refused.stderr.count("\n") == 1, (command, refused.stderr)
            assert not refused.stdout
    other, reason = Soundkin(tmp_path / "other.sqlite"), "pipe.wav: neither a file nor a folder"
    assert reason in other("embed", pipe, "-o", tmp_path / "a.npz", status=2).stderr
    assert reason in other("index", pipe).stderr


def test_standard_input_without_end_is_refused(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "import sys; from soundkin.cli import main\n"
        "sys.modules['soundkin.cli.search'].MAX_STDIN_BYTES = 1 << 20\n"
        "main()"
    )
    with Path("/dev/zero").open("rb") as zeros:
        refused = subprocess.run(
            [sys.executable, "-c", code, "search", "-", "--library", str(library)],
            stdin=zeros,
            capture_output=True,
            check=False,
            text=True,
            env=os.environ | {"TMPDIR": str(tmp_path)},
            timeout=60,
        )
    assert refused.returncode == 2
    assert "standard input" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())
