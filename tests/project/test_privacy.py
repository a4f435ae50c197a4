"""Nothing leaves the machine: no library that soundkin uses notes what is done, to send it away."""

from __future__ import annotations

from pathlib import Path

from conftest import Soundkin
from sounds import make_noise, make_tone, write_sound


def test_no_library_keeps_notes_of_what_is_done(
    soundkin: Soundkin, folder: Path, tmp_path: Path
) -> None:
    write_sound(folder / "tone.wav", make_tone(440))
    noise = write_sound(folder / "noise.wav", make_noise(1.0))
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    home.mkdir()
    temporary.mkdir()
    soundkin.env |= {"HOME": str(home), "TMPDIR": str(temporary)}
    soundkin.env.pop("XDG_CACHE_HOME", None)
    soundkin.env.pop("ORT_DISABLE_TELEMETRY", None)
    soundkin("index", folder)
    soundkin("search", noise)
    left = [str(path.relative_to(tmp_path)) for path in (*home.rglob("*"), *temporary.rglob("*"))]
    assert [path for path in left if "soundkin" not in path] == []
