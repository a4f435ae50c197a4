"""Loops at a project's tempo, tones at the query's note: how the page bends what is heard."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from playwright.sync_api import Browser, expect

from browsing import Visit
from conftest import Soundkin
from serving import Server, serve
from sounds import write_sound

RATE = 44_100
Samples = npt.NDArray[np.float32]

# What the page has decoded to be played for a hit, as it is bent now: mono, as base64 of floats.
HEAR = """async (id) => {
    const { loadVoice } = await import("./js/sound/player.js");
    const { stretchOf } = await import("./js/search/card.js");
    const recording = await (await fetch(`api/v1/sounds/${id}`)).json();
    const hit = { ...recording, start_s: 0, recording_duration_s: recording.duration_s };
    const { buffer } = await loadVoice(stretchOf(hit));
    let text = "";
    const bytes = new Uint8Array(buffer.getChannelData(0).buffer);
    for (const byte of bytes) text += String.fromCharCode(byte);
    return [buffer.sampleRate, btoa(text)];
}"""


def make_plucked(hz: float, seconds: float = 1.5) -> Samples:
    times = np.arange(int(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * k * hz * times) * np.exp(-k * times) / k for k in range(1, 6))
    return np.asarray(0.4 * tone, np.float32)


def make_loop(bpm: float, n_beats: int = 16) -> Samples:
    beat = int(RATE * 60 / bpm)
    kick = make_plucked(60, 0.2)
    loop = np.zeros(beat * n_beats, np.float32)
    generator = np.random.default_rng(0)
    for n in range(n_beats):
        loop[n * beat : n * beat + len(kick)] += kick
        hat = generator.standard_normal(2000).astype(np.float32) * np.linspace(0.2, 0, 2000)
        loop[n * beat + beat // 2 :][:2000] += hat[: len(loop) - n * beat - beat // 2]
    return loop


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a server over a loop of 100 BPM, and plucked strings at several notes."""
    folder = tmp_path_factory.mktemp("studio")
    write_sound(folder / "loop.wav", make_loop(100), RATE)
    for hz in (220, 262, 330, 880):
        write_sound(folder / f"string {hz}.wav", make_plucked(hz), RATE)
    command = Soundkin(folder / "library.sqlite")
    command("index", folder)
    with serve(command) as server:
        yield server


def hear(visit: Visit, name: str) -> tuple[int, Samples]:
    rate, text = visit.page.evaluate(HEAR, visit.server.find(name)["id"])
    return rate, np.frombuffer(base64.b64decode(text), np.float32)


def find_pitch(rate: int, wave: Samples) -> float:
    """Find the strongest frequency, in Hz."""
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), 8 * len(wave)))
    return float(spectrum.argmax() * rate / (8 * len(wave)))


def test_sounds_are_bent_to_a_tempo_and_to_a_note(chromium: Browser, studio: Server) -> None:
    tempo = studio.find("loop.wav")["facts"]["tempo_bpm"]
    assert tempo is not None
    visit = Visit.begin(chromium, studio)
    visit.search("string 220")
    rate, plain = hear(visit, "loop.wav")
    assert len(plain) / rate == pytest.approx(9.6, abs=0.01)
    visit.page.get_by_role("button", name="How sounds are heard").click()
    visit.page.get_by_label("Tempo in BPM").fill("120")
    visit.page.get_by_label("Tones at the query's note").check()
    expect(visit.page.get_by_label("Loops at this tempo")).to_be_checked()
    rate, fast = hear(visit, "loop.wav")
    assert len(fast) / len(plain) == pytest.approx(tempo / 120, abs=0.002)
    for name, note in (("string 262", 220), ("string 330", 440), ("string 880", 880)):
        rate, heard = hear(visit, name)
        assert find_pitch(rate, heard) == pytest.approx(note, rel=0.01), name
        assert len(heard) / rate == pytest.approx(1.5, abs=0.01)
    visit.page.reload()
    visit.wait_for_hits()
    expect(visit.page.get_by_role("button", name="How sounds are heard")).to_have_attribute(
        "aria-pressed", "true"
    )
    visit.end()


def test_a_bent_sound_keeps_its_channels_and_level(studio: Server, tmp_path: Path) -> None:
    sound = studio.find("string 220")["id"]
    query = {"semitones": 3, "stretch": 1.5}
    answer = studio.http.get(f"/api/v1/sounds/{sound}/audio", params=query)
    assert answer.headers["content-type"] == "audio/wav"
    bent, rate = soundfile.read(io.BytesIO(answer.content))
    assert (len(bent) / rate, rate) == (pytest.approx(2.25, abs=0.01), RATE)
    level = np.sqrt(np.mean(make_plucked(220) ** 2))
    assert np.sqrt(np.mean(bent**2)) == pytest.approx(level, rel=0.15)
    studio.problem("GET", f"/api/v1/sounds/{sound}/audio", 422, params={"stretch": 3})
