"""`soundkin index`, run as a person runs it: again and again, over folders that change."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from conftest import Soundkin
from soundkin import Library
from sounds import make_noise, make_tone, write_ffmpeg, write_sound

CountDecoded = Callable[..., int]


def fill(folder: Path, count: int = 4, seconds: float = 0.3) -> list[Path]:
    """Write some different sounds."""
    return [
        write_sound(folder / f"{number:03}.wav", make_noise(seconds, number))
        for number in range(count)
    ]


N_LONG = 50


def fill_long(folder: Path) -> list[Path]:
    """Write sounds that take one worker some seconds, so that a run can be met at work."""
    minute = make_noise(60.0, rate=8000)
    return [
        write_sound(folder / f"{number:03}.wav", minute * (1 - number / 200), 8000)
        for number in range(N_LONG)
    ]


def read_vectors(library: Path) -> dict[str, bytes]:
    """Read every recording's vectors, by the name of its file."""
    with sqlite3.connect(library) as connection:
        rows = connection.execute(
            "SELECT path, vectors FROM recordings JOIN contents ON contents.id = content_id"
        ).fetchall()
    connection.close()
    return {os.path.basename(path): vectors for path, vectors in rows}  # noqa: PTH119


def check_sound(library: Path) -> None:
    """Check SQLite's own view of the file, and that nothing is doubled or left over."""
    connection = sqlite3.connect(library)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    counts = "SELECT COUNT(*), COUNT(DISTINCT path) FROM recordings"
    n_rows, n_paths = connection.execute(counts).fetchone()
    connection.close()
    assert n_rows == n_paths


def test_a_second_run_decodes_nothing(
    soundkin: Soundkin, folder: Path, count_decoded: CountDecoded
) -> None:
    fill(folder)
    assert count_decoded(folder) == 4
    assert count_decoded(folder) == 0
    assert count_decoded() == 0  # every folder the library knows
    assert len(soundkin.paths()) == 4


def test_a_touched_file_is_hashed_but_not_decoded(
    folder: Path, count_decoded: CountDecoded
) -> None:
    sounds = fill(folder)
    count_decoded(folder)
    os.utime(sounds[0], (1, 1))
    assert count_decoded(folder) == 0


def test_a_changed_file_is_decoded_again(
    soundkin: Soundkin, folder: Path, count_decoded: CountDecoded
) -> None:
    sounds = fill(folder)
    count_decoded(folder)
    before = read_vectors(soundkin.library)
    write_sound(sounds[1], make_tone(300, 0.7))
    assert count_decoded(folder) == 1
    after = read_vectors(soundkin.library)
    assert {name for name in before if before[name] != after[name]} == {"001.wav"}


def test_a_renamed_file_keeps_its_vectors_and_tags(
    soundkin: Soundkin, folder: Path, count_decoded: CountDecoded
) -> None:
    sounds = fill(folder)
    count_decoded(folder)
    soundkin("tag", sounds[2], "--add", "hiss")
    before = read_vectors(soundkin.library)
    (folder / "deep").mkdir()
    sounds[2].rename(folder / "deep" / "renamed.wav")
    assert count_decoded(folder) == 0
    after = read_vectors(soundkin.library)
    assert after["renamed.wav"] == before["002.wav"]
    assert "002.wav" not in after
    assert soundkin.json("list", "--tag", "hiss")[0]["path"].endswith("deep/renamed.wav")


def test_a_file_renamed_over_another_takes_its_place(
    soundkin: Soundkin, folder: Path, count_decoded: CountDecoded
) -> None:
    sounds = fill(folder, 2)
    count_decoded(folder)
    before = read_vectors(soundkin.library)
    sounds[0].rename(sounds[1])
    assert count_decoded(folder) == 0
    assert read_vectors(soundkin.library) == {"001.wav": before["000.wav"]}


def test_the_same_bytes_twice_are_decoded_once(
    soundkin: Soundkin, folder: Path, count_decoded: CountDecoded
) -> None:
    sounds = fill(folder, 2)
    shutil.copyfile(sounds[0], folder / "copy.wav")
    assert count_decoded(folder) == 2
    shutil.copyfile(sounds[0], folder / "later copy.wav")
    assert count_decoded(folder) == 0
    assert len(soundkin.paths()) == 4
    assert soundkin.json("info")[0]["n_contents"] == 2


def test_a_vanished_file_is_dropped_unless_kept(
    soundkin: Soundkin, folder: Path, count_decoded: CountDecoded
) -> None:
    sounds = fill(folder)
    count_decoded(folder)
    sounds[0].unlink()
    count_decoded(folder, "--keep-missing")
    assert len(soundkin.paths()) == 4
    count_decoded(folder)
    assert len(soundkin.paths()) == 3
    assert soundkin.json("info")[0]["n_contents"] == 3


