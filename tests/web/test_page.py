"""The page: give a sound, get hits, hear them, walk on, refine, take away."""

from __future__ import annotations

import io
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Browser, expect

from browsing import Visit, launch
from conftest import DEMO_SOUNDS, Soundkin
from serving import Server, serve
from soundkin.audio.read import read_audio
from soundkin.audio_facts import FACTS
from sounds import make_noise, write_sound

AMEN = "loop_amen"


def quieten(path: Path, name: str) -> Path:
    """Write a demo sound softer and as WAV, so that its bytes are others."""
    waveform, rate = soundfile.read(DEMO_SOUNDS / f"{name}.flac", dtype="float32")
    return write_sound(path / "mine.wav", 0.5 * waveform, rate)


def test_a_dropped_file_finds_its_likeness_first(visit: Visit, tmp_path: Path) -> None:
    visit.open()
    visit.drop(quieten(tmp_path, "bd_tek"))
    assert visit.wait_for_hits()[0] == "bd_tek"
    expect(visit.page.locator(".query .name")).to_have_text("mine")
    expect(visit.page.locator(".verdict")).to_contain_text("hits")
    itself = visit.page.get_by_text("the sound itself").filter(visible=True)
    expect(visit.page.locator(".card", has=itself).locator(".name")).to_have_text(["bd_tek"])


def test_a_chosen_file_is_searched_with(visit: Visit, tmp_path: Path) -> None:
    visit.open()
    with visit.page.expect_file_chooser() as chooser:
        visit.page.get_by_role("button", name="Choose a file").click()
    chooser.value.set_files(quieten(tmp_path, "perc_bell"))
    assert visit.wait_for_hits()[0] == "perc_bell"


def test_a_file_that_is_no_sound_is_refused_in_words(visit: Visit, tmp_path: Path) -> None:
    (tmp_path / "letter.wav").write_text("Dear Madam")
    visit.open()
    visit.drop(tmp_path / "letter.wav")
    expect(visit.page.get_by_role("alert")).to_contain_text("letter.wav")
    visit.complaints.clear()  # Chromium logs the refusal itself


def test_dragging_over_the_waveform_searches_with_that_region(visit: Visit) -> None:
    whole = visit.search(AMEN)
    strip = visit.page.locator(".strip").bounding_box()
    assert strip is not None
    mouse = visit.page.mouse
    mouse.move(strip["x"] + 0.28 * strip["width"], strip["y"] + 50)
    mouse.down()
    mouse.move(strip["x"] + 0.36 * strip["width"], strip["y"] + 50, steps=4)
    mouse.move(strip["x"] + 0.40 * strip["width"], strip["y"] + 50, steps=4)
    mouse.up()
    part = visit.wait_for_change(whole)
    start_s, end_s = map(float, re.findall(r"@([\d.]+)-([\d.]+)", visit.page.url)[0])
    assert 0.2 * 1.75 < start_s < 0.32 * 1.75
    assert 0.36 * 1.75 < end_s < 0.44 * 1.75
    visit.page.get_by_role("button", name="Whole sound").click()
    assert visit.wait_for_change(part) == whole


def test_the_region_moves_by_keys(visit: Visit) -> None:
    visit.search(AMEN)
    start = visit.page.get_by_role("slider", name="Region's start")
    start.focus()
    for _ in range(3):
        start.press("Shift+ArrowRight")
    visit.page.wait_for_url(re.compile("@0.6"))
    expect(start).to_have_attribute("aria-valuetext", "0.60 seconds")
    expect(start).to_be_focused()


def test_the_microphone_is_searched_with(server: Server, chromium: Browser, tmp_path: Path) -> None:
    waveform, rate = soundfile.read(DEMO_SOUNDS / "ambi_glass_rub.flac", dtype="float32")
    take = write_sound(tmp_path / "room.wav", waveform, rate, subtype="PCM_16")
    switches = (
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={take}",
    )
    browser = launch(chromium.browser_type, *switches)
    visit = Visit.begin(browser, server).open()
    visit.page.get_by_role("button", name="Record").click()
    seconds = visit.page.get_by_label("Length of the take")
    expect(seconds).to_have_text(re.compile(r"^[2-9]\.\d s$"))
    visit.page.get_by_role("button", name="Stop and search").click()
    assert "ambi_glass_rub" in visit.wait_for_hits()[:3]
    expect(visit.page.locator(".query .name")).to_have_text("take")
    visit.end()
    browser.close()


