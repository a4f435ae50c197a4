"""Models that are damaged, foreign or made to do harm: refused in one line, before any work."""

from __future__ import annotations

import ast
import io
import json
import os
import pickle
import shutil
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import soundkin as api
from conftest import DEMO_SOUNDS, Soundkin
from encoder_files import make_filters, write_encoder
from soundkin.embedding.embedder import Embedder
from soundkin.embedding.model import CONFIG_KEY, find_model, load_model
from soundkin.errors import ModelError
from soundkin.sound_map.disk import DAMAGE, SavedMap

KIN = find_model("kin").path
SOUND = DEMO_SOUNDS / "bd_tek.flac"
CODE = sorted(Path(api.__file__).parent.rglob("*.py"))
UNPICKLERS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


class Harm:
    """Unpickled, it makes a file."""

    def __init__(self, trace: Path) -> None:
        self._trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._trace),)


def change_kin(path: Path, change: Callable[[onnx.ModelProto], None]) -> Path:
    """Write kin with a change."""
    model = onnx.load(KIN)
    change(model)
    path.write_bytes(model.SerializeToString())
    return path


def set_config(**values: Any) -> Callable[[onnx.ModelProto], None]:
    """Change kin's config, `mel__n_fft` being what is inside `mel`."""

    def change(model: onnx.ModelProto) -> None:
        (entry,) = (entry for entry in model.metadata_props if entry.key == CONFIG_KEY)
        config = json.loads(entry.value)
        for name, value in values.items():
            *tables, key = name.split("__")
            (config[tables[0]] if tables else config)[key] = value
        entry.value = json.dumps(config)

    return change


def fill_with_nan(model: onnx.ModelProto) -> None:
    """Make all weights no numbers."""
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            values = np.full(tuple(tensor.dims), np.nan, np.float32)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def claim_terabytes(model: onnx.ModelProto) -> None:
    """Have a tensor claim a size that its bytes do not have."""
    tensor = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    tensor.dims[0] = 1 << 40


def make_terabytes(model: onnx.ModelProto) -> None:
    """Have the graph make a tensor of terabytes."""
    shape = numpy_helper.from_array(np.array([1 << 42]), "enormous")
    model.graph.initializer.append(shape)
    made = helper.make_node("ConstantOfShape", ["enormous"], ["zeros"])
    total = helper.make_node("ReduceSum", ["zeros"], ["total"])
    (output,) = model.graph.output
    node = next(node for node in model.graph.node if output.name in node.output)
    node.output[list(node.output).index(output.name)] = "before"
    added = helper.make_node("Add", ["before", "total"], [output.name])
    model.graph.node.extend([made, total, added])


def rename_operator(model: onnx.ModelProto) -> None:
    """Have the graph call for an operator that somebody else has."""
    model.graph.node[0].domain = "evil.example"
    model.opset_import.append(helper.make_opsetid("evil.example", 1))


def set_opset(model: onnx.ModelProto) -> None:
    """Have the graph come from the future."""
    model.opset_import[0].version = 9_999


def drop_config(model: onnx.ModelProto) -> None:
    """Leave out what soundkin has written about its model."""
    del model.metadata_props[:]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (claim_terabytes, "not an ONNX model that can be run"),
        (make_terabytes, "it fails on|not an ONNX model that can be run"),
        (rename_operator, "not an ONNX model that can be run"),
        (set_opset, "not an ONNX model that can be run"),
        (drop_config, "soundkin did not make this model"),
        (fill_with_nan, "vectors for noise are not of length 1"),
        (set_config(mel__n_mels=32), "its graph must take"),
        (set_config(mel__n_mels="64"), "whole numbers"),
        (set_config(mel__hop_length=0), "whole numbers"),
        (set_config(mel__n_fft=1 << 40, segments__segment_s=1e9), "whole numbers"),
        (set_config(segments__segment_s=1e300), "a segment has up to 120 s"),
        (set_config(segments__hop_s=float("inf")), "config cannot be read"),
        (set_config(segments__hop_s=float("nan")), "config cannot be read"),
        (set_config(segments__sample_rate=-1), "whole numbers"),
        (set_config(mel__log_offset="x"), "config cannot be read"),
        (set_config(mel=[1]), "config cannot be read"),
        (set_config(surprise=1), "config cannot be read"),
    ],
)
def test_a_model_that_is_not_as_it_should_be_is_refused(
    tmp_path: Path, change: Callable[[onnx.ModelProto], None], reason: str
) -> None:
    path = change_kin(tmp_path / "mine.onnx", change)
    with pytest.raises(ModelError, match=reason):
        Embedder.load(path).warm_up()


