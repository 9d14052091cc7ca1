"""The trained network as one ONNX file that says what it is."""

import contextlib
import io
import json
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from torch import Tensor, nn

from pipeline_defs.common.job import JobError
from pipeline_defs.detection.model import CompactDetector

OPSET = 17
MAX_BOX_DIFFERENCE = 0.05  # pixels
MAX_SCORE_DIFFERENCE = 1e-3


@dataclass(frozen=True)
class ModelCard:
    """What the file's metadata tells whoever runs it."""

    classes: tuple[str, ...]
    input_height: int
    input_width: int
    dataset_sha256: str

    def properties(self) -> dict[str, str]:
        """Return ONNX metadata_props."""
        return {
            "classes": json.dumps(list(self.classes)),
            "input_height": str(self.input_height),
            "input_width": str(self.input_width),
            "dataset_sha256": self.dataset_sha256,
        }


class ServedDetector(nn.Module):  # type: ignore[misc]
    """One picture in; boxes (cells, 4) and scores (cells, classes) from 0 to 1 out."""

    def __init__(self, network: CompactDetector) -> None:
        super().__init__()
        self.network = network

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Take (1, 3, height, width)."""
        boxes, logits = self.network(picture)
        return boxes[0], logits[0].sigmoid()


def export_onnx(network: CompactDetector, card: ModelCard, path: Path) -> None:
    """Write the network with static shapes, then check that onnxruntime answers as torch does."""
    served = ServedDetector(network).eval()
    picture = torch.rand(
        1, 3, card.input_height, card.input_width, generator=torch.Generator().manual_seed(0)
    )
    buffer = io.BytesIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # the exporter announces its successor, which needs onnxscript
        torch.onnx.export(
            served,
            (picture,),
            buffer,
            input_names=["image"],
            output_names=["boxes", "scores"],
            opset_version=OPSET,
            dynamo=False,
        )
    model = onnx.load_model_from_string(buffer.getvalue())
    onnx.helper.set_model_props(model, card.properties())
    onnx.save(model, path)
    _check_equal(served, path, picture)


def _check_equal(served: ServedDetector, path: Path, picture: Tensor) -> None:
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    exported = session.run(["boxes", "scores"], {"image": picture.numpy()})
    with torch.no_grad():
        trained = [output.numpy() for output in served(picture)]
    differences = [float(np.abs(a - b).max()) for a, b in zip(trained, exported, strict=True)]
    if differences[0] > MAX_BOX_DIFFERENCE or differences[1] > MAX_SCORE_DIFFERENCE:
        raise JobError(
            f"{path}: onnxruntime and torch disagree by {differences[0]:.3g} pixels and a score of "
            f"{differences[1]:.3g}: the export cannot be trusted"
        )
