"""Paths of another system are told from this one's, and lead from one to the other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from soundkin.system.paths import (
    find_separator,
    is_listed,
    is_whole,
    lies_below,
    locate,
    make_absolute,
    reroot,
)

WINDOWS, SHARE, MACOS = "C:\\Users\\x\\Samples", "\\\\server\\share", "/Users/x/Samples"


@pytest.mark.parametrize("root", [WINDOWS, SHARE, MACOS])
@pytest.mark.parametrize("other", [WINDOWS, SHARE, MACOS])
def test_what_lies_below_one_lies_below_the_other_and_back(root: str, other: str) -> None:
    path = find_separator(root).join([root, "Drums", "kick é.wav"])
    there = reroot(path, root, other)
    assert there == find_separator(other).join([other, "Drums", "kick é.wav"])
    assert lies_below(there, other)
    assert not lies_below(f"{other} 2", other)
    assert reroot(there, other, root) == path
    assert reroot(root, root, other) == other
    assert is_whole(there)
    assert not is_whole(there.removeprefix(other)[1:])


def test_a_drive_or_the_root_itself_can_be_moved() -> None:
    assert reroot("D:\\a.wav", "D:\\", "/media/d") == "/media/d/a.wav"
    assert reroot("/a.wav", "/", "E:\\") == "E:\\a.wav"


def test_a_disk_that_tells_names_apart_is_believed(tmp_path: Path) -> None:
    for name in ("Kick é.wav", "kICK É.WAV", "Kick e\u0301.wav"):
        (tmp_path / name).touch()
    if len(list(tmp_path.iterdir())) < 3:
        pytest.skip("this disk does not")
    for path in map(str, tmp_path.iterdir()):
        assert locate(path) == path
        assert is_listed(path)
    for name in ("KICK É.WAV", "snare.wav"):  # of what is not there nothing is guessed
        assert locate(tmp_path / name) == str(tmp_path / name)
        assert not is_listed(str(tmp_path / name))


def test_only_what_is_of_this_system_is_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    foreign = {"\\": "/Users/x/../y/", "/": "C:/Users/x/../y/"}[os.sep]
    assert make_absolute(foreign) == {"\\": "/Users/y", "/": "C:\\Users\\y"}[os.sep]
    assert make_absolute("a") == str(tmp_path / "a")
    assert make_absolute("~") == os.path.expanduser("~")  # noqa: PTH111
