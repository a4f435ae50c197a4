"""A real Ray cluster serves a Lance library: equal replicas, replaced without a failed request."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.cluster.local_cluster import Cluster, start_cluster
from conftest import DEMO_SOUNDS, Soundkin
from serving import Server

if find_spec("ray") is None:
    pytest.skip("needs: pip install 'soundkin[cluster]'", allow_module_level=True)
PATIENCE_S = 120
QUERY = DEMO_SOUNDS / "bd_tek.flac"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Give a cluster of a head and one node of two processors."""
    with start_cluster(tmp_path_factory.mktemp("ray"), 1, cpus=2) as running:
        yield running


@pytest.fixture(scope="module")
def lance(tmp_path_factory: pytest.TempPathFactory) -> Soundkin:
    """Give the command with a Lance library of the demo sounds."""
    folder = tmp_path_factory.mktemp("library")
    file, command = Soundkin(folder / "demo.sqlite"), Soundkin(folder / "demo.lance")
    for one in (file, command):
        one.env |= {"XDG_CACHE_HOME": str(folder / "cache"), "RAY_AUTH_MODE": "disabled"}
    file("index", DEMO_SOUNDS, "-q")
    file("convert", file.library, command.library)
    return command


@contextmanager
def serve(lance: Soundkin, cluster: Cluster, *options: Any) -> Iterator[Server]:
    """Have the cluster serve, for a while."""
    process = lance.start("serve", "--cluster", cluster.address, "--no-open", *options)
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    assert address.startswith("http"), process.communicate()
    server = Server(process, address)
    try:
        yield server
    finally:
        server.http.close()
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=PATIENCE_S)
            assert process.returncode == 0, (output, errors)


@pytest.fixture(scope="module")
def server(cluster: Cluster, lance: Soundkin) -> Iterator[Server]:
    """Give two replicas behind one address."""
    with serve(lance, cluster, "--replicas", 2, "--port", 0) as running:
        yield running


def find_replicas() -> list[int]:
    """List the processes of the replicas."""
    done = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True)
    lines = (line.split(None, 1) for line in done.stdout.splitlines())
    return [int(pid) for pid, words in lines if words.startswith("ray::ServeReplica:soundkin")]


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for something."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


class Visitors:
    """Ask without a pause, searching and sending sounds, until they are told to stop."""

    def __init__(self, address: str) -> None:
        self.statuses: Counter[int | str] = Counter()
        self._address = address
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(n,)) for n in range(3)]
        for thread in self._threads:
            thread.start()

    def _ask(self, number: int) -> None:
        with httpx.Client(base_url=self._address, timeout=60) as client:
            while not self._stop.is_set():
                try:
                    if number:
                        body = {"sounds": [{"id": "r5"}], "top_k": 5}
                        self.statuses[client.post("/api/v1/search", json=body).status_code] += 1
                        continue
                    sent = client.post("/api/v1/sounds", content=QUERY.read_bytes())
                    self.statuses[sent.status_code] += 1
                    peaks = client.get(f"/api/v1/sounds/{sent.json()['id']}/peaks")
                    self.statuses[peaks.status_code] += 1
                except (httpx.HTTPError, KeyError, ValueError) as error:
                    self.statuses[repr(error)] += 1

    def stop(self) -> Counter[int | str]:
        """Stop; tells how often each status was met."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        return self.statuses


def test_replicas_find_what_the_command_finds(server: Server, lance: Soundkin) -> None:
    wanted = lance.json("search", QUERY, "--top", 10, "--exclude-self")
    for _ in range(4):  # by either replica
        sound = server.upload(QUERY)
        found = server.post("/search", {"sounds": [{"id": sound["id"]}], "top_k": 10})["hits"]
        assert [hit["path"] for hit in found] == [hit["path"] for hit in wanted]
        assert [hit["score"] for hit in found] == [hit["score"] for hit in wanted]
    assert len(find_replicas()) == 2


def test_a_tag_given_by_one_replica_is_soon_seen_by_all(server: Server) -> None:
    sound = server.find("bd_tek")
    server.post("/tags", {"ids": [sound["id"]], "add": ["kick"]})
    wait_until(
        lambda: all(server.get(f"/sounds/{sound['id']}")["tags"] == ["kick"] for _ in range(8))
    )


def test_replicas_are_replaced_without_a_failed_request(server: Server) -> None:
    sent = server.upload(QUERY)
    before = set(find_replicas())
    visitors = Visitors(server.address)
    try:
        time.sleep(1)
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(find_replicas()) == 2 and not before & set(find_replicas()))
        time.sleep(1)
    finally:
        statuses = visitors.stop()
    assert set(statuses) == {200, 201}, statuses
    assert statuses[200] > 20
    assert server.get(f"/sounds/{sent['id']}/peaks")["duration_s"] > 0  # those before took it in


def test_a_replica_that_dies_is_started_anew(server: Server) -> None:
    before = find_replicas()
    os.kill(before[0], signal.SIGKILL)
    wait_until(lambda: len(set(find_replicas()) - set(before)) == 1)
    wait_until(lambda: server.http.get("/-/healthz").status_code == 200)
    for _ in range(8):
        assert server.get("/info")["n_recordings"] > 50


def test_a_cluster_refuses_what_one_machine_does(
    server: Server, lance: Soundkin, tmp_path: Path
) -> None:
    for kind, words in (("index", "index FOLDER --cluster"), ("map", "soundkin map")):
        problem = server.problem("POST", "/api/v1/jobs", 409, json={"kind": kind})
        assert words in problem["detail"]
    strange = server.http.get("/api/v1/info", headers={"host": "evil.example"})
    assert strange.status_code == 403
    file = tmp_path / "x.sqlite"
    assert "SQLite file" in lance("serve", "--cluster", "--library", file, status=2).stderr
    assert not file.exists()
    assert "--watch" in lance("serve", "--cluster", "--watch", status=2).stderr
    assert "--replicas goes with" in lance("serve", "--replicas", 2, status=2).stderr


def test_the_same_command_again_takes_over(
    server: Server, cluster: Cluster, lance: Soundkin
) -> None:
    port = int(server.address.rstrip("/").rsplit(":", 1)[1])
    visitors = Visitors(server.address)
    try:
        with serve(lance, cluster, "--replicas", 2, "--port", port) as second:
            assert second.address == server.address
            _, errors = server.process.communicate(timeout=PATIENCE_S)
            assert server.process.returncode == 0
            assert "another soundkin serve has taken over" in errors
            statuses = visitors.stop()
            assert set(statuses) == {200, 201}, statuses
            assert second.get("/info")["n_recordings"] > 50
    finally:
        visitors.stop()
    wait_until(lambda: not find_replicas())
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{second.address}api/v1/info")


def test_another_port_than_the_clusters_own_is_told(cluster: Cluster, lance: Soundkin) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = lance("serve", "--cluster", cluster.address, "--port", port, "--no-open", status=2)
    assert str(port) in done.stderr
