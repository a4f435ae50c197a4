"""`soundkin watch`, while files come, change, move and go, and drives too."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock
import pytest

import soundkin as package
from conftest import Soundkin
from sounds import make_noise, make_tone, write_sound

QUIET_S = 0.4
N_BURST = 600


class Watch:
    """A running `soundkin watch`, and what it has said."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.rstrip("\n"))

    def wait(self, *words: str, after: int = 0) -> int:
        """Wait for a line with all these words in it; returns how many lines there are by then."""

        def find() -> int | None:
            for number, line in enumerate(self.lines[after:], after + 1):
                if all(word in line for word in words):
                    return number
            return None

        return wait_until(find, lambda: f"no {words} in {self.lines}")

    def end(self, number: int = signal.SIGINT) -> None:
        """End it, which must go well."""
        self.process.send_signal(number)
        assert self.process.wait(timeout=30) == 0, self.lines
        self._reader.join(10)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        assert "ended; what was done is kept" in self.lines[-1], self.lines


def wait_until(find: Callable[[], Any], describe: Callable[[], str] = lambda: "") -> Any:
    """Wait until something is true, or something, and return it."""
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        found = find()
        if found:
            return found
        time.sleep(0.05)
    return pytest.fail(f"waited in vain: {describe()}")


@contextmanager
def watching(command: Soundkin, *arguments: Any) -> Iterator[Watch]:
    """Watch until the block ends, from when the first run is done."""
    watch = Watch(command.start("watch", *arguments, "--quiet-for", QUIET_S))
    try:
        watch.wait(", in ")
        yield watch
    finally:
        if watch.process.poll() is None:
            watch.end()


def fill(folder: Path, count: int = 3) -> list[Path]:
    """Write some different sounds."""
    return [write_sound(folder / f"{i}.wav", make_noise(0.3, i)) for i in range(count)]


def list_names(command: Soundkin) -> set[str]:
    """List the names of what is in the library."""
    return {Path(path).name for path in command.paths()}


def test_what_comes_changes_moves_and_goes_is_taken_in(soundkin: Soundkin, folder: Path) -> None:
    sounds = fill(folder)
    with watching(soundkin, folder) as watch:
        soundkin("tag", sounds[0], "--add", "mine")
        (folder / "deep" / "er").mkdir(parents=True)
        new = write_sound(folder / "deep" / "er" / "new.wav", make_tone(300))
        n = watch.wait("1 embedded")
        assert soundkin.json("search", new, "--top", 1)[0]["path"] == str(new)
        write_sound(new, make_tone(500))
        n = watch.wait("1 embedded", after=n)
        sounds[0].rename(folder / "deep" / "moved.wav")
        n = watch.wait("1 moved", after=n)
        sounds[1].unlink()
        n = watch.wait("1 gone", after=n)
        shutil.rmtree(folder / "deep" / "er")
        n = watch.wait("1 gone", after=n)
        (folder / "broken.wav").write_text("no sound")
        watch.wait("1 not read", after=n)
        assert list_names(soundkin) == {"moved.wav", "2.wav"}
        assert [row["path"] for row in soundkin.json("list", "--tag", "mine")] == [
            str(folder / "deep" / "moved.wav")
        ]


