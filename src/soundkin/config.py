"""Everything tunable, as frozen dataclasses; stored inside a model, and so inside a library."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

from soundkin.errors import ModelError

EMBEDDING_SIZE = 128


@dataclass(frozen=True)
class SegmentConfig:
    """How a recording is cut: segments of `segment_s` seconds, one every `hop_s` seconds."""

    sample_rate: int = 22_050
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
    """The log-scaled mel spectrogram: STFT sizes in samples, band edges in Hz."""

    n_fft: int = 1024
    win_length: int = 1024
    hop_length: int = 441
    n_mels: int = 64
    f_min: float = 50.0
    f_max: float = 10_800.0
    log_offset: float = 1e-6


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
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise ModelError(f"the model's config cannot be read ({error})") from error
