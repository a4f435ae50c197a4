"""Facts of sounds whose facts are known, because the tests made them so."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from conftest import DEMO_SOUNDS, Soundkin
from encoder_files import write_encoder
from soundkin.audio.facts.meter import FactsMeter
from soundkin.audio_facts import Facts
from soundkin.config import MelConfig
from soundkin.embedding.embedder import Embedder
from soundkin.library.connection import APPLICATION_ID
from soundkin.notation import name_note
from sounds import make_noise, write_sound

RATE = 32_000


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder.load("kin")


def measure(embedder: Embedder, waveform: npt.NDArray[np.floating], rate: int = RATE) -> Facts:
    facts = embedder.embed_waveform(waveform, rate).facts
    assert facts is not None
    return facts


def assert_same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        is_number = isinstance(value, float)
        assert found[name] == (pytest.approx(value, rel=1e-4) if is_number else value), name


def make_old(library: Path, version: int) -> None:
    """Put what is in a library into one of an older version: 2 had no facts, 5 no flatness."""
    library.rename(library.with_suffix(".new"))
    migrations = resources.files("soundkin.library") / "migrations"
    with closing(sqlite3.connect(library)) as old:
        for number in range(1, version + 1):
            old.executescript((migrations / f"{number:04}.sql").read_text("utf-8"))
        old.execute("ATTACH ? AS new", [str(library.with_suffix(".new"))])
        tables = ["meta", "folders", "contents", "recordings", "tags"]
        for table in tables + ["facts"] * (version >= 3):
            columns = ", ".join(row[1] for row in old.execute(f"PRAGMA table_info({table})"))
            old.execute(f"INSERT OR REPLACE INTO {table} SELECT {columns} FROM new.{table}")
        old.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        old.execute(f"PRAGMA user_version = {version}")
        old.commit()


def make_sine(hz: float, seconds: float = 3.0, level: float = 1.0) -> npt.NDArray[np.float64]:
    return level * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)


def make_clicks(bpm: float, seconds: float = 8.0) -> npt.NDArray[np.float64]:
    clicks = np.zeros(round(seconds * RATE))
    noise = make_noise(0.02, 3, RATE)
    for start in np.arange(0, seconds - 0.03, 60 / bpm):
        place = round(start * RATE)
        clicks[place : place + len(noise)] = 4 * noise
    return clicks


def make_hit(seconds: float, hz: float) -> npt.NDArray[np.float64]:
    t = np.arange(round(seconds * RATE)) / RATE
    return np.sin(2 * np.pi * hz * t) * np.exp(-5 * t / seconds)


# What is hit in a bar of sixteen steps: kick, snare and hat.
LOOPS = {
    "four on the floor": ("x...x...x...x...", "....x.......x...", "..x...x...x...x."),
    "breakbeat": ("x.x.......xx....", "....x..x.x..x..x", "x.x.x.x.x.x.x.x."),
    "bass alone": ("x..x..x.x..x..x.", "", ""),
}


def make_loop(patterns: tuple[str, ...], bpm: float, n_bars: int) -> npt.NDArray[np.float64]:
    """Make a loop of whole bars: each pattern's hits by a drum of its own."""
    length = round(n_bars * 240 / bpm * RATE)
    hits = [
        make_hit(0.2, 55),
        make_hit(0.12, 220) + make_noise(0.12, 1, RATE),
        make_hit(0.04, 8000),
    ]
    loop = np.zeros(length + RATE)
    for pattern, hit in zip(patterns, hits, strict=True):
        for step in (i for i in range(16 * n_bars) if pattern and pattern[i % 16] == "x"):
            place = round(step * 15 / bpm * RATE)
            loop[place : place + len(hit)] += 0.3 * hit
    return loop[:length]


def filter_by_biquad(
    waveform: npt.NDArray[np.float64], b: list[float], a: list[float]
) -> npt.NDArray[np.float64]:
    filtered = np.zeros(len(waveform) + 2)
    padded = [0.0, 0.0, *waveform.tolist()]
    for n in range(2, len(padded)):
        feed = sum(b[k] * padded[n - k] for k in range(3))
        filtered[n] = feed - sum(a[k] * filtered[n - k] for k in (1, 2))
    return filtered[2:]


