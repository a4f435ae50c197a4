"""A real Ray cluster of this machine: a head and nodes as processes, which tests may kill."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from soundkin.cluster import ENVIRONMENT

STARTUP_S = 120
RAY = Path(sys.executable).with_name("ray")
STORE_BYTES = 100 << 20


class Cluster:
    """A head without processors for work, and nodes of one processor each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = os.environ | ENVIRONMENT | {"RAY_AUTH_MODE": "disabled"}
        self.nodes: list[subprocess.Popen[bytes]] = []
        self.address = f"127.0.0.1:{_find_port()}"
        port = self.address.split(":")[1]
        self._head = self._start("--head", "--port", port, "--include-dashboard", "false", cpus=0)

    def add_node(self) -> subprocess.Popen[bytes]:
        """Start a node of one processor."""
        self.nodes.append(self._start("--address", self.address, cpus=1))
        return self.nodes[-1]

    def kill(self, node: subprocess.Popen[bytes]) -> None:
        """Kill a node with all that runs on it, as when its machine is switched off."""
        os.killpg(node.pid, signal.SIGKILL)
        node.wait()
        self.nodes.remove(node)

    def close(self) -> None:
        """End it all."""
        for node in [*self.nodes, self._head]:
            os.killpg(node.pid, signal.SIGKILL)
            node.wait()

    def _start(self, *options: str, cpus: int) -> subprocess.Popen[bytes]:
        log = self.folder / f"ray-{len(self.nodes)}-{options[0].strip('-')}.log"
        process = subprocess.Popen(
            [
                *(RAY, "start", "--block", *options),
                *("--num-cpus", str(cpus), "--object-store-memory", str(STORE_BYTES)),
                *("--disable-usage-stats", "--node-ip-address", "127.0.0.1"),
            ],
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=log.open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        deadline = time.monotonic() + STARTUP_S
        while b"Ray runtime started" not in log.read_bytes():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        return process


@contextmanager
def start_cluster(folder: Path, n_nodes: int) -> Iterator[Cluster]:
    """Start a cluster, for a while."""
    cluster = Cluster(folder)
    try:
        for _ in range(n_nodes):
            cluster.add_node()
        yield cluster
    finally:
        cluster.close()


def _find_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
