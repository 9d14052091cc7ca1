"""One instance of an endpoint: the PyTorch serving container's contract around a model's inference code.

Runs as a program of its own, `python -P serving.py --model-dir … --port-file …`, and imports nothing of this
project, so that the inference code finds what its archive brings and not what happens to lie here.

Source of the contract: github.com/aws/sagemaker-inference-toolkit, `transformer.py`, and
github.com/aws/sagemaker-pytorch-inference-toolkit, `handler_service.py`.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import inspect
import os
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

_UTF8_TYPES = ("application/json", "text/csv")
_ANY = "*/*"
_REQUIRED = ("model_fn", "input_fn", "predict_fn", "output_fn")


@dataclass(frozen=True)
class Answer:
    """What goes back over HTTP."""

    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str]


class RequestContext:
    """What the toolkit gives functions that take a context: the headers, the server's properties."""

    def __init__(self, headers: Mapping[str, str], properties: Mapping[str, Any]) -> None:
        self.system_properties = properties
        self.request_processor = [self]
        self.response_headers: dict[str, str] = {}
        self._headers = dict(headers)

    def get_request_properties(self) -> dict[str, str]:
        """Give the request's headers."""
        return self._headers

    def get_request_header(self, index: int, name: str) -> str | None:
        """Give one header of the request, whatever its case."""
        return next((value for key, value in self._headers.items() if key.lower() == name.lower()), None)

    def set_response_header(self, index: int, name: str, value: str) -> None:
        """Add a header to the answer."""
        self.response_headers[name] = value


class Model:
    """The inference code and the model that it loaded."""

    def __init__(self, module: ModuleType, model_dir: str) -> None:
        self._functions = {name: getattr(module, name, None) for name in (*_REQUIRED, "transform_fn")}
        self._properties = {"model_dir": model_dir, "gpu_id": None, "batch_size": 1}
        missing = [name for name in _REQUIRED if self._functions[name] is None]
        if self._functions["transform_fn"]:
            missing = [name for name in missing if name == "model_fn"]
        if missing:
            raise AttributeError(
                f"{module.__name__} ({module.__file__}) does not define {', '.join(missing)}"
            )
        # One request at a time, as in a worker of the container.
        self._lock = threading.Lock()
        self._model = self._call("model_fn", RequestContext({}, self._properties), model_dir)

    def answer(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Transform one request; the toolkit's own errors choose their status, any other exception is 500."""
        from sagemaker_inference.errors import BaseInferenceToolkitError  # type: ignore[import-not-found]

        context = RequestContext(headers, self._properties)
        try:
            with self._lock:
                return self._transform(body, context)
        except BaseInferenceToolkitError as error:
            return _error(error.status_code, error.message)
        except Exception as error:
            return _error(HTTPStatus.INTERNAL_SERVER_ERROR.value, str(error))

    def _transform(self, body: bytes, context: RequestContext) -> Answer:
        content_type = context.get_request_header(0, "Content-Type")
        accept = context.get_request_header(0, "Accept")
        if not accept or accept == _ANY:
            accept = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "application/json")
        data = body.decode("utf-8") if content_type in _UTF8_TYPES else bytearray(body)
        if self._functions["transform_fn"]:
            result = self._call("transform_fn", context, self._model, data, content_type, accept)
        else:
            request = self._call("input_fn", context, data, content_type)
            prediction = self._call("predict_fn", context, request, self._model)
            result = self._call("output_fn", context, prediction, accept)
        response, response_type = result if isinstance(result, tuple) else (result, accept)
        content = response.encode() if isinstance(response, str) else bytes(response)
        return Answer(HTTPStatus.OK.value, str(response_type), content, context.response_headers)

    def _call(self, name: str, context: RequestContext, *arguments: Any) -> Any:
        function: Callable[..., Any] = self._functions[name]  # type: ignore[assignment]
        takes = len(inspect.signature(function).parameters)
        if takes == len(arguments) + 1:
            return function(*arguments, context)
        if takes != len(arguments):
            raise TypeError(f"{name} takes {takes} arguments, not {len(arguments)} or {len(arguments) + 1}")
        return function(*arguments)


def _error(status: int, message: str) -> Answer:
    """Answer with the exception being handled, its trace in the body, as the toolkit does."""
    trace = traceback.format_exc()
    print(trace, file=sys.stderr, flush=True)
    return Answer(status, "text/plain", f"{message}\n{trace}".encode(), {})


def load_model(model_dir: str, program: str, code_dir: str) -> Model:
    """Import the inference code as the container does, from the folder of code, and load the model."""
    sys.path.insert(0, code_dir)
    name = program.removesuffix(".py")
    if not (Path(code_dir) / program).is_file():
        raise FileNotFoundError(f"SAGEMAKER_PROGRAM {program!r} is not in {code_dir}")
    return Model(importlib.import_module(name), model_dir)


class Server(ThreadingHTTPServer):
    """Listens on the loopback interface, with room for a burst of callers."""

    request_queue_size = 128


def serve(model: Model) -> Server:
    """Bind a server that answers GET /ping and POST /invocations."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body are two writes: the second must not wait until the first was acknowledged.
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            status = HTTPStatus.OK if self.path == "/ping" else HTTPStatus.NOT_FOUND
            self._send(Answer(status.value, "application/json", b"", {}))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            if self.path == "/invocations":
                self._send(model.answer(body, dict(self.headers.items())))
            else:
                self._send(Answer(HTTPStatus.NOT_FOUND.value, "text/plain", b"", {}))

        def _send(self, answer: Answer) -> None:
            self.send_response(answer.status)
            headers = {
                **answer.headers,
                "Content-Type": answer.content_type,
                "Content-Length": str(len(answer.body)),
            }
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: Any) -> None:
            if self.path != "/ping":
                # In one piece with its end: what the model prints goes the same way.
                print(f"{self.command} {self.path} {format % args}\n", end="", file=sys.stderr, flush=True)

    return Server(("127.0.0.1", 0), Handler)


def main() -> None:
    """Load the model, then listen and write the port into the port file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model-dir", required=True)
    parser.add_argument(
        "--container-packages", required=True, help="where sagemaker_inference is, if not installed"
    )
    parser.add_argument("--port-file", type=Path, required=True)
    options = parser.parse_args()
    if importlib.util.find_spec("sagemaker_inference") is None:
        sys.path.append(options.container_packages)
    program = os.environ.get("SAGEMAKER_PROGRAM", "inference.py")
    model = load_model(options.model_dir, program, str(Path(options.model_dir) / "code"))
    server = serve(model)
    temporary = options.port_file.with_suffix(".new")
    temporary.write_text(str(server.server_address[1]))
    temporary.rename(options.port_file)
    server.serve_forever()


if __name__ == "__main__":
    main()
