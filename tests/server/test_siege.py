"""`soundkin serve` under a small share of what `benchmarks/load/run.py` does to it."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from benchmarks.harness.commands import list_tree
from benchmarks.load.attacks import (
    ALLOWED,
    ATTACKS,
    Probe,
    Target,
    attack,
    make_request,
    read_status,
)
from benchmarks.load.clients import Load
from conftest import Soundkin
from serving import Server, serve
from soundkin.server.sounds.preview_cache import PreviewCache
from sounds import make_noise, make_sweep, write_sound

SLOW = {"slow heads", "slow bodies"}  # each takes until the server has had enough
MAX_LAG_MS = 3000.0  # on a machine that has much else to do
SHARE = 0.02


@pytest.fixture(scope="module")
def besieged(demo: Soundkin) -> Iterator[Server]:
    """Give a server to attack, which must not have said a word about it in the end."""
    with serve(demo) as server:
        yield server


def aim(server: Server) -> Target:
    """Give what attacks need to know of a server."""
    assert server.http.base_url.port is not None
    return Target(server.http.base_url.port)


@pytest.mark.parametrize("name", [name for name in ATTACKS if name not in SLOW])
def test_an_attack_is_refused_and_keeps_nobody_waiting(besieged: Server, name: str) -> None:
    outcome = attack(aim(besieged), name, SHARE)
    assert outcome.answers
    assert set(outcome.answers) <= ALLOWED[name], outcome
    assert outcome.lag_ms < MAX_LAG_MS
    assert besieged.get("/info")["n_recordings"]


def test_who_is_slow_on_purpose_is_ended(besieged: Server) -> None:
    target = aim(besieged)
    with target.connect(40) as head, target.connect(40) as body, target.connect(40) as idle:
        head.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
        size = "Content-Length: 99"
        body.sendall(make_request("/api/v1/sounds", "POST", [size]) + b"RIFF")
        started = time.monotonic()
        assert idle.recv(1) == b""
        head_s = time.monotonic() - started
        assert read_status(head) == "408"
        assert read_status(body) == "408"
        assert head_s < 15
        assert time.monotonic() - started < 25


def test_more_connections_than_there_are_places_keep_nobody_out(besieged: Server) -> None:
    target = aim(besieged)
    links = [target.connect() for _ in range(700)]
    try:
        body = besieged.post("/search", {"sounds": [{"id": "r1"}]})
        assert body["hits"]
        n_open = len(list(Path(f"/proc/{besieged.process.pid}/fd").iterdir()))
        assert n_open < 650
    finally:
        for link in links:
            link.close()


def test_more_uploads_than_there_are_places_are_put_off(besieged: Server) -> None:
    target = aim(besieged)
    begun = make_request("/api/v1/sounds", "POST", ["Content-Length: 99999"]) + b"RIFF"
    links = [target.connect() for _ in range(33)]
    try:
        for link in links[:32]:
            link.sendall(begun)
        time.sleep(0.5)
        problem = besieged.problem("POST", "/api/v1/sounds", 503, content=b"RIFF")
        assert problem["type"] == "urn:soundkin:busy"
        response = besieged.http.post("/api/v1/sounds", content=b"RIFF")
        assert response.headers["retry-after"] == "1"
        assert besieged.get("/info")  # nobody else is
    finally:
        for link in links:
            link.close()
    deadline = time.monotonic() + 10
    while besieged.http.post("/api/v1/sounds", content=b"RIFF").status_code == 503:
        assert time.monotonic() < deadline


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 70_000, 431),
        (make_request("/" + "a" * 70_000), 431),
    ],
)
def test_what_the_door_refuses_comes_in_the_one_shape(
    besieged: Server, sent: bytes, status: int
) -> None:
    with aim(besieged).connect() as link:
        link.sendall(sent)
        answer = b""
        while part := link.recv(65536):
            answer += part
    response = httpx.Response(int(answer.split()[1]), content=answer.partition(b"\r\n\r\n")[2])
    assert response.status_code == status
    assert response.json()["status"] == status
    assert b"content-type: application/problem+json" in answer


def test_people_are_served_while_files_are_indexed(
    soundkin: Soundkin, demo: Soundkin, folder: Path
) -> None:
    demo_sounds = Path(demo.paths()[0]).parent
    soundkin("index", demo_sounds)
    with serve(soundkin) as server:
        listed = server.get("/recordings", limit=200)["recordings"]
        sounds = {one["id"]: one["duration_s"] for one in listed}
        load = Load(aim(server).port, server.process.pid, sounds, list(sounds))
        with Probe(aim(server)) as probe:
            tally = load.run(16, 5, 0.2, folder)
        assert max(probe.times_ms) < MAX_LAG_MS
    assert set(tally.statuses) <= {"200", "206", "204"}, tally.statuses
    assert sum(tally.statuses.values()) > 30
    assert tally.n_jobs
    assert not tally.job_troubles


def test_many_small_things_are_kept_in_bounds_too() -> None:
    kept, n_made = PreviewCache(1 << 20), 0

    def make() -> tuple[bytes, int]:
        nonlocal n_made
        n_made += 1
        return bytes(10), 10

    for key in range(5000):
        kept.get(key, make)
    kept.get(4999, make)
    assert n_made == 5000
    for key in range(4999, -1, -1):
        kept.get(key, make)
    assert 8500 < n_made < 9500  # a thousand are kept, which take a megabyte as Python has them


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Soundkin:
    """Give the command with a library of one file that no socket's buffers hold."""
    folder = tmp_path_factory.mktemp("long")
    write_sound(folder / "long.wav", make_noise(100))
    command = Soundkin(folder / "library.sqlite")
    command("index", folder)
    return command


