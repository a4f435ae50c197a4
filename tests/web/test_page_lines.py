"""Hits as lines: many at once, sorted, walked by ear; the query folded to a strip."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from browsing import Visit
from serving import Server

AMEN = "loop_amen"
WHOLE_LINES = """[...document.querySelectorAll(".lines tbody tr")].filter((row) => {
    const { top, bottom } = row.getBoundingClientRect();
    const middle = document.elementFromPoint(innerWidth / 2, (top + bottom) / 2);
    return top >= 0 && bottom <= innerHeight && row.contains(middle);
}).length"""


@pytest.fixture
def lines(chromium: Browser, server: Server) -> Visit:
    """Give hits as lines, in a window of 1280 by 720."""
    visit = Visit.begin(chromium, server, viewport={"width": 1280, "height": 720})
    visit.search(AMEN)
    visit.page.get_by_role("button", name="List", exact=True).click()
    visit.page.locator(".lines tr.hit").first.wait_for()
    return visit


def column(visit: Visit, name: str) -> list[str]:
    return visit.page.locator(f".lines td.of-{name}").all_text_contents()


def test_twenty_lines_are_whole_below_a_folded_query(lines: Visit) -> None:
    lines.wait_until(f"{WHOLE_LINES} >= 20")  # once fonts and rows have settled
    query = lines.page.locator(".query")
    lines.wait_until("document.querySelector('.query').offsetHeight <= 66")
    lines.page.mouse.move(900, 500)
    lines.page.mouse.wheel(0, 150)
    expect(query).to_be_in_viewport()
    lines.wait_until(f"{WHOLE_LINES} >= 20")  # once fonts and rows have settled
    lines.page.get_by_role("button", name="All of the query").click()
    expect(query.get_by_role("button", name="Add a sound")).to_be_visible()
    lines.end()


def test_columns_are_sorted_and_chosen_and_the_choice_stays(lines: Visit) -> None:
    ranks = column(lines, "rank")
    assert ranks == [str(n + 1) for n in range(len(ranks))]
    lines.page.get_by_role("button", name="LUFS").click()
    levels = [float(text) for text in column(lines, "loudness") if text]
    assert levels == sorted(levels)
    assert len(set(levels)) > 5
    lines.page.get_by_role("button", name="LUFS").click()
    assert [float(text) for text in column(lines, "loudness") if text] == levels[::-1]
    lines.page.get_by_role("button", name="Name", exact=True).click()
    names = lines.page.locator(".lines .name").all_text_contents()
    assert [name.lower() for name in names] == sorted(name.lower() for name in names)
    lines.page.get_by_role("button", name="Columns").click()
    lines.page.get_by_role("checkbox", name="BPM").uncheck()
    lines.page.get_by_role("checkbox", name="Tags").check()
    lines.page.keyboard.press("Escape")
    lines.page.reload()
    lines.page.locator(".lines tr.hit").first.wait_for()
    expect(lines.page.get_by_role("button", name="BPM")).to_be_hidden()
    expect(lines.page.get_by_role("button", name="Tags")).to_be_visible()
    lines.page.locator(".lines tr.hit").first.focus()
    lines.page.keyboard.press("v")
    expect(lines.page.locator(".card").first).to_be_visible()
    lines.end()


def test_arrows_play_the_lines_at_once(lines: Visit) -> None:
    lines.page.locator(".query .name").click()
    lines.page.evaluate("""async () => {
        const player = await import("./js/sound/player.js");
        window.heard = [];
        player.on("start", (key) => window.heard.push(key.split("@")[0]));
    }""")
    lines.page.keyboard.press("ArrowDown")
    for number in (1, 2):
        lines.page.keyboard.press("ArrowDown")
        line = lines.page.locator(".lines tr.hit").nth(number)
        expect(line).to_be_focused()
        lines.wait_until("window.heard.includes(given)", line.get_attribute("data-id"))
    chosen = lines.page.locator(".lines tr.hit").nth(2).locator(".name").text_content()
    lines.page.keyboard.press("Enter")
    expect(lines.page.locator(".query .name")).to_have_text(chosen or "")
    lines.end()


@pytest.mark.parametrize("width", [320, 390, 768, 1920])
def test_lines_are_no_wider_than_any_window(chromium: Browser, server: Server, width: int) -> None:
    visit = Visit.begin(chromium, server, viewport={"width": width, "height": 700})
    visit.search(AMEN)
    visit.page.get_by_role("button", name="List", exact=True).click()
    visit.page.locator(".lines tr.hit").first.wait_for()
    assert visit.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    name = visit.page.locator(".lines .name").first.bounding_box()
    assert name is not None
    assert name["width"] >= 60
    visit.end()
