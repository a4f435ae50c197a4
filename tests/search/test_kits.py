"""Kits: drawn from what sounds alike, and read again by what other programs' files are read by."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as Xml

import numpy as np
import pytest
import soundfile

from archives import unpack_tar
from conftest import Soundkin
from serving import Server, serve
from soundkin.search.kits.kit import assign_keys
from soundkin.text import make_file_name

RATE = 44_100
STEPS = [0, 6, 8]


def write_strokes(folder: Path) -> None:
    """Write six kicks and six hats, each a little higher than the one before, after a pause."""
    folder.mkdir()
    times = np.arange(RATE // 2) / RATE
    rng = np.random.default_rng(0)
    for number in range(6):
        falls = 55 * 1.02**number + 120 * np.exp(-times * 35)
        kick = np.sin(2 * np.pi * np.cumsum(falls) / RATE) * np.exp(-times * 9)
        hat = np.diff(rng.standard_normal(len(times) + 1)) * np.exp(-times * 45)
        for name, sound in (("kick", kick), ("hat", hat)):
            padded = np.concatenate([np.zeros(RATE // 2), 0.6 * sound / np.abs(sound).max()])
            soundfile.write(folder / f"{name} {number}.wav", padded, RATE, subtype="PCM_16")


@pytest.fixture(scope="module")
def drums(tmp_path_factory: pytest.TempPathFactory) -> Soundkin:
    """Give a library of strokes."""
    folder = tmp_path_factory.mktemp("drums")
    write_strokes(folder / "strokes")
    command = Soundkin(folder / "library.sqlite")
    command("index", folder / "strokes")
    return command


@pytest.fixture(scope="module")
def drums_server(drums: Soundkin) -> Iterator[Server]:
    """Give a server over that library."""
    with serve(drums) as running:
        yield running


def list_drawn(done: str) -> list[str]:
    """Read the names of recordings from the printed table."""
    return [Path(line.split("   ")[-1]).name for line in done.splitlines()[2:]]


def read_midi_strokes(data: bytes) -> list[tuple[int, int]]:
    """Read when which notes begin, in steps, of a file with one track."""
    assert data[:4] == b"MThd"
    ticks_of_a_step = int.from_bytes(data[12:14], "big") // 4
    at, tick, strokes = 22 + 7, 0, []
    while data[at : at + 4][1:3] != b"\xff\x2f":
        length = 0
        while True:
            length = length << 7 | data[at] & 0x7F
            at += 1
            if data[at - 1] < 0x80:
                break
        tick += length
        if data[at] == 0xFF:
            break
        if data[at] >> 4 == 9:
            strokes.append((tick // ticks_of_a_step, data[at + 1]))
        at += 3
    return strokes


def check_sample(data: bytes) -> None:
    """A sample begins with the onset, not with the pause before it."""
    samples, rate = soundfile.read(io.BytesIO(data))
    assert rate == RATE
    assert len(samples) / rate == pytest.approx(0.5, abs=0.02)
    assert np.abs(samples[: RATE // 20]).max() > 0.3


def test_a_slot_is_filled_with_what_sounds_like_it(drums: Soundkin, tmp_path: Path) -> None:
    kick, hat = "kick 0.wav", "hat 0.wav"
    done = drums("kit", tmp_path / "near", f"one={kick}", f"two={hat}")
    assert list_drawn(done.stdout) == [kick, hat]
    done = drums("kit", tmp_path / "words", "kick", "hat 3", "hat")
    names = list_drawn(done.stdout)
    assert [name.split()[0] for name in names] == ["kick", "hat", "hat"]
    assert names[1] == "hat 3.wav"
    assert len(set(names)) == 3
    far = ("--how-far", 0.04, f"one={kick}", f"two={kick}")
    drawn = [
        list_drawn(drums("kit", tmp_path / f"{at}", "--seed", seed, *far).stdout)
        for at, seed in enumerate((7, 7, 8))
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    assert all(name.startswith("kick") for names in drawn for name in names)


def test_a_kit_that_cannot_be_made_says_why(drums: Soundkin, tmp_path: Path) -> None:
    refused = drums("kit", tmp_path / "kit", "gong", status=2)
    assert "'gong'" in refused.stderr
    assert "gong=SOUND" in refused.stderr
    assert not (tmp_path / "kit").exists()
    (tmp_path / "there").mkdir()
    refused = drums("kit", tmp_path / "there", "kick", status=2)
    assert "choose another name" in refused.stderr
    assert "a name of its own" in drums("kit", tmp_path / "kit", "kick", "Kick", status=2).stderr


def test_a_folder_has_samples_from_their_onsets_and_the_pattern(
    drums: Soundkin, tmp_path: Path
) -> None:
    drums("kit", tmp_path / "mine", "kick", "hat")
    for file in (tmp_path / "mine").glob("*.wav"):
        check_sample(file.read_bytes())
    strokes = read_midi_strokes((tmp_path / "mine/pattern.mid").read_bytes())
    assert [step for step, key in strokes if key == 36] == STEPS
    assert [step for step, key in strokes if key == 42] == list(range(0, 16, 2))


def test_hydrogen_finds_every_sample_of_its_kit(drums: Soundkin, tmp_path: Path) -> None:
    drums("kit", tmp_path / "dusty.h2drumkit", "kick", "hat")
    unpack_tar(tmp_path / "dusty.h2drumkit", tmp_path)
    space = {"h": "http://www.hydrogen-music.org/drumkit"}
    root = Xml.parse(tmp_path / "dusty/drumkit.xml").getroot()
    assert root.findtext("h:name", namespaces=space) == "dusty"
    instruments = root.findall("h:instrumentList/h:instrument", space)
    notes = [one.findtext("h:midiOutNote", namespaces=space) for one in instruments]
    assert notes == ["36", "42"]
    for one in instruments:
        file = one.findtext("h:instrumentComponent/h:layer/h:filename", namespaces=space)
        assert file is not None
        check_sample((tmp_path / "dusty" / file).read_bytes())


def test_samplers_find_every_sample_of_their_presets(drums: Soundkin, tmp_path: Path) -> None:
    drums("kit", tmp_path / "a", "kick", "hat", "--format", "sfz")
    text = (tmp_path / "a/a.sfz").read_text()
    folder = re.search(r"default_path=(\S+)", text)
    assert folder is not None
    regions = re.findall(r"<region> key=(\d+) .*\nsample=(.+)\n", text)
    assert [key for key, _ in regions] == ["36", "42"]
    for _, name in regions:
        check_sample((tmp_path / "a" / folder[1] / name).read_bytes())
    drums("kit", tmp_path / "b.zip", "kick", "hat", "--format", "decent")
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        samples = Xml.fromstring(archive.read("b/b.dspreset")).findall("groups/group/sample")
        assert [(one.get("loNote"), one.get("hiNote")) for one in samples] == [
            ("36", "36"),
            ("42", "42"),
        ]
        for one in samples:
            check_sample(archive.read(f"b/{one.get('path')}"))


def test_the_api_draws_a_kit_and_writes_it(drums_server: Server) -> None:
    kick = drums_server.find("kick 2.wav")["id"]
    slots = [{"name": "kick", "sounds": [{"id": kick}]}, {"name": "gong"}, {"name": "hat"}]
    drawn = drums_server.post("/kits/draw", {"slots": slots})
    assert [slot["key"] for slot in drawn] == [36, 84, 42]
    assert drawn[0]["recording"]["id"] == kick
    assert drawn[1]["recording"] is None
    other = {"slots": [slots[0] | {"avoid": [kick]}]}
    assert drums_server.post("/kits/draw", other)[0]["recording"]["name"].startswith("kick")
    kit = {
        "name": "a/b",
        "format": "sfz",
        "slots": [{"name": "kick", "id": kick, "steps": [15, 3]}],
    }
    answer = drums_server.http.post("/api/v1/kits/export", json=kit)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert read_midi_strokes(archive.read("a_b/pattern.mid")) == [(3, 36), (15, 36)]
    drums_server.problem("POST", "/api/v1/kits/export", 422, json=kit | {"format": "mp3"})
    twice = kit | {"slots": [kit["slots"][0]] * 2}
    assert (
        "name of its own"
        in drums_server.problem("POST", "/api/v1/kits/export", 422, json=twice)["detail"]
    )


def test_keys_are_those_of_general_midi_and_none_is_given_twice() -> None:
    slots = ["Kick", "bass drum", "snare", "open hat", "hats", "tom", "floor tom", "whistle"]
    assert assign_keys(slots) == [36, 84, 38, 46, 42, 47, 41, 85]


@pytest.mark.parametrize(
    ("text", "name"),
    [("a/b:c?", "a_b_c_"), ("con.x", "_con.x"), ("..", "_"), ("é" * 100, "é" * 60), ("-n", "n")],
)
def test_names_of_files_are_taken_by_every_system(text: str, name: str) -> None:
    assert make_file_name(text) == name
