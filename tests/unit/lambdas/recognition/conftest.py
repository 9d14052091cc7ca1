import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_endpoints import FITS, Context, Endpoints

from lambdas.recognition import recognize, recognizers


@pytest.fixture
def endpoints(monkeypatch: pytest.MonkeyPatch) -> Endpoints:
    endpoints = Endpoints()
    monkeypatch.setattr(recognize, "_runtime", endpoints.patient)
    endpoints.says("e-species", "flowers", 0.9, children=FITS)
    endpoints.says("e-flowers", "daisy", 0.8, label_map_sha256="f1")
    return endpoints


@pytest.fixture
def post(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    document = {
        "species": {
            "model": {"name": "species", "endpoint": "e-species", "min_score": 0.5, "component": None},
            "children": {
                "flowers": {
                    "name": "flowers", "endpoint": "e-flowers", "min_score": 0.6, "component": "c-flowers",
                },
            },
        }
    }  # fmt: skip
    (tmp_path / "recognizers.json").write_text(json.dumps(document))
    monkeypatch.setattr(recognizers, "__file__", str(tmp_path / "recognizers.py"))
    monkeypatch.setenv("RECOGNIZERS", "recognizers.json")

    def post(name: str = "species", seconds: float = 27, **changed: Any) -> dict[str, Any]:
        event = {
            "pathParameters": {"name": name},
            "headers": {"Content-Type": "image/jpeg"},
            "body": base64.b64encode(b"a picture").decode(),
            "isBase64Encoded": True,
            **changed,
        }
        response = recognize.handler(event, Context(seconds))
        return {**response, "body": json.loads(response["body"])}

    return post
