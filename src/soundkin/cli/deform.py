"""`soundkin deform`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from soundkin.cli.options import (
    JSON,
    Command,
    Number,
    library_option,
    open_library,
    output_options,
    region_options,
)

if TYPE_CHECKING:
    from soundkin.config import DeformationConfig
    from soundkin.embedding.embedder import SegmentModel
    from soundkin.evaluation.deform import DeformedSound, Excerpt, Saved
    from soundkin.evaluation.random_distances import RandomDistances
    from soundkin.library.library import Library


def _strength_option(
    name: str, bounds: tuple[float, float], default: float, metavar: str, words: str
) -> Callable[[Command], Command]:
    """Make the option of one deformation's strength."""
    return click.option(
        name,
        type=Number(*bounds),
        default=default,
        show_default=True,
        metavar=metavar,
        help=words,
    )


@click.command(
    epilog="""\b
Examples:
  soundkin deform violin.wav --output heard          then listen: is it still a violin?
  soundkin deform take.wav --from 12 --to 15 -o heard
  soundkin deform violin.wav --mix rain.wav --snr-db 0 -o heard
"""
)
@click.argument("sound", type=click.Path())
@click.option("-o", "--output", "folder", required=True, type=click.Path(), help="Folder to fill.")
@click.option("--mix", "other", type=click.Path(), metavar="OTHER", help="Sound to mix in.")
@region_options
@_strength_option("--semitones", (0, 24), 9.0, "N", "Pitch, up and down.")
@_strength_option("--stretch", (1, 2), 1.6, "X", "Times longer and shorter.")
@_strength_option("--snr-db", (-30, 200), 10.0, "DB", "How far the noise is below the sound.")
@_strength_option("--share", (0, 1000), 0.25, "X", "Energy of OTHER, as a share of the sound's.")
@_strength_option("--channel-db", (0, 24), 6.0, "DB", "How far a microphone tilts the spectrum.")
@_strength_option("--room-db", (-20, 60), 0.0, "DB", "How far a room is below the sound.")
@_strength_option("--floor-db", (-200, 0), -35.0, "DB", "Steady noise, from the sound's peak.")
@click.option("--model", metavar="NAME", help="Model that embeds [default: the library's].")
@click.option("--seed", type=click.IntRange(0), default=0, metavar="N", help="Another noise.")
@output_options(JSON)
@library_option
def deform(
    sound: str,
    folder: str,
    other: str | None,
    start_s: float | None,
    end_s: float | None,
    model: str | None,
    seed: int,
    output: str | None,
    library_path: str,
    **strengths: float,
) -> None:
    """Hear the deformations that training relies on, and see what the model makes of them.

    Writes SOUND, mono and at its own sample rate, deformed in every way as WAV files into a folder,
    with a picture of their spectrograms: original, pitch-up, pitch-down, longer, shorter, noisy,
    microphone, telephone, room, floor, beginning, middle, end, and with --mix the mixture. Files of
    those names are replaced. The strengths are by default the outermost ones that training draws.

    The distance is the cosine distance from the original; the percentile beside it says how many
    of a hundred random sounds are further away. Random sounds are recordings of the library, or
    synthesised ones while there is none. Of a sound of more than 20 s its first 20 s are taken.
    """
    from soundkin.audio.decoders.decoder_process import decode_in_subprocess
    from soundkin.config import DeformationConfig
    from soundkin.evaluation.deform import check_folder, draw_picture, read_excerpt, save_sounds

    check_folder(folder, [sound] if other is None else [sound, other])
    with decode_in_subprocess():
        excerpt = read_excerpt(sound, start_s or 0.0, end_s)
        mixed_in = None if other is None else read_excerpt(other, sample_rate=excerpt.sample_rate)
    config = DeformationConfig(
        pitch_semitones=strengths["semitones"],
        stretch=strengths["stretch"],
        noise_snr_db=strengths["snr_db"],
        mixture=strengths["share"],
        channel_db=strengths["channel_db"],
        room_db=strengths["room_db"],
        floor_db=(strengths["floor_db"], strengths["floor_db"]),
    )
    with _open_if_there(library_path) as library:
        sounds, random, used = _compare(excerpt, mixed_in, config, library, model, seed)
    heading = f"Cosine distance from the original; {_describe_random(random)}"
    picture = draw_picture(sounds, excerpt.sample_rate, used, heading)
    saved = save_sounds(sounds, excerpt.sample_rate, folder, picture)
    if output:
        _print_json(sounds, saved, random)
    else:
        _print_table(sounds, saved, random)
    _say_what_differs(excerpt, saved, random)


