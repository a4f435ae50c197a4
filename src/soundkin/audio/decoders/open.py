"""A sound file, or a URL, opened with the decoder that takes it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from pathlib import Path

from soundkin.audio.decoders.choose import choose_decoder
from soundkin.audio.decoders.decoder import Decoder, check_rate, copy_channels
from soundkin.audio.decoders.downmix import Downmixer
from soundkin.audio.decoders.ffmpeg import FFMPEG_EXTENSIONS
from soundkin.audio.decoders.sndfile import SNDFILE_EXTENSIONS
from soundkin.errors import AudioError, naming
from soundkin.system.remote import fetch_cached, is_remote

EXTENSIONS = SNDFILE_EXTENSIONS | FFMPEG_EXTENSIONS


def is_audio_path(path: str | os.PathLike[str]) -> bool:
    """Tell by its extension whether a file should hold sound."""
    return os.path.splitext(path)[1].lower() in EXTENSIONS  # noqa: PTH122 (called per file walked)


def open_decoder(
    path: str | os.PathLike[str], *, keep_channels: bool = False
) -> AbstractContextManager[Decoder]:
    """Open a sound file, or a URL, with the decoder that takes it.

    Blocks are mono but with `keep_channels`.

    Raises
    ------
    AudioError
        The file cannot be opened, or neither libsndfile nor FFmpeg takes it.
    """
    name = os.fsdecode(path)
    return (
        _open_remote(name, keep_channels) if is_remote(name) else OPENER.get()(name, keep_channels)
    )


@contextmanager
def _open_remote(url: str, keep_channels: bool) -> Iterator[Decoder]:
    """Open what is far; errors name it as it is known."""
    near = fetch_cached(url)
    try:
        with OPENER.get()(near, keep_channels) as decoder:
            yield decoder
    except AudioError as error:
        raise type(error)(str(error).replace(near, url)) from error


@contextmanager
def open_here(name: str, keep_channels: bool) -> Iterator[Decoder]:
    """Open a sound file in this process; see `open_decoder`."""
    with ExitStack() as stack:
        with naming(name, AudioError):
            if not stat.S_ISREG(Path(name).stat().st_mode):
                raise AudioError(f"{name}: not a file")
            file = stack.enter_context(Path(name).open("rb"))
            if os.fstat(file.fileno()).st_size == 0:
                raise AudioError(f"{name}: the file is empty")
            arrange = copy_channels if keep_channels else Downmixer()
            decoder = choose_decoder(file, name, stack, arrange)
            check_rate(name, decoder.info.sample_rate)
        yield decoder


OPENER: ContextVar[Callable[[str, bool], AbstractContextManager[Decoder]]] = ContextVar(
    "opener", default=open_here
)
