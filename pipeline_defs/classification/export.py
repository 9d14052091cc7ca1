"""The trained network as one ONNX file that says what it is, checked against the network itself."""

import contextlib
import io
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch

from inference.classifier import Classifier, ClassifierCard
from inference.pictures import Picture
from pipeline_defs.classification.network import LabelScores
from pipeline_defs.common.job import JobError

OPSET = 17
MAX_DIFFERENCE = 1e-3  # of a score


def export_onnx(
    scores: LabelScores, card: ClassifierCard, path: Path, samples: tuple[Picture, ...] = ()
) -> None:
    """Write the ONNX file with the card as metadata, and compare both on noise and on samples.

    Samples are views (S, S, 3), uint8. Raises JobError if a score differs by more than MAX_DIFFERENCE.
    """
    size = card.input_size
    served = scores.eval().to(memory_format=torch.contiguous_format)
    buffer = io.BytesIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # the exporter announces its successor, which needs onnxscript
        torch.onnx.export(
            served,
            (torch.zeros(1, 3, size, size),),
            buffer,
            input_names=["image"],
            output_names=["scores"],
            opset_version=OPSET,
            dynamo=False,
        )
    model = onnx.load_model_from_string(buffer.getvalue())
    onnx.helper.set_model_props(model, card.properties())
    unchecked = path.with_name(f"{path.name}.unchecked")
    onnx.save(model, unchecked)
    noise = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
    try:
        _check_equal(served, unchecked, (noise, *samples))
    except JobError:
        unchecked.unlink()
        raise
    unchecked.replace(path)


def _check_equal(served: LabelScores, path: Path, views: tuple[Picture, ...]) -> None:
    classifier = Classifier(path)
    for view in views:
        with torch.no_grad():
            trained = served(torch.from_numpy(view.transpose(2, 0, 1)[None].astype(np.float32) / 255))[
                0
            ].numpy()
        difference = float(np.abs(classifier.scores_of_view(view) - trained).max())
        if not difference <= MAX_DIFFERENCE:  # so written, NaN is refused too
            raise JobError(
                f"{path}: onnxruntime and torch disagree by a score of {difference:.3g}: "
                "the export cannot be trusted"
            )
