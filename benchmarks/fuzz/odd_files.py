"""Sound files of every container that can be written here, odd ones too, with clicks in them.

A click is a burst of noise of 20 ms in what is otherwise very quiet, so that whoever decodes a file
finds it at its time or not at all.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import soundfile

RATE = 44_100
CLICK_S = 0.02
SPACING_S = 1.7

# What stands before and behind sound without being any: a picture (ID3), a list of words (RIFF).
PICTURE = b"ID3\x03\0\0\0\x12\x34\x56" + bytes((0x12 << 14) + (0x34 << 7) + 0x56)
LIST = b"LIST" + struct.pack("<I", 4000) + b"INFOISFT" + bytes(range(250)) * 15 + bytes(242)

Samples = npt.NDArray[np.float32]


def make_clicks(duration_s: float, times_s: Sequence[float], rate: int = RATE) -> Samples:
    """Make a faint noise with clicks `(n_samples,)`."""
    generator = np.random.default_rng(round(1000 * duration_s) + len(times_s))
    samples = 1e-3 * generator.standard_normal(round(duration_s * rate))
    n_click = round(CLICK_S * rate)
    for time_s in times_s:
        start = round(time_s * rate)
        stop = min(start + n_click, len(samples))
        samples[start:stop] += 0.5 * generator.uniform(-1, 1, max(0, stop - start))
    return samples.astype(np.float32)


def find_clicks(samples: Samples, rate: int) -> list[float]:
    """Find where clicks begin, in seconds."""
    n_step = rate // 200
    n_steps = len(samples) // n_step
    levels = np.abs(samples[: n_steps * n_step].reshape(n_steps, n_step)).max(axis=1)
    is_loud = levels > 0.1
    starts = np.flatnonzero(is_loud & ~np.concatenate([[False], is_loud[:-1]]))
    times: list[float] = []
    for start in starts * n_step / rate:
        if not times or start - times[-1] > 0.2:
            times.append(float(start))
    return times


def encode(
    path: Path,
    tracks: Sequence[tuple[str, Samples, float]],
    *,
    container: str | None = None,
    holes: Sequence[tuple[float, float]] = (),
    video_s: float = 0.0,
    rate: int = RATE,
    options: dict[str, str] | None = None,
    bit_rate: int = 192_000,
) -> None:
    """Write sound streams (codec, mono samples, start in s) into a container.

    `holes` are stretches (from, to) by which everything later is stamped later; `video_s` seconds
    of black picture run from 0 on.
    """
    options = {"fflags": "+bitexact"} | (options or {})
    with av.open(str(path), "w", format=container, options=options) as file:
        streams = []
        picture = file.add_stream("mpeg4", rate=25) if video_s else None
        if picture is not None:
            picture.width = picture.height = 64
            picture.pix_fmt = "yuv420p"
        for codec, _, _ in tracks:
            stream = file.add_stream(codec, rate=rate)
            stream.layout = "mono"
            stream.bit_rate = bit_rate
            streams.append(stream)
        packets = []
        if picture is not None:
            for number in range(round(25 * video_s)):
                image = av.VideoFrame(64, 64, "yuv420p")
                for plane in image.planes:
                    plane.update(bytes(plane.buffer_size))
                image.pts, image.time_base = number, Fraction(1, 25)
                packets += [(number / 25, packet) for packet in picture.encode(image)]
            packets += [(video_s, packet) for packet in picture.encode(None)]
        for stream, (_, samples, start_s) in zip(streams, tracks, strict=True):
            packets += _encode_track(stream, samples, start_s, holes, rate)
        for _, packet in sorted(packets, key=lambda pair: pair[0]):
            file.mux(packet)


def _encode_track(stream, samples, start_s, holes, rate):  # type: ignore[no-untyped-def]
    context = stream.codec_context
    context.open(strict=False)
    n_frame = context.frame_size or 1024
    format_name = context.format.name
    found = []
    resampler = av.AudioResampler(format=format_name, layout="mono", rate=rate)
    for start in range(0, len(samples), n_frame):
        block = samples[start : start + n_frame]
        if len(block) < n_frame:
            block = np.pad(block, (0, n_frame - len(block)))
        frame = av.AudioFrame.from_ndarray(block[None], format="flt", layout="mono")
        frame.sample_rate = rate
        frame.pts, frame.time_base = start, Fraction(1, rate)
        for converted in resampler.resample(frame):
            converted.pts, converted.time_base = start, Fraction(1, rate)
            found += stream.encode(converted)
    found += list(stream.encode(None))
    timed = []
    for packet in found:
        if packet.pts is None:
            continue
        time_s = float(packet.pts * packet.time_base)
        late_s = start_s + sum(stop - begin for begin, stop in holes if time_s >= begin)
        late = round(late_s / packet.time_base)
        packet.pts += late
        packet.dts = packet.pts if packet.dts is None else packet.dts + late
        timed.append((time_s + late_s, packet))
    return timed


def file_bytes(samples: Samples, form: str, subtype: str, rate: int = RATE) -> bytes:
    """Write samples as a file in memory through libsndfile."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=form, subtype=subtype)
    return file.getvalue()


