"""Sounds to embeddings: a file, a region or an array in, one unit vector per segment out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from soundkin.audio.audible import find_sound
from soundkin.audio.decoders.decoder import BLOCK_S, AudioInfo, Decoder, Samples
from soundkin.audio.decoders.open import open_decoder
from soundkin.audio.facts.meter import FactsMeter
from soundkin.audio.fingerprint import FingerprintMeter, compute_fingerprint
from soundkin.audio.read import check_region, convert_waveform, stream_audio
from soundkin.audio_facts import Facts
from soundkin.config import SILENCE_DB, MelConfig, SegmentConfig
from soundkin.embedding.model import ModelFile, load_model
from soundkin.embedding.segments import Embeddings, compute_levels, fill_segment
from soundkin.errors import AudioError, ModelError
from soundkin.system.worker_child import heartbeat

NORM_TOLERANCE = 0.01
MAX_SOUND_S = 48 * 3600.0  # what decodes to more is made to: some bytes can stand for years
ULTRASOUND_RATES = 4  # times the model's own
BEYOND_DB = 30.0  # that a sound is louder as it is than as far as the model hears
BATCH_FLOATS = 1 << 18  # that a model is given at once
TAKE_S = 20.0  # up to which a recording is a sound by itself, with nothing to hear around it


@dataclass(frozen=True)
class Measurements:
    """What is measured of a sound beside its vectors: its facts, and what copies are told by."""

    facts: Facts
    fingerprint: bytes


class SegmentModel(Protocol):
    """What an `Embedder` runs: a `Model`, an `Encoder`, or whatever can stand in their place.

    A segment reaches it in the form that it takes, be that a log-mel or the waveform itself.
    """

    @property
    def segments(self) -> SegmentConfig:
        """How to cut."""
        ...

    @property
    def mel(self) -> MelConfig | None:
        """What mel power `cut` gives; None where it gives something else."""
        ...

    def cut(
        self, stretch: Samples, hop: int
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32] | None]:
        """Bring a stretch to its segments `(n_segments, …)`, one every `hop` samples.

        And to its mel power `(n_mels, n_frames)`, where that is on the way.
        """
        ...

    @property
    def embed(self) -> Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]:
        """Map such segments `(batch, …)` to vectors `(batch, n)`; NaN where they have none."""
        ...


class Embedder:
    """Runs one model over sounds, on one thread, in memory bounded whatever their length.

    What lasts up to 20 s is embedded from its first onset to its end, whatever silence or noise is
    around it, and silence follows in its last segment; longer recordings by a regular grid.
    With `measures` it measures their facts too, which takes longer than the vectors do.
    """

    def __init__(self, model: SegmentModel, *, measures: bool = True) -> None:
        self.model = model
        self._segments = model.segments
        self._measures = measures

    @classmethod
    def load(cls, name: str | os.PathLike[str] | ModelFile, *, measures: bool = True) -> Embedder:
        """Load the model of that name or file; see `soundkin.embedding.model.load_model`."""
        return cls(load_model(name), measures=measures)

    def embed_file(
        self, path: str | os.PathLike[str], start_s: float = 0.0, end_s: float | None = None
    ) -> Embeddings:
        """Embed a sound file, or the region of it from `start_s` to `end_s` seconds.

        Raises
        ------
        AudioError
            The file is not sound that can be read, or the region holds none of it. Damage after
            the first readable block is not raised but said in `Embeddings.warning`.
        """
        with _open_blocks(path, self._segments.sample_rate, start_s, end_s) as blocks:
            found = self._embed_blocks(blocks)
            warning = blocks.warning or blocks.decoder.warning
            if warning is None and not start_s and end_s is None:
                warning = _check_length(blocks.info.duration_s, found.duration_s)
            beyond = None if warning else self._find_sound_beyond(path, blocks.info, found)
            return replace(found, info=blocks.info, warning=warning or beyond)

    def _find_sound_beyond(
        self, path: str | os.PathLike[str], info: AudioInfo, found: Embeddings
    ) -> str | None:
        """Say so where next to all of a recording lies above what the model hears, as of bats.

        Files of ordinary rates are looked at again only where they are silent to the model.
        """
        highest_hz = self._segments.sample_rate / 2
        is_high = info.sample_rate >= ULTRASOUND_RATES * self._segments.sample_rate
        if info.sample_rate <= 2 * highest_hz or not (is_high or found.silent.all()):
            return None
        with open_decoder(path) as decoder:
            block = next(decoder.decode_from(0), np.zeros(1, np.float32))
        level_db = compute_levels(block, len(block), len(block), 1)[0]
        if level_db < SILENCE_DB or level_db < found.levels_db.max() + BEYOND_DB:
            return None
        return f"its sound lies above {highest_hz / 1000:g} kHz, which the model does not hear"

    def embed_waveform(
        self, waveform: npt.NDArray[np.floating[Any]], sample_rate: int
    ) -> Embeddings:
        """Embed an array of floats, `(n_samples,)` or `(n_samples, n_channels)`.

        Raises
        ------
        AudioError
            The array is empty or of another shape or kind.
        """
        mono = convert_waveform(waveform, sample_rate, self._segments.sample_rate)
        n_block = round(BLOCK_S * self._segments.sample_rate)
        blocks = (mono[start : start + n_block] for start in range(0, len(mono), n_block))
        return self._embed_blocks(blocks)

    def measure_file(self, path: str | os.PathLike[str]) -> Measurements:
        """Measure a sound file, without embedding it.

        Raises
        ------
        AudioError
            The file is not sound that can be read.
        """
        rate = self._segments.sample_rate
        meter, marks = FactsMeter(rate, self.model.mel), FingerprintMeter(rate)
        with _open_blocks(path, rate, 0.0, None) as blocks:
            head, ended = _take_head(blocks, round(TAKE_S * rate))
            if not ended:
                for block in chain([head], blocks):
                    meter.add(block)
                    marks.add(block)
                return Measurements(meter.measure(), marks.measure().to_bytes())
        stretch = find_sound(head, rate)
        sound_s = max(0, stretch.start) / rate, stretch.stop / rate
        return self._measure_take(head, sound_s)

    def _measure_take(self, waveform: Samples, sound_s: tuple[float, float]) -> Measurements:
        """Measure a whole sound that is heard from one time to another."""
        facts = _locate(self.measure_waveform(waveform), sound_s)
        fingerprint = compute_fingerprint(waveform, self._segments.sample_rate)
        return Measurements(facts, fingerprint.to_bytes())

    def measure_waveform(self, waveform: Samples) -> Facts:
        """Measure the facts of mono samples at the model's rate, without embedding them."""
        meter = FactsMeter(self._segments.sample_rate, self.model.mel)
        meter.add(waveform)
        return meter.measure()

    def embed_stretch(self, stretch: Samples, hop: int) -> npt.NDArray[np.float32]:
        """Embed the segments of a stretch that start every `hop` samples, `(n_segments, n)`.

        Raises
        ------
        ModelError
            The model has no vector for a segment that is not silent.
        """
        cuts, _ = self.model.cut(stretch, hop)
        levels_db = compute_levels(stretch, self._segments.segment_length, hop, len(cuts))
        return self._embed_cuts(cuts, levels_db)

    def _embed_cuts(
        self, cuts: npt.NDArray[np.float32], levels_db: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        """Embed segments in the form that the model takes, `(n_segments, …)`, of these levels."""
        n_batch = max(1, BATCH_FLOATS // cuts[0].size)
        batches = (cuts[start : start + n_batch] for start in range(0, len(cuts), n_batch))
        vectors = np.concatenate([self._embed_batch(batch) for batch in batches])
        undefined = ~np.isfinite(vectors).all(axis=1)
        if undefined.any():
            if (levels_db[undefined] >= SILENCE_DB).any():
                raise ModelError("the model's vector is zero, or no number, where there is sound")
            vectors[undefined] = 1 / np.sqrt(vectors.shape[1])  # silence: defined, never a hit
        return vectors

    def _embed_batch(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        heartbeat()
        return self.model.embed(np.ascontiguousarray(batch))

    def warm_up(self) -> int:
        """Embed a batch of noise, so that the model has what memory it needs; a vector's size.

        Raises
        ------
        ModelError
            It gives no unit vectors for that.
        """
        noise = np.random.default_rng(0).standard_normal(self._segments.segment_length)
        cut, _ = self.model.cut((0.1 * noise).astype(np.float32), self._segments.segment_hop)
        n_batch = max(1, BATCH_FLOATS // cut[0].size)
        vectors = self._embed_batch(np.repeat(cut, n_batch, axis=0))
        norms = np.linalg.norm(vectors, axis=1)
        if not (np.abs(norms - 1) < NORM_TOLERANCE).all():  # also where they are no numbers
            raise ModelError("the model's vectors for noise are not of length 1; it is damaged")
        return int(vectors.shape[1])

    def _embed_blocks(self, blocks: Iterator[Samples]) -> Embeddings:
        """Embed a stream: what is short from its onset on, what is long by a grid."""
        head, ended = _take_head(blocks, round(TAKE_S * self._segments.sample_rate))
        return self._embed_take(head) if ended else self._embed_grid(chain([head], blocks))

    def _embed_take(self, waveform: Samples) -> Embeddings:
        """Embed a whole sound from its first onset to its end."""
        length, hop = self._segments.segment_length, self._segments.segment_hop
        rate = self._segments.sample_rate
        stretch = find_sound(waveform, rate)
        sound = fill_segment(stretch.cut(waveform, rate), length)
        n_regular = (len(sound) - length) // hop + 1
        parts = [sound[: (n_regular - 1) * hop + length]]
        if len(parts[0]) < len(sound):
            parts.append(sound[-length:])
        cuts = [self.model.cut(part, hop)[0] for part in parts]
        levels = np.concatenate(
            [
                compute_levels(part, length, hop, len(cut))
                for part, cut in zip(parts, cuts, strict=True)
            ]
        )
        vectors = self._embed_cuts(np.concatenate(cuts), levels)
        sound_s = max(0, stretch.start) / rate, stretch.stop / rate
        found = Embeddings(vectors, levels, len(waveform) / rate, sound_s=sound_s)
        if not self._measures:
            return found
        measured = self._measure_take(waveform, sound_s)
        return replace(found, facts=measured.facts, fingerprint=measured.fingerprint)

    def _embed_grid(self, blocks: Iterator[Samples]) -> Embeddings:
        """Embed every segment of a stream; memory holds one block and the vectors."""
        length, hop = self._segments.segment_length, self._segments.segment_hop
        vectors: list[npt.NDArray[np.float32]] = []
        levels: list[npt.NDArray[np.float32]] = []
        rate = self._segments.sample_rate
        meter = FactsMeter(rate, self.model.mel) if self._measures else None
        marks = FingerprintMeter(rate) if self._measures else None
        rest = last = np.zeros(0, np.float32)  # not embedded yet; the last segment's worth so far
        n_samples = 0
        for block in blocks:
            n_samples += len(block)
            if marks is not None:
                marks.add(block)
            last = np.concatenate([last, block[-length:]])[-length:]
            rest = np.concatenate([rest, block]) if len(rest) else block
            n_ready = max(0, (len(rest) - length) // hop + 1)
            if n_ready:
                cuts, mel = self.model.cut(rest[: (n_ready - 1) * hop + length], hop)
                levels.append(compute_levels(rest, length, hop, n_ready))
                vectors.append(self._embed_cuts(cuts, levels[-1]))
                if meter is not None:
                    meter.add(rest[: n_ready * hop], self._take_frames(mel, n_ready * hop))
                rest = rest[n_ready * hop :]
        if meter is not None:
            meter.add(rest)
        if n_samples > (sum(map(len, vectors)) - 1) * hop + length:
            vectors.append(self.embed_stretch(last, hop))
            levels.append(compute_levels(last, length, hop, 1))
        return Embeddings(
            np.concatenate(vectors),
            np.concatenate(levels),
            n_samples / rate,
            facts=None if meter is None else meter.measure(),
            fingerprint=None if marks is None else marks.measure().to_bytes(),
        )

    def _take_frames(
        self, mel: npt.NDArray[np.float32] | None, n_samples: int
    ) -> npt.NDArray[np.float32] | None:
        """Take a stretch's frames that begin in its first samples, if all of them are there."""
        if mel is None or self.model.mel is None:
            return None
        n_frames = n_samples // self.model.mel.hop_length
        return mel[:, :n_frames] if n_frames <= mel.shape[1] else None


def _locate(facts: Facts, sound_s: tuple[float, float]) -> Facts:
    """Say of a sound's facts where it lies; silence has none."""
    if facts == Facts():
        return facts
    return replace(facts, sound_from_s=sound_s[0], sound_to_s=sound_s[1])


def _take_head(blocks: Iterator[Samples], most: int) -> tuple[Samples, bool]:
    """Take the first blocks of a stream, more than `most` samples of them or all; whether all."""
    head: list[Samples] = []
    n_samples = 0
    for block in blocks:
        head.append(block)
        n_samples += len(block)
        if n_samples > most:
            return np.concatenate(head), False
    return np.concatenate(head), True


@contextmanager
def _open_blocks(
    path: str | os.PathLike[str], sample_rate: int, start_s: float, end_s: float | None
) -> Iterator[_GuardedBlocks]:
    """Open a sound file, or a region of it, as a stream that has at least one block."""
    name = os.fsdecode(path)
    with open_decoder(name) as decoder:
        check_region(name, decoder.info.duration_s, start_s, end_s)
        blocks = stream_audio(decoder, sample_rate, start_s, end_s)
        first = next(blocks, None)
        if first is None:
            where = f"after {start_s:g} s" if start_s else "in it"
            raise AudioError(f"{name}: there is no sound {where}")
        most = round(MAX_SOUND_S * sample_rate)
        yield _GuardedBlocks(chain([first], blocks), name, decoder, most)


class _GuardedBlocks:
    """Passes blocks on until the decoder fails, then ends, and remembers why.

    Of more than `most` samples there is no end to be waited for: AudioError.
    """

    def __init__(self, blocks: Iterator[Samples], name: str, decoder: Decoder, most: int) -> None:
        self.decoder = decoder
        self.info = decoder.info
        self._blocks = blocks
        self._name = name
        self._n_left = most
        self.warning: str | None = None

    def __iter__(self) -> Iterator[Samples]:
        return self

    def __next__(self) -> Samples:
        try:
            block = next(self._blocks)
        except AudioError as error:
            self.warning = str(error).removeprefix(f"{self._name}: ")
            raise StopIteration from error
        self._n_left -= len(block)
        if self._n_left < 0:
            hours = MAX_SOUND_S / 3600
            raise AudioError(f"{self._name}: it goes on after {hours:g} h; so long no sound is")
        return block


def _check_length(promised_s: float | None, decoded_s: float) -> str | None:
    """Tell a recording that ends well before its headers say from one that is whole."""
    if promised_s is None or promised_s - decoded_s <= max(1.0, 0.02 * promised_s):
        return None
    return f"cut short: {decoded_s:.1f} s of {promised_s:.1f} s could be decoded"
