"""Sounds selected anywhere, put into crates, and taken away as real files."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from browsing import Visit
from conftest import Soundkin
from serving import Server, serve
from sounds import make_noise, make_tone, write_sound


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a server over a library of its own, with a map."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "in").mkdir()
    for number in range(12):
        write_sound(folder / "in" / f"tone {number:02}.wav", make_tone(200 * 1.06**number, 0.5))
        write_sound(folder / "in" / f"noise {number:02}.wav", make_noise(0.5, number))
    command = Soundkin(folder / "library.sqlite")
    command("index", folder / "in")
    command("map")
    with serve(command) as server:
        yield server


@pytest.fixture
def visit(chromium: Browser, own: Server) -> Iterator[Visit]:
    page = Visit.begin(chromium, own)
    yield page
    page.end()


def take_folder(visit: Visit, folder: Path, new: str) -> None:
    """Go to a folder in the dialog, and take a new one in it."""
    dialog = visit.page.get_by_role("dialog", name="Copy to which folder?")
    for part in ["/", *folder.parts[1:]]:
        dialog.get_by_role("button", name=part, exact=True).last.click()
        expect(dialog.locator(".way [aria-current]")).to_have_text(part)
    dialog.get_by_label("a new folder in it").fill(new)
    dialog.get_by_role("button", name="Copy to").click()


def test_a_lasso_makes_a_crate_that_is_copied_byte_for_byte(visit: Visit, tmp_path: Path) -> None:
    visit.open("/?view=map")
    visit.page.get_by_role("button", name="Lasso").click()
    box = visit.page.locator("canvas.above").bounding_box()
    assert box is not None
    corners = [(0.02, 0.1), (0.98, 0.1), (0.98, 0.97), (0.02, 0.97)]
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    visit.page.mouse.move(*places[0])
    visit.page.mouse.down()
    for place in places[1:]:
        visit.page.mouse.move(*place, steps=5)
    visit.page.mouse.up()
    visit.page.get_by_role("button", name="Select them").click()
    expect(visit.page.locator(".tray")).to_contain_text("24 sounds chosen")
    visit.page.get_by_role("button", name="Into a crate").click()
    visit.page.get_by_role("menuitem", name="A new crate").click()
    visit.page.get_by_label("Name", exact=True).fill("all of it")
    visit.page.keyboard.press("Enter")
    visit.page.get_by_role("button", name="Open it").click()
    expect(visit.page.locator(".crates .lines tr.hit")).to_have_count(24)
    visit.page.get_by_role("button", name="Take away").click()
    visit.page.get_by_role("menuitem", name="Copy to a folder").click()
    take_folder(visit, tmp_path, "taken")
    expect(visit.page.locator(".message")).to_contain_text("24 files in")
    recordings = visit.server.get("/recordings", limit=100)["recordings"]
    originals = {Path(one["path"]).name: Path(one["path"]).read_bytes() for one in recordings}
    assert {one.name: one.read_bytes() for one in (tmp_path / "taken").iterdir()} == originals
    with visit.page.expect_download() as download:
        visit.page.get_by_role("button", name="Take away").click()
        visit.page.get_by_role("menuitem", name="A zip of the files").click()
    with zipfile.ZipFile(io.BytesIO(download.value.path().read_bytes())) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == originals


def test_sounds_are_selected_in_cards_lines_and_the_library(visit: Visit) -> None:
    visit.search("tone 03.wav")
    told = visit.page.locator(".tray b")
    cards = visit.page.locator(".card")
    cards.nth(1).click(modifiers=["Control"])
    expect(told).to_have_text("1 sound chosen")
    cards.nth(4).click(modifiers=["Shift"])
    expect(told).to_have_text("4 sounds chosen")
    cards.nth(2).click(modifiers=["Control"])
    expect(told).to_have_text("3 sounds chosen")
    visit.page.keyboard.press("v")
    expect(visit.page.locator(".lines tr[aria-selected=true]")).to_have_count(3)
    visit.page.locator(".lines tr.hit").nth(7).focus()
    visit.page.keyboard.press("x")
    visit.page.keyboard.press("Shift+ArrowDown")
    expect(told).to_have_text("5 sounds chosen")
    visit.page.get_by_role("button", name="Choose none").click()
    expect(visit.page.locator(".tray")).to_be_hidden()
    visit.page.keyboard.press("3")
    boxes = visit.page.locator("tr[data-id] input[type=checkbox]")
    boxes.nth(2).click()
    boxes.nth(6).click(modifiers=["Shift"])
    expect(told).to_have_text("5 sounds chosen")
    visit.page.get_by_label("Tag for all chosen").fill("five")
    visit.page.get_by_role("button", name="Tag", exact=True).click()
    expect(visit.page.get_by_role("button", name="Take the tag five off")).to_have_count(5)


def test_a_crate_is_changed_renamed_and_forgotten(visit: Visit) -> None:
    ids = [visit.server.find(f"noise {n:02}.wav")["id"] for n in (1, 2, 3)]
    items = [{"id": one} for one in ids]
    visit.server.post("/crates", {"name": "hiss", "items": items}, status=201)
    visit.open("/?view=crates")
    visit.page.get_by_role("button", name="hiss").click()
    lines = visit.page.locator(".crates .lines tr.hit")
    expect(lines).to_have_count(3)
    lines.nth(1).click(modifiers=["Control"])
    visit.page.get_by_role("button", name="Take the chosen out").click()
    expect(lines.locator(".name")).to_have_text(["noise 01", "noise 03"])
    visit.page.get_by_role("button", name="Rename").click()
    visit.page.get_by_role("textbox", name="Name").fill("soft hiss")
    visit.page.keyboard.press("Enter")
    expect(visit.page.locator(".crates h2")).to_have_text("soft hiss")
    assert "soft hiss" in [one["name"] for one in visit.server.get("/crates")]
    visit.page.get_by_role("button", name="Forget soft hiss").click()
    expect(visit.page.locator(".message")).to_contain_text("stay in the library")
    assert "soft hiss" not in [one["name"] for one in visit.server.get("/crates")]


def test_colours_of_the_map_can_be_looked_at_alone(visit: Visit) -> None:
    visit.server.post(
        "/tags", {"ids": [visit.server.find("tone 07.wav")["id"]], "add": ["odd"], "remove": []}
    )
    visit.open("/?view=map&colour=tag")
    entry = visit.page.locator(".legend button").filter(has_text="odd")
    entry.click()
    expect(entry).to_have_attribute("aria-pressed", "true")
    visit.page.get_by_role("button", name="Lasso").click()
    box = visit.page.locator("canvas.above").bounding_box()
    assert box is not None
    visit.page.mouse.move(box["x"] + 5, box["y"] + 60)
    visit.page.mouse.down()
    for x, y in ((0.99, 0.1), (0.99, 0.98), (0.01, 0.98)):
        visit.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
    visit.page.mouse.up()
    expect(visit.page.locator(".map-side .name")).to_have_text(["tone 07"])


def test_hits_stand_beside_the_map(visit: Visit) -> None:
    names = visit.search("tone 03.wav")
    visit.page.keyboard.press("2")
    expect(visit.page.locator(".map-side .name")).to_have_text(names)
