"""What others install: the wheel's contents, the same to the bit each time, and that it runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

import soundkin
from conftest import DEMO_SOUNDS

ROOT = Path(__file__).parents[2]
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
    with tarfile.open(built.sdist) as sdist:
        sdist.extractall(tmp_path, filter="data")
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


def test_the_wheel_indexes_and_searches_in_an_environment_of_its_own(
    installed: Path, tmp_path: Path
) -> None:
    def run(name: str, *arguments: object) -> str:
        """Run a command of the environment, far from the checkout."""
        program = shutil.which(name, path=str(installed))
        assert program
        env = os.environ | {"SOUNDKIN_LIBRARY": str(tmp_path / "library.sqlite")}
        env.pop("PYTHONPATH", None)
        done = subprocess.run(
            [program, *map(str, arguments)],
            env=env,
            cwd=tmp_path,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    version = f"soundkin {soundkin.__version__}\n"
    assert run("soundkin", "--version") == version
    assert run("python", "-m", "soundkin", "--version") == version
    home = run("python", "-c", "import soundkin; print(soundkin.__file__)").strip()
    assert Path(home).is_relative_to(installed.parent)
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    for name in ("bd_tek", "drum_snare_hard", "drum_cymbal_open"):
        shutil.copy(DEMO_SOUNDS / f"{name}.flac", sounds)
    assert "3 embedded" in run("soundkin", "index", sounds)
    hits = run("soundkin", "search", sounds / "bd_tek.flac", "--json").splitlines()
    assert json.loads(hits[0])["path"] == str(sounds / "bd_tek.flac")
