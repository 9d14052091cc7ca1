import io
import json
import re
from inspect import signature
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_classifier import card, expects, write_tiny_classifier

from inference import classification_serving as serving
from inference.endpoint_requests import MAX_BYTES, RequestError


class Context:
    """The part of the model server's context that carries the request's headers."""

    def __init__(self, attributes: str) -> None:
        self.request_processor = [self]
        self._headers = {"X-Amzn-SageMaker-Custom-Attributes": attributes}

    def get_request_properties(self) -> dict[str, str]:
        return self._headers


def jpeg(colour: tuple[int, int, int], size: tuple[int, int] = (60, 40)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "JPEG")
    return buffer.getvalue()


def ask(model_dir: Path, body: bytes, context: Context | None = None) -> dict[str, object]:
    model = serving.model_fn(str(model_dir))
    request = serving.input_fn(bytearray(body), "image/jpeg", context)
    text, content_type = serving.output_fn(serving.predict_fn(request, model), "*/*")
    assert content_type == "application/json"
    answer: dict[str, object] = json.loads(text)
    return answer


def test_a_request_passes_through_all_four_functions(tmp_path: Path) -> None:
    about = card(("roses", "tulips"), children={"roses": expects("rose-species", ("dog rose", "tea rose"))})
    write_tiny_classifier(tmp_path / "model.onnx", about)
    answer = ask(tmp_path, jpeg((255, 0, 0)))
    assert (answer["width"], answer["height"]) == (60, 40)
    assert [found["label"] for found in answer["labels"]] == ["roses", "tulips"]
    assert answer["label_map_sha256"] == about.label_map_sha256
    expected = {"model": "rose-species", "label_map_sha256": about.children["roses"].label_map_sha256}
    assert answer["children"] == {"roses": expected}


@pytest.mark.parametrize(
    ("colour", "min_score", "line"),
    [
        ((255, 0, 0), 0.5, r"ANSWER 0 0\.9\d\d\d"),
        ((255, 0, 0), 0.99, "ANSWER 1 -"),
        ((60, 60, 60), 0.5, "ANSWER 1 -"),
        ((60, 60, 60), 0.3, r"ANSWER 0 0\.3333"),
    ],
)
def test_an_answer_below_the_models_least_score_counts_as_empty(
    colour: tuple[int, int, int],
    min_score: float,
    line: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_tiny_classifier(tmp_path / "model.onnx", card(min_score=min_score))
    answer = ask(tmp_path, jpeg(colour))
    assert len(answer["labels"]) == 3
    assert re.fullmatch(line + "\n", capsys.readouterr().out)


def test_an_uncounted_answer_is_not_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_tiny_classifier(tmp_path / "model.onnx")
    assert ask(tmp_path, jpeg((255, 0, 0)), Context("trace=1, uncounted"))["labels"]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("body", "content_type", "status", "message"),
    [
        (None, "image/png", 400, "the file is empty"),
        (b"text", "image/jpeg", 400, "bad picture: not a JPEG"),
        (bytes(MAX_BYTES + 1), "image/png", 413, "more than the 6291456 that are taken"),
        (jpeg((1, 2, 3)), "application/json", 415, "application/json is not one of image/jpeg"),
    ],
)
def test_a_bad_request_is_refused_as_the_detectors_is(
    body: bytes | None, content_type: str, status: int, message: str
) -> None:
    with pytest.raises(RequestError) as error:
        serving.input_fn(body, content_type, None)
    assert error.value.status_code == status
    assert message in error.value.message


def test_the_toolkit_passes_the_context_to_input_fn_alone() -> None:
    """It counts parameters: as many as the data, or one more for the context."""
    names = {"model_fn": 1, "input_fn": 3, "predict_fn": 2, "output_fn": 2}
    assert {name: len(signature(getattr(serving, name)).parameters) for name in names} == names


def test_a_strip_that_would_be_huge_when_scaled_is_answered(tmp_path: Path) -> None:
    write_tiny_classifier(tmp_path / "model.onnx")
    buffer = io.BytesIO()
    Image.fromarray(np.full((1, 60_000, 3), 200, dtype=np.uint8)).save(buffer, "PNG")
    assert ask(tmp_path, buffer.getvalue())["width"] == 60_000
