"""`soundkin index --slow`: ultrasound is heard slowed down, and told of in the file's own clock."""

from __future__ import annotations

import io
import json
import shutil
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from conftest import Soundkin
from serving import Server, serve
from soundkin import Library, Searcher, index_folders
from soundkin.library.convert import convert_library
from soundkin.library.open import open_library
from soundkin.search.query import Sound
from sounds import make_noise, make_tone, write_sound

RATE, SLOW = 250_000, 10
CALL_S, CALL_AT_S = 0.1, 0.6
CountDecoded = Callable[..., int]


def make_call() -> npt.NDArray[np.float32]:
    """Make a bat's call, which falls around 40 kHz."""
    t = np.arange(round(CALL_S * RATE)) / RATE
    swell = np.hanning(len(t))  # nothing of it is below 30 kHz
    return (0.3 * swell * np.sin(2 * np.pi * (42_000 - 20_000 * t) * t)).astype(np.float32)


def make_night(call: npt.NDArray[np.float32], at_s: float = CALL_AT_S) -> npt.NDArray[np.float32]:
    """Make a second of next to nothing, with a call somewhere in it."""
    night = 0.0001 * make_noise(1.0, 3, RATE)
    first = round(at_s * RATE)
    night[first : first + len(call)] += call
    return night


@pytest.fixture
def bats(folder: Path) -> Path:
    """Give a folder with a recording of a bat, and others of ultrasound."""
    write_sound(folder / "bat.wav", make_night(make_call()), RATE)
    t = np.arange(round(CALL_S * RATE)) / RATE
    buzz = (0.3 * np.sin(2 * np.pi * 90_000 * t) * (t % 0.01 < 0.004)).astype(np.float32)
    write_sound(folder / "buzz.wav", make_night(buzz, 0.2), RATE)
    write_sound(folder / "hiss.wav", make_noise(1.0, 5, RATE), RATE)
    return folder


