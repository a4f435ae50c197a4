"""The page in headless Chromium: first paint, hits, two hundred cards, a map of many points.

python -m benchmarks.speed.page [LIBRARY] [--recordings 100000] [--runs 5]

The large library is drawn from LIBRARY (`harness/synthetic_library.py`), one segment a recording,
so that its map has as many points as it has segments; else from the demo sounds. Its map is
computed first, with `soundkin map`, and timed. Browser and server share the cores, and the browser
draws without a graphics card (SwiftShader), so frames a second are fewer than anyone will see.
"""

from __future__ import annotations

import argparse
import gzip
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.harness.commands import COMMAND, describe_machine, print_table, run_command
from benchmarks.harness.synthetic_library import make_library

DEMO = Path(__file__).parents[2] / "demo" / "sounds"
SWITCHES = ("--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader", "--mute-audio")
SIZE = {"width": 1280, "height": 900}
PANS = 60
PATIENCE_MS = 120_000
FRAMES = """() => {
    window.frames_ms = [];
    let last = performance.now();
    const tick = (now) => {
        window.frames_ms.push(now - last);
        last = now;
        requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
}"""


@contextmanager
def serve(library: Path) -> Iterator[str]:
    """Run a server over a library; yields its address."""
    command = [COMMAND, "serve", "--library", library, "--port", "0", "--no-open"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def find_browser() -> str:
    """Find Chromium."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise SystemExit("Chromium is missing: apt-get install chromium")
    return found


def open_page(browser: Browser) -> Page:
    """Open an empty page that nothing is kept for."""
    page = browser.new_context(viewport=SIZE, reduced_motion="reduce").new_page()  # type: ignore[arg-type]
    page.set_default_timeout(PATIENCE_MS)
    return page


def time_paint(browser: Browser, address: str) -> tuple[float, float]:
    """Open the page for the first time: ms to its first contentful paint, and bytes transferred."""
    page = open_page(browser)
    sizes: list[int] = []
    page.on("response", lambda answer: sizes.append(len(gzip.compress(answer.body()))))
    page.goto(address, wait_until="networkidle")
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    page.context.close()
    return float(paint), float(sum(sizes))


def time_hits(browser: Browser, address: str, top_k: int) -> tuple[float, float]:
    """Open a shared search: ms until its hits stand there, and the longest frame in a walk."""
    page = open_page(browser)
    started = time.perf_counter()
    page.goto(f"{address}?s=r17&n={top_k}")
    page.locator(".searching .cards:not(.stale) .card").nth(top_k - 1).wait_for()
    taken_ms = 1000 * (time.perf_counter() - started)
    page.wait_for_timeout(1000)  # pictures come as cards come into view
    page.evaluate(FRAMES)
    page.keyboard.press("ArrowDown")
    for _ in range(40):
        page.keyboard.press("ArrowDown")
        page.wait_for_timeout(25)
    page.keyboard.press("End")
    page.wait_for_timeout(500)
    longest = page.evaluate("Math.max(...window.frames_ms.slice(1))")
    page.context.close()
    return taken_ms, float(longest)


def time_map(browser: Browser, address: str) -> tuple[float, float]:
    """Open the map: ms until its points are drawn, and frames a second while it is dragged."""
    page = open_page(browser)
    started = time.perf_counter()
    page.goto(f"{address}?view=map")
    page.locator(".legend li").first.wait_for()
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    taken_ms = 1000 * (time.perf_counter() - started)
    page.wait_for_timeout(500)
    page.evaluate(FRAMES)
    page.mouse.move(500, 500)
    page.mouse.down()
    for step in range(PANS):
        page.mouse.move(500 + 3 * step, 500 + 2 * step)
    page.mouse.up()
    page.mouse.wheel(0, -400)
    page.wait_for_timeout(300)
    frames = page.evaluate("window.frames_ms.slice(1)")
    page.context.close()
    return taken_ms, 1000 / statistics.mean(frames)


def main() -> None:
    """Make a library and its map, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library", type=Path, nargs="?", metavar="LIBRARY")
    parser.add_argument("--recordings", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        source, large = given.library, Path(folder) / "large.sqlite"
        if source is None:
            source = Path(folder) / "demo.sqlite"
            subprocess.run([COMMAND, "index", DEMO, "--library", source, "-q"], check=True)
        make_library(source, given.recordings, large, 0, 1)
        made = run_command([COMMAND, "map", "--library", large, "--rebuild"], follow_memory=True)
        browser = playwright.chromium.launch(executable_path=find_browser(), args=list(SWITCHES))
        with serve(large) as address:
            time_paint(browser, address)
            paints = [time_paint(browser, address) for _ in range(given.runs)]
            few = [time_hits(browser, address, 20) for _ in range(given.runs)]
            many = [time_hits(browser, address, 200) for _ in range(given.runs)]
            maps = [time_map(browser, address) for _ in range(given.runs)]
        browser.close()
    median = statistics.median
    sent_kb = median(size for _, size in paints) / 1e3
    rows = [
        ("first contentful paint", f"{median(one for one, _ in paints):.0f} ms", "≤ 1 s"),
        (
            "transferred, compressed",
            f"{sent_kb:.0f} kB",
            "≤ 600 kB",
        ),
        ("a shared search to 20 cards", f"{median(one for one, _ in few):.0f} ms", ""),
        ("a shared search to 200 cards", f"{median(one for one, _ in many):.0f} ms", ""),
        ("longest frame, walking 200 cards", f"{median(two for _, two in many):.0f} ms", ""),
        ("the map, opened to drawn", f"{median(one for one, _ in maps):.0f} ms", "≤ 3 s"),
        ("frames a second, dragging it", f"{median(two for _, two in maps):.0f}", "≥ 30"),
        ("the map computed", f"{made.wall_s:.0f} s ({made.cpu_s:.0f} s of processor)", ""),
        ("… its memory at most", f"{made.peak_mb:.0f} MB", ""),
    ]
    print(describe_machine())
    print_table((f"{given.recordings:,} recordings", "median", "wanted"), rows)


if __name__ == "__main__":
    main()
