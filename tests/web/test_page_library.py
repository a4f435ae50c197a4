"""The page's library view: indexing, folders, what failed, tags."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from browsing import Visit
from conftest import Soundkin
from serving import serve
from sounds import make_noise, make_tone, write_sound


@pytest.fixture
def own(chromium: Browser, soundkin: Soundkin) -> Iterator[Visit]:
    """Give a page over an empty library of its own."""
    with serve(soundkin) as server:
        visit = Visit.begin(chromium, server)
        yield visit
        visit.end()


def index(visit: Visit, folder: Path) -> None:
    """Index a folder through the page, and wait until it is done."""
    visit.page.get_by_label("Add a folder of this machine").fill(str(folder))
    visit.page.get_by_role("button", name="Index", exact=True).click()
    expect(visit.page.locator(".job.done")).to_be_visible()


def test_a_folder_is_indexed_from_the_page_and_searched(own: Visit, folder: Path) -> None:
    for number, hz in enumerate((220, 230, 900)):
        write_sound(folder / f"tone {number}.wav", make_tone(hz))
    (folder / "broken.wav").write_bytes(b"RIFF and then nothing")
    own.open()
    own.page.get_by_role("button", name="Index a folder").click()
    index(own, folder)
    expect(own.page.locator("#holds")).to_contain_text("3 recordings")
    expect(own.page.locator("tr[data-id]")).to_have_count(3)
    own.page.get_by_role("tab", name="Could not be read").click()
    expect(own.page.locator(".reason")).to_have_count(1)
    expect(own.page.get_by_role("tabpanel")).to_contain_text("broken.wav")
    own.page.get_by_role("tab", name="Sounds").click()
    own.page.get_by_role("button", name="Search from tone 0.wav").click()
    assert own.wait_for_hits() == ["tone 1", "tone 2"]


def test_a_folder_that_is_not_there_is_named(own: Visit, folder: Path) -> None:
    own.open("/?view=library")
    own.page.get_by_label("Add a folder of this machine").fill(str(folder / "nowhere"))
    own.page.get_by_role("button", name="Index", exact=True).click()
    expect(own.page.locator(".job.failed, .message.trouble")).to_contain_text("nowhere")
    own.complaints.clear()  # Chromium logs the refusal itself


def test_tags_are_edited_in_place_and_in_bulk(own: Visit, folder: Path, soundkin: Soundkin) -> None:
    for seed in range(3):
        write_sound(folder / f"noise {seed}.wav", make_noise(1.0, seed))
    own.open("/?view=library")
    index(own, folder)
    own.page.get_by_role("button", name="Add a tag to noise 0.wav").click()
    own.page.keyboard.type("soft")
    own.page.keyboard.press("Enter")
    expect(own.page.get_by_role("button", name="Take the tag soft off")).to_have_count(1)
    own.page.get_by_label("Choose all shown").check()
    own.page.get_by_label("Tag for all chosen").fill("hiss")
    own.page.get_by_role("button", name="Tag", exact=True).click()
    expect(own.page.get_by_role("button", name="Take the tag hiss off")).to_have_count(3)
    assert soundkin("tag").stdout == "3\thiss\n1\tsoft\n"
    own.page.get_by_role("button", name="Take the tag soft off noise 0.wav").click()
    expect(own.page.get_by_role("button", name="Take the tag soft off")).to_have_count(0)
    assert soundkin("tag").stdout == "3\thiss\n"


def test_suggested_tags_are_accepted_or_rejected(
    own: Visit, folder: Path, soundkin: Soundkin
) -> None:
    tones, noises = [], []
    for n in range(14):
        tones.append(write_sound(folder / f"tone {n:02}.wav", make_tone(200 * 1.06**n, 0.5)))
        noises.append(write_sound(folder / f"noise {n:02}.wav", make_noise(0.5, n)))
    soundkin("index", folder)
    soundkin("tag", *tones[:11], "--add", "pitched")
    soundkin("tag", *noises[:11], "--add", "hiss")
    own.open("/?view=library")
    own.page.get_by_role("tab", name="Suggested tags").click()
    offers = own.page.locator(".suggestions li:has(.accept)")
    expect(offers).to_have_count(6)
    accepted = offers.filter(has_text="tone 12.wav")
    expect(accepted.locator(".tag")).to_have_text("pitched")
    accepted.get_by_role("button", name="Accept").click()
    own.page.get_by_role("button", name="Reject hiss for noise 12.wav").click()
    expect(offers).to_have_count(4)
    assert soundkin("tag").stdout == "12\tpitched\n11\thiss\n"
    own.page.get_by_role("tab", name="Sounds").click()
    own.page.get_by_role("tab", name="Suggested tags").click()
    expect(offers.filter(has_text="noise 13.wav")).to_have_count(1)
    expect(offers).to_have_count(4)
