"""Folders of the server's machine are shown only where they may be indexed, and parts are taken."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import pytest

from conftest import Soundkin
from serving import Server, serve
from sounds import make_noise, make_tone, write_sound


@pytest.fixture
def home(tmp_path: Path, soundkin: Soundkin) -> Path:
    """Give a home with a library's folder in it, and a link out of that."""
    (tmp_path / "home" / "Samples" / "Drums").mkdir(parents=True)
    (tmp_path / "home" / "Private").mkdir()
    (tmp_path / "home" / ".hidden").mkdir()
    (tmp_path / "home" / "Samples" / "out").symlink_to(tmp_path / "home" / "Private")
    (tmp_path / "home" / "Samples" / "notes.txt").write_text("not a sound")
    write_sound(tmp_path / "home" / "Samples" / "a.wav", make_noise(0.3, 1))
    soundkin.env |= {"HOME": str(tmp_path / "home")}
    return tmp_path / "home"


def list_names(listed: dict[str, list[dict[str, str]]], kind: str) -> list[str]:
    """Give the names of some places."""
    return [one["name"] for one in listed[kind]]


def test_from_this_machine_all_folders_are_shown_home_first(soundkin: Soundkin, home: Path) -> None:
    soundkin("index", home / "Samples")
    with serve(soundkin) as server:
        first = server.get("/machine")
        assert first["path"] == str(home)
        assert list_names(first, "folders") == ["Private", "Samples"]
        assert [one["is_indexed"] for one in first["folders"]] == [False, True]
        assert first["places"][0] == {"name": "Home", "path": str(home)}
        assert first["above"][0]["path"] == os.sep
        inside = server.get("/machine", folder="~/Samples")
        assert (list_names(inside, "folders"), list_names(inside, "sounds")) == (
            ["Drums", "out"],
            ["a.wav"],
        )
        assert server.get("/machine", folder="~/Samples/../Private")["path"] == str(
            home / "Private"
        )
        server.problem("GET", "/api/v1/machine", 422, params={"folder": "Samples"})
        server.problem("GET", "/api/v1/machine", 422, params={"folder": "~/Samples/a.wav"})
        server.problem("GET", "/api/v1/machine", 422, params={"folder": "~/nowhere"})
        foreign = {"origin": "http://elsewhere.example"}
        server.problem("GET", "/api/v1/machine", 403, headers=foreign)


def test_from_afar_only_folders_of_the_library_are_shown(soundkin: Soundkin, home: Path) -> None:
    soundkin("index", home / "Samples")
    with serve(soundkin, "--host", "0.0.0.0", "--token", "secret") as server:
        server.http.headers["authorization"] = "Bearer secret"
        first = server.get("/machine")
        assert (first["path"], first["folders"]) == (None, [])
        assert first["places"] == [{"name": "Samples", "path": str(home / "Samples")}]
        inside = server.get("/machine", folder=str(home / "Samples"))
        assert list_names(inside, "folders") == ["Drums", "out"]
        assert inside["above"] == []
        for path in (
            home,
            home / "Private",
            "/",
            home / "Samples" / "..",
            home / "Samples" / "out",
        ):
            server.problem("GET", "/api/v1/machine", 403, params={"folder": str(path)})


def send(server: Server, data: bytes, status: int, **query: float) -> httpx.Response:
    """Send a sound, or a part of it."""
    answer = server.http.post("/api/v1/sounds", params={"name": "long.wav", **query}, content=data)
    assert answer.status_code == status, answer.text
    return answer


def test_of_what_is_too_long_or_too_large_a_part_is_taken(soundkin: Soundkin, folder: Path) -> None:
    long = make_noise(20, 1, 44_100) * 0.1
    tone = make_tone(440, 1.0, 44_100)
    long[10 * 44_100 : 11 * 44_100] = tone
    write_sound(folder / "long.wav", long, 44_100)
    data = (folder / "long.wav").read_bytes()
    with serve(soundkin, "--max-upload-s", 5, "--max-upload-mb", 1) as server:
        assert "at most 1 MB" in send(server, data, 413).json()["detail"]
        sound = send(server, data, 201, start_s=10, end_s=11).json()
        assert sound["duration_s"] == pytest.approx(1.0)
        whole = server.http.get(f"/api/v1/sounds/{sound['id']}/audio").content
        write_sound(folder / "tone.wav", tone, 44_100)
        assert len(whole) > 44_100 * 4  # floats, as the file's own rate has them
        refused = send(server, data, 422, start_s=10).json()
        assert refused["type"] == "urn:soundkin:too-long"
        send(server, data, 422, start_s=3, end_s=3)
        send(server, data, 422, start_s=30, end_s=31)
        for path in ("/api/v1/search/upload", "/api/v1/embed"):  # which take no part
            answer = server.http.post(path, params={"start_s": 1, "end_s": 2}, content=data)
            assert answer.status_code == 413
    with serve(soundkin, "--max-upload-s", 5, "--host", "0.0.0.0", "--token", "x") as server:
        server.http.headers["authorization"] = "Bearer x"
        assert send(server, data, 422).json()["type"] == "urn:soundkin:too-long"
        send(server, data, 201, start_s=1, end_s=2)
    with serve(
        soundkin, "--max-upload-mb", 1, "--host", "0.0.0.0", "--token", "x"
    ) as server:  # from afar no more bytes than any sound may have
        server.http.headers["authorization"] = "Bearer x"
        send(server, data, 413, start_s=1, end_s=2)
