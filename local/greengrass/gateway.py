"""The end of the cloud that devices speak to: what MQTT, jobs and the data plane are on AWS, as signed HTTP.

A request names its thing and certificate and is signed with the certificate's private key: the proof that
mutual TLS would give.
"""

import base64
import hashlib
import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from botocore.exceptions import ClientError

from local.cloud.errors import AwsError
from local.greengrass.fleet import CoreDevice, Deployment, Fleet
from local.greengrass.identity import Assume, Clients, Identity, Registry, exchange
from local.greengrass.resolution import NoAvailableVersion, resolve
from local.greengrass.versions import BadVersion

Document = dict[str, Any]


class Operations:
    """What a device may ask; each method takes who asks and the request's JSON."""

    def __init__(self, fleet: Fleet, clients: Clients, assume: Assume) -> None:
        self._fleet = fleet
        self._clients = clients
        self._assume = assume

    def poll(self, identity: Identity, request: Document) -> Document:
        """Say that a device is there and how it is; the answer is its next deployment, if there is one."""
        identity.require("iot:Connect", identity.arn(f"client/{identity.thing}"))
        described = CoreDevice(
            identity.thing, request["platform"], request["architecture"], request["nucleusVersion"]
        )
        targets = [*identity.groups, identity.thing_arn]
        device = self._fleet.connected(described, targets)
        device.status, device.installed = request["status"], request["installed"]
        deployment = self._fleet.next_deployment(device)
        if deployment is None:
            return {"deployment": None}
        identity.require("greengrass:GetDeploymentConfiguration", "*")
        return {"deployment": _to_device(deployment), "targets": targets}

    def resolve(self, identity: Identity, request: Document) -> Document:
        """Return the recipes of the components that the device's roots need, dependencies first."""
        identity.require("greengrass:ResolveComponentCandidates", "*")
        try:
            recipes = resolve(request["roots"], self._fleet.recipes())
        except (NoAvailableVersion, BadVersion) as error:
            raise AwsError("NoAvailableComponentVersion", str(error), 409) from error
        return {"recipes": [recipe.document for recipe in recipes]}

    def report(self, identity: Identity, request: Document) -> Document:
        """Take note of how a deployment goes."""
        device = self._fleet.devices.get(identity.thing)
        if device is None:
            raise AwsError("ResourceNotFoundException", f"{identity.thing} has not connected", 404)
        device.installed = request["installed"]
        self._fleet.report(device, request["deploymentId"], request["status"], request.get("details", {}))
        return {}

    def credentials(self, identity: Identity, request: Document) -> Document:
        """Exchange the certificate for the role alias's credentials."""
        return dict(exchange(identity, request["roleAlias"], self._clients, self._assume))

    def publish(self, identity: Identity, request: Document) -> Document:
        """Publish a component's message to IoT Core."""
        topic = request["topic"]
        identity.require("iot:Publish", identity.arn(f"topic/{topic}"))
        payload = base64.b64decode(request["payload"])
        self._clients.client("iot-data").publish(topic=topic, qos=int(request["qos"]), payload=payload)
        return {}


def _to_device(deployment: Deployment) -> Document:
    return {
        "deploymentId": deployment.id,
        "targetArn": deployment.target_arn,
        "toThing": deployment.to_thing,
        "components": deployment.components,
        "policies": deployment.policies,
    }


def signed_text(path: str, sent_at: str, body: bytes) -> bytes:
    """Return what a device signs of a request."""
    return f"{path}\n{sent_at}\n{hashlib.sha256(body).hexdigest()}".encode()


class Gateway:
    """Serves the operations on a free port of this machine until closed."""

    def __init__(self, registry: Registry, operations: Operations) -> None:
        class Handler(_Handler):
            pass

        Handler.registry, Handler.operations = registry, operations
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="greengrass-gateway", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Where devices reach it."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    registry: Registry
    operations: Operations
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            status, answer = 200, self._perform(body)
        except AwsError as error:
            status, answer = error.status, {"code": error.code, "message": error.message}
        except ClientError as error:
            status, answer = 502, {"code": error.response["Error"]["Code"], "message": str(error)}
        except Exception as error:  # a fault of the gateway must reach the device as an answer
            status, answer = 500, {"code": "InternalFailure", "message": repr(error)}
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _perform(self, body: bytes) -> Mapping[str, Any]:
        operation = getattr(self.operations, self.path.strip("/"), None)
        if operation is None or self.path.startswith("/_"):
            raise AwsError("UnsupportedOperation", f"{self.path} is not served to devices", 404)
        sent_at = self.headers.get("x-sent-at", "0")
        identity = self.registry.verify(
            self.headers.get("x-thing", ""),
            self.headers.get("x-certificate", ""),
            base64.b64decode(self.headers.get("x-signature", "")),
            signed_text(self.path, sent_at, body),
            float(sent_at),
        )
        answer: Mapping[str, Any] = operation(identity, json.loads(body or b"{}"))
        return answer

    def log_message(self, format: str, *args: object) -> None:
        """Devices poll: a line for each would bury everything else."""
