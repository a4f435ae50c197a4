"""The workflows for hosts that have other systems: lawful, careful, and of commands that exist."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml", reason="make installs it")
ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
OF_THE_HOST = {"docker", "gzip", "test", "timeout"}  # what is there before a step
PATHS = ("demo/", "tests/", "docs/", ".ci/", "constraints.txt")


def read_jobs(workflow: Path) -> dict[str, Any]:
    """Read a workflow's jobs by name."""
    jobs: dict[str, Any] = yaml.safe_load(workflow.read_text("utf-8"))["jobs"]
    return jobs


def list_commands() -> Iterator[list[str]]:
    """List the words of every command that a step runs."""
    for workflow in WORKFLOWS:
        for job in read_jobs(workflow).values():
            for step in job["steps"]:
                for line in step.get("run", "").splitlines():
                    words = shlex.shlex(line, posix=True, punctuation_chars="|&;")
                    words.whitespace_split = True
                    parts = groupby(words, lambda word: not word.strip("|&;"))
                    yield from (list(part) for is_between, part in parts if not is_between)


def test_an_audit_finds_nothing_in_them() -> None:
    """Ask zizmor, which refuses what does not follow the schema, too."""
    program = shutil.which("zizmor", path=Path(sys.executable).parent)
    if program is None:
        pytest.skip("make installs zizmor")
    command = [program, "--offline", "--persona", "pedantic", "--no-progress", *WORKFLOWS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_they_know_no_secret_may_only_read_and_name_what_they_use_by_its_hash(
    workflow: Path,
) -> None:
    text = workflow.read_text("utf-8")
    assert "secrets" not in text
    assert yaml.safe_load(text)["permissions"] == {}
    for job in read_jobs(workflow).values():
        assert job["permissions"] == {"contents": "read"}
        assert job["timeout-minutes"] <= 90
    used = re.findall(r"uses: (.*)", text)
    assert used
    assert all(PINNED.fullmatch(action) for action in used), used


def test_every_command_of_theirs_is_there() -> None:
    made = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    commands = list(list_commands())
    assert commands
    for program, *arguments in commands:
        if program == "make":
            assert set(arguments) <= set(made)
        elif program == "python":
            assert arguments[0] == "-m"
            assert find_spec(arguments[1]), arguments
        else:
            assert program in OF_THE_HOST | project["scripts"].keys()
        for word in arguments:
            if word.startswith(PATHS):
                assert (ROOT / word).exists(), word


def test_they_try_every_python_that_is_promised_on_every_system() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    tests = read_jobs(ROOT / ".github" / "workflows" / "tests.yml")
    matrix = tests["tests"]["strategy"]["matrix"]
    assert f">={matrix['python'][0]}" == project["requires-python"]
    assert {name.partition("-")[0] for name in matrix["system"]} == {"ubuntu", "macos", "windows"}
    assert tests["page"]["strategy"]["matrix"]["system"] == matrix["system"]