def make_bytes(path: Path) -> Iterator[bytes]:
    """Make what is no model, but may be taken for one."""
    kin = KIN.read_bytes()
    yield from (kin[:size] for size in (0, 1, 100, len(kin) // 2, len(kin) - 1))
    yield from (b"these are words\n" * 100, bytes(10_000), pickle.dumps(Harm(path)))
    generator = np.random.default_rng(0)
    yield generator.bytes(10_000)
    for _ in range(20):
        damaged = bytearray(kin)
        for place in generator.integers(2_000, size=40):
            damaged[place] = generator.integers(256)
        yield bytes(damaged)


def test_bytes_that_are_no_model_are_refused(tmp_path: Path) -> None:
    path, trace = tmp_path / "mine.onnx", tmp_path / "harmed"
    n_refused = 0
    for content in make_bytes(trace):
        path.write_bytes(content)
        try:
            load_model(path)  # where the damage hit a name, say, it loads
        except ModelError:
            n_refused += 1
    assert n_refused >= 9
    assert not trace.exists()


@pytest.mark.parametrize("command", ["index", "embed", "deform", "evaluate"])
def test_every_command_refuses_in_one_line(
    soundkin: Soundkin, tmp_path: Path, command: str
) -> None:
    path = tmp_path / "mine.onnx"
    path.write_bytes(KIN.read_bytes()[:-1000])
    rest: dict[str, list[Any]] = {
        "index": [DEMO_SOUNDS],
        "embed": [SOUND, "-o", tmp_path / "x.npz"],
        "deform": [SOUND, "-o", tmp_path / "heard"],
        "evaluate": [DEMO_SOUNDS.parent / "labels.csv"],
    }
    refused = soundkin(command, *rest[command], "--model", path, status=2)
    assert refused.stderr.count("\n") == 1
    assert str(path) in refused.stderr
    assert not soundkin.library.exists()


def test_a_folder_is_no_model(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.onnx"):
        with pytest.raises(ModelError, match=r"no model .* give one of"):
            find_model(path)


def test_a_damaged_model_fails_the_run_and_no_file(soundkin: Soundkin, tmp_path: Path) -> None:
    path = change_kin(tmp_path / "mine.onnx", fill_with_nan)
    refused = soundkin("index", DEMO_SOUNDS, "--model", path, status=2)
    assert refused.stderr.count("\n") == 1
    assert "damaged" in refused.stderr
    assert not soundkin.json("list", "--failed")


def write_with_weights_in(path: Path, location: str, *, is_reversed: bool = False) -> Path:
    """Write an encoder whose weights lie in another file."""
    model = onnx.load(write_encoder(path))
    (tensor,) = (tensor for tensor in model.graph.initializer if tensor.name == "filters")
    length = len(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", str(length))):
        tensor.external_data.add(key=key, value=value)
    content = model.SerializeToString()
    if is_reversed:  # as no library writes it, but any reads it
        entry, size = b"\x0a\x08location", bytes([len(location)])
        value = b"\x12" + size + location.encode()
        assert content.count(entry + value) == 1
        content = content.replace(entry + value, value + entry)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "location",
    ["../secret", "{top}/secret", "a/../../secret", "link", "/dev/zero", "/etc/passwd", "beside"],
)
def test_weights_are_read_from_no_other_file(tmp_path: Path, location: str) -> None:
    weights = make_filters().tobytes()
    (tmp_path / "secret").write_bytes(weights)
    inside = tmp_path / "models"
    inside.mkdir()
    (inside / "beside").write_bytes(weights)
    (inside / "link").symlink_to(tmp_path / "secret")
    named = location.format(top=tmp_path)
    path = inside / "mine.onnx"
    if location != "beside":  # written as no library does it, that is onnxruntime's to refuse
        with pytest.raises(ModelError, match="not an ONNX model that can be run"):
            load_model(write_with_weights_in(path, named, is_reversed=True))
    write_with_weights_in(path, named)
    with pytest.raises(ModelError, match="weights lie in another file"):
        load_model(path)
    shutil.copyfile(inside / "beside", inside / "mine.onnx.data")
    assert load_model(write_with_weights_in(path, "mine.onnx.data")).embedding_size > 1


def test_nothing_in_the_package_unpickles() -> None:
    """No module imports a pickler but for its errors, and what could unpickle is told not to."""
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                assert node.module.split(".")[0] not in UNPICKLERS, path
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                name = f"{node.value.id}.{node.attr}"
                assert node.value.id not in UNPICKLERS or node.attr == "UnpicklingError", path
                assert name not in {"os.system", "yaml.load"}, path
            elif isinstance(node, ast.Call):
                keywords = {word.arg: word.value for word in node.keywords}
                called = ast.unparse(node.func)
                assert called not in {"eval", "exec"}, path
                assert "allow_pickle" not in keywords, path  # whose default is not to
                if called == "torch.load":
                    assert ast.unparse(keywords["weights_only"]) == "True", path


def test_a_pickle_in_place_of_the_index_or_the_map_does_no_harm(
    soundkin: Soundkin, folder: Path, tmp_path: Path
) -> None:
    trace = tmp_path / "harmed"
    shutil.copytree(DEMO_SOUNDS, folder, dirs_exist_ok=True)
    soundkin("index", folder)
    soundkin("index", "--index-kind", "lists", "-q")
    soundkin("map")
    search = ("search", folder / "bd_tek.flac", "--exclude-self")
    expected = soundkin.json(*search)
    beside = [path for path in tmp_path.glob("library.sqlite.*/*") if path.suffix != ".lock"]
    assert {path.suffix for path in beside} >= {".npz", ".json"}
    for path in beside:
        path.write_bytes(pickle.dumps(Harm(trace)))
    assert soundkin.json(*search) == expected
    soundkin("map")
    assert not trace.exists()


def test_pickles_inside_arrays_are_not_read(tmp_path: Path) -> None:
    trace = tmp_path / "harmed"
    file = io.BytesIO()
    np.savez(file, facts=np.array([Harm(trace)], object))
    for payload in (file.getvalue(), file.getvalue()[:-30], pickle.dumps(Harm(trace))):
        with pytest.raises(DAMAGE):
            SavedMap.from_bytes(zlib.crc32(payload).to_bytes(4, "big") + payload)
    assert not trace.exists()
