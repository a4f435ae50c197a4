"""Systems that lack what Linux has: each means is taken away from every process of soundkin's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from conftest import Soundkin
from serving import serve
from sounds import make_noise, make_tone, write_sound

# Loaded by every Python that is started, those that decode and embed too.
WITHOUT = """
import os
import sys

means = os.environ["WITHOUT"]
if means == "fork":
    del os.fork
elif means in ("fcntl", "resource"):
    sys.modules[means] = None
elif means == "affinity":
    del os.sched_getaffinity
elif means == "proc":
    def refuse(event, arguments):
        if event == "open" and str(arguments[0]).startswith(("/proc/", "/sys/fs/cgroup")):
            raise FileNotFoundError(2, "No such file or directory", arguments[0])
    sys.addaudithook(refuse)
elif means == "glibc":
    import ctypes

    del ctypes.CDLL.__getattr__
with open(os.environ["SEEN"], "a") as file:
    file.write(means + "\\n")
"""


@pytest.mark.parametrize("means", ["fork", "fcntl", "resource", "proc", "affinity", "glibc"])
def test_everything_works_without_it(
    soundkin: Soundkin, folder: Path, tmp_path: Path, means: str
) -> None:
    for number in range(3):
        write_sound(folder / f"tone {number}.wav", make_tone(400 + 40 * number))
        write_sound(folder / f"noise {number}.wav", make_noise(0.7, number))
    place, seen = tmp_path / "without", tmp_path / "seen"
    place.mkdir()
    (place / "sitecustomize.py").write_text(WITHOUT)
    paths = [str(place), os.environ.get("PYTHONPATH", "")]
    soundkin.env |= {
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "WITHOUT": means,
        "SEEN": str(seen),
    }
    assert "6 embedded" in soundkin("index", folder).stdout
    [first, *_] = soundkin.json("search", folder / "tone 1.wav", "--exclude-self")
    assert Path(first["path"]).name.startswith("tone")
    soundkin("kit", tmp_path / "kit", "tone")
    assert len(list((tmp_path / "kit").glob("**/*.wav"))) == 1
    soundkin("verify", "--repair", "--deep")
    soundkin("backup", tmp_path / "kept.sqlite")
    soundkin("restore", tmp_path / "kept.sqlite")
    with serve(soundkin) as server:
        upload = server.upload(folder / "tone 1.wav")
        hits = server.post("/search", {"sounds": [{"id": upload["id"]}], "exclude_self": False})[
            "hits"
        ]
        assert hits[0]["name"] == "tone 1.wav"
    assert seen.read_text().split().count(means) > 8  # it was gone in those that were started too
