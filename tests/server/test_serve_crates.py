"""Crates through the HTTP API: put together, copied on the server's machine, packed for others."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import Soundkin
from serving import Server, serve
from sounds import make_noise, make_tone, write_sound


@pytest.fixture
def own(soundkin: Soundkin, folder: Path) -> Iterator[Server]:
    """Give a server over two sounds, to be written to."""
    write_sound(folder / "tone.wav", make_tone(440))
    write_sound(folder / "noise.wav", make_noise(2.0))
    soundkin("index", folder)
    with serve(soundkin) as running:
        yield running


def test_a_crate_is_made_changed_and_forgotten(own: Server) -> None:
    tone, noise = own.find("tone")["id"], own.find("noise")["id"]
    items = [{"id": noise, "start_s": 0.5, "end_s": 1.0}, {"id": tone}]
    made = own.post("/crates", {"name": " wet ", "items": items}, status=201)
    assert made == {"name": "wet", "count": 2, "n_added": 2}
    again = own.post("/crates", {"name": "wet", "items": items[:1]}, status=201)
    assert again["n_added"] == 0
    inside = own.get("/crates/wet")["items"]
    found = [(one["recording"]["id"], one["start_s"], one["end_s"]) for one in inside]
    assert found == [(noise, 0.5, 1.0), (tone, 0.0, None)]
    assert own.http.put("/api/v1/crates/wet", json={"name": "dry/1"}).status_code == 204
    query = {"id": noise, "start_s": 0.5}
    assert own.http.delete("/api/v1/crates/dry/1", params=query).status_code == 204
    assert own.get("/crates") == [{"name": "dry/1", "count": 1}]
    assert own.http.delete("/api/v1/crates/dry/1").status_code == 204
    assert own.get("/crates") == []
    own.problem("GET", "/api/v1/crates/dry/1", 404)
    own.problem("DELETE", "/api/v1/crates/dry/1", 404)


def test_files_are_copied_and_packed(own: Server, folder: Path, tmp_path: Path) -> None:
    tone, noise = own.find("tone")["id"], own.find("noise")["id"]
    items = [{"id": tone}, {"id": noise, "start_s": 0.5}]
    target = tmp_path / "out"
    done = own.post("/files/copy", {"items": items, "folder": str(target)})
    assert done["failures"] == []
    assert done["files"] == [str(target / "tone.wav"), str(target / "noise 0.500s.wav")]
    assert (target / "tone.wav").read_bytes() == (folder / "tone.wav").read_bytes()
    answer = own.http.post("/api/v1/files/zip", json={"items": items})
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == ["tone.wav", "noise 0.500s.wav"]
        assert archive.read("tone.wav") == (folder / "tone.wav").read_bytes()
    (folder / "tone.wav").unlink()
    done = own.post("/files/copy", {"items": items, "folder": str(tmp_path / "rest")})
    assert [one["path"] for one in done["failures"]] == [str(folder / "tone.wav")]
    assert len(done["files"]) == 1
    answer = own.http.post("/api/v1/files/zip", json={"items": items})
    assert "not read.txt" in zipfile.ZipFile(io.BytesIO(answer.content)).namelist()


def test_folders_that_cannot_be_are_told(own: Server, folder: Path) -> None:
    items = [{"id": own.find("tone")["id"]}]
    for place, status in (
        ("here", 422),
        (str(folder / "a" / "b"), 409),
        (str(folder / "tone.wav"), 409),
    ):
        body = {"items": items, "folder": place}
        problem = own.problem("POST", "/api/v1/files/copy", status, json=body)
        assert place in problem["detail"]
    late = [{"id": items[0]["id"], "start_s": 50}]
    own.problem("POST", "/api/v1/crates", 422, json={"name": "x", "items": late})
    own.problem("POST", "/api/v1/crates", 404, json={"name": "x", "items": [{"id": "r99"}]})


def test_from_afar_nothing_is_copied_on_the_machine(
    soundkin: Soundkin, folder: Path, tmp_path: Path
) -> None:
    write_sound(folder / "tone.wav", make_tone(440))
    soundkin("index", folder)
    with serve(soundkin, "--host", "0.0.0.0", "--token", "secret") as far:
        far.http.headers["authorization"] = "Bearer secret"
        items = [{"id": far.find("tone")["id"]}]
        body = {"items": items, "folder": str(tmp_path / "out")}
        assert "zip" in far.problem("POST", "/api/v1/files/copy", 403, json=body)["detail"]
        assert not (tmp_path / "out").exists()
        assert far.http.post("/api/v1/files/zip", json={"items": items}).status_code == 200
