"""Faults other than kills: disks full, cut power, files that cannot be read or that change."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

import numpy as np

from benchmarks.crashes.invariants import Reader, check_library, read_library
from benchmarks.crashes.launcher import Fault
from benchmarks.crashes.states import (
    N_SOUNDS,
    PAGE,
    Action,
    Stage,
    assert_same,
    attack,
    list_actions,
    write_noise,
)


def fill_disks(stage: Stage, n: int, generator: np.random.Generator) -> int:
    """Let the disk be full after some bytes; how many runs met its end.

    They end with one line and status 2, nothing is lost, and with room again all is done.
    """
    actions = list_actions(stage)
    n_full = 0
    for number in range(n):
        action = actions[number % len(actions)]
        room = int(generator.integers(0, 200_000))
        try:
            n_full += attack(stage, action, Fault(room=room)).status == 2
        except AssertionError as error:
            raise AssertionError(f"{action.name}, {room} bytes of room: {error}") from error
    return n_full


def fail_reads(stage: Stage) -> int:
    """Let a sound, then the library itself, be unreadable (EIO)."""
    action = Action("index, first", [stage.index("--model", "melstats")], "nothing")
    wanted, _ = stage.find_undisturbed(action)
    stage.begin("nothing")
    done = stage.run(action.commands, fault=Fault(unreadable="/a/4.wav"))
    assert "4.wav: Input/output error" in done.stderr, done
    found = read_library(stage.library)
    assert len([row for row in found["recordings"] if row[3] is None]) == N_SOUNDS - 1
    stage.run(action.commands)
    assert_same(read_library(stage.library), wanted)
    done = stage.launcher.run([stage.command("list")], Fault(unreadable="library.sqlite"))
    assert done.status == 2, done
    assert done.stderr.count("\n") == 1, done
    assert "cannot be read" in done.stderr, done
    check_library(stage.library)
    assert_same(read_library(stage.library), wanted)
    return 2


def revoke_permissions(stage: Stage) -> int:
    """Take the right to read a folder, then to write the library, while a run is at work."""
    action = Action("index, first", [stage.index("--model", "melstats")], "nothing")
    wanted, _ = stage.find_undisturbed(action)
    for path, mode in ((stage.sounds / "a", 0), (stage.now, 0o500)):
        stage.begin("nothing")
        reader = Reader(stage.library)

        def revoke(path: Path = path, mode: int = mode, reader: Reader = reader) -> None:
            reader.look()
            if reader.seen:
                path.chmod(mode)

        try:
            done = stage.launcher.run(action.commands, Fault(unprivileged=True), meanwhile=revoke)
        finally:
            reader.close()
            path.chmod(0o755)
        assert done.status in (0, 2), done
        assert "Traceback" not in done.stderr, done
        check_library(stage.library)
        assert reader.seen <= {row[0] for row in read_library(stage.library)["recordings"]}
        stage.run(action.commands)
        assert_same(read_library(stage.library), wanted)
    return 2


def change_files(stage: Stage, n: int, generator: np.random.Generator) -> int:
    """Change, cut off and replace files while they are indexed; returns how many times.

    What is in the library at the end is what the files hold at the end.
    """
    n_changes = 0
    for _ in range(n):
        stage.begin("nothing")
        paths = sorted(stage.sounds.rglob("*.wav"))

        def disturb(paths: list[Path] = paths) -> None:
            nonlocal n_changes
            path = paths[int(generator.integers(len(paths)))]
            kind = int(generator.integers(3))
            seed = int(generator.integers(1000, 2000))
            if kind == 0:
                os.truncate(path, int(generator.integers(200, 600)))
            elif kind == 1:
                write_noise(path, seed % 100)
            else:
                write_noise(path.with_suffix(".new.wav"), seed % 100)
                path.with_suffix(".new.wav").replace(path)
            n_changes += 1
            time.sleep(0.01)

        command = stage.index("--model", "melstats")
        done = stage.launcher.run([command], meanwhile=disturb)
        assert done.status == 0, done
        assert "Traceback" not in done.stderr, done
        check_library(stage.library)
        stage.run([command])
        check_contents_are_the_files(stage)
    return n_changes


def check_contents_are_the_files(stage: Stage) -> None:
    """Check that every recording's hash is that of its file now."""
    for row in read_library(stage.library)["recordings"]:
        if row[3] is None:
            digest = hashlib.sha256(Path(row[0]).read_bytes()).hexdigest().upper()
            assert row[4] == digest, row[0]


