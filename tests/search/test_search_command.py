"""`soundkin search` and its kin: what a person types, and what a program reads."""

from __future__ import annotations

import csv
import io
import itertools
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
import soundfile

from conftest import DEMO_SOUNDS, Soundkin
from sounds import make_noise, make_tone, write_ffmpeg, write_sound


def name(row: dict[str, object]) -> str:
    return Path(str(row["path"])).stem


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("drum_snare_hard", {"drum_snare_soft"}),
        ("drum_cymbal_open", {"drum_cymbal_hard", "drum_cymbal_soft", "drum_splash_soft"}),
        ("bd_tek", {"bd_haus", "bd_fat"}),
    ],
)
def test_a_listener_would_agree_with_the_first_hits(
    demo: Soundkin, query: str, expected: set[str]
) -> None:
    hits = demo.json("search", DEMO_SOUNDS / f"{query}.flac", "--exclude-self", "--top", 5)
    assert expected <= {name(hit) for hit in hits}


def test_a_sound_finds_itself_first(demo: Soundkin) -> None:
    hits = demo.json("search", DEMO_SOUNDS / "bd_808.flac")
    assert name(hits[0]) == "bd_808"
    assert hits[0]["score"] > 0.999
    assert [hit["rank"] for hit in hits] == list(range(1, 11))
    assert all(a["score"] >= b["score"] for a, b in itertools.pairwise(hits))
    assert all(a["percentile"] >= b["percentile"] for a, b in itertools.pairwise(hits))
    assert len({hit["path"] for hit in hits}) == 10


def test_a_copy_outside_the_library_is_recognised_by_its_bytes(
    demo: Soundkin, tmp_path: Path
) -> None:
    copy = tmp_path / "unknown name.flac"
    copy.write_bytes((DEMO_SOUNDS / "bd_808.flac").read_bytes())
    assert name(demo.json("search", copy)[0]) == "bd_808"
    assert name(demo.json("search", copy, "--exclude-self")[0]) != "bd_808"


def test_a_region_finds_its_place(demo: Soundkin) -> None:
    path = DEMO_SOUNDS / "loop_amen.flac"
    hit = demo.json("search", path, "--from", 0.5, "--to", 1.5, "--top", 1)[0]
    assert name(hit) == "loop_amen"
    assert hit["start_s"] == pytest.approx(0.5, abs=0.011)  # its onset has a lead
    assert hit["score"] > 0.85


def test_a_recording_is_named_by_the_end_of_its_path(demo: Soundkin) -> None:
    by_name = demo.json("search", "sounds/misc_crow.flac")
    assert name(by_name[0]) == "misc_crow"
    assert by_name == demo.json("search", DEMO_SOUNDS / "misc_crow.flac")
    assert "no such file, nor a recording" in demo("search", "row.flac", status=2).stderr


def test_standard_input_is_a_sound(demo: Soundkin) -> None:
    data = (DEMO_SOUNDS / "misc_crow.flac").read_bytes()
    done = demo("search", "-", "--paths", "--top", 1, input=data, text=False, errors=None)
    assert done.stdout.decode().strip().endswith("misc_crow.flac")


def test_sounds_are_added_and_subtracted_with_weights(demo: Soundkin) -> None:
    kick, crow = DEMO_SOUNDS / "bd_808.flac", DEMO_SOUNDS / "misc_crow.flac"

    def score(hits: list[dict[str, object]], stem: str) -> float:
        return next(float(str(hit["score"])) for hit in hits if name(hit) == stem)

    both = demo.json("search", kick, "+", crow, "--top", 58)
    without = demo.json("search", kick, "-", crow, "--top", 58)
    mostly = demo.json("search", kick, "+", f"0.1:{crow}", "--top", 58)
    assert score(both, "misc_crow") > score(mostly, "misc_crow") > score(without, "misc_crow")
    assert score(both, "bd_808") == pytest.approx(score(both, "misc_crow"), abs=2e-3)
    assert demo.json("search", kick, crow, "--top", 58) == both
    assert "must follow" in demo("search", kick, "+", status=2).stderr
    assert "cancel" in demo("search", kick, "-", kick, status=2).stderr


