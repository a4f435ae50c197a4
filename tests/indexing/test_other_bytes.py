"""Other bytes of the same size and time are noticed; another name, owner or mode is no change."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Soundkin
from soundkin import Library
from sounds import make_noise, write_sound

CountDecoded = Callable[..., int]


def overwrite_unseen(path: Path, other: Path) -> None:
    """Put other bytes into a file, and its time back, as rsync and samplers do."""
    before = path.stat()
    time.sleep(0.02)  # file systems count in ticks
    path.write_bytes(other.read_bytes())
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    now = path.stat()
    assert (now.st_size, now.st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def read_vectors(library: Path, path: Path) -> bytes:
    with Library.open(library) as opened:
        recording = opened.find_recording(str(path))
        assert recording is not None
        assert recording.content_id is not None
        return opened.read_vectors(recording.content_id)[0].tobytes()


@pytest.fixture
def sound(folder: Path) -> Path:
    write_sound(folder / "other.wav", make_noise(1.0, 8))
    return write_sound(folder / "sound.wav", make_noise(1.0, 7))


def test_other_bytes_of_the_same_size_and_time_are_embedded(
    soundkin: Soundkin, folder: Path, sound: Path, tmp_path: Path, count_decoded: CountDecoded
) -> None:
    fresh = write_sound(tmp_path / "fresh.wav", make_noise(1.0, 9))
    assert count_decoded(folder) == 2
    soundkin("tag", sound, "--add", "kept")
    before = read_vectors(soundkin.library, sound)
    overwrite_unseen(sound, fresh)
    assert count_decoded() == 1
    assert read_vectors(soundkin.library, sound) != before
    assert soundkin("tag").stdout == "1\tkept\n"
    assert count_decoded() == 0


def test_touching_and_changing_permissions_decode_nothing(
    soundkin: Soundkin, folder: Path, sound: Path, count_decoded: CountDecoded
) -> None:
    count_decoded(folder)
    time.sleep(0.02)
    sound.chmod(0o600)
    sound.with_name("other.wav").touch()
    assert "2 with bytes known already" in soundkin("index").stdout
    assert "2 unchanged" in soundkin("index").stdout


def test_a_library_of_before_is_believed_once_and_notices_from_then_on(
    soundkin: Soundkin, folder: Path, sound: Path, tmp_path: Path, count_decoded: CountDecoded
) -> None:
    count_decoded(folder)
    with Library.open(soundkin.library) as library:
        library.connection.run("UPDATE recordings SET ctime_ns = NULL")
    assert "2 unchanged" in soundkin("index").stdout
    overwrite_unseen(sound, write_sound(tmp_path / "fresh.wav", make_noise(1.0, 9)))
    assert count_decoded() == 1


def test_a_copy_that_a_library_is_relocated_to_is_not_read_again(
    soundkin: Soundkin, folder: Path, sound: Path, tmp_path: Path
) -> None:
    soundkin("index", folder)
    copy = tmp_path / "copy"
    time.sleep(0.02)
    shutil.copytree(folder, copy)  # with their times
    soundkin("relocate", folder, copy)
    assert "2 unchanged" in soundkin("index").stdout