@pytest.fixture
def expanded(tmp_path: Path) -> Path:
    """Give the call as bat workers listen to it: the same samples, at a tenth of their rate."""
    return write_sound(tmp_path / "expanded.wav", make_call(), RATE // SLOW)


def test_a_call_is_found_at_its_own_time_by_what_it_sounds_like_slowed(
    soundkin: Soundkin, bats: Path, expanded: Path
) -> None:
    done = soundkin("index", bats, "--slow", SLOW)
    assert "does not hear" not in done.stderr
    hit = soundkin.json("search", expanded)[0]
    assert hit["path"].endswith("bat.wav")
    assert hit["score"] > 0.9
    assert hit["start_s"] <= CALL_AT_S + 0.05 <= hit["start_s"] + hit["duration_s"]
    assert hit["duration_s"] == pytest.approx(0.1, abs=0.02)
    assert hit["recording_duration_s"] == pytest.approx(1.0, abs=1e-4)
    [label] = soundkin("search", expanded, "-n", 1, "--labels").stdout.splitlines()
    assert CALL_AT_S - 0.1 <= float(label.split("\t")[0]) <= CALL_AT_S + 0.05


def test_facts_are_in_its_own_hertz_and_seconds(
    soundkin: Soundkin, bats: Path, tmp_path: Path
) -> None:
    tone = make_tone(20_000, 1.0, RATE)
    write_sound(bats / "tone.wav", tone, RATE)
    plain = tmp_path / "plain"
    plain.mkdir()
    for name, samples in (("bat.wav", make_night(make_call())), ("tone.wav", tone)):
        write_sound(plain / name, samples, RATE // SLOW)
    soundkin("index", bats, "--slow", SLOW)
    soundkin("index", plain)
    rows = {row["path"]: row for row in soundkin.json("list")}
    for name in ("bat.wav", "tone.wav"):
        own, expanded = (rows[str(folder / name)] for folder in (bats, plain))
        assert (own["sample_rate"], own["slow"], expanded["slow"]) == (RATE, SLOW, 1)
        assert own["n_segments"] == expanded["n_segments"]
        for fact in ("brightness_hz", "pitch_hz", "onsets_per_s"):
            expected = expanded["facts"][fact] and SLOW * expanded["facts"][fact]
            assert own["facts"][fact] == pytest.approx(expected, rel=0.01)
        for fact in ("loudness_lufs", "flatness"):
            assert own["facts"][fact] == pytest.approx(expanded["facts"][fact], rel=0.02)
    assert rows[str(bats / "tone.wav")]["facts"]["pitch_hz"] == pytest.approx(20_000, rel=0.01)
    assert 35_000 < rows[str(bats / "bat.wav")]["facts"]["brightness_hz"] < 45_000


def test_queries_are_slowed_by_their_folder_by_hand_and_by_region(
    soundkin: Soundkin, bats: Path, tmp_path: Path
) -> None:
    soundkin("index", bats, "--slow", SLOW)
    outside = write_sound(tmp_path / "call.wav", make_call(), RATE)
    assert "it is silent" in soundkin("search", outside, status=2).stderr  # as it is
    hit = soundkin.json("search", outside, "--slow", SLOW)[0]
    assert hit["path"].endswith("bat.wav")
    assert hit["score"] > 0.9
    shutil.copy(outside, bats / "new.wav")  # not indexed yet
    assert soundkin.json("search", bats / "new.wav")[0] == hit
    region = ("--from", CALL_AT_S, "--to", CALL_AT_S + CALL_S)
    found = soundkin.json("search", bats / "bat.wav", *region, "--why")[0]
    assert found["path"].endswith("bat.wav")
    assert found["score"] > 0.95
    facts = {one["fact"]: one for one in found["why"]["facts"]}
    assert 35_000 < facts["brightness"]["query"] < 45_000


def test_the_folder_keeps_its_factor_and_another_one_embeds_again(
    soundkin: Soundkin, bats: Path, count_decoded: CountDecoded
) -> None:
    assert count_decoded(bats) == 3
    soundkin("tag", bats / "bat.wav", "--add", "myotis")
    done = soundkin("index", bats, "--slow", SLOW)
    assert "3 embedded, 3 of them heard at another speed than before" in done.stdout
    assert count_decoded(bats) == count_decoded() == 0
    assert soundkin.json("list", "--tag", "myotis")[0]["slow"] == SLOW
    told = json.loads(soundkin("info", "--json").stdout)
    assert (told["folders"], told["slow"]) == ([str(bats)], {str(bats): SLOW})
    assert f"{bats} (heard 10 times slower)" in soundkin("info").stdout
    assert count_decoded(bats, "--slow", 1) == 3
    assert {row["slow"] for row in soundkin.json("list")} == {1}
    assert soundkin("index", bats, "--slow", 0.5, status=2)
    assert soundkin("index", "--slow", 10, status=2)


def test_the_nearest_folder_counts_and_equal_bytes_are_heard_in_both_ways(
    soundkin: Soundkin, bats: Path, tmp_path: Path
) -> None:
    plain = tmp_path / "plain"
    (bats / "slower").mkdir()
    plain.mkdir()
    for folder in (plain, bats / "slower"):
        shutil.copy(bats / "hiss.wav", folder / "same.wav")
    soundkin("index", bats, "--slow", SLOW)
    soundkin("index", bats / "slower", "--slow", 20)
    soundkin("index", plain)
    slow = {row["path"]: row["slow"] for row in soundkin.json("list")}
    assert slow[str(bats / "hiss.wav")] == SLOW
    assert slow[str(bats / "slower" / "same.wav")] == 20
    assert slow[str(plain / "same.wav")] == 1
    with Library.open(soundkin.library) as library:
        assert library.count().n_contents == 5


def test_what_was_slowed_is_verified_relocated_repaired_and_watched_so(
    soundkin: Soundkin, bats: Path, tmp_path: Path
) -> None:
    soundkin("index", bats, "--slow", SLOW)
    assert "damaged" not in soundkin("verify", "--deep").stdout
    moved = tmp_path / "moved"
    bats.rename(moved)
    soundkin("relocate", bats, moved)
    write_sound(moved / "late.wav", make_night(make_call(), 0.3), RATE)
    done = soundkin("index")
    assert "1 embedded, 3 unchanged" in done.stdout
    assert {row["slow"] for row in soundkin.json("list")} == {SLOW}
    soundkin("verify", "--deep")


def test_what_is_moved_to_where_it_is_slowed_keeps_its_tags(
    soundkin: Soundkin, bats: Path, tmp_path: Path
) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    (bats / "bat.wav").rename(plain / "bat.wav")
    shutil.copy(bats / "hiss.wav", plain)
    soundkin("index", plain)
    soundkin("tag", plain, "--add", "kept")
    soundkin("index", bats, "--slow", SLOW)
    (plain / "bat.wav").rename(bats / "back.wav")
    soundkin("index")
    kept = {row["path"]: row["slow"] for row in soundkin.json("list", "--tag", "kept")}
    assert kept == {str(bats / "back.wav"): SLOW, str(plain / "hiss.wav"): 1}


def test_the_page_shows_and_plays_what_is_slowed_by_its_own_clock(
    soundkin: Soundkin, bats: Path, tmp_path: Path
) -> None:
    soundkin("index", bats, "--slow", SLOW)
    with serve(soundkin) as server:
        assert server.get("/info")["slow"] == {str(bats): SLOW}
        assert server.get("/folders")[0]["slow"] == SLOW
        [bat] = server.get("/recordings", text="bat.wav")["recordings"]
        assert (bat["slow"], bat["sample_rate"]) == (SLOW, RATE)
        segments = server.get(f"/sounds/{bat['id']}/segments")
        assert segments[0]["start_s"] == pytest.approx(CALL_AT_S, abs=0.01)
        assert segments[0]["duration_s"] == pytest.approx(CALL_S, abs=0.02)
        loudest = max(segments, key=lambda one: float(one["level_db"]))
        start_s, own = loudest["start_s"], {"exclude_self": False}
        end_s = start_s + loudest["duration_s"]
        place = {"id": bat["id"], "start_s": start_s, "end_s": end_s}
        hit = server.post("/search", {"sounds": [place], **own})["hits"][0]
        assert (hit["id"], hit["start_s"]) == (bat["id"], start_s)
        upload = server.upload(bats / "bat.wav")
        hit = server.post("/search", {"sounds": [{"id": upload["id"]}], **own})["hits"][0]
        assert hit["id"] == bat["id"]
        assert find_drawn(server, bat["id"]) == pytest.approx(CALL_AT_S + CALL_S / 2, abs=0.03)
        told = server.problem("GET", f"/api/v1/sounds/{bat['id']}/deformations", 422)
        assert "10 times slower" in told["detail"]


def find_drawn(server: Server, sound_id: str) -> float:
    """Find where in a recording of a second its spectrogram shows most."""
    answer = server.http.get(f"/api/v1/sounds/{sound_id}/spectrogram.png?width=100")
    with av.open(io.BytesIO(answer.content)) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="gray").astype(float)
    shown = np.abs(picture - np.median(picture, axis=1, keepdims=True)).sum(axis=0)
    return float(np.flatnonzero(shown > shown.max() / 2).mean() / 100)


def test_a_rescued_library_keeps_the_factors(soundkin: Soundkin, bats: Path) -> None:
    from soundkin.integrity.recover import rescue_rows

    soundkin("index", bats, "--slow", SLOW)
    rescued = soundkin.library.with_name("rescued.sqlite")
    rescue_rows(soundkin.library, rescued)
    with Library.open(rescued) as library:
        assert library.list_slow() == {str(bats): SLOW}
        assert {one.slow for one in library.select_recordings()} == {SLOW}


@pytest.mark.skipif(find_spec("lance") is None, reason="needs: pip install 'soundkin[cluster]'")
def test_lance_tables_keep_the_factors(
    bats: Path, expanded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    names = [str(tmp_path / name) for name in ("one.sqlite", "two.lance", "three.sqlite")]
    with Library.open(names[0], create=True) as library:
        index_folders(library, [bats], slow=SLOW)
    convert_library(names[0], names[1])
    convert_library(names[1], names[2])
    for name in names:
        with open_library(name) as library:
            assert library.list_slow() == {str(bats): SLOW}
            known = library.list_files_below(str(bats))
            assert all(file.slow == SLOW and file.ctime_ns for file in known)
            hit = Searcher(library).search(Sound(expanded))[0]
            assert hit.recording.path.endswith("bat.wav")
            assert hit.start_s == pytest.approx(CALL_AT_S, abs=0.051)
            if library.is_distributed:
                library.add_folder(str(bats), 20)
                assert library.list_slow() == {str(bats): 20}
                library.refresh()
                assert library.list_slow() == {str(bats): 20}
                library.add_folder(str(bats), SLOW)


@pytest.mark.skipif(find_spec("ray") is None, reason="needs: pip install 'soundkin[cluster]'")
def test_a_cluster_hears_and_keeps_it_so(
    soundkin: Soundkin, bats: Path, expanded: Path, tmp_path: Path
) -> None:
    lance = Soundkin(tmp_path / "library.lance")
    lance.env["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    (tmp_path / "files.txt").write_text(f"{bats}/bat.wav\n")
    done = lance("index", tmp_path / "files.txt", "--slow", SLOW, "--cluster", "local", status=2)
    assert "a list keeps no --slow; name the folder of its files" in done.stderr
    done = lance("index", bats, "--slow", SLOW, "--cluster", "local")
    assert "3 embedded" in done.stdout
    time.sleep(0.02)
    (bats / "buzz.wav").chmod(0o600)
    done = lance("index", "--cluster", "local")
    assert "2 unchanged, 1 with bytes known already" in done.stdout
    soundkin("index", bats, "--slow", SLOW)
    for name, command in (("one machine", soundkin), ("cluster", lance)):
        hit = command.json("search", expanded)[0]
        assert (name, Path(hit["path"]).name) == (name, "bat.wav")
        assert hit["start_s"] == pytest.approx(CALL_AT_S, abs=0.01)
    rows = [{row["path"]: row for row in one.json("list")} for one in (soundkin, lance)]
    assert rows[0] == rows[1]
    done = lance("index", bats, "--slow", 20, "--cluster", "local")
    assert "3 embedded, 3 of them heard at another speed than before" in done.stdout
