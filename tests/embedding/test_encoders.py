"""Encoders that others made: any ONNX graph from waveform to vector, with a TOML beside it."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from conftest import DEMO_SOUNDS, Soundkin
from encoder_files import FRAME, LENGTH, RATE, SIZE, make_filters, write_encoder
from soundkin.config import ModelConfig
from soundkin.embedding.embedder import Embedder
from soundkin.embedding.encoder import KEYS
from soundkin.embedding.model import find_model, load_model
from soundkin.embedding.segments import compute_mean_vector, locate_segments
from soundkin.errors import ModelError
from soundkin.library.library import Library
from sounds import make_noise, make_sweep, make_tone, write_sound

TOML = f'sample_rate = {RATE}\nlength = {LENGTH}\noutput = "embeddings"\n'


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    return write_encoder(tmp_path / "encoder.onnx")


def embed_by_hand(segment: np.ndarray, size: int = SIZE) -> np.ndarray:
    vector = np.abs(segment.reshape(-1, FRAME) @ make_filters(size)).mean(axis=0)
    return vector / np.linalg.norm(vector)


def test_every_command_works_with_an_encoder(
    soundkin: Soundkin, folder: Path, encoder: Path
) -> None:
    for hz in (200, 260, 900):
        write_sound(folder / f"{hz}.wav", make_tone(hz, 2.2))
    write_sound(folder / "noise.wav", make_noise(1.7))
    write_sound(folder / "copy.flac", make_noise(1.7))
    labels = folder / "labels.csv"
    labels.write_text("path,label\n200.wav,tone\n260.wav,tone\nnoise.wav,noise\ncopy.flac,noise\n")
    soundkin("index", folder, "--model", encoder)
    (facts,) = soundkin.json("info")
    assert facts["model"]["name"] == "encoder"
    assert facts["model"]["embedding_size"] == SIZE
    assert facts["model"]["sample_rate"] == RATE
    assert f"{SIZE} dimensions" in soundkin("info").stdout
    hits = soundkin.json("search", folder / "noise.wav", "--from", 0.492, "--to", 0.992)
    assert {Path(hit["path"]).stem for hit in hits[:2]} == {"noise", "copy"}
    assert hits[0]["score"] > 0.999
    assert hits[0]["start_s"] == 0.492  # one of its segments, which begin 8 ms before its onset
    assert {Path(row["path"]).stem for row in soundkin.json("dups")} == {"noise", "copy"}
    found = soundkin.json("evaluate", labels, "--model", encoder, "--no-baselines")
    assert found[0]["model"] == "encoder"
    assert found[0]["map"]["value"] > 0.5
    table_file = folder / "table.parquet"
    soundkin("embed", folder / "200.wav", "-o", table_file, "--model", encoder)
    import pyarrow.parquet

    column = pyarrow.parquet.read_table(table_file)["embedding"]
    assert (len(column), len(column[0])) == (5, SIZE)


def test_the_saved_index_has_the_encoders_size(
    folder: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import soundkin as api

    monkeypatch.setattr("soundkin.library.index_sync.SAVED_ROWS", 1)
    for seed in range(3):
        write_sound(folder / f"{seed}.wav", make_noise(1.2, seed))
    with Library.open(folder.parent / "cached.sqlite", create=True) as library:
        api.index_folders(library, [folder], model=encoder)
        expected = api.Searcher(library).search(folder / "1.wav")
        monkeypatch.setattr(Library, "read_vectors_above", None)  # the saved index is enough
        assert api.Searcher(library).search(folder / "1.wav") == expected
        assert Path(expected[0].recording.path).name == "1.wav"


def test_a_one_dimensional_graph_is_averaged_over_its_frames(
    soundkin: Soundkin, tmp_path: Path
) -> None:
    toml = "sample_rate = 16000\nlength = 15600\nhop_s = 0.4875\n"
    model = write_encoder(tmp_path / "yamnet.onnx", ("samples",), size=1024, toml=toml)
    sound = make_noise(2.0, rate=RATE)
    path = write_sound(tmp_path / "a.wav", sound, RATE, "FLOAT")
    soundkin("embed", path, "-o", tmp_path / "a.npz", "--model", model, "-q")
    table = np.load(tmp_path / "a.npz")
    lead = 128  # of an onset within the first 2 ms
    starts = [-lead, 7_800 - lead, 15_600 - lead, 32_000 - 15_600]
    assert table["start_s"] * RATE == pytest.approx(np.maximum(starts, 0))
    led = np.concatenate([np.zeros(lead, np.float32), sound - np.median(sound)])
    for vector, start in zip(table["embedding"], starts, strict=True):
        by_hand = embed_by_hand(led[start + lead :][:15_600], 1024)
        assert np.abs(vector - by_hand).max() < 5e-3  # its constant is estimated


@pytest.mark.parametrize(
    "shape",
    [
        ("n",),
        (LENGTH,),
        (1, LENGTH),
        (1, "n"),
        ("batch", LENGTH),
        ("batch", "n"),
        (1, 1, LENGTH),
        ("batch", 1, "n"),
        ("batch", "channels", "n"),
    ],
)
def test_every_way_to_take_a_waveform_gives_the_same_vectors(
    tmp_path: Path, shape: tuple[int | str, ...]
) -> None:
    embedder = Embedder.load(write_encoder(tmp_path / "e.onnx", shape))
    sound = make_sweep(1.5, RATE)
    found = embedder.embed_stretch(sound, 8_000)
    for vector, start in zip(found, (0, 8_000, 16_000), strict=True):
        assert np.abs(vector - embed_by_hand(sound[start : start + LENGTH])).max() < 1e-5


def test_a_half_precision_graph_is_fed_half_precision(tmp_path: Path) -> None:
    path = write_encoder(tmp_path / "half.onnx", kind=TensorProto.FLOAT16)
    segment = make_noise(0.5, rate=RATE)
    (vector,) = Embedder.load(path).embed_stretch(segment, LENGTH)
    assert vector.dtype == np.float32
    assert np.abs(vector - embed_by_hand(segment)).max() < 3e-3


def test_segments_keep_the_contracts_that_soundkins_own_models_keep(
    encoder: Path, tmp_path: Path
) -> None:
    encoder.with_suffix(".toml").write_text(f"{TOML}hop_s = 0.1\n")
    embedder = Embedder.load(encoder)
    sound = make_sweep(45.33, RATE)  # more than two blocks of decoding
    path = write_sound(tmp_path / "a.wav", sound, RATE, "FLOAT")
    whole = embedder.embed_file(path)
    segments = embedder.model.segments
    starts, _ = locate_segments(len(whole.vectors), whole.duration_s, segments)
    assert starts[-1] + 0.5 == pytest.approx(45.33)
    assert np.allclose(np.linalg.norm(whole.vectors, axis=1), 1, atol=1e-5)
    for place in (0, 199, 200, 201, 400, len(starts) - 1):
        first = round(starts[place] * RATE)
        alone = embedder.embed_stretch(sound[first : first + LENGTH], segments.segment_hop)
        assert np.abs(alone[0] - whole.vectors[place]).max() < 1e-5


def test_silence_has_a_defined_vector_and_is_marked(encoder: Path) -> None:
    found = Embedder.load(encoder).embed_waveform(np.zeros(20_000, np.float32), RATE)
    assert np.allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-5)
    assert found.silent.all()
    assert compute_mean_vector(found) is None


def test_a_sound_that_an_encoder_has_no_vector_for_is_listed(
    soundkin: Soundkin, folder: Path
) -> None:
    deaf = write_encoder(folder.parent / "deaf.onnx", tail="Relu", offset=-0.5)
    write_sound(folder / "loud.wav", make_noise(2.0))
    write_sound(folder / "faint.wav", 1e-2 * make_noise(2.0))
    done = soundkin("index", folder, "--model", deaf)
    assert [Path(path).name for path in soundkin.paths()] == ["loud.wav"]
    assert "faint.wav" in done.stderr
    assert "the model's vector is zero, or no number, where there is sound" in done.stderr


def test_a_changed_toml_is_another_model(soundkin: Soundkin, folder: Path, encoder: Path) -> None:
    write_sound(folder / "a.wav", make_noise(2.0))
    soundkin("index", folder, "--model", encoder)
    n_segments = soundkin.json("info")[0]["n_segments"]
    encoder.with_suffix(".toml").write_text(f"{TOML}hop_s = 0.25\n")
    refused = soundkin("index", status=2)
    assert f"soundkin index --rebuild --model {encoder}" in refused.stderr
    assert "another model" in soundkin("search", folder / "a.wav", "--to", 1, status=2).stderr
    soundkin("index", "--rebuild", "--model", encoder)
    assert soundkin.json("info")[0]["n_segments"] > n_segments
    soundkin("index", "--rebuild", "--model", "kin")
    assert soundkin.json("info")[0]["model"]["embedding_size"] == 128


def test_weights_in_a_file_of_their_own_are_found_and_count(encoder: Path, tmp_path: Path) -> None:
    expected = Embedder.load(encoder).embed_waveform(make_noise(), RATE).vectors
    weights = tmp_path / "encoder.onnx.data"
    onnx.save_model(
        onnx.load(encoder),
        encoder,
        save_as_external_data=True,
        location=weights.name,
        size_threshold=1000,
    )
    before = find_model(encoder).hash
    found = Embedder.load(encoder).embed_waveform(make_noise(), RATE).vectors
    assert np.abs(found - expected).max() < 1e-6
    changed = bytearray(weights.read_bytes())
    changed[-1] ^= 1
    weights.write_bytes(changed)
    assert find_model(encoder).hash != before


def test_a_toml_beside_soundkins_own_model_changes_nothing(tmp_path: Path) -> None:
    own = tmp_path / "own.onnx"
    own.write_bytes(find_model("kin").path.read_bytes())
    own.with_suffix(".toml").write_text("a recipe, say")
    assert find_model(own).hash == find_model("kin").hash
    assert load_model(own).embedding_size == 128


def test_a_library_from_before_other_sizes_still_opens(soundkin: Soundkin, folder: Path) -> None:
    write_sound(folder / "a.wav", make_noise())
    soundkin("index", folder)
    with sqlite3.connect(soundkin.library) as connection:
        old = ModelConfig("kin").to_json()
        connection.execute("UPDATE meta SET model_config = ?", [old])
    connection.close()
    assert soundkin.json("info")[0]["model"]["embedding_size"] == 128
    assert len(soundkin.json("search", folder / "a.wav")) == 1


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        (None, "describe it in encoder.toml beside it, at least: sample_rate = 16000"),
        ("sample_rate", r"encoder\.toml: not TOML"),
        (f"{TOML}pooling = 'max'", "no key 'pooling'; it may have sample_rate, length"),
        ("length = 8000", "sample_rate is missing"),
        ("sample_rate = 16000", "either length .* or segment_s"),
        (f"{TOML}segment_s = 0.5", "either length .* or segment_s"),
        ("sample_rate = '16k'\nlength = 8000", "sample_rate must be a whole number of Hz"),
        ("sample_rate = true\nlength = 8000", "sample_rate must be a whole number of Hz"),
        ("sample_rate = 16\nlength = 8000", "within 1000 and 384000 Hz"),
        ("sample_rate = 16000\nlength = -1", "a segment must last 0.01 to 120 s"),
        ("sample_rate = 16000\nsegment_s = nan", "a segment must last 0.01 to 120 s"),
        (f"{TOML}hop_s = 0.6", "hop_s must lie within 0.01 s and the segment's length"),
        ("sample_rate = 16000\nlength = 8000", r"several outputs \(embeddings, loudness\)"),
        (TOML.replace("embed", "imbed"), "no output 'imbeddings'; it has embeddings, loudness"),
        (TOML.replace("embeddings", "loudness"), r"'loudness' is \(1, 1, 1\) for 2"),
        (f"{TOML}input = 'sound'", "no input 'sound'; it has waveform"),
        (TOML.replace("8000", "16000"), "takes 8000 samples, not the 16000 .* length = 8000"),
    ],
)
def test_a_toml_that_does_not_fit_is_refused_in_words(
    tmp_path: Path, toml: str | None, message: str
) -> None:
    path = write_encoder(tmp_path / "encoder.onnx", toml=None)
    if toml is not None:
        path.with_suffix(".toml").write_text(toml)
    with pytest.raises(ModelError, match=message):
        load_model(path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shape": (4, LENGTH)}, "its batch is fixed to 4"),
        ({"shape": ("batch", 2, LENGTH)}, r"its input is \(batch, 2, 8000\)"),
        ({"shape": ("a", "b", "c", "d")}, r"its input is \(a, b, c, d\)"),
        ({"offset": np.nan}, "'embeddings' is zero, or no number, for noise"),
        ({"tail": "Sign", "offset": -1e9, "size": 1}, "one number a segment, no vector"),
        ({"tail": "Not", "kind": TensorProto.FLOAT}, "not an ONNX model that can be run"),
        ({"shape": ("n",), "frame": 401}, "it fails on 8000 samples"),
    ],
)
def test_a_graph_that_gives_no_vectors_is_refused_in_words(
    tmp_path: Path, options: dict[str, object], message: str
) -> None:
    path = write_encoder(tmp_path / "encoder.onnx", **options)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=message):
        load_model(path)


def test_every_key_stands_in_the_docs() -> None:
    page = (DEMO_SOUNDS.parent.parent / "docs" / "encoders.md").read_text("utf-8")
    for key in KEYS:
        assert f"`{key}`" in page, key


@pytest.mark.parametrize("command", ["index", "embed", "evaluate"])
def test_a_bad_encoder_is_one_line_before_any_work(
    soundkin: Soundkin, tmp_path: Path, command: str
) -> None:
    path = write_encoder(tmp_path / "mine.onnx", toml=None)
    rest: dict[str, list[str | os.PathLike[str]]] = {
        "index": [DEMO_SOUNDS],
        "embed": [DEMO_SOUNDS, "-o", tmp_path / "x.npz"],
        "evaluate": [DEMO_SOUNDS.parent / "labels.csv"],
    }
    refused = soundkin(command, *rest[command], "--model", path, status=2)
    assert refused.stderr.count("\n") == 1
    assert "soundkin did not make this model; describe it in mine.toml" in refused.stderr
    assert not soundkin.library.exists()
