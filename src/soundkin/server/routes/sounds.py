"""One sound, by id: taken in, described, heard, seen."""

from __future__ import annotations

import stat
from itertools import chain, islice
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.responses import FileResponse, Response, StreamingResponse

from soundkin.audio.wav_bytes import Wave
from soundkin.server.byte_ranges import read_range, settle_range
from soundkin.server.problems import Json, ProblemError
from soundkin.server.rows import describe_recording_row, describe_sound
from soundkin.server.schemas import (
    UPLOAD_BODY,
    EndQuery,
    NameQuery,
    PathId,
    RecordingResponse,
    SoundResponse,
    StartQuery,
)
from soundkin.server.sounds.sound import SoundRef
from soundkin.server.sounds.tuned import read_tuned
from soundkin.server.sounds.upload_decoding import Part
from soundkin.server.sounds.uploads import ALL, Upload
from soundkin.server.state import ServerState, State, find_recording
from soundkin.server.thread_limits import run_in_slow_pool

PLAYABLE = {  # what every browser plays, by extension
    ".aac": "audio/aac",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
    ".mp3": "audio/mpeg",
    ".mp4": "audio/mp4",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".wav": "audio/wav",
    ".webm": "audio/webm",
}
PLAYABLE_WAVS = {"WAV PCM_16", "WAV PCM_24", "WAV PCM_U8", "WAV FLOAT"}
UNPLAYED = "application/octet-stream"
KEPT = {"cache-control": "private, max-age=600"}

router = APIRouter(prefix="/api/v1", tags=["sounds"])


class PeaksResponse(BaseModel):
    """The least and greatest samples of equal stretches."""

    start_s: float
    duration_s: float
    min: list[float]
    max: list[float]


@router.post(
    "/sounds",
    response_model=SoundResponse,
    status_code=201,
    openapi_extra=UPLOAD_BODY,
    summary="Take a sound in",
)
async def upload_sound(
    request: Request,
    state: State,
    name: NameQuery = "sound",
    start_s: StartQuery = 0.0,
    end_s: EndQuery = None,
) -> Response:
    """Keep a sound from outside for as long as the server runs, to search with and to listen to.

    With `start_s` or `end_s` a part of it is kept alone; of one of this machine that way more bytes
    are taken.
    """
    if end_s is not None and end_s <= start_s:
        raise ProblemError(422, "the part ends where it begins, or before")
    upload = await take_in(request, state, name, Part(start_s, end_s))
    return Json(describe_sound(SoundRef.of_upload(upload)), status_code=201)


async def take_in(request: Request, state: ServerState, name: str, part: Part = ALL) -> Upload:
    """Read a sound out of a request's body, and decode it, or a part, in another process."""
    kind = request.headers.get("content-type", "")
    if kind.startswith("multipart/form-data"):
        async with request.form(max_files=1, max_fields=8) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise ProblemError(422, "the form needs a sound file called `file`")
            name = file.filename if file.filename and name == "sound" else name
            spooled = await state.uploads.spool_file(file.file, name, part)
    else:
        spooled = await state.uploads.spool(request.stream(), name, part)
    return await run_in_slow_pool(state.uploads.adopt, spooled, name, part)


@router.get(
    "/sounds/{sound_id}",
    response_model=RecordingResponse | SoundResponse,
    summary="What is known of a sound",
)
def get_sound(sound_id: PathId, state: State) -> Response:
    """Describe a recording, also one that could not be read, or an upload."""
    with state.open_library() as library:
        if sound_id.startswith("r"):
            return Json(describe_recording_row(find_recording(library, sound_id)))
        return Json(describe_sound(state.get_sound_ref(library, sound_id)))


