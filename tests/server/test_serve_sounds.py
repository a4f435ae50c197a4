"""A sound through `soundkin serve`: heard by ranges and regions, seen, cut, deformed, embedded."""

from __future__ import annotations

import io
import itertools
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from conftest import DEMO_SOUNDS, Soundkin
from serving import Server, serve
from soundkin.audio.read import read_audio
from soundkin.embedding.embedder import Embedder
from sounds import RATE, make_noise, make_sweep, make_tone, write_ffmpeg, write_sound


def hear(server: Server, sound_id: str, **query: float) -> tuple[np.ndarray, int]:
    response = server.http.get(f"/api/v1/sounds/{sound_id}/audio", params=query)
    assert response.status_code == 200, response.text
    assert int(response.headers["content-length"]) == len(response.content)
    return soundfile.read(io.BytesIO(response.content), dtype="float32", always_2d=True)


def test_the_bytes_of_a_file_come_whole_and_by_range(server: Server) -> None:
    path = DEMO_SOUNDS / "loop_amen.flac"
    url = f"/api/v1/sounds/{server.find('loop_amen')['id']}/audio"
    whole = server.http.get(url)
    assert whole.headers["content-type"] == "audio/flac"
    assert whole.headers["accept-ranges"] == "bytes"
    assert whole.content == path.read_bytes()
    for wanted, part in (
        ("bytes=0-99", slice(0, 100)),
        ("bytes=1000-", slice(1000, None)),
        ("bytes=-50", slice(-50, None)),
    ):
        response = server.http.get(url, headers={"range": wanted})
        assert response.status_code == 206
        assert response.content == whole.content[part]
    assert server.http.get(url, headers={"range": "bytes=99999999-"}).status_code == 416


def test_a_region_is_sample_exact_with_all_channels(soundkin: Soundkin, folder: Path) -> None:
    stereo = np.stack([make_sweep(3), make_noise(3, 4)], axis=1)
    soundfile.write(folder / "stereo.flac", stereo, RATE, subtype="PCM_24")
    soundfile.write(folder / "stereo.aiff", stereo, RATE, subtype="PCM_16")
    write_sound(folder / "mono.mp3", make_sweep(3))
    write_ffmpeg(folder / "film.mp4", make_sweep(3), "aac")
    soundkin("index", folder)
    with serve(soundkin) as server:
        for name in ("stereo.flac", "stereo.aiff", "mono.mp3", "film.mp4"):
            sound = server.find(name)
            region, rate = hear(server, sound["id"], start_s=0.731, end_s=1.962)
            assert (rate, region.shape[1]) == (sound["sample_rate"], sound["n_channels"])
            expected = read_audio(folder / name, rate, 0.731, 1.962)
            assert np.abs(region.mean(axis=1) - expected).max() < 1e-6
        region, _ = hear(server, server.find("stereo.flac")["id"], start_s=1, end_s=2)
        read, _ = soundfile.read(folder / "stereo.flac", dtype="float32")
        assert np.array_equal(region, read[RATE : 2 * RATE])


def test_what_no_browser_plays_comes_as_a_wav_file_by_range_too(
    soundkin: Soundkin, folder: Path
) -> None:
    stereo = np.stack([make_sweep(1), make_noise(1, 4)], axis=1)
    soundfile.write(folder / "a.aiff", stereo, RATE, subtype="PCM_16")
    soundkin("index", folder)
    with serve(soundkin) as server:
        url = f"/api/v1/sounds/{server.find('a.aiff')['id']}/audio"
        whole = server.http.get(url)
        assert whole.headers["content-type"] == "audio/wav"
        read, rate = soundfile.read(io.BytesIO(whole.content), dtype="float32")
        assert rate == RATE
        assert np.array_equal(read, soundfile.read(folder / "a.aiff", dtype="float32")[0])
        spans = ((0, 10), (50, 70), (57, 59), (58, 66), (12_345, 23_456), (100_001, None))
        for start, stop in spans:
            wanted = f"bytes={start}-" if stop is None else f"bytes={start}-{stop - 1}"
            response = server.http.get(url, headers={"range": wanted})
            assert response.status_code == 206
            assert response.content == whole.content[start:stop], (start, stop)
        last = server.http.get(url, headers={"range": "bytes=-7"})
        assert last.content == whole.content[-7:]
        assert last.headers["content-range"].endswith(f"/{len(whole.content)}")
        for odd in ("bytes=5-2", "bytes=x", "frames=0-1", "bytes=0-1,4-5"):
            assert server.http.get(url, headers={"range": odd}).content == whole.content
        problem = server.problem("GET", url, 416, headers={"range": "bytes=99999999-"})
        assert "bytes" in problem["detail"]


def test_a_segment_is_downloaded_under_a_name_and_finds_its_place(
    server: Server, demo: Soundkin, tmp_path: Path
) -> None:
    sound = server.find("loop_amen")
    query = {"start_s": 0.5, "end_s": 1.5, "download": 1}
    response = server.http.get(f"/api/v1/sounds/{sound['id']}/audio", params=query)
    assert "loop_amen%200.500.wav" in response.headers["content-disposition"]
    (tmp_path / "segment.wav").write_bytes(response.content)
    hit = demo.json("search", tmp_path / "segment.wav", "--top", 1)[0]
    assert hit["path"] == sound["path"]
    assert hit["start_s"] == pytest.approx(0.5, abs=0.011)  # its onset has a lead


