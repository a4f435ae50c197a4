"""A model as one artefact: an ONNX graph with its config inside, known by the hash of its bytes.

The graph takes log-mel segments `(batch, n_mels, n_frames)` and gives embeddings `(batch, 128)`.
Any other graph is an encoder that others made, with its config in a TOML beside it.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from soundkin.audio.mel import cut_log_mels
from soundkin.config import EMBEDDING_SIZE, MelConfig, ModelConfig, SegmentConfig
from soundkin.embedding.encoder import Encoder, EncoderConfig
from soundkin.errors import ModelError, naming

CONFIG_KEY = "soundkin.config"
PROVENANCE_KEY = "soundkin.provenance"
DEFAULT_MODEL = "kin"
MAX_MODEL_BYTES = 1 << 30
COMPANIONS = (".toml", ".onnx.data", ".onnx_data")  # what may lie beside an encoder
LOCATION = re.compile(rb"\x0a\x08location\x12(.)", re.DOTALL)  # an entry of a tensor, and a length
EXTERNAL_DATA_KEY = "session.model_external_initializers_file_folder_path"


@dataclass(frozen=True)
class ModelFile:
    """Where a model lies and what its bytes hash to; cheap, nothing is loaded yet.

    `name` finds it again: the name it ships under, or its absolute path. The hash of an encoder
    counts its TOML, and weights that lie in a file of their own.
    """

    name: str
    path: Path
    hash: str


class Model:
    """A model ready to run on one thread; the same input gives the same output in any batch."""

    embedding_size = EMBEDDING_SIZE

    def __init__(self, session: Any, config: ModelConfig, provenance: str, file: ModelFile) -> None:
        self._session = session
        self._input_name: str = session.get_inputs()[0].name
        self.config = config
        self.provenance = provenance
        self.file = file

    @property
    def name(self) -> str:
        """What it is called."""
        return self.config.name

    @property
    def segments(self) -> SegmentConfig:
        """How to cut."""
        return self.config.segments

    @property
    def mel(self) -> MelConfig:
        """What log-mel `cut` gives."""
        return self.config.mel

    @property
    def hop_unit(self) -> int:
        """Samples that a hop must be a multiple of, for segments to share frames."""
        return self.config.mel.hop_length

    def cut(
        self, stretch: npt.NDArray[np.float32], hop: int
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Compute the log-mel of each segment; see `soundkin.audio.mel.cut_log_mels`."""
        return cut_log_mels(stretch, self.config, hop)

    def embed(self, log_mels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Map log-mel segments `(batch, n_mels, n_frames)` to unit vectors `(batch, 128)`.

        Raises
        ------
        ModelError
            The graph fails.
        """
        try:
            (vectors,) = self._session.run(None, {self._input_name: log_mels})
        except Exception as error:  # onnxruntime's errors share no root but Exception
            raise ModelError(f"{self.file.path}: it fails on {log_mels.shape} ({error})") from error
        return np.asarray(vectors, np.float32)


def list_models() -> tuple[str, ...]:
    """Names of the models that come with soundkin."""
    folder = resources.files("soundkin.embedding") / "models"
    files = sorted(item.name for item in folder.iterdir() if item.name.endswith(".onnx"))
    return tuple(name.removesuffix(".onnx") for name in files)


def find_model(name: str | os.PathLike[str] = DEFAULT_MODEL) -> ModelFile:
    """Find a model by the name it ships under, or by its file.

    Raises
    ------
    ModelError
        There is no such model.
    """
    shipped = list_models()
    if str(name) in shipped:
        path = Path(str(resources.files("soundkin.embedding") / "models" / f"{name}.onnx"))
    else:
        path = Path(name).expanduser().absolute()
        if not path.is_file():
            raise ModelError(
                f"no model {os.fspath(name)!r}: give one of {', '.join(shipped)}, or an .onnx file"
            )
        name = path
    with naming(path, ModelError):
        return ModelFile(os.fspath(name), path, _hash_model(path))


def _hash_model(path: Path) -> str:
    """Hash a model's bytes; those of an encoder with what lies beside it."""
    digests = [_hash_file(path)]
    companions = [path.with_suffix(suffix) for suffix in COMPANIONS]
    companions = [companion for companion in companions if companion.is_file()]
    if companions and not _has_config_inside(path):
        digests += map(_hash_file, companions)
        digests.append(hashlib.sha256("".join(digests).encode()).hexdigest())
    return digests[-1]


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _has_config_inside(path: Path) -> bool:
    """Tell soundkin's own models from encoders without loading them."""
    if not path.stat().st_size:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
        return view.find(CONFIG_KEY.encode()) >= 0


def load_model(name: str | os.PathLike[str] | ModelFile = DEFAULT_MODEL) -> Model | Encoder:
    """Load a model for running, by name, by file, or as found by `find_model`.

    Raises
    ------
    ModelError
        There is no such model, its shapes do not fit its config, or it has no config.
    """
    file = name if isinstance(name, ModelFile) else find_model(name)
    session = _open_session(file.path)
    metadata: dict[str, str] = session.get_modelmeta().custom_metadata_map
    if CONFIG_KEY not in metadata:
        return Encoder(session, EncoderConfig.load(file.path.with_suffix(".toml")), file.path)
    config = ModelConfig.from_json(metadata[CONFIG_KEY])
    _check_shapes(session, config, file.path)
    return Model(session, config, metadata.get(PROVENANCE_KEY, ""), file)


def _open_session(path: Path) -> Any:
    """Open a graph for running on one thread."""
    # From 1.32 on it would note each session and send that to its makers: nothing leaves here.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry(EXTERNAL_DATA_KEY, str(path.parent))
    try:
        if path.stat().st_size > MAX_MODEL_BYTES:
            raise ModelError(
                f"{path}: too large for a model; weights may lie in {path.stem}.onnx.data"
            )
        content = path.read_bytes()
        _check_locations(content, path)
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror or error}") from error
    except ModelError:
        raise
    except Exception as error:  # onnxruntime's errors share no root but Exception
        raise ModelError(f"{path}: not an ONNX model that can be run ({error})") from error


def _check_locations(content: bytes, path: Path) -> None:
    """Refuse weights in any file but those that count in the hash, here or elsewhere."""
    allowed = [path.with_suffix(suffix).name.encode() for suffix in COMPANIONS[1:]]
    for match in LOCATION.finditer(content):
        start = match.end()
        if content[start : start + match[1][0]] not in allowed:
            raise ModelError(
                f"{path}: its weights lie in another file; save it anew, with all inside or in"
                f" {path.stem}.onnx.data"
            )


def _check_shapes(session: Any, config: ModelConfig, path: Path) -> None:
    inputs, outputs = session.get_inputs(), session.get_outputs()
    wanted_in, wanted_out = [config.mel.n_mels, config.n_frames], [EMBEDDING_SIZE]
    fits = (
        len(inputs) == 1
        and len(outputs) == 1
        and inputs[0].type == outputs[0].type == "tensor(float)"
        and len(inputs[0].shape) == 3
        and list(inputs[0].shape)[1:] == wanted_in
        and list(outputs[0].shape)[1:] == wanted_out
    )
    if not fits:
        raise ModelError(
            f"{path}: its graph must take (batch, {wanted_in[0]}, {wanted_in[1]}) floats and give "
            f"(batch, {EMBEDDING_SIZE})"
        )
