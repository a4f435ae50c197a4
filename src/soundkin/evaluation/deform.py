"""A sound beside its deformations: to hear, to see, and how far the model hears them apart."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from soundkin.audio import deformations, surroundings
from soundkin.audio.decoders.decoder import Samples
from soundkin.audio.decoders.open import open_decoder
from soundkin.audio.mel import compute_log_mel
from soundkin.audio.read import convert_waveform, read_region
from soundkin.audio.spectrogram_png import PANEL_WIDTH, Panel, draw_panels
from soundkin.config import SILENCE_DB, DeformationConfig, ModelConfig
from soundkin.embedding.embedder import Embedder, SegmentModel
from soundkin.embedding.model import DEFAULT_MODEL, Model, ModelFile, find_model
from soundkin.embedding.segments import compute_mean_vector
from soundkin.embedding.trusted_models import find_trusted_model
from soundkin.errors import DeformationError
from soundkin.library.library import Library
from soundkin.system.files import write_aside

MAX_S = 20.0  # no place lies further from the middle than training's positives from their anchors
PEAK = 0.999
PICTURE = "deformations.png"
TELEPHONE = surroundings.Channel(low_hz=300.0, top_hz=3_400.0, slope_db=48.0, is_resampled=True)
LONGEST_ROOM_S = surroundings.ROOM_S[1]
NAMES = (
    *("original", "pitch-up", "pitch-down", "longer", "shorter", "noisy"),
    *("microphone", "telephone", "room", "floor"),
    *("beginning", "middle", "end", "mixture"),
)

Vector = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Excerpt:
    """A sound to deform: float32 `(n_samples,)`, mono; `cut` where there is more of it."""

    path: str
    waveform: Samples
    sample_rate: int
    cut: bool

    @property
    def duration_s(self) -> float:
        """How long it is."""
        return len(self.waveform) / self.sample_rate


@dataclass(frozen=True)
class DeformedSound:
    """One deformation of a sound, float32 `(n_samples,)` at the sound's rate.

    `vector` is its embedding, `(128,)`, and `distance` the cosine distance of that from the
    original's, 0 to 2; both are None where it is silent.
    """

    name: str
    description: str
    waveform: Samples
    duration_s: float
    vector: Vector | None
    distance: float | None


@dataclass(frozen=True)
class Saved:
    """The files written, in the order of the sounds, and the gain in dB that all of them got."""

    sounds: tuple[Path, ...]
    picture: Path
    gain_db: float


def read_excerpt(
    path: str | os.PathLike[str],
    start_s: float = 0.0,
    end_s: float | None = None,
    sample_rate: int | None = None,
) -> Excerpt:
    """Read a sound, or a region of it, at most its first 20 s; at its own rate or another.

    Raises
    ------
    AudioError
        The file is not sound that can be read, or the region holds none of it.
    """
    last_s = start_s + MAX_S
    with open_decoder(path) as decoder:
        info = decoder.info
        is_long = info.duration_s is None or info.duration_s > last_s
        cut = is_long and (end_s is None or end_s > last_s)
        rate = sample_rate or info.sample_rate
        waveform = read_region(decoder, path, rate, start_s, last_s if cut else end_s)
    cut = cut and len(waveform) >= round(MAX_S * rate)
    return Excerpt(os.fsdecode(path), waveform, rate, cut)


def deform_sound(
    sound: Excerpt,
    embedder: Embedder,
    config: DeformationConfig,
    generator: np.random.Generator,
    other: Samples | None = None,
) -> tuple[DeformedSound, ...]:
    """Deform a sound in every way, the undeformed one first.

    `config` says how far: each deformation has the outermost strength that training may draw.
    Without `other` there is no mixture; a sound that is not longer than a segment has no
    beginning, middle and end of its own.

    Raises
    ------
    DeformationError
        The sound is silent, or a strength is out of range.
    """
    original = _embed(embedder, sound.waveform, sound.sample_rate)
    if original is None:
        raise DeformationError(f"{sound.path}: it is silent (below {SILENCE_DB:g} dB)")
    segment_s = embedder.model.segments.segment_s
    variants = [
        ("original", "as it is", sound.waveform),
        *_vary(sound, config, generator),
        *_cut_places(sound, segment_s),
    ]
    if other is not None:
        mixture = deformations.mix(sound.waveform, other, config.mixture)
        variants.append(("mixture", f"another at {config.mixture:g} its energy", mixture))
    found = []
    for name, description, waveform in variants:
        vector = _embed(embedder, waveform, sound.sample_rate)
        duration_s = len(waveform) / sound.sample_rate
        distance = None if vector is None else max(0.0, 1 - float(vector @ original))
        found.append(DeformedSound(name, description, waveform, duration_s, vector, distance))
    return tuple(found)


def _vary(
    sound: Excerpt, config: DeformationConfig, generator: np.random.Generator
) -> Iterator[tuple[str, str, Samples]]:
    waveform, rate = sound.waveform, sound.sample_rate
    semitones, factor, snr_db = config.pitch_semitones, config.stretch, config.noise_snr_db
    shift_pitch, stretch_time = deformations.shift_pitch, deformations.stretch_time
    yield "pitch-up", f"{semitones:g} semitones up", shift_pitch(waveform, rate, semitones)
    yield "pitch-down", f"{semitones:g} semitones down", shift_pitch(waveform, rate, -semitones)
    yield "longer", f"{factor:g} times as long", stretch_time(waveform, rate, factor)
    yield "shorter", f"{factor:g} times as fast", stretch_time(waveform, rate, 1 / factor)
    share = 10 ** (-snr_db / 10)
    noisy = deformations.add_noise(waveform, rate, share, generator)
    yield "noisy", f"noise {snr_db:g} dB below it", noisy
    yield from _surround(sound, config, generator)


def _surround(
    sound: Excerpt, config: DeformationConfig, generator: np.random.Generator
) -> Iterator[tuple[str, str, Samples]]:
    """Hear a sound through what may lie between it and its recording."""
    waveform, rate = sound.waveform, sound.sample_rate
    if config.channel_db:
        tilted = surroundings.Channel(tilt_db=config.channel_db)
        words = f"{config.channel_db:g} dB brighter above, less below"
        yield "microphone", words, surroundings.pass_channel(waveform, rate, tilted)
    if config.band_share:
        heard = surroundings.pass_channel(waveform, rate, TELEPHONE)
        yield "telephone", "300 to 3,400 Hz", heard
    if config.room_share:
        room = surroundings.add_room(waveform, rate, LONGEST_ROOM_S, config.room_db, generator)
        words = f"a room of {LONGEST_ROOM_S:g} s, {config.room_db:g} dB below it"
        yield "room", words, room
    if config.floor_share:
        floor_db = config.floor_db[1]
        floor = surroundings.add_floor(waveform, rate, floor_db, generator)
        yield "floor", f"steady noise {-floor_db:g} dB below its peak", floor


def _cut_places(sound: Excerpt, segment_s: float) -> Iterator[tuple[str, str, Samples]]:
    left_s = len(sound.waveform) / sound.sample_rate - segment_s
    if left_s <= 0:
        return
    for name, words, move_s in (
        ("beginning", "its first", -left_s),
        ("middle", "its middle", 0.0),
        ("end", "its last", left_s),
    ):
        place = deformations.cut_nearby(
            sound.waveform, sound.sample_rate, left_s / 2, segment_s, move_s
        )
        yield name, f"{words} {segment_s:g} s", place


def _embed(embedder: Embedder, waveform: Samples, sample_rate: int) -> Vector | None:
    return compute_mean_vector(embedder.embed_waveform(waveform, sample_rate))


def choose_model(library: Library | None, name: str | None = None) -> ModelFile:
    """Find the model of that name, or else the library's own, or else the default one.

    Raises
    ------
    ModelError
        There is no such model.
    """
    if name is None and library is not None and library.model is not None:
        return find_trusted_model(library.model)
    return find_model(name or DEFAULT_MODEL)


def check_folder(folder: str | os.PathLike[str], keep: Sequence[str | os.PathLike[str]]) -> None:
    """Refuse a folder that cannot be one, or where `save_sounds` could replace a file to keep.

    Raises
    ------
    DeformationError
        It is such a folder.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise DeformationError(f"{folder}: not a folder")
    kept = {Path(path).resolve() for path in keep}
    for name in NAMES:
        path = folder / f"{name}.wav"
        if path.resolve() in kept:
            raise DeformationError(f"{path}: it would be overwritten; choose another folder")


