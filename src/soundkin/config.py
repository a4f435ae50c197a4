"""Everything tunable, as frozen dataclasses; stored inside a model, and so inside a library."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

from soundkin.errors import ModelError

EMBEDDING_SIZE = 128
MAX_SIZE = 1 << 20  # of anything in samples, bands or Hz
MAX_SEGMENT_S = 120.0
MIN_PEAK_DB = -80.0
MAX_SLOW = 100.0  # times slower than it is that a sound may be heard
SILENCE_DB = -80.0  # RMS of full scale, below which there is nothing to hear


@dataclass(frozen=True)
class SegmentConfig:
    """How a recording is cut: segments of `segment_s` seconds, one every `hop_s` seconds."""

    sample_rate: int = 32_000
    segment_s: float = 1.0
    hop_s: float = 0.5

    @property
    def segment_length(self) -> int:
        """Samples in a segment."""
        return round(self.segment_s * self.sample_rate)

    @property
    def segment_hop(self) -> int:
        """Samples from one segment's start to the next one's."""
        return round(self.hop_s * self.sample_rate)


@dataclass(frozen=True)
class MelConfig:
    """The log-scaled mel spectrogram: STFT sizes in samples, band edges in Hz.

    With `peak_db` every segment is brought to that peak, in dB of full scale, so that a sound is
    the same at any level; None leaves levels as they are.
    """

    n_fft: int = 1024
    win_length: int = 1024
    hop_length: int = 800
    n_mels: int = 64
    f_min: float = 50.0
    f_max: float = 15_000.0
    log_offset: float = 1e-10
    peak_db: float | None = None


@dataclass(frozen=True)
class DeformationConfig:
    """How far a positive may lie from its anchor; each at 0 (or no share) is the identity.

    `pitch_semitones` up or down in `pitch_share` of the sounds, `stretch` longer or shorter by this
    factor (1 is none) in `stretch_share` of them, white to brown noise no louder than
    `noise_snr_db` under the sound in `noise_share`, another sound at up to `mixture` of the energy
    in `mixture_share`, a place at most `proximity_s` away in `proximity_share` of the pairs, and
    louder or softer by up to `gain_db`.

    What a sound is heard through (`training.surroundings`): a microphone that tilts and bends the
    spectrum by up to `channel_db` in `channel_share`, a narrow band in `band_share`, a room that is
    `room_db` or more under the sound in `room_share`, a steady floor, `floor_db` relative to the
    peak, in `floor_share`, and up to `place_s` of what was before it in `place_share`.

    `noise_levels`, if given, are bounds of white noise's amplitude as a share of full scale, in
    place of one relative to the sound. With `one_per_batch` a batch has one of pitch, stretch,
    noise and proximity, and only its positives have it.
    """

    pitch_semitones: float = 9.0
    pitch_share: float = 0.8
    stretch: float = 1.6
    stretch_share: float = 0.3
    noise_share: float = 0.25
    noise_snr_db: float = 10.0
    mixture_share: float = 0.1
    mixture: float = 0.25
    proximity_share: float = 0.7
    proximity_s: float = 10.0
    gain_db: float = 3.0
    channel_share: float = 0.5
    channel_db: float = 6.0
    band_share: float = 0.15
    room_share: float = 0.2
    room_db: float = 0.0
    floor_share: float = 0.5
    floor_db: tuple[float, ...] = (-85.0, -35.0)
    place_share: float = 0.3
    place_s: float = 0.5
    noise_levels: tuple[float, ...] = ()
    one_per_batch: bool = False


@dataclass(frozen=True)
class ModelConfig:
    """What a model needs to be run: how to cut, what to compute, and what it is called."""

    name: str
    version: int = 1
    segments: SegmentConfig = field(default_factory=SegmentConfig)
    mel: MelConfig = field(default_factory=MelConfig)

    def __post_init__(self) -> None:
        """Refuse sizes under which segments could not share frames."""
        segments, mel = self.segments, self.mel
        whole = (segments.sample_rate, mel.n_fft, mel.win_length, mel.hop_length, mel.n_mels)
        if not all(type(size) is int and 0 < size <= MAX_SIZE for size in whole):
            raise ModelError(f"model {self.name}: its sizes must be whole numbers above 0")
        if not 0 < segments.segment_s <= MAX_SEGMENT_S or not mel.log_offset > 0:
            raise ModelError(
                f"model {self.name}: a segment has up to {MAX_SEGMENT_S:g} s, log_offset is > 0"
            )
        if mel.peak_db is not None and not MIN_PEAK_DB <= mel.peak_db <= 0:
            raise ModelError(f"model {self.name}: peak_db lies within {MIN_PEAK_DB:g} and 0")
        if not 0 < segments.segment_hop <= segments.segment_length:
            raise ModelError(f"model {self.name}: hop_s must be above 0 and at most segment_s")
        if segments.segment_hop % mel.hop_length:
            raise ModelError(
                f"model {self.name}: hop_s ({segments.segment_hop} samples) must be a multiple "
                f"of hop_length ({mel.hop_length})"
            )
        if not 0 < mel.win_length <= mel.n_fft <= segments.segment_length:
            raise ModelError(f"model {self.name}: win_length ≤ n_fft ≤ segment must hold")
        if not 0 <= mel.f_min < mel.f_max <= segments.sample_rate / 2:
            raise ModelError(f"model {self.name}: f_min < f_max ≤ sample_rate / 2 must hold")

    @property
    def n_frames(self) -> int:
        """STFT frames that lie wholly inside a segment."""
        return 1 + (self.segments.segment_length - self.mel.n_fft) // self.mel.hop_length

    def to_json(self) -> str:
        """Write the config as JSON, keys sorted."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> ModelConfig:
        """Read what `to_json` wrote.

        Raises
        ------
        ModelError
            The text is not such a config.
        """
        try:
            values: dict[str, Any] = json.loads(text)
            segments = SegmentConfig(**values.pop("segments"))
            mel = MelConfig(**values.pop("mel"))
            return cls(segments=segments, mel=mel, **values)
        except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
            raise ModelError(f"the model's config cannot be read ({error})") from error
