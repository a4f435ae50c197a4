"""soundkin with a decoder that does to files what their names say: crash, hang, grow, never end.

As a script: `worker MODEL` and `decoder` are the processes that decode, anything else the command.
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from soundkin.audio.decoders import decoder_process
from soundkin.audio.decoders.decoder import AudioInfo, Decoder, Samples, join_pieces
from soundkin.audio.decoders.open import OPENER, open_here
from soundkin.embedding import pool, sound_stream
from soundkin.system import worker_child, worker_parent

PATIENCE_S = 1.5
MAX_SOUND_S = 60.0
PIECE = 256 << 20
MAX_PIECES = 400  # a hundred GB: who is given so much is not limited


@dataclass
class Treacherous:
    """A decoder that misbehaves: with memory at once, else after its first block."""

    deed: str
    info: AudioInfo
    warning: str | None = None

    def decode_from(self, frame: int, block_s: float = 20.0) -> Iterator[Samples]:
        """Yield a block of noise, then do it."""
        noise = np.random.default_rng(0).standard_normal(32_000).astype(np.float32)
        held = [np.empty(PIECE, np.uint8) for _ in range(MAX_PIECES * (self.deed == "grow"))]
        yield 0.1 * noise[len(held) :]
        if self.deed == "crash":
            ctypes.string_at(0)
        elif self.deed == "hang":
            ctypes.CDLL(None).pause()  # where no exception reaches
        elif self.deed == "crawl":  # slower than patience altogether, but on its way
            for _ in range(4):
                time.sleep(PATIENCE_S / 3)
                yield from join_pieces(iter([noise]), self.info, 1.0, "crawl", lambda block: block)
        while self.deed == "endless":
            yield noise


@contextmanager
def open_treacherous(name: str, keep_channels: bool) -> Iterator[Decoder]:
    """Open a file, with the decoder that its name asks for."""
    deed = Path(name).stem
    if deed == "crash-at-once":
        ctypes.string_at(0)
    if deed in {"crash", "hang", "grow", "crawl", "endless"}:
        yield Treacherous(deed, AudioInfo(None, 32_000, 1, "TREACHEROUS"))
        return
    with open_here(name, keep_channels) as decoder:
        yield decoder


def main() -> None:
    """Be what the arguments say."""
    OPENER.set(open_treacherous)
    worker_parent.PATIENCE_S = PATIENCE_S
    worker_child.HEARTBEAT_S = 0.1
    sound_stream.MAX_SOUND_S = MAX_SOUND_S
    pool.MAX_SOUND_S = MAX_SOUND_S
    pool.WORKER = (__file__, "worker")
    decoder_process.DECODER = (__file__, "decoder")
    if sys.argv[1] == "worker":
        pool.serve_requests(sys.argv[2], *worker_child.open_streams())
    elif sys.argv[1] == "decoder":
        decoder_process.serve_requests(*worker_child.open_streams())
    else:
        from soundkin.cli import main as run_command

        run_command()


if __name__ == "__main__":
    main()