def save_sounds(
    sounds: Sequence[DeformedSound],
    sample_rate: int,
    folder: str | os.PathLike[str],
    picture: bytes,
) -> Saved:
    """Write sounds as WAV files of 24 bits, and their picture, into a folder, made if need be.

    Files of those names are replaced, each in one step. One gain for all, where any would clip,
    keeps their levels comparable.

    Raises
    ------
    DeformationError
        A file cannot be written.
    """
    folder = Path(folder)
    paths = tuple(folder / f"{sound.name}.wav" for sound in sounds)
    peak = max(float(np.abs(sound.waveform).max()) for sound in sounds)
    gain = min(1.0, PEAK / peak)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, sound in zip(paths, sounds, strict=True):
            with write_aside(path) as file:
                samples = sound.waveform * np.float32(gain)
                soundfile.write(file, samples, sample_rate, subtype="PCM_24", format="WAV")
        with write_aside(folder / PICTURE) as file:
            file.write(picture)
    except OSError as error:
        raise DeformationError(f"{folder}: {error.strerror or error}") from error
    except soundfile.SoundFileError as error:  # libsndfile does not say why
        raise DeformationError(f"{folder}: the sounds cannot be written ({error})") from error
    return Saved(paths, folder / PICTURE, 20 * math.log10(gain))


def draw_picture(
    sounds: Sequence[DeformedSound], sample_rate: int, model: SegmentModel, heading: str
) -> bytes:
    """Draw the log-mel spectrograms that the model works on side by side; returns a PNG.

    For an encoder that takes waveforms they are soundkin's usual ones.
    """
    config = model.config if isinstance(model, Model) else ModelConfig("waveform encoder")
    rate = config.segments.sample_rate
    waveforms = [convert_waveform(sound.waveform, sample_rate, rate) for sound in sounds]
    longest = max(map(len, waveforms))
    mel = replace(config.mel, hop_length=max(1, min(config.mel.n_fft // 2, longest // PANEL_WIDTH)))
    panels = []
    for sound, waveform in zip(sounds, waveforms, strict=True):
        padded = np.pad(waveform, mel.n_fft // 2)  # so that frames are centred, onsets in sight
        distance = "silent" if sound.distance is None else f"distance {sound.distance:.3f}"
        title, caption = (
            f"{sound.name}: {sound.description}",
            f"{distance}, {sound.duration_s:.2f} s",
        )
        panels.append(Panel(title, caption, compute_log_mel(padded, mel, rate)))
    return draw_panels(panels, heading)