@router.get(
    "/sounds/{sound_id}/audio",
    summary="Hear it",
    responses={
        200: {"content": {"audio/*": {}}, "description": "All of it"},
        206: {"content": {"audio/*": {}}, "description": "Some of its bytes"},
    },
)
def get_audio(
    request: Request,
    sound_id: PathId,
    state: State,
    start_s: StartQuery = 0.0,
    end_s: EndQuery = None,
    download: bool = False,
    semitones: Annotated[float, Query(ge=-24, le=24, allow_inf_nan=False)] = 0.0,
    stretch: Annotated[float, Query(ge=0.5, le=2, allow_inf_nan=False)] = 1.0,
) -> Response:
    """Give a sound's own bytes where browsers play them, else a WAV file; a region as a WAV file.

    With `semitones` up or down, or a `stretch` to so many times its length, up to a minute of it is
    transposed and stretched, each without the other, and comes as a WAV file.

    A whole sound that is downloaded is its own bytes in any case, under its own name.
    Of such a WAV file too any range of bytes can be had. It has the sound's own sample rate and
    channels, as 32-bit floats (one channel, of an upload).
    """
    with state.open_library() as library:
        heard = state.get_sound_ref(library, sound_id)
    is_whole = not start_s and end_s is None
    original = heard.upload.path if heard.upload else heard.path
    kind = _choose_kind(original, heard)
    _check_there(heard)
    if semitones or stretch != 1:
        data = read_tuned(heard.path, start_s, end_s or heard.duration_s, semitones, stretch)
        return Response(data, headers=KEPT, media_type="audio/wav")
    if is_whole and (kind is not None or download):
        headers = KEPT | (_attach(heard.name) if download else {})
        settle_range(request, original.stat().st_size)
        return FileResponse(original, media_type=kind or UNPLAYED, headers=headers)
    n_channels = 1 if heard.upload else heard.info.n_channels
    wave = Wave.cut(
        heard.path, heard.info.sample_rate, n_channels, heard.duration_s, start_s, end_s
    )
    name = f"{Path(heard.name).stem} {start_s:.3f}.wav" if not is_whole else f"{heard.name}.wav"
    return _send_wave(wave, request.headers.get("range"), name if download else None)


def _choose_kind(path: Path, heard: SoundRef) -> str | None:
    """Tell which media type a file can be played as; None where it must be decoded first."""
    if heard.info.format.endswith(
        ")"
    ):  # an odd file, of which browsers play another length, or part
        return None
    kind = PLAYABLE.get(path.suffix.lower())
    if kind == "audio/wav" and heard.info.format not in PLAYABLE_WAVS:
        return None
    return kind


def _check_there(heard: SoundRef) -> None:
    """Refuse what is no file any more."""
    try:
        is_file = stat.S_ISREG(heard.path.stat().st_mode)
    except OSError as error:
        raise ProblemError(
            404, f"{heard.name}: {error.strerror or error}; index it again"
        ) from error
    if not is_file:
        raise ProblemError(404, f"{heard.name}: no file any more; index it again")


def _send_wave(wave: Wave, wanted: str | None, name: str | None) -> Response:
    """Send a WAV file, or the bytes of it that a Range header wants."""
    headers = {"accept-ranges": "bytes"} | KEPT | ({} if name is None else _attach(name))
    span = None if wanted is None else read_range(wanted, wave.n_bytes)
    start, stop = span or (0, wave.n_bytes)
    headers["content-length"] = str(stop - start)
    if span is not None:
        headers["content-range"] = f"bytes {start}-{stop - 1}/{wave.n_bytes}"
    chunks = wave.read(start, stop)
    first = list(islice(chunks, 2))  # what cannot be decoded shows before anything is sent
    status = 200 if span is None else 206
    return StreamingResponse(chain(first, chunks), status, headers, media_type="audio/wav")


def _attach(name: str) -> dict[str, str]:
    """Have a browser save what is sent, under a name."""
    quoted = quote(name.encode("utf-8", "replace"))
    return {"content-disposition": f"attachment; filename*=utf-8''{quoted}"}


@router.get("/sounds/{sound_id}/peaks", response_model=PeaksResponse, summary="Its waveform")
async def get_peaks(
    sound_id: PathId,
    state: State,
    n: Annotated[int, Query(ge=1, le=4000)] = 400,
    start_s: StartQuery = 0.0,
    end_s: EndQuery = None,
) -> Response:
    """Give the least and greatest sample in each of `n` equal stretches."""
    heard = await run_in_threadpool(get_readable_sound, state, sound_id)
    body: dict[str, Any] = await run_in_slow_pool(state.gallery.get_peaks, heard, n, start_s, end_s)
    return Json(body, headers=KEPT)


@router.get(
    "/sounds/{sound_id}/spectrogram.png",
    summary="Its spectrogram",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}, "description": "A PNG"}},
)
async def get_spectrogram(
    sound_id: PathId,
    state: State,
    start_s: StartQuery = 0.0,
    end_s: EndQuery = None,
    width: Annotated[int, Query(ge=1, le=2000)] = 400,
    height: Annotated[int, Query(ge=1, le=1000)] = 128,
) -> Response:
    """Draw its log-mel, low frequencies at the bottom, 80 dB from dark to bright."""
    heard = await run_in_threadpool(get_readable_sound, state, sound_id)
    picture = await run_in_slow_pool(state.gallery.draw, heard, width, height, start_s, end_s)
    return Response(picture, media_type="image/png", headers=KEPT)


def get_readable_sound(state: ServerState, sound_id: str) -> SoundRef:
    """Find a sound whose file is there."""
    with state.open_library() as library:
        heard = state.get_sound_ref(library, sound_id)
    _check_there(heard)
    return heard