def test_a_vanished_folder_is_a_message_not_a_deletion(soundkin: Soundkin, folder: Path) -> None:
    fill(folder)
    soundkin("index", folder)
    folder.rename(folder.with_name("unplugged"))
    assert "No such file" in soundkin("index").stderr
    assert len(soundkin.paths()) == 4
    soundkin("index", folder, status=2)
    assert len(soundkin.paths()) == 4


def test_several_folders_share_a_library(soundkin: Soundkin, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_sound(tmp_path / name / f"{name}.wav", make_noise(0.3, len(name) + ord(name[0])))
    soundkin("index", tmp_path / "one")
    soundkin("index", tmp_path / "two")
    assert len(soundkin.paths()) == 2
    soundkin("remove", tmp_path / "one")
    assert [Path(path).name for path in soundkin.paths()] == ["two.wav"]
    assert soundkin.json("info")[0]["folders"] == [str(tmp_path / "two")]


def test_bad_files_are_listed_with_reasons_and_cost_nothing_else(
    soundkin: Soundkin, folder: Path, count_decoded: CountDecoded
) -> None:
    fill(folder)
    (folder / "empty.wav").touch()
    (folder / "text.wav").write_text("these are words\n" * 99)
    (folder / "text.m4a").write_text("these are words\n" * 99)
    whole = write_sound(folder / "whole.flac", make_noise(0.5, 99)).read_bytes()
    (folder / "cut.flac").write_bytes(whole[:60])
    done = soundkin("index", folder)
    for name in ("empty.wav", "text.wav", "text.m4a", "cut.flac"):
        assert name in done.stderr
    assert "4 not read" in done.stdout
    failed = {Path(row["path"]).name: row["error"] for row in soundkin.json("list", "--failed")}
    assert sorted(failed) == ["cut.flac", "empty.wav", "text.m4a", "text.wav"]
    assert failed["empty.wav"] == "the file is empty"
    assert len(soundkin.paths()) == 5
    again = soundkin("index", folder)
    assert "4 not read before" in again.stdout  # and not tried again
    assert "not sound" not in again.stderr
    write_sound(folder / "text.wav", make_noise(0.4, 7))
    assert count_decoded(folder) == 1
    assert len(soundkin.json("list", "--failed")) == 3


def test_a_truncated_file_is_kept_as_far_as_it_goes_and_told(
    soundkin: Soundkin, folder: Path
) -> None:
    path = write_sound(folder / "a.flac", make_noise(8.0))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    done = soundkin("index", folder)
    assert "a.flac: decoding stopped" in done.stderr
    row = soundkin.json("list")[0]
    assert 2 < row["duration_s"] < 5
    assert "decoding stopped" in row["warning"]


def test_a_file_whose_reading_fails_is_reported(soundkin: Soundkin, folder: Path) -> None:
    fill(folder)
    (folder / "broken.wav").symlink_to("/proc/self/mem")  # opens, but cannot be read at 0
    done = soundkin("index", folder)
    assert "broken.wav: Input/output error" in done.stderr
    assert len(soundkin.paths()) == 4
    assert soundkin.json("list", "--failed")[0]["error"] == "Input/output error"
    assert "broken.wav: Input/output error" in soundkin("index", folder).stderr  # tried again


def test_a_file_that_cannot_be_read_for_now_keeps_what_is_known(
    soundkin: Soundkin, folder: Path, count_decoded: CountDecoded
) -> None:
    sounds = fill(folder)
    count_decoded(folder)
    soundkin("tag", sounds[0], "--add", "mine")
    before = read_vectors(soundkin.library)
    whole = sounds[0].read_bytes()
    sounds[0].unlink()
    sounds[0].symlink_to("/proc/self/mem")
    assert "000.wav: Input/output error" in soundkin("index", folder).stderr
    assert read_vectors(soundkin.library) == before
    sounds[0].unlink()
    sounds[0].write_bytes(whole)
    assert count_decoded(folder) == 0
    assert len(soundkin.json("list", "--tag", "mine")) == 1


def test_a_touched_file_keeps_its_tags_when_its_copy_is_gone(
    soundkin: Soundkin, folder: Path, count_decoded: CountDecoded
) -> None:
    sound = fill(folder, 1)[0]
    copy = folder / "copy.wav"
    shutil.copyfile(sound, copy)
    count_decoded(folder)
    soundkin("tag", sound, "--add", "kept")
    soundkin("tag", copy, "--add", "gone")
    copy.unlink()
    os.utime(sound, (1, 1))
    assert count_decoded(folder) == 0
    assert [row["tags"] for row in soundkin.json("list")] == [["kept"]]


def test_what_is_to_be_read_again_keeps_its_tags_when_its_copy_is_gone(
    soundkin: Soundkin, folder: Path
) -> None:
    first = write_sound(folder / "first.wav", make_noise(0.2))
    second = folder / "second.wav"
    shutil.copyfile(first, second)
    soundkin("index", folder)
    soundkin("tag", first, "--add", "one")
    soundkin("tag", second, "--add", "two")
    with Library.open(soundkin.library) as library:  # as a repair does
        library.save_recording(str(second), -1, 0, error="not embedded yet")
    first.unlink()
    soundkin("index", folder)
    [row] = soundkin.json("list")
    assert (row["path"], row["tags"]) == (str(second), ["one", "two"])


def test_a_file_that_cannot_be_looked_at_is_reported(soundkin: Soundkin, folder: Path) -> None:
    fill(folder)
    (folder / "dangling.wav").symlink_to(folder / "nowhere.wav")
    done = soundkin("index", folder)
    assert "dangling.wav: No such file" in done.stderr
    assert len(soundkin.paths()) == 4


def test_odd_names_are_indexed_listed_and_found(soundkin: Soundkin, folder: Path) -> None:
    names = [
        "Ünïcødé 音.wav",
        "new\nline.wav",
        "quote'\".wav",
        " spaces .wav",
        "100%_a.wav",
        os.fsdecode(b"latin1-\xe9.wav"),
    ]
    for seed, name in enumerate(names):
        write_sound(folder / name, make_noise(0.3, seed))
    soundkin("index", folder)
    paths = soundkin("list", "--paths", "-0").stdout.split("\0")[:-1]
    assert sorted(paths) == sorted(str(folder / name) for name in names)
    for name in names:
        hit = soundkin.json("search", folder / name, "--top", 1)[0]
        assert hit["path"] == str(folder / name)
    table = soundkin("list", "--folder", folder).stdout
    assert "new\\nline.wav" in table
    (folder / names[-1]).unlink()
    soundkin("index", folder)
    assert len(soundkin.paths()) == len(names) - 1


def test_loops_of_links_end(soundkin: Soundkin, folder: Path) -> None:
    fill(folder)
    (folder / "loop").symlink_to(folder)
    (folder / "deep").mkdir()
    (folder / "deep" / "up").symlink_to("..")
    soundkin("index", folder)
    assert len(soundkin.paths()) == 4


def test_a_read_only_folder_is_indexed(soundkin: Soundkin, folder: Path) -> None:
    fill(folder)
    folder.chmod(0o555)
    try:
        soundkin("index", folder)
    finally:
        folder.chmod(0o755)
    assert len(soundkin.paths()) == 4


def test_hidden_files_and_other_files_are_left_alone(soundkin: Soundkin, folder: Path) -> None:
    fill(folder, 1)
    write_sound(folder / "._mac.wav", make_noise(0.2))
    (folder / "notes.txt").write_text("no sound")
    done = soundkin("index", folder)
    assert done.stderr == ""
    assert len(soundkin.paths()) == 1


def test_a_file_given_by_name_is_indexed_whatever_it_is_called(
    soundkin: Soundkin, folder: Path
) -> None:
    path = write_sound(folder / "a.wav", make_noise(0.3)).rename(folder / "take one")
    soundkin("index", path)
    assert soundkin.paths() == [str(path)]


def test_video_and_compressed_files_are_indexed(soundkin: Soundkin, folder: Path) -> None:
    for suffix, codec in (("m4a", "aac"), ("mp4", "aac"), ("wma", "wmav2"), ("mkv", "aac")):
        write_ffmpeg(folder / f"a.{suffix}", make_tone(300, 1.5), codec)
    write_sound(folder / "a.mp3", make_tone(300, 1.5))
    write_sound(folder / "a.opus", make_tone(300, 1.5, 48_000), 48_000)
    soundkin("index", folder)
    hits = soundkin.json("search", folder / "a.mp3")
    assert len(hits) == 6
    assert all(hit["score"] > 0.9 for hit in hits)


def test_a_killed_run_loses_at_most_what_was_in_flight(soundkin: Soundkin, folder: Path) -> None:
    fill_long(folder)
    reference = Soundkin(folder.parent / "undisturbed.sqlite")
    reference("index", folder)
    run = soundkin.start("index", folder, "--workers", 2)
    with wait_for_recordings(soundkin.library, 10):
        run.send_signal(signal.SIGKILL)
    run.communicate()
    check_sound(soundkin.library)
    kept = read_vectors(soundkin.library)
    assert 10 <= len(kept) < N_LONG
    summary = soundkin("index", folder).stdout
    assert f"{N_LONG - len(kept)} embedded, {len(kept)} unchanged" in summary
    check_sound(soundkin.library)
    assert read_vectors(soundkin.library) == read_vectors(reference.library)


def test_ctrl_c_keeps_what_was_done(soundkin: Soundkin, folder: Path) -> None:
    fill_long(folder)
    run = soundkin.start("index", folder, "--workers", 1)
    with wait_for_recordings(soundkin.library, 5):
        run.send_signal(signal.SIGINT)
    _, errors = run.communicate(timeout=30)
    assert run.returncode == 130, errors
    assert errors.strip().startswith("soundkin: interrupted")
    assert "Traceback" not in errors
    kept = len(read_vectors(soundkin.library))
    assert f"{kept} unchanged" in soundkin("index", folder).stdout


def test_searching_works_while_indexing_runs(soundkin: Soundkin, folder: Path) -> None:
    sounds = fill_long(folder)
    run = soundkin.start("index", folder, "--workers", 1)
    with wait_for_recordings(soundkin.library, 5):
        hits = soundkin.json("search", sounds[0])
        soundkin("tag", Path(hits[0]["path"]).name, "--add", "busy")
        still_running = run.poll() is None
    run.communicate(timeout=60)
    assert still_running
    assert hits
    assert len(soundkin.paths()) == N_LONG
    assert len(soundkin.json("list", "--tag", "busy")) == 1


def test_a_second_indexer_says_that_one_is_at_work(soundkin: Soundkin, folder: Path) -> None:
    fill_long(folder)
    run = soundkin.start("index", folder, "--workers", 1)
    with wait_for_recordings(soundkin.library, 5):
        refused = soundkin("index", folder, status=2)
    run.communicate(timeout=60)
    assert "another soundkin is indexing" in refused.stderr
    assert run.returncode == 0
    assert len(soundkin.paths()) == N_LONG
    check_sound(soundkin.library)


def test_worker_count_changes_nothing(soundkin: Soundkin, folder: Path) -> None:
    fill(folder, 12, seconds=1.7)
    soundkin("index", folder, "--workers", 1)
    other = Soundkin(folder.parent / "other.sqlite")
    other("index", folder, "--workers", 4)
    assert read_vectors(soundkin.library) == read_vectors(other.library)


def test_rebuild_embeds_again_and_keeps_tags(
    soundkin: Soundkin, folder: Path, count_decoded: CountDecoded
) -> None:
    sounds = fill(folder)
    count_decoded(folder)
    soundkin("tag", sounds[0], "--add", "first")
    assert count_decoded("--rebuild") == 4
    assert len(soundkin.json("list", "--tag", "first")) == 1


def test_another_model_is_refused_with_the_command_that_indexes_again(
    soundkin: Soundkin, folder: Path
) -> None:
    import onnx

    fill(folder)
    soundkin("index", folder)
    from soundkin.embedding.model import find_model

    graph = onnx.load(find_model("melstats").path)
    graph.doc_string = "another model"
    other = folder.parent / "other.onnx"
    onnx.save(graph, other)
    refused = soundkin("index", folder, "--model", other, status=2)
    assert f"soundkin index --rebuild --model {other}" in refused.stderr
    soundkin("index", "--rebuild", "--model", other)
    assert len(soundkin.paths()) == 4
    assert soundkin.json("search", folder / "000.wav", "--top", 1)[0]["score"] > 0.999
    other.write_bytes(find_model("melstats").path.read_bytes())  # the file is another model now
    assert "made with another model" in soundkin("index", status=2).stderr


def test_silence_is_indexed_but_never_a_hit(soundkin: Soundkin, folder: Path) -> None:
    fill(folder, 3)
    write_sound(folder / "silence.wav", np.zeros(44_100, np.float32))
    write_sound(folder / "constant.wav", np.full(44_100, 0.3, np.float32))
    soundkin("index", folder)
    assert len(soundkin.paths()) == 5
    hits = soundkin.json("search", folder / "000.wav")
    assert len(hits) == 3
    refused = soundkin("search", folder / "silence.wav", status=2)
    assert "silence.wav: it is silent" in refused.stderr


@contextmanager
def wait_for_recordings(library: Path, count: int) -> Iterator[None]:
    """Wait until a library that another process writes has so many recordings."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if library.exists():
            try:
                connection = sqlite3.connect(f"{library.as_uri()}?mode=ro", uri=True)
                n_rows = connection.execute("SELECT COUNT(*) FROM recordings").fetchone()[0]
                connection.close()
            except sqlite3.Error:
                n_rows = 0
            if n_rows >= count:
                break
        time.sleep(0.01)
    else:
        pytest.fail("the run never got that far")
    yield
