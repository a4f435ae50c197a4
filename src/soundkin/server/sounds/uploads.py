"""Sounds from outside, kept in a temporary folder for as long as the server runs."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import IO

import soundfile

from soundkin.audio.decoders.decoder import AudioInfo, Samples
from soundkin.audio.decoders.open import EXTENSIONS
from soundkin.embedding.sound_stream import read_take
from soundkin.errors import SoundkinError
from soundkin.search.takes import Take, hear_take
from soundkin.server.problems import ProblemError
from soundkin.server.settings import Settings
from soundkin.server.sounds.byte_limited_cache import ByteLimitedCache
from soundkin.server.sounds.shared_uploads import SharedUpload, SharedUploads
from soundkin.server.sounds.upload_decoding import DecoderPool, Part
from soundkin.system.files import hash_file

MAX_NAME_LENGTH = 200
CHUNK_BYTES = 1 << 18
TAKEN_BYTES = 2 << 30
MAX_MADE = 200
STROKES_RATE = 32_000
ALL = Part()
MADE_BYTES = 1 << 30


@dataclass(frozen=True)
class Upload:
    """A sound from outside: the bytes that came, `path`, and `copy`, a mono WAV of them.

    `name` is what it was called there, and only shown. `digest` is the SHA-256 of its bytes.
    """

    id: str
    name: str
    path: Path
    copy: Path
    digest: bytes
    info: AudioInfo
    duration_s: float
    n_bytes: int

    @cached_property
    def take(self) -> Take | None:
        """What sounds in it; None where it is longer than a take."""
        samples = read_take(self.copy, STROKES_RATE)
        found = None if samples is None else hear_take(samples, STROKES_RATE)
        return found[0] if found else None


@dataclass(frozen=True)
class SpooledBody:
    """A body written to disk, with its hash on the way."""

    path: Path
    digest: bytes
    n_bytes: int


class UploadCache(ByteLimitedCache[str, Upload]):
    """Keeps so many sounds, and bytes of them; the files of one that goes are deleted."""

    def __init__(self, max_uploads: int, max_bytes: int) -> None:
        super().__init__(max_bytes, max_values=max_uploads, keeps_last=True, on_drop=_delete_files)

    def add(self, upload: Upload) -> Upload:
        """Keep one; where it is kept already, that stays and the new one's files go."""
        kept = self.put(upload.id, upload, upload.n_bytes)
        if kept is not upload:
            _delete_files(upload)
        return kept


def _delete_files(upload: Upload) -> None:
    for path in {upload.path, upload.copy}:
        with suppress(OSError):
            path.unlink()


