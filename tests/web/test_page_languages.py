"""The page in the language of the browser: every word of it, and none left over in a table."""

from __future__ import annotations

import json
import re
from importlib import resources
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from browsing import Visit
from serving import Server

PAGE = Path(str(resources.files("soundkin"))) / "web"
# What servers name in English; other tables may have words for it.
FROM_SERVER = ("fact_", "format_", "kit_format_", "column_")
USED = re.compile(r'\btn?\(\s*"(\w+)"|data-(?:text|label)="(\w+)"|\? "(\w+)" : "(\w+)"')
COUNTED = re.compile(r'\bcount\([^"]*?"(\w+)"\)')
VIEWS = ("/", "/?view=library", "/?view=kit", "/?view=crates")


def read_table(language: str) -> dict[str, str]:
    """Read a table of words as a script module has it."""
    text = (PAGE / "js" / "text" / f"{language}.js").read_text("utf-8")
    pairs = re.findall(r'^  (\w+): ("(?:[^"\\]|\\.)*"),$', text, re.MULTILINE)
    assert len(pairs) == text.count('",\n')
    return {key: json.loads(value) for key, value in pairs}


def find_places(words: str) -> set[str]:
    """Find what is put into words."""
    return set(re.findall(r"\{\w+\}", words))


def test_every_word_that_is_asked_for_is_in_the_table_and_no_other() -> None:
    files = [*PAGE.glob("js/**/*.js"), PAGE / "index.html"]
    sources = "\n".join(file.read_text("utf-8") for file in files if file.parent.name != "text")
    used = {key for found in USED.findall(sources) for key in found if key}
    used |= {f"n_{noun}" for noun in COUNTED.findall(sources)}
    english = read_table("en")
    asked = set(re.findall(r'\btn?\(\s*"(\w+)"', sources))
    assert asked - set(english) == set()
    assert set(english) - used == set()


@pytest.mark.parametrize("language", ["de", "ja"])
def test_a_language_has_all_words_with_the_same_places(language: str) -> None:
    english, other = read_table("en"), read_table(language)
    assert set(english) - set(other) == set()
    assert [key for key in set(other) - set(english) if not key.startswith(FROM_SERVER)] == []
    ordinal = {"nth_percentile": {"{b}"}}  # of English numbers alone
    for key, words in english.items():
        expected = find_places(words) - ordinal.get(key, set())
        assert find_places(other[key]) == expected, key


@pytest.mark.parametrize(
    ("locale", "nav", "ways"),
    [
        ("de-AT", ["Suche", "Karte", "Kit", "Kisten", "Bibliothek"], "Aus der Bibliothek"),
        ("ja-JP", ["検索", "マップ", "キット", "クレート", "ライブラリ"], "ライブラリから"),
        ("pt-BR", ["Search", "Map", "Kit", "Crates", "Library"], "From the library"),
    ],
)
def test_the_page_speaks_the_language_of_the_browser(
    chromium: Browser, server: Server, locale: str, nav: list[str], ways: str
) -> None:
    visit = Visit.begin(chromium, server, locale=locale).open("/")
    expect(visit.page.locator("nav a")).to_have_text(nav)
    expect(visit.page.get_by_role("button", name=ways)).to_be_visible()
    assert visit.page.evaluate("document.documentElement.lang") == nav_language(locale)
    visit.search("loop_amen")
    visit.page.locator(".card").first.focus()
    visit.page.keyboard.press("w")
    expect(visit.page.locator(".why table")).to_be_visible()
    for address in VIEWS:
        visit.open(address)
        assert visit.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    visit.end()


def nav_language(locale: str) -> str:
    return locale[:2] if locale[:2] in {"de", "ja"} else "en"


def test_another_language_can_be_chosen(visit: Visit) -> None:
    visit.open("/")
    visit.page.keyboard.press("?")
    visit.page.get_by_label("Language").select_option("de")
    expect(visit.page.locator("nav a").first).to_have_text("Suche")
