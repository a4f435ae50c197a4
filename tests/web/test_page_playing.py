"""What the page plays: one-shots whole, all equally loud, over and over, in turn without a gap."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from playwright.sync_api import Browser, expect

from browsing import Visit
from conftest import Soundkin
from serving import Server, serve
from soundkin.audio.facts.meter import FactsMeter
from sounds import write_sound

RATE = 44_100
Samples = npt.NDArray[np.float32]

# Renders sounds by the page's own modules; gives mono samples, as base64 of 32-bit floats.
RENDER = """async ([urls, seconds, kind]) => {
    const { startVoice, startTurn } = await import("./js/sound/voice.js");
    const { levelOf, measureLoudness } = await import("./js/sound/loudness.js");
    const context = new OfflineAudioContext(1, seconds * 44100, 44100);
    const sounds = await Promise.all(urls.map(async (url) => {
        const bytes = await (await fetch(url)).arrayBuffer();
        const buffer = await context.decodeAudioData(bytes);
        return { buffer, onset_s: 0, level: levelOf(await measureLoudness(buffer), true) };
    }));
    if (kind === "loop") startVoice(context, context.destination, sounds[0], { loop: true });
    else {
        const turn = startTurn(context, context.destination, sounds, 0);
        for (let n = 0; n < 6; n++) turn.next();
    }
    const heard = (await context.startRendering()).getChannelData(0);
    let text = "";
    for (const byte of new Uint8Array(heard.buffer)) text += String.fromCharCode(byte);
    return btoa(text);
}"""


def make_tom(seconds: float, hz: float, level: float = 0.6) -> Samples:
    """Make a drum: a tone that falls, from a sharp attack."""
    times = np.arange(int(seconds * RATE)) / RATE
    glide = hz * times * (1 + 0.3 * np.exp(-20 * times))
    return (level * np.exp(-3 * times) * np.sin(2 * np.pi * glide)).astype(np.float32)


@pytest.fixture(scope="module")
def drums(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a server over toms of 1.85 s, loud and soft ones, late ones, and a long session."""
    folder = tmp_path_factory.mktemp("drums")
    for number in range(6):
        write_sound(folder / f"tom {number}.wav", make_tom(1.85, 80 + 5 * number), RATE)
    write_sound(folder / "soft.wav", make_tom(1.85, 83, 0.01), RATE)
    late = np.concatenate([np.zeros(RATE // 2, np.float32), make_tom(1.85, 87)])
    write_sound(folder / "late.wav", late, RATE)
    strokes = [np.pad(make_tom(0.8, 70 + 2 * n), (0, RATE // 2)) for n in range(20)]
    write_sound(folder / "session.wav", np.concatenate(strokes), RATE)
    command = Soundkin(folder / "library.sqlite")
    command("index", folder)
    with serve(command) as server:
        yield server


@pytest.fixture
def at_drums(chromium: Browser, drums: Server) -> Iterator[Visit]:
    """Give the hits of a tom, after the click that browsers want."""
    visit = Visit.begin(chromium, drums)
    visit.search("tom 0.wav")
    visit.page.locator(".query .name").click()
    visit.page.evaluate("""async () => {
        const player = await import("./js/sound/player.js");
        window.heard = [];
        player.on("start", (key) => window.heard.push(key));
        player.on("time", ({ at_s, length_s }) => (window.time = { at_s, length_s }));
    }""")
    yield visit
    visit.end()


def measure_loudness(wave: Samples) -> float:
    """Measure by what the library measures with, in LUFS."""
    meter = FactsMeter(RATE)
    meter.add(wave)
    level = meter.measure().loudness_lufs
    assert level is not None
    return level


def read_carried(visit: Visit, name: str) -> tuple[str, bytes]:
    """Drag a card by its name; gives the name and the bytes of the file that it carries."""
    card = visit.page.locator(".card").filter(has=visit.page.get_by_text(name, exact=True))
    carried = card.evaluate("""(card) => {
        const dataTransfer = new DataTransfer();
        card.dispatchEvent(new DragEvent("dragstart", { dataTransfer, bubbles: true }));
        return dataTransfer.getData("DownloadURL");
    }""")
    _, file_name, address = carried.split(":", 2)
    return file_name, visit.server.http.get(address).content


def render(visit: Visit, names: list[str], seconds: float, kind: str) -> Samples:
    """Render sounds by the page's own audio graph."""
    urls = [f"api/v1/sounds/{visit.server.find(name)['id']}/audio" for name in names]
    text: Any = visit.page.evaluate(RENDER, [urls, seconds, kind])
    return np.frombuffer(base64.b64decode(text), np.float32)


def test_a_one_shot_is_played_dragged_and_downloaded_whole(at_drums: Visit) -> None:
    card = at_drums.page.locator(".card").filter(has=at_drums.page.get_by_text("tom 3", exact=True))
    original = Path(at_drums.server.find("tom 3.wav")["path"]).read_bytes()
    assert read_carried(at_drums, "tom 3") == ("tom 3.wav", original)
    card.locator(".wave").click()
    expect(card).to_have_class(re.compile("playing"))
    at_drums.wait_until("window.time?.at_s > 0")
    assert at_drums.page.evaluate("window.time.length_s") == pytest.approx(1.85, abs=0.01)
    card.get_by_role("button", name="More", exact=True).click()
    with at_drums.page.expect_download() as download:
        at_drums.page.get_by_role("button", name="Download the file").click()
    assert download.value.suggested_filename == "tom 3.wav"
    assert download.value.path().read_bytes() == original
    key = card.get_attribute("data-key") or ""
    if not key.endswith("@0"):  # the match is one second of it, and marked
        expect(card.locator(".mark")).to_be_visible()


def test_a_one_shot_is_played_from_its_onset(at_drums: Visit) -> None:
    card = at_drums.page.locator(".card").filter(has=at_drums.page.get_by_text("late", exact=True))
    card.locator(".wave").click()
    at_drums.wait_until("window.time?.length_s > 2")
    assert at_drums.page.evaluate("window.time.at_s") > 0.4


def test_of_a_long_recording_the_match_is_taken(at_drums: Visit) -> None:
    name, content = read_carried(at_drums, "session")
    part, rate = soundfile.read(io.BytesIO(content))
    assert name.startswith("session 0.")
    assert 0.2 < len(part) / rate < 2.5


def test_previews_are_equally_loud_and_never_above_full_scale(at_drums: Visit) -> None:
    heard = {name: render(at_drums, [f"{name}.wav"], 1.85, "turn") for name in ("tom 1", "soft")}
    levels = [measure_loudness(wave) for wave in heard.values()]
    assert levels[0] == pytest.approx(-18, abs=0.5)
    assert levels[1] == pytest.approx(levels[0], abs=0.5)
    assert max(np.abs(wave).max() for wave in heard.values()) <= 1
    switch = at_drums.page.get_by_role("button", name="equally loud")
    expect(switch).to_have_attribute("aria-pressed", "true")
    switch.click()
    at_drums.page.reload()
    expect(switch).to_have_attribute("aria-pressed", "false")


def test_a_loop_has_no_gap(at_drums: Visit) -> None:
    once = render(at_drums, ["tom 2.wav"], 1.85, "turn")
    looped = render(at_drums, ["tom 2.wav"], 5.0, "loop")
    for start in (len(once), 2 * len(once)):
        again = looped[start:][: len(once)]
        assert np.abs(again[200:] - once[200 : len(again)]).max() < 1e-3


def test_query_and_hit_sound_in_turn_without_a_gap_at_one_level(at_drums: Visit) -> None:
    heard = render(at_drums, ["tom 1.wav", "soft.wav"], 3 * 1.85, "turn")
    n = round(1.85 * RATE)
    first, second, third = heard[:n], heard[n : 2 * n], heard[2 * n :]
    assert measure_loudness(second) == pytest.approx(measure_loudness(first), abs=1)
    for part in (second, third):
        begins = np.flatnonzero(np.abs(part) > 0.02)[0] - np.flatnonzero(np.abs(first) > 0.02)[0]
        assert abs(begins) / RATE < 0.005


def test_a_key_plays_query_and_hit_in_turn_until_it_is_pressed_again(at_drums: Visit) -> None:
    keys = at_drums.page.keyboard
    keys.press("ArrowDown")
    hit = at_drums.page.locator(".card:focus").get_attribute("data-id")
    query = at_drums.server.find("tom 0.wav")["id"]
    at_drums.page.evaluate("window.heard = []")
    keys.press("a")
    at_drums.wait_until("window.heard.length >= 3")
    turns = [key.split("@")[0] for key in at_drums.page.evaluate("window.heard")]
    assert turns[:3] == [query, hit, query]
    keys.press("a")
    at_drums.page.wait_for_timeout(200)
    expect(at_drums.page.locator(".card.playing")).to_have_count(0)


def test_a_key_loops_a_hit(at_drums: Visit) -> None:
    keys = at_drums.page.keyboard
    keys.press("ArrowDown")
    keys.press("Shift+Space")
    playing = at_drums.page.locator(".card.playing")
    expect(playing).to_have_count(1)
    at_drums.page.wait_for_timeout(2300)  # longer than it is
    expect(playing).to_have_count(1)
    assert at_drums.page.evaluate("window.time.at_s") < 1.9
    keys.press("Shift+Space")
    expect(playing).to_have_count(0)
