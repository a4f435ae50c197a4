"""Small things that stopped the hand once: each works as one would expect."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Browser, expect

from browsing import Visit
from conftest import Soundkin
from serving import Server, serve
from sounds import make_noise, make_tone, write_sound

AMEN = "loop_amen"


def test_play_becomes_stop_and_back(visit: Visit) -> None:
    visit.search(AMEN)
    visit.page.locator(".query .name").click()
    visit.page.locator(".query").get_by_role("button", name="Play loop_amen").click()
    stop = visit.page.locator(".query").get_by_role("button", name="Stop loop_amen")
    expect(stop).to_be_visible()
    stop.click()
    expect(visit.page.locator(".query").get_by_role("button", name="Play")).to_be_visible()


def test_the_start_page_draws_sounds_far_apart(visit: Visit) -> None:
    visit.open("/")
    visit.page.locator(".card").first.wait_for()
    ids = visit.page.locator(".card").evaluate_all("all => all.map((card) => card.dataset.id)")
    assert len(set(ids)) == 12
    families = {visit.server.get(f"/sounds/{one}")["name"].split("_")[0] for one in ids}
    assert len(families) >= 5


def test_the_filter_that_lets_nothing_through_is_named(visit: Visit) -> None:
    visit.search(AMEN)
    visit.page.get_by_label("Length, least").fill("1")
    visit.page.get_by_label("Words of name, folder or tags").fill("nothing called so")
    expect(visit.page.locator(".verdict")).to_contain_text("without the words “nothing called so”")
    visit.complaints.clear()  # Chromium logs the refusal itself


def test_a_favourite_of_one_tab_is_seen_in_the_other(
    chromium: Browser, soundkin: Soundkin, folder: Path
) -> None:
    for seed in range(3):
        write_sound(folder / f"noise {seed}.wav", make_noise(1.0, seed))
    soundkin("index", folder)
    with serve(soundkin) as server:
        one = Visit.begin(chromium, server)
        one.open("/?view=library")
        tab = one.page.context.new_page()
        tab.goto(one.address + f"/?s={server.find('noise 0')['id']}")
        tab.locator(".card").first.wait_for()
        tab.locator(".card .more").first.click()
        tab.get_by_role("button", name="Add a tag").click()
        tab.keyboard.type("soft")
        tab.keyboard.press("Enter")
        expect(one.page.get_by_role("button", name="Take the tag soft off")).to_have_count(1)
        one.end()


def test_a_concept_is_found_in_the_picker(
    chromium: Browser, soundkin: Soundkin, folder: Path
) -> None:
    for seed in range(3):
        write_sound(folder / f"noise {seed}.wav", make_noise(1.0, seed))
    write_sound(folder / "tone.wav", make_tone(500))
    soundkin("index", folder)
    with serve(soundkin) as server:
        noise = server.find("noise 1")["id"]
        server.post("/concepts", {"name": "soft hiss", "sounds": [{"id": noise}]}, status=201)
        visit = Visit.begin(chromium, server).open("/")
        visit.page.get_by_role("button", name="From the library").click()
        visit.page.get_by_role("searchbox").fill("hiss")
        visit.page.get_by_role("option", name="soft hiss").click()
        assert set(visit.wait_for_hits()[:3]) == {"noise 0", "noise 1", "noise 2"}
        visit.end()


def test_the_library_is_sorted_heard_under_the_pointer_and_counted(visit: Visit) -> None:
    visit.open("/?view=library")
    rows = visit.page.locator("tr[data-id]")
    rows.first.wait_for()
    visit.page.get_by_role("button", name="Length").click()
    expect(visit.page.get_by_role("columnheader", name="Length")).to_have_attribute(
        "aria-sort", "ascending"
    )
    recordings = visit.server.get("/recordings", sort="duration", limit=3)["recordings"]
    shortest = [one["name"] for one in recordings]
    expect(rows.locator("b").nth(0)).to_have_text(shortest[0])
    expect(rows.locator("b").nth(2)).to_have_text(shortest[2])
    visit.page.locator("h1").click()
    rows.nth(1).hover()
    expect(rows.nth(1)).to_have_class(re.compile("playing"))


def test_why_tells_every_sound_of_the_query(visit: Visit, server: Server) -> None:
    other = server.find("ambi_drone")["id"]
    visit.open(f"/?s={server.find(AMEN)['id']}&s={other}*-0.5")
    visit.wait_for_hits()
    visit.page.locator(".card").first.focus()
    visit.page.keyboard.press("w")
    captions = visit.page.locator(".why figcaption")
    expect(captions).to_have_count(3)
    expect(captions.nth(1)).to_contain_text("Not like: ambi_drone")


def test_forced_colours_still_tell_what_is_pressed(chromium: Browser, server: Server) -> None:
    visit = Visit.begin(chromium, server, forced_colors="active")
    visit.search(AMEN)
    pressed, other = (
        visit.page.locator(".card .like").nth(0),
        visit.page.locator(".card .like").nth(1),
    )
    pressed.click()
    expect(visit.page.locator(".card .like[aria-pressed=true]")).to_have_count(1)
    style = "(one) => getComputedStyle(one).backgroundColor"
    chosen = visit.page.locator(".card .like[aria-pressed=true]").evaluate(style)
    assert chosen != visit.page.locator(".card .like[aria-pressed=false]").first.evaluate(style)
    assert other
    visit.end()


def test_hover_plays_is_not_offered_to_fingers(chromium: Browser, server: Server) -> None:
    visit = Visit.begin(chromium, server, has_touch=True, is_mobile=True)
    visit.search(AMEN)
    expect(visit.page.locator(".hover-plays")).to_be_hidden()
    visit.end()


def test_recordings_of_a_key_are_filtered_and_listed(visit: Visit) -> None:
    facts = {fact["name"]: fact for fact in visit.server.get("/info")["facts"]}
    [kind, *_] = [one["name"] for one in facts["key"]["kinds"]]
    hits = visit.search("ambi_drone")
    box = visit.page.get_by_role("group", name="Key").get_by_label(kind)
    box.check()
    visit.wait_for_change(hits)
    ids = visit.page.locator(".card").evaluate_all("all => all.map((card) => card.dataset.id)")
    assert {visit.server.get(f"/sounds/{one}")["facts"]["key_name"] for one in ids} == {kind}
    expect(visit.page.locator(".chip-words").filter(has_text=f"key {kind}")).to_be_visible()
    visit.page.reload()
    expect(box).to_be_checked()
