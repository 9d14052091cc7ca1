"""A detector with a known answer, written node by node: a box wherever the picture is bright."""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

INPUT_HEIGHT, INPUT_WIDTH, CELL = 32, 64, 16


def write_tiny_model(path: Path, metadata: dict[str, str] | None = None) -> Path:
    """Score of a 16x16 cell = its mean brightness for class `bright`, a tenth of it for class `dim`."""
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["gray"], axes=[1], keepdims=1),
        helper.make_node("AveragePool", ["gray"], ["cells"], kernel_shape=[CELL, CELL], strides=[CELL, CELL]),
        helper.make_node("Reshape", ["cells", "column"], ["flat"]),
        helper.make_node("Mul", ["flat", "weights"], ["scores"]),
        helper.make_node("Identity", ["cell_boxes"], ["boxes"]),
    ]
    grid = [
        (left, top, left + CELL, top + CELL)
        for top in range(0, INPUT_HEIGHT, CELL)
        for left in range(0, INPUT_WIDTH, CELL)
    ]
    constants = {
        "column": np.array([-1, 1], dtype=np.int64),
        "weights": np.array([[1.0, 0.1]], dtype=np.float32),
        "cell_boxes": np.array(grid, dtype=np.float32),
    }
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, INPUT_HEIGHT, INPUT_WIDTH])],
        [
            helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [len(grid), 4]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, [len(grid), 2]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    complete = {
        "classes": json.dumps(["bright", "dim"]),
        "input_height": str(INPUT_HEIGHT),
        "input_width": str(INPUT_WIDTH),
        "dataset_sha256": "ab" * 32,
    }
    helper.set_model_props(model, complete if metadata is None else metadata)
    onnx.save(model, path)
    return path
