"""The page's map: made from the page, heard, coloured, and a line drawn round sounds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FloatRect, expect

from accessibility import find_faults
from browsing import Visit
from conftest import Soundkin
from serving import Server, serve
from sounds import make_noise, make_tone, write_sound

N_SOUNDS = 16


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a server over a library with a map: eight tones, eight noises."""
    folder = tmp_path_factory.mktemp("mapped")
    make_sounds(folder)
    command = Soundkin(folder / "library.sqlite")
    command("index", folder)
    command("map")
    with serve(command) as server:
        yield server


def make_sounds(folder: Path) -> None:
    """Write tones and noises."""
    for number in range(N_SOUNDS // 2):
        write_sound(folder / f"tone {number}.wav", make_tone(200 * 1.2**number, 0.6))
        write_sound(folder / f"noise {number}.wav", make_noise(0.6, number))


def find_point(visit: Visit) -> tuple[float, float]:
    """Find where a point of the map is on the screen, by the note that keys bring beside it."""
    surface, note = visit.page.locator(".above"), visit.page.locator(".map-note")
    surface.focus()
    for _ in range(4):
        surface.press("ArrowLeft")  # off the right edge, where the note is held back
    note.wait_for()
    box = find_surface(visit)
    beside = note.evaluate("(note) => [parseFloat(note.style.left), parseFloat(note.style.top)]")
    return box["x"] + beside[0] - 14, box["y"] + beside[1] - 14


@pytest.fixture
def at_map(chromium: Browser, mapped: Server) -> Iterator[Visit]:
    """Give the map, drawn."""
    visit = Visit.begin(chromium, mapped).open("/?view=map")
    visit.page.locator(".legend li").first.wait_for()
    yield visit
    visit.end()


def find_surface(visit: Visit) -> FloatRect:
    """Find where the map is on the screen."""
    box = visit.page.locator(".surface").bounding_box()
    assert box is not None
    return box


def test_the_map_is_made_from_the_page(soundkin: Soundkin, folder: Path, chromium: Browser) -> None:
    make_sounds(folder)
    soundkin("index", folder)
    with serve(soundkin) as server:
        visit = Visit.begin(chromium, server).open("/?view=map")
        visit.page.get_by_role("button", name="Make the map").click()
        visit.page.locator(".legend li").first.wait_for()
        visit.end()


def test_a_line_round_sounds_lists_them(at_map: Visit) -> None:
    box, mouse = find_surface(at_map), at_map.page.mouse
    at_map.page.get_by_role("button", name="Lasso").click()
    corners = [(0.02, 0.12), (0.98, 0.12), (0.98, 0.99), (0.02, 0.99)]
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    mouse.move(*places[0])
    mouse.down()
    for place in places[1:]:
        mouse.move(*place, steps=3)
    mouse.up()
    cards = at_map.page.locator(".map-side .card")
    expect(at_map.page.locator(".chosen h2")).to_have_text(re.compile(r"^1\d sounds$"))
    n_inside = int(at_map.page.locator(".chosen h2").inner_text().split()[0])
    expect(cards).to_have_count(n_inside)
    assert find_faults(at_map) == []
    at_map.page.get_by_role("button", name="Let go").click()
    expect(cards).to_have_count(0)


def test_a_line_that_ends_on_a_point_keeps_map_and_selection(at_map: Visit) -> None:
    mouse, box, point = at_map.page.mouse, find_surface(at_map), find_point(at_map)
    corners = [(0.02, 0.12), (0.98, 0.12), (0.98, 0.99), (0.02, 0.99)]
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    at_map.page.get_by_role("button", name="Lasso").click()
    mouse.move(*places[0])
    mouse.down()
    for place in [*places[1:], places[0], (point[0] + 3, point[1] + 3)]:
        mouse.move(*place, steps=3)
    mouse.up()
    expect(at_map.page.locator(".chosen h2")).to_have_text(re.compile(r"^1\d sounds$"))
    at_map.page.wait_for_timeout(300)  # for a search that must not come
    assert "view=map" in at_map.page.url
    expect(at_map.page.locator(".map-side .card").first).to_be_visible()
    mouse.click(*point)  # a plain click searches, as ever
    at_map.wait_for_hits()


def test_the_map_is_walked_by_keys_and_searched_from(at_map: Visit) -> None:
    surface = at_map.page.locator(".above")
    surface.focus()
    surface.press("ArrowRight")
    note = at_map.page.locator(".map-note b")
    expect(note).to_have_text(re.compile("tone|noise"))
    name = note.inner_text()
    surface.press("Enter")
    hits = at_map.wait_for_hits()
    expect(at_map.page.locator(".query .name")).to_have_text(name)
    kind = name.split()[0]
    assert sum(hit.startswith(kind) for hit in hits[:7]) >= 6


def test_a_point_sounds_under_the_pointer(at_map: Visit) -> None:
    at_map.page.locator("h1").click(force=True)  # browsers are silent before the first click
    at_map.page.evaluate("""async () => {
        const player = await import("./js/sound/player.js");
        player.on("start", (key) => console.info(`heard ${key}`));
    }""")
    x, y = find_point(at_map)
    with at_map.page.expect_console_message(lambda said: said.text.startswith("heard r")):
        at_map.page.mouse.move(x - 30, y - 30)
        at_map.page.mouse.move(x, y, steps=5)


def test_the_colour_and_the_query_stay_in_the_address(at_map: Visit) -> None:
    colours = at_map.page.get_by_label("Colour", exact=True)
    colours.select_option("duration")
    at_map.page.wait_for_url(re.compile("colour=duration"))
    at_map.open(f"/?view=map&colour=duration&s={at_map.server.find('tone 3')['id']}")
    expect(at_map.page.locator(".chosen")).to_contain_text("The ring is your query")
    expect(colours).to_have_value("duration")
