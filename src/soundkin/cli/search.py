"""`soundkin search`."""

from __future__ import annotations

import math
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from soundkin.audio_facts import FACTS
from soundkin.cli.filters import FACT_EXAMPLES, build_filters, filter_options
from soundkin.cli.options import (
    Number,
    library_option,
    null_option,
    open_library,
    output_options,
    region_options,
)
from soundkin.cli.places import PLACE_FORMATS, print_places
from soundkin.config import MAX_SLOW
from soundkin.errors import QueryError, SoundkinError

if TYPE_CHECKING:
    from soundkin.audio_facts import Comparison
    from soundkin.search.explain import Explanation
    from soundkin.search.hits import Hit
    from soundkin.search.query import EmbeddedQuery, Sound

WEIGHTED = re.compile(r"(\d+(?:\.\d*)?|\.\d+):(.+)", re.DOTALL)
OPERATORS = {"+": 1.0, "-": -1.0}
STDIN = "standard input"
CHUNK_BYTES = 1 << 20
MAX_STDIN_BYTES = 8 << 30  # 12 hours of sound on a CD
*FACT_NAMES, LAST_FACT = (
    *FACT_EXAMPLES,
    *(name for name in FACTS if name not in FACT_EXAMPLES),
)


def _read_weights(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, float]:
    weights: dict[str, float] = {}
    for value in values:
        name, _, number = value.partition("=")
        try:
            weights[name] = float(number)
        except ValueError:
            weights[name] = math.nan
        if not math.isfinite(weights[name]):
            raise click.BadParameter(f"{value!r} is no weight; give e.g. pitch=0.5")
    return weights