def test_a_session_needs_nothing_but_the_keyboard(visit: Visit) -> None:
    visit.open()
    keys = visit.page.keyboard
    keys.press("/")
    keys.type("drum_cymbal_open")
    expect(visit.page.get_by_role("option")).to_have_count(1)
    keys.press("Enter")
    first = visit.wait_for_hits()
    keys.press("ArrowDown")
    keys.press("ArrowRight")
    playing = visit.page.locator(".card.playing")
    expect(playing.locator(".name")).to_have_text(first[1])
    keys.press("Space")
    expect(playing).to_have_count(0)
    keys.press("Enter")
    walked = visit.wait_for_change(first)
    expect(visit.page.locator(".query .name")).to_have_text(first[1])
    visit.page.go_back()
    assert visit.wait_for_change(walked) == first
    keys.press("?")
    expect(visit.page.get_by_role("dialog", name="Keys")).to_be_visible()
    keys.press("Escape")
    expect(visit.page.get_by_role("dialog")).to_have_count(0)


def test_the_pointer_plays_what_it_rests_on(visit: Visit) -> None:
    visit.search(AMEN)
    visit.page.locator(".query .name").click()  # browsers are silent before the first click
    card = visit.page.locator(".card").nth(2)
    with visit.page.expect_event("console", timeout=20_000) as heard:
        visit.page.evaluate("""async () => {
            const player = await import("./js/sound/player.js");
            player.on("start", (key) => console.info(`heard ${key}`));
        }""")
        card.hover()
    assert heard.value.text.startswith(f"heard {card.get_attribute('data-id')}@")


def test_an_address_gives_the_same_hits_again(visit: Visit) -> None:
    hits = visit.search(AMEN, "@0.25-0.75&max=2")
    visit.page.reload()
    assert visit.wait_for_hits() == hits
    other = Visit(visit.page.context.new_page(), visit.server)
    assert other.search(AMEN, "@0.25-0.75&max=2") == hits
    expect(other.page.get_by_label("Length, most")).to_have_value("2")


def test_a_second_sound_is_added_or_subtracted_with_its_weight(visit: Visit) -> None:
    alone = visit.search(AMEN)
    visit.page.locator(".card").nth(1).get_by_role("button", name="Subtract").click()
    less = visit.wait_for_change(alone)
    expect(visit.page.locator(".sound.minus .name")).to_have_text(alone[1])
    assert "*-0.5" in visit.page.url
    visit.page.get_by_role("button", name=f"{alone[1]}.flac is subtracted").click()
    visit.wait_for_change(less)
    assert "*0.5" in visit.page.url
    visit.page.get_by_role("slider", name=f"Weight of {alone[1]}").fill("2")
    visit.page.wait_for_url(re.compile(r"\*2"))
    visit.page.get_by_role("button", name=f"Remove {alone[1]}").click()
    visit.wait_for(alone)


def test_filters_leave_what_passes_them(visit: Visit) -> None:
    hits = visit.search(AMEN)
    visit.page.get_by_label("Length, least").fill("3")
    visit.wait_for_change(hits)
    ids = visit.page.locator(".card").evaluate_all("all => all.map((card) => card.dataset.id)")
    assert ids
    assert min(visit.server.get(f"/sounds/{id_}")["duration_s"] for id_ in ids) >= 3
    visit.page.get_by_label("Length, least").fill("9999")
    expect(visit.page.locator(".verdict")).to_contain_text("no recording passes the filters")
    visit.complaints.clear()  # Chromium logs the refusal itself
    visit.page.get_by_role("button", name="Take the filters away").click()
    visit.wait_for(hits)


