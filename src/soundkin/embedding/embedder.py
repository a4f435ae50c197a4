"""Sounds to embeddings: a file, a region or an array in, one unit vector per segment out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from soundkin.audio.audible import Stretch, align_segments, has_sound
from soundkin.audio.decoders.decoder import BLOCK_S, AudioInfo, Samples
from soundkin.audio.decoders.open import open_decoder
from soundkin.audio.facts.meter import FactsMeter
from soundkin.audio.fingerprint import FingerprintMeter, compute_fingerprint
from soundkin.audio.read import convert_waveform
from soundkin.audio_facts import Facts, undo_slowing
from soundkin.config import MAX_SLOW, SILENCE_DB, MelConfig, SegmentConfig
from soundkin.embedding.model import ModelFile, load_model
from soundkin.embedding.segments import Embeddings, compute_levels, raise_heard
from soundkin.embedding.sound_stream import TAKE_S, check_length, open_blocks, take_head
from soundkin.errors import ModelError
from soundkin.system.worker_child import heartbeat

NORM_TOLERANCE = 0.01
ULTRASOUND_RATES = 4  # times the model's own
BEYOND_DB = 30.0  # that a sound is louder as it is than as far as the model hears
BATCH_FLOATS = 1 << 18  # that a model is given at once


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
    around it; one of its segments begins with the loudest stroke, and silence follows in the last.
    Longer recordings are embedded by a regular grid.

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
        self,
        path: str | os.PathLike[str],
        start_s: float = 0.0,
        end_s: float | None = None,
        *,
        slow: float = 1.0,
    ) -> Embeddings:
        """Embed a sound file, or the region of it from `start_s` to `end_s` seconds.

        It is heard `slow` times slower than it is, as ultrasound; all times and facts are its own.

        Raises
        ------
        AudioError
            The file is not sound that can be read, or the region holds none of it. Damage after
            the first readable block is not raised but said in `Embeddings.warning`.
        """
        with open_blocks(path, self._segments.sample_rate, start_s, end_s, slow) as blocks:
            found = _undo_slowing(self._embed_blocks(blocks, is_inside=start_s > 0), slow)
            warning = blocks.warning or blocks.decoder.warning
            if warning is None and not start_s and end_s is None:
                warning = check_length(blocks.info.duration_s, found.duration_s)
            beyond = None if warning else self._find_sound_beyond(path, blocks.info, found, slow)
            return replace(found, info=blocks.info, warning=warning or beyond)

    def _find_sound_beyond(
        self, path: str | os.PathLike[str], info: AudioInfo, found: Embeddings, slow: float
    ) -> str | None:
        """Say so where next to all of a recording lies above what the model hears, as of bats.

        Files of ordinary rates are looked at again only where they are silent to the model.
        """
        highest_hz = slow * self._segments.sample_rate / 2
        is_high = info.sample_rate >= 2 * ULTRASOUND_RATES * highest_hz
        if info.sample_rate <= 2 * highest_hz or not (is_high or found.silent.all()):
            return None
        with open_decoder(path) as decoder:
            block = next(decoder.decode_from(0), np.zeros(1, np.float32))
        level_db = compute_levels(block, len(block), len(block), 1)[0]
        if level_db < SILENCE_DB or level_db < found.levels_db.max() + BEYOND_DB:
            return None
        return (
            f"its sound lies above {highest_hz / 1000:g} kHz, which the model does not hear; to"
            f" hear it slower: soundkin index FOLDER --slow {min(MAX_SLOW, 10 * slow):g}"
        )

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

    def measure_file(self, path: str | os.PathLike[str], slow: float = 1.0) -> Measurements:
        """Measure a sound file, heard `slow` times slower, without embedding it.

        Raises
        ------
        AudioError
            The file is not sound that can be read.
        """
        rate = self._segments.sample_rate
        with open_blocks(path, rate, 0.0, None, slow) as blocks:
            head, ended = take_head(blocks, round(TAKE_S * rate))
            if ended:
                stretch = align_segments(head, rate, self._segments.segment_hop)
                measured = self._measure_take(head, _to_seconds(stretch, rate))
                facts = undo_slowing(measured.facts, slow, len(head) / rate / slow)
                return replace(measured, facts=facts)
            meter, marks, n_samples = FactsMeter(rate, self.model.mel), FingerprintMeter(rate), 0
            for block in chain([head], blocks):
                meter.add(block)
                marks.add(block)
                n_samples += len(block)
        facts = undo_slowing(meter.measure(), slow, n_samples / rate / slow)
        return Measurements(facts, marks.measure().to_bytes())

    def _measure_take(self, waveform: Samples, sound_s: tuple[float, float]) -> Measurements:
        """Measure a whole sound that is heard from one time to another; silence lies nowhere."""
        facts, rate = self.measure_waveform(waveform), self._segments.sample_rate
        if facts != Facts() or has_sound(waveform, rate):
            facts = replace(facts, sound_from_s=sound_s[0], sound_to_s=sound_s[1])
        fingerprint = compute_fingerprint(waveform, rate)
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

    def _embed_blocks(self, blocks: Iterator[Samples], *, is_inside: bool = False) -> Embeddings:
        """Embed a stream: what is short from its onset on, what is long by a grid.

        A region inside of a recording that begins with sound has none of silence before it.
        """
        head, ended = take_head(blocks, round(TAKE_S * self._segments.sample_rate))
        if ended:
            rate, hop = self._segments.sample_rate, self._segments.segment_hop
            stretch = align_segments(head, rate, hop)
            if is_inside:
                stretch = Stretch(max(0, stretch.start), stretch.stop)
            return self.embed_sound(head, stretch)
        return self._embed_grid(chain([head], blocks))

    def embed_sound(self, waveform: Samples, stretch: Stretch) -> Embeddings:
        """Embed a sound from its first onset to its end, which lie in these samples."""
        length, hop = self._segments.segment_length, self._segments.segment_hop
        rate = self._segments.sample_rate
        sound = stretch.cut(waveform, rate, length)
        n_regular = (len(sound) - length) // hop + 1
        parts = [sound[: (n_regular - 1) * hop + length]]
        if len(sound) - len(parts[0]) > -min(0, stretch.start):  # not only the lead that was added
            parts.append(sound[-length:])
        cuts = [self.model.cut(part, hop)[0] for part in parts]
        levels = np.concatenate(
            [
                compute_levels(part, length, hop, len(cut))
                for part, cut in zip(parts, cuts, strict=True)
            ]
        )
        vectors = self._embed_cuts(np.concatenate(cuts), levels)
        if levels.max() < SILENCE_DB and has_sound(sound, rate):
            levels = raise_heard(levels)
        sound_s = _to_seconds(stretch, rate)
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
        n_samples, is_heard = 0, False
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
                is_heard = is_heard or levels[-1].max() >= SILENCE_DB or has_sound(rest, rate)
                if meter is not None:
                    meter.add(rest[: n_ready * hop], self._take_frames(mel, n_ready * hop))
                rest = rest[n_ready * hop :]
        if meter is not None:
            meter.add(rest)
        if n_samples > (sum(map(len, vectors)) - 1) * hop + length:
            vectors.append(self.embed_stretch(last, hop))
            levels.append(compute_levels(last, length, hop, 1))
        levels_db = np.concatenate(levels)
        return Embeddings(
            np.concatenate(vectors),
            raise_heard(levels_db) if is_heard or has_sound(last, rate) else levels_db,
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


def _to_seconds(stretch: Stretch, sample_rate: int) -> tuple[float, float]:
    return stretch.start / sample_rate, stretch.stop / sample_rate


def _undo_slowing(found: Embeddings, slow: float) -> Embeddings:
    """Give a sound that was heard slower its own seconds and facts."""
    if slow == 1:
        return found
    duration_s = found.duration_s / slow
    facts = None if found.facts is None else undo_slowing(found.facts, slow, duration_s)
    sound_s = found.sound_s and (found.sound_s[0] / slow, found.sound_s[1] / slow)
    return replace(found, duration_s=duration_s, facts=facts, sound_s=sound_s)