@click.command(
    epilog="""\b
Examples:
  soundkin search kick.wav                          what sounds like this?
  soundkin search take.wav --from 12.5 --to 13.4    a region of a long file
  soundkin search rain.wav + 0.5:birds.wav - car.wav
  soundkin search call.wav --slow 10                ultrasound, in a library indexed so
  sox … -t wav - | soundkin search -                from standard input
  soundkin search drums/kick.wav --exclude-self     a recording of the library, by its path's end
  soundkin search kick.wav --paths -0 | xargs -0 …
  soundkin search q.wav --like a.wav --dislike b.wav
  soundkin search pad.wav --weigh pitch=0.5 --fact loudness=-30..
"""
)
@click.argument(
    "sounds",
    nargs=-1,
    required=True,
    type=click.Path(),  # so that a shell completes files
    metavar="SOUND [[+|-] [WEIGHT:]SOUND]…",
)
@region_options
@click.option(
    "--slow",
    type=click.FloatRange(1, MAX_SLOW),
    metavar="FACTOR",
    help="Hear files that are not in the library so many times slower, as ultrasound.",
)
@click.option(
    "--whole", is_flag=True, help="Search with all of a take, not with its loudest stroke."
)
@click.option("-n", "--top", type=click.IntRange(1), default=10, show_default=True, help="Hits.")
@click.option(
    "--exact", is_flag=True, help="Compare with every segment, in however large a library."
)
@click.option("--exclude-self", is_flag=True, help="Leave out the recordings searched with.")
@click.option(
    "--per-recording",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Most hits of one recording; they do not overlap.",
)
@click.option(
    "--like", "liked", multiple=True, type=click.Path(), metavar="SOUND", help="More like this."
)
@click.option(
    "--dislike",
    "disliked",
    multiple=True,
    type=click.Path(),
    metavar="SOUND",
    help="Less like this, and not this.",
)
@click.option(
    "--weigh",
    "weights",
    multiple=True,
    metavar="FACT=WEIGHT",
    callback=_read_weights,
    help=f"Let {', '.join(FACT_NAMES)} or {LAST_FACT} count too; the score weighs 1.",
)
@click.option("--min-score", type=Number(-1, 1), default=-1.0, help="Least score of hits, -1 to 1.")
@click.option(
    "--min-percentile",
    type=Number(0, 100),
    default=0.0,
    help="Least percentile of hits, 0 to 100.",
)
@click.option("--fold-duplicates", is_flag=True, help="Leave out near-copies of better hits.")
@click.option("--why", is_flag=True, help="Show how facts compare, and how stable a hit is.")
@filter_options
@output_options(*PLACE_FORMATS)
@null_option
@library_option
def search(
    sounds: tuple[str, ...],
    start_s: float | None,
    end_s: float | None,
    slow: float | None,
    whole: bool,
    top: int,
    exact: bool,
    exclude_self: bool,
    per_recording: int,
    liked: tuple[str, ...],
    disliked: tuple[str, ...],
    weights: dict[str, float],
    min_score: float,
    min_percentile: float,
    fold_duplicates: bool,
    why: bool,
    output: str | None,
    null: bool,
    library_path: str,
    **filters: Any,
) -> None:
    """Find the places that sound like SOUND, best first.

    SOUND is an audio file, a recording of the library by the end of its path, or - for standard
    input. Several sounds are added up; + and - between them add and subtract. --from and --to, in
    seconds, take a region of the first.

    Recordings of the library are heard as they were indexed, and files that lie in a folder indexed
    with --slow as that folder; --slow is for others.

    The score is the cosine similarity; the percentile beside it says how many of a hundred pairs of
    unrelated sounds, of a reference that comes with soundkin, are less alike.

    A recording that holds the very sound, if softer, coded, cut or in a noisy take, comes first.

    --like and --dislike take sounds as SOUND does, and rank by what tells the ones from the others.
    A hit is stable if most parts of the query find its recording on their own (--why).
    """
    if why and output not in (None, "json"):
        raise click.UsageError("--why goes with the table or --json")
    from soundkin.audio.decoders.decoder_process import decode_in_subprocess

    with decode_in_subprocess(), open_library(library_path) as library, _spool_stdin() as spool:
        from soundkin.cli.progress import count_segments
        from soundkin.search.query import Sound
        from soundkin.search.searcher import Searcher

        sounds_asked = [
            replace(sound, slow=slow, whole=whole) for sound in parse_query(sounds, spool)
        ]
        sounds_asked[0] = replace(sounds_asked[0], start_s=start_s or 0.0, end_s=end_s)
        searcher = Searcher(library, count_segments(quiet=bool(output)))
        query = searcher.embed(sounds_asked)
        hits = searcher.search(
            query,
            top,
            per_recording=per_recording,
            exclude_self=exclude_self,
            exact=exact,
            filters=build_filters(library, **filters),
            liked=[Sound(one, slow=slow) for one in liked],
            disliked=[Sound(one, slow=slow) for one in disliked],
            weights=weights,
            fold_duplicates=fold_duplicates,
            min_score=min_score,
            min_percentile=min_percentile,
        )
        if not hits and min_score == -1 and min_percentile == 0:
            raise QueryError("nothing found: no other recording is left to compare with")
        verdict = searcher.judge(hits)
        explanations = searcher.explain_all(query, hits) if why else []
    _tell_what_was_heard(query, spool)
    if hits or output or null:
        _print_hits(hits, explanations, output, null=null)
    if not hits:
        click.echo("soundkin: nothing here is as much like it as you ask for", err=True)
    elif verdict.word == "none":
        click.echo(
            f"soundkin: nothing here sounds much like it: the best score is"
            f" {verdict.best_score:.3f}; {verdict.usual_score:.3f} or more would not be by chance"
            " in this library",
            err=True,
        )


def _tell_what_was_heard(query: EmbeddedQuery, stdin: Spool) -> None:
    """Say which part of a take was searched with, where that is not all of it."""
    from soundkin.text import format_time

    for part in query.parts:
        take = part.take
        if take is None or not take.leaves_out:
            continue
        start_s, end_s = take.heard_s
        others = len(take.strokes) - 1
        strokes = f", the loudest of {others + 1} strokes" if others else ""
        name = stdin.hide(part.name)
        click.echo(
            f"soundkin: {name}: {end_s - start_s:.2f} s at {format_time(start_s)} of"
            f" {take.duration_s:.1f} s{strokes}; --whole takes all",
            err=True,
        )


def parse_query(tokens: Sequence[str], stdin: Spool) -> list[Sound]:
    """Read sounds with + and - between them, and weights before them.

    A `-` where a sound should stand is standard input. A file whose whole name looks like a
    weighted one is taken for that file.
    """
    from soundkin.search.query import Sound

    query: list[Sound] = []
    sign: float | None = 1.0  # None: an operator may stand here
    for token in tokens:
        if sign is None and token in OPERATORS:
            sign = OPERATORS[token]
            continue
        weight, name = 1.0, token
        match = WEIGHTED.fullmatch(token)
        if match and not Path(token).exists():
            weight, name = float(match[1]), match[2]
        source = stdin.read() if name == "-" else name
        query.append(Sound(source, weight * (1.0 if sign is None else sign)))
        sign = None
    if sign is not None:
        raise click.UsageError(f"a sound must follow the last {tokens[-1]!r}")
    return query