def test_hits_can_be_asked_to_be_good_enough(visit: Visit) -> None:
    hits = visit.search(AMEN)
    ids = visit.page.locator(".card").evaluate_all("all => all.map((card) => card.dataset.id)")
    found = visit.server.post("/search", {"sounds": [{"id": visit.server.find(AMEN)["id"]}]})
    assert [hit["id"] for hit in found["hits"]] == ids
    least = found["hits"][4]["percentile"] - 1e-3  # they are rounded
    visit.page.get_by_label("Least percentile of hits").fill(f"{least:.3f}")
    visit.wait_for(hits[:5])
    visit.page.reload()
    visit.wait_for(hits[:5])
    visit.page.get_by_label("Least score of hits").fill("1")
    expect(visit.page.locator(".verdict")).to_contain_text("as you ask for")
    visit.page.get_by_role("button", name="Take the filters away").click()
    visit.wait_for(hits)


def test_a_downloaded_segment_is_the_sound_that_was_found(visit: Visit) -> None:
    visit.search("ambi_drone")
    card = visit.page.locator(".card:has(.mark)").first
    card.get_by_role("button", name="More", exact=True).click()
    with visit.page.expect_download() as download:
        visit.page.get_by_role("button", name="Download the match alone (WAV)").click()
    path = download.value.path()
    part, rate = soundfile.read(path, dtype="float32")
    name = card.locator(".name").inner_text()
    whole, whole_rate = soundfile.read(DEMO_SOUNDS / f"{name}.flac", dtype="float32")
    start_s = float((card.get_attribute("data-key") or "").split("@")[1])
    start = round(start_s * rate)
    assert rate == whole_rate
    expected = whole[start : start + len(part)]
    assert 0 < len(part) - len(expected) + 1 <= 2  # times are rounded
    assert abs(part[: len(expected)] - expected).max() < 1e-4


def test_a_dragged_card_carries_its_file(visit: Visit) -> None:
    visit.search(AMEN)
    carried = visit.page.locator(".card").first.evaluate("""(card) => {
        const dataTransfer = new DataTransfer();
        card.dispatchEvent(new DragEvent("dragstart", { dataTransfer, bubbles: true }));
        return dataTransfer.getData("DownloadURL");
    }""")
    kind, name, address = carried.split(":", 2)
    assert kind == "application/octet-stream"
    assert name.endswith(".flac")
    sound = soundfile.info(io.BytesIO(visit.server.http.get(address).content))
    assert sound.frames > 0


@pytest.mark.parametrize(
    ("entry", "begins"),
    [("M3U", "#EXTM3U"), ("CSV", "rank,path"), ("Audacity", "0."), ("REAPER", "<REAPER_PROJECT")],
)
def test_the_list_is_exported(visit: Visit, entry: str, begins: str) -> None:
    hits = visit.search(AMEN)
    visit.page.get_by_role("button", name="Export").click()
    with visit.page.expect_download() as download:
        visit.page.get_by_role("menuitem", name=re.compile(entry)).click()
    text = Path(download.value.path()).read_text()
    assert text.startswith(begins)
    assert all(f"{name}.flac" in text for name in hits)


def test_a_favourite_is_kept_and_filtered_by(
    soundkin: Soundkin, folder: Path, chromium: Browser
) -> None:
    for seed in range(3):
        write_sound(folder / f"noise {seed}.wav", make_noise(1.0, seed))
    soundkin("index", folder)
    with serve(soundkin) as server:
        visit = Visit.begin(chromium, server)
        visit.search("0.wav")
        visit.page.keyboard.press("ArrowDown")
        visit.page.keyboard.press("f")
        heart = visit.page.locator(".card").first.locator(".heart")
        expect(heart).to_have_attribute("aria-pressed", "true")
        visit.page.get_by_label("Favourites only").check()
        expect(visit.page.locator(".card")).to_have_count(1)
        assert parse_qs(urlsplit(visit.page.url).query)["fav"] == ["1"]
        visit.end()
    assert soundkin("tag").stdout == "1\tfavourite\n"


