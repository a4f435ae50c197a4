"""The page for who is new: an empty library, folders chosen and dropped, and what is too long."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from browsing import Visit
from conftest import Soundkin
from serving import serve
from sounds import make_noise, make_tone, write_sound

EMPTY = re.compile("The library is still empty")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Give a home with folders of sounds, some hidden and one empty."""
    for name in ("Samples/Drums", "Samples/Empty", ".secret", "Pictures"):
        (tmp_path / "home" / name).mkdir(parents=True)
    for number in range(3):
        path = tmp_path / "home" / "Samples" / "Drums" / f"tone {number}.wav"
        write_sound(path, make_tone(200 + 50 * number, 0.5))
    return tmp_path / "home"


@pytest.fixture
def own(chromium: Browser, soundkin: Soundkin, home: Path) -> Iterator[Visit]:
    """Give a page over an empty library, on a machine with that home, that takes 5 s or 1 MB."""
    soundkin.env |= {"HOME": str(home)}
    with serve(soundkin, "--max-upload-s", 5, "--max-upload-mb", 1) as server:
        visit = Visit.begin(chromium, server)
        yield visit
        visit.end()


def drag(page: Page, path: Path) -> None:
    """Drop a file or folder on the page as a file manager does."""
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 400, "y": 400, "data": data})


def test_a_folder_is_chosen_among_those_of_the_machine(own: Visit) -> None:
    own.open()
    own.page.get_by_role("button", name="Index a folder").click()
    expect(own.page.get_by_label("Add a folder of this machine")).to_be_focused()
    own.page.keyboard.press("Enter")  # with nothing typed
    dialog = own.page.get_by_role("dialog", name="Choose a folder")
    rows = dialog.get_by_role("listitem")
    expect(rows).to_have_text(["Pictures", "Samples"])
    own.page.keyboard.press("ArrowDown")
    own.page.keyboard.press("Enter")
    expect(rows).to_have_text(["Drums", "Empty"])
    dialog.get_by_role("navigation").get_by_role("button", name="home", exact=True).click()
    expect(rows).to_have_text(["Pictures", "Samples"])
    rows.get_by_role("button", name="Samples").click()
    rows.get_by_role("button", name="Drums").click()
    expect(rows).to_have_text([re.compile(rf"^tone {number}\.wav") for number in range(3)])
    dialog.get_by_role("button", name="Index Drums").click()
    expect(own.page.locator(".job.done")).to_be_visible()
    expect(own.page.locator("tr[data-id]")).to_have_count(3)


def test_a_folder_that_is_dropped_is_looked_for_on_the_machine(own: Visit, home: Path) -> None:
    own.open()
    drag(own.page, home / "Samples")
    dialog = own.page.get_by_role("dialog", name="Choose a folder")
    expect(dialog).to_contain_text("does not tell where Samples lies")
    expect(dialog.get_by_role("button", name="Samples")).to_be_focused()
    own.page.keyboard.press("Enter")
    dialog.get_by_role("button", name="Index Samples").click()
    expect(own.page.locator(".job.done")).to_be_visible()


def test_an_empty_library_says_what_comes_first(own: Visit, home: Path) -> None:
    own.open()
    own.page.get_by_role("button", name="From the library").click()
    expect(own.page.get_by_role("dialog")).to_contain_text(EMPTY)
    own.page.get_by_role("dialog").get_by_role("button", name="Index a folder").click()
    field = own.page.get_by_label("Add a folder of this machine")
    expect(field).to_be_focused()
    own.page.get_by_role("link", name="Search").click()
    own.drop(home / "Samples" / "Drums" / "tone 0.wav")
    message = own.page.locator(".message")
    expect(message).to_contain_text(EMPTY)
    assert "soundkin index" not in message.inner_text()
    message.get_by_role("button", name="Index a folder").click()
    expect(field).to_be_focused()


def test_a_library_that_was_filled_meanwhile_is_not_called_empty(
    own: Visit, home: Path, soundkin: Soundkin
) -> None:
    own.open()
    soundkin("index", home / "Samples")
    own.drop(home / "Samples" / "Drums" / "tone 0.wav")
    assert own.wait_for_hits()[0] in {"tone 1", "tone 2"}


@pytest.mark.parametrize(("seconds", "rate"), [(20, 8000), (20, 44_100)])
def test_of_a_long_file_a_part_is_taken(
    own: Visit, home: Path, soundkin: Soundkin, seconds: float, rate: int
) -> None:
    soundkin("index", home / "Samples")
    long = make_noise(seconds, 1, rate) * 0.3
    middle = make_tone(250, 0.5, rate)
    long[12 * rate : 12 * rate + len(middle)] = middle
    write_sound(home / "night.wav", long, rate)  # too long; the second too large as well
    own.open()
    own.drop(home / "night.wav")
    dialog = own.page.get_by_role("dialog", name="A long recording")
    dialog.get_by_label("The part begins at").fill("0:12.0")
    dialog.get_by_label("Seconds of it").fill("0.5")
    dialog.get_by_role("button", name="Search with this part").click()
    assert own.wait_for_hits()[0] == "tone 1"
    own.complaints.clear()  # Chromium logs the first refusal itself


def test_a_long_file_is_indexed_instead(own: Visit, home: Path, soundkin: Soundkin) -> None:
    soundkin("index", home / "Samples")
    write_sound(home / "night.wav", np.tile(make_noise(1, 1, 8000), 20), 8000)
    own.open()
    own.drop(home / "night.wav")
    own.page.get_by_role("button", name="Index it instead").click()
    dialog = own.page.get_by_role("dialog", name="Choose a folder")
    chosen = dialog.get_by_role("button", name="night.wav")
    expect(chosen).to_be_focused()
    chosen.click()
    expect(own.page.locator(".job.done")).to_be_visible()
    expect(own.page.locator("#holds")).to_contain_text("4 recordings")
    own.complaints.clear()
