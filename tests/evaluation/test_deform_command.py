"""`soundkin deform`: files to listen to, a picture, and distances that mean something."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from conftest import DEMO_SOUNDS, Soundkin
from soundkin.cli.deform import deform
from soundkin.config import DeformationConfig
from sounds import make_noise, make_sweep, make_tone, write_sound

ALL = ["original", "pitch-up", "pitch-down", "longer", "shorter", "noisy"]
SURROUNDINGS = ["microphone", "telephone", "room", "floor"]
PLACES = ["beginning", "middle", "end"]


def read(path: Path) -> tuple[np.ndarray, int]:
    samples, rate = soundfile.read(path, dtype="float32")
    return samples, rate


def test_every_deformation_is_a_file_of_the_right_length_at_the_sounds_own_rate(
    demo: Soundkin, tmp_path: Path
) -> None:
    sound = write_sound(tmp_path / "sweep.wav", make_sweep(2.5, 48_000), 48_000)
    rain = write_sound(tmp_path / "rain.flac", make_noise(0.3, rate=22_050), 22_050)
    heard = tmp_path / "new" / "heard"
    done = demo("deform", sound, "--mix", rain, "-o", heard)
    names = [*ALL, *SURROUNDINGS, *PLACES, "mixture"]
    lengths = dict.fromkeys(names, 2.5) | dict.fromkeys(PLACES, 1.0)
    lengths |= {"longer": 2.5 * 1.6, "shorter": 2.5 / 1.6, "room": 2.5 + 1 / 3}
    files = {f"{name}.wav" for name in names} | {"deformations.png"}
    assert {path.name for path in heard.iterdir()} == files
    for name in names:
        samples, rate = read(heard / f"{name}.wav")
        assert rate == 48_000
        assert samples.shape == (round(48_000 * lengths[name]),)
        assert 0.01 < np.abs(samples).max() < 1
        assert f"{name}.wav" in done.stdout
    with Image.open(heard / "deformations.png") as picture:
        assert picture.format == "PNG"
        assert picture.width > 1000
        assert len(picture.convert("L").getcolors()) > 100


def test_the_original_is_the_sound_itself_mixed_to_mono(demo: Soundkin, tmp_path: Path) -> None:
    stereo = np.stack([make_noise(1.5, 1), make_noise(1.5, 2)], axis=1)
    sound = write_sound(tmp_path / "stereo.wav", stereo, subtype="PCM_16")
    demo("deform", sound, "-o", tmp_path / "heard")
    samples, _ = read(sound)
    assert np.abs(read(tmp_path / "heard" / "original.wav")[0] - samples.mean(axis=1)).max() < 1e-6


def test_without_strength_every_deformation_is_the_original(demo: Soundkin, tmp_path: Path) -> None:
    sound = DEMO_SOUNDS / "perc_bell.flac"
    none = ("--semitones", 0, "--stretch", 1, "--snr-db", 200, "--share", 0, "--mix", sound)
    none += ("--channel-db", 0, "--room-db", 60, "--floor-db", -200)
    rows = demo.json("deform", sound, *none, "-o", tmp_path / "heard")
    original = read(tmp_path / "heard" / "original.wav")[0]
    for row in rows:
        if row["name"] not in (*PLACES, "telephone", "room"):
            assert row["distance"] == pytest.approx(0, abs=1e-4)
            assert np.abs(read(Path(row["path"]))[0] - original).max() < 1e-6


@pytest.mark.parametrize("name", ["drum_snare_hard", "ambi_choir"])
def test_deformed_sounds_stay_nearer_than_random_ones_of_the_library(
    demo: Soundkin, tmp_path: Path, name: str
) -> None:
    rows = demo.json("deform", DEMO_SOUNDS / f"{name}.flac", "-o", tmp_path)
    assert [row["name"] for row in rows][: len(ALL)] == ALL
    assert rows[0]["distance"] == pytest.approx(0, abs=1e-5)
    for row in rows:
        assert row["random_sounds"] == "library"
        assert 0 < row["random_nearest"] < row["random_median"] < 2
        assert row["distance"] < row["random_median"]
        if row["name"] not in SURROUNDINGS:
            assert row["percentile"] > 90
    assert np.median([row["distance"] for row in rows]) < rows[0]["random_nearest"]


def test_the_same_command_gives_the_same_files_and_a_small_library_does_not_count(
    soundkin: Soundkin, tmp_path: Path
) -> None:
    sound = write_sound(tmp_path / "click.wav", make_noise(0.01))
    soundkin("index", sound)
    for folder in ("a", "b"):
        done = soundkin("deform", sound, "-o", tmp_path / folder, "--seed", 1)
        assert "the library has fewer than 20 other recordings" in done.stderr
    names = [path.name for path in (tmp_path / "a").iterdir()]
    assert sorted(names) == sorted(
        [f"{name}.wav" for name in [*ALL, *SURROUNDINGS]] + ["deformations.png"]
    )
    for name in names:
        same = (tmp_path / "a" / name).read_bytes()
        assert (tmp_path / "b" / name).read_bytes() == same


def test_without_a_library_of_that_model_random_sounds_are_synthesised_and_it_says_so(
    soundkin: Soundkin, demo: Soundkin, tmp_path: Path
) -> None:
    sound = DEMO_SOUNDS / "ambi_choir.flac"
    alone = soundkin("deform", sound, "-o", tmp_path)
    assert "since there is no library yet" in alone.stderr
    assert "64 random synthesised sounds" in alone.stdout
    other = demo("deform", sound, "-o", tmp_path, "--model", "melstats")
    assert "since another model made the library" in other.stderr


def test_loud_sounds_are_written_softer_all_alike_instead_of_clipping(
    demo: Soundkin, tmp_path: Path
) -> None:
    loud = 3 * make_tone(440, 1.5)
    sound = write_sound(tmp_path / "loud.wav", loud, subtype="FLOAT")
    assert np.abs(loud).max() > 1
    done = demo("deform", sound, "-o", tmp_path / "heard")
    assert "softer, so that none clips" in done.stderr
    original = read(tmp_path / "heard" / "original.wav")[0]
    ratio = original[1000:2000] / loud[1000:2000]
    assert np.ptp(ratio) < 1e-4
    peaks = [np.abs(read(path)[0]).max() for path in (tmp_path / "heard").glob("*.wav")]
    assert max(peaks) == pytest.approx(0.999, abs=1e-3)


def test_a_region_is_deformed_and_of_a_long_one_the_first_20_s(
    demo: Soundkin, tmp_path: Path
) -> None:
    waveform = make_noise(25.0, rate=8000)
    sound = write_sound(tmp_path / "long.wav", waveform, 8000, subtype="FLOAT")
    done = demo("deform", sound, "-o", tmp_path / "heard")
    assert "only 20 s of it are taken" in done.stderr
    assert len(read(tmp_path / "heard" / "original.wav")[0]) == 160_000
    done = demo("deform", sound, "-o", tmp_path / "heard", "--from", 24, "--to", 24.5)
    assert "only" not in done.stderr
    found = read(tmp_path / "heard" / "original.wav")[0]
    assert np.abs(found - waveform[192_000:196_000]).max() < 1e-6


def test_a_part_that_nobody_hears_is_called_silent(demo: Soundkin, tmp_path: Path) -> None:
    waveform = np.concatenate([make_noise(2.0), np.zeros(2 * 44_100, np.float32)])
    sound = write_sound(tmp_path / "hit.wav", waveform)
    lines = demo("deform", sound, "-o", tmp_path / "heard").stdout.splitlines()
    silent = [line for line in lines if line.strip().startswith("silent")]
    assert [Path(line.split()[-1]).name for line in silent] == ["end.wav"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{folder}/text.wav", "-o", "{folder}"], "text.wav"),
        (["{folder}/silence.wav", "-o", "{folder}"], "it is silent (below -80 dB)"),
        (
            ["{folder}/noise.wav", "-o", "{folder}", "--mix", "{folder}/silence.wav"],
            "mix in is sil",
        ),
        (["{folder}/noise.wav", "-o", "{folder}/text.wav"], "text.wav: not a folder"),
        (["{folder}/noise.wav", "-o", "/proc/nowhere"], "/proc/nowhere: No such file"),
        (["{folder}/noise.wav", "-o", "{folder}", "--from", "7"], "before 7 s"),
        (["{folder}/noise.wav", "-o", "{folder}", "--stretch", "3"], "3.0 is not in the range"),
        (["{folder}/noise.wav", "-o", "{folder}", "--model", "nonesuch"], "no model 'nonesuch'"),
        (["{folder}/original.wav", "-o", "{folder}"], "it would be overwritten; choose another"),
    ],
)
def test_what_cannot_be_deformed_is_one_clear_line_and_writes_nothing(
    demo: Soundkin, folder: Path, arguments: list[str], message: str
) -> None:
    (folder / "text.wav").write_text("words")
    write_sound(folder / "silence.wav", np.zeros(44_100, np.float32))
    write_sound(folder / "noise.wav", make_noise(1.2))
    write_sound(folder / "original.wav", make_noise(1.2))
    before = {path: path.read_bytes() for path in folder.iterdir()}
    done = demo("deform", *(a.format(folder=folder) for a in arguments), status=2)
    assert message in done.stderr
    assert done.stdout == ""
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_the_strengths_are_by_default_the_outermost_of_training() -> None:
    defaults = {option.name: option.default for option in deform.params}
    config = dataclasses.asdict(DeformationConfig())
    assert defaults["semitones"] == config["pitch_semitones"]
    assert defaults["stretch"] == config["stretch"]
    assert defaults["snr_db"] == config["noise_snr_db"]
    assert defaults["share"] == config["mixture"]