def test_thumbs_rank_anew_and_are_kept_as_a_concept(soundkin: Soundkin, chromium: Browser) -> None:
    soundkin("index", DEMO_SOUNDS)
    with serve(soundkin) as server:
        visit = Visit.begin(chromium, server)
        hits = visit.search("drum_snare_hard")
        liked, disliked = hits[6], hits[0]
        visit.page.locator(".card", has_text=liked).get_by_role("button", name="More like").click()
        ranked = visit.wait_for_change(hits)
        assert ranked.index(liked) < hits.index(liked)
        card = visit.page.locator(".card", has_text=disliked)
        card.get_by_role("button", name="Less like this").click()
        judged = visit.wait_for_change(ranked)
        assert disliked not in judged or judged.index(disliked) > ranked.index(disliked)
        visit.page.get_by_role("button", name="Save as concept").click()
        visit.page.get_by_label("Name", exact=True).fill("dusty")
        visit.page.keyboard.press("Enter")
        expect(visit.page.locator(".message", has_text="dusty")).to_be_visible()
        visit.open()
        visit.page.get_by_role("button", name="dusty", exact=True).click()
        assert visit.wait_for_hits() == judged
        visit.end()


def test_why_tells_facts_and_stability(visit: Visit) -> None:
    visit.search("drum_snare_hard")
    visit.page.keyboard.press("ArrowDown")
    visit.page.keyboard.press("w")
    dialog = visit.page.get_by_role("dialog")
    expect(dialog.get_by_role("row")).to_have_count(1 + len(FACTS))
    expect(dialog).to_contain_text(re.compile("Stable|Unstable"))
    expect(dialog.get_by_role("img", name="Spectrogram")).to_have_count(2)


def test_sliders_weigh_facts_against_the_embedding(visit: Visit) -> None:
    hits = visit.search("bass_hit_c")
    visit.page.get_by_label("Pitch", exact=True).fill("1")
    visit.wait_for_change(hits)
    assert "w.pitch=1" in visit.page.url
    visit.page.get_by_label("Brightness, most").fill("500")
    visit.page.wait_for_url(re.compile("f.brightness"))
    first = visit.page.locator(".cards:not(.stale) .card").first.get_attribute("data-id")
    assert visit.server.get(f"/sounds/{first}")["facts"]["brightness_hz"] <= 500


def test_a_sound_is_heard_deformed(visit: Visit) -> None:
    visit.search("drum_snare_hard")
    visit.page.get_by_role("button", name="Hear it deformed").first.click()
    heard = visit.page.locator(".heard li")
    heard.nth(5).wait_for()
    expect(visit.page.locator(".ruler .random")).to_have_count(2)
    heard.nth(1).get_by_role("button").click()
    expect(heard.nth(1)).to_have_class(re.compile("playing"))


def test_a_take_shows_what_of_it_is_searched_with_and_its_other_strokes(
    visit: Visit, tmp_path: Path
) -> None:
    rate = 44_100
    take = np.random.default_rng(0).standard_normal(5 * rate) * 1e-3
    for name, at_s, level in (("drum_cowbell", 0.5, 0.1), ("bd_tek", 3.5, 0.5)):
        sound = read_audio(DEMO_SOUNDS / f"{name}.flac", rate)
        take[round(at_s * rate) :][: len(sound)] += level * sound / np.abs(sound).max()
    visit.open()
    visit.drop(write_sound(tmp_path / "take.wav", take.astype(np.float32), rate))
    assert visit.wait_for_hits()[0] == "bd_tek"
    words = visit.page.locator(".region-words")
    expect(words).to_contain_text("0:03.")
    expect(visit.page.get_by_role("button", name="Stroke 2")).to_have_attribute(
        "aria-pressed", "true"
    )
    visit.page.get_by_role("button", name="Stroke 1").click()
    expect(words).to_contain_text("0:00.")
    expect(visit.page.locator(".card .name").first).to_have_text("drum_cowbell")
    visit.page.get_by_role("button", name="Whole sound").click()
    expect(words).to_contain_text("all of it")
