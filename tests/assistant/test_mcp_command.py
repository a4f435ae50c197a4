"""`soundkin mcp`: what an assistant may search and change, asked by the protocol's own client."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import soundfile
from anyio.from_thread import BlockingPortal, start_blocking_portal

from conftest import COMMAND, Soundkin
from needed import require_package
from sounds import make_noise, make_tone, write_sound

READING = {"library_info", "list_recordings", "list_tags", "search", "find"}
WRITING = {"tag", "export", "copy"}
OUTSIDE = "outside of the library's folders"
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


@dataclass(frozen=True)
class Grounds:
    """A library of a few sounds, and what lies beside its folder."""

    command: Soundkin
    folder: Path
    outside: Path


@pytest.fixture(scope="module")
def grounds(tmp_path_factory: pytest.TempPathFactory) -> Grounds:
    """Give a library with a file that is not indexed, and links that lead out of its folder."""
    require_package("mcp", "needs: pip install 'soundkin[mcp]'")
    top = tmp_path_factory.mktemp("mcp")
    folder, outside = top / "sounds", top / "outside"
    (folder / "a").mkdir(parents=True)
    (folder / "b").mkdir()
    outside.mkdir()
    for hz in (300, 320, 900):
        write_sound(folder / "a" / f"tone {hz}.wav", make_tone(hz))
    write_sound(folder / "b" / "tone 900.wav", make_noise())
    undecodable = Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.wav"))
    write_sound(undecodable, make_noise(1, 3))
    command = Soundkin(top / "library.sqlite")
    command("index", folder)
    command("tag", folder / "b", "--add", "hiss")
    (folder / "bats").mkdir()
    write_sound(folder / "bats" / "bat.wav", make_noise(1, 5))
    command("index", folder / "bats", "--slow", 10)
    write_sound(folder / "bats" / "new bat.wav", make_noise(1, 6))
    write_sound(folder / "new.wav", make_tone(310))
    write_sound(outside / "secret.wav", make_tone(500))
    (folder / "link.wav").symlink_to(outside / "secret.wav")
    (folder / "link").symlink_to(outside)
    return Grounds(command, folder, outside)


class Session:
    """A client of the protocol at a running `soundkin mcp`."""

    def __init__(self, portal: BlockingPortal, client: Any) -> None:
        self._portal = portal
        self._client = client
        self.tools = {tool.name: tool for tool in portal.call(client.list_tools).tools}

    def call(self, name: str, **words: Any) -> Any:
        """Call a tool, and read its answer, which must be no error."""
        answer = self._portal.call(self._client.call_tool, name, words)
        assert not answer.is_error, answer.content
        return answer.structured_content

    def refused(self, name: str, **words: Any) -> str:
        """Call a tool, and read the words of its error, of one line."""
        answer = self._portal.call(self._client.call_tool, name, words)
        assert answer.is_error, answer
        told = str(answer.content[0].text)
        assert "\n" not in told
        return told


@contextmanager
def converse(grounds: Grounds, *options: str, mode: str = "auto") -> Iterator[Session]:
    """Start the command, and end it as clients do."""
    from mcp import Client, StdioServerParameters, stdio_client

    env = {"SOUNDKIN_LIBRARY": str(grounds.command.library)}
    env |= {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    start = StdioServerParameters(command=str(COMMAND), args=["mcp", *options], env=env)
    with start_blocking_portal() as portal:
        made = Client(stdio_client(start), mode=mode)
        with portal.wrap_async_context_manager(made) as client:
            yield Session(portal, client)


@pytest.fixture(scope="module")
def reader(grounds: Grounds) -> Iterator[Session]:
    """Give a session that may only read."""
    with converse(grounds) as session:
        yield session


def test_an_assistant_searches_and_finds_by_names_ids_and_regions(
    grounds: Grounds, reader: Session
) -> None:
    whole = str(grounds.folder / "a" / "tone 300.wav")
    info = reader.call("library_info")
    folders = [str(grounds.folder), str(grounds.folder / "bats")]
    assert (info["n_recordings"], info["folders"]) == (6, folders)
    assert reader.call("list_tags")["result"] == [{"tag": "hiss", "count": 1}]
    toned = reader.call("list_recordings", words="tone -320", folders=["a"])["recordings"]
    assert [one["name"] for one in toned] == ["tone 300.wav", "tone 900.wav"]
    hissing = reader.call("list_recordings", tags=["hiss"])["recordings"]
    assert [one["folder"] for one in hissing] == [str(grounds.folder / "b")]

    def search(sound: str, region: dict[str, float] | None = None, **more: Any) -> list[Any]:
        found = reader.call("search", sounds=[{"sound": sound} | (region or {})], **more)
        assert found["verdict"]["word"] in {"many", "some", "none"}
        return list(found["hits"])

    assert [hit["name"] for hit in search("tone 300.wav", top_k=1)] == ["tone 320.wav"]
    assert search(toned[0]["id"], {"start_s": 0.2, "end_s": 0.7})[0]["name"] == "tone 320.wav"
    new = search("new.wav", {"end_s": 0.5}, filters={"name": "3"})
    assert {hit["name"] for hit in new} == {"tone 300.wav", "tone 320.wav"}
    (hiss,) = search("a/tone 900.wav", filters={"tags": ["hiss"], "folders": ["b"]})
    assert hiss["folder"] == str(grounds.folder / "b")
    found = reader.call("find", sounds=[{"sound": "tone 300.wav"}], within=[whole])
    assert {event["path"] for event in found["events"]} == {whole}
    (odd,) = reader.call("list_recordings", words="caf")["recordings"]
    assert odd["name"] == "caf?.wav"  # \xe9, which is no UTF-8
    assert search(odd["id"])


def test_no_path_leads_out_of_the_librarys_folders(grounds: Grounds, reader: Session) -> None:
    folder, outside = grounds.folder, grounds.outside
    ways = [
        outside / "secret.wav",
        outside / "not there.wav",  # the same words: whether it is there is nobody's business
        folder / ".." / "outside" / "secret.wav",
        "../outside/secret.wav",
        folder / "link.wav",
        "link.wav",
        folder / "link" / "secret.wav",
        folder / "link" / ".." / "outside" / "secret.wav",
        f"{folder}-not/x.wav",
        "/etc/passwd",
        "~/secret.wav",
    ]
    for way in map(str, ways):
        assert OUTSIDE in reader.refused("search", sounds=[{"sound": way}])
    assert OUTSIDE in reader.refused("find", sounds=[{"sound": "r1"}], within=[str(ways[0])])


def test_what_cannot_be_done_is_said_and_the_session_goes_on(
    grounds: Grounds, reader: Session
) -> None:
    (grounds.folder / "text.wav").write_text("no sound")
    asked: list[tuple[dict[str, Any], str]] = [
        ({"sounds": [{"sound": "tone 900.wav"}]}, "2 recordings end so"),
        ({"sounds": [{"sound": "r999"}]}, "no such recording in the library"),
        ({"sounds": [{"sound": "u" + "0" * 32}]}, "no such upload"),
        ({"sounds": [{"sound": "nothing.wav"}]}, "no such recording, nor a file"),
        ({"sounds": [{"sound": str(grounds.folder)}]}, "no such recording, nor a file"),
        ({"sounds": [{"sound": "text.wav"}]}, "text.wav: "),
        ({"sounds": [{"sound": "bats/new bat.wav"}]}, "10 times slower in this folder; index it"),
        ({"sounds": [{"sound": "new.wav", "start_s": 2, "end_s": 1}]}, "new.wav"),
        ({"sounds": [{"sound": "r1"}], "filters": {"folders": ["c"]}}, "no such folder"),
        ({"sounds": [{"sound": "r1"}], "filters": {"tags": ["x"]}}, "no recording passes"),
        ({"sounds": [{"sound": "a\0b"}]}, "give a whole path"),
    ]
    for words, message in asked:
        told = reader.refused("search", **words)
        assert message in told, words
        assert "soundkin-serve" not in told


def test_nothing_is_changed_without_write(grounds: Grounds, reader: Session) -> None:
    assert set(reader.tools) == READING
    assert all(tool.annotations.read_only_hint for tool in reader.tools.values())
    assert all(tool.description and tool.output_schema for tool in reader.tools.values())
    before = sorted(grounds.folder.rglob("*"))
    kit = str(grounds.folder / "kit")
    for name, words in (
        ("tag", {"sounds": ["r1"], "add": ["x"]}),
        ("export", {"hits": [{"sound": "r1"}], "format": "m3u", "path": f"{kit}.m3u8"}),
        ("copy", {"sounds": [{"sound": "r1"}], "folder": kit}),
    ):
        assert "Unknown tool" in reader.refused(name, **words)
    assert sorted(grounds.folder.rglob("*")) == before
    assert grounds.command("tag").stdout == "1\thiss\n"


def test_with_write_it_tags_exports_and_copies_and_overwrites_nothing(grounds: Grounds) -> None:
    folder, outside = grounds.folder, grounds.outside
    tone = folder / "a" / "tone 320.wav"
    listing, kit = folder / "out" / "hits.csv", str(folder / "kit")
    write_sound(folder / "changed.wav", make_tone(700))
    grounds.command("index", folder)
    write_sound(folder / "changed.wav", make_tone(800, 2))
    write_sound(folder / "later.wav", make_tone(640))
    hits = [{"sound": "tone 320.wav", "start_s": 0.25, "duration_s": 0.5, "score": 0.9}]
    copies: list[dict[str, Any]] = [{"sound": str(tone)}, {"sound": str(tone)}]
    copies += [{"sound": str(tone), "start_s": 0.25, "end_s": 0.75}]
    with converse(grounds, "--write", mode="legacy") as session:
        assert set(session.tools) == READING | WRITING
        assert {
            n for n, tool in session.tools.items() if tool.annotations.read_only_hint
        } == READING
        assert session.call("tag", sounds=["tone 320.wav"], add=[" mine "]) == {"changed": 1}
        table = {"hits": hits, "format": "csv"}
        assert session.call("export", path=str(listing), **table) == {"path": str(listing)}
        paths = list(map(Path, session.call("copy", sounds=copies, folder=kit)["files"]))
        for path, message in (
            (listing, "it is there already"),
            (folder / "hits.wav", "is called .csv"),
            (outside / "hits.csv", OUTSIDE),
            (folder / "link" / "hits.csv", OUTSIDE),
            (f"{folder}/../hits.csv", OUTSIDE),
            ("hits.csv", "give a whole path"),
        ):
            assert message in session.refused("export", path=str(path), **table)
        for target in (outside / "kit", folder / "link" / "kit"):
            assert OUTSIDE in session.refused("copy", sounds=copies, folder=str(target))
        changed = session.refused("copy", sounds=[{"sound": "changed.wav"}], folder=kit)
        assert "changed since; index it again" in changed
        assert "not indexed yet" in session.refused("tag", sounds=["later.wav"], add=["x"])
    assert "1\tmine" in grounds.command("tag").stdout.splitlines()
    assert f"{tone},0.25,0.5" in listing.read_text("utf-8")
    assert [path.name for path in paths] == [tone.name, "tone 320 2.wav", "tone 320 0.250s.wav"]
    assert paths[0].read_bytes() == paths[1].read_bytes() == tone.read_bytes()
    part, rate = soundfile.read(paths[2])
    assert part == pytest.approx(soundfile.read(tone)[0][rate // 4 : 3 * rate // 4], abs=1e-6)
    assert [path.name for path in outside.iterdir()] == ["secret.wav"]


def test_it_ends_at_once_and_leaves_nothing(grounds: Grounds, tmp_path: Path) -> None:
    for ending in (signal.SIGTERM, None):
        grounds.command.env["TMPDIR"] = str(tmp_path)
        process = grounds.command.start("mcp", stdin=subprocess.PIPE)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(HELLO) + "\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["result"]["serverInfo"]["name"] == "soundkin"
        assert list(tmp_path.iterdir())  # what would be left
        if ending is not None:
            process.send_signal(ending)
            process.wait(30)
        _, errors = process.communicate(timeout=30)  # which closes standard input
        assert (process.returncode, errors) == (0, "")
        assert not list(tmp_path.iterdir())


def test_without_the_package_the_fix_is_said(demo: Soundkin) -> None:
    code = "import sys; sys.modules['mcp'] = None; from soundkin.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "mcp"], env=demo.env, capture_output=True, text=True
    )
    assert done.returncode == 2
    fix = "install it with: pip install 'soundkin[mcp]'"
    assert done.stderr == f"soundkin: soundkin mcp needs more; {fix}\n"