@contextmanager
def downloading(command: Soundkin) -> Iterator[tuple[subprocess.Popen[str], socket.socket, int]]:
    """Begin to download the long file; gives the server's process, the connection, and the port."""
    process = command.start("serve", "--port", 0, "--no-open")
    assert process.stdout is not None
    port = int(process.stdout.readline().rsplit(":", 1)[1].strip(" /\n"))
    with Target(port).connect(n_buffer=4096) as link:
        link.sendall(make_request("/api/v1/sounds/r1/audio"))
        assert link.recv(100)
        yield process, link, port


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_download_under_way_is_finished_before_the_end(long: Soundkin, number: int) -> None:
    got = 0
    with downloading(long) as (process, link, port):
        process.send_signal(number)
        time.sleep(0.5)
        with pytest.raises(ConnectionRefusedError):  # nobody else is let in
            Target(port).connect()
        while part := link.recv(1 << 16):
            got += len(part)
        _, errors = process.communicate(timeout=30)
    assert got > (long.library.parent / "long.wav").stat().st_size
    assert process.returncode == 0
    assert errors.strip() == "Ctrl-C ends it."


def test_who_reads_nothing_does_not_hold_up_the_end_for_long(long: Soundkin) -> None:
    with downloading(long) as (process, _, _):
        process.terminate()
        _, errors = process.communicate(timeout=40)
    assert process.returncode == 0
    assert errors.strip() == "Ctrl-C ends it."


def test_a_second_signal_ends_it_at_once(long: Soundkin, tmp_path: Path) -> None:
    command = Soundkin(long.library)
    command.env |= {"TMPDIR": str(tmp_path)}
    with downloading(command) as (process, _, _):
        assert list(tmp_path.glob("soundkin-serve-*"))
        process.terminate()
        time.sleep(1)
        assert process.poll() is None  # it waits for us
        started = time.monotonic()
        process.terminate()
        _, errors = process.communicate(timeout=20)
    assert time.monotonic() - started < 5
    assert process.returncode == 128 + signal.SIGTERM
    assert "Traceback" not in errors
    assert not list(tmp_path.glob("soundkin-*"))


def test_who_goes_away_in_the_middle_is_no_news(besieged: Server) -> None:
    target = aim(besieged)
    for begun in (
        make_request("/api/v1/sounds", "POST", ["Content-Length: 999"]) + b"RIFF",
        make_request("/api/v1/search", "POST", ["Content-Length: 999"]) + b"{",
        make_request("/api/v1/sounds/r1/audio"),
    ):
        with target.connect() as link:
            link.sendall(begun)
            time.sleep(0.1)
    assert besieged.get("/info")  # and nothing on standard error, as `serve` sees to


def test_the_server_watches_where_it_is_asked_to(soundkin: Soundkin, folder: Path) -> None:
    write_sound(folder / "first.wav", make_noise(1))
    soundkin("index", folder)
    process = soundkin.start("serve", "--watch", "--port", 0, "--no-open")
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    with httpx.Client(base_url=address, timeout=30) as client:
        assert client.get("/api/v1/info").json()["n_recordings"] == 1
        write_sound(folder / "second.wav", make_sweep(1))
        deadline = time.monotonic() + 40
        while client.get("/api/v1/info").json()["n_recordings"] < 2:
            assert time.monotonic() < deadline
            time.sleep(0.2)
    children = list_tree(process.pid)[1:]
    process.terminate()
    _, errors = process.communicate(timeout=40)
    assert process.returncode == 0, errors
    assert "1 embedded" in errors
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]


def test_a_recording_is_shown_in_the_file_manager(
    soundkin: Soundkin, folder: Path, tmp_path: Path
) -> None:
    path = write_sound(folder / "a 'quoted' $name.wav", make_noise(1))
    soundkin("index", folder)
    shown, bin_ = tmp_path / "shown", tmp_path / "bin"
    bin_.mkdir()
    opener = bin_ / "xdg-open"
    opener.write_text(f'#!/bin/sh\nprintf %s "$1" > {shown}\n')
    opener.chmod(0o755)
    soundkin.env |= {"PATH": str(bin_)}
    with serve(soundkin) as server:
        sound = server.get("/recordings")["recordings"][0]
        assert server.http.post("/api/v1/reveal", json={"id": sound["id"]}).status_code == 204
        deadline = time.monotonic() + 10
        while not (shown.exists() and shown.read_text()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert shown.read_text() == str(path.parent)
        server.problem("POST", "/api/v1/reveal", 404, json={"id": "r999"})
        opener.write_text("#!/bin/sh\nexit 3\n")  # as where there is no screen
        problem = server.problem("POST", "/api/v1/reveal", 409, json={"id": sound["id"]})
        assert str(path) in problem["detail"]
        opener.unlink()
        server.problem("POST", "/api/v1/reveal", 409, json={"id": sound["id"]})
