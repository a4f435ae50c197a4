"""What the page plays and draws of an odd file is what was indexed of it, at the same times."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.fuzz.odd_files import RATE, encode, find_clicks, make_clicks, patch_sizes, wav_bytes
from conftest import Soundkin
from serving import serve

TIMES = (0.5, 2.2, 3.9)
LONG = make_clicks(5.0, TIMES)


def _write(folder: Path) -> dict[str, list[float]]:
    """Write odd files that browsers would play by themselves; returns where their clicks are."""
    vorbis = io.BytesIO()
    soundfile.write(vorbis, LONG, RATE, format="OGG", subtype="VORBIS")
    (folder / "chained.ogg").write_bytes(2 * vorbis.getvalue())
    (folder / "size-0.wav").write_bytes(patch_sizes(wav_bytes(LONG), 0, 0))
    encode(folder / "late.mp4", [("aac", LONG, 2.0)], video_s=7)
    halves = make_clicks(5.0, TIMES[:1]), make_clicks(5.0, TIMES[1:])
    encode(folder / "streams.mp4", [("aac", half, 0) for half in halves])
    return {
        "chained.ogg": [*TIMES, *(5 + time for time in TIMES)],
        "size-0.wav": [*TIMES],
        "late.mp4": [2 + time for time in TIMES],
        "streams.mp4": [*TIMES],
    }


def test_an_odd_file_is_played_and_drawn_at_the_times_of_its_hits(
    soundkin: Soundkin, folder: Path
) -> None:
    expected = _write(folder)
    soundkin("index", folder)
    with serve(soundkin) as server:
        rows = server.get("/recordings")["recordings"]
        assert sorted(row["name"] for row in rows) == sorted(expected)
        for row in rows:
            times = expected[row["name"]]
            audio = server.http.get(f"/api/v1/sounds/{row['id']}/audio").content
            samples, rate = soundfile.read(io.BytesIO(audio), dtype="float32", always_2d=True)
            assert find_clicks(samples.mean(axis=1), rate) == pytest.approx(times, abs=0.05)
            peaks = server.get(f"/sounds/{row['id']}/peaks", n=2000)
            step_s = peaks["duration_s"] / 2000
            loud = np.flatnonzero(np.array(peaks["max"]) > 0.1) * step_s
            assert all(np.abs(loud - time).min() < 0.05 for time in times)
            assert all(min(abs(at - time) for time in times) < 0.1 for at in loud)