def wav_bytes(samples: Samples, rate: int = RATE, subtype: str = "PCM_16") -> bytes:
    """Write samples as a WAV file in memory."""
    return file_bytes(samples, "WAV", subtype, rate)


def mp3_bytes(samples: Samples, mode: str = "VARIABLE") -> bytes:
    """Write samples as an MP3 in memory, with a table of its length."""
    file = io.BytesIO()
    options = {"format": "MP3", "subtype": "MPEG_LAYER_III", "bitrate_mode": mode}
    soundfile.write(file, samples, RATE, compression_level=0.4, **options)
    return file.getvalue()


def aiff_without_sizes(samples: Samples) -> bytes:
    """Write samples as an AIFF whose recorder died before it wrote their size."""
    data = bytearray(file_bytes(samples, "AIFF", "PCM_16"))
    place = data.index(b"SSND")
    data[place + 4 : place + 8] = data[4:8] = bytes(4)
    return bytes(data)


def patch_sizes(data: bytes, data_size: int, riff_size: int | None = None) -> bytes:
    """Give a WAV file other sizes than it has."""
    place = data.index(b"data") + 4
    patched = bytearray(data)
    patched[place : place + 4] = struct.pack("<I", data_size & 0xFFFFFFFF)
    size = len(data) - 8 if riff_size is None else riff_size
    patched[4:8] = struct.pack("<I", size & 0xFFFFFFFF)
    return bytes(patched)


def strip_mp3_table(data: bytes) -> bytes:
    """Leave out the first frame of an MP3, which is its table of contents, and tags before it."""
    place = 0
    if data[:3] == b"ID3":
        place = 10 + sum((b & 127) << s for b, s in zip(data[6:10], (21, 14, 7, 0), strict=True))
    after = data.index(b"\xff\xfb", place + 4)
    while data[after + 1] != 0xFB or data[after] != 0xFF:
        after = data.index(b"\xff\xfb", after + 1)
    return data[after:]


def spread_ogg_headers(data: bytes) -> bytes:
    """Page an Ogg Vorbis file anew, its last header reaching into the first page with sound.

    Some encoders write so; libsndfile takes the count of samples on that page for a late start.
    """
    pages = list(_read_pages(data))
    lacing, body = bytearray(), bytearray()
    n_headers = 0
    for number, page in enumerate(pages):
        if page[3]:  # samples by its end: the first page with sound
            n_headers = number
            break
        if number:
            lacing += page[1]
            body += page[2]
    n_kept = len(lacing) - 5
    n_bytes = sum(lacing[:n_kept])
    first_sound = pages[n_headers]
    made = [
        _write_page(pages[0], pages[0][0], pages[0][1], pages[0][2]),
        _write_page((0, b"", b"", 0, pages[0][4], 1), 0, lacing[:n_kept], body[:n_bytes]),
        _write_page(
            (*first_sound[:5], 2),
            1,
            lacing[n_kept:] + first_sound[1],
            body[n_bytes:] + first_sound[2],
        ),
    ]
    for number, page in enumerate(pages[n_headers + 1 :], 3):
        made.append(_write_page((*page[:5], number), page[0], page[1], page[2]))
    return b"".join(made)


def renumber_ogg(data: bytes, serial: int) -> bytes:
    """Give an Ogg stream another number; encoders draw it at random."""
    number = serial.to_bytes(4, "little")
    pages = [(*page[:4], number, page[5]) for page in _read_pages(data)]
    return b"".join(_write_page(page, page[0], page[1], page[2]) for page in pages)


Page = tuple[int, bytes, bytes, int, bytes, int]  # flags, lacing, body, granule, serial, number


def _read_pages(data: bytes) -> list[Page]:
    pages: list[Page] = []
    place = 0
    while place < len(data):
        n_lacing = data[place + 26]
        lacing = data[place + 27 : place + 27 + n_lacing]
        start = place + 27 + n_lacing
        granule = int.from_bytes(data[place + 6 : place + 14], "little", signed=True)
        body = data[start : start + sum(lacing)]
        serial = data[place + 14 : place + 18]
        pages.append((data[place + 5], lacing, body, granule, serial, len(pages)))
        place = start + sum(lacing)
    return pages


def _write_page(page: Page, flags: int, lacing: bytes, body: bytes) -> bytes:
    head = b"OggS\0" + bytes([flags]) + page[3].to_bytes(8, "little", signed=True) + page[4]
    head += page[5].to_bytes(4, "little")
    tail = bytes([len(lacing)]) + bytes(lacing) + bytes(body)
    crc = 0
    for byte in head + bytes(4) + tail:  # RFC 3533: of 0x04c11db7, nothing reflected
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 1 << 31 else crc << 1) & 0xFFFFFFFF
    return head + crc.to_bytes(4, "little") + tail
