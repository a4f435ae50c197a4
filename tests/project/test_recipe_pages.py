"""The recipes of docs/recipes: each is run from its own text, and prints what it shows."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from conftest import DEMO_SOUNDS
from recipe_pages import find_difference, read_blocks, run_blocks

PAGES = Path(__file__).parents[2] / "docs" / "recipes"
BEFORE = "index"  # what all of them begin with
RECIPES = sorted(page.stem for page in PAGES.glob("*.md") if page.stem != BEFORE)
NEEDS = {
    "grow-past-one-machine": "lance",
    "measure-with-hear": "torch",
    "train-on-your-own": "torch",
}
needs_shell = pytest.mark.skipif(
    sys.platform == "win32" or shutil.which("bash") is None, reason="recipes are for a Unix shell"
)


def follow(name: str, folder: Path, notes: Path) -> None:
    """Follow a page, and hold what is printed to what it shows."""
    notes.mkdir()
    blocks = read_blocks(PAGES / f"{name}.md")
    assert blocks
    for block, printed in zip(blocks, run_blocks(blocks, folder, notes), strict=True):
        difference = block.shown and find_difference(block.shown, printed)
        assert not difference, f"{name}.md, of:\n{block.text}\n{difference}"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder in which the demo sounds lie and what stands before all recipes was done."""
    folder = tmp_path_factory.mktemp("recipes") / "checkout"
    shutil.copytree(DEMO_SOUNDS.parent, folder / "demo")
    follow(BEFORE, folder, folder.parent / BEFORE)
    shutil.copy(folder / "demo.sqlite", folder.parent / "first.sqlite")
    return folder


@pytest.fixture
def checkout(prepared: Path) -> Path:
    """Give that folder as it was, whatever a recipe left in it."""
    for path in prepared.iterdir():
        if path.is_dir() and path.name != "demo":
            shutil.rmtree(path)
        elif path.is_file():
            path.unlink()
    shutil.copy(prepared.parent / "first.sqlite", prepared / "demo.sqlite")
    return prepared


@needs_shell
@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_does_what_its_text_shows(name: str, checkout: Path, tmp_path: Path) -> None:
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    follow(name, checkout, tmp_path / "notes")


def test_every_recipe_is_in_the_gallery_and_shows_what_it_prints() -> None:
    gallery = (PAGES / f"{BEFORE}.md").read_text("utf-8")
    assert len(RECIPES) >= 10
    for name in RECIPES:
        assert f"({name}.md)" in gallery
        assert any(block.shown for block in read_blocks(PAGES / f"{name}.md"))


SHOWN = "    score   recording\n──────\n1   0.712   .../bd.flac\n...\n"


@pytest.mark.parametrize(
    ("printed", "is_as_shown"),
    [
        ("  score  recording\n────\n1  0.65  /home/me/bd.flac\n2  0.4  x\n3  0.1  y\n", True),
        ("  score  recording\n────\n1  0.65  /home/me/sn.flac\n2  0.4  x\n", False),
        ("  score  recording\n────\n1  0.12  /home/me/bd.flac\n2  0.4  x\n", False),
        ("  score  recording\n────\n2  0.71  /home/me/bd.flac\n2  0.4  x\n", False),
        ("", False),
    ],
)
def test_words_and_ranks_are_held_to_and_numbers_loosely(printed: str, is_as_shown: bool) -> None:
    assert (find_difference(SHOWN, printed) is None) == is_as_shown


@pytest.mark.parametrize("block", ["```console\n$ false\n```\n", "```text\n1\n```\n"])
def test_a_block_that_nothing_runs_or_prints_is_refused(block: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"```bash\ntrue\n```\n\n```text\n```\n\n{block}", "utf-8")
    with pytest.raises(AssertionError, match="nothing runs or prints"):
        read_blocks(page)
