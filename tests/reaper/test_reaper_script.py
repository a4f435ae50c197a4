"""The REAPER script, run in a fake of REAPER against the real server."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from conftest import DEMO_SOUNDS, Soundkin
from needed import find_program
from serving import Server, serve

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "reaper" / "soundkin.lua"
FAKE = Path(__file__).with_name("fake_reaper.lua")
NEEDED = "REAPER's script needs Lua, luacheck and curl: apt-get install lua5.4 lua-check curl"
KICK = DEMO_SOUNDS / "bd_tek.flac"
AWKWARD = """it's a "$kick" `100 %` | né #1.wav"""


@pytest.fixture(scope="module")
def guarded(demo: Soundkin) -> Iterator[Server]:
    """Give a server of the demo sounds that wants a token."""
    with serve(demo, "--token", "a-token") as running:
        running.http.headers["authorization"] = "Bearer a-token"
        yield running


def write_lua(value: Any) -> str:
    """Write a value as Lua has it."""
    if isinstance(value, dict):
        fields = (f"[{write_lua(key)}]={write_lua(one)}" for key, one in value.items())
        return "{" + ",".join(fields) + "}"
    if isinstance(value, str):
        return '"' + "".join(f"\\{byte:03d}" for byte in value.encode()) + '"'
    return json.dumps(value)


def play(folder: Path, **scene: Any) -> dict[str, Any]:
    """Run the script in a project, and read what came of it."""
    find_program("curl", words=NEEDED)
    lua = find_program("lua5.4", "lua5.3", words=NEEDED)
    file = folder / "scene.lua"
    file.write_text("return " + write_lua({"resources": str(folder), "cursor": 7.5} | scene))
    done = subprocess.run(
        [lua, FAKE, SCRIPT, file], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert not (folder / "soundkin-request.txt").exists()  # the token is in it
    outcome: dict[str, Any] = json.loads(done.stdout)
    return outcome


def describe_item(path: Path, **more: Any) -> dict[str, Any]:
    length_s = soundfile.info(path).duration
    return {"file": {"path": str(path), "length": length_s}, "length": length_s} | more


def keep(server: Server) -> dict[str, str]:
    """The address, as REAPER keeps it for the script."""
    return {"soundkin/address": server.address}


def test_luacheck_finds_nothing() -> None:
    luacheck = find_program("luacheck", words=NEEDED)
    for path in (SCRIPT, FAKE):
        config = path.with_name(".luacheckrc")
        done = subprocess.run(
            [luacheck, "--no-color", "--config", config, path],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


def test_a_hit_comes_onto_a_new_track_at_the_cursor(guarded: Server, tmp_path: Path) -> None:
    outcome = play(tmp_path, state=keep(guarded), item=describe_item(KICK), pick=2)
    body = {"sounds": [{"id": guarded.find(KICK.name)["id"]}], "fold": True}
    hits = guarded.post("/search", body)["hits"]
    assert outcome["messages"] == []
    assert [line.split("   ")[2] for line in outcome["menus"]] == [hit["name"] for hit in hits]
    (track,) = outcome["tracks"]
    (item,) = track["items"]
    assert (item["D_POSITION"], item["B_LOOPSRC"]) == (7.5, 0)
    assert item["D_LENGTH"] == pytest.approx(hits[1]["duration_s"])
    assert item["take"]["source"]["file"] == hits[1]["path"]
    assert item["take"]["D_STARTOFFS"] == pytest.approx(hits[1]["start_s"])
    assert track["P_NAME"] == item["take"]["P_NAME"] == hits[1]["name"]


@pytest.mark.parametrize(
    "stretch",
    [
        {"startoffs": 2.0, "playrate": 2.0, "length": 0.12},
        {"startoffs": 0.0, "length": 9.0, "section": {"offset": 2.0, "length": 0.24}},
        {"startoffs": 8.0, "length": 0.24, "loops": True},  # in the third round
        {
            "startoffs": 1.0,
            "length": 0.24,
            "section": {"offset": 1.0, "length": 2.24, "reversed": True},
        },
    ],
    ids=["faster", "section", "looped", "reversed"],
)
def test_only_what_the_item_plays_is_searched_for_in_a_file_of_any_name(
    guarded: Server, tmp_path: Path, stretch: dict[str, Any]
) -> None:
    kick, rate = soundfile.read(KICK)
    other, _ = soundfile.read(DEMO_SOUNDS / "drum_cymbal_open.flac")
    parts = [np.resize(other, 2 * rate), np.resize(kick, round(0.24 * rate)), other[: rate // 2]]
    path = tmp_path / AWKWARD
    both = np.concatenate([*parts, np.zeros(round(0.26 * rate))])  # 3 s
    soundfile.write(path, both, rate)
    outcome = play(tmp_path, state=keep(guarded), item=describe_item(path, **stretch))
    assert outcome["messages"] == []
    assert KICK.name in outcome["menus"][0]
    assert outcome["tracks"] == []  # the menu was closed


def test_where_nobody_listens_the_address_is_asked_for_and_kept(
    guarded: Server, tmp_path: Path
) -> None:
    item = describe_item(KICK)
    nowhere = {"soundkin/address": "http://127.0.0.1:9/"}
    outcome = play(tmp_path, state=nowhere, item=item, pick=1, answer=guarded.address)
    assert outcome["asked"] == ["http://127.0.0.1:9/"]
    assert outcome["state"] == keep(guarded)
    assert len(outcome["tracks"]) == 1
    refused = play(tmp_path, state=nowhere, item=item)
    assert (refused["messages"], refused["tracks"]) == ([], [])


def test_what_cannot_be_done_is_said(guarded: Server, tmp_path: Path) -> None:
    text = tmp_path / "text.wav"
    text.write_text("no sound")
    item = describe_item(KICK)
    without_token = {"soundkin/address": str(guarded.http.base_url)}
    scenes: list[tuple[dict[str, Any], str]] = [
        ({}, "select an item first"),
        ({"item": item | {"midi": True}}, "no sound"),
        ({"item": item | {"startoffs": 5.0}}, "plays nothing of its file"),
        ({"item": {"file": {"path": str(text), "length": 1.0}, "length": 1.0}}, "text.wav"),
        ({"item": item, "state": without_token}, "open the address that `soundkin serve` printed"),
    ]
    for scene, words in scenes:
        outcome = play(tmp_path, **({"state": keep(guarded)} | scene))
        assert len(outcome["messages"]) == 1, scene
        assert words in outcome["messages"][0]
        assert outcome["tracks"] == []
