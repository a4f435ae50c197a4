"""The collection through `soundkin serve`: listed, tagged, indexed, mapped, taken away."""

from __future__ import annotations

import base64
import csv
import io
import json
import signal
import time
from pathlib import Path

import numpy as np

from conftest import DEMO_SOUNDS, Soundkin
from serving import Server, serve
from sounds import make_noise, make_sweep, make_tone, write_sound


def test_what_there_is_agrees_with_the_command(server: Server, demo: Soundkin) -> None:
    info, known = server.get("/info"), demo.json("info")[0]
    for key in ("library", "n_recordings", "n_failed", "n_segments", "duration_s", "folders"):
        assert info[key] == known[key], key
    assert info["model"] == known["model"]
    assert info["extensions"] == [{"extension": ".flac", "n_recordings": 58}]
    facts = {fact["name"]: fact for fact in info["facts"]}
    assert facts["brightness"]["min"] < facts["brightness"]["max"]
    assert server.get("/folders") == [
        {
            "path": str(DEMO_SOUNDS),
            "n_recordings": 58,
            "duration_s": info["duration_s"],
            "slow": 1,
        }
    ]


def test_recordings_come_page_by_page_as_the_command_lists_them(
    server: Server, demo: Soundkin
) -> None:
    rows = demo.json("list")
    first, second = (server.get("/recordings", offset=n, limit=40) for n in (0, 40))
    assert first["total"] == second["total"] == 58
    listed = [*first["recordings"], *second["recordings"]]
    assert [{key: one[key] for key in rows[0]} for one in listed] == rows
    snares = server.get("/recordings", text="SNARE")["recordings"]
    assert {one["name"] for one in snares} >= {"drum_snare_hard.flac", "drum_snare_soft.flac"}
    assert all("snare" in one["name"] for one in snares)
    assert server.get("/recordings", folder="/nowhere")["total"] == 0
    assert server.get(f"/sounds/{listed[0]['id']}") == listed[0]