def test_a_file_being_written_is_taken_in_once(soundkin: Soundkin, folder: Path) -> None:
    fill(folder)
    whole = write_sound(folder.parent / "whole.wav", make_noise(3.0, 9)).read_bytes()
    with watching(soundkin, folder) as watch:
        with (folder / "take.wav").open("wb") as file:
            for start in range(0, len(whole), len(whole) // 15):
                file.write(whole[start : start + len(whole) // 15])
                file.flush()
                time.sleep(0.1)
        watch.wait("1 embedded")
        time.sleep(2 * QUIET_S)
        assert len([line for line in watch.lines if "embedded" in line]) == 2, watch.lines
        assert not [line for line in watch.lines if "not read" in line]
    duration_s = next(r for r in soundkin.json("list") if r["path"].endswith("take.wav"))
    assert duration_s["duration_s"] == pytest.approx(3.0)


def test_a_burst_is_taken_in_whole_and_in_few_batches(soundkin: Soundkin, folder: Path) -> None:
    data = [path.read_bytes() for path in fill(folder)]
    with watching(soundkin, folder) as watch:
        for i in range(N_BURST):
            (folder / f"burst {i}.wav").write_bytes(data[i % 3])
        wait_until(lambda: len(soundkin.paths()) == N_BURST + 3)
        for i in range(N_BURST):
            (folder / f"burst {i}.wav").unlink()
        wait_until(lambda: len(soundkin.paths()) == 3)
        assert len(watch.lines) < 15, watch.lines


def test_a_folder_that_goes_is_waited_for_and_nothing_is_lost(
    soundkin: Soundkin, folder: Path
) -> None:
    fill(folder)
    with watching(soundkin, folder) as watch:
        away = folder.rename(folder.with_name("unplugged"))
        n = watch.wait("not there any more")
        time.sleep(3 * QUIET_S)
        assert len(soundkin.paths()) == 3
        write_sound(away / "while away.wav", make_tone(300))
        away.rename(folder)
        n = watch.wait("it is back", after=n)
        n = watch.wait("1 embedded", after=n)
        write_sound(folder / "after.wav", make_tone(500))
        watch.wait("1 embedded", after=n)
        assert list_names(soundkin) == {"0.wav", "1.wav", "2.wav", "while away.wav", "after.wav"}


@contextmanager
def plugged_in(drive: Path, point: Path) -> Iterator[None]:
    """Mount a folder at another for the time of the block."""
    done = subprocess.run(
        ["mount", "--bind", drive, point], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"mounting is not allowed here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", point], check=True)


@pytest.mark.parametrize("inside", [False, True], ids=["root", "inside"])
def test_a_drive_that_is_unplugged_loses_nothing(
    soundkin: Soundkin, folder: Path, inside: bool
) -> None:
    drive, point = folder.parent / "drive", folder / "mnt" if inside else folder
    drive.mkdir()
    point.mkdir(exist_ok=True)
    fill(drive)
    if inside:
        write_sound(folder / "own.wav", make_tone(200))
    n_all = 4 if inside else 3
    with plugged_in(drive, point):
        soundkin("index", folder)
    assert f"(3 {KEPT}" in soundkin("index", folder).stderr
    assert len(soundkin.paths()) == n_all
    with watching(soundkin, folder) as watch:
        with plugged_in(drive, point):
            write_sound(drive / "new.wav", make_tone(300))
            n = watch.wait("1 embedded")
        watch.wait("Not there", after=n)
        assert len(soundkin.paths()) == n_all + 1, watch.lines
        with plugged_in(drive, point):
            write_sound(point / "newer.wav", make_tone(400))
            wait_until(lambda: len(soundkin.paths()) == n_all + 2)
    soundkin("index", folder, "--drop-missing")
    assert len(soundkin.paths()) == n_all - 3


KEPT = "kept; drop what is really gone by: soundkin index --drop-missing)"


def test_a_folder_that_is_empty_or_another_keeps_what_was_known(
    soundkin: Soundkin, folder: Path
) -> None:
    (folder / "deep").mkdir()
    sounds = fill(folder) + fill(folder / "deep", 2)
    soundkin("index", folder)
    for sound in sounds[3:]:
        sound.unlink()
    done = soundkin("index", folder)
    assert f"deep: it is empty (2 {KEPT}" in done.stderr
    assert "2 not there, but kept" in done.stdout
    (folder / "deep").rmdir()  # now it was on purpose
    assert "2 gone" in soundkin("index", folder).stdout
    for sound in sounds[:3]:
        sound.unlink()
    write_sound(folder / "other.wav", make_tone(300))
    done = soundkin("index", folder)
    exchanged = f"other files are there in place of those that were (3 {KEPT}"
    assert exchanged in done.stderr
    assert len(soundkin.paths()) == 4
    assert exchanged in soundkin("index", folder).stderr  # it remembers
    assert len(soundkin.paths()) == 4
    assert "3 gone" in soundkin("index", folder, "--drop-missing").stdout
    assert list_names(soundkin) == {"other.wav"}


def test_drives_take_turns_at_one_place(soundkin: Soundkin, folder: Path) -> None:
    drives = [folder.with_name(name) for name in ("one", "two")]
    for number, drive in enumerate(drives):
        drive.mkdir()
        for i in range(2):
            write_sound(drive / f"{drive.name} {i}.wav", make_noise(0.3, 10 * number + i))
    folder.rmdir()
    for drive in (*drives, *drives):
        drive.rename(folder)
        soundkin("index", folder)
        folder.rename(drive)
    assert len(soundkin.paths()) == 4
    (drives[1] / "two 0.wav").unlink()
    drives[1].rename(folder)
    assert "1 gone, 2 not there, but kept" in soundkin("index", folder).stdout
    assert list_names(soundkin) == {"one 0.wav", "one 1.wav", "two 1.wav"}


def test_files_that_all_have_new_names_are_moved(soundkin: Soundkin, folder: Path) -> None:
    sounds = fill(folder)
    soundkin("index", folder)
    sounds[0].unlink()
    for sound in sounds[1:]:
        sound.rename(sound.with_stem(f"new {sound.stem}"))
    assert "2 moved, 1 gone" in soundkin("index", folder).stdout


def test_a_link_to_what_is_away_keeps_what_was_known(soundkin: Soundkin, folder: Path) -> None:
    drive = folder.parent / "drive"
    drive.mkdir()
    fill(drive)
    write_sound(folder / "own.wav", make_tone(300))
    alone = write_sound(folder.parent / "alone.wav", make_tone(500))
    (folder / "linked").symlink_to(drive)
    (folder / "linked.wav").symlink_to(alone)
    soundkin("index", folder)
    assert len(soundkin.paths()) == 5
    away = drive.rename(folder.parent / "away")
    alone.rename(away / "alone.wav")
    done = soundkin("index", folder)
    assert f"linked: No such file or directory (a link to it is there) (3 {KEPT}" in done.stderr
    assert f"linked.wav: No such file or directory (a link to it is there) (1 {KEPT}" in done.stderr
    assert len(soundkin.paths()) == 5
    (folder / "linked").unlink()
    (folder / "linked.wav").unlink()
    assert "4 gone" in soundkin("index", folder).stdout


def test_a_folder_that_cannot_be_read_keeps_what_was_known(
    soundkin: Soundkin, folder: Path
) -> None:
    if os.geteuid() == 0:
        pytest.skip("root can read everything")
    fill(folder)
    (folder / "deep").mkdir()
    fill(folder / "deep", 2)
    soundkin("index", folder)
    (folder / "deep").chmod(0)
    try:
        assert "Permission denied" in soundkin("index", folder, "--drop-missing").stderr
    finally:
        (folder / "deep").chmod(0o755)
    assert len(soundkin.paths()) == 5


def test_another_indexer_is_waited_for(soundkin: Soundkin, folder: Path) -> None:
    fill(folder)
    with watching(soundkin, folder) as watch:
        with filelock.FileLock(f"{soundkin.library}.lock"):
            write_sound(folder / "new.wav", make_tone(300))
            watch.wait("another soundkin is indexing")
        watch.wait("1 embedded")
        soundkin("index", folder)  # between two batches anyone may


def test_a_name_that_is_no_text_does_not_stop_it(soundkin: Soundkin, folder: Path) -> None:
    fill(folder)
    with watching(soundkin, folder) as watch:
        write_sound(folder / os.fsdecode(b"latin1-\xe9.wav"), make_tone(300))
        n = watch.wait("1 embedded")
        write_sound(folder / "next.wav", make_tone(500))
        watch.wait("1 embedded", after=n)
    assert len(soundkin.paths()) == 5


def test_hidden_files_and_other_files_are_left_alone(soundkin: Soundkin, folder: Path) -> None:
    fill(folder)
    with watching(soundkin, folder) as watch:
        (folder / ".trash").mkdir()
        write_sound(folder / ".trash" / "a.wav", make_tone(300))
        write_sound(folder / ".b.wav", make_tone(300))
        (folder / "notes.txt").write_text("no sound")
        write_sound(folder / "seen.wav", make_tone(500))
        watch.wait("1 embedded")
    assert list_names(soundkin) == {"0.wav", "1.wav", "2.wav", "seen.wav"}


def test_it_looks_by_itself_where_the_system_tells_nothing(
    soundkin: Soundkin, folder: Path
) -> None:
    fill(folder)
    with watching(soundkin, folder, "--poll", 1) as watch:
        write_sound(folder / "new.wav", make_tone(300))
        watch.wait("1 embedded")
    limited = ["unshare", "-Ur", "sh", "-c", "echo 0 > /proc/sys/user/max_inotify_instances"]
    if subprocess.run(limited, capture_output=True, check=False).returncode:
        pytest.skip("inotify cannot be limited here")
    command = f"{limited[-1]}; exec soundkin watch {folder}"
    env = soundkin.env | {"PATH": f"{Path(package_command()).parent}:{os.environ['PATH']}"}
    process = subprocess.Popen(
        [*limited[:-1], command],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    watch = Watch(process)
    watch.wait("cannot tell of changes", "sysctl fs.inotify")
    watch.end()


def package_command() -> str:
    """Name the command's file."""
    from conftest import COMMAND

    return str(COMMAND)


def test_sigterm_ends_it_at_work_and_keeps_what_was_done(soundkin: Soundkin, folder: Path) -> None:
    minute = make_noise(60.0, rate=8000)
    for i in range(60):
        write_sound(folder / f"{i}.wav", minute * (1 - i / 100), 8000)
    process = soundkin.start("watch", folder, "--workers", 1)
    watch = Watch(process)
    wait_until(lambda: soundkin.library.exists() and len(soundkin.paths()) > 2)
    watch.end(signal.SIGTERM)
    assert 2 < len(soundkin.paths()) < 60


def test_from_python_each_batch_is_a_report(tmp_path: Path, folder: Path) -> None:
    fill(folder)
    stop = threading.Event()
    with package.Library.open(tmp_path / "library.sqlite", create=True) as library:
        news = package.watch_folders(library, [folder], quiet_s=0.2, n_workers=1, stop=stop)
        first = next(news).report
        assert first is not None
        assert first.n_added == 3
        write_sound(folder / "new.wav", make_tone(300))
        second = next(news).report
        assert second is not None
        assert second.n_added == 1
        stop.set()
        assert list(news) == []
