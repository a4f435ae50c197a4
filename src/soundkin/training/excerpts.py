"""Excerpts of recordings, read as waveforms: from where the cache lies, or from a GPU's memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from soundkin.training.waveform_cache import FULL_SCALE, WaveformCache

PROBES = 256  # samples that tell whether an excerpt is silent
SILENT_ENERGY = (1e-4 * FULL_SCALE) ** 2  # of a sample, on average
RESIDENT_SHARE = 0.6  # of a GPU's free memory that recordings may take
UPLOADED = 1 << 28  # samples at once

Samples = npt.NDArray[np.int16]


class Excerpts(Protocol):
    """Reads excerpts of a cache's recordings; `recordings` and `starts` are int64 `(n,)`.

    An excerpt that goes on beyond its recording's end is filled up with zeros, but a recording
    under `shortest` samples is repeated; its excerpts begin at 0.
    """

    device: torch.device
    lengths: Tensor  # of recordings, in samples

    def read(self, recordings: Tensor, starts: Tensor, length: int) -> Tensor:
        """Read waveforms, float32 `(n, length)` on `device`."""

    def are_audible(self, recordings: Tensor, starts: Tensor, length: int) -> Tensor:
        """Tell from samples here and there which are not silent, bool `(n,)`."""


def open_excerpts(
    cache: WaveformCache, shortest: int, longest: int, device: str = "cpu"
) -> Excerpts:
    """Read from a GPU's own memory, if it is one and recordings fit, or else from the cache.

    No excerpt will be read that has more samples than `longest`.
    """
    if device != "cpu":
        free, _ = torch.cuda.mem_get_info(device)
        if cache.samples.nbytes <= RESIDENT_SHARE * free:
            return ResidentExcerpts(cache, shortest, longest, device)
    return MappedExcerpts(cache, shortest, device)


class MappedExcerpts:
    """Excerpts of a cache that stays on disk, one after the other."""

    def __init__(self, cache: WaveformCache, shortest: int, device: str = "cpu") -> None:
        self.device = torch.device(device)
        self.lengths = torch.from_numpy(np.diff(cache.offsets)).to(self.device)
        self._samples, self._offsets, self._shortest = cache.samples, cache.offsets, shortest

    def read(self, recordings: Tensor, starts: Tensor, length: int) -> Tensor:
        """Read waveforms."""
        waveforms = np.zeros((len(recordings), length), np.float32)
        for row, found in enumerate(self._find(recordings, starts, length)):
            waveforms[row, : len(found)] = found
        waveforms /= FULL_SCALE
        return torch.from_numpy(waveforms).to(self.device)

    def are_audible(self, recordings: Tensor, starts: Tensor, length: int) -> Tensor:
        """Tell which are not silent."""
        step = max(1, length // PROBES)
        found = self._find(recordings, starts, length)
        energies = [np.square(one[::step], dtype=np.float32).mean() for one in found]
        return torch.tensor(energies).to(self.device) > SILENT_ENERGY

    def _find(self, recordings: Tensor, starts: Tensor, length: int) -> Iterator[Samples]:
        for recording, start in zip(recordings.tolist(), starts.tolist(), strict=True):
            first, stop = self._offsets[recording], self._offsets[recording + 1]
            if stop - first < self._shortest:
                yield np.resize(self._samples[first:stop], length)
            else:
                yield self._samples[first + start : min(stop, first + start + length)]


class ResidentExcerpts:
    """Excerpts of recordings that all are in a device's memory, read there and all at once."""

    def __init__(
        self, cache: WaveformCache, shortest: int, longest: int, device: str = "cpu"
    ) -> None:
        self.device = torch.device(device)
        own = np.diff(cache.offsets)
        self.lengths = torch.from_numpy(own).to(self.device)
        kept = np.where(own < shortest, longest, own)  # short ones are repeated
        ends = np.cumsum(kept)
        self._firsts = torch.from_numpy(ends - kept).to(self.device)
        self._kept = torch.from_numpy(kept).to(self.device)
        n_samples = int(ends[-1]) + longest  # so that what begins at the end is there too
        self._samples = torch.zeros(n_samples, dtype=torch.int16, device=self.device)
        self._upload(cache, kept)

    def _upload(self, cache: WaveformCache, kept: npt.NDArray[np.int64]) -> None:
        """Copy recordings, many at once."""
        place, start = 0, 0
        while start < len(kept):
            stop = start + 1 + int(np.searchsorted(np.cumsum(kept[start + 1 :]), UPLOADED))
            part = np.concatenate(
                [
                    np.resize(cache.samples[first : first + own], count)
                    for first, own, count in zip(
                        cache.offsets[start:stop],
                        np.diff(cache.offsets[start : stop + 1]),
                        kept[start:stop],
                        strict=True,
                    )
                ]
            )
            self._samples[place : place + len(part)] = torch.from_numpy(part)
            place, start = place + len(part), stop

    def read(self, recordings: Tensor, starts: Tensor, length: int) -> Tensor:
        """Read waveforms."""
        every = torch.arange(length, device=self.device)
        found = self._slide(length)[self._firsts[recordings] + starts]
        is_inside = every < (self._kept[recordings] - starts)[:, None]
        return torch.where(is_inside, found, 0) / FULL_SCALE

    def are_audible(self, recordings: Tensor, starts: Tensor, length: int) -> Tensor:
        """Tell which are not silent."""
        step = max(1, length // PROBES)
        probes = torch.arange(0, length, step, device=self.device)
        found = self._slide(length)[:, ::step][self._firsts[recordings] + starts]
        is_inside = probes < (self._kept[recordings] - starts)[:, None]
        energies = torch.where(is_inside, found, 0).float().square().sum(dim=1)
        audible: Tensor = energies / is_inside.sum(dim=1) > SILENT_ENERGY
        return audible

    def _slide(self, length: int) -> Tensor:
        """View the samples as all stretches of a length, `(n, length)`; nothing is copied."""
        return self._samples.as_strided((len(self._samples) - length + 1, length), (1, 1))
