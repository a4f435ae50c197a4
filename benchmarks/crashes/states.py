"""States that a library is in before it is attacked, and what must hold after that."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from benchmarks.crashes.invariants import Reader, check_library, list_left_over, read_library
from benchmarks.crashes.launcher import Fault, Launcher, Outcome

RATE = 8000
N_SOUNDS = 10
PAGE = 4096

Commands = Sequence[Sequence[object]]


@dataclass(frozen=True)
class Action:
    """Commands to disturb, the state they begin in, and what must be there after a kill.

    Of an atomic one all is done or nothing. `tags` are what the commands, one each, promise by
    ending well. Where one `is_watched` a reader may look on. `done_already` is what running it
    again says where all was done before the kill.
    """

    name: str
    commands: Commands
    state: str
    is_atomic: bool = False
    tags: tuple[str, ...] = ()
    starts_damaged: bool = False
    is_watched: bool = False
    done_already: str = "never"


class Stage:
    """A folder `now` in which each attack begins, as a copy of one of `states`, made once."""

    def __init__(self, folder: Path, launcher: Launcher) -> None:
        self.folder = folder
        self.launcher = launcher
        self.now = folder / "now"
        self.library = self.now / "library.sqlite"
        self.backup = self.now / "backup.sqlite"
        self.sounds = self.now / "sounds"
        self._undisturbed: dict[str, tuple[dict[str, Any], Outcome]] = {}
        self._make_states()

    def index(self, *options: object) -> list[object]:
        """Name the command that indexes all sounds."""
        return ["index", self.sounds, "--workers", 1, "-q", *options, "--library", self.library]

    def command(self, name: str, *arguments: object) -> list[object]:
        """Name a command on the library."""
        return [name, *arguments, "--library", self.library]

    def begin(self, state: str) -> None:
        """Make the folder what it is in a state."""
        shutil.rmtree(self.now, ignore_errors=True)
        shutil.copytree(self.folder / "states" / state, self.now)

    def run(self, commands: Commands, **options: Any) -> Outcome:
        """Run commands that must end well."""
        done = self.launcher.run(commands, **options)
        assert done.status == 0, (commands, done)
        return done

    def find_undisturbed(self, action: Action) -> tuple[dict[str, Any], Outcome]:
        """Run an action without a fault, once; the library it makes, and how long it takes."""
        if action.name not in self._undisturbed:
            self.begin(action.state)
            done = self.run(action.commands)
            check_library(self.library)
            self._undisturbed[action.name] = read_library(self.library), done
        return self._undisturbed[action.name]

    def _keep(self, state: str) -> None:
        shutil.rmtree(self.folder / "states" / state, ignore_errors=True)
        shutil.copytree(self.now, self.folder / "states" / state)

    def _make_states(self) -> None:
        self.sounds.mkdir(parents=True)
        for number in range(N_SOUNDS):
            write_noise(self.sounds / "ab"[number % 2] / f"{number}.wav", number)
        self._keep("nothing")
        for number in range(N_SOUNDS // 2, N_SOUNDS):
            (self.sounds / "ab"[number % 2] / f"{number}.wav").unlink()
        self.run([self.index("--model", "melstats", "--index-kind", "scan")])
        self.run([self.command("tag", self.sounds, "--add", "old")])
        for number in range(N_SOUNDS // 2, N_SOUNDS):
            write_noise(self.sounds / "ab"[number % 2] / f"{number}.wav", number)
        (self.sounds / "a" / "0.wav").rename(self.sounds / "b" / "renamed.wav")
        write_noise(self.sounds / "b" / "1.wav", 77)
        (self.sounds / "a" / "2.wav").unlink()
        self._keep("half")
        self.run([self.index()])
        self.run([self.command("tag", self.sounds / "b", "--add", "b")])
        self.run([self.command("backup", self.backup)])
        self.run([self.command("tag", self.sounds / "a", "--add", "later")])
        self._keep("full")
        self.run([self.command("remove", self.sounds / "b")])
        self._keep("sparse")  # its index holds mostly what is gone
        self.begin("full")
        shutil.rmtree(f"{self.library}.index")
        self._keep("unindexed")
        self.begin("full")
        self.sounds.rename(self.now / "moved")
        self._keep("moved")
        self.begin("full")
        with closing(sqlite3.connect(self.library)) as connection:
            connection.execute(
                "UPDATE contents SET vectors = zeroblob(length(vectors)) WHERE id < 6"
            )
            connection.commit()
        self._keep("zeroed")
        self.begin("full")
        damage_table(self.library, "contents")
        self._keep("damaged")


def write_noise(path: Path, seed: int) -> None:
    """Write a very short sound."""
    path.parent.mkdir(exist_ok=True)
    generator = np.random.default_rng(seed)
    soundfile.write(path, 0.1 * generator.standard_normal(300 + 50 * seed), RATE)


def damage_table(library: Path, table: str) -> None:
    """Write noise over the first page of a table."""
    with closing(sqlite3.connect(library)) as connection:
        sql = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        page = connection.execute(sql, [table]).fetchone()[0]
    with library.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        file.write(np.random.default_rng(page).bytes(PAGE))


def list_actions(stage: Stage) -> list[Action]:
    """List what is killed."""
    scan = stage.index("--index-kind", "scan")
    tags = tuple(f"tag{number}" for number in range(4))
    tagging = [stage.command("tag", stage.sounds / "a", "--add", tag) for tag in tags]
    removing = stage.command("remove", stage.sounds / "b")
    return [
        Action("index, first", [stage.index("--model", "melstats")], "nothing", is_watched=True),
        Action("index, extend", [stage.index()], "half", is_watched=True),
        Action("tag", tagging, "full", tags=tags),
        Action("build the vectors' index", [scan], "unindexed"),
        Action("remove", [removing], "full", is_atomic=True, done_already="no such recording"),
        Action("compact the vectors' index", [stage.command("info")], "sparse"),
        Action("backup", [stage.command("backup", stage.backup)], "full", is_atomic=True),
        Action("restore", [stage.command("restore", stage.backup)], "full", is_atomic=True),
        Action(
            "restore over a damaged library",
            [stage.command("restore", stage.backup)],
            "damaged",
            is_atomic=True,
            starts_damaged=True,
        ),
        Action(
            "relocate",
            [stage.command("relocate", stage.sounds, stage.now / "moved")],
            "moved",
            is_atomic=True,
            done_already="nothing in",
        ),
        Action(
            "repair vectors",
            [stage.command("verify", "--repair", "--workers", 1)],
            "zeroed",
            starts_damaged=True,
        ),
        Action(
            "rescue a damaged file",
            [stage.command("verify", "--repair", "--workers", 1)],
            "damaged",
            starts_damaged=True,
        ),
    ]


def attack(stage: Stage, action: Action, fault: Fault, *, watch: bool = False) -> Outcome:
    """Disturb an action, and hold what is left against what was promised.

    AssertionError where a promise is broken.
    """
    wanted, _ = stage.find_undisturbed(action)
    stage.begin(action.state)
    is_sound = stage.library.exists() and not action.starts_damaged
    before = read_library(stage.library) if is_sound else None
    reader = Reader(stage.library)
    done = stage.launcher.run(action.commands, fault, reader.look if watch else None)
    reader.close()
    assert "Traceback" not in done.stderr, done.stderr
    assert done.is_killed or done.status in (0, 2), done
    check_left(stage, action, before, wanted, reader.seen, done)
    again = stage.launcher.run(action.commands)
    assert again.status == 0 or action.done_already in again.stderr, again
    check_library(stage.library)
    assert_same(read_library(stage.library), wanted)
    assert not list_left_over(stage.now), list_left_over(stage.now)
    return done


def check_left(
    stage: Stage,
    action: Action,
    before: dict[str, Any] | None,
    wanted: dict[str, Any],
    seen: set[str],
    done: Outcome,
) -> None:
    """Check what a disturbed command has left."""
    if stage.backup.exists():
        check_library(stage.backup)
    if not stage.library.exists():
        assert not seen
        assert before is None
        return
    if action.starts_damaged:
        return  # it may be as damaged as it was; running again must mend it
    check_library(stage.library)
    left = read_library(stage.library)
    paths = {row[0] for row in left["recordings"] if row[3] is None}
    gone = {row[0] for row in (before or wanted)["recordings"]}
    gone -= {row[0] for row in wanted["recordings"]}
    assert seen <= paths | gone, f"committed and lost: {seen - paths - gone}"
    kept = {tag for _, tag in left["tags"]}
    assert set(action.tags[: done.n_done]) <= kept, "a tag that was acknowledged is lost"
    if action.is_atomic:
        assert left in (before, wanted), "neither old nor new"
    elif before is not None:
        lost = (set(before["tags"]) & set(wanted["tags"])) - set(left["tags"])
        assert not lost, lost


def assert_same(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Hold a library against another, table by table."""
    for table, rows in wanted.items():
        assert found[table] == rows, (table, set(map(str, rows)) ^ set(map(str, found[table])))
