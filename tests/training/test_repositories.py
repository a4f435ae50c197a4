"""The corpus of the world: recordings fetched from repositories at their commits."""

from __future__ import annotations

import csv
import subprocess
from pathlib import Path

import pytest

from corpus.repositories import Source, build, read_sources
from soundkin.audio.read import probe_audio
from sounds import make_noise, write_sound

LIST = Path(__file__).parents[2] / "corpus" / "repositories.csv"


def run_git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    done = subprocess.run(
        ["git", "-C", folder, *identity, *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def host(tmp_path: Path) -> tuple[str, str]:
    """A host with one repository; its address and the first commit."""
    folder = tmp_path / "host" / "someone" / "sounds"
    folder.mkdir(parents=True)
    run_git(folder, "init", "-q")
    run_git(folder, "config", "uploadpack.allowAnySHA1InWant", "true")
    write_sound(folder / "rain.wav", make_noise(3.0, 1))
    write_sound(folder / "same.wav", make_noise(3.0, 1))
    (folder / "deep").mkdir()
    write_sound(folder / "deep" / "door.wav", make_noise(0.4, 2))
    (folder / "broken.wav").write_text("no sound")
    run_git(folder, "add", "-A")
    run_git(folder, "commit", "-qm", "sounds")
    first = run_git(folder, "rev-parse", "HEAD")
    write_sound(folder / "later.wav", make_noise(0.5, 3))
    run_git(folder, "add", "-A")
    run_git(folder, "commit", "-qm", "more")
    return f"file://{tmp_path / 'host'}/", first


def test_recordings_of_the_commit_are_taken_once_and_cut_to_their_middle(
    host: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address, commit = host
    sources = [Source("someone/sounds", commit, "A"), Source("nobody/there", commit, "B")]
    output = tmp_path / "world"
    rows = build(sources, output, 10, 2.0, address)
    assert sorted(row[2] for row in rows)[0] == "deep/door.wav"
    assert len(rows) == 2
    lengths = sorted(probe_audio(output / row[0]).duration_s or 0 for row in rows)
    assert lengths == pytest.approx([0.4, 2.0], abs=0.01)
    said = capsys.readouterr().err
    assert "nobody/there: left out" in said
    assert "broken.wav" in said
    with (output / "manifest.csv").open() as file:
        assert [row["licence_class"] for row in csv.DictReader(file)] == ["A", "A"]


def test_of_many_recordings_some_are_drawn(host: tuple[str, str], tmp_path: Path) -> None:
    address, commit = host
    assert len(build([Source("someone/sounds", commit, "A")], tmp_path / "w", 1, 9, address)) == 1


def test_every_repository_of_the_list_has_a_commit_and_a_licence() -> None:
    sources = read_sources(LIST)
    assert len(sources) >= 80
    assert all(len(source.commit) == 40 for source in sources)
    assert {source.licence_class for source in sources} <= {"A", "A-", "B"}