class UploadStore:
    """Takes sounds in from outside, and keeps some of them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = Path(tempfile.mkdtemp(prefix="soundkin-serve-"))
        self._decoders = DecoderPool()
        self._taken = UploadCache(settings.max_uploads, TAKEN_BYTES)
        self._made = UploadCache(MAX_MADE, MADE_BYTES)
        self._shared = SharedUploads(settings.library) if settings.is_replica else None

    async def spool(self, chunks: AsyncIterator[bytes], name: str, part: Part = ALL) -> SpooledBody:
        """Write what comes to disk, where only a part of it is wanted too.

        Raises
        ------
        ProblemError
            It is empty or too large, or there is no room for it.
        """
        path = self._name_file(name)
        digest, n_bytes = hashlib.sha256(), 0
        try:
            with path.open("xb") as file:
                async for chunk in chunks:
                    n_bytes += len(chunk)
                    self._check_size(n_bytes, part)
                    digest.update(chunk)
                    file.write(chunk)
            self._check_size(n_bytes or None, part)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return SpooledBody(path, digest.digest(), n_bytes)

    async def spool_file(self, source: IO[bytes], name: str, part: Part = ALL) -> SpooledBody:
        """Write an open file to disk, as `spool`."""

        async def read() -> AsyncIterator[bytes]:
            while chunk := source.read(CHUNK_BYTES):
                yield chunk

        return await self.spool(read(), name, part)

    def _name_file(self, name: str) -> Path:
        """Make up a file's name; only a known extension is taken over, as decoders heed it."""
        suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122
        return self._folder / (secrets.token_hex(16) + (suffix if suffix in EXTENSIONS else ""))

    def _check_size(self, n_bytes: int | None, part: Part) -> None:
        settings = self._settings
        most = settings.max_upload_bytes if part.is_all else settings.max_whole_bytes
        if n_bytes is None:
            raise ProblemError(422, "the body is empty; send the bytes of a sound file")
        if n_bytes > most:
            raise ProblemError(413, f"a sound may have at most {most >> 20} MB")

    def adopt(self, spooled: SpooledBody, name: str, part: Part = ALL) -> Upload:
        """Decode what was spooled, and keep it, for all replicas where there are several.

        Of a part nothing else is kept: it is a WAV file of its own.

        Raises
        ------
        SoundkinError
            It is no sound that can be read, or too long.
        """
        upload = self._decode(spooled, _clean_name(name), _make_id(), part)
        if not part.is_all:
            upload = _keep_part(upload)
        self._taken.add(upload)
        self._share(upload, is_made=False)
        return upload

    def _decode(self, spooled: SpooledBody, name: str, upload_id: str, part: Part = ALL) -> Upload:
        copy = spooled.path.with_suffix(".copy.wav")
        try:
            decoded = self._decoders.decode(
                str(spooled.path), str(copy), self._settings.max_upload_s, part
            )
        except BaseException as error:
            spooled.path.unlink(missing_ok=True)
            copy.unlink(missing_ok=True)
            if isinstance(error, SoundkinError):  # no path of the server's is anyone's business
                raise type(error)(str(error).replace(str(spooled.path), name)) from error
            raise
        return Upload(
            id=upload_id,
            name=name,
            path=spooled.path,
            copy=copy,
            digest=spooled.digest,
            info=decoded.info,
            duration_s=decoded.duration_s,
            n_bytes=spooled.n_bytes + copy.stat().st_size,
        )

    def _share(self, upload: Upload, *, is_made: bool) -> None:
        """Keep a sound where the other replicas find it."""
        if self._shared is not None:
            note = SharedUpload(upload.name, upload.path.suffix, is_made)
            self._shared.keep(upload.id, upload.path, note)

    def add_waveform(self, waveform: Samples, sample_rate: int, name: str) -> Upload:
        """Keep a sound that the server made itself, `(n_samples,)`, as if it had been sent."""
        path = self._name_file("made.wav")
        soundfile.write(path, waveform, sample_rate, subtype="FLOAT")
        duration_s = len(waveform) / sample_rate
        upload = Upload(
            id=_make_id(),
            name=_clean_name(name),
            path=path,
            copy=path,
            digest=hashlib.sha256(waveform.tobytes()).digest(),
            info=AudioInfo(duration_s, sample_rate, 1, "WAV FLOAT"),
            duration_s=duration_s,
            n_bytes=path.stat().st_size,
        )
        self._made.add(upload)
        self._share(upload, is_made=True)
        return upload

    def get(self, upload_id: str) -> Upload | None:
        """Find one that is still kept, by another replica too.

        Raises
        ------
        SoundkinError
            Another has it, but it cannot be fetched.
        """
        return self._taken.get(upload_id) or self._made.get(upload_id) or self._fetch(upload_id)

    def _fetch(self, upload_id: str) -> Upload | None:
        """Take over what another replica has."""
        note = self._shared.find(upload_id) if self._shared is not None else None
        if self._shared is None or note is None:
            return None
        path = self._name_file(note.suffix and f"sound{note.suffix}")
        self._shared.fetch(upload_id, note, path)
        spooled = SpooledBody(path, hash_file(str(path)), path.stat().st_size)
        upload = self._decode(spooled, _clean_name(note.name), upload_id)
        return (self._made if note.is_made else self._taken).add(upload)

    def forget(self, upload: Upload) -> None:
        """Delete one."""
        self._taken.forget(upload.id)
        if self._shared is not None:
            self._shared.forget(upload.id)

    def hide_paths(self, text: str) -> str:
        """Take the files of uploads out of a message: nobody outside knows or needs them."""
        inside = re.escape(f"{self._folder}{os.sep}")
        return re.sub(rf"(?:{inside})?\b[0-9a-f]{{32}}(?:\.\w+)*", "sound", text)

    def close(self) -> None:
        """Delete everything."""
        self._decoders.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _keep_part(upload: Upload) -> Upload:
    """Take the copy of a part for the sound itself, and delete what it was cut from."""
    upload.path.unlink(missing_ok=True)
    return replace(
        upload,
        path=upload.copy,
        digest=hash_file(str(upload.copy)),
        info=AudioInfo(upload.duration_s, upload.info.sample_rate, 1, "WAV FLOAT"),
        n_bytes=upload.copy.stat().st_size,
    )


def _make_id() -> str:
    return f"u{secrets.token_hex(16)}"


def _clean_name(name: str) -> str:
    """Make a name fit to show: no path, nothing that cannot be printed."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c for c in last if c.isprintable())[:MAX_NAME_LENGTH] or "sound"
