"""What others install: the wheel's contents, the same to the bit each time, and that it runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

import soundkin
from archives import unpack_tar
from conftest import DEMO_SOUNDS

ROOT = Path(__file__).parents[2]
VERSIONS = ROOT / "tests" / "library" / "versions"
MAX_BYTES = 8 << 20
NEEDED = {
    "soundkin/embedding/models/kin.onnx",
    "soundkin/embedding/models/melstats.onnx",
    "soundkin/py.typed",
    "soundkin/search/reference.npz",
    "soundkin/web/index.html",
    "soundkin/web/js/main.js",
}


@dataclass(frozen=True)
class Built:
    """An sdist and a wheel of one folder."""

    sdist: Path
    wheel: Path


def build(source: Path, output: Path, *targets: str) -> Built:
    """Build as pip and build do, by hatchling, without the network."""
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(output)]
    wanted = [word for target in targets for word in ("-t", target)]
    env = os.environ | {"SOURCE_DATE_EPOCH": "1700000000"}
    subprocess.run([*command, *wanted], cwd=source, env=env, check=True, capture_output=True)
    return Built(next(output.glob("*.tar.gz"), Path()), next(output.glob("*.whl")))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Give the sdist and the wheel of this checkout."""
    pytest.importorskip("hatchling", reason="make installs it")
    return build(ROOT, tmp_path_factory.mktemp("dist"), "sdist", "wheel")


def test_the_wheel_has_all_that_runs_and_nothing_else(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        names = set(wheel.namelist())
    assert names >= NEEDED
    here = ROOT / "src" / "soundkin"
    files = {
        path.relative_to(here.parent).as_posix()
        for path in here.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    metadata = f"soundkin-{soundkin.__version__}.dist-info/"
    assert {name for name in names if not name.startswith(metadata)} == files
    assert not any("test" in Path(name).name for name in names)
    assert built.wheel.stat().st_size <= MAX_BYTES


def test_the_sdist_makes_the_same_wheel_to_the_bit(built: Built, tmp_path: Path) -> None:
    unpack_tar(built.sdist, tmp_path)
    (source,) = tmp_path.iterdir()
    for path in source.rglob("*.py"):
        os.utime(path, (1, 10**9))  # when a file was written must not count
    again = build(source, tmp_path / "again", "wheel")
    assert again.wheel.name == built.wheel.name
    assert again.wheel.read_bytes() == built.wheel.read_bytes()


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of commands of an environment that has the wheel; the rest is borrowed."""
    folder = tmp_path_factory.mktemp("installed") / "environment"
    venv.create(folder, with_pip=False)
    packages = next(folder.glob("**/site-packages"))
    borrowed = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "borrowed.pth").write_text("\n".join(borrowed) + "\n", "utf-8")
    commands = next(path for path in (folder / "bin", folder / "Scripts") if path.is_dir())
    python = shutil.which("python", path=str(commands))
    assert python
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index"]
    subprocess.run([*pip, "--no-deps", "--ignore-installed", built.wheel], check=True)
    return commands


def run(installed: Path, name: str, *arguments: object, library: Path) -> tuple[str, str]:
    """Run a command of the environment, far from the checkout; returns what it writes and says."""
    program = shutil.which(name, path=str(installed))
    assert program
    env = os.environ | {"SOUNDKIN_LIBRARY": str(library), "COLUMNS": "500"}
    env.pop("PYTHONPATH", None)
    done = subprocess.run(
        [program, *map(str, arguments)],
        env=env,
        cwd=library.parent,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def test_the_wheel_indexes_and_searches_in_an_environment_of_its_own(
    installed: Path, tmp_path: Path
) -> None:
    def ask(name: str, *arguments: object) -> str:
        return run(installed, name, *arguments, library=tmp_path / "library.sqlite")[0]

    version = f"soundkin {soundkin.__version__}\n"
    assert ask("soundkin", "--version") == version
    assert ask("python", "-m", "soundkin", "--version") == version
    home = ask("python", "-c", "import soundkin; print(soundkin.__file__)").strip()
    assert Path(home).is_relative_to(installed.parent)
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    for name in ("bd_tek", "drum_snare_hard", "drum_cymbal_open"):
        shutil.copy(DEMO_SOUNDS / f"{name}.flac", sounds)
    assert "3 embedded" in ask("soundkin", "index", sounds)
    hits = ask("soundkin", "search", sounds / "bd_tek.flac", "--json").splitlines()
    assert json.loads(hits[0])["path"] == str(sounds / "bd_tek.flac")


# For each library: what an old soundkin left is brought to today, in the wheel's own environment.
UPGRADE = """
import json, sqlite3, sys
from contextlib import closing
from pathlib import Path
import soundkin
from soundkin.embedding.model import DEFAULT_MODEL, find_model, list_models
from soundkin.indexing.upgrade import find_upgrade

def describe(library):
    return {r.path: r.tags for r in library.select_recordings()}, library.model.hash

newest = find_model().hash
models = [name for name in list_models() if name.startswith("kin")]
for number, path in enumerate(map(Path, sys.argv[2:])):
    for version in models if number == 0 else [name for name in models if name != DEFAULT_MODEL]:
        made_with = find_model(version).hash
        own = path.with_name(f"{path.stem}-{version}.sqlite")
        own.write_bytes(path.read_bytes())
        with closing(sqlite3.connect(own)) as connection, connection:
            connection.execute("UPDATE meta SET model_hash = ?", [made_with])
        with soundkin.Library.open(own) as library:
            soundkin.relocate(library, "/sounds", sys.argv[1], force=True)
            before = describe(library)
            soundkin.index_folders(library, n_workers=1)
            told = find_upgrade(library)
            kept = describe(library)
            soundkin.index_folders(library, n_workers=1, rebuild=True)
            after = describe(library)
            hits = soundkin.Searcher(library).search(Path(sys.argv[1], "1.wav"), top_k=1)
        whole = soundkin.verify_library(own, deep=True).is_whole
        print(json.dumps({
            "version": path.stem, "model": version, "told": told and str(told),
            "tags_kept": before[0] == kept[0] == after[0], "n": len(after[0]),
            "went_on": kept[1] == made_with, "is_newest": after[1] == newest,
            "first": hits[0].recording.path, "whole": whole}))
"""


def test_the_wheel_brings_libraries_of_every_version_and_model_to_today(
    installed: Path, tmp_path: Path
) -> None:
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    for number, name in enumerate(("bd_tek", "drum_snare_hard"), 1):
        shutil.copy(DEMO_SOUNDS / f"{name}.flac", sounds / f"{number}.wav")
    libraries = [Path(shutil.copy(path, tmp_path)) for path in VERSIONS.glob("version-*.sqlite")]
    said, _ = run(installed, "python", "-c", UPGRADE, sounds, *libraries, library=tmp_path / "none")
    rows = [json.loads(line) for line in said.splitlines()]
    assert {row["version"] for row in rows} == {path.stem for path in libraries}
    assert len(libraries) >= 10
    assert {row["model"] for row in rows} >= {"kin", "kin5"}
    for row in rows:
        assert row["went_on"], row
        assert row["is_newest"], row
        assert row["tags_kept"], row
        assert row["whole"], row
        assert row["n"] == 2, row
        assert row["first"] == str(sounds / "1.wav"), row
        is_old = row["model"] != "kin"
        assert (row["told"] is not None) == is_old, row
        assert not is_old or ("2 recordings" in row["told"] and " min: " in row["told"]), row
