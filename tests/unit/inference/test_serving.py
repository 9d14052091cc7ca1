import io
import json
import struct
import zlib
from collections.abc import Callable, Mapping
from inspect import signature
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference import serving
from inference.detector import Detection
from inference.endpoint_requests import MAX_BYTES, RequestError
from inference.pictures import Picture


class Headers:
    """The part of the model server's context that carries the request's headers."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers
        self.request_processor = [self]

    def get_request_properties(self) -> Mapping[str, str]:
        return self._headers


def png(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((height, width, 3), 255, dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def bomb() -> bytes:
    """A PNG of some kilobytes that claims to unfold to 900 million pixels."""
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(30_000))), (b"IEND", b"")]
    parts = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def attributes(text: str) -> Headers:
    return Headers({"X-Amzn-SageMaker-Custom-Attributes": text})


def test_a_request_passes_through_all_four_functions(tmp_path: Path, tiny_model: Callable[..., Path]) -> None:
    tiny_model(tmp_path / "model.onnx")
    model = serving.model_fn(str(tmp_path))
    request = serving.input_fn(bytearray(png(128, 64)), "image/png", attributes("min_score=0.05"))
    body, content_type = serving.output_fn(serving.predict_fn(request, model), "*/*")
    answer = json.loads(body)
    assert content_type == "application/json"
    assert (answer["width"], answer["height"]) == (128, 64)
    assert {found["label"] for found in answer["detections"]} == {"bright", "dim"}
    assert all(len(found["box"]) == 4 for found in answer["detections"])


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        (None, 0.25),
        (Headers({}), 0.25),
        (attributes("trace=1"), 0.25),
        (attributes("trace=1, min_score=0.01"), 0.01),
        (Headers({"x-amzn-sagemaker-custom-attributes": "min_score=1"}), 1.0),
    ],
)
def test_the_least_score_comes_from_the_custom_attributes(context: Headers | None, expected: float) -> None:
    assert serving.input_fn(png(8, 8), "image/png", context).min_score == expected


@pytest.mark.parametrize(
    "content_type", [None, "image/png; charset=binary", "IMAGE/PNG", "application/x-image"]
)
def test_accepted_content_types(content_type: str | None) -> None:
    assert serving.input_fn(png(8, 6), content_type, None).picture.shape == (6, 8, 3)


@pytest.mark.parametrize(
    ("body", "content_type", "context", "status", "message"),
    [
        (b"", "image/png", None, 400, "bad picture: the file is empty"),
        (None, "image/png", None, 400, "bad picture: the file is empty"),
        (
            bytes(MAX_BYTES + 1),
            "image/png",
            None,
            413,
            "a picture of 6291457 bytes, more than the",
        ),
        (bytes(MAX_BYTES + 1), "text/csv", None, 415, "text/csv is not one of image/jpeg"),
        (bytes(MAX_BYTES), "image/png", None, 400, "bad picture: not a JPEG"),
        (bomb(), "image/png", None, 400, "bad picture: more pixels than the 64000000"),
        (b"text", "image/jpeg", None, 400, "bad picture: not a JPEG"),
        (png(8, 8)[:40], "image/png", None, 400, "bad picture: "),
        (b"{}", "application/json", None, 415, "application/json is not one of image/jpeg"),
        (png(8, 8), "image/png", attributes("min_score=2"), 400, "min_score=2 is not between 0 and 1"),
        (png(8, 8), "image/png", attributes("min_score=x"), 400, "min_score=x is not between 0 and 1"),
    ],
)
def test_a_bad_request_carries_its_status_and_reason(
    body: bytes | None, content_type: str, context: Headers | None, status: int, message: str
) -> None:
    with pytest.raises(RequestError) as error:
        serving.input_fn(body, content_type, context)
    assert error.value.status_code == status
    assert message in error.value.message
    assert error.value.phrase == error.value.message


def test_the_toolkit_passes_the_context_to_input_fn_alone() -> None:
    """It counts parameters: as many as the data, or one more for the context."""
    counts = {name: len(signature(getattr(serving, name)).parameters) for name in ("model_fn", "input_fn")}
    assert counts == {"model_fn": 1, "input_fn": 3}
    assert len(signature(serving.predict_fn).parameters) == 2
    assert len(signature(serving.output_fn).parameters) == 2


class Finds:
    """A model that finds objects of these scores; what it was asked for is kept."""

    def __init__(self, *scores: float) -> None:
        self._scores, self.asked = scores, 0.0

    def detect(self, picture: Picture, min_score: float) -> list[Detection]:
        self.asked = min_score
        return [Detection("scratch", score, (0, 0, 1, 1)) for score in self._scores if score >= min_score]


@pytest.mark.parametrize(
    ("scores", "min_score", "line", "answered"),
    [
        ((0.9, 0.3), 0.25, "ANSWER 0 0.9000", 2),
        ((), 0.25, "ANSWER 1 -", 0),
        ((0.2, 0.1), 0.01, "ANSWER 1 -", 2),
        ((0.9, 0.1), 0.01, "ANSWER 0 0.9000", 2),
        ((0.4, 0.3), 0.5, "ANSWER 0 0.4000", 0),
        ((0.25,), 1.0, "ANSWER 0 0.2500", 0),
    ],
)
def test_each_answer_is_told_at_the_default_least_score_whatever_the_caller_asked(
    scores: tuple[float, ...], min_score: float, line: str, answered: int, capsys: pytest.CaptureFixture[str]
) -> None:
    request = serving.Request(np.zeros((4, 4, 3), dtype=np.uint8), min_score)
    answer = serving.predict_fn(request, Finds(*scores))
    assert capsys.readouterr().out == line + "\n"
    assert len(answer.detections) == answered


def test_an_answer_for_those_who_label_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    request = serving.input_fn(png(8, 8), "image/png", attributes("uncounted,min_score=0.3"))
    assert (request.counted, request.min_score) == (False, 0.3)
    assert len(serving.predict_fn(request, Finds(0.9)).detections) == 1
    assert capsys.readouterr().out == ""


def test_a_lower_least_score_changes_no_better_detection(
    tmp_path: Path, tiny_model: Callable[..., Path]
) -> None:
    tiny_model(tmp_path / "model.onnx")
    model = serving.model_fn(str(tmp_path))
    picture = serving.input_fn(png(128, 64), "image/png", None).picture
    low = model.detect(picture, min_score=0.01)
    for least in (0.1, 0.25, 0.5, 0.9):
        assert model.detect(picture, min_score=least) == [found for found in low if found.score >= least]
