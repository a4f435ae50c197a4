"""Which processor faiss takes this one for, as threadpoolctl sees it in fresh processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from soundkin.index import faiss_library

LOOK = """
import json, os, sys
{first}
import threadpoolctl
found = threadpoolctl.threadpool_info()
print(json.dumps({{
    "cores": {{
        "numpy" if "numpy.libs" in one["filepath"] else "faiss": one["architecture"]
        for one in found if one["internal_api"] == "openblas"
    }},
    "setting": os.environ.get("OPENBLAS_CORETYPE"),
}}))
"""
OURS = "from soundkin.index.rabitq import RaBitQIndex"
LIKE_NUMPY = {"Haswell": "Haswell", "Zen": "Zen"} | dict.fromkeys(
    ("SkylakeX", "Cooperlake", "SapphireRapids"), "SkylakeX"
)


def look(first: str, **settings: str) -> dict[str, object]:
    """Import in a fresh process, and see which cores the copies of OpenBLAS chose."""
    env = {name: text for name, text in os.environ.items() if name != faiss_library.SETTING}
    done = subprocess.run(
        [sys.executable, "-c", LOOK.format(first=first)],
        env=env | settings,
        check=True,
        capture_output=True,
        text=True,
    )
    assert not done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def cores() -> dict[str, str]:
    """Give the cores after soundkin's import, where there are two copies of OpenBLAS."""
    found = look(OURS)
    assert found["setting"] is None  # so processes to come find their own
    cores = found["cores"]
    assert isinstance(cores, dict)
    if cores.keys() != {"faiss", "numpy"}:
        pytest.skip("faiss and numpy have no OpenBLAS of their own here")
    return cores


def test_faiss_takes_this_processor_for_what_numpy_does(cores: dict[str, str]) -> None:
    alone = look("import numpy, faiss")["cores"]
    assert isinstance(alone, dict)
    assert cores["numpy"] == alone["numpy"]
    assert cores["faiss"] == LIKE_NUMPY.get(cores["numpy"], alone["faiss"])


@pytest.mark.parametrize("core", ["Haswell", "Sandybridge"])
def test_what_a_user_has_set_stays(cores: dict[str, str], core: str) -> None:
    found = look(OURS, OPENBLAS_CORETYPE=core)
    assert found == {"cores": {"numpy": core, "faiss": core}, "setting": core}


def test_a_new_openblas_is_left_to_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(faiss_library.SETTING, raising=False)
    monkeypatch.setattr(faiss_library, "read_core_of_numpy", lambda: "SapphireRapids")
    spec = type("Spec", (), {"origin": str(tmp_path / "faiss" / "__init__.py")})
    monkeypatch.setattr("importlib.util.find_spec", lambda _: spec)
    folder = tmp_path / "faiss_cpu.libs"
    folder.mkdir()
    chosen = {}
    for name in (
        "",
        "libopenblaso-r0-d77a1985.3.15.so",
        "libopenblas-r0.3.29.so",
        "libopenblas.dll",
    ):
        for file in folder.iterdir():
            file.unlink()
        if name:
            (folder / name).touch()
        chosen[name] = faiss_library.choose_core()
    assert chosen.pop("libopenblaso-r0-d77a1985.3.15.so") == "SkylakeX"
    assert set(chosen.values()) == {None}
