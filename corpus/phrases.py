"""Unlabelled phrases played on every instrument of a soundfont or a set of GUS patches."""

from __future__ import annotations

import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

import numpy as np

N_PROGRAMS = 128
PHRASES = 3  # of each instrument
DRUM_KEYS = range(35, 82)
TICKS_PER_BEAT = 480
PHRASE_BEATS = 40  # at 120 beats a minute: 20 s
RATE = 44_100
DRUM_CHANNEL, MELODY_CHANNEL = 9, 0


def draw_phrase(
    program: int, channel: int, lowest: int, highest: int, generator: np.random.Generator
) -> bytes:
    """Draw a phrase at random: a walk over pitches, of notes and chords of any length and force.

    Returns
    -------
    A standard MIDI file of one track.
    """
    events: list[tuple[int, bytes]] = [(0, bytes([0xC0 | channel, program]))]
    tick, pitch = 0, int(generator.integers(lowest, highest + 1))
    while tick < PHRASE_BEATS * TICKS_PER_BEAT:
        length = int(
            TICKS_PER_BEAT * generator.choice([0.25, 0.5, 1, 2, 4], p=[0.2, 0.3, 0.25, 0.15, 0.1])
        )
        sounding = max(30, int(length * generator.uniform(0.4, 1.1)))
        pitch = int(np.clip(pitch + generator.integers(-12, 13), lowest, highest))
        is_chord = generator.random() < 0.3 and lowest < highest
        chord = {pitch, pitch + 4, pitch + 7} if is_chord else {pitch}
        velocity = int(generator.integers(40, 127))
        for note in chord:
            events.append((tick, bytes([0x90 | channel, min(note, 127), velocity])))
            events.append((tick + sounding, bytes([0x80 | channel, min(note, 127), 0])))
        if generator.random() < 0.8:
            tick += length
        else:
            tick += length + TICKS_PER_BEAT
    return _write_midi(events)


def _write_midi(events: list[tuple[int, bytes]]) -> bytes:
    track, now = bytearray(), 0
    for tick, message in sorted(events, key=lambda event: event[0]):
        track += _write_length(tick - now) + message
        now = tick
    track += _write_length(TICKS_PER_BEAT) + b"\xff\x2f\x00"
    header = b"MThd" + struct.pack(">IHHH", 6, 0, 1, TICKS_PER_BEAT)
    return header + b"MTrk" + struct.pack(">I", len(track)) + bytes(track)


def _write_length(value: int) -> bytes:
    """Write a number in MIDI's seven bits a byte."""
    written = [value & 0x7F]
    while value := value >> 7:
        written.append(0x80 | (value & 0x7F))
    return bytes(reversed(written))


def render_instruments(instruments: Path, folder: Path, seed: int = 0) -> bool:
    """Play phrases on each melodic program, and one on each drum alone.

    `instruments` is a soundfont (.sf2) or a configuration of GUS patches (.cfg); False where
    fluidsynth or timidity, which plays it, is not installed.
    """
    player = "fluidsynth" if instruments.suffix == ".sf2" else "timidity"
    if shutil.which(player) is None:
        return False
    generator = np.random.default_rng(seed)
    programs = [number for number in _list_programs(instruments) for _ in range(PHRASES)]
    phrases = [draw_phrase(p, MELODY_CHANNEL, 36, 96, generator) for p in programs]
    phrases += [draw_phrase(0, DRUM_CHANNEL, key, key, generator) for key in DRUM_KEYS]
    with tempfile.TemporaryDirectory() as name:
        midi = Path(name) / "phrase.mid"
        for number, phrase in enumerate(phrases):
            midi.write_bytes(phrase)
            command = _write_command(player, instruments, midi, folder / f"{number:03}.wav")
            subprocess.run(
                command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
    return True


def _list_programs(instruments: Path) -> list[int]:
    """List what melodic programs there are; timidity would play another in place of a missing."""
    if instruments.suffix == ".sf2":
        return list(range(N_PROGRAMS))
    bank = instruments.read_text().partition("\nbank 0")[2].partition("\ndrumset")[0]
    words = [line.split() for line in bank.splitlines() if line.strip()]
    return sorted({int(first) for first, *_ in words if first.isdigit()})


def _write_command(player: str, instruments: Path, midi: Path, wave: Path) -> list[str]:
    if player == "fluidsynth":
        dry = ["-ni", "-q", "-g", "0.6", "-R", "0", "-C", "0", "-r", str(RATE)]
        return [player, *dry, "-F", str(wave), str(instruments), str(midi)]
    dry = ["-EFreverb=0", "-EFchorus=0", "-OwM", "-s", str(RATE)]
    return [player, "-c", str(instruments), *dry, "-o", str(wave), str(midi)]