def measure_by_the_standard(waveform: npt.NDArray[np.float64]) -> float:
    """Measure loudness as ITU-R BS.1770-4 writes it, with its coefficients for 48 kHz."""
    shelf = [1.53512485958697, -2.69169618940638, 1.19839281085285]
    weighted = filter_by_biquad(waveform, shelf, [1.0, -1.69065929318241, 0.73248077421585])
    poles = [1.0, -1.99004745483398, 0.99007225036621]
    weighted = filter_by_biquad(weighted, [1.0, -2.0, 1.0], poles)
    length, hop = 19_200, 4_800
    starts = range(0, len(weighted) - length + 1, hop)
    power = np.array([np.square(weighted[s : s + length]).mean() for s in starts])
    power = power[-0.691 + 10 * np.log10(power) >= -70]
    power = power[power >= power.mean() / 10]
    return float(-0.691 + 10 * np.log10(power.mean()))


@pytest.mark.parametrize("hz", [45.0, 110.0, 440.0, 997.0, 2093.0, 4000.0])
def test_a_sine_has_its_pitch_and_brightness(embedder: Embedder, hz: float) -> None:
    facts = measure(embedder, make_sine(hz, level=0.5))
    assert facts.pitch_hz == pytest.approx(hz, rel=1e-3)
    assert facts.pitch_confidence == pytest.approx(1, abs=0.05)
    assert facts.brightness_hz == pytest.approx(max(hz, 87), rel=0.01)
    assert facts.tempo_bpm is None


@pytest.mark.parametrize(("hz", "lufs"), [(997.0, -3.01), (60.0, -6.55), (4000.0, 0.3)])
def test_full_scale_sines_are_as_loud_as_the_standard_says(
    embedder: Embedder, hz: float, lufs: float
) -> None:
    assert measure(embedder, make_sine(hz)).loudness_lufs == pytest.approx(lufs, abs=0.2)
    softer = measure(embedder, make_sine(hz, level=0.1)).loudness_lufs
    assert softer == pytest.approx(lufs - 20, abs=0.2)


def test_loudness_is_that_of_the_standard_for_sounds_that_change(embedder: Embedder) -> None:
    t = np.arange(48_000 * 2) / 48_000
    dull = np.convolve(
        make_noise(2.0, 1, 48_000), np.ones(8), mode="same"
    )  # a model hears to 16 kHz
    noise = dull * np.exp(-3 * (t % 0.5))
    thumps = np.sin(2 * np.pi * 55 * t) * np.exp(-8 * (t % 0.7))
    pauses = np.where(t < 1, 0.3 * np.sin(2 * np.pi * 300 * t), 1e-4 * noise)
    for sound in (noise, thumps, pauses):
        found = measure(embedder, sound, 48_000).loudness_lufs
        assert found == pytest.approx(measure_by_the_standard(sound.astype(float)), abs=0.3)


@pytest.mark.parametrize("bpm", [72, 90, 120, 137, 150])
def test_clicks_have_their_tempo(embedder: Embedder, bpm: int) -> None:
    facts = measure(embedder, make_clicks(bpm))
    assert facts.tempo_bpm == pytest.approx(bpm, rel=0.01)
    assert facts.tempo_confidence is not None
    assert facts.tempo_confidence > 0.7
    assert facts.onsets_per_s == pytest.approx(math.ceil((8 - 0.03) * bpm / 60) / 8, abs=0.13)


@pytest.mark.parametrize("style", LOOPS)
@pytest.mark.parametrize(("bpm", "n_bars"), [(92, 4), (100, 2), (127, 2), (127, 8), (118.5, 4)])
def test_a_loop_has_the_tempo_it_was_made_at(
    embedder: Embedder, style: str, bpm: float, n_bars: int
) -> None:
    found = measure(embedder, make_loop(LOOPS[style], bpm, n_bars)).tempo_bpm
    assert found == pytest.approx(bpm, rel=1e-4)  # as exactly as it is cut


@pytest.mark.parametrize("rest_s", [0.03, 1.3])
def test_a_loop_that_was_padded_or_rings_on_keeps_its_tempo(
    embedder: Embedder, rest_s: float
) -> None:
    loop = make_loop(LOOPS["breakbeat"], 127, 4)
    before = np.zeros(round(min(0.03, rest_s) * RATE))
    padded = np.concatenate([before, loop, np.zeros(round(rest_s * RATE))])
    assert measure(embedder, padded).tempo_bpm == pytest.approx(127, rel=0.015)


