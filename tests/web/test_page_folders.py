"""The page's ways to folders and names: the tree among the filters, and words of names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from browsing import Visit
from conftest import Soundkin
from serving import serve
from sounds import make_tone, write_sound

NAMES = "Words of name, folder or tags"
FILES = ("Drums/Kicks/kick-001", "Drums/Kicks/kick-002", "Drums/Snares/snare-010")
MORE = ("Drums/Snares/rim-010", "Drums 2/tom", "Synths/Deep/Pads/pad_01", "Synths/lead 10")


@pytest.fixture
def own(chromium: Browser, soundkin: Soundkin, folder: Path) -> Iterator[Visit]:
    """Give a page over a library of a few folders, three deep, below one root."""
    for number, name in enumerate((*FILES, *MORE)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_sound(folder / f"{name}.wav", make_tone(200 * 1.1**number, 0.5))
    soundkin("index", folder)
    with serve(soundkin) as server:
        visit = Visit.begin(chromium, server)
        yield visit
        visit.end()


def test_folders_are_chosen_and_left_out_at_any_depth(own: Visit) -> None:
    hits = own.search("kick-001")
    assert sorted(hits) == ["kick-002", "lead 10", "pad_01", "rim-010", "snare-010", "tom"]
    tree = own.page.locator(".folder-tree")
    outer = ["Drums4not", "Drums 21not", "Synths2not"]
    lines = tree.locator(".folder-line")
    expect(lines).to_have_text(["sounds7not", *outer])
    tree.get_by_role("button", name="Folders in Drums", exact=True).click()
    expect(lines).to_have_text(["sounds7not", outer[0], "Kicks2not", "Snares2not", *outer[1:]])
    tree.get_by_role("checkbox", name="Kicks").check()
    own.wait_for(["kick-002"])
    tree.get_by_role("button", name="Folders in Synths").click()
    tree.get_by_role("checkbox", name="Deep/Pads").check()
    assert sorted(own.wait_for_change(["kick-002"])) == ["kick-002", "pad_01"]
    tree.get_by_role("checkbox", name="Kicks").uncheck()
    own.wait_for(["pad_01"])
    tree.get_by_role("checkbox", name="Deep/Pads").uncheck()
    tree.get_by_role("button", name="Not in Drums", exact=True).click()
    assert sorted(own.wait_for_change(["pad_01"])) == ["lead 10", "pad_01", "tom"]
    own.page.reload()
    assert sorted(own.wait_for_hits()) == ["lead 10", "pad_01", "tom"]
    expect(tree.get_by_role("button", name="Not in Drums", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    own.page.get_by_role("button", name="Take all away").click()
    own.wait_for(hits)


def test_the_library_is_looked_through_by_folders_too(own: Visit) -> None:
    own.open("/?view=library")
    tree = own.page.locator(".folder-tree")
    names = own.page.locator("tr[data-id] b")
    expect(names).to_have_count(7)
    tree.get_by_role("checkbox", name="Drums 2").check()
    expect(names).to_have_text(["tom.wav"])
    tree.get_by_role("checkbox", name="Synths").check()
    expect(names).to_have_text(["tom.wav", "pad_01.wav", "lead 10.wav"])
    tree.get_by_role("button", name="Folders in Synths").click()
    tree.get_by_role("button", name="Not in Deep/Pads").click()
    expect(names).to_have_text(["tom.wav", "lead 10.wav"])
    own.page.reload()
    expect(names).to_have_text(["tom.wav", "lead 10.wav"])
    own.page.get_by_role("button", name="All folders").click()
    expect(names).to_have_count(7)


def test_names_are_found_by_their_words(own: Visit) -> None:
    own.open()
    own.page.get_by_role("button", name="From the library").click()
    field = own.page.get_by_role("dialog").get_by_label(NAMES)
    found = own.page.get_by_role("option").locator("b")
    for words in ("snare 01", "01 SNARE", "snares/01", "snare, -rim 010"):
        field.fill(words)
        expect(found).to_have_text(["rim-010.wav", "snare-010.wav"][1 if "rim" in words else 0 :])
    own.page.keyboard.press("Escape")
    own.open("/?view=library")
    own.page.get_by_label(NAMES).first.fill("snare 01 -rim")
    expect(own.page.locator("tr[data-id] b")).to_have_text(["snare-010.wav"])
    own.search("kick-001")
    own.page.get_by_label(NAMES).fill("drums -kick -rim -tom")
    own.wait_for(["snare-010"])
    own.page.reload()
    assert own.wait_for_hits() == ["snare-010"]
