"""The page's kits: drawn, swapped, locked, played in a bar, and taken away."""

from __future__ import annotations

import zipfile
from pathlib import Path

from playwright.sync_api import Locator, expect

from browsing import Visit

BAR = """async () => {
    const { playPattern } = await import("./js/kit/pattern.js");
    const context = new AudioContext();
    await context.resume();
    const kit = { tempo: 240, slots: [{ name: "a", recording: {}, steps: [0, 3, 15] }] };
    const struck = [];
    const begun_s = context.currentTime;
    const strike = (slot, when_s) => struck.push(when_s - begun_s);
    const end = playPattern(context, () => kit, strike, () => null);
    while (struck.length < 4) await new Promise((done) => setTimeout(done, 20));
    end();
    return struck;
}"""


def get_slot(visit: Visit, name: str) -> Locator:
    return visit.page.locator(f".slot[data-slot='{name}']")


def read(part: Locator) -> str:
    return part.text_content() or ""


def test_a_kit_is_drawn_swapped_locked_kept_and_taken_away(visit: Visit, tmp_path: Path) -> None:
    page = visit.open("/?view=kit").page
    page.get_by_role("button", name="Draw all").click()
    for name in ("kick", "snare", "perc"):
        expect(get_slot(visit, name).locator(".slot-title")).to_contain_text(name)
    expect(page.locator("#messages")).to_contain_text("clap")
    kick = get_slot(visit, "kick").locator(".slot-title")
    snare = get_slot(visit, "snare").locator(".slot-title")
    seen = [read(kick)]
    for _ in range(3):
        get_slot(visit, "kick").get_by_label("Swap the kick for a neighbour").click()
        expect(kick).not_to_have_text(seen[-1])
        seen.append(read(kick))
    assert len(set(seen)) == len(seen)
    get_slot(visit, "snare").get_by_label("Keep the snare").click()
    locked = read(snare)
    page.get_by_role("button", name="Draw all").click()
    expect(kick).not_to_have_text(seen[-1])
    expect(snare).to_have_text(locked)
    get_slot(visit, "snare").get_by_label("snare, step 16").click()
    page.reload()
    expect(snare).to_have_text(locked)
    expect(get_slot(visit, "snare").get_by_label("snare, step 16")).to_have_attribute(
        "aria-pressed", "true"
    )
    page.get_by_label("Name of the kit").fill("dust")
    page.get_by_label("Name of the kit").blur()
    page.get_by_role("button", name="Export", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="SFZ instrument").click()
    download.value.save_as(tmp_path / "kit.zip")
    with zipfile.ZipFile(tmp_path / "kit.zip") as archive:
        files = archive.namelist()
    assert "dust/dust.sfz" in files
    assert f"dust/samples/snare - {locked}.wav" in files


def test_the_bar_plays_in_time_and_stops(visit: Visit) -> None:
    page = visit.open("/?view=kit").page
    page.get_by_role("button", name="Draw all").click()
    expect(get_slot(visit, "kick").locator(".slot-title")).to_be_visible()
    page.get_by_role("button", name="Play the bar").click()
    expect(page.locator(".step.now").first).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".step.now")).to_have_count(0)
    first, *later = page.evaluate(BAR)
    times = [round(at - first, 6) for at in later]
    assert times == [round(step * 60 / 240 / 4, 6) for step in (3, 15, 16)]


def test_a_hit_goes_into_the_kit(visit: Visit) -> None:
    visit.search("bd_808.flac")
    visit.page.locator(".card").first.focus()
    visit.page.keyboard.press("m")
    name = visit.page.locator(".more-box h2").inner_text()
    visit.page.get_by_role("button", name="Add to the kit").click()
    visit.page.get_by_role("button", name="Open the kit").click()
    expect(visit.page.locator(".slot-title", has_text=name)).to_be_visible()


def test_steps_are_walked_and_set_by_the_keyboard(visit: Visit) -> None:
    page = visit.open("/").page
    page.keyboard.press("4")
    page.get_by_label("kick, step 1", exact=True).focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_label("kick, step 16")).to_be_focused()
    page.keyboard.press("Space")
    expect(page.get_by_label("kick, step 16")).to_have_attribute("aria-pressed", "true")
