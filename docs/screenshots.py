"""Take the README's pictures of the page: `make screenshots`.

A server over the demo sounds and headless Chromium; the pictures land in docs/screenshots.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).parent
FOLDER = HERE / "screenshots"
SOUNDS = HERE.parent / "demo" / "sounds"
COMMAND = Path(sys.executable).with_name("soundkin")
SIZE = {"width": 1280, "height": 860}
N_COLOURS = 200
SWITCHES = ["--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader"]
OF_KIT = ("elec_snare", "drum_cymbal_closed")  # for slots that no name has the words of
FILL = """async (recordings) => {
    const store = await import("./js/kit/store.js");
    const { library } = await (await import("./js/base/api.js")).loadInfo();
    const kit = store.openKit(library);
    kit.slots.filter(({ name }) => ["hat", "clap"].includes(name)).forEach((slot, i) => {
        slot.source = [{ id: recordings[i].id }];
        store.fillSlot(slot, recordings[i]);
    });
}"""
TAGS = ("tabla", "drum", "bass", "ambi", "loop", "perc", "guit", "vinyl", "bd", "elec")


def make_library(path: Path) -> None:
    """Index the demo sounds, tag them, and make the map."""

    def run(*arguments: str) -> None:
        subprocess.run([COMMAND, *arguments, "--library", str(path)], check=True)

    run("index", str(SOUNDS))
    for tag in TAGS:
        run("tag", *map(str, sorted(SOUNDS.glob(f"{tag}_*"))), "--add", tag)
    run("map")


def take_picture(browser: Browser, scheme: str, name: str, visit: Callable[[Page], None]) -> None:
    """Visit the page and keep what is seen as a PNG of few colours."""
    page = browser.new_page(viewport=SIZE, color_scheme=scheme)  # type: ignore[arg-type]
    visit(page)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB").quantize(N_COLOURS)
    picture.save(FOLDER / f"{name}.png", optimize=True)
    page.close()
    print(f"docs/screenshots/{name}.png  {(FOLDER / f'{name}.png').stat().st_size // 1024} kB")


def main() -> None:
    """Take all pictures."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("This needs Chromium: apt-get install chromium")
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        library = Path(folder) / "demo.sqlite"
        make_library(library)
        serve = [COMMAND, "serve", "--no-open", "--port", "0", "--library", library]
        server = subprocess.Popen(serve, stdout=subprocess.PIPE, text=True)
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        browser = playwright.chromium.launch(executable_path=chromium, args=SWITCHES)
        try:
            visit_all(browser, address)
        finally:
            browser.close()
            server.terminate()
            server.wait()


def visit_all(browser: Browser, address: str) -> None:
    """Visit the search in both themes, its list, the kit and the map."""
    with urllib.request.urlopen(f"{address}api/v1/recordings?text=loop_amen") as answer:
        amen = json.load(answer)["recordings"][0]["id"]

    def search(page: Page) -> None:
        page.goto(f"{address}?s={amen}@0.4-1.3")
        page.locator(".card").nth(5).wait_for()
        page.locator(".strip img.there").wait_for()
        page.wait_for_timeout(1500)

    def see_map(page: Page) -> None:
        page.goto(f"{address}?view=map&colour=tag&s={amen}")
        page.locator(".legend li").first.wait_for()
        page.wait_for_timeout(1500)

    def see_list(page: Page) -> None:
        search(page)
        page.keyboard.press("v")
        lines = page.locator(".lines tr.hit")
        lines.nth(2).click(modifiers=["Control"])
        lines.nth(5).click(modifiers=["Shift"])
        page.wait_for_timeout(1500)

    def see_kit(page: Page) -> None:
        page.goto(f"{address}?view=kit")
        with urllib.request.urlopen(f"{address}api/v1/recordings?limit=100") as answer:
            found = {one["name"]: one for one in json.load(answer)["recordings"]}
        page.evaluate(FILL, [found[f"{name}.flac"] for name in OF_KIT])
        page.reload()
        page.get_by_role("button", name="Draw all").click()
        page.locator(".slot-title").nth(4).wait_for()
        page.wait_for_timeout(1500)

    take_picture(browser, "light", "search", search)
    take_picture(browser, "light", "list", see_list)
    take_picture(browser, "dark", "kit", see_kit)
    take_picture(browser, "dark", "search-dark", search)
    take_picture(browser, "dark", "map", see_map)


if __name__ == "__main__":
    main()
