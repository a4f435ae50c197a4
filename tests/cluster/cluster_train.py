"""A real Ray cluster trains one network on two nodes, and outlives the loss of a worker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.cluster.local_cluster import Cluster, start_cluster
from conftest import DEMO_SOUNDS, Soundkin
from tiny_training import TINY

if find_spec("ray") is None:
    pytest.skip("needs: pip install 'soundkin[cluster]'", allow_module_level=True)
PATIENCE_S = 180


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Give a cluster of a head and two nodes."""
    with start_cluster(tmp_path_factory.mktemp("ray"), 2) as running:
        yield running


@pytest.fixture
def command(tmp_path: Path) -> Soundkin:
    """Give the command with a library to be made, and a recipe beside it."""
    (tmp_path / "recipe.toml").write_text(TINY)
    (tmp_path / "long.toml").write_text(TINY.replace("steps = 40", "steps = 400\npatience = 0"))
    soundkin = Soundkin(tmp_path / "library.sqlite")
    soundkin.env |= {"RAY_AUTH_MODE": "disabled"}
    return soundkin


def find_workers() -> list[int]:
    """List the processes of the workers that train."""
    done = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True)
    lines = (line.split(None, 1) for line in done.stdout.splitlines())
    return [int(pid) for pid, words in lines if words.startswith("ray::RayTrainWorker")]


def read_log(output: Path) -> list[dict[str, object]]:
    """Read what was noted at each checkpoint."""
    return [json.loads(line) for line in (output / "log.jsonl").read_text().splitlines()]


def test_two_nodes_train_a_model_to_index_with(
    command: Soundkin, cluster: Cluster, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    arguments = [DEMO_SOUNDS, "--config", tmp_path / "recipe.toml", "--output", output]
    done = command("train", *arguments, "--cluster", cluster.address, timeout=PATIENCE_S)
    assert "after" in done.stdout
    assert [row["step"] for row in read_log(output)] == [10, 20, 30, 40]
    assert not (output / "ray-train").exists()
    command("index", DEMO_SOUNDS, "--model", output / "tiny.onnx")
    found = command.json("search", DEMO_SOUNDS / "bd_tek.flac", "--top", 1)
    assert found[0]["path"].endswith("bd_tek.flac")


def test_a_lost_worker_costs_what_came_after_the_last_checkpoint(
    command: Soundkin, cluster: Cluster, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    arguments = [DEMO_SOUNDS, "--config", tmp_path / "long.toml", "--output", output]
    run = command.start("train", *arguments, "--cluster", cluster.address)
    deadline = time.monotonic() + PATIENCE_S
    while not (output / "log.jsonl").exists():
        assert run.poll() is None, run.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    workers = find_workers()
    assert len(workers) == 2
    os.kill(workers[1], signal.SIGKILL)
    stdout, stderr = run.communicate(timeout=PATIENCE_S)
    assert run.returncode == 0, stderr
    assert "after" in stdout
    steps = [row["step"] for row in read_log(output)]
    assert steps == sorted(set(steps))  # no checkpoint was made twice
    assert steps[-1] == 400


def test_what_a_cluster_cannot_train_is_told(
    command: Soundkin, cluster: Cluster, tmp_path: Path
) -> None:
    arguments = ["train", DEMO_SOUNDS, "--config", tmp_path / "recipe.toml", "-o", tmp_path / "out"]
    address = ["--cluster", cluster.address]
    many = command(*arguments, *address, "--workers", 5, status=2)
    assert "5 workers, but the cluster has 2 processors" in many.stderr
    (tmp_path / "recipe.toml").write_text(TINY.replace("batch_size = 32", "batch_size = 31"))
    uneven = command(*arguments, *address, status=2)
    assert "batch_size 31 cannot be shared by 2 workers" in uneven.stderr
    nobody = command(*arguments, "--cluster", "127.0.0.1:9", status=2)
    assert "127.0.0.1:9: no cluster there" in nobody.stderr
    assert "--workers goes with --cluster" in command(*arguments, "--workers", 2, status=2).stderr
