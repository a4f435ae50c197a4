"""The page keeps its shape: names of any length, any window, the focus always in sight."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, expect

from browsing import Visit
from conftest import Soundkin
from serving import Server, serve
from sounds import make_noise, make_tone, write_sound

WIDTHS = ((320, 390, 768), (1280, 1920))  # at the first the page is loaded, then widened
NAMES = (
    "n" * 240,
    "Loopmasters_Vintage_Drum_Machine_Kick_Analog_Warm_Saturated_00001",
    "\N{DRUM WITH DRUMSTICKS}" * 40,
    "\N{HEBREW LETTER ALEF}" * 100,
    "a\N{COMBINING DIAERESIS}" * 60,
)
WIDER = """() => [...document.querySelectorAll("main *")].filter((one) => {
    const { left, right, width, height } = one.getBoundingClientRect();
    const held = one.closest(".unseen, [role=tablist], .table-box, .history-list, canvas");
    return !held && width && height && (left < -1 || right > innerWidth + 1);
}).map((one) => `${one.tagName}.${one.className}`).slice(0, 5)"""
FILL_KIT = """async (ids) => {
    const { addRecording } = await import("./js/kit/store.js");
    const { loadInfo, loadSound } = await import("./js/base/api.js");
    const { library } = await loadInfo();
    for (const id of ids) addRecording(library, await loadSound(id));
}"""
RING = (13, 106, 90)  # --kin of the light theme


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a server over sounds with unwieldy names, some of them tagged."""
    folder = tmp_path_factory.mktemp("named")
    tones, noises = [], []
    for number in range(14):
        name = (["tone 1", "tone 2"] * 6 + list(NAMES[:2]))[number] + (f" {number}" * (number < 12))
        tones.append(write_sound(folder / f"{name}.wav", make_tone(200 * 1.06**number, 0.5)))
        noises.append(write_sound(folder / f"noise {number}.wav", make_noise(0.5, number)))
    for number, name in enumerate(NAMES[2:]):
        write_sound(folder / f"{name}.wav", make_tone(203 * 1.1**number, 0.5))
    command = Soundkin(folder / "library.sqlite")
    command("index", folder)
    command("map")
    command("tag", *tones[:11], "--add", "p" * 60)
    command("tag", *noises[:11], "--add", "h" * 60)
    with serve(command) as server:
        yield server


def rule_sides(shot: bytes) -> list[float]:
    """Say how much of each side of a picture, left, top, right, bottom, is a focus ring."""
    pixels = np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)
    is_ring = np.abs(pixels - RING).max(axis=2) < 12
    bands = [is_ring[:, :8].T, is_ring[:8], is_ring[:, -8:].T, is_ring[-8:]]
    return [float(band.any(axis=0).mean()) for band in bands]


def find_box(part: Locator) -> tuple[float, float, float, float]:
    """Find where something is: left, top, right, bottom."""
    box = part.bounding_box()
    assert box is not None
    return box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]


