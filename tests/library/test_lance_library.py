"""A library in Lance tables behaves as one in an SQLite file."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from conftest import DEMO_SOUNDS, Soundkin
from serving import serve

if find_spec("lance") is None:
    pytest.skip("needs: pip install 'soundkin[cluster]'", allow_module_level=True)
SOUND = DEMO_SOUNDS / "drum_cymbal_open.flac"


@pytest.fixture
def lance(demo: Soundkin, tmp_path: Path) -> Soundkin:
    """Give the command with a Lance library of the demo sounds, and a cache of its own."""
    command = Soundkin(tmp_path / "library.lance")
    command.env["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    command("convert", demo.library, command.library)
    return command


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> Soundkin:
    """Give an SQLite library with tags, a copy, a failure, and a recording taken out."""
    folder = tmp_path_factory.mktemp("tagged")
    sounds = folder / "sounds"
    sounds.mkdir()
    for path in sorted(DEMO_SOUNDS.glob("*.flac"))[:8]:
        (sounds / path.name).write_bytes(path.read_bytes())
    first = sorted(sounds.iterdir())[0]
    (sounds / "copy.flac").write_bytes(first.read_bytes())
    (sounds / "broken.wav").write_bytes(b"no sound at all")
    command = Soundkin(folder / "library.sqlite")
    command("index", sounds)
    command("tag", sounds, "--add", "it's dry")
    command("remove", sorted(sounds.iterdir())[3])
    return command


def test_the_same_hits_come_from_either_kind_of_library(demo: Soundkin, lance: Soundkin) -> None:
    for options in (["--per-recording", 2], ["--exclude-self", "--max-duration", 1], ["--exact"]):
        rows = [library.json("search", SOUND, *options) for library in (demo, lance)]
        for row in rows[0] + rows[1]:
            row.pop("id", None)
        assert rows[0] == rows[1]
        assert len(rows[0]) > 3


def test_the_index_of_lance_finds_what_an_exact_search_finds(lance: Soundkin) -> None:
    script = (
        "import sys, soundkin\n"
        "with soundkin.open_library(sys.argv[1]) as library:\n"
        "    library.index_kind = 'lists'\n"
        "    library.renew_index()"
    )
    subprocess.run([sys.executable, "-c", script, lance.library], env=lance.env, check=True)
    facts = lance.json("info")[0]["index"]
    assert facts["kind"] in {"lists", "scan"}
    assert facts["disk_bytes"] > 0
    assert facts["recall"] >= 0.98
    assert lance.json("search", SOUND) == lance.json("search", SOUND, "--exact")


def test_info_list_dups_and_map_say_the_same(tagged: Soundkin, tmp_path: Path) -> None:
    lance = Soundkin(tmp_path / "library.lance")
    lance.env["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    lance("convert", tagged.library, lance.library)
    for command in (["list"], ["list", "--failed"], ["dups"], ["list", "--tag", "it's dry"]):
        rows = [library.json(*command) for library in (tagged, lance)]
        for row in rows[0] + rows[1]:
            row.pop("id", None)
        assert rows[0] == rows[1], command
    facts = [library.json("info")[0] for library in (tagged, lance)]
    for name in ("model", "n_recordings", "n_failed", "n_contents", "n_segments", "tags"):
        assert facts[0][name] == facts[1][name]
    assert len(lance.json("map")) == facts[0]["n_recordings"]


def test_a_library_survives_the_way_there_and_back(tagged: Soundkin, tmp_path: Path) -> None:
    there, back = tmp_path / "there.lance", tmp_path / "back.sqlite"
    command = Soundkin(back)
    command.env["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    command("convert", tagged.library, there)
    command("convert", there, back)
    assert _dump(back) == _dump(tagged.library)
    assert command("index").stdout.startswith("1 embedded")  # what was taken out


def _dump(path: Path) -> dict[str, list[object]]:
    """Read all that a library holds, but for ids."""
    import sqlite3

    queries = {
        "recordings": "SELECT path, size, mtime_ns, error, hash FROM recordings LEFT JOIN contents"
        " ON contents.id = content_id ORDER BY path",
        "contents": "SELECT hash, duration_s, sample_rate, n_channels, format, warning, levels,"
        " vectors, loudness_lufs, pitch_hz, tempo_bpm FROM contents JOIN facts ON content = id"
        " ORDER BY hash",
        "tags": "SELECT tag, path FROM tags JOIN recordings ON recordings.id = recording_id"
        " ORDER BY path",
        "folders": "SELECT path FROM folders",
        "meta": "SELECT model_hash, model_config, index_kind FROM meta",
    }
    connection = sqlite3.connect(path)
    try:
        return {name: connection.execute(sql).fetchall() for name, sql in queries.items()}
    finally:
        connection.close()


def test_tags_go_to_the_tables_and_another_machine_sees_them(
    lance: Soundkin, tmp_path: Path
) -> None:
    other = Soundkin(lance.library)
    other.env["XDG_CACHE_HOME"] = str(tmp_path / "another cache")
    assert other("tag").stdout == ""
    lance("tag", SOUND, "--add", "bright", "--add", "it's")
    assert other("tag").stdout.splitlines() == ["1\tbright", "1\tit's"]
    other("tag", SOUND, "--remove", "bright")
    assert lance("tag").stdout.splitlines() == ["1\tit's"]
    lance("remove", SOUND)
    assert other("tag").stdout == ""
    assert len(other.paths()) == len(lance.paths()) == 57
    assert str(SOUND) not in other.paths()


def test_what_is_for_files_alone_says_so(lance: Soundkin, tmp_path: Path) -> None:
    for command in (["verify"], ["backup", tmp_path / "b"], ["restore", tmp_path / "b"]):
        told = lance(*command, status=2).stderr
        assert told.count("\n") == 1
        assert "soundkin convert" in told


def test_a_damaged_mirror_is_made_anew(lance: Soundkin, tmp_path: Path) -> None:
    before = lance.paths()
    mirrors = list((tmp_path / "cache").rglob("library.sqlite"))
    assert len(mirrors) == 1
    mirrors[0].write_bytes(b"not a database, whatever it was before" * 300)
    assert lance.paths() == before


def test_the_page_serves_a_lance_library_and_keeps_what_it_is_told(lance: Soundkin) -> None:
    with serve(lance) as server:
        cymbal = server.find("drum_cymbal_open")
        body = {"sounds": [{"id": cymbal["id"]}], "exclude_self": False}
        found = server.post("/search", body)
        assert found["hits"][0]["path"] == cymbal["path"]
        query = {"name": "crash", "sounds": [{"id": cymbal["id"]}]}
        kept = server.post("/concepts", query, status=201)
    with serve(lance) as server:
        assert server.get("/concepts") == [kept]
        by_name = server.post("/search", {"sounds": [{"id": kept["id"]}], "exclude_self": False})
        assert by_name["hits"][0]["path"] == found["hits"][0]["path"]


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['lance'] = sys.modules['ray'] = None;"
        "from soundkin.cli import main; main()"
    )
    for arguments in (
        ["info", "--library", "x.lance"],
        ["search", "a.wav", "--library", "s3://bucket/x"],
        ["index", ".", "--cluster", "--library", "x.lance"],
        ["index", ".", "--cluster"],
    ):
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert "pip install 'soundkin[cluster]'" in done.stderr


def test_names_and_addresses_that_make_no_sense_are_refused(
    soundkin: Soundkin, tmp_path: Path
) -> None:
    for arguments, words in (
        (["info", "--library", tmp_path / "none.lance"], "no library there"),
        (["convert", tmp_path / "a.lance", tmp_path / "b.lance"], "of one kind"),
        (["convert", tmp_path / "none.lance", tmp_path / "b.sqlite"], "no library there"),
        (["index", DEMO_SOUNDS, "--cluster", "--library", "x.sqlite"], "name"),
        (["index", "--cluster", DEMO_SOUNDS], "write --cluster after all folders"),
        (["index", DEMO_SOUNDS, "--library", tmp_path / "new.lance"], "--cluster"),
    ):
        assert words in soundkin(*arguments, status=2, cwd=tmp_path).stderr


def test_a_search_in_a_file_loads_neither_lance_nor_arrow(demo: Soundkin) -> None:
    script = (
        "import sys; from soundkin.cli import main\n"
        "try: main()\n"
        "except SystemExit: print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", "import json;" + script, "search", SOUND, "--json"],
        env=demo.env,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert not {"lance", "pyarrow", "ray", "fsspec"} & set(loaded)