def test_several_hits_of_one_recording_do_not_overlap(demo: Soundkin) -> None:
    stroke = [DEMO_SOUNDS / "loop_tabla.flac", "--from", 0, "--to", 0.5]
    hits = demo.json("search", *stroke, "--per-recording", 4, "--top", 50)
    starts = sorted(hit["start_s"] for hit in hits if name(hit) == "loop_tabla")
    assert len(starts) == 4
    assert min(np.diff(starts)) >= 1.0


def test_filters_narrow_and_still_fill_the_result(soundkin: Soundkin, folder: Path) -> None:
    for part, count in (("near", 30), ("far", 5)):
        (folder / part).mkdir()
        for seed in range(count):
            sound = make_tone(400 + seed, 0.4) if part == "near" else make_noise(1.2, seed)
            write_sound(folder / part / f"{seed}.{'flac' if seed % 2 else 'wav'}", sound)
    soundkin("index", folder)
    query = folder / "near" / "0.wav"
    far = soundkin.json("search", query, "--folder", folder / "far", "--top", 5)
    assert len(far) == 5
    assert all("/far/" in hit["path"] for hit in far)
    flac = soundkin.json("search", query, "--ext", "flac", "--top", 50)
    assert len(flac) == 17
    assert {Path(hit["path"]).suffix for hit in flac} == {".flac"}
    long = soundkin.json("search", query, "--min-duration", 1, "--top", 50)
    assert len(long) == 5
    assert len(soundkin.json("search", query, "--max-duration", 1, "--top", 50)) == 30
    soundkin("tag", folder / "far", "--add", "noise")
    assert soundkin.json("search", query, "--tag", "noise", "--top", 50) == [
        hit | {"tags": ["noise"]} for hit in long
    ]
    assert "no recording passes" in soundkin("search", query, "--tag", "none", status=2).stderr


def test_files_of_the_same_bytes_are_hits_each(soundkin: Soundkin, folder: Path) -> None:
    data = write_sound(folder / "a.wav", make_noise()).read_bytes()
    (folder / "b.wav").write_bytes(data)
    soundkin("index", folder)
    assert [name(hit) for hit in soundkin.json("search", folder / "a.wav")] == ["a", "b"]
    alone = soundkin("search", folder / "a.wav", "--exclude-self", status=2)
    assert "nothing found" in alone.stderr


def test_a_changed_file_is_searched_as_it_is_now(soundkin: Soundkin, folder: Path) -> None:
    path = write_sound(folder / "a.wav", make_noise(1, 1))
    write_sound(folder / "b.wav", make_tone(300))
    soundkin("index", folder)
    write_sound(path, make_tone(300, 0.9))
    assert name(soundkin.json("search", path)[0]) == "b"


def test_every_output_says_the_same(demo: Soundkin) -> None:
    query = DEMO_SOUNDS / "bd_808.flac"
    rows = demo.json("search", query, "--top", 3)
    paths = [row["path"] for row in rows]
    table = demo("search", query, "--top", 3).stdout
    assert [line.split()[-1].split("/")[-1] for line in table.splitlines()[2:]] == [
        Path(path).name for path in paths
    ]
    assert demo("search", query, "--top", 3, "--paths").stdout.splitlines() == paths
    assert demo("search", query, "--top", 3, "--paths", "-0").stdout.split("\0")[:-1] == paths
    read = list(csv.DictReader(io.StringIO(demo("search", query, "--top", 3, "--csv").stdout)))
    assert [(r["path"], float(r["score"])) for r in read] == [(r["path"], r["score"]) for r in rows]
    m3u = demo("search", query, "--top", 3, "--m3u").stdout.splitlines()
    assert m3u[0] == "#EXTM3U"
    assert [line for line in m3u if not line.startswith("#")] == paths
    labels = demo("search", query, "--top", 3, "--labels").stdout.splitlines()
    for line, row in zip(labels, rows, strict=True):
        start, end, text = line.split("\t")
        assert float(start) == row["start_s"]
        assert float(end) == pytest.approx(row["start_s"] + row["duration_s"])
        assert text.endswith(row["path"])


