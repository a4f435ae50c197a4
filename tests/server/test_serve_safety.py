"""`soundkin serve` lets nobody in who should not be, and nothing in that is too much."""

from __future__ import annotations

import io
import os
import signal
import socket
import struct
import subprocess
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile

from conftest import Soundkin
from serving import Server, serve
from soundkin.audio.read import read_audio
from soundkin.errors import AudioError
from sounds import RATE, make_noise, make_sweep, write_sound


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "192.0.2.7", "", "[::"]
)
def test_a_foreign_host_is_refused(server: Server, host: str) -> None:
    for path in ("/", "/api/v1/info"):
        problem = server.problem("GET", path, 403, headers={"host": host})
        assert problem["type"] == "urn:soundkin:foreign"


def test_the_names_of_this_machine_are_taken(server: Server) -> None:
    for host in ("localhost:1234", "127.0.0.1", "LOCALHOST", "[::1]:99"):
        response = server.http.get("/api/v1/info", headers={"host": host})
        assert response.status_code == 200, host


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
    ],
)
def test_another_site_can_neither_read_nor_write(server: Server, headers: dict[str, str]) -> None:
    server.problem("GET", "/api/v1/info", 403, headers=headers)
    server.problem("POST", "/api/v1/favourites", 403, headers=headers, json={"ids": ["r1"]})
    assert not server.get("/recordings", favourites=True)["total"]


def test_the_page_itself_may_ask(server: Server) -> None:
    own = server.address.rstrip("/")
    headers = {"origin": own, "sec-fetch-site": "same-origin"}
    body = {"sounds": [{"id": "r1"}]}
    assert server.http.post("/api/v1/search", json=body, headers=headers).status_code == 200


def test_answers_tell_browsers_to_trust_nothing_else(server: Server) -> None:
    for path in ("/", "/api/v1/info", "/nowhere", "/api/v1/sounds/r1/audio"):
        headers = server.http.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["x-frame-options"] == "DENY"
        assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2f..%2fetc%2fpasswd",
        "//etc/passwd",
        "/app.py",
        "/%2e%2e/server/app.py",
        "/api/v1/sounds/..%2f..%2fetc%2fpasswd/audio",
        "/api/v1/sounds/%2Fetc%2Fpasswd/audio",
        "/api/v1/sounds/r1%00/audio",
        "/api/v1/sounds/r-1/audio",
        "/api/v1/sounds/r9223372036854775808/audio",
        "/api/v1/sounds/u0123456789abcdef0123456789abcdef/audio",
    ],
)
def test_no_path_leads_out(server: Server, path: str) -> None:
    host, port = server.http.base_url.host, server.http.base_url.port
    with socket.create_connection((host, port or 80)) as raw:  # as it is, not tidied by a client
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while part := raw.recv(65536):
            answer += part
    assert answer.split()[1] in {b"404", b"422"}, answer
    assert b"root:" not in answer
    assert b"create_app" not in answer


