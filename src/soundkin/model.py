"""A model as one artefact: an ONNX graph with its config inside, known by the hash of its bytes.

The graph takes log-mel segments `(batch, n_mels, n_frames)` and gives embeddings `(batch, 128)`.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from soundkin.config import EMBEDDING_SIZE, ModelConfig
from soundkin.errors import ModelError

CONFIG_KEY = "soundkin.config"
PROVENANCE_KEY = "soundkin.provenance"
DEFAULT_MODEL = "kin"
MAX_MODEL_BYTES = 1 << 30


@dataclass(frozen=True)
class ModelFile:
    """Where a model lies and what its bytes hash to; cheap, nothing is loaded yet.

    `name` finds it again: the name it ships under, or its absolute path.
    """

    name: str
    path: Path
    hash: str


class Model:
    """A model ready to run on one thread; the same input gives the same output in any batch."""

    def __init__(self, session: Any, config: ModelConfig, provenance: str, file: ModelFile) -> None:
        self._session = session
        self._input_name: str = session.get_inputs()[0].name
        self.config = config
        self.provenance = provenance
        self.file = file

    def embed(self, log_mels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Map log-mel segments `(batch, n_mels, n_frames)` to unit vectors `(batch, 128)`."""
        outputs: list[npt.NDArray[np.float32]] = self._session.run(
            None, {self._input_name: log_mels}
        )
        return outputs[0]


def list_models() -> tuple[str, ...]:
    """Names of the models that come with soundkin."""
    folder = resources.files("soundkin") / "models"
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
        path = Path(str(resources.files("soundkin") / "models" / f"{name}.onnx"))
    else:
        path = Path(name).expanduser().absolute()
        if not path.is_file():
            raise ModelError(
                f"no model {os.fspath(name)!r}: give one of {', '.join(shipped)}, or an .onnx file"
            )
        name = path
    try:
        with path.open("rb") as file:
            return ModelFile(os.fspath(name), path, hashlib.file_digest(file, "sha256").hexdigest())
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror or error}") from error


def load_model(name: str | os.PathLike[str] | ModelFile = DEFAULT_MODEL) -> Model:
    """Load a model for running, by name, by file, or as found by `find_model`.

    Raises
    ------
    ModelError
        There is no such model, it is no soundkin model, or its shapes do not fit its config.
    """
    file = name if isinstance(name, ModelFile) else find_model(name)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        if file.path.stat().st_size > MAX_MODEL_BYTES:
            raise ModelError(f"{file.path}: too large for a model")
        session = onnxruntime.InferenceSession(
            file.path.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
    except OSError as error:
        raise ModelError(f"{file.path}: {error.strerror or error}") from error
    except ModelError:
        raise
    except Exception as error:  # onnxruntime's errors share no root but Exception
        raise ModelError(f"{file.path}: not an ONNX model that can be run") from error
    metadata: dict[str, str] = session.get_modelmeta().custom_metadata_map
    if CONFIG_KEY not in metadata:
        raise ModelError(f"{file.path}: an ONNX model, but without soundkin's config inside")
    config = ModelConfig.from_json(metadata[CONFIG_KEY])
    _check_shapes(session, config, file.path)
    return Model(session, config, metadata.get(PROVENANCE_KEY, ""), file)


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