def test_folders_and_words_filter_recordings_and_searches(soundkin: Soundkin, folder: Path) -> None:
    for number, name in enumerate(("A/Drums/kick 1", "A/Drums/kick 2", "B/Drums/rim 1", "B/pad")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_sound(folder / f"{name}.wav", make_noise(0.3, number))
    soundkin("index", folder)
    with serve(soundkin) as server:

        def search(**filters: object) -> list[str]:
            pad = {"id": server.find("pad")["id"]}
            body = {"sounds": [pad], "exclude_self": False, "filters": filters}
            return sorted(one["name"] for one in server.post("/search", body)["hits"])

        def list_names(**query: object) -> list[str]:
            return [one["name"] for one in server.get("/recordings", **query)["recordings"]]

        a, b, drums = (str(folder / name) for name in ("A", "B", "B/Drums"))
        assert search(folders=[a, drums]) == ["kick 1.wav", "kick 2.wav", "rim 1.wav"]
        assert search(folders=[a, b], not_folders=[drums, a]) == ["pad.wav"]
        assert search(name="1 DRUMS -rim") == ["kick 1.wav"]
        assert list_names(folder=[a, drums]) == ["kick 1.wav", "kick 2.wav", "rim 1.wav"]
        assert list_names(folder=b, not_folder=drums) == ["pad.wav"]
        assert list_names(text="drums, 1") == ["kick 1.wav", "rim 1.wav"]
        server.problem("GET", "/api/v1/recordings", 422, params={"text": "x" * 201})


def test_tags_and_favourites_are_edited_in_bulk(soundkin: Soundkin, folder: Path) -> None:
    for seed in range(3):
        write_sound(folder / f"{seed}.wav", make_noise(0.2, seed))
    soundkin("index", folder)
    with serve(soundkin) as server:
        ids = [one["id"] for one in server.get("/recordings")["recordings"]]
        assert server.post("/tags", {"ids": ids, "add": ["dry", " short "]}) == {"changed": 3}
        assert server.post("/tags", {"ids": ids[:1], "remove": ["dry"]}) == {"changed": 1}
        assert server.post("/tags", {"ids": ids[:1], "remove": ["dry"]}) == {"changed": 0}
        assert soundkin("tag").stdout.splitlines() == ["3\tshort", "2\tdry"]
        assert server.get("/recordings", tag="dry")["total"] == 2
        server.post("/favourites", {"ids": ids[1:]})
        server.post("/favourites", {"ids": ids[2:], "favourite": False})
        favourites = server.get("/recordings", favourites=True)["recordings"]
        assert [one["id"] for one in favourites] == ids[1:2]
        assert favourites[0]["favourite"] is True
        server.problem("POST", "/api/v1/tags", 404, json={"ids": [*ids, "r99"], "add": ["x"]})
        server.problem("POST", "/api/v1/tags", 422, json={"ids": ids, "add": ["  "]})
        assert "x" not in soundkin("tag").stdout


def test_a_folder_is_indexed_with_news_and_failures_told(soundkin: Soundkin, folder: Path) -> None:
    for number in range(12):
        write_sound(folder / f"{number}.wav", make_sweep(1 + number / 10))
    (folder / "broken.wav").write_bytes(b"no sound")
    with serve(soundkin) as server:  # over a library that is not there yet
        assert server.get("/info")["model"] is None
        assert server.get("/recordings")["total"] == 0
        body = {"kind": "index", "folders": [str(folder)]}
        job = server.post("/jobs", body, status=201)
        news = list(server.follow(job["id"]))
        assert {name for name, _ in news} == {"progress", "done"}
        done = [row["n_done"] for _, row in news]
        assert done == sorted(done)
        last = news[-1][1]
        assert last["n_done"] == last["n_total"] == 13
        assert last["report"]["n_added"] == 12
        assert last["report"]["failures"][0]["path"] == str(folder / "broken.wav")
        assert "12 embedded" in last["summary"]
        failed = server.get("/recordings", failed=True)["recordings"]
        assert [one["name"] for one in failed] == ["broken.wav"]
        assert failed[0]["error"]
        assert server.get(f"/sounds/{failed[0]['id']}") == failed[0]
        server.problem("GET", f"/api/v1/sounds/{failed[0]['id']}/audio", 409)
        hits = server.post("/search", {"sounds": [{"id": server.find("/3.wav")["id"]}]})["hits"]
        assert len(hits) == 11
        assert server.get(f"/jobs/{job['id']}") == last
        assert server.get("/jobs") == [last]


def test_jobs_that_cannot_be_done_say_why(soundkin: Soundkin, folder: Path) -> None:
    for number in range(80):
        write_sound(folder / f"{number}.wav", make_sweep(3 + number / 10))
    with serve(soundkin) as server:
        missing = {"kind": "index", "folders": [str(folder / "none")]}
        assert (
            "no such file or folder"
            in server.problem("POST", "/api/v1/jobs", 422, json=missing)["detail"]
        )
        for odd in ("", "sounds", "a\0b"):
            server.problem("POST", "/api/v1/jobs", 422, json={"kind": "index", "folders": [odd]})
        job = server.post("/jobs", {"kind": "index", "folders": [str(folder)]}, status=201)
        body = {"kind": "index", "folders": [str(folder)]}
        assert "at work" in server.problem("POST", "/api/v1/jobs", 409, json=body)["detail"]
        while not server.get(f"/jobs/{job['id']}")["n_total"]:
            time.sleep(0.02)
        assert server.http.delete(f"/api/v1/jobs/{job['id']}").status_code == 200
        last = list(server.follow(job["id"]))[-1][1]
        assert last["state"] == "failed"
        assert "interrupted" in last["detail"]
        assert server.index(folder)["report"]["n_unchanged"] < 80
        assert server.get("/info")["n_recordings"] == 80
        server.problem("GET", "/api/v1/jobs/0123456789abcdef/events", 404)


def test_ending_the_server_ends_its_job_and_keeps_what_was_done(
    soundkin: Soundkin, folder: Path
) -> None:
    for number in range(80):
        write_sound(folder / f"{number}.wav", make_sweep(3 + number / 10))
    with serve(soundkin) as server:
        job = server.post("/jobs", {"kind": "index", "folders": [str(folder)]}, status=201)
        for _, row in server.follow(job["id"]):
            if row["n_done"]:
                break
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(timeout=30) == 0
    assert "80 recordings" in soundkin("index", folder).stdout


def test_tags_are_suggested_and_rejected(soundkin: Soundkin, folder: Path) -> None:
    for seed in range(8):
        write_sound(folder / f"noise{seed}.wav", make_noise(1, seed))
        write_sound(folder / f"tone{seed}.wav", make_tone(400 + 9 * seed))
    soundkin("index", folder)
    for kind in ("noise", "tone"):
        for seed in range(6):
            soundkin("tag", folder / f"{kind}{seed}.wav", "--add", kind)
    with serve(soundkin) as server:
        found = server.get("/suggestions", sure=0.5)
        assert {(one["recording"]["name"], one["tag"]) for one in found} == {
            ("noise6.wav", "noise"),
            ("noise7.wav", "noise"),
            ("tone6.wav", "tone"),
            ("tone7.wav", "tone"),
        }
        assert all(one["because_recording"]["tags"] == [one["tag"]] for one in found)
        first = found[0]
        rejected = {"id": first["id"], "tag": first["tag"]}
        server.post("/suggestions/rejected", rejected, status=204)
        left = server.get("/suggestions", sure=0.5)
        assert [one["id"] for one in left] == [one["id"] for one in found[1:]]


def test_a_query_is_kept_by_name_with_what_was_liked(server: Server, tmp_path: Path) -> None:
    upload = server.upload(write_sound(tmp_path / "a.wav", make_tone(700)))
    body = {
        "sounds": [{"id": upload["id"], "weight": 1}],
        "liked": [{"id": server.find("perc_bell")["id"]}],
    }
    kept = server.post("/concepts", {"name": "bells / tones"} | body, status=201)
    assert server.get("/concepts") == [kept]
    asked = {"top_k": 5, "exclude_self": False}
    by_name = server.post("/search", {"sounds": [{"id": kept["id"]}]} | asked)["hits"]
    by_query = server.post("/search", body | asked)["hits"]
    assert [hit["id"] for hit in by_name] == [hit["id"] for hit in by_query]
    server.problem("GET", f"/api/v1/sounds/{kept['id']}/audio", 422)
    assert server.http.delete("/api/v1/concepts/bells%20%2F%20tones").status_code == 204
    assert server.get("/concepts") == []
    server.problem("DELETE", "/api/v1/concepts/none", 404)
    server.problem("POST", "/api/v1/search", 404, json={"sounds": [{"id": kept["id"]}]})


def test_a_hit_is_explained(server: Server, demo: Soundkin) -> None:
    sound = server.find("loop_amen")
    body = {"sounds": [{"id": sound["id"]}], "top_k": 1}
    answer = server.post("/search", body)
    assert answer["verdict"]["word"] in {"many", "some", "none"}
    hit = answer["hits"][0]
    place = {"id": hit["id"], "start_s": hit["start_s"]}
    why = server.post("/explain", {"sounds": body["sounds"], "hit": place})
    known = demo.json(
        "search", DEMO_SOUNDS / "loop_amen.flac", "--exclude-self", "--top", 1, "--why"
    )[0]["why"]
    assert {key: why[key] for key in ("stability", "stable", "n_pieces", "n_near")} == {
        key: known[key] for key in ("stability", "stable", "n_pieces", "n_near")
    }
    assert [fact["closeness"] for fact in why["facts"]] == [f["closeness"] for f in known["facts"]]


def test_hits_are_taken_away_as_the_command_writes_them(server: Server, demo: Soundkin) -> None:
    path = DEMO_SOUNDS / "bd_808.flac"
    hits = server.post("/search", {"sounds": [{"id": server.find("bd_808")["id"]}], "top_k": 4})[
        "hits"
    ]
    words = [{key: hit[key] for key in ("id", "start_s", "duration_s", "score")} for hit in hits]
    for kind in ("m3u", "labels", "reaper"):
        written = server.http.post("/api/v1/export", json={"hits": words, "format": kind})
        assert "attachment" in written.headers["content-disposition"]
        expected = demo("search", path, "--exclude-self", "--top", 4, f"--{kind}").stdout
        assert written.text == expected
    table = server.http.post("/api/v1/export", json={"hits": words, "format": "csv"}).text
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [(row["path"], float(row["score"])) for row in rows] == [
        (hit["path"], hit["score"]) for hit in hits
    ]
    project = server.http.post("/api/v1/export", json={"hits": words, "format": "reaper"}).text
    assert project.count("<ITEM") == 4
    assert project.count("  MARKER") == 8
    assert sum(line.strip().startswith("<") for line in project.splitlines()) == sum(
        line.strip() == ">" for line in project.splitlines()
    )


def test_the_map_is_made_by_a_job_and_a_query_placed_on_it(soundkin: Soundkin) -> None:
    soundkin("index", DEMO_SOUNDS)
    with serve(soundkin) as server:
        assert server.http.get("/api/v1/map").status_code == 204
        job = server.post("/jobs", {"kind": "map"}, status=201)
        assert list(server.follow(job["id"]))[-1][1]["state"] == "done"
        drawn = server.get("/map")
        x, y = (np.frombuffer(base64.b64decode(drawn[axis]), "<f4") for axis in "xy")
        ids = np.frombuffer(base64.b64decode(drawn["ids"]), "<u4")
        assert len(x) == len(y) == len(ids) == drawn["n"] == 58
        assert np.abs(np.stack([x, y])).max() <= 1
        columns = {column["name"]: column for column in drawn["columns"]}
        assert {"folder", "tag", "duration"} <= set(columns)
        codes = np.frombuffer(base64.b64decode(columns["duration"]["codes"]), np.uint8)
        assert codes.max() < len(columns["duration"]["palette"])
        rows = {row["id"]: row for row in map(json.loads, _list_map(soundkin))}
        assert {f"r{key}" for key in rows} == {f"r{key}" for key in ids.tolist()}
        assert [rows[key]["x"] for key in ids.tolist()] == [round(float(v), 6) for v in x]
        sound = server.find("drum_snare_hard")
        place = server.post("/map/place", {"sounds": [{"id": sound["id"]}]})
        own = int(np.flatnonzero(ids == int(sound["id"][1:]))[0])
        distance = np.hypot(x - place["x"], y - place["y"])
        assert np.argsort(distance).tolist().index(own) < 6


def _list_map(soundkin: Soundkin) -> list[str]:
    return soundkin("map", "--json").stdout.splitlines()
