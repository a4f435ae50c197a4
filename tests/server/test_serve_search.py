"""Searching through `soundkin serve`: what the API finds is what the command finds."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from conftest import DEMO_SOUNDS, Soundkin
from serving import JSON, Server, serve
from sounds import make_noise, make_sweep, make_tone, write_ffmpeg, write_sound


def search(server: Server, *sounds: JSON, **words: Any) -> list[JSON]:
    body = {"sounds": sounds, "exclude_self": False} | words
    hits: list[JSON] = server.post("/search", body)["hits"]
    return hits


def agree(hits: list[JSON], rows: list[JSON]) -> bool:
    """Whether hits of the API say what rows of the command say, field by field.

    Scores agree to 1e-5: how many threads multiply matrices shows in the seventh place.
    """
    keys = rows[0].keys()
    assert keys <= hits[0].keys()
    slack = {"score": 1e-5, "percentile": 0.01}
    for hit, row in zip(hits, rows, strict=True):
        for key in keys:
            within = slack.get(key)
            expected = row[key] if within is None else pytest.approx(row[key], abs=within)
            assert hit[key] == expected, (key, hit, row)
    return True


def test_a_recording_finds_what_the_command_finds(server: Server, demo: Soundkin) -> None:
    path = DEMO_SOUNDS / "loop_amen.flac"
    recording = server.find("loop_amen")
    rows = demo.json("search", path, "--top", 12)
    assert agree(search(server, {"id": recording["id"]}, top_k=12), rows)
    several = demo.json("search", path, "--per-recording", 3, "--top", 9, "--exclude-self")
    options = {"top_k": 9, "per_recording": 3, "exclude_self": True}
    assert agree(search(server, {"id": recording["id"]}, **options), several)


def test_hits_are_good_enough_as_with_the_command(server: Server, demo: Soundkin) -> None:
    path, recording = DEMO_SOUNDS / "bd_808.flac", server.find("bd_808")["id"]
    least = demo.json("search", path, "--top", 4)[-1]
    for name in ("score", "percentile"):
        bound = least[name] - 1e-3
        rows = demo.json("search", path, "--top", 30, f"--min-{name}", bound)
        assert agree(search(server, {"id": recording}, top_k=30, **{f"min_{name}": bound}), rows)
    nothing = server.post(
        "/search", {"sounds": [{"id": recording}], "exclude_self": True, "min_score": 0.999}
    )
    assert (nothing["hits"], nothing["verdict"]["word"]) == ([], "none")


def test_regions_and_sums_find_what_the_command_finds(server: Server, demo: Soundkin) -> None:
    amen, crow = DEMO_SOUNDS / "loop_amen.flac", DEMO_SOUNDS / "misc_crow.flac"
    ids = server.find("loop_amen")["id"], server.find("misc_crow")["id"]
    for start_s, end_s in ((0.5, 1.5), (0.31, 0.97)):
        rows = demo.json("search", amen, "--from", start_s, "--to", end_s)
        part = {"id": ids[0], "start_s": start_s, "end_s": end_s}
        assert agree(search(server, part, top_k=10), rows)
    rows = demo.json("search", amen, "+", f"0.5:{crow}")
    assert agree(search(server, {"id": ids[0]}, {"id": ids[1], "weight": 0.5}, top_k=10), rows)
    rows = demo.json("search", amen, "-", f"0.3:{crow}")
    assert agree(search(server, {"id": ids[0]}, {"id": ids[1], "weight": -0.3}, top_k=10), rows)


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "m4a"])
def test_an_upload_finds_what_the_command_finds_with_the_file(
    server: Server, demo: Soundkin, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"take.{suffix}"
    if suffix == "m4a":
        write_ffmpeg(path, make_sweep(2.3), "aac")
    else:
        write_sound(path, make_sweep(2.3))
    sound = server.upload(path)
    assert sound["name"] == path.name
    assert sound["duration_s"] == pytest.approx(2.3, abs=0.1)
    assert agree(search(server, {"id": sound["id"]}, top_k=10), demo.json("search", path))
    rows = demo.json("search", path, "--from", 0.4, "--to", 1.7)
    part = {"id": sound["id"], "start_s": 0.4, "end_s": 1.7}
    assert agree(search(server, part, top_k=10), rows)


def test_a_sound_is_sent_and_searched_with_in_one_round_trip(
    server: Server, demo: Soundkin
) -> None:
    path = DEMO_SOUNDS / "bd_808.flac"
    answer = server.http.post(
        "/api/v1/search/upload", params={"name": path.name, "top_k": 5}, content=path.read_bytes()
    ).json()
    assert answer["sound"]["id"].startswith("u")
    assert answer["took_ms"] > 0
    assert agree(answer["hits"], demo.json("search", path, "--top", 5, "--exclude-self"))
    form = {"file": (path.name, path.read_bytes(), "audio/flac")}
    sent = server.http.post("/api/v1/search/upload", params={"top_k": 5}, files=form).json()
    assert sent["hits"] == answer["hits"]
    assert sent["sound"]["name"] == path.name


def test_a_hit_is_walked_on_from_without_its_file(soundkin: Soundkin, folder: Path) -> None:
    for number in range(6):
        write_sound(folder / f"{number}.wav", make_sweep(2.5 + number / 7)[number * 900 :])
    soundkin("index", folder)
    with serve(soundkin) as server:
        hit = search(server, {"id": server.find("3.wav")["id"]}, exclude_self=True)[0]
        part = {
            "id": hit["id"],
            "start_s": hit["start_s"],
            "end_s": hit["start_s"] + hit["duration_s"],
        }
        before = search(server, part)
        assert before[0]["score"] > 0.999
        Path(hit["path"]).unlink()
        assert search(server, part) == before
        off_grid = part | {"start_s": hit["start_s"] + 0.11, "end_s": hit["start_s"] + 0.7}
        problem = server.problem("POST", "/api/v1/search", 422, json={"sounds": [off_grid]})
        assert hit["name"] in problem["detail"]
        assert server.problem("GET", f"/api/v1/sounds/{hit['id']}/audio", 404)


def test_filters_narrow_the_hits(soundkin: Soundkin, folder: Path) -> None:
    for part in ("drums", "birds"):
        (folder / part).mkdir()
        for seed in range(4):
            sound = make_noise(0.4 + seed / 2, seed) if part == "drums" else make_tone(500 + seed)
            write_sound(folder / part / f"{part}{seed}.{'flac' if seed % 2 else 'wav'}", sound)
    soundkin("index", folder)
    with serve(soundkin) as server:
        query = {"id": server.find("drums0")["id"]}
        birds = server.find("birds1")["id"]
        server.post("/favourites", {"ids": [birds]})

        def names(**filters: Any) -> set[str]:
            return {hit["name"] for hit in search(server, query, filters=filters)}

        below = names(folders=[str(folder / "birds")])
        assert below == {"birds0.wav", "birds1.flac", "birds2.wav", "birds3.flac"}
        assert names(extensions=["flac"], max_duration_s=1.0) == {
            "birds1.flac",
            "birds3.flac",
            "drums1.flac",
        }
        assert names(favourites=True) == {"birds1.flac"}
        assert names(tags=["favourite"]) == {"birds1.flac"}
        assert soundkin("tag").stdout == "1\tfavourite\n"
        body = {"sounds": [query], "filters": {"tags": ["none"]}}
        problem = server.problem("POST", "/api/v1/search", 422, json=body)
        assert problem["type"] == "urn:soundkin:query"
        assert "no recording passes" in problem["detail"]


def test_silence_and_nothing_are_refused_in_a_line(server: Server, tmp_path: Path) -> None:
    silent = write_sound(tmp_path / "silent.wav", 0 * make_noise())
    sound = server.upload(silent)
    problem = server.problem("POST", "/api/v1/search", 422, json={"sounds": [{"id": sound["id"]}]})
    assert "silent" in problem["detail"]
    assert "/tmp" not in problem["detail"]
    assert server.problem("POST", "/api/v1/search", 422, json={"sounds": []})
    assert server.problem("POST", "/api/v1/search", 404, json={"sounds": [{"id": "r99999"}]})


def test_searches_go_on_while_a_folder_is_indexed(soundkin: Soundkin, folder: Path) -> None:
    first, later = folder / "first", folder / "later"
    first.mkdir()
    later.mkdir()
    for number in range(5):
        write_sound(first / f"first{number}.wav", make_tone(300 + 40 * number))
    for number in range(60):
        write_sound(later / f"later{number}.wav", make_sweep(1 + number / 20))
    soundkin("index", first)
    with serve(soundkin) as server:
        query = {"id": server.find("first0")["id"]}
        is_over = threading.Event()
        counts: list[int] = []
        failures: list[BaseException] = []

        def ask() -> None:
            while not is_over.is_set():
                try:
                    counts.append(len(search(server, query, top_k=100)))
                except BaseException as error:
                    failures.append(error)
                    return

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        job = server.index(later)
        is_over.set()
        for thread in threads:
            thread.join()
        assert not failures
        assert job["state"] == "done"
        assert len(counts) > 10
        assert len(search(server, query, top_k=100)) == 65