def test_names_sent_with_uploads_lead_nowhere(server: Server, tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.wav", make_noise())
    for name in ("../../../etc/x.wav", "/etc/passwd", "..\\..\\x.wav", "\0.wav", "a" * 4000, ""):
        sound = server.upload(path, name or " ")
        assert "/" not in sound["name"]
        assert "\\" not in sound["name"]
        assert len(sound["name"]) <= 200
        heard = server.http.get(f"/api/v1/sounds/{sound['id']}/audio").content
        assert np.array_equal(soundfile.read(io.BytesIO(heard))[0], soundfile.read(path)[0])


def test_uploads_are_capped_in_bytes_and_seconds(demo: Soundkin, tmp_path: Path) -> None:
    long = write_sound(tmp_path / "long.flac", 0 * make_noise(40, rate=8000), rate=8000)
    with serve(demo, "--max-upload-mb", 1, "--max-upload-s", 30) as server:
        problem = server.problem("POST", "/api/v1/sounds", 413, content=bytes(2 << 20))
        assert "1 MB" in problem["detail"]

        def drip():
            for _ in range(64):
                yield bytes(1 << 16)

        assert server.problem("POST", "/api/v1/search/upload", 413, content=drip())
        form = {"file": ("a.wav", bytes(3 << 20))}
        assert server.problem("POST", "/api/v1/sounds", 413, files=form)
        problem = server.problem("POST", "/api/v1/sounds", 422, content=long.read_bytes())
        assert "30 s are taken" in problem["detail"]
        big = {"ids": ["r1"] * 600_000}
        assert server.problem("POST", "/api/v1/favourites", 413, json=big)


def test_a_header_that_claims_hours_is_refused_by_what_is_there(
    server: Server, tmp_path: Path
) -> None:
    wav = bytearray(write_sound(tmp_path / "a.wav", make_noise()).read_bytes())
    wav[24:28] = struct.pack("<I", 2_000_000_000)
    problem = server.problem("POST", "/api/v1/sounds", 422, content=bytes(wav))
    assert "sample rate" in problem["detail"]
    assert server.problem("POST", "/api/v1/sounds", 422, content=b"")
    assert server.problem("POST", "/api/v1/sounds", 422, content=os.urandom(5000))


def test_a_playlist_in_disguise_opens_no_file(server: Server, tmp_path: Path) -> None:
    sound = write_sound(tmp_path / "secret.wav", make_noise(2))
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://{sound}\n#EXT-X-ENDLIST\n"
    for name in ("a.m3u8", "a.mp4", "a.ts", "a"):
        options = {"params": {"name": name}, "content": playlist.encode()}
        server.problem("POST", "/api/v1/sounds", 422, **options)
    for named in (f"'{sound}'", "secret.wav"):
        listing = f"ffconcat version 1.0\nfile {named}\n".encode()
        server.problem("POST", "/api/v1/sounds", 422, content=listing)
        (tmp_path / "list.mov").write_bytes(listing)
        with pytest.raises(AudioError):
            read_audio(tmp_path / "list.mov", RATE)


def test_only_so_many_uploads_are_kept_and_none_after_the_end(
    demo: Soundkin, tmp_path: Path
) -> None:
    path = write_sound(tmp_path / "a.wav", make_noise(0.2))
    spool = tmp_path / "spool"
    spool.mkdir()
    command = Soundkin(demo.library)
    command.env |= {"TMPDIR": str(spool)}
    with serve(command) as server:
        first = server.upload(path)
        for _ in range(64):
            server.upload(path)
        assert (
            "no such upload"
            in server.problem("GET", f"/api/v1/sounds/{first['id']}", 404)["detail"]
        )
        assert len(list(spool.glob("soundkin-*/*"))) == 2 * 64
    assert not list(spool.glob("soundkin-*"))


def test_a_decoder_that_dies_costs_one_upload(demo: Soundkin, tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.wav", make_sweep(1))
    with serve(demo) as server:
        server.upload(path)
        listed = subprocess.run(
            ["pgrep", "-P", str(server.process.pid)], capture_output=True, text=True, check=True
        )
        for pid in listed.stdout.split():
            os.kill(int(pid), signal.SIGKILL)
        responses = [
            server.http.post("/api/v1/sounds", content=path.read_bytes()) for _ in range(4)
        ]
        codes = [response.status_code for response in responses]
        assert codes.count(201) >= 2
        assert set(codes) <= {201, 422}
        assert server.upload(path)


def test_for_the_network_a_token_is_demanded(demo: Soundkin) -> None:
    with serve(demo, "--host", "0.0.0.0") as server:
        token = server.address.partition("?token=")[2]
        assert len(token) >= 24
        port = server.http.base_url.port
        base = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=base, timeout=30) as client:
            odd = {"cookie": b"soundkin=\xff; a"}
            assert client.get("/", headers=odd).status_code == 401
            for path in ("/", "/api/v1/info", "/api/v1/sounds/r1/audio", "/api/v1/openapi.json"):
                assert client.get(path).status_code == 401, path
            assert client.get("/?token=wrong").status_code == 401
            assert client.get(f"/api/v1/info?token={token}").status_code == 401
            bearer = {"authorization": f"Bearer {token}"}
            assert client.get("/api/v1/info", headers=bearer).json()["is_local"] is False
            entered = client.get(f"/?token={token}&q=1")
            assert entered.status_code == 303
            assert entered.headers["location"] == "/?q=1"
            cookie = entered.headers["set-cookie"].lower()
            assert "httponly" in cookie
            assert "samesite=strict" in cookie
            assert client.get("/api/v1/info").status_code == 200
            foreign = client.get("/api/v1/info", headers={"host": "evil.example"})
            assert foreign.status_code == 403
            assert client.post("/api/v1/reveal", json={"id": "r1"}).status_code == 403
            outside = {"kind": "index", "folders": ["/usr/share"]}
            assert client.post("/api/v1/jobs", json=outside).status_code == 403
            assert client.get("/", headers={"cookie": "a=\xff".encode()}).status_code in {
                401,
                404,
                200,
            }


def test_a_port_that_is_taken_is_told_in_a_line(demo: Soundkin) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = demo("serve", "--port", port, "--no-open", status=2)
    assert f"port {port}" in done.stderr
    assert "--port" in done.stderr
    assert "192.0.2.1" in demo("serve", "--host", "192.0.2.1", "--no-open", status=2).stderr


def test_sigterm_ends_it_in_order(demo: Soundkin, tmp_path: Path) -> None:
    command = Soundkin(demo.library)
    command.env |= {"TMPDIR": str(tmp_path)}
    process = command.start("serve", "--port", 0, "--no-open")
    assert process.stdout is not None
    assert process.stdout.readline().startswith("http://127.0.0.1:")
    assert list(tmp_path.glob("soundkin-serve-*"))
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert not list(tmp_path.glob("soundkin-serve-*"))
