"""The Linux jobs of `.github/workflows/`, step by step, each in a fresh clone and an empty home.

    python -m benchmarks.workflows.run
    python -m benchmarks.workflows.run --job tests --instead 'tests/web=tests/system/test_paths.py'

Commands run as a host of the workflows runs them, by bash that ends at the first error, with
CI=true. The actions cannot be had here and are stood in for: checkout by a clone, setup-python by
an environment of the Python that is asked for (or of this one, if it is not here), artifacts by a
folder. Of a matrix one entry is run, the first of a Python that is here. What is committed is run,
and nothing else.
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
KEPT = ("LANG", "PIP_", "REQUESTS_", "SSL_")  # how this machine reaches a package index
BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c")
FAILED = "failed"

Values = dict[str, str]


def choose_entry(job: dict[str, Any]) -> Values | None:
    """Choose an entry of a job's matrix: on Linux, of a Python that is here if there is one."""
    matrix: dict[str, list[str]] = job.get("strategy", {}).get("matrix", {})
    values = itertools.product(*matrix.values())
    entries = [dict(zip(matrix, one, strict=True)) for one in values]
    linux = [one for one in entries if fill(job["runs-on"], one) == "ubuntu-latest"]
    here = [one for one in linux if "python" not in one or is_there(f"python{one['python']}")]
    return next(iter(here + linux), None)


def is_there(program: str, path: str | None = None) -> bool:
    """Tell whether a program is here; Python and Docker may be in name alone, and are asked."""
    found = shutil.which(program, path=path)
    if found is None or not program.startswith(("docker", "python")):
        return found is not None
    question = "info" if program == "docker" else "--version"
    return not subprocess.run([found, question], check=False, capture_output=True).returncode


def fill(text: str, entry: Values) -> str:
    """Write an entry's values where a workflow names them."""
    return re.sub(r"\$\{\{ matrix\.(\w+) \}\}", lambda found: entry[found[1]], text)


class Job:
    """A job at work: its clone, its home, and what steps before have changed."""

    def __init__(self, folder: Path, artifacts: Path, entry: Values) -> None:
        self._work, self._home = folder / "work", folder / "home"
        self._home.mkdir(parents=True)
        self._artifacts = artifacts
        self._entry = entry
        version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
        kept = {name: value for name, value in os.environ.items() if name.startswith(KEPT)}
        self._env = kept | {"PATH": os.environ["PATH"], "HOME": str(self._home), "CI": "true"}
        self._env["GITHUB_REF_NAME"] = f"v{version}"

    def take(self, step: dict[str, Any], changes: Values) -> str:
        """Run a step, or what stands in for it; returns what came of it, in words."""
        told = {name: fill(str(value), self._entry) for name, value in step.get("with", {}).items()}
        if "uses" in step:
            action = step["uses"].split("/")[1].split("@")[0].replace("-", "_")
            return f"stood in for: {getattr(self, f'_do_{action}')(told)}"
        command = fill(step["run"], self._entry)
        for old, new in changes.items():
            command = command.replace(old, new)
        program = shlex.split(command)[0]
        if not is_there(program, self._env["PATH"]):
            return f"cannot run here: no {program}"
        done = subprocess.run([*BASH, command], cwd=self._work, env=self._env, check=False)
        changed = "" if command == fill(step["run"], self._entry) else f", as: {command}"
        return f"{FAILED}, {done.returncode}" if done.returncode else f"passed{changed}"

    def _do_checkout(self, told: Values) -> str:
        sparse = told.get("sparse-checkout")
        git = ["git", "-c", "safe.directory=*"]
        options = ["--quiet", *(["--sparse"] if sparse else [])]
        subprocess.run([*git, "clone", *options, str(ROOT), str(self._work)], check=True)
        if sparse:
            subprocess.run([*git, "sparse-checkout", "set", sparse], cwd=self._work, check=True)
        return "a clone" + (f" of {sparse}/" if sparse else "")

    def _do_setup_python(self, told: Values) -> str:
        wanted = f"python{told['python-version']}"
        python = wanted if is_there(wanted) else sys.executable
        place = self._home / "python"
        subprocess.run([python, "-m", "venv", str(place)], check=True)
        self._env["PATH"] = f"{place / 'bin'}{os.pathsep}{self._env['PATH']}"
        own = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return wanted if python == wanted else f"{wanted}, by {own}"

    def _do_upload_artifact(self, told: Values) -> str:
        source, target = self._work / told["path"], self._artifacts / told["name"]
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            target.mkdir()
            shutil.copy(source, target)
        return "a folder"

    def _do_download_artifact(self, told: Values) -> str:
        shutil.copytree(self._artifacts / told["name"], self._work / told["path"])
        return "a folder"


def run_job(
    name: str, job: dict[str, Any], folder: Path, artifacts: Path, changes: Values
) -> Iterator[tuple[str, ...]]:
    """Run a job's steps up to the first that fails or cannot run; yields a row for each."""
    entry = choose_entry(job)
    if entry is None and job.get("strategy"):
        return
    at_work = Job(folder / name, artifacts, entry or {})
    for step in job["steps"]:
        started = time.perf_counter()
        outcome = at_work.take(step, changes)
        what = fill(step.get("run", step.get("uses", "").split("@")[0]), entry or {})
        yield name, what.strip(), outcome, f"{time.perf_counter() - started:.0f} s"
        if not outcome.startswith(("passed", "stood")):
            return


def main() -> None:
    """Run every job that is asked for, and tell what came of each step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--job", action="append", help="only this one; may be given again")
    parser.add_argument("--instead", action="append", default=[], metavar="OLD=NEW")
    options = parser.parse_args()
    changes = dict(text.split("=", 1) for text in options.instead)
    rows: list[tuple[str, ...]] = []
    with tempfile.TemporaryDirectory(prefix="workflows-") as name:
        folder = Path(name)
        (folder / "artifacts").mkdir()
        for workflow in sorted((ROOT / ".github" / "workflows").glob("*.yml")):
            for job_name, job in yaml.safe_load(workflow.read_text("utf-8"))["jobs"].items():
                if not options.job or job_name in options.job:
                    for row in run_job(job_name, job, folder, folder / "artifacts", changes):
                        print(" | ".join(row), flush=True)
                        rows.append(row)
    print("\n" + "\n".join(" | ".join(row) for row in rows))
    raise SystemExit(any(outcome.startswith(FAILED) for _, _, outcome, _ in rows))


if __name__ == "__main__":
    main()