@pytest.mark.parametrize("seed", range(5))
def test_no_tempo_is_told_of_hits_at_random_or_of_a_single_one(
    embedder: Embedder, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    sound = np.zeros(8 * RATE)
    hit = make_hit(0.2, 900)
    for place in (rng.uniform(0, 7.7, 16) * RATE).astype(int):
        sound[place : place + len(hit)] += hit
    assert measure(embedder, sound).tempo_bpm is None
    single = np.concatenate([hit, np.zeros(round(rng.uniform(0, 4) * RATE))])
    assert measure(embedder, single).tempo_bpm is None


@pytest.mark.parametrize(
    ("hz", "name"),
    [
        (440.0, "A4"),
        (261.63, "C4"),
        (32.7, "C1"),
        (27.5, "A0"),
        (222.0, "A3 +16 cents"),
        (436.0, "A4 -16 cents"),
        (427.0, "G#4 +48 cents"),
        (8.2, "C-1 +5 cents"),
        (0.0, None),
        (math.inf, None),
    ],
)
def test_a_pitch_is_called_by_its_note(hz: float, name: str | None) -> None:
    assert name_note(hz) == name


@pytest.mark.parametrize("midi", range(24, 97, 6))
def test_notes_from_c1_to_c7_have_their_pitch(embedder: Embedder, midi: int) -> None:
    hz = 440 * 2 ** ((midi - 69) / 12)
    t = np.arange(RATE) / RATE
    saw = sum(np.sin(2 * np.pi * k * hz * t) / k for k in range(1, 20) if k * hz < 15_000)
    assert measure(embedder, 0.3 * np.asarray(saw)).pitch_hz == pytest.approx(hz, rel=0.01)


def test_noise_has_neither_pitch_nor_beat(embedder: Embedder) -> None:
    facts = measure(embedder, make_noise(6.0, 2, RATE))
    assert facts.pitch_hz is None
    assert facts.tempo_bpm is None
    assert facts.brightness_hz == pytest.approx(7400, rel=0.05)
    assert facts.onsets_per_s is not None
    assert facts.onsets_per_s < 0.5


@pytest.mark.parametrize("level", [0.0, 0.4])
def test_silence_and_a_constant_have_no_facts(embedder: Embedder, level: float) -> None:
    assert measure(embedder, np.full(RATE * 2, level)) == Facts()


def test_a_constant_below_a_sound_changes_nothing(embedder: Embedder) -> None:
    sine = make_sine(440, level=0.1)
    plain, shifted = measure(embedder, sine), measure(embedder, sine + 0.3)
    assert shifted.loudness_lufs == pytest.approx(plain.loudness_lufs, abs=0.1)
    assert shifted.pitch_hz == pytest.approx(plain.pitch_hz, rel=1e-3)
    assert shifted.brightness_hz == pytest.approx(plain.brightness_hz, rel=0.01)


def test_sounds_of_a_few_samples_are_measured(embedder: Embedder) -> None:
    for n_samples in (1, 10, 100, 1_000, 5_000):
        assert isinstance(measure(embedder, make_noise(1.0, 0, RATE)[:n_samples]), Facts)
    click = measure(embedder, make_noise(0.05, 0, RATE))
    assert click.loudness_lufs == pytest.approx(-17, abs=1)
    assert click.onsets_per_s == 1


def test_facts_are_the_same_with_the_models_frames_in_blocks_or_measured_alone() -> None:
    embedder = Embedder.load("kin")
    path = DEMO_SOUNDS / "loop_tabla.flac"
    embedded = embedder.embed_file(path).facts
    assert embedded is not None
    assert_same(vars(embedder.measure_file(path).facts), vars(embedded))


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
def test_facts_hardly_depend_on_the_rate_or_the_frames_of_a_model(rate: int) -> None:
    t = np.arange(3 * rate) / rate
    for mel in (None, MelConfig(512, 512, 441, f_max=0.45 * rate)):
        meter = FactsMeter(rate, mel)
        for block in np.split((0.2 * np.sin(2 * np.pi * 330 * t)).astype(np.float32), 3):
            meter.add(block)
        facts = meter.measure()
        assert facts.pitch_hz == pytest.approx(330, rel=2e-3)
        assert facts.brightness_hz == pytest.approx(330, rel=0.03)
        assert facts.loudness_lufs == pytest.approx(-17.0 - 0.6, abs=0.4)


def test_facts_are_listed_and_filtered_by(soundkin: Soundkin, folder: Path) -> None:
    for hz in (110, 220, 440):
        write_sound(folder / f"{hz}.wav", make_sine(hz, 1.5, 0.2).astype(np.float32), RATE)
    write_sound(folder / "noise.wav", make_noise(1.5))
    write_sound(folder / "silence.wav", np.zeros(40_000, np.float32))
    soundkin("index", folder)
    facts = {Path(row["path"]).stem: row["facts"] for row in soundkin.json("list")}
    assert facts["220"]["pitch_hz"] == pytest.approx(220, rel=1e-3)
    assert facts["220"]["pitch_name"] == "A3"
    assert facts["noise"]["pitch_hz"] is None
    assert facts["noise"]["pitch_name"] is None
    assert set(facts["silence"].values()) == {None}
    assert len(soundkin.json("list", "--fact", "pitch=100..300")) == 2
    assert len(soundkin.json("list", "--fact", "pitch=100..300", "--fact", "pitch=200..")) == 1
    assert len(soundkin.json("list", "--fact", "loudness=..-10")) == 4
    hits = soundkin.json("search", folder / "noise.wav", "--fact", "pitch=200..")
    assert {Path(hit["path"]).stem for hit in hits} == {"220", "440"}
    assert hits[0]["facts"]["loudness_lufs"] == pytest.approx(-17.5, abs=1)
    for wrong in ("pitch", "pitch=", "pitch=2..1", "height=1..2", "pitch=a..b"):
        assert "--fact" in soundkin("list", "--fact", wrong, status=2).stderr


def test_a_library_from_before_facts_gets_them_without_embedding(
    soundkin: Soundkin, folder: Path
) -> None:
    for hz in (110, 220):
        write_sound(folder / f"{hz}.wav", make_sine(hz, 1.5, 0.2).astype(np.float32), RATE)
    soundkin("index", folder)
    expected = soundkin.json("list")
    make_old(soundkin.library, 2)
    assert [row["facts"] for row in soundkin.json("list")] == [None, None]
    assert soundkin("index").stdout.startswith("2 unchanged, 2 measured")
    for row, before in zip(soundkin.json("list"), expected, strict=True):
        assert_same(row["facts"], before["facts"])
    assert soundkin("index").stdout.startswith("2 unchanged, in")


def test_a_library_from_before_flatness_gets_it_once(soundkin: Soundkin, folder: Path) -> None:
    write_sound(folder / "tone.wav", make_sine(220, 1.5, 0.2).astype(np.float32), RATE)
    write_sound(folder / "silence.wav", np.zeros(40_000, np.float32))
    soundkin("index", folder)
    expected = soundkin.json("list")
    make_old(soundkin.library, 5)
    old = soundkin.json("list")
    assert [row["facts"]["flatness"] for row in old] == [None, None]
    unplaced = {"sound_from_s": None, "sound_to_s": None}  # as it was embedded then
    unmeasured = {"flatness": None, "key_confidence": None}
    assert old[1]["facts"] == expected[1]["facts"] | unplaced | unmeasured
    assert soundkin("index").stdout.startswith("2 unchanged, 2 measured")
    for row, before in zip(soundkin.json("list"), expected, strict=True):
        assert_same(row["facts"], before["facts"] | unplaced)
    assert soundkin("index").stdout.startswith("2 unchanged, in")


def test_facts_of_an_older_version_are_measured_once_more(soundkin: Soundkin, folder: Path) -> None:
    write_sound(folder / "clicks.wav", 0.2 * make_clicks(90).astype(np.float32), RATE)
    write_sound(folder / "silence.wav", np.zeros(40_000, np.float32))
    soundkin("index", folder)
    expected = soundkin.json("list")
    make_old(soundkin.library, 8)
    with closing(sqlite3.connect(soundkin.library)) as old:
        old.execute("UPDATE facts SET tempo_bpm = 61")
        old.commit()
    assert [row["facts"]["tempo_bpm"] for row in soundkin.json("list")] == [61, 61]
    assert soundkin("index").stdout.startswith("2 unchanged, 2 measured")
    for row, before in zip(soundkin.json("list"), expected, strict=True):
        assert_same(row["facts"], before["facts"])
    assert soundkin("index").stdout.startswith("2 unchanged, in")


def test_encoders_have_facts_too(soundkin: Soundkin, folder: Path, tmp_path: Path) -> None:
    encoder = tmp_path / "encoder.onnx"
    write_encoder(encoder)
    write_sound(folder / "a.wav", make_sine(440, 2.3, 0.2).astype(np.float32), RATE)
    soundkin("index", folder, "--model", encoder)
    (row,) = soundkin.json("list")
    assert row["facts"]["pitch_hz"] == pytest.approx(440, rel=1e-3)