def test_tags_are_added_listed_and_removed(soundkin: Soundkin, folder: Path) -> None:
    for seed in range(3):
        write_sound(folder / f"{seed}.wav", make_noise(0.2, seed))
    soundkin("index", folder)
    soundkin("tag", folder / "0.wav", "1.wav", "--add", "dry", "--add", "short")
    soundkin("tag", folder, "--add", "all")
    assert soundkin("tag").stdout.splitlines() == ["3\tall", "2\tdry", "2\tshort"]
    soundkin("tag", folder, "--remove", "dry")
    assert soundkin.json("list")[0]["tags"] == ["all", "short"]
    assert "no such recording" in soundkin("tag", "x.wav", "--add", "y", status=2).stderr


def test_near_duplicates_are_grouped(soundkin: Soundkin, folder: Path) -> None:
    loop, _ = soundfile.read(DEMO_SOUNDS / "loop_amen.flac", dtype="float32")
    mono = np.ascontiguousarray(loop.mean(axis=1) if loop.ndim == 2 else loop)
    write_sound(folder / "a.wav", mono)
    write_sound(folder / "b.mp3", mono)
    write_ffmpeg(folder / "c.m4a", mono, "aac")
    write_sound(folder / "trimmed.flac", mono[: -len(mono) // 50])
    (folder / "copy.wav").write_bytes((folder / "a.wav").read_bytes())
    for other in ("loop_tabla", "loop_industrial", "drum_snare_hard", "drum_snare_soft"):
        (folder / f"{other}.flac").write_bytes((DEMO_SOUNDS / f"{other}.flac").read_bytes())
    write_sound(folder / "zero1.wav", np.zeros(9000, np.float32))
    write_sound(folder / "zero2.wav", np.zeros(9001, np.float32))
    soundkin("index", folder)
    rows = soundkin.json("dups")
    assert {row["group"] for row in rows} == {1}
    assert {Path(row["path"]).stem for row in rows} == {"a", "b", "c", "copy", "trimmed"}
    spare = soundkin("dups", "--paths").stdout.splitlines()
    assert len(spare) == 4
    only = soundkin.json("dups", "--threshold", 1)
    assert {Path(row["path"]).stem for row in only} == {"a", "copy", "trimmed"}  # begin alike
    assert {"the same bytes", None} < {row["differs"] for row in only}


def test_embeddings_are_written_with_the_paths_given(
    soundkin: Soundkin, folder: Path, tmp_path: Path
) -> None:
    (folder / "deep").mkdir()
    write_sound(folder / "deep" / "a.wav", make_noise(2.3, 1))
    write_sound(folder / "b.wav", make_noise(0.2, 2))
    (folder / "bad.wav").write_text("words")
    single = write_sound(tmp_path / "single.wav", make_noise(1.0, 3))
    done = soundkin("embed", folder, single, "--output", tmp_path / "v.npz")
    assert "bad.wav: not sound" in done.stderr
    with np.load(tmp_path / "v.npz", allow_pickle=False) as table:
        assert set(table.files) == {"path", "start_s", "duration_s", "embedding"}
        assert table["path"].tolist() == [
            "sounds/b.wav",
            *["sounds/deep/a.wav"] * 4,
            str(single),
        ]
        assert table["start_s"] == pytest.approx([0, 0, 0.5, 1, 1.3, 0], abs=0.011)
        assert table["duration_s"] == pytest.approx([0.2, 1, 1, 1, 1, 1])
        assert table["embedding"].dtype == np.float32
        assert np.allclose(np.linalg.norm(table["embedding"], axis=1), 1, atol=1e-5)
        embedding = table["embedding"]
    soundkin("embed", folder, single, "--output", tmp_path / "v.parquet", "--model", "kin")
    parquet = pyarrow.parquet.read_table(tmp_path / "v.parquet")
    assert parquet.column_names == ["path", "start_s", "duration_s", "embedding"]
    assert np.array_equal(np.array(parquet["embedding"].to_pylist(), np.float32), embedding)
    assert "must end in" in soundkin("embed", single, "--output", "v.txt", status=2).stderr
    nothing = soundkin("embed", folder / "bad.wav", "--output", tmp_path / "n.npz", status=2)
    assert "nothing to embed" in nothing.stderr
    assert not (tmp_path / "n.npz").exists()
