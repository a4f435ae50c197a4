"""Fixtures: the real command in a process of its own, and a library of its own for each test."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from forked_command import can_fork, run_forked

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from browsing import Visit
    from serving import Server
    from soundkin.training.waveform_cache import WaveformCache

COMMAND = Path(sys.executable).with_name("soundkin")
NOTES = tempfile.TemporaryDirectory(prefix="soundkin-accepted-")
os.environ["SOUNDKIN_ACCEPTED"] = NOTES.name  # which models were named is not noted in one's home
# Ctrl-C is heeded even where the tests run in the background, whose shell has it ignored.
HEED_CTRL_C: dict[str, Any] = (
    {}
    if sys.platform == "win32"
    else {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
)
DEMO_SOUNDS = Path(__file__).parent.parent / "demo" / "sounds"


class Soundkin:
    """Runs `soundkin` with a library of its own."""

    def __init__(self, library: Path) -> None:
        self.library = library
        self.env = os.environ | {"SOUNDKIN_LIBRARY": str(library), "COLUMNS": "200"}

    def __call__(
        self, *arguments: Any, status: int = 0, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end and check the exit status; stdout and stderr are text."""
        words = [os.fspath(_as_path(argument)) for argument in arguments]
        how = {"text": True, "errors": "surrogateescape", "timeout": 120} | options
        is_plain = how.keys() <= {"text", "errors", "timeout"} and "--cluster" not in words
        if is_plain and can_fork(self.env):
            if words[:1] == ["index"] and "--workers" not in words:
                words[1:1] = "--workers", "1"  # short sounds are done before a second is ready
            done = run_forked(words, self.env, **how)
        else:
            done = subprocess.run(
                [COMMAND, *words], env=self.env, capture_output=True, check=False, **how
            )
        assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
        if status == 2 and options.get("text", True):
            assert "Traceback" not in done.stderr
        return done

    def json(self, *arguments: Any) -> list[dict[str, Any]]:
        """Run with --json and read the lines."""
        return [json.loads(line) for line in self(*arguments, "--json").stdout.splitlines()]

    def start(self, *arguments: Any, **options: Any) -> subprocess.Popen[str]:
        """Start without waiting."""
        return subprocess.Popen(
            [COMMAND, *map(os.fspath, map(_as_path, arguments))],
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **(HEED_CTRL_C | options),
        )

    def paths(self) -> list[str]:
        """List what is in the library."""
        return [row["path"] for row in self.json("list")]


def _as_path(argument: Any) -> Any:
    return argument if isinstance(argument, str | bytes | os.PathLike) else str(argument)


@pytest.fixture
def soundkin(tmp_path: Path) -> Soundkin:
    """Give the command, with a library of its own."""
    return Soundkin(tmp_path / "library.sqlite")


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Soundkin:
    """Give the command with a library of the demo sounds; for reading only."""
    command = Soundkin(tmp_path_factory.mktemp("demo") / "library.sqlite")
    command("index", DEMO_SOUNDS)
    return command


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> WaveformCache:
    """Give the demo sounds as training reads them."""
    from soundkin.training.waveform_cache import build_cache

    return build_cache([DEMO_SOUNDS], tmp_path_factory.mktemp("cache") / "demo.pcm", 16_000)


@pytest.fixture(scope="session")
def server(demo: Soundkin) -> Iterator[Server]:
    """Give a running server over a library of the demo sounds; for reading only."""
    from serving import serve

    with serve(demo) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give an empty folder for sounds."""
    path = tmp_path / "sounds"
    path.mkdir()
    return path


@pytest.fixture
def count_decoded(soundkin: Soundkin) -> Callable[..., int]:
    """Index, and read from the summary how many files were decoded."""

    def index(*arguments: Any) -> int:
        first = soundkin("index", *arguments).stdout.split(";")[0].split(", in ")[0]
        counts = dict(reversed(part.split(" ", 1)) for part in first.split(", "))
        return int(counts.get("embedded", 0))

    return index


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Give headless Chromium, one for all tests."""
    from playwright.sync_api import sync_playwright

    from browsing import launch

    with sync_playwright() as playwright:
        browser = launch(playwright.chromium)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Browser, server: Server) -> Iterator[Visit]:
    """Give a fresh page of the demo library's server, whose console must stay clean."""
    from browsing import Visit

    page = Visit.begin(chromium, server)
    yield page
    page.end()


@pytest.fixture(autouse=True, scope="module")
def _train_with_one_thread(request: pytest.FixtureRequest) -> Iterator[None]:
    """Have trainings take a thread each where tests run beside each other: more would only wait."""
    if "PYTEST_XDIST_WORKER" not in os.environ or "training" not in request.path.parts:
        yield
        return
    import torch

    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield
    torch.set_num_threads(n_threads)
