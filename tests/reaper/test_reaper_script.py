"""The REAPER script, run in a fake of REAPER against the real server."""

from __future__ import annotations

import json
import shutil
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
AWKWARD = """it's a "$kick" `100 %` | né #1.flac"""
SOUNDS = ("bd_808", "bd_haus", "bd_tek", "drum_cymbal_open", "drum_cymbal_soft", "drum_snare_hard")
PART_S = 2.0, 2.24


@pytest.fixture(scope="module")
def kick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a kick among a few sounds, one of an awkward name."""
    folder = tmp_path_factory.mktemp("reaper") / "sounds"
    folder.mkdir()
    for name in SOUNDS:
        shutil.copy(DEMO_SOUNDS / f"{name}.flac", folder)
    shutil.copy(DEMO_SOUNDS / "bd_fat.flac", folder / AWKWARD)
    return folder / "bd_tek.flac"


@pytest.fixture(scope="module")
def guarded(kick: Path) -> Iterator[Server]:
    """Give a server of these sounds that wants a token."""
    command = Soundkin(kick.parent.with_name("library.sqlite"))
    command("index", kick.parent)
    with serve(command, "--token", "a-token") as running:
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


def read_names(outcome: dict[str, Any]) -> list[str]:
    """Read the names in the menu."""
    assert outcome["messages"] == []
    return [line.split("   ")[2] for line in outcome["menus"]]


def test_a_hit_comes_onto_a_new_track_at_the_cursor(
    guarded: Server, kick: Path, tmp_path: Path
) -> None:
    body = {"sounds": [{"id": guarded.find(kick.name)["id"]}], "fold": True}
    hits = guarded.post("/search", body)["hits"]
    names = [hit["name"] for hit in hits]
    pick = names.index(AWKWARD)
    item = describe_item(kick)
    outcome = play(tmp_path, state=keep(guarded), item=item, pick=pick + 1)
    assert read_names(outcome) == [
        name.encode().decode("latin-1").replace("|", "_") for name in names
    ]
    (track,) = outcome["tracks"]
    (item,) = track["items"]
    assert (item["D_POSITION"], item["B_LOOPSRC"]) == (7.5, 0)
    assert item["D_LENGTH"] == pytest.approx(hits[pick]["duration_s"])
    assert item["take"]["source"]["file"].encode("latin-1").decode() == hits[pick]["path"]
    assert item["take"]["D_STARTOFFS"] == pytest.approx(hits[pick]["start_s"])
    assert track["P_NAME"] == item["take"]["P_NAME"] == AWKWARD.encode().decode("latin-1")


@pytest.mark.parametrize(
    "stretch",
    [
        {"startoffs": 2.0, "playrate": 2.0, "length": 0.12},
        {"startoffs": 0.0, "length": 9.0, "section": {"offset": 2.0, "length": 0.24}},
        {"startoffs": 8.0, "length": 0.24, "loops": True},  # in the third round
        {
            "startoffs": 0.76,
            "length": 0.24,
            "section": {"offset": 1.0, "length": 2.0, "reversed": True},
        },
    ],
    ids=["faster", "section", "looped", "reversed"],
)
def test_only_what_the_item_plays_is_searched_for_in_a_file_of_any_name(
    guarded: Server, kick: Path, tmp_path: Path, stretch: dict[str, Any]
) -> None:
    rate = soundfile.info(kick).samplerate
    cymbal = kick.with_name("drum_cymbal_open.flac")
    struck, rushing = (
        soundfile.read(file, always_2d=True)[0].mean(axis=1) for file in (kick, cymbal)
    )
    parts = [np.resize(rushing, 2 * rate), struck[: round(0.24 * rate)], rushing[: rate // 2]]
    silence = np.zeros(3 * rate - sum(map(len, parts)))
    path = tmp_path / Path(AWKWARD).with_suffix(".wav")
    soundfile.write(path, np.concatenate([*parts, silence]), rate)
    outcome = play(tmp_path, state=keep(guarded), item=describe_item(path, **stretch))
    part = dict(zip(("start_s", "end_s"), PART_S, strict=True))
    sent = guarded.http.post("/api/v1/sounds", params=part, content=path.read_bytes()).json()
    body = {"sounds": [{"id": sent["id"], "whole": True}], "fold": True}
    found = guarded.post("/search", body)["hits"]
    assert found[0]["name"] == kick.name
    scores = [float(line.split()[0]) for line in outcome["menus"]]
    assert scores == [round(hit["score"], 2) for hit in found]
    assert outcome["tracks"] == []  # the menu was closed


def test_where_nobody_listens_the_address_is_asked_for_and_kept(
    guarded: Server, kick: Path, tmp_path: Path
) -> None:
    item = describe_item(kick)
    nowhere = {"soundkin/address": "http://127.0.0.1:9/"}
    outcome = play(tmp_path, state=nowhere, item=item, pick=1, answer=guarded.address)
    assert outcome["asked"] == ["http://127.0.0.1:9/"]
    assert outcome["state"] == keep(guarded)
    assert len(outcome["tracks"]) == 1
    refused = play(tmp_path, state=nowhere, item=item)
    assert (refused["messages"], refused["tracks"]) == ([], [])


def test_what_cannot_be_done_is_said(guarded: Server, kick: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.wav"
    text.write_text("no sound")
    item = describe_item(kick)
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