@pytest.mark.parametrize("widths", WIDTHS)
def test_no_name_is_wider_than_the_window(
    chromium: Browser, named: Server, widths: tuple[int, ...]
) -> None:
    width = widths[0]
    visit = Visit.begin(chromium, named, viewport={"width": width, "height": 800})
    ids = [named.find(name[:90] + ".wav" if len(name) < 70 else name[:90])["id"] for name in NAMES]
    addresses = [f"/?s={ids[0]}", f"/?s={ids[1]}&s={ids[2]}*-0.5", f"/?s={ids[3]}", "/"]
    addresses += [f"/?view=map&s={ids[4]}", "/?view=library", f"/?view=hear&s={ids[0]}"]
    visit.open("/")
    visit.page.evaluate(FILL_KIT, [named.find(name[:90])["id"] for name in NAMES])
    items = [{"id": named.find(name[:90])["id"]} for name in NAMES]
    named.post("/crates", {"name": "c" * 200, "items": items}, status=201)
    for address in [*addresses, "/?view=kit", "/?view=crates"]:
        visit.open(address)
        visit.page.locator(
            ".card, tr[data-id], .legend li, .heard li, .slot, .lines .hit"
        ).first.wait_for()
        for window in (*widths[1:], width):
            visit.page.set_viewport_size({"width": window, "height": 800})
            visit.page.wait_for_timeout(200)
            assert visit.page.evaluate(WIDER) == [], (address, window)
            overflow = visit.page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert overflow <= 0, (address, window)
    visit.open(f"/?s={ids[0]}")
    visit.wait_for_hits()
    visit.page.keyboard.press("v")
    visit.page.locator(".lines tr.hit").nth(1).click(modifiers=["Control"])
    assert visit.page.evaluate(WIDER) == []
    assert visit.page.evaluate(WIDER.replace("main *", ".tray *")) == []
    visit.page.get_by_role("button", name="Choose none").click()
    visit.page.keyboard.press("v")
    for name in ("Record", "Play "):
        button = visit.page.locator(".query").get_by_role("button", name=name).first
        left, _, right, _ = find_box(button)
        assert 0 <= left < right <= width
    visit.page.locator(".card").first.get_by_role("button", name="More", exact=True).click()
    assert visit.page.evaluate(WIDER.replace("main *", "dialog *")) == []
    visit.open("/?view=library")
    visit.page.get_by_role("tab", name="Suggested tags").click()
    accept = visit.page.get_by_role("button", name="Accept").first
    accept.wait_for()
    assert visit.page.evaluate(WIDER) == []
    visit.end()


def test_a_long_name_shows_its_end(chromium: Browser, named: Server) -> None:
    visit = Visit.begin(chromium, named, viewport={"width": 390, "height": 800})
    visit.open(f"/?s={named.find('Vintage_Drum_Machine')['id']}")
    end = visit.page.locator(".query .name").get_by_text("ted_00001", exact=True)
    left, _, right, _ = find_box(end)
    assert 0 < left < right < 390
    expect(visit.page.locator(".query .name")).to_have_text(NAMES[1])
    visit.end()


def test_the_focus_ring_of_a_card_is_whole(visit: Visit) -> None:
    visit.search("loop_amen")
    visit.page.keyboard.press("ArrowDown")
    card = visit.page.locator(".card:focus")
    left, top, right, bottom = find_box(card)
    clip = {"x": left - 5, "y": top - 5, "width": right - left + 10, "height": bottom - top + 10}
    sides = rule_sides(visit.page.screenshot(clip=clip))
    assert min(sides) > 0.85, sides


@pytest.mark.parametrize("width", [640, 1280])
def test_a_focused_card_is_not_below_the_bar(chromium: Browser, server: Server, width: int) -> None:
    visit = Visit.begin(chromium, server, viewport={"width": width, "height": 450})
    visit.search("loop_amen")
    bar = visit.page.locator(".bar")
    keys = visit.page.keyboard
    keys.press("ArrowDown")
    for key in ("End", *["ArrowUp"] * 6):
        keys.press(key)
        visit.page.wait_for_timeout(60)
        assert find_box(visit.page.locator(".card:focus"))[1] > find_box(bar)[3]
    visit.end()


@pytest.mark.parametrize("how", ["Enter", "button"])
def test_a_search_from_deep_in_the_list_shows_query_and_first_hits(visit: Visit, how: str) -> None:
    hits = visit.search("loop_amen")
    visit.page.keyboard.press("ArrowDown")
    visit.page.keyboard.press("End")
    card = visit.page.locator(".card:focus")
    name = card.locator(".name").inner_text()
    if how == "Enter":
        card.press("Enter")
    else:
        card.get_by_role("button", name="From here").click()
    visit.wait_for_change(hits)
    expect(visit.page.locator(".query .name")).to_have_text(name)
    expect(visit.page.locator(".query .name")).to_be_in_viewport()
    expect(visit.page.locator(".card").first).to_be_in_viewport()
    if how == "Enter":
        expect(visit.page.locator(".card").first).to_be_focused()


def test_long_names_do_not_hide_a_file(named: Server) -> None:
    names = {Path(row["path"]).stem for row in named.get("/recordings", limit=100)["recordings"]}
    assert set(NAMES) <= names
