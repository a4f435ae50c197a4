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

    Silence fills an excerpt that goes on beyond its recording's end, or begins before 0.
    """

    device: torch.device
    lengths: Tensor  # of recordings, in samples

    def read(self, recordings: Tensor, starts: Tensor, length: int) -> Tensor:
        """Read waveforms, float32 `(n, length)` on `device`."""

    def are_audible(self, recordings: Tensor, starts: Tensor, length: int) -> Tensor:
        """Tell from samples here and there which are not silent, bool `(n,)`."""


def open_excerpts(cache: WaveformCache, longest: int, device: str = "cpu") -> Excerpts:
    """Read from a GPU's own memory, if it is one and recordings fit, or else from the cache.

    No excerpt will be read that has more samples than `longest`.
    """
    if device != "cpu":
        free, _ = torch.cuda.mem_get_info(device)
        if cache.samples.nbytes <= RESIDENT_SHARE * free:
            return ResidentExcerpts(cache, longest, device)
    return MappedExcerpts(cache, device)


class MappedExcerpts:
    """Excerpts of a cache that stays on disk, one after the other."""

    def __init__(self, cache: WaveformCache, device: str = "cpu") -> None:
        self.device = torch.device(device)
        self.lengths = torch.from_numpy(np.diff(cache.offsets)).to(self.device)
        self._samples, self._offsets = cache.samples, cache.offsets

    def read(self, recordings: Tensor, starts: Tensor, length: int) -> Tensor:
        """Read waveforms."""
        waveforms = np.zeros((len(recordings), length), np.float32)
        found = self._find(recordings, starts, length)
        for waveform, start, own in zip(waveforms, starts.tolist(), found, strict=True):
            first = max(0, -start)
            waveform[first : first + len(own)] = own
        waveforms /= FULL_SCALE
        return torch.from_numpy(waveforms).to(self.device)

    def are_audible(self, recordings: Tensor, starts: Tensor, length: int) -> Tensor:
        """Tell which are not silent."""
        step = max(1, length // PROBES)
        found = self._find(recordings, starts, length)
        energies = [np.square(one[::step], dtype=np.float32).mean() for one in found]
        return torch.tensor(energies).to(self.device) > SILENT_ENERGY

    def _find(self, recordings: Tensor, starts: Tensor, length: int) -> Iterator[Samples]:
        """Find what each excerpt has of its recording."""
        for recording, start in zip(recordings.tolist(), starts.tolist(), strict=True):
            first, stop = self._offsets[recording], self._offsets[recording + 1]
            yield self._samples[
                first + max(0, start) : max(first, min(stop, first + start + length))
            ]


class ResidentExcerpts:
    """Excerpts of recordings that all are in a device's memory, read there and all at once."""

    def __init__(self, cache: WaveformCache, longest: int, device: str = "cpu") -> None:
        self.device = torch.device(device)
        self.lengths = torch.from_numpy(np.diff(cache.offsets)).to(self.device)
        self._firsts = torch.from_numpy(cache.offsets[:-1] + longest).to(self.device)
        n_samples = len(cache.samples) + 2 * longest  # what begins before all, or ends after it
        self._samples = torch.zeros(n_samples, dtype=torch.int16, device=self.device)
        for start in range(0, len(cache.samples), UPLOADED):
            part = torch.from_numpy(np.array(cache.samples[start : start + UPLOADED]))
            self._samples[longest + start : longest + start + len(part)] = part

    def read(self, recordings: Tensor, starts: Tensor, length: int) -> Tensor:
        """Read waveforms."""
        every = torch.arange(length, device=self.device)
        found = self._slide(length)[self._firsts[recordings] + starts]
        return torch.where(self._are_inside(recordings, starts, every), found, 0) / FULL_SCALE

    def are_audible(self, recordings: Tensor, starts: Tensor, length: int) -> Tensor:
        """Tell which are not silent."""
        step = max(1, length // PROBES)
        probes = torch.arange(0, length, step, device=self.device)
        found = self._slide(length)[:, ::step][self._firsts[recordings] + starts]
        is_inside = self._are_inside(recordings, starts, probes)
        energies = torch.where(is_inside, found, 0).float().square().sum(dim=1)
        audible: Tensor = energies / is_inside.sum(dim=1) > SILENT_ENERGY
        return audible

    def _are_inside(self, recordings: Tensor, starts: Tensor, places: Tensor) -> Tensor:
        """Tell which of some places in excerpts lie inside of their recordings, `(n, places)`."""
        found = starts[:, None] + places
        return (found >= 0) & (found < self.lengths[recordings][:, None])

    def _slide(self, length: int) -> Tensor:
        """View the samples as all stretches of a length, `(n, length)`; nothing is copied."""
        return self._samples.as_strided((len(self._samples) - length + 1, length), (1, 1))
