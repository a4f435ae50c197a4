"""What is asked is seen in chips, and all of it can be taken back."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from accessibility import find_faults
from browsing import Visit


def test_a_disliked_card_comes_back_by_its_chip_and_by_undo(visit: Visit) -> None:
    hits = visit.search("drum_snare_hard")
    chips = visit.page.locator(".chip")
    expect(chips).to_have_count(1)
    card = visit.page.locator(".card").first
    card.get_by_role("button", name="Less like this").click()
    judged = visit.wait_for_change(hits)
    assert hits[0] not in judged
    scores = visit.page.locator(".card .score b").all_text_contents()
    assert all(0 <= float(score) <= 1 for score in scores)
    visit.page.get_by_role("button", name=f"Take away: less like {hits[0]}").click()
    visit.wait_for(hits)
    visit.page.keyboard.press("Control+z")
    visit.wait_for(judged)
    visit.page.keyboard.press("Control+z")
    visit.wait_for(hits)
    visit.page.keyboard.press("Control+Shift+z")
    visit.wait_for(judged)
    visit.page.get_by_role("button", name="Undo (Ctrl+Z)").click()
    visit.wait_for(hits)
    expect(chips).to_have_count(1)
    card.get_by_role("button", name="Less like this").click()
    visit.wait_for(judged)
    visit.page.get_by_label("Length, most").fill("100")
    expect(chips).to_have_count(3)
    visit.page.get_by_role("button", name="Bring it back").last.click()
    visit.wait_for_change(judged)
    expect(visit.page.locator(".chip.dislike")).to_have_count(0)
    expect(chips).to_have_count(2)


def test_every_filter_and_weight_has_a_chip_that_takes_it_away(visit: Visit) -> None:
    hits = visit.search("loop_amen")
    other = visit.server.find("bd_tek")["id"]
    rest = f"&s={other}*-0.5&like={other}@0&min=0.1&type=.flac&name=-ambi&f.brightness=100..9000"
    visit.search("loop_amen", f"{rest}&w.pitch=0.5&fold=1&percentile=1")
    chips = visit.page.locator(".chip")
    expect(chips).to_have_count(10)
    expect(visit.page.locator(".chip .chip-words").first).to_have_text("loop_amen")
    assert find_faults(visit) == []
    for kind in ("subtracted: bd_tek", "more like bd_tek", "length from 0.1", "type FLAC"):
        visit.page.get_by_role("button", name=re.compile(f"^Take away: {kind}")).click()
    for kind in ("name -ambi", "brightness 100 to 9000", "also alike in pitch"):
        visit.page.get_by_role("button", name=re.compile(f"^Take away: {kind}")).click()
    for kind in ("without near-copies", "percentile"):
        visit.page.get_by_role("button", name=re.compile(f"^Take away: {kind}")).click()
    visit.wait_for(hits)
    expect(chips).to_have_count(1)


def test_undo_leaves_what_is_being_written_alone(visit: Visit) -> None:
    hits = visit.search("loop_amen")
    visit.page.get_by_label("Length, most").fill("1")
    short = visit.wait_for_change(hits)
    field = visit.page.get_by_label("Words of name, folder or tags")
    field.press_sequentially("drum")
    expect(visit.page.locator(".chip", has_text="name drum")).to_be_visible()
    field.press("Control+z")
    expect(field).not_to_have_value("drum")
    expect(visit.page.get_by_label("Length, most")).to_have_value("1")
    visit.wait_for(short)
    visit.page.get_by_role("button", name="Undo (Ctrl+Z)").focus()
    for _ in range(3):  # the name taken away, the name given, the length
        visit.page.keyboard.press("Control+z")
    visit.wait_for(hits)
