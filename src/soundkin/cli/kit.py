"""`soundkin kit`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from soundkin.cli.filters import build_filters, filter_options
from soundkin.cli.options import Number, library_option, open_library
from soundkin.cli.output import print_table, shorten_path
from soundkin.errors import QueryError

if TYPE_CHECKING:
    from soundkin.library.library import Library
    from soundkin.library.records import Filters
    from soundkin.search.kits.kit import Kit

FORMATS = ("folder", "hydrogen", "sfz", "decent")
HYDROGEN_SUFFIX = ".h2drumkit"


@click.command(
    epilog="""\b
Examples:
  soundkin kit dusty                                   five slots, by the words of names
  soundkin kit dusty kick=bd.wav snare=mouth.wav hat   sounds like mine, and any hat
  soundkin kit dusty kick=bd.wav --how-far 0.3 --seed 7
  soundkin kit dusty.h2drumkit kick=bd.wav clap=cl.wav for Hydrogen
  soundkin kit dusty kick snare --format sfz --folder 909
"""
)
@click.argument("output", type=click.Path(path_type=Path))
@click.argument("slots", nargs=-1, metavar="[SLOT[=SOUND]]…")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(FORMATS),
    help="What OUTPUT is for [default: folder, or what its name says].",
)
@click.option(
    "--how-far",
    type=Number(0, 1),
    default=0.0,
    show_default=True,
    help="From the nearest (0) to any of the hundred nearest (1).",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of what is drawn by chance.")
@click.option(
    "--tempo", type=Number(20, 400), default=120.0, show_default=True, help="Of the pattern, BPM."
)
@filter_options
@library_option
def kit(
    output: Path,
    slots: tuple[str, ...],
    format_name: str | None,
    how_far: float,
    seed: int,
    tempo: float,
    library_path: str,
    **filters: Any,
) -> None:
    """Make a kit of one-shots: for each SLOT a recording that sounds like SOUND.

    SOUND is an audio file, a recording of the library by the end of its path, or the name of a
    concept that the page keeps. A slot without one gets a recording that has the slot's words in
    its name, folder or tags. Without slots: kick, snare, clap, hat, perc.

    OUTPUT becomes a folder of WAV files from their onsets on, with a pattern as a MIDI file and
    what the format has (drumkit.xml, .sfz, .dspreset); with .zip or .h2drumkit behind its name,
    that folder in one file. Keys are those of General MIDI.
    """
    from soundkin.audio.decoders.decoder_process import decode_in_subprocess
    from soundkin.search.kits.formats import KIT_FORMATS
    from soundkin.search.kits.kit import USUAL_SLOTS

    is_packed = output.suffix.lower() in {".zip", HYDROGEN_SUFFIX}
    usual = "hydrogen" if output.suffix.lower() == HYDROGEN_SUFFIX else "folder"
    chosen = KIT_FORMATS[format_name or usual]
    if output.exists():
        raise click.UsageError(f"{output}: it is there already; choose another name")
    if is_packed and output.suffix.lower() != f".{chosen.extension}":
        raise click.UsageError(f"{output}: of that format it is called .{chosen.extension}")
    with decode_in_subprocess(), open_library(library_path) as library:
        made = _draw_kit(
            library,
            output.stem if is_packed else output.name,
            slots or USUAL_SLOTS,
            how_far,
            seed,
            tempo,
            build_filters(library, **filters),
        )
        if is_packed:
            from soundkin.system.files import write_aside

            data = chosen.pack(made)
            with write_aside(output) as file:
                file.write(data)
        else:
            _write_folder(output, list(chosen.list_files(made)))
    rows = [
        (sound.slot, str(key), shorten_path(sound.recording.path))
        for sound, key in zip(made.sounds, made.keys, strict=True)
    ]
    print_table(("slot", "key", "recording"), rows)


def _draw_kit(
    library: Library,
    name: str,
    slots: Sequence[str],
    how_far: float,
    seed: int,
    tempo_bpm: float,
    filters: Filters | None,
) -> Kit:
    import numpy as np

    from soundkin.library.records import Filters
    from soundkin.search.kits.draw import Draw, draw_by_words, draw_neighbour
    from soundkin.search.kits.kit import Kit, KitSound, choose_steps
    from soundkin.search.searcher import Searcher

    generator = np.random.default_rng(seed)
    draw, searcher = Draw(how_far, filters or Filters()), Searcher(library)
    named = [tuple(map(str.strip, slot.partition("=")[::2])) for slot in slots]
    sounds: list[KitSound] = []
    for (slot, source), steps in zip(named, choose_steps([s for s, _ in named]), strict=True):
        taken = [sound.recording.id for sound in sounds]
        if source:
            query = _find_source(library, source)
            found = draw_neighbour(searcher, query, draw, generator, taken)
        else:
            found = draw_by_words(library, slot, draw, generator, taken)
        if found is None and source:
            raise QueryError(f"{slot}: no other recording of up to 15 s is left")
        if found is None:
            raise QueryError(
                f"no recording of up to 15 s has {slot!r} in its name, folder or tags;"
                f" say what it sounds like: {slot}=SOUND"
            )
        sounds.append(KitSound(slot, found, steps=steps))
    return Kit(name, tuple(sounds), tempo_bpm)


def _find_source(library: Library, source: str) -> Any:
    """Find what a slot is to sound like: a concept of that name, else a sound."""
    from soundkin.library.concepts import list_concepts

    found = [one for one in list_concepts(library) if one.name == source]
    return found[0].query if found and not Path(source).exists() else source


def _write_folder(folder: Path, files: list[tuple[str, bytes]]) -> None:
    for path, data in files:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
