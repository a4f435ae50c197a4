"""The API of the HEAR 2021 benchmark, through which others can measure a model.

Turian et al., "HEAR: Holistic Evaluation of Audio Representations", PMLR 176, 2022;
https://hearbenchmark.com/hear-api.html. The model itself runs without torch, on the processor;
torch brings the sounds and takes the embeddings, on whichever device the sounds are.

Examples
--------
>>> from soundkin import hear
>>> model = hear.load_model()
>>> embeddings, timestamps = hear.get_timestamp_embeddings(audio, model)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from soundkin.audio.read import convert_waveform
from soundkin.embedding.embedder import Embedder
from soundkin.embedding.model import DEFAULT_MODEL
from soundkin.embedding.model import load_model as load_segment_model
from soundkin.errors import AudioError, QueryError
from soundkin.system.processors import count_processors

try:
    import torch
except ModuleNotFoundError as error:
    raise ImportError("soundkin.hear needs PyTorch: pip install 'soundkin[train]'") from error

RATES = (16_000, 22_050, 44_100, 48_000)  # that the benchmark has its sounds in
HOP_MS = 50.0  # the longest that HEAR suggests
BLOCK_TIMESTAMPS = 256  # embedded at once

Array = npt.NDArray[np.float32]


class HearModel(torch.nn.Module):
    """A model as HEAR takes it; both kinds of embedding have the model's own size.

    It takes sounds at `sample_rate`, the next of the benchmark's rates, and brings them to its own.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        model = load_segment_model(name)
        self.embedder = Embedder(model, measures=False)
        self.hop_unit = model.hop_unit
        self.segment_length = model.segments.segment_length
        self.own_rate = model.segments.sample_rate
        self.sample_rate = min((rate for rate in RATES if rate >= self.own_rate), default=RATES[-1])
        self.scene_embedding_size = model.embedding_size
        self.timestamp_embedding_size = model.embedding_size

    def forward(self, audio: torch.Tensor) -> torch.Tensor:
        """Embed scenes; see `get_scene_embeddings`."""
        return get_scene_embeddings(audio, self)


def load_model(model_file_path: str = "") -> HearModel:
    """Load the default model, or another by name or `.onnx` file.

    Raises
    ------
    ModelError
        There is no such model; see `soundkin.embedding.model.load_model`.
    """
    return HearModel(model_file_path or DEFAULT_MODEL)


def get_timestamp_embeddings(
    audio: torch.Tensor, model: HearModel, hop_ms: float = HOP_MS
) -> tuple[torch.Tensor, torch.Tensor]:
    """Embed the segments centred at regular times, from each sound's first sample to its last.

    Beyond its ends a sound is silent.

    Parameters
    ----------
    audio
        Floats `(n_sounds, n_samples)` within [-1, 1], at `model.sample_rate`.
    hop_ms
        Longest step from one time to the next. The step is the largest multiple of the model's
        frame hop that is no longer, so that segments share frames: 50 ms for `kin` and for
        encoders that take waveforms.

    Returns
    -------
    embeddings
        float32 `(n_sounds, n_timestamps, timestamp_embedding_size)`, of norm 1.
    timestamps
        float32 `(n_sounds, n_timestamps)`, ms: the centres of the segments, from 0 ascending.

    Raises
    ------
    SoundkinError
        The audio is of another shape or kind, or `hop_ms` is below the model's frame hop.
    """
    hop = round(hop_ms * model.own_rate) // (1000 * model.hop_unit) * model.hop_unit
    if hop < 1:
        least_ms = 1000 * model.hop_unit / model.own_rate
        raise QueryError(f"hop_ms must be at least {least_ms:g} for this model, not {hop_ms:g}")

    def embed(sound: Array) -> Array:
        own = convert_waveform(sound, model.sample_rate, model.own_rate)
        return np.concatenate(list(_embed_centred(own, model, hop)))

    embeddings = _embed_each(audio, embed)
    times_ms = torch.arange(embeddings.shape[1], dtype=torch.float64) * (
        1000 * hop / model.own_rate
    )
    timestamps = times_ms.to(audio.device, torch.float32).repeat(len(audio), 1)
    return embeddings, timestamps


def get_scene_embeddings(audio: torch.Tensor, model: HearModel) -> torch.Tensor:
    """Embed whole sounds: the mean of the unit vectors of a sound's segments.

    The segments are those that a library would hold. The mean keeps its length, below 1: it
    tells how much a sound changes, which a classifier on top may use and a cosine would not see.

    Parameters
    ----------
    audio
        Floats `(n_sounds, n_samples)` within [-1, 1], at `model.sample_rate`.

    Returns
    -------
    float32 `(n_sounds, scene_embedding_size)`.

    Raises
    ------
    SoundkinError
        The audio is of another shape or kind.
    """

    def embed(sound: Array) -> Array:
        vectors = model.embedder.embed_waveform(sound, model.sample_rate).vectors
        mean: Array = vectors.mean(axis=0)
        return mean

    return _embed_each(audio, embed)


def _embed_each(audio: torch.Tensor, embed: Callable[[Array], Array]) -> torch.Tensor:
    """Embed each sound by itself, several at once, and stack what comes of them."""
    if audio.ndim != 2 or not audio.numel() or not audio.is_floating_point():
        raise AudioError(
            "audio is a tensor of floats (n_sounds, n_samples), not"
            f" {str(audio.dtype).removeprefix('torch.')} {tuple(audio.shape)}"
        )
    sounds = audio.detach().to("cpu", torch.float32).numpy()
    with ThreadPoolExecutor(count_processors()) as threads:
        return torch.from_numpy(np.stack(list(threads.map(embed, sounds)))).to(audio.device)


def _embed_centred(sound: Array, model: HearModel, hop: int) -> Iterator[Array]:
    """Embed the segments centred at every `hop` samples, some at a time; frames are shared."""
    n_timestamps = 1 + len(sound) // hop
    n_before = model.segment_length // 2
    padded = np.pad(sound, (n_before, model.segment_length - n_before))
    for first in range(0, n_timestamps, BLOCK_TIMESTAMPS):
        n_block = min(BLOCK_TIMESTAMPS, n_timestamps - first)
        stop = (first + n_block - 1) * hop + model.segment_length
        yield model.embedder.embed_stretch(padded[first * hop : stop], hop)
