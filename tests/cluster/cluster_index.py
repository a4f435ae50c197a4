"""A real Ray cluster indexes folders, lists and object storage into one Lance library."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cluster.local_cluster import Cluster, find_actors, start_cluster
from conftest import DEMO_SOUNDS, Soundkin
from serving import serve
from sounds import make_noise, make_tone, write_sound

if find_spec("ray") is None:
    pytest.skip("needs: pip install 'soundkin[cluster]'", allow_module_level=True)
N_FILES = 240
PATIENCE_S = 120


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Give a cluster of a head and two nodes."""
    with start_cluster(tmp_path_factory.mktemp("ray"), 2) as running:
        yield running


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of many short sounds, with copies and files that cannot be read."""
    folder = tmp_path_factory.mktemp("many")
    for number in range(N_FILES):
        sound = make_tone(100 + 7 * number, 0.3 + 0.01 * (number % 50))
        write_sound(folder / f"{number:04}.wav", sound)
    for number in range(5):
        (folder / f"copy{number}.wav").write_bytes((folder / f"{number:04}.wav").read_bytes())
        (folder / f"broken{number}.wav").write_bytes(b"RIFF, but no sound" * (number + 1))
    return folder


@pytest.fixture(scope="module")
def undisturbed(many: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Give what one machine makes of that folder."""
    command = Soundkin(tmp_path_factory.mktemp("plain") / "library.sqlite")
    command("index", many)
    return read_rows(command)


@pytest.fixture
def lance(cluster: Cluster, tmp_path: Path) -> Soundkin:
    """Give the command with a Lance library to be made."""
    command = Soundkin(tmp_path / "library.lance")
    command.env |= {"XDG_CACHE_HOME": str(tmp_path / "cache"), "RAY_AUTH_MODE": "disabled"}
    return command


def read_rows(command: Soundkin) -> dict[str, Any]:
    """Read all that a library holds, by path; content ids only tell copies from others."""
    copy = command.library
    if copy.suffix == ".lance":
        copy = copy.with_name(f"copy{time.monotonic_ns()}.sqlite")
        command("convert", command.library, copy)
    import sqlite3

    connection = sqlite3.connect(copy)
    try:
        n_contents = connection.execute("SELECT COUNT(*) FROM contents").fetchone()[0]
        rows = connection.execute(
            "SELECT path, size, mtime_ns, error, hash, duration_s, n_segments, levels, vectors,"
            " loudness_lufs, pitch_hz FROM recordings LEFT JOIN contents ON contents.id ="
            " content_id LEFT JOIN facts ON content = content_id"
        ).fetchall()
    finally:
        connection.close()
    assert n_contents == len({row[4] for row in rows if row[4] is not None})
    return {row[0]: row[1:] for row in rows}


