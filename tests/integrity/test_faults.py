"""A share of benchmarks/crashes: a library is killed, starved and confused, and stays whole."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks.crashes.disk_faults import (
    change_files,
    cut_power,
    fail_reads,
    fill_disks,
    flip_bytes,
    revoke_permissions,
)
from benchmarks.crashes.invariants import check_library, read_library
from benchmarks.crashes.launcher import Fault, MissingError, launch
from benchmarks.crashes.run import run_kills
from benchmarks.crashes.states import Stage, attack, list_actions
from conftest import COMMAND
from sounds import make_noise, write_sound

N_KILLS = 30


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Give the stage on which all attacks are made."""
    folder = tmp_path_factory.mktemp("faults")
    try:
        with launch(folder) as launcher:
            yield Stage(folder, launcher)
    except MissingError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"faults need {error}")


def test_killed_at_any_instant_nothing_committed_is_lost_and_a_rerun_ends_the_same(
    stage: Stage,
) -> None:
    tallies = run_kills(stage, N_KILLS, np.random.default_rng(7))
    assert sum(tally.n_hit for tally in tallies.values()) == N_KILLS


def test_a_full_disk_at_any_byte_is_one_line_and_loses_nothing(stage: Stage) -> None:
    assert fill_disks(stage, 12, np.random.default_rng(1)) > 3


def test_a_rescue_on_a_full_disk_puts_nothing_unfinished_in_place(stage: Stage) -> None:
    [action] = [one for one in list_actions(stage) if one.name == "rescue a damaged file"]
    for room in range(60_000, 160_000, 15_000):
        attack(stage, action, Fault(room=room))


def test_what_cannot_be_read_for_now_is_told_and_taken_in_later(stage: Stage) -> None:
    fail_reads(stage)


def test_permissions_taken_away_in_a_run_cost_what_they_must(stage: Stage) -> None:
    revoke_permissions(stage)


def test_files_that_change_while_they_are_read_end_as_they_are(stage: Stage) -> None:
    assert change_files(stage, 1, np.random.default_rng(2)) > 3


def test_changed_bytes_end_no_command_badly_and_a_repair_keeps_every_tag(stage: Stage) -> None:
    assert flip_bytes(stage, 6, np.random.default_rng(3)) > 1


def test_what_was_acknowledged_survives_a_power_cut(stage: Stage) -> None:
    assert cut_power(stage, 6, np.random.default_rng(4)) < 6


def test_on_a_full_disk_of_its_own_nothing_is_lost(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", "size=400k", "none", str(disk)]
    if shutil.which("mount") is None or subprocess.run(options, capture_output=True).returncode:
        pytest.skip("no file system may be mounted here")
    try:
        (tmp_path / "sounds").mkdir()
        for seed in range(12):
            write_sound(tmp_path / "sounds" / f"{seed}.wav", make_noise(30.0, seed, 4000), 4000)
        library = disk / "library.sqlite"
        index = [COMMAND, "index", tmp_path / "sounds", "--library", library, "-q"]
        done = subprocess.run(index, capture_output=True, text=True, timeout=100)
        assert done.returncode == 2
        assert "the disk is full" in done.stderr
        assert done.stderr.count("\n") == 1
        n_kept = len(read_library(library)["recordings"])
        assert n_kept > 0
        check_library(library)
        remount = ["mount", "-o", "remount,size=8m", str(disk)]
        subprocess.run(remount, check=True)
        subprocess.run(index, check=True, timeout=100)
        assert len(read_library(library)["recordings"]) == 12
    finally:
        subprocess.run(["umount", str(disk)], check=True)
