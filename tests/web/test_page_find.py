"""The page: every occurrence of a region in its own recording."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from browsing import Visit
from conftest import Soundkin
from field_recordings import CALL_S, FieldRecording, make_field_recording
from serving import Server, serve

FIRST = re.compile("^1 of 6: 0:07")
SECOND = re.compile("^2 of 6: 0:21")
LAST = re.compile("^6 of 6: 1:20")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder for a library and its recording."""
    folder = tmp_path_factory.mktemp("field") / "sounds"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def field(place: Path) -> FieldRecording:
    """Give a recording with six calls in it."""
    return make_field_recording(place)


@pytest.fixture(scope="module")
def server(place: Path, field: FieldRecording) -> Iterator[Server]:
    """Give a server over a library of that recording."""
    command = Soundkin(place.parent / "library.sqlite")
    command("index", place)
    with serve(command) as running:
        yield running


@pytest.fixture
def visit(chromium: Browser, server: Server, field: FieldRecording) -> Iterator[Visit]:
    """Give a page that searches with the first call, its other calls shown."""
    page = Visit.begin(chromium, server)
    start_s = field.starts_s[0] - 0.05
    page.open(f"/?s={server.find('night')['id']}@{start_s:.2f}-{start_s + CALL_S + 0.1:.2f}")
    page.page.get_by_role("button", name="Everywhere in this recording").click()
    expect(page.page.locator(".ticks button")).to_have_count(len(field.starts_s))
    yield page
    page.end()


def test_every_match_is_a_tick_where_it_lies(visit: Visit, field: FieldRecording) -> None:
    ticks = visit.page.locator(".ticks button")
    lefts = [float(one.evaluate("e => e.style.left").rstrip("%")) for one in ticks.all()]
    assert lefts == pytest.approx([100 * start_s / 90 for start_s in field.starts_s], abs=0.1)


def test_keys_go_from_match_to_match(visit: Visit) -> None:
    words = visit.page.locator(".matches")
    visit.page.locator(".query .name").click()
    keys = visit.page.keyboard
    keys.press("n")
    expect(words).to_have_text(FIRST)
    keys.press("n")
    expect(words).to_have_text(SECOND)
    expect(visit.page.locator(".ticks .chosen")).to_have_attribute("title", re.compile("0:21"))
    keys.press("p")
    keys.press("p")
    expect(words).to_have_text(LAST)
    visit.page.get_by_role("button", name="Next match").click()
    expect(words).to_have_text(FIRST)
    visit.page.locator(".ticks button").nth(1).click(force=True)
    expect(words).to_have_text(SECOND)


def test_the_slider_sets_the_least_score(visit: Visit) -> None:
    ticks = visit.page.locator(".ticks button")
    slider = visit.page.get_by_role("slider", name="Least score")
    before = ticks.count()
    slider.fill("0.99")
    expect(ticks).to_have_count(0)
    expect(visit.page.locator(".matches")).to_contain_text("None has such a score")
    visit.page.get_by_role("button", name="As chosen").click()
    expect(ticks).to_have_count(before)


def test_what_is_shown_is_exported(visit: Visit, field: FieldRecording) -> None:
    panel = visit.page.locator(".everywhere")
    panel.get_by_role("button", name="Export").click()
    with visit.page.expect_download() as download:
        panel.get_by_role("menuitem", name="Raven selections").click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert download.value.suggested_filename == "hits.selections.txt"
    assert len(lines) == 1 + len(field.starts_s)
    begins = [float(line.split("\t")[3]) for line in lines[1:]]
    assert begins == pytest.approx(field.starts_s, abs=0.05)


def test_the_matches_follow_the_query(visit: Visit, field: FieldRecording) -> None:
    id_ = visit.server.find("night")["id"]
    before = visit.page.locator(".ticks button").count()
    visit.page.evaluate(
        """([id]) => import("/js/base/state.js").then(({ searchFrom }) =>
            searchFrom({ id, start_s: 2.9, end_s: 3.6 }))""",
        [id_],
    )
    expect(visit.page.locator(".ticks button")).not_to_have_count(before)
    assert visit.page.locator(".ticks button").first.get_attribute("title")