def flip_bytes(stage: Stage, n: int, generator: np.random.Generator) -> int:
    """Change bytes of a library, anywhere; how often that was noticed.

    No command may end with more than a line, and a repair must leave a library that is whole, with
    every tag that could still be read.
    """
    sound = stage.sounds / "b" / "3.wav"
    commands = [
        stage.command("list", "--json"),
        stage.command("info"),
        stage.command("search", sound),
        stage.command("tag", sound, "--add", "x"),
        stage.command("tag"),
        stage.command("dups"),
        stage.command("verify", "--deep"),
    ]
    n_noticed = 0
    for _ in range(n):
        stage.begin("full")
        damage_bytes(stage.library, generator)
        readable = read_tags(stage.library)
        for command in commands:
            done = stage.launcher.run([command])
            assert done.status in (0, 1, 2), done
            assert "Traceback" not in done.stderr, done.stderr
            n_noticed += done.status == 1 and "verify" in map(str, command)
        done = stage.launcher.run([stage.command("verify", "--repair", "--workers", 1)])
        assert "Traceback" not in done.stderr, done.stderr
        if done.status == 2:
            assert not readable, done
            continue
        check_library(stage.library)
        lost = readable - read_tags(stage.library)
        assert not lost, lost
    return n_noticed


def damage_bytes(library: Path, generator: np.random.Generator) -> None:
    """Change some bytes of one page, a run of zeros or single ones, or cut the file off."""
    data = bytearray(library.read_bytes())
    page = int(generator.integers(len(data) // PAGE)) * PAGE
    kind = int(generator.integers(5))
    if kind == 0:
        data[page : page + PAGE] = bytes(PAGE)
    elif kind == 1:
        del data[page + PAGE // 2 :]
    elif kind == 2:
        data[page : page + PAGE] = generator.bytes(PAGE)
    else:
        for place in page + generator.integers(0, PAGE, 1 << (2 * kind - 5)):
            data[place] ^= 1 << int(generator.integers(8))
    library.write_bytes(data)


def read_tags(library: Path) -> set[tuple[str, str]]:
    """Read all (path, tag) that plain SQL can read, and that can be a path and a tag."""
    sql = "SELECT path, tag FROM recordings JOIN tags ON recordings.id = recording_id"
    found: set[tuple[str, str]] = set()
    with closing(sqlite3.connect(library)) as connection, suppress(sqlite3.Error):
        for path, tag in connection.execute(sql):
            if isinstance(path, str) and isinstance(tag, str) and path.startswith("/") and tag:
                found.add((path, tag))
    return {pair for pair in found if "\0" not in pair[0]}


def cut_power(stage: Stage, n: int, generator: np.random.Generator) -> int:
    """Cut the power: what was not brought to disk is lost. What was acknowledged must be there.

    Another connection keeps the library open, so that no command's end brings all to disk.
    """
    synced = stage.folder / "synced"
    actions = {action.name: action for action in list_actions(stage)}
    n_lost = 0
    for number in range(n):
        action = actions[("tag", "index, extend", "relocate")[number % 3]]
        wanted, undisturbed = stage.find_undisturbed(action)
        stage.begin(action.state)
        shutil.rmtree(synced, ignore_errors=True)
        synced.mkdir()
        before = read_library(stage.library)
        for path in stage.now.glob("library.sqlite*"):
            if path.is_file():
                shutil.copyfile(path, synced / path.name)
        with closing(sqlite3.connect(stage.library)) as other:
            other.execute("SELECT 1 FROM meta").fetchone()
            at_call = int(generator.integers(1, undisturbed.n_calls + 1)) if number % 2 else 0
            done = stage.launcher.run(action.commands, Fault(at_call=at_call, synced=str(synced)))
        library = synced / "library.sqlite"
        check_library(library)
        left = read_library(library)
        kept = {tag for _, tag in left["tags"]}
        assert set(action.tags[: done.n_done]) <= kept, "an acknowledged tag is lost"
        if action.name == "relocate":
            assert done.status or left == wanted, "what was acknowledged is lost"
            assert left in (before, wanted), "neither old nor new"
        n_lost += left != wanted
    return n_lost