def wait_until(holds: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait for something while a process is at work."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def has_committed(command: Soundkin) -> bool:
    """Tell whether a run has made something part of its library; the first version is empty."""
    return len(list((command.library / "recordings.lance" / "_versions").glob("*.manifest"))) > 1


def test_a_cluster_makes_the_library_that_one_machine_makes(
    cluster: Cluster, lance: Soundkin, many: Path, undisturbed: dict[str, Any]
) -> None:
    done = lance("index", many, "--cluster", cluster.address)
    assert done.stdout.startswith(f"{N_FILES} embedded, 5 with bytes known already, 5 not read")
    assert "Not read (5)" in done.stderr
    assert read_rows(lance) == undisturbed
    assert len(lance.json("list", "--failed")) == 5
    found = lance.json("search", many / "0007.wav", "--exclude-self", "--top", 3)
    assert next(Path(hit["path"]).name for hit in found) in {"0006.wav", "0008.wav"}
    again = lance("index", "--cluster", cluster.address).stdout
    assert again.startswith("0 embedded") or "unchanged" in again


def test_what_is_killed_in_the_middle_costs_only_what_was_in_flight(
    cluster: Cluster, lance: Soundkin, many: Path, undisturbed: dict[str, Any]
) -> None:
    driver = lance.start("index", many, "--cluster", cluster.address)
    wait_until(lambda: bool(find_actors()), driver)
    os.kill(find_actors()[0], signal.SIGKILL)
    wait_until(lambda: has_committed(lance), driver)
    cluster.kill(cluster.nodes[0])
    driver.send_signal(signal.SIGKILL)
    driver.communicate()
    kept = lance.json("info")[0]["n_recordings"]
    assert 0 < kept < len(undisturbed)
    done = lance("index", many, "--cluster", cluster.address)
    n_embedded = int(done.stdout.split(" ")[0])
    assert n_embedded <= N_FILES - kept + 64
    cluster.add_node()
    assert read_rows(lance) == undisturbed


def test_a_run_outlives_a_node_and_a_worker(
    cluster: Cluster, lance: Soundkin, many: Path, undisturbed: dict[str, Any]
) -> None:
    driver = lance.start("index", many, "--cluster", cluster.address)
    wait_until(lambda: bool(find_actors()), driver)
    os.kill(find_actors()[0], signal.SIGKILL)
    cluster.kill(cluster.nodes[0])
    output, errors = driver.communicate(timeout=PATIENCE_S)
    cluster.add_node()
    assert driver.returncode == 0, errors
    assert output.startswith(f"{N_FILES} embedded")
    assert read_rows(lance) == undisturbed


def test_moved_changed_and_vanished_files_are_followed(
    cluster: Cluster, lance: Soundkin, folder: Path
) -> None:
    for number in range(6):
        write_sound(folder / f"{number}.wav", make_noise(0.5, number))
    lance("index", folder, "--cluster", cluster.address)
    lance("tag", folder / "0.wav", "--add", "hiss")
    (folder / "0.wav").rename(folder / "moved.wav")
    (folder / "1.wav").unlink()
    write_sound(folder / "2.wav", make_noise(0.7, 77))
    done = lance("index", folder, "--cluster", cluster.address)
    assert done.stdout.startswith("1 embedded")
    assert "1 moved" in done.stdout
    assert sorted(Path(path).name for path in lance.paths()) == [
        "2.wav", "3.wav", "4.wav", "5.wav", "moved.wav",
    ]  # fmt: skip
    assert [Path(row["path"]).name for row in lance.json("list", "--tag", "hiss")] == ["moved.wav"]
    assert lance.json("info")[0]["n_contents"] == 5


def test_lists_of_paths_are_indexed(cluster: Cluster, lance: Soundkin, tmp_path: Path) -> None:
    sounds = sorted(DEMO_SOUNDS.glob("*.flac"))[:4]
    (tmp_path / "some.txt").write_text(f"{sounds[0]}\n{sounds[1]}\n{tmp_path}/none.wav\n")
    (tmp_path / "more.csv").write_text(f"id,path\n1,{sounds[2]}\n2,{sounds[3]}\n")
    lists = (tmp_path / "some.txt", tmp_path / "more.csv")
    done = lance("index", *lists, "--cluster", cluster.address)
    assert "none.wav: No such file or directory" in done.stderr
    assert lance.paths() == [str(sound) for sound in sounds]
    assert lance("index", "--cluster", cluster.address).stdout.count("4 unchanged") == 1


@pytest.fixture
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Give a client of an object storage of this machine, with a bucket."""
    boto3 = pytest.importorskip("boto3")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket="sounds")
    yield client
    client.close()
    server.stop()


def hear_over_the_page(command: Soundkin) -> None:
    """Play and see what lies in object storage, through the server."""
    with serve(command) as server:
        sound = server.find("drum_cymbal_open")
        audio = server.http.get(f"/api/v1/sounds/{sound['id']}/audio")
        assert audio.content == (DEMO_SOUNDS / "drum_cymbal_open.flac").read_bytes()
        assert server.get(f"/sounds/{sound['id']}/peaks", n=50)["max"]
        picture = server.http.get(f"/api/v1/sounds/{sound['id']}/spectrogram.png")
        assert picture.headers["content-type"] == "image/png"


def test_sounds_and_library_may_lie_in_object_storage(storage: Any, tmp_path: Path) -> None:
    for path in sorted(DEMO_SOUNDS.glob("drum_*.flac")):
        storage.put_object(Bucket="sounds", Key=f"in/{path.name}", Body=path.read_bytes())
    storage.put_object(Bucket="sounds", Key="in/broken.wav", Body=b"no sound")
    command = Soundkin(tmp_path / "unused")
    command.env = os.environ | {
        "SOUNDKIN_LIBRARY": "s3://sounds/library.lance",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    done = command("index", "s3://sounds/in", "--cluster", "local", "--workers", 1)
    assert "s3://sounds/in/broken.wav: " in done.stderr
    n_drums = len(list(DEMO_SOUNDS.glob("drum_*.flac")))
    assert len(command.paths()) == n_drums
    for sound in (DEMO_SOUNDS / "drum_cymbal_open.flac", "s3://sounds/in/drum_cymbal_open.flac"):
        first = command.json("search", sound)[0]
        assert first["path"] == "s3://sounds/in/drum_cymbal_open.flac"
    assert command.json("search", "drum_cymbal_open.flac", "--why", "--top", 1)[0]["facts"]
    hear_over_the_page(command)
    command("tag", "s3://sounds/in", "--add", "drum")
    assert len(command.json("list", "--tag", "drum", "--folder", "s3://sounds/in")) == n_drums
    storage.delete_object(Bucket="sounds", Key="in/drum_cymbal_open.flac")
    again = command("index", "--cluster", "local", "--workers", 1).stdout
    assert f"{n_drums - 1} unchanged" in again
    assert "1 gone" in again
