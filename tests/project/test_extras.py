"""What is not in the default install is asked for in one line, and nothing else needs it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from conftest import DEMO_SOUNDS, Soundkin
from docs.dependencies import list_dependencies

OPTIONAL = ("cryptography", "fsspec", "lance", "pyarrow", "python_stretch", "ray", "torch")


@pytest.fixture
def bare(soundkin: Soundkin, tmp_path: Path) -> Soundkin:
    """Give the command where none of the extras can be imported."""
    folder = tmp_path / "bare"
    folder.mkdir()
    hidden = f"import sys\nsys.modules.update(dict.fromkeys({OPTIONAL}))\n"
    (folder / "sitecustomize.py").write_text(hidden)
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    soundkin.env["PYTHONPATH"] = os.pathsep.join(paths)
    return soundkin


def test_the_default_install_has_no_arrow_and_no_cryptography() -> None:
    assert not {"cryptography", "pyarrow", "torch", "ray"} & list_dependencies().keys()
    named = list_dependencies(extras=["https", "parquet"])
    assert {"cryptography", "pyarrow"} <= named.keys()


def test_without_extras_sounds_are_indexed_found_and_embedded(
    bare: Soundkin, tmp_path: Path
) -> None:
    assert "58 embedded" in bare("index", DEMO_SOUNDS).stdout
    sound = DEMO_SOUNDS / "bd_tek.flac"
    assert bare.json("search", sound)[0]["path"] == str(sound)
    bare("embed", sound, "-o", tmp_path / "v.npz")
    assert bare("dups").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "install"),
    [
        (["embed", DEMO_SOUNDS, "-o", "{}/v.parquet"], "pip install 'soundkin[parquet]'"),
        (["serve", "--https", "--no-open"], "pip install 'soundkin[https]'"),
        (["list", "--library", "{}/x.lance"], "pip install 'soundkin[cluster]'"),
        (["convert", "{}/x.sqlite", "{}/x.lance"], "pip install 'soundkin[cluster]'"),
        (["index", DEMO_SOUNDS, "--cluster"], "pip install 'soundkin[cluster]'"),
        (["train", DEMO_SOUNDS, "-o", "{}/mine"], "pip install 'soundkin[train]'"),
        (["deform", DEMO_SOUNDS / "bd_tek.flac", "-o", "{}"], "pip install python-stretch"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_needs_an_extra_names_it(
    bare: Soundkin, tmp_path: Path, arguments: list[object], install: str
) -> None:
    words = [str(word).format(tmp_path) for word in arguments]
    (line,) = bare(*words, status=2).stderr.splitlines()
    assert install in line
