"""The real server in a process of its own, on a real port, and a client of its API."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from conftest import Soundkin

JSON = dict[str, Any]


class Server:
    """A running `soundkin serve`."""

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self.process = process
        self.address = address
        self.http = httpx.Client(base_url=address.split("?")[0], timeout=60)

    def get(self, path: str, **query: Any) -> Any:
        """Get JSON from below /api/v1, which must be there."""
        response = self.http.get(f"/api/v1{path}", params=query)
        assert response.status_code == 200, response.text
        return response.json()

    def post(self, path: str, body: Any, *, status: int = 200) -> Any:
        """Post JSON below /api/v1, and read JSON."""
        response = self.http.post(f"/api/v1{path}", json=body)
        assert response.status_code == status, response.text
        return response.json() if response.content else None

    def problem(self, method: str, path: str, status: int, **options: Any) -> JSON:
        """Ask for what is refused, and read the problem."""
        response = self.http.request(method, path, **options)
        assert response.status_code == status, response.text
        assert response.headers["content-type"] == "application/problem+json"
        problem: JSON = response.json()
        assert problem["status"] == status
        assert problem["type"].startswith("urn:soundkin:")
        assert problem["title"]
        assert problem["detail"]
        return problem

    def upload(self, path: Path, name: str | None = None) -> JSON:
        """Send a file as the bytes of a body."""
        response = self.http.post(
            "/api/v1/sounds", params={"name": name or path.name}, content=path.read_bytes()
        )
        assert response.status_code == 201, response.text
        sound: JSON = response.json()
        return sound

    def find(self, name: str) -> JSON:
        """Find a recording by letters of its path, as they stand there."""
        named = self.get("/recordings", text=name, limit=1000)["recordings"]
        found = [one for one in named if name.lower() in one["path"].lower()]
        assert len(found) == 1, found
        recording: JSON = found[0]
        return recording

    def follow(self, job_id: str) -> Iterator[tuple[str, JSON]]:
        """Yield a job's news, server-sent, to the last."""
        with self.http.stream("GET", f"/api/v1/jobs/{job_id}/events") as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            event = ""
            for line in response.iter_lines():
                key, _, value = line.partition(": ")
                if key == "event":
                    event = value
                elif key == "data":
                    yield event, json.loads(value)

    def index(self, *folders: Path) -> JSON:
        """Index folders by a job, to its end."""
        body = {"kind": "index", "folders": [str(folder) for folder in folders]}
        job = self.post("/jobs", body, status=201)
        return list(self.follow(job["id"]))[-1][1]


@contextmanager
def serve(command: Soundkin, *options: Any) -> Iterator[Server]:
    """Start a server on a free port; end it as Ctrl-C does, which must go well."""
    process = command.start("serve", "--port", 0, "--no-open", *options)
    assert process.stdout is not None
    server = Server(process, process.stdout.readline().strip())
    try:
        yield server
    finally:
        server.http.close()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    assert errors.strip() == "Ctrl-C ends it.", errors
