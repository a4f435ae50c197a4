"""The OpenAPI of `soundkin serve`: true to what is answered, whatever is asked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from conftest import Soundkin
from serving import Server, serve
from sounds import make_noise, make_tone, write_sound

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
CHECKS = "not_a_server_error,content_type_conformance,response_schema_conformance"


def test_nothing_that_is_asked_breaks_it(soundkin: Soundkin, folder: Path, tmp_path: Path) -> None:
    for seed in range(4):
        write_sound(folder / f"{seed}.wav", make_noise(0.6, seed))
    write_sound(folder / "tone.wav", make_tone(500))
    soundkin("index", folder)
    with serve(soundkin) as server:
        done = subprocess.run(
            [
                *(SCHEMATHESIS, "run", f"{server.address}api/v1/openapi.json"),
                *("--phases", "examples,fuzzing", "--max-examples", "8", "--max-time", "12"),
                *("--checks", CHECKS, "--exclude-path", "/api/v1/reveal"),
                *("--request-timeout", "30", "--seed", "1", "--continue-on-failure", "--no-color"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        assert "Selected: " in done.stdout
        assert server.get("/info")["n_recordings"] == 5


def test_everything_is_described_with_examples(server: Server) -> None:
    schema = server.get("/openapi.json")
    assert len(schema["paths"]) > 20
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert operation["summary"], where
            assert operation["description"], where
            problem = operation["responses"]["4XX"]["content"]
            assert list(problem) == ["application/problem+json"], where
            assert any(code.startswith("2") for code in operation["responses"]), where
    search = schema["components"]["schemas"]["SearchRequest"]
    assert search["examples"][0]["sounds"]
    assert "HTTPValidationError" not in schema["components"]["schemas"]
