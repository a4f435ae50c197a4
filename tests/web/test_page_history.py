"""Earlier searches are one click away, takes and uploads too, after the server has begun anew."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, expect

from browsing import Visit
from conftest import Soundkin
from serving import Server, serve
from sounds import make_noise, make_tone, write_sound


def test_what_was_searched_with_is_one_click_away(visit: Visit) -> None:
    hits = visit.search("loop_amen")
    visit.page.locator(".card").nth(1).get_by_role("button", name="From here").click()
    visit.wait_for_change(hits)
    earlier = visit.page.locator(".history-list button")
    expect(earlier).to_have_text(["loop_amen"])
    earlier.first.click()
    visit.wait_for(hits)
    expect(earlier).to_have_count(1)
    visit.page.get_by_role("button", name="Forget all of these").click()
    expect(visit.page.locator(".history")).to_be_hidden()


def test_an_upload_comes_back_after_the_server_has_begun_anew(
    chromium: Browser, soundkin: Soundkin, folder: Path
) -> None:
    for seed in range(4):
        write_sound(folder / f"noise {seed}.wav", make_noise(1.0, seed))
        write_sound(folder / f"tone {seed}.wav", make_tone(300 + 20 * seed))
    soundkin("index", folder)
    take = write_sound(folder.parent / "my take.wav", make_tone(330, 0.7))
    with serve(soundkin) as first:
        port = first.address.rsplit(":", 1)[1].rstrip("/")
        visit = Visit.begin(chromium, first).open()
        visit.drop(take)
        hits = visit.wait_for_hits()
        address = visit.page.url
        visit.wait_until(
            "caches.open('sounds from outside').then((all) => all.keys()).then((all) => all.length)"
        )
    with serve(soundkin, "--port", port) as second:
        assert isinstance(second, Server)
        visit.page.goto(address)
        visit.wait_for(hits)
        expect(visit.page.locator(".query .name")).to_have_text("my take")
        assert visit.page.url != address
        visit.complaints.clear()  # Chromium logs what the server did not know any more
        visit.end()
