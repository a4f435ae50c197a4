"""The page for everyone: keyboard and screen reader, light and dark, phone and desk."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from accessibility import find_faults
from browsing import Visit
from serving import Server


@pytest.mark.parametrize(
    "look", [{"color_scheme": "light"}, {"color_scheme": "dark"}, {"forced_colors": "active"}]
)
def test_axe_finds_nothing_serious(chromium: Browser, server: Server, look: dict[str, str]) -> None:
    visit = Visit.begin(chromium, server, **look).open()
    visit.page.locator(".card").first.wait_for()
    assert find_faults(visit) == []
    visit.search("loop_amen", "@0.2-0.9")
    assert find_faults(visit) == []
    visit.page.keyboard.press("v")
    visit.page.locator(".lines tr.hit").nth(1).click(modifiers=["Control"])
    assert find_faults(visit) == []
    visit.page.get_by_role("button", name="How sounds are heard").click()
    assert find_faults(visit) == []
    visit.page.keyboard.press("Escape")
    visit.page.keyboard.press("?")
    assert find_faults(visit) == []
    visit.page.keyboard.press("Escape")
    visit.page.keyboard.press("/")
    visit.page.locator(".picked [role=option]").first.wait_for()
    assert find_faults(visit) == []
    visit.open("/?view=library")
    visit.page.get_by_role("row").nth(5).wait_for()
    assert find_faults(visit) == []
    visit.open("/?view=kit")
    visit.page.get_by_role("button", name="Draw all").click()
    visit.page.locator(".slot-title").first.wait_for()
    assert find_faults(visit) == []
    visit.open("/?view=crates")
    visit.page.locator(".crates h2").wait_for()
    assert find_faults(visit) == []
    visit.open(f"/?view=hear&s={server.find('bd_tek')['id']}")
    visit.page.locator(".heard li").first.wait_for()
    assert find_faults(visit) == []
    visit.end()


def test_the_theme_follows_the_system_and_the_button(chromium: Browser, server: Server) -> None:
    visit = Visit.begin(chromium, server, color_scheme="dark").open()
    root = visit.page.locator("html")
    expect(root).to_have_attribute("data-theme", "dark")
    visit.page.get_by_role("button", name="Light colours").click()
    expect(root).to_have_attribute("data-theme", "light")
    visit.page.reload()
    expect(root).to_have_attribute("data-theme", "light")
    visit.end()


def test_a_phone_sees_everything_without_scrolling_sideways(
    chromium: Browser, server: Server
) -> None:
    visit = Visit.begin(chromium, server, viewport={"width": 360, "height": 740}, has_touch=True)
    for address in ("/", f"/?s={server.find('loop_amen')['id']}", "/?view=library", "/?view=kit"):
        visit.open(address)
        visit.page.locator(".card, tr[data-id], .slot").first.wait_for()
        overflow = visit.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert overflow <= 0, address
    visit.end()


def test_a_touch_plays_a_card(chromium: Browser, server: Server) -> None:
    visit = Visit.begin(chromium, server, viewport={"width": 360, "height": 740}, has_touch=True)
    visit.search("ambi_drone")
    card = visit.page.locator(".card").first
    card.locator(".wave").tap()
    expect(card).to_have_class(re.compile("playing"))
    visit.end()


def test_two_hundred_cards_stay_swift(chromium: Browser, server: Server) -> None:
    visit = Visit.begin(chromium, server)
    visit.search("loop_amen", "@0.2-0.9&n=200&per=10")  # single segments, of which there are most
    cards = visit.page.locator(".card")
    assert cards.count() > 90
    first = cards.first.get_attribute("data-key")
    visit.page.keyboard.press("ArrowDown")
    visit.page.keyboard.press("End")
    expect(cards.last).to_be_focused()
    expect(cards.last).to_be_in_viewport()
    visit.page.keyboard.press("Home")
    expect(visit.page.locator(f'[data-key="{first}"]')).to_be_focused()
    visit.end()
