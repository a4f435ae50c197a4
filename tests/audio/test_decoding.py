"""Any format, any region, any rate: decoded to the same samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from soundkin.audio.decoders.open import open_decoder
from soundkin.audio.read import convert_waveform, probe_audio, read_audio, stream_audio
from soundkin.errors import AudioError
from sounds import make_noise, make_sweep, make_tone, write_ffmpeg, write_sound

RATE_OUT = 32_000
SNDFILE_FORMATS = [
    ("wav", "PCM_U8", 0.01),
    ("wav", "PCM_16", 1e-3),
    ("wav", "PCM_24", 1e-3),
    ("wav", "PCM_32", 1e-3),
    ("wav", "FLOAT", 1e-3),
    ("wav", "DOUBLE", 1e-3),
    ("aiff", "PCM_16", 1e-3),
    ("flac", "PCM_16", 1e-3),
    ("ogg", "VORBIS", 0.1),
    ("mp3", "MPEG_LAYER_III", 0.1),
]
FFMPEG_FORMATS = [
    ("m4a", "aac"),
    ("aac", "aac"),
    ("wma", "wmav2"),
    ("mp4", "aac"),
    ("mkv", "aac"),
    ("mka", "flac"),
    ("avi", "mp2"),
    ("mov", "pcm_s16le"),
    ("ts", "aac"),
    ("wv", "wavpack"),
]


def align(decoded: np.ndarray, sound: np.ndarray) -> tuple[int, float]:
    """Find by how many samples a decoded sound lags, and the correlation there."""
    middle = sound[20_000:60_000]
    products = np.correlate(decoded[16_000:64_000].astype(float), middle.astype(float), "valid")
    lag = int(products.argmax()) - 4_000
    found = decoded[20_000 + lag : 60_000 + lag]
    return lag, float(np.corrcoef(found, middle)[0, 1])


@pytest.mark.parametrize(("suffix", "subtype", "tolerance"), SNDFILE_FORMATS)
def test_libsndfile_formats_give_the_sound_that_was_written(
    tmp_path: Path, suffix: str, subtype: str, tolerance: float
) -> None:
    sound = make_tone(440, 1.5)
    path = write_sound(tmp_path / f"a.{suffix}", sound, subtype=subtype)
    expected = convert_waveform(sound, 44_100, RATE_OUT)
    decoded = read_audio(path, RATE_OUT)
    assert len(decoded) == len(expected)
    assert np.abs(decoded - expected).max() < tolerance


@pytest.mark.parametrize(("suffix", "codec"), FFMPEG_FORMATS)
def test_ffmpeg_formats_give_the_sound_that_was_written(
    tmp_path: Path, suffix: str, codec: str
) -> None:
    sound = make_sweep(2.0)
    path = write_ffmpeg(tmp_path / f"a.{suffix}", sound, codec)
    decoded = read_audio(path, 44_100)
    assert abs(len(decoded) - len(sound)) <= 4096
    lag, correlation = align(decoded, sound)
    assert correlation > 0.99
    assert abs(lag) <= 2048  # at most what an encoder puts in front


@pytest.mark.parametrize(
    ("suffix", "codec"), [(s, None) for s in ("wav", "flac", "ogg", "mp3", "aiff")] + FFMPEG_FORMATS
)
def test_a_region_has_the_samples_of_the_whole(
    tmp_path: Path, suffix: str, codec: str | None
) -> None:
    path, sound = tmp_path / f"a.{suffix}", make_sweep(9.0)
    if codec is None:
        write_sound(path, sound)
    else:
        write_ffmpeg(path, sound, codec)
    whole = read_audio(path, RATE_OUT)
    for start_s, end_s in [(0.0, 0.5), (0.7, 1.9), (5.4321, 6.789), (8.5, None)]:
        region = read_audio(path, RATE_OUT, start_s, end_s)
        first = round(start_s * RATE_OUT)
        stop = len(whole) if end_s is None else round(end_s * RATE_OUT)
        assert len(region) == stop - first
        # AAC fills bands with noise drawn anew wherever decoding starts.
        assert np.abs(region - whole[first:stop]).max() < (5e-3 if codec == "aac" else 1e-4)


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000])
def test_every_sample_rate_comes_out_with_the_same_pitch_and_length(
    tmp_path: Path, rate: int
) -> None:
    t = np.arange(rate) / rate
    tone = (0.5 * np.sin(2 * np.pi * 1000 * t)).astype(np.float32)
    decoded = read_audio(write_sound(tmp_path / "a.wav", tone, rate, "FLOAT"), RATE_OUT)
    expected = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(RATE_OUT) / RATE_OUT)
    assert len(decoded) == RATE_OUT
    inner = slice(200, -200)
    assert np.abs(decoded[inner] - expected[inner]).max() < 1e-3


@pytest.mark.parametrize("n_channels", [1, 2, 6, 8])
def test_channels_are_averaged(tmp_path: Path, n_channels: int) -> None:
    channels = np.stack([make_noise(0.2, seed) for seed in range(n_channels)], axis=1)
    path = write_sound(tmp_path / "a.wav", channels, RATE_OUT, "FLOAT")
    assert np.allclose(read_audio(path, RATE_OUT), channels.mean(axis=1), atol=1e-6)


def test_a_constant_stays_a_constant_through_resampling() -> None:
    constant = np.full(44_100, 0.5, np.float32)
    assert np.abs(convert_waveform(constant, 44_100, RATE_OUT) - 0.5).max() < 1e-5


def test_samples_that_are_no_numbers_become_silence(tmp_path: Path) -> None:
    sound = make_noise(0.5)
    sound[100], sound[200] = np.nan, np.inf
    decoded = read_audio(write_sound(tmp_path / "a.wav", sound, subtype="FLOAT"), RATE_OUT)
    assert np.isfinite(decoded).all()


def test_ten_milliseconds_are_decoded(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.wav", make_noise(0.01))
    assert len(read_audio(path, RATE_OUT)) == 320


def test_a_long_file_streams_in_blocks(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.wav", make_noise(100.0, rate=8000), 8000)
    with open_decoder(path) as decoder:
        lengths = [len(block) for block in stream_audio(decoder, 8000)]
    assert sum(lengths) == 800_000
    assert max(lengths) <= 22 * 8000


@pytest.mark.parametrize("suffix", ["mp3", "ogg", "flac"])
def test_decoding_in_blocks_is_decoding_at_once(tmp_path: Path, suffix: str) -> None:
    path = write_sound(tmp_path / f"a.{suffix}", make_tone(440, 3.0))
    at_once, _ = soundfile.read(path, dtype="float32")
    assert np.abs(read_audio(path, 44_100) - at_once).max() < 1e-6


def test_probing_tells_what_the_headers_say(tmp_path: Path) -> None:
    info = probe_audio(write_sound(tmp_path / "a.flac", make_noise(0.5)))
    assert (info.duration_s, info.sample_rate, info.n_channels) == (0.5, 44_100, 1)
    assert info.format.startswith("FLAC")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.wav", b"", "empty"),
        ("text.wav", b"these are words, not sounds\n" * 20, "not sound"),
        ("text.m4a", b"these are words, not sounds\n" * 20, "not sound"),
        ("head.flac", b"fLaC", "not sound"),
        ("random.mp3", bytes(range(256)) * 40, "not sound"),
    ],
)
def test_what_is_no_sound_is_refused_with_its_name_and_reason(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(AudioError, match=reason) as caught:
        read_audio(path, RATE_OUT)
    assert str(path) in str(caught.value)


def test_a_file_without_samples_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "none.wav", np.zeros(0, np.float32), 44_100)
    with pytest.raises(AudioError, match="no sound"):
        read_audio(tmp_path / "none.wav", RATE_OUT)


def test_a_missing_file_is_refused() -> None:
    with pytest.raises(AudioError, match="No such file"):
        read_audio("/no/such/file.wav", RATE_OUT)


@pytest.mark.parametrize("samples", [np.zeros((2, 2, 2)), np.zeros(0), np.zeros(9, np.int16)])
def test_arrays_of_another_shape_or_kind_are_refused(samples: np.ndarray) -> None:
    with pytest.raises(AudioError, match="a waveform"):
        convert_waveform(samples, 44_100, RATE_OUT)


@pytest.mark.parametrize("n_channels", [1, 2, 7, 8, 9, 24])
def test_ffmpeg_gives_every_channel(tmp_path: Path, n_channels: int) -> None:
    levels = np.arange(1, n_channels + 1, dtype=np.float32) / 100
    sound = np.tile(levels, (2_000, 1))
    path = write_sound(tmp_path / "a.wav", sound, 44_100, "FLOAT")
    renamed = path.rename(tmp_path / "a.mka")  # so that FFmpeg is asked
    with open_decoder(renamed, keep_channels=True) as decoder:
        assert decoder.info.format.startswith("WAV PCM_F32LE")
        decoded = np.concatenate(list(decoder.decode_from(0)))
    assert decoded.shape == sound.shape
    assert np.allclose(decoded, sound, atol=1e-6)
