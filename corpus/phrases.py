"""Unlabelled phrases played on every instrument of a soundfont, through fluidsynth."""

from __future__ import annotations

import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

import numpy as np

N_PROGRAMS = 128
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
    tick, pitch = 0, int(generator.integers(lowest, highest))
    while tick < PHRASE_BEATS * TICKS_PER_BEAT:
        length = int(
            TICKS_PER_BEAT * generator.choice([0.25, 0.5, 1, 2, 4], p=[0.2, 0.3, 0.25, 0.15, 0.1])
        )
        sounding = max(30, int(length * generator.uniform(0.4, 1.1)))
        step = int(generator.integers(-12, 13))
        pitch = int(np.clip(pitch + step, lowest, highest))
        chord = {pitch} if generator.random() < 0.7 else {pitch, pitch + 4, pitch + 7}
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


def render_soundfont(font: Path, folder: Path, seed: int = 0) -> bool:
    """Play a phrase on each melodic program and eight on the drums; False without fluidsynth."""
    command = shutil.which("fluidsynth")
    if command is None:
        return False
    generator = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as name:
        midi = Path(name) / "phrase.mid"
        for number in range(N_PROGRAMS + 8):
            is_drums = number >= N_PROGRAMS
            if is_drums:
                data = draw_phrase(0, DRUM_CHANNEL, 35, 81, generator)
            else:
                data = draw_phrase(number, MELODY_CHANNEL, 36, 96, generator)
            midi.write_bytes(data)
            wave = folder / f"{number:03}.wav"
            options = ["-ni", "-q", "-g", "0.6", "-R", "0", "-C", "0", "-r", str(RATE)]
            subprocess.run(
                [command, *options, "-F", str(wave), str(font), str(midi)],
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
    return True