class Spool:
    """Standard input as a file, read once, when a query asks for it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / STDIN

    def read(self) -> str:
        """Copy standard input to a file; returns its path."""
        if sys.stdin.isatty():
            raise click.UsageError("standard input is a terminal; pipe a sound into it")
        if not self._path.exists():
            with self._path.open("wb") as file:
                while chunk := sys.stdin.buffer.read(CHUNK_BYTES):
                    file.write(chunk)
                    if file.tell() > MAX_STDIN_BYTES:
                        raise QueryError(
                            f"{STDIN}: more than {MAX_STDIN_BYTES >> 30} GB; give a file"
                        )
        if not self._path.stat().st_size:
            raise QueryError(f"{STDIN}: it is empty; pipe a sound file into it")
        return str(self._path)

    def hide(self, text: str) -> str:
        """Take the folder of the copy out of a message, where it is nobody's business."""
        return text.replace(f"{self._folder}{os.sep}", "")


@contextmanager
def _spool_stdin() -> Iterator[Spool]:
    with tempfile.TemporaryDirectory(prefix="soundkin-") as folder:
        spool = Spool(Path(folder))
        try:
            yield spool
        except SoundkinError as error:
            raise type(error)(spool.hide(str(error))) from error


def _print_hits(
    hits: Sequence[Hit], explanations: Sequence[Explanation], output: str | None, *, null: bool
) -> None:
    from soundkin.cli import output as out
    from soundkin.search.rows import describe_explanation, describe_hit
    from soundkin.text import format_time

    rows = list(map(describe_hit, hits))
    for row, explanation in zip(rows, explanations, strict=False):
        row["why"] = describe_explanation(explanation)
    if not print_places(rows, output, null=null):
        is_reranked = any(hit.rank_score is not None for hit in hits)
        cells = (
            (
                str(hit.rank),
                *([f"{hit.rank_score:.3f}"] if is_reranked else []),
                f"{hit.score:.3f}",
                f"{hit.percentile:.2f}",
                format_time(hit.start_s),
                f"{hit.duration_s:.2f} s",
                out.shorten_path(hit.recording.path)
                + ("  (the sound itself)" if hit.same_sound else "")
                + (f"  (and {hit.n_folded} near-copies)" if hit.n_folded else ""),
            )
            for hit in hits
        )
        columns = ("score", "percentile", "start", "length", "recording")
        out.print_table(("", *(["ranked by"] if is_reranked else []), *columns), cells)
        for hit, explanation in zip(hits, explanations, strict=False):
            click.echo(_explain(hit, explanation))


def _explain(hit: Hit, explanation: Explanation) -> str:
    """Say in three lines why a recording was found."""
    from soundkin.cli.output import shorten_path
    from soundkin.text import make_printable

    facts = [
        _compare(one) for one in explanation.facts if one.hit is not None or one.query is not None
    ]
    n_agreeing = round(explanation.stability * explanation.n_pieces)
    return (
        f"\n{hit.rank}  {make_printable(shorten_path(hit.recording.path))}\n"
        f"   {', '.join(facts) or 'no facts'}\n"
        f"   {'stable' if explanation.is_stable else 'unstable'}: {n_agreeing} of"
        f" {explanation.n_pieces} parts of the query rank it among their first"
        f" {explanation.n_near}"
    )


def _compare(one: Comparison) -> str:
    fact = FACTS[one.fact]
    if fact.kinds:
        hit, query = (fact.name_of(value) or "–" for value in (one.hit, one.query))
    else:
        hit = _show(one.hit, fact.sign, fact.name_of(one.hit))
        query = _show(one.query, "", fact.name_of(one.query))
    return f"{one.fact} {hit} (query {query})"


def _show(value: float | None, sign: str, name: str | None) -> str:
    shown = "–" if value is None else f"{value:.4g}"
    return f"{shown} {sign}".rstrip() + (f", {name}" if name else "")
