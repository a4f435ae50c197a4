"""The real page in headless Chromium, against `soundkin serve` in a process of its own."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserType, Page, expect

from needed import find_program
from serving import Server
from soundkin.system.app_window import find_browser

PATIENCE_MS = 60_000
NAMES = ("chromium", "chromium-browser", "google-chrome")
MISSING = "the page's tests need Chromium: apt-get install chromium"
# Drawn by the processor, WebGL too, as there may be no graphics card; no sandbox for root's sake.
SWITCHES = ("--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader", "--mute-audio")
# Hands the page a file as if it had been dropped from a file manager.
DROP = """([bytes, name, how]) => {
    const data = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([data], name));
    const send = (kind, target) => target.dispatchEvent(
        new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));
    send("dragenter", document.body);
    const zone = document.querySelector(`.zone[data-how="${how}"]`);
    send("dragover", zone);
    send("drop", zone);
}"""

expect.set_options(timeout=PATIENCE_MS)


def find_chromium() -> str:
    """Find Chromium; where there is none, skip the test, or fail it under CI."""
    found = find_browser()
    return str(found) if found else find_program(*NAMES, words=MISSING)


def launch(kind: BrowserType, *switches: str) -> Browser:
    """Start Chromium, with more switches than the usual ones."""
    return kind.launch(executable_path=find_chromium(), args=[*SWITCHES, *switches], timeout=60_000)


class Visit:
    """A page of the server, and what its console said against it."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page = page
        self.server = server
        self.address = server.address.rstrip("/")
        self.complaints: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        # CSP violations come to the console too; this one says which directive.
        page.add_init_script(
            "addEventListener('securitypolicyviolation',"
            " (event) => console.error('CSP', event.violatedDirective, event.blockedURI))"
        )

    @classmethod
    def begin(cls, browser: Browser, server: Server, **options: Any) -> Visit:
        """Open a page of its own, with no cookies, nothing kept and no motion."""
        given = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"} | options
        return cls(browser.new_context(**given).new_page(), server)

    def end(self) -> None:
        """Close the page; its console must have stayed clean."""
        self.page.context.close()
        assert not self.complaints, self.complaints

    def _listen(self, message: Any) -> None:
        if message.type in {"error", "warning"} and "GPU stall" not in message.text:
            self.complaints.append(message.text)

    def open(self, address: str = "/") -> Visit:
        """Go to an address of the server, and wait for the view."""
        self.page.goto(self.address + address)
        self.page.locator(".view").wait_for()
        return self

    def search(self, name: str, rest: str = "") -> list[str]:
        """Search from a recording by its name; `rest` goes on in the address."""
        self.open(f"/?s={self.server.find(name)['id']}{rest}")
        return self.wait_for_hits()

    def drop(self, path: Path, how: str = "search") -> None:
        """Drop a file on the page, on the zone that searches, adds or subtracts."""
        content = base64.b64encode(path.read_bytes()).decode()
        self.page.evaluate(DROP, [content, path.name, how])

    def wait_for_hits(self) -> list[str]:
        """Wait until the hits of the search at work are there; gives their names in order."""
        hits = self.page.locator(".searching .cards:not(.stale)")
        hits.locator(".card").first.wait_for()
        return hits.locator(".name").all_text_contents()

    def names(self) -> list[str]:
        """The names on the cards as they are now."""
        return self.page.locator(".card .name").all_text_contents()

    def wait_for(self, names: list[str]) -> None:
        """Wait until these are the hits."""
        expect(self.page.locator(".cards:not(.stale) .card .name")).to_have_text(names)

    def wait_until(self, condition: str, given: Any = None) -> None:
        """Wait until a JavaScript expression (of `given`) or its promise is true of the page.

        It goes over as a function: a bare expression is read anew at every look, which the page's
        own policy forbids (all but the first).
        """
        self.page.wait_for_function(f"(given) => ({condition})", arg=given)

    def wait_for_change(self, names: list[str]) -> list[str]:
        """Wait until the hits are others than these."""
        now = "[...document.querySelectorAll('.card .name')].map((name) => name.textContent).join()"
        there = "!document.querySelector('.cards').classList.contains('stale')"
        self.wait_until(f"{there} && {now} && {now} !== given", ",".join(names))
        return self.names()
