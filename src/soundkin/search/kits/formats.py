"""Kits for other programs: Hydrogen, SFZ, Decent Sampler, or the samples and a MIDI pattern alone.

What is in `KIT_FORMATS` the command writes, the API sends and the page offers.
"""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as Xml

from soundkin.search.kits.kit import N_STEPS, Kit
from soundkin.search.kits.samples import name_samples, read_samples
from soundkin.text import make_file_name

Files = Iterator[tuple[str, bytes]]  # paths below the kit's folder, and what is in them

HYDROGEN = "http://www.hydrogen-music.org/drumkit"
TICKS = 24  # of a sixteenth
DRUM_CHANNEL, VELOCITY = 9, 100
HYDROGEN_INSTRUMENT = {
    "volume": "1",
    "isMuted": "false",
    "isLocked": "false",
    "pan_L": "1",
    "pan_R": "1",
    "randomPitchFactor": "0",
    "gain": "1",
    "filterActive": "false",
    "filterCutoff": "1",
    "filterResonance": "0",
    "Attack": "0",
    "Decay": "0",
    "Sustain": "1",
    "Release": "1000",
    "muteGroup": "-1",
    "midiOutChannel": "-1",
}


@dataclass(frozen=True)
class KitFormat:
    """What kits are written as: `list_files` says what is in a kit's folder.

    `title` is the page's word for it; `extension` is that of the folder as one file.
    """

    name: str
    title: str
    extension: str
    media_type: str
    list_files: Callable[[Kit], Files]

    def pack(self, kit: Kit) -> bytes:
        """Write a kit's folder as one file.

        Raises
        ------
        AudioError
            A sound cannot be read.
        """
        folder = make_file_name(kit.name)
        files = ((f"{folder}/{path}", data) for path, data in self.list_files(kit))
        return _pack_tar(files) if self.extension == "h2drumkit" else _pack_zip(files)


def list_plain(kit: Kit) -> Files:
    """List the samples, and the pattern as a MIDI file."""
    yield from _list_samples(kit)
    yield "pattern.mid", write_midi(kit)


def list_hydrogen(kit: Kit) -> Files:
    """List a drum kit of Hydrogen, whose format is that of its versions 0.9.7 to 1.2."""
    root = Xml.Element("drumkit_info", xmlns=HYDROGEN)
    _add(root, name=kit.name, author="", info="Made with soundkin.", license="undefined license")
    part = Xml.SubElement(Xml.SubElement(root, "componentList"), "drumkitComponent")
    _add(part, id="0", name="Main", volume="1")
    instruments = Xml.SubElement(root, "instrumentList")
    for number, (sound, key, file) in enumerate(
        zip(kit.sounds, kit.keys, name_samples(kit), strict=True)
    ):
        own = Xml.SubElement(instruments, "instrument")
        _add(own, id=str(number), name=sound.slot, **HYDROGEN_INSTRUMENT, midiOutNote=str(key))
        component = Xml.SubElement(own, "instrumentComponent")
        _add(component, component_id="0", gain="1")
        layer = Xml.SubElement(component, "layer")
        _add(layer, filename=file, min="0", max="1", gain="1", pitch="0")
    yield "drumkit.xml", _write_xml(root)
    yield from _list_samples(kit)


def list_sfz(kit: Kit) -> Files:
    """List an SFZ instrument, its samples and the pattern."""
    name = make_file_name(kit.name)
    lines = ["<control> default_path=samples/", "<group> loop_mode=one_shot"]
    for sound, key, file in zip(kit.sounds, kit.keys, name_samples(kit), strict=True):
        label = " ".join(sound.slot.split()).replace("<", "(").replace("=", "-")
        lines.append(f"<region> key={key} region_label={label}\nsample={file}")
    yield f"{name}.sfz", ("\n".join(lines) + "\n").encode()
    yield from _list_samples(kit, "samples/")
    yield "pattern.mid", write_midi(kit)


def list_decent(kit: Kit) -> Files:
    """List a preset of Decent Sampler, its samples and the pattern."""
    root = Xml.Element("DecentSampler", minVersion="1.0.0")
    groups = Xml.SubElement(root, "groups", attack="0", sustain="1", release="5")
    group = Xml.SubElement(groups, "group", name=kit.name)
    for key, file in zip(kit.keys, name_samples(kit), strict=True):
        note = str(key)
        Xml.SubElement(
            group, "sample", path=f"samples/{file}", rootNote=note, loNote=note, hiNote=note
        )
    yield f"{make_file_name(kit.name)}.dspreset", _write_xml(root)
    yield from _list_samples(kit, "samples/")
    yield "pattern.mid", write_midi(kit)


def write_midi(kit: Kit) -> bytes:
    """Write a kit's pattern as a standard MIDI file of one bar, General MIDI's drum channel."""
    events = []
    for sound, key in zip(kit.sounds, kit.keys, strict=True):
        for step in sound.steps:
            events.append((step * TICKS, bytes((0x90 | DRUM_CHANNEL, key, VELOCITY))))
            events.append(((step + 1) * TICKS - 1, bytes((0x80 | DRUM_CHANNEL, key, 0))))
    track = struct.pack(">BBBI", 0, 0xFF, 0x51, 0x03000000 | round(60e6 / kit.tempo_bpm))
    now = 0
    for tick, message in sorted(events):
        track += _write_length(tick - now) + message
        now = tick
    track += _write_length(N_STEPS * TICKS - now) + b"\xff\x2f\x00"
    header = struct.pack(">4sIHHH", b"MThd", 6, 0, 1, 4 * TICKS)
    return header + struct.pack(">4sI", b"MTrk", len(track)) + track


def _list_samples(kit: Kit, folder: str = "") -> Files:
    for file, data in zip(name_samples(kit), read_samples(kit), strict=True):
        yield f"{folder}{file}", data


def _write_length(ticks: int) -> bytes:
    """Write a number as MIDI files have it, seven bits a byte."""
    parts = [ticks & 0x7F]
    while ticks := ticks >> 7:
        parts.append(0x80 | (ticks & 0x7F))
    return bytes(reversed(parts))


def _add(parent: Xml.Element, **values: str) -> None:
    for name, value in values.items():
        Xml.SubElement(parent, name).text = value


def _write_xml(root: Xml.Element) -> bytes:
    Xml.indent(root)
    data: bytes = Xml.tostring(root, "utf-8", xml_declaration=True)
    return data


def _pack_zip(files: Iterable[tuple[str, bytes]]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files:
            archive.writestr(path, data)
    return packed.getvalue()


def _pack_tar(files: Iterable[tuple[str, bytes]]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path, data in files:
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


KIT_FORMATS = {
    one.name: one
    for one in (
        KitFormat("folder", "Samples and a MIDI pattern", "zip", "application/zip", list_plain),
        KitFormat("hydrogen", "Hydrogen kit", "h2drumkit", "application/gzip", list_hydrogen),
        KitFormat("sfz", "SFZ instrument", "zip", "application/zip", list_sfz),
        KitFormat("decent", "Decent Sampler preset", "zip", "application/zip", list_decent),
    )
}
