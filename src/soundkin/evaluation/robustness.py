"""Does a sound that was deformed find its origin? Ranks under each deformation and strength."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from soundkin.audio import deformations
from soundkin.audio.decoders.decoder import Samples
from soundkin.audio.decoders.open import open_decoder
from soundkin.audio.read import read_region
from soundkin.embedding.baselines import BASELINES, standardise
from soundkin.embedding.embedder import Embedder
from soundkin.embedding.model import load_model
from soundkin.errors import AudioError, QueryError
from soundkin.index.unit_vectors import average_runs
from soundkin.progress import Failure, ignore
from soundkin.system.processors import count_processors

MAX_CLIPS = 300
MAX_S = 5.0
SEED = 0

Vectors = npt.NDArray[np.float32]
Deform = Callable[[Samples, int, Samples, np.random.Generator], Samples]


@dataclass(frozen=True)
class Robustness:
    """How deformed clips found their origins among `n_clips`, by one model or baseline.

    `found` and `found_in_10` are the shares whose origin came first, or among the first 10;
    `median_rank` is 1 at best.
    """

    model: str
    deformation: str
    strength: str
    n_clips: int
    found: float
    found_in_10: float
    median_rank: float


def _shift(semitones: float, waveform: Samples, rate: int, *_: object) -> Samples:
    return deformations.shift_pitch(waveform, rate, semitones)


def _stretch(factor: float, waveform: Samples, rate: int, *_: object) -> Samples:
    return deformations.stretch_time(waveform, rate, factor)


def _add_noise(
    snr_db: float, waveform: Samples, rate: int, _: Samples, generator: np.random.Generator
) -> Samples:
    return deformations.add_noise(waveform, rate, 10 ** (-snr_db / 10), generator)


def _mix(share: float, waveform: Samples, _: int, other: Samples, *__: object) -> Samples:
    return deformations.mix(waveform, other, share)


def _scale(gain_db: float, waveform: Samples, *_: object) -> Samples:
    return waveform * np.float32(10 ** (gain_db / 20))


def _list(
    kind: str, unit: str, function: Callable[..., Samples], *strengths: float
) -> list[tuple[str, str, Deform]]:
    return [(kind, f"{s:g} {unit}".strip(), partial(function, s)) for s in strengths]


DEFORMATIONS: tuple[tuple[str, str, Deform], ...] = (
    *_list("pitch shift", "semitones", _shift, -12, -5, -2, 2, 5, 12),
    *_list("time stretch", "", _stretch, 0.5, 0.7, 1.4, 2.0),
    *_list("noise, SNR", "dB", _add_noise, 20, 10, 0),
    *_list("mixture, energy", "", _mix, 0.1, 0.25, 1.0),
    *_list("gain", "dB", _scale, -20, 6),
)


def measure_robustness(
    paths: Sequence[str],
    models: Sequence[str],
    *,
    on_progress: Callable[[int, int], None] = ignore,
) -> tuple[tuple[Robustness, ...], tuple[Failure, ...]]:
    """Deform clips (up to 300 drawn from `paths`, their first 5 s) and rank their origins.

    `models` are names or files of models, or names of baselines.

    Raises
    ------
    SoundkinError
        There is no such model, or fewer than two clips can be read.
    """
    embedders = [
        Embedder(BASELINES[m] if m in BASELINES else load_model(m), measures=False) for m in models
    ]
    generator = np.random.default_rng(SEED)
    drawn = sorted(generator.permutation(len(paths))[:MAX_CLIPS].tolist())
    clips, failures = _read_clips([paths[place] for place in drawn])
    if len(clips) < 2:
        raise QueryError("fewer than two clips could be read")
    embedded: list[list[list[Vectors]]] = []  # by clip, then by deformation, then by model
    with ThreadPoolExecutor(count_processors()) as threads:
        work = partial(_embed_deformed, clips, embedders)
        for found in threads.map(work, range(len(clips))):
            embedded.append(found)
            on_progress(len(embedded), len(clips))
    rows = []
    for number, name in enumerate(models):
        by_deformation = [[clip[d][number] for clip in embedded] for d in range(len(embedded[0]))]
        rows += _rank_all(name, by_deformation)
    return tuple(rows), failures


def _read_clips(paths: Sequence[str]) -> tuple[list[tuple[Samples, int]], tuple[Failure, ...]]:
    clips, failures = [], []
    for path in paths:
        try:
            with open_decoder(path) as decoder:
                rate = decoder.info.sample_rate
                clips.append((read_region(decoder, path, rate, 0.0, MAX_S), rate))
        except AudioError as error:
            failures.append(Failure.of(path, error))
    return clips, tuple(failures)


def _embed_deformed(
    clips: Sequence[tuple[Samples, int]], embedders: Sequence[Embedder], place: int
) -> list[list[Vectors]]:
    """Embed a clip as it is and deformed in every way; the mixture is with another clip."""
    waveform, rate = clips[place]
    generator = np.random.default_rng([SEED, place])
    other, _ = clips[(place + 1 + int(generator.integers(len(clips) - 1))) % len(clips)]
    variants = [waveform]
    variants += [deform(waveform, rate, other, generator) for *_, deform in DEFORMATIONS]
    return [[e.embed_waveform(variant, rate).vectors for e in embedders] for variant in variants]


def _rank_all(name: str, by_deformation: list[list[Vectors]]) -> list[Robustness]:
    """Rank each deformed clip's origin among the undeformed clips."""
    n_clips = len(by_deformation[0])
    segments = [vectors for column in by_deformation for vectors in column]
    if name in BASELINES:
        segments = standardise(segments)
    starts = np.cumsum([0, *map(len, segments[:-1])])
    means = average_runs(np.concatenate(segments), starts)
    origins, *deformed = means.reshape(len(by_deformation), n_clips, -1)
    rows = []
    for (kind, strength, _), vectors in zip(DEFORMATIONS, deformed, strict=True):
        scores = vectors @ origins.T
        ranks = 1 + (scores > scores.diagonal()[:, None]).sum(axis=1)
        rows.append(
            Robustness(
                model=name,
                deformation=kind,
                strength=strength,
                n_clips=n_clips,
                found=float((ranks == 1).mean()),
                found_in_10=float((ranks <= 10).mean()),
                median_rank=float(np.median(ranks)),
            )
        )
    return rows
