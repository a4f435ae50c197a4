"""`soundkin map`: what sounds alike lies together, and what is there stays where it is."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from PIL import Image

import soundkin
from conftest import DEMO_SOUNDS, Soundkin
from soundkin.sound_map.sound_map import MapPlacer, load_map
from sounds import make_noise, make_tone, write_sound

LABELS = DEMO_SOUNDS.parent / "labels.csv"
Positions = dict[str, tuple[float, float]]


def read_positions(command: Soundkin, *options: Any) -> Positions:
    """Run and read where each recording lies, by its file's name."""
    return {Path(r["path"]).name: (r["x"], r["y"]) for r in command.json("map", *options)}


def find_nearest(places: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Find the nearest other place of each."""
    squares = np.square(places[:, None] - places).sum(axis=2)
    np.fill_diagonal(squares, np.inf)
    return squares.argmin(axis=1)


@pytest.fixture
def drums(soundkin: Soundkin, folder: Path) -> Soundkin:
    """Give a library of half of the demo sounds, in a folder that can be added to."""
    for path in sorted(DEMO_SOUNDS.iterdir())[::2]:
        shutil.copy(path, folder)
    soundkin("index", folder)
    return soundkin


def test_neighbours_on_the_map_are_neighbours_in_sound(demo: Soundkin) -> None:
    positions = read_positions(demo)
    with LABELS.open() as file:
        label_of = {Path(row["path"]).name: row["label"] for row in csv.DictReader(file)}
    names = [name for name in positions if name in label_of]
    places = np.array([positions[name] for name in names])
    labels = np.array([label_of[name] for name in names])
    assert len(names) == len(label_of)
    assert np.abs(places).max() <= 1
    assert np.ptp(places, axis=0).min() > 0.5
    share = (labels[find_nearest(places)] == labels).mean()
    by_chance = ((labels[:, None] == labels).sum(axis=1) - 1).mean() / (len(labels) - 1)
    assert share > 3 * by_chance, (share, by_chance)


def test_segments_have_places_of_their_own(demo: Soundkin) -> None:
    rows = demo.json("map", "--by", "segments")
    counted = demo.json("list")
    assert max(row["segment"] for row in rows) > 0
    assert len({(row["path"], row["segment"]) for row in rows}) == len(rows)
    assert len(rows) <= sum(row["n_segments"] for row in counted)
    assert len(rows) > len(counted)
    assert {row["path"] for row in rows} <= {row["path"] for row in counted}


def test_the_same_seed_gives_the_same_map_and_another_another(drums: Soundkin) -> None:
    first = read_positions(drums, "--seed", "3")
    assert read_positions(drums, "--rebuild", "--seed", "3") == first
    assert read_positions(drums) == first  # kept as it is
    assert read_positions(drums, "--seed", "4") != first


def test_new_sounds_are_placed_and_old_ones_stay_where_they_are(
    drums: Soundkin, folder: Path
) -> None:
    before = read_positions(drums)
    original = next(name for name in before if name.startswith("drum_"))
    samples, rate = soundfile.read(folder / original, dtype="float32")
    soundfile.write(folder / "softer.wav", 0.7 * samples, rate)
    gone = next(name for name in before if name.startswith("ambi_"))
    (folder / gone).unlink()
    drums("index", folder)
    assert "1 placed among the others, 1 gone" in drums("map").stdout
    after = read_positions(drums)
    place = np.array(after.pop("softer.wav"))
    assert after == {name: where for name, where in before.items() if name != gone}
    away = {name: float(np.square(place - where).sum()) for name, where in after.items()}
    assert min(away, key=lambda name: away[name]) == original


def test_copies_lie_together_and_silence_is_not_on_the_map(
    soundkin: Soundkin, folder: Path
) -> None:
    write_sound(folder / "tone.wav", make_tone(440))
    shutil.copy(folder / "tone.wav", folder / "copy.wav")
    write_sound(folder / "noise.wav", make_noise())
    write_sound(folder / "silence.wav", np.zeros(44_100, np.float32))
    soundkin("index", folder)
    positions = read_positions(soundkin)
    assert positions.keys() == {"tone.wav", "copy.wav", "noise.wav"}
    assert positions["tone.wav"] == positions["copy.wav"] != positions["noise.wav"]


def test_one_sound_is_a_map_and_none_is_an_error(soundkin: Soundkin, folder: Path) -> None:
    write_sound(folder / "silence.wav", np.zeros(44_100, np.float32))
    soundkin("index", folder)
    assert "no sound in it" in soundkin("map", status=2).stderr
    write_sound(folder / "tone.wav", make_tone(440))
    soundkin("index", folder)
    assert read_positions(soundkin) == {"tone.wav": (0, 0)}


@pytest.mark.parametrize("place", [0, 200, -40])
def test_a_damaged_map_is_made_anew(drums: Soundkin, place: int) -> None:
    positions = read_positions(drums)
    path = Path(f"{drums.library}.map", "recordings.npz")
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    with soundkin.Library.open(drums.library) as library:
        assert load_map(library) is None
    assert "29 laid out" in drums("map").stdout
    assert read_positions(drums) == positions


def test_the_map_of_another_library_is_not_taken(
    drums: Soundkin, folder: Path, tmp_path: Path
) -> None:
    drums("map")
    other = Soundkin(tmp_path / "other.sqlite")
    other("index", folder)
    shutil.copytree(f"{drums.library}.map", f"{other.library}.map")
    assert "29 laid out" in other("map").stdout


def test_a_loaded_map_is_in_step_and_tells_where_a_query_lies(
    drums: Soundkin, folder: Path
) -> None:
    drums("map")
    samples, rate = soundfile.read(DEMO_SOUNDS / "drum_snare_soft.flac", dtype="float32")
    soundfile.write(folder / "new.wav", samples, rate)
    drums("index", folder)
    with soundkin.Library.open(drums.library) as library:
        sound_map = load_map(library)
        assert sound_map is not None
        assert sound_map.stamp == library.stamp
        recordings = list(library.select_recordings())
        assert sorted(sound_map.ids) == sorted(recording.id for recording in recordings)
        vector, _ = library.read_vectors(recordings[5].content_id or 0)
        mean = vector.astype(np.float32).mean(axis=0)
        x, y = MapPlacer(library).place(mean[None] / np.linalg.norm(mean))[0]
    distances = np.hypot(sound_map.x - x, sound_map.y - y)
    own = distances[sound_map.ids == recordings[5].id]
    assert own[0] <= np.sort(distances)[1]


def test_the_page_holds_every_point_and_runs_nothing_of_a_name(
    soundkin: Soundkin, folder: Path
) -> None:
    name = "</script><script>alert(1)</script>&{{script}}\u2028.wav".replace("/", "∕")
    for number, file_name in enumerate([name, "über 100%.wav", "plain.wav"]):
        write_sound(folder / file_name, make_tone(220 * (number + 1)))
    soundkin("index", folder)
    soundkin("tag", folder / name, "--add", "</script><b>{{data}}")
    page_path = folder.parent / "page.html"
    soundkin("map", "--html", page_path, "--color", "tag")
    page = page_path.read_text("utf-8")
    assert page.count("<script") == 2
    assert page.count("</script") == 2
    script = page.split("<script>")[1].split("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page
    assert not re.search(r"(src|href)=", page)
    data = json.loads(page.split('id="data">')[1].split("</script>")[0])
    assert len(base64.b64decode(data["x"])) == 3 * 4
    listed = {
        (page_path.parent / unquote(data["beside"] + path)).resolve() for path in data["paths"]
    }
    assert listed == {path.resolve() for path in folder.iterdir()}
    assert {unquote(urlsplit(data["base"] + path).path) for path in data["paths"]} == {
        str(path) for path in folder.iterdir()
    }
    columns = {column["name"]: column for column in data["columns"]}
    assert columns["tag"]["legend"][0][0] == "</script><b>{{data}}"


def test_the_picture_shows_the_points_in_their_colours(demo: Soundkin, tmp_path: Path) -> None:
    demo("map", "--png", tmp_path / "map.png", "--color", "duration")
    with Image.open(tmp_path / "map.png") as image:
        pixels = np.asarray(image.convert("RGB"))
    assert pixels.shape[0] >= 1000
    square = pixels[:, : pixels.shape[0]].reshape(-1, 3)
    assert len(np.unique(square, axis=0)) > 30
    background = (square == square[0]).all(axis=1).mean()
    assert 0.9 < background < 0.9999


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--color", "smell", "--png", "{folder}/x.png"], "smell: no colour of this library's map"),
        (["--html", "{folder}/no/x.html"], "its folder does not exist"),
        (["--by", "notes"], "'notes' is not one of"),
    ],
)
def test_what_cannot_be_mapped_is_one_clear_line(
    demo: Soundkin, tmp_path: Path, arguments: list[str], message: str
) -> None:
    filled = [argument.format(folder=tmp_path) for argument in arguments]
    assert message in demo("map", *filled, status=2).stderr
    assert not list(tmp_path.iterdir())
