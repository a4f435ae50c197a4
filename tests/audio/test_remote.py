"""Sounds at URLs are brought near to be decoded, and kept for the next time, within bounds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from conftest import DEMO_SOUNDS, Soundkin
from soundkin.audio.decoders.open import open_decoder
from soundkin.audio.read import read_audio
from soundkin.errors import AudioError
from soundkin.system import remote
from sounds import make_tone, write_sound

RATE = 16_000


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder that what is far is kept in, and look at it each time anew."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(remote, "FRESH_S", 0.0)
    return tmp_path / "cache" / "soundkin" / "near"


def test_a_sound_at_a_url_is_read_as_its_file_is(cache: Path, tmp_path: Path) -> None:
    sound = DEMO_SOUNDS / "bd_tek.flac"
    near = read_audio(sound, RATE)
    assert (read_audio(f"file://{sound}", RATE) == near).all()
    assert [path.read_bytes() for path in cache.iterdir()] == [sound.read_bytes()]


def test_what_changed_there_is_brought_anew_and_what_did_not_is_kept(
    cache: Path, tmp_path: Path
) -> None:
    sound = tmp_path / "sound.wav"
    write_sound(sound, make_tone(440, 0.2))
    first = remote.fetch_cached(f"file://{sound}")
    assert remote.fetch_cached(f"file://{sound}") == first
    write_sound(sound, make_tone(440, 0.4))
    second = remote.fetch_cached(f"file://{sound}")
    assert second != first
    assert Path(second).read_bytes() == sound.read_bytes()


def test_the_longest_unused_goes_where_there_is_no_room(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sounds = [tmp_path / f"{number}.wav" for number in range(4)]
    for number, sound in enumerate(sounds):
        write_sound(sound, make_tone(100 + number, 0.5), RATE)
    room = round(3.5 * sounds[0].stat().st_size)
    monkeypatch.setattr(remote, "NEAR_BYTES", room)
    near = [Path(remote.fetch_cached(f"file://{sound}")) for sound in sounds[:3]]
    for number, path in enumerate(near):
        os.utime(path, (number, number))
    remote.fetch_cached(f"file://{sounds[0]}")  # which uses it again
    near.append(Path(remote.fetch_cached(f"file://{sounds[3]}")))
    assert [path.exists() for path in near] == [True, False, False, True]


def test_errors_name_the_url(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_bytes(b"no sound at all")
    for name in ("broken.wav", "none.wav"):
        url = f"file://{tmp_path}/{name}"
        with pytest.raises(AudioError) as caught, open_decoder(url):
            pass
        assert str(caught.value).startswith(f"{url}: ")
        assert str(cache) not in str(caught.value)
    with pytest.raises(AudioError, match=r"nosuch://a/b\.wav: "), open_decoder("nosuch://a/b.wav"):
        pass
    assert not list(cache.glob("*.part"))


def test_a_url_can_be_searched_with_and_embedded(soundkin: Soundkin, tmp_path: Path) -> None:
    soundkin.env["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    soundkin("index", DEMO_SOUNDS / "bd_tek.flac", DEMO_SOUNDS / "drum_cymbal_open.flac")
    query = f"file://{DEMO_SOUNDS}/bd_tek.flac"
    hit = soundkin.json("search", query, "--top", 1)[0]
    assert hit["path"] == str(DEMO_SOUNDS / "bd_tek.flac")
    assert hit["score"] > 0.999
    missing = soundkin("search", f"file://{tmp_path}/none.wav", status=2).stderr
    assert f"file://{tmp_path}/none.wav: No such file" in missing