def test_an_upload_is_heard_and_a_region_of_it(server: Server, tmp_path: Path) -> None:
    path = write_sound(tmp_path / "take.flac", make_sweep(1.5))
    sound = server.upload(path, "../../a take\x07.flac")
    assert sound["name"] == "a take.flac"
    whole = server.http.get(f"/api/v1/sounds/{sound['id']}/audio")
    assert whole.content == path.read_bytes()
    region, rate = hear(server, sound["id"], start_s=0.25, end_s=0.75)
    expected = soundfile.read(path, dtype="float32")[0][round(0.25 * rate) : round(0.75 * rate)]
    assert np.array_equal(region[:, 0], expected)
    assert server.get(f"/sounds/{sound['id']}") == sound


def test_a_name_that_is_no_text_comes_through(soundkin: Soundkin, folder: Path) -> None:
    path = write_sound(folder / os.fsdecode(b'b\xe4d "kick" \xe2\x82\xac.wav'), make_noise(0.3))
    soundkin("index", folder)
    with serve(soundkin) as server:
        (recording,) = server.get("/recordings")["recordings"]
        assert recording["path"] == str(path)
        url = f"/api/v1/sounds/{recording['id']}/audio"
        for query in ({"download": 1}, {"download": 1, "start_s": 0.1}):
            response = server.http.get(url, params=query)
            assert response.status_code == 200
            assert "%22kick%22" in response.headers["content-disposition"]
        hits = [{"id": recording["id"]}]
        listed = server.http.post("/api/v1/export", json={"hits": hits, "format": "csv"})
        assert os.fsencode(path).replace(b'"', b'""') in listed.content


def test_peaks_are_those_of_the_samples(server: Server, tmp_path: Path) -> None:
    wave = make_sweep(2)
    sound = server.upload(write_sound(tmp_path / "a.wav", wave, subtype="FLOAT"))
    peaks = server.get(f"/sounds/{sound['id']}/peaks", n=7)
    assert (peaks["start_s"], peaks["duration_s"]) == (0, 2)
    edges = np.linspace(0, len(wave), 8).astype(int)
    parts = [wave[a:b] for a, b in itertools.pairwise(edges)]
    assert peaks["min"] == pytest.approx([part.min() for part in parts], abs=1e-4)
    assert peaks["max"] == pytest.approx([part.max() for part in parts], abs=1e-4)
    region = server.get(f"/sounds/{sound['id']}/peaks", n=1, start_s=0.5, end_s=0.75)
    part = wave[round(0.5 * RATE) : round(0.75 * RATE)]
    assert region["max"] == pytest.approx([part.max()], abs=1e-4)
    assert len(server.get(f"/sounds/{server.find('loop_amen')['id']}/peaks")["max"]) == 400


def test_a_spectrogram_shows_where_the_sound_is(server: Server, tmp_path: Path) -> None:
    low, high = make_tone(200, 1), make_tone(6000, 1)
    sound = server.upload(write_sound(tmp_path / "a.wav", np.concatenate([low, high])))
    url = f"/api/v1/sounds/{sound['id']}/spectrogram.png"
    response = server.http.get(url, params={"width": 200, "height": 64})
    assert response.headers["content-type"] == "image/png"
    picture = np.asarray(Image.open(io.BytesIO(response.content)).convert("L"), float)
    assert picture.shape == (64, 200)
    rows = np.arange(64)
    heights = (picture * rows[:, None]).sum(axis=0) / picture.sum(axis=0)
    assert heights[:90].mean() > heights[110:].mean() + 8  # row 0 is the highest frequency
    part = server.http.get(url, params={"width": 200, "height": 64, "start_s": 1})
    assert part.content != response.content


def test_segments_and_vectors_are_those_of_python(server: Server) -> None:
    path = DEMO_SOUNDS / "loop_tabla.flac"
    found = Embedder.load("kin").embed_file(path)
    segments = server.get(f"/sounds/{server.find('loop_tabla')['id']}/segments")
    assert len(segments) == len(found.vectors)
    assert [one["segment"] for one in segments] == list(range(len(segments)))
    assert [one["level_db"] for one in segments] == pytest.approx(found.levels_db, abs=0.1)
    answer = server.http.post("/api/v1/embed", content=path.read_bytes()).json()
    assert answer["n_segments"] == len(found.vectors)
    assert np.abs(np.array(answer["vectors"]) - found.vectors).max() < 1e-5
    assert answer["starts_s"] == [one["start_s"] for one in segments]


def test_deformations_are_sounds_with_distances(server: Server) -> None:
    sound, other = server.find("loop_tabla"), server.find("misc_crow")
    answer = server.get(f"/sounds/{sound['id']}/deformations", mix=other["id"])
    rows = {row["name"]: row for row in answer["deformations"]}
    assert set(rows) >= {"original", "pitch-up", "pitch-down", "longer", "shorter", "noisy"}
    assert "mixture" in rows
    assert rows["original"]["distance"] == 0
    assert 0 < rows["longer"]["distance"] < answer["random_distances"]["median"]
    assert answer["random_distances"]["p05"] < answer["random_distances"]["median"]
    heard = soundfile.read(io.BytesIO(server.http.get(rows["longer"]["audio_url"]).content))[0]
    assert len(heard) / sound["sample_rate"] == pytest.approx(
        rows["longer"]["duration_s"], abs=1e-3
    )
    assert server.http.get(rows["noisy"]["spectrogram_url"]).status_code == 200
    body = {"sounds": [{"id": rows["shorter"]["id"]}], "top_k": 3}
    assert sound["id"] in {hit["id"] for hit in server.post("/search", body)["hits"]}
