"""Answers about the whole library are kept until it changes; what hangs in the end is cut off."""

from __future__ import annotations

import signal
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest

from conftest import Soundkin
from serving import Server, serve
from sounds import make_noise, make_tone, write_sound

N_HANGING = 12


def ask(server: Server, path: str, etag: str = "") -> httpx.Response:
    """Get one of the API's answers, if it is no more what the tag stands for."""
    return server.http.get(f"/api/v1{path}", headers={"if-none-match": etag} if etag else {})


@pytest.mark.parametrize("path", ["/info", "/folders", "/map"])
def test_what_is_known_is_not_sent_again_until_the_library_changes(
    soundkin: Soundkin, folder: Path, path: str
) -> None:
    for name in "ab":
        (folder / name).mkdir()
    for number in range(4):
        write_sound(folder / "a" / f"{number}.wav", make_tone(200 + 50 * number, 0.5))
    soundkin("index", folder)
    soundkin("map", "--quiet")
    with serve(soundkin) as server:
        first = ask(server, path)
        assert first.status_code == 200
        assert first.headers["cache-control"] == "private, no-cache"
        tag = first.headers["etag"]
        for known in (tag, f"W/{tag}", f'"other", {tag}'):
            again = ask(server, path, known)
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == tag
        assert ask(server, path, '"other"').content == first.content
        write_sound(folder / "b" / "new.wav", make_noise(0.5, 1))
        soundkin("index", folder)  # by another process
        changed = ask(server, path, tag)
        assert changed.status_code == 200
        assert changed.headers["etag"] != tag
        assert ask(server, path, changed.headers["etag"]).status_code == 304


def test_an_answer_has_what_was_changed_a_moment_before(soundkin: Soundkin, folder: Path) -> None:
    for number in range(12):
        write_sound(folder / f"{number:02}.wav", make_tone(200 + 60 * number, 0.5))
    soundkin("index", folder)
    soundkin("map", "--quiet")
    with serve(soundkin) as server:
        recording = server.find("00.wav")
        for number in range(30):
            tag = f"tag {number}"
            server.post("/tags", {"ids": [recording["id"]], "add": [tag]})
            assert tag in {one["tag"] for one in server.get("/info")["tags"]}
        before = ask(server, "/map")
        soundkin("map", "--rebuild", "--seed", 5, "--quiet")  # the library itself is what it was
        assert ask(server, "/map", before.headers["etag"]).json()["x"] != before.json()["x"]


def test_many_at_once_get_the_same_while_it_is_made_once(server: Server) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: ask(server, "/info"), range(64)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1


def test_requests_that_hang_in_the_end_are_one_line(soundkin: Soundkin, folder: Path) -> None:
    write_sound(folder / "a.wav", make_noise(0.5, 1))
    soundkin("index", folder)
    process = soundkin.start("serve", "--port", 0, "--no-open")
    assert process.stdout is not None
    assert process.stderr is not None
    address = process.stdout.readline().strip()

    def hang() -> None:
        with suppress(httpx.HTTPError):
            body = {"ids": ["r1"], "add": ["x"]}
            httpx.post(f"{address}api/v1/tags", json=body, timeout=40)

    with closing(sqlite3.connect(soundkin.library, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # whoever would write waits for half a minute
        for _ in range(N_HANGING):
            threading.Thread(target=hang, daemon=True).start()
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        first, second = (process.stderr.readline().rstrip() for _ in range(2))
    with process:
        rest = process.stderr.read()
    assert process.returncode == 0, rest
    assert first == "Ctrl-C ends it."
    assert second.endswith(f"{N_HANGING} requests were not answered in time, and cut off")
    assert not rest
