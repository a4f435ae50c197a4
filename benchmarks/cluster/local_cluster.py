"""A real Ray cluster of this machine: a head and nodes as processes, which tests may kill."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from soundkin.cluster.connect import ENVIRONMENT

PORTS = ("dashboard-agent-listen", "dashboard-agent-grpc", "runtime-env-agent", "metrics-export")
STARTUP_S = 90
ATTEMPTS = 4
STORE_BYTES = 100 << 20


class Cluster:
    """A head without processors for work, and nodes of as many each as is said."""

    def __init__(self, folder: Path, cpus: int) -> None:
        self.folder = folder
        self.env = os.environ | ENVIRONMENT | {"RAY_AUTH_MODE": "disabled"}
        self.nodes: list[subprocess.Popen[bytes]] = []
        self._n_started = 0
        self._cpus = cpus
        self.address = f"127.0.0.1:{_find_port()}"
        port = self.address.split(":")[1]
        self._head = self._start("--head", "--port", port, "--include-dashboard", "false", cpus=0)

    def add_node(self) -> subprocess.Popen[bytes]:
        """Start a node."""
        self.nodes.append(self._start("--address", self.address, cpus=self._cpus))
        return self.nodes[-1]

    def kill(self, node: subprocess.Popen[bytes]) -> None:
        """Kill a node with all that runs on it, as when its machine is switched off."""
        _kill_tree(node)
        self.nodes.remove(node)

    def close(self) -> None:
        """End it all."""
        for node in [*self.nodes, self._head]:
            _kill_tree(node)

    def _start(self, *options: str, cpus: int) -> subprocess.Popen[bytes]:
        """Start a node; a busy machine may be too slow for Ray's patience with itself."""
        for _ in range(ATTEMPTS - 1):
            process = self._try(*options, cpus=cpus)
            if process.poll() is None:
                return process
            _kill_tree(process)
        process = self._try(*options, cpus=cpus)
        assert process.poll() is None, "Ray does not start here"
        return process

    def _try(self, *options: str, cpus: int) -> subprocess.Popen[bytes]:
        self._n_started += 1
        log = self.folder / f"ray-{self._n_started}.log"
        command = [
            *(sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *options),
            *("--num-cpus", str(cpus), "--object-store-memory", str(STORE_BYTES)),
            "--disable-usage-stats",
            # With ports of their own, a node does not wait for its slowest parts to choose them.
            *(f"--{name}-port={_find_port()}" for name in PORTS),
        ]
        with log.open("wb") as stream:
            process = subprocess.Popen(
                command,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + STARTUP_S
        while b"Ray runtime started" not in log.read_bytes() and process.poll() is None:
            if time.monotonic() > deadline:
                _kill_tree(process)
            time.sleep(0.1)
        return process


@contextmanager
def start_cluster(folder: Path, n_nodes: int, cpus: int = 1) -> Iterator[Cluster]:
    """Start a cluster, for a while."""
    cluster = Cluster(folder, cpus)
    try:
        for _ in range(n_nodes):
            cluster.add_node()
        yield cluster
    finally:
        cluster.close()


def _kill_tree(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and all that it started, and what these started."""
    done = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True)
    children: dict[int, list[int]] = {}
    for line in done.stdout.splitlines():
        pid, parent = map(int, line.split())
        children.setdefault(parent, []).append(pid)
    pending = [process.pid]
    while pending:
        pid = pending.pop()
        pending += children.get(pid, [])
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def _find_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def find_actors() -> list[int]:
    """List the processes of actors that embed."""
    done = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True)
    lines = (line.split(None, 1) for line in done.stdout.splitlines())
    return [int(pid) for pid, words in lines if words.startswith("ray::MapWorker")]
