"""An ONNX file opened for running, the same way in every place."""

from pathlib import Path

import onnxruntime as ort


class BadModel(Exception):  # noqa: N818 - the name that callers read
    """A model file that this code cannot run; the message says which file and why."""


def open_session(path: Path, threads: int) -> ort.InferenceSession:
    """Open a model for the CPU; raises BadModel if it is not there or cannot be loaded."""
    if not path.is_file():
        raise BadModel(f"{path}: no such file")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Spinning threads buy a millisecond and cost a core that the line's other programs need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions share no base class
        raise BadModel(f"{path}: onnxruntime cannot load it: {str(error).splitlines()[0]}") from error