def _compare(
    excerpt: Excerpt,
    mixed_in: Excerpt | None,
    config: DeformationConfig,
    library: Library | None,
    model: str | None,
    seed: int,
) -> tuple[Sequence[DeformedSound], RandomDistances, SegmentModel]:
    """Deform a sound, and measure how far its deformations and random sounds are from it."""
    import numpy as np

    from soundkin.embedding.embedder import Embedder
    from soundkin.evaluation.deform import choose_model, deform_sound
    from soundkin.evaluation.random_distances import measure_random

    generator = np.random.default_rng(seed)
    model_file = choose_model(library, model)
    embedder = Embedder.load(model_file, measures=False)
    other = None if mixed_in is None else mixed_in.waveform
    sounds = deform_sound(excerpt, embedder, config, generator, other)
    vector = sounds[0].vector
    assert vector is not None  # a silent sound is refused
    random = measure_random(vector, excerpt.path, embedder, model_file.hash, library, generator)
    return sounds, random, embedder.model


def _open_if_there(path: str) -> AbstractContextManager[Library | None]:
    """Open the library, unless there is none: who has none yet can listen all the same."""
    return open_library(path) if Path(path).expanduser().exists() else nullcontext()


def _describe_random(random: RandomDistances) -> str:
    kind = "recordings of the library" if random.reason is None else "synthesised sounds"
    return (
        f"{len(random.distances)} random {kind}: median {random.median:.3f}, "
        f"nearest twentieth below {random.nearest:.3f}"
    )


def _print_json(sounds: Sequence[DeformedSound], saved: Saved, random: RandomDistances) -> None:
    from soundkin.cli.output import print_rows

    rows = (
        {
            "path": str(path),
            "name": sound.name,
            "deformation": sound.description,
            "duration_s": round(sound.duration_s, 6),
            "distance": None if sound.distance is None else round(sound.distance, 6),
            "percentile": _round_percentile(sound, random),
            "random_sounds": "library" if random.reason is None else "synthesised",
            "random_median": round(random.median, 6),
            "random_nearest": round(random.nearest, 6),
            "gain_db": round(saved.gain_db, 3),
        }
        for sound, path in zip(sounds, saved.sounds, strict=True)
    )
    print_rows(rows, "json")


def _round_percentile(sound: DeformedSound, random: RandomDistances) -> float | None:
    if sound.distance is None:
        return None
    return round(random.compute_percentile(sound.distance), 3)


def _print_table(sounds: Sequence[DeformedSound], saved: Saved, random: RandomDistances) -> None:
    from soundkin.cli.output import print_table, shorten_path

    lines = []
    for sound, path in zip(sounds, saved.sounds, strict=True):
        percentile = _round_percentile(sound, random)
        lines.append(
            (
                "silent" if sound.distance is None else f"{sound.distance:.3f}",
                "" if percentile is None else f"{percentile:.1f}",
                f"{sound.duration_s:.2f} s",
                sound.description,
                shorten_path(str(path)),
            )
        )
    print_table(("distance", "percentile", "length", "deformation", "file"), lines)
    click.echo(f"\n{_describe_random(random)}")
    click.echo(f"their spectrograms: {shorten_path(str(saved.picture))}")


def _say_what_differs(excerpt: Excerpt, saved: Saved, random: RandomDistances) -> None:
    """Say on standard error what is not as one might think."""
    if excerpt.cut:
        length = f"{excerpt.duration_s:g} s"
        click.echo(f"only {length} of it are taken; choose with --from and --to", err=True)
    if random.reason is not None:
        click.echo(f"random sounds are synthesised, since {random.reason}", err=True)
    if saved.gain_db < 0:
        click.echo(f"all files are {-saved.gain_db:.1f} dB softer, so that none clips", err=True)
