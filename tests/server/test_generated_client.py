"""A typed client that a generator makes of the OpenAPI document, at work on a real server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from conftest import Soundkin
from needed import require_package
from serving import Server, serve
from sounds import make_noise, make_tone, write_sound

# What is bytes to a client; the generator knows JSON, text and octet streams by themselves.
CONFIG = {
    "post_hooks": [],
    "content_type_overrides": dict.fromkeys(
        ("application/gzip", "application/zip", "image/png"), "application/octet-stream"
    ),
}


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a server of a few sounds, which may be tagged."""
    folder = tmp_path_factory.mktemp("client")
    for hz in (300, 320, 900):
        write_sound(folder / f"tone {hz}.wav", make_tone(hz))
    write_sound(folder / "noise.wav", make_noise())
    command = Soundkin(folder / "library.sqlite")
    command("index", folder)
    with serve(command) as running:
        yield running


@pytest.fixture
def client(own_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Generate the client, without one warning, and give it."""
    require_package("openapi_python_client", "needs: pip install openapi-python-client")
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning"),
            *("--url", f"{own_server.address}api/v1/openapi.json", "--meta", "none"),
            *("--output-path", "soundkin_client", "--config", "config.json"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    monkeypatch.syspath_prepend(str(tmp_path))
    made = import_module("soundkin_client").Client(base_url=own_server.address.rstrip("/"))
    with made as running:
        yield running
    for name in [name for name in sys.modules if name.split(".")[0] == "soundkin_client"]:
        del sys.modules[name]


def test_a_generated_client_reads_searches_and_tags(own_server: Server, client: Any) -> None:
    models = import_module("soundkin_client.models")

    def call(where: str, **words: Any) -> Any:
        return import_module(f"soundkin_client.api.{where}").sync(client=client, **words)

    info = call("library.get_info")
    assert isinstance(info, models.InfoResponse)
    assert (info.n_recordings, info.model.name) == (4, own_server.get("/info")["model"]["name"])
    (tone,) = call("library.list_recordings", text="tone 300").recordings
    assert (tone.name, tone.n_channels) == ("tone 300.wav", 1)
    query = models.SearchRequest(sounds=[models.PartRequest(id=tone.id, end_s=0.5)], top_k=2)
    found = call("search.search", body=query)
    assert (found.hits[0].rank, found.hits[0].name) == (1, "tone 320.wav")
    assert found.verdict.word in {"many", "some", "none"}

    words = models.TagRequest(ids=[tone.id], add=["hum"])
    assert call("library.edit_tags", body=words).changed == 1
    assert call("library.edit_tags", body=words).changed == 0
    (tagged,) = call("library.list_recordings", tag="hum").recordings
    assert (tagged.id, tagged.tags) == (tone.id, ["hum"])
    problem = call("sounds.get_sound", sound_id="r999")
    assert isinstance(problem, models.ProblemResponse)
    assert (problem.status, problem.type_) == (404, "urn:soundkin:not-found")


def test_operations_and_schemas_have_names_of_their_own(own_server: Server) -> None:
    document = own_server.get("/openapi.json")
    operations = [one for path in document["paths"].values() for one in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names) > 20
    assert not [name for name in document["components"]["schemas"] if "__" in name]  # two of a name
    assert {"search", "find", "get_info", "list_recordings", "edit_tags"} <= set(names)
