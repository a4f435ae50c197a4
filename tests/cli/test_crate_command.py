"""Crates: put together by the command, kept with the library, taken away as real files."""

from __future__ import annotations

import shutil
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile

from conftest import Soundkin
from soundkin import Library
from soundkin.library.crates import CrateItem, add_to_crate
from sounds import make_noise, make_tone, write_sound


@pytest.fixture
def indexed(soundkin: Soundkin, folder: Path) -> Soundkin:
    """Give a library of four sounds, two of one name."""
    for name, sound in (
        ("one/kick.wav", make_tone(60)),
        ("two/kick.wav", make_tone(80)),
        ("two/hat.flac", make_noise(0.3)),
        ("rain.wav", make_noise(2.5, seed=3)),
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        write_sound(folder / name, sound)
    soundkin("index", folder)
    return soundkin


def list_names(soundkin: Soundkin, crate: str) -> list[str]:
    return [Path(row["path"]).name for row in soundkin.json("crate", crate)]


def test_sounds_are_put_in_and_taken_out_in_order(indexed: Soundkin, folder: Path) -> None:
    assert "1 put into dusty" in indexed("crate", "dusty", "rain.wav").stderr
    done = indexed("crate", "dusty", folder / "two", "rain.wav")
    assert "2 put into dusty, 1 were there" in done.stderr
    assert list_names(indexed, "dusty") == ["rain.wav", "hat.flac", "kick.wav"]
    indexed("crate", "other", "hat.flac")
    table = indexed("crate").stdout.splitlines()[2:]
    assert [line.split() for line in table] == [["3", "dusty"], ["1", "other"]]
    indexed("crate", "dusty", "--take-out", folder / "two")
    assert list_names(indexed, "dusty") == ["rain.wav"]
    indexed("crate", "dusty", "--rename", "wet")
    indexed("crate", "other", "--delete")
    assert [line.split() for line in indexed("crate").stdout.splitlines()[2:]] == [["1", "wet"]]
    indexed("remove", folder / "rain.wav")
    assert indexed("crate").stdout.splitlines()[2:] == []
    assert len(indexed.paths()) == 3


def test_a_copy_has_the_same_bytes_and_overwrites_nothing(
    indexed: Soundkin, folder: Path, tmp_path: Path
) -> None:
    indexed("crate", "all", folder)
    target = tmp_path / "taken away"
    target.mkdir()
    (target / "hat.flac").write_text("mine")
    indexed("crate", "all", "--copy", target)
    found = {path.name: path.read_bytes() for path in target.iterdir()}
    assert found == {
        "hat.flac": b"mine",
        "hat 2.flac": (folder / "two/hat.flac").read_bytes(),
        "kick.wav": (folder / "one/kick.wav").read_bytes(),
        "kick 2.wav": (folder / "two/kick.wav").read_bytes(),
        "rain.wav": (folder / "rain.wav").read_bytes(),
    }
    indexed("crate", "all", "--copy", target)  # what is there already is not there twice
    assert len(list(target.iterdir())) == 5


def test_a_stretch_is_cut_out_as_wav(indexed: Soundkin, folder: Path, tmp_path: Path) -> None:
    with Library.open(indexed.library) as library:
        rain = library.find_recording(str(folder / "rain.wav"))
        assert rain is not None
        add_to_crate(library, "wet", [CrateItem(rain, 0.5, 1.25), CrateItem(rain)])
    indexed("crate", "wet", "--zip", tmp_path / "wet.zip")
    with zipfile.ZipFile(tmp_path / "wet.zip") as archive:
        assert archive.namelist() == ["rain 0.500s.wav", "rain.wav"]
        archive.extractall(tmp_path)
    cut, rate = soundfile.read(tmp_path / "rain 0.500s.wav")
    whole, _ = soundfile.read(folder / "rain.wav")
    assert np.abs(cut - whole[rate // 2 : rate * 5 // 4]).max() < 1e-4
    [row, _] = indexed.json("crate", "wet")
    assert (row["start_s"], row["duration_s"]) == (0.5, 0.75)
    assert "rain.wav" in indexed("crate", "wet", "--reaper").stdout
    assert "start-time=0.500" in indexed("crate", "wet", "--m3u").stdout


def test_a_file_that_is_gone_is_told_and_the_rest_is_copied(
    indexed: Soundkin, folder: Path, tmp_path: Path
) -> None:
    indexed("crate", "all", folder)
    (folder / "rain.wav").unlink()
    done = indexed("crate", "all", "--copy", tmp_path / "out")
    assert "rain.wav: No such file" in done.stderr
    assert len(list((tmp_path / "out").iterdir())) == 3
    indexed("crate", "gone", "rain.wav")
    assert "rain.wav" in indexed("crate", "gone", "--copy", tmp_path / "out", status=2).stderr


def test_names_of_any_length_and_bytes_are_copied(soundkin: Soundkin, folder: Path) -> None:
    names = ["n" * 251 + ".wav", "\udcff.wav", "été 音.wav"]
    for number, name in enumerate(names):
        write_sound(folder / "x.wav", make_tone(200 + 100 * number))
        (folder / "x.wav").rename(folder / name)
    soundkin("index", folder)
    soundkin("crate", "odd", folder)
    soundkin("crate", "odd", "--copy", folder.parent / "out")
    assert sorted(one.name for one in (folder.parent / "out").iterdir()) == sorted(names)
    soundkin("crate", "odd", "--zip", folder.parent / "odd.zip")
    assert len(zipfile.ZipFile(folder.parent / "odd.zip").namelist()) == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nothing",), "nothing: no such crate"),
        (("--copy", "x"), "say which crate"),
        (("all", "--delete", "--copy", "x"), "one thing at a time"),
        (("all", "--take-out"), "say what is to be taken out"),
        (("all", "nowhere.wav"), "no such recording"),
        ((" ", "rain.wav"), "a crate's name has"),
    ],
)
def test_what_makes_no_sense_is_one_line(
    indexed: Soundkin, arguments: tuple[str, ...], words: str
) -> None:
    errors = indexed("crate", *arguments, status=2).stderr
    assert words in errors
    assert len(errors.splitlines()) <= 4


@pytest.mark.skipif(find_spec("lance") is None, reason="needs: pip install 'soundkin[cluster]'")
def test_crates_go_into_lance_tables_and_back(
    indexed: Soundkin, folder: Path, tmp_path: Path
) -> None:
    indexed("crate", "all", folder)
    lance = Soundkin(tmp_path / "library.lance")
    lance.env["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    lance("convert", indexed.library, lance.library)
    lance("crate", "wet", "rain.wav")
    lance("crate", "all", "--take-out", "hat.flac")
    shutil.rmtree(tmp_path / "cache")  # from here on only the tables know
    assert list_names(lance, "all") == ["kick.wav", "rain.wav", "kick.wav"]
    lance("remove", folder / "one")
    back = Soundkin(tmp_path / "back.sqlite")
    back("convert", lance.library, back.library)
    assert list_names(back, "all") == ["rain.wav", "kick.wav"]
    assert list_names(back, "wet") == ["rain.wav"]


def test_a_rescue_and_a_repair_keep_crates(indexed: Soundkin, folder: Path) -> None:
    indexed("crate", "all", folder)
    with indexed.library.open("r+b") as file:  # the header, from which all is found
        file.seek(100)
        file.write(b"\xff" * 40)
    indexed("verify", "--repair")
    assert [line.split() for line in indexed("crate").stdout.splitlines()[2:]] == [["4", "all"]]
