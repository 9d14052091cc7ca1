"""Greengrass IPC: the event-stream RPC that awsiotsdk speaks, over a Unix socket.

A component is known by its SVCUID; publishing is held to the accessControl in its configuration.
"""

import asyncio
import base64
import fnmatch
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from local.greengrass.event_stream import BadFrame, Frame, encode, read

Document = dict[str, Any]
Publish = Callable[[str, bytes, int], None]

_APPLICATION, _APPLICATION_ERROR, _PING, _PING_RESPONSE, _CONNECT, _CONNECT_ACK = range(6)
_ACCEPTED, _TERMINATE = 1, 2
_STATES = ("RUNNING", "ERRORED")


class Client(Protocol):
    """A component, as IPC sees it."""

    name: str
    version: str
    configuration: Document

    def connected(self) -> None:
        """Take note that the component uses IPC."""

    def report_state(self, state: str) -> None:
        """Take note of the state that the component says it is in."""

    def update_configuration(self, pointer: list[str], value: Document) -> None:
        """Lay a value over the component's own configuration."""


class Refusal(Exception):  # noqa: N818 - the name that callers read
    """An operation that ends with a modelled error."""

    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.error = error


class IpcServer:
    """Serves the components of one nucleus, in a thread of its own."""

    def __init__(self, path: Path, find: Callable[[str], Client | None], publish: Publish) -> None:
        self.path = path
        self._find = find
        self._publish = publish
        self._subscriptions: list[_Subscription] = []
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ipc", daemon=True)
        self._thread.start()
        self._ready.wait()

    def configuration_changed(self, component: str, keys: list[str]) -> bool:
        """Tell those who subscribed; False if nobody did."""
        event = {"configurationUpdateEvent": {"componentName": component, "keyPath": keys}}
        return self._send_event(("configuration", component), "ConfigurationUpdateEvents", event)

    def close(self) -> None:
        """Stop serving."""
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(5)
        self.path.unlink(missing_ok=True)

    def _run(self) -> None:
        asyncio.run(self._serve_until_stopped())

    async def _serve_until_stopped(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        await asyncio.start_unix_server(self._serve, str(self.path))
        self.path.chmod(0o600)
        self._ready.set()
        await self._stopped.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client: Client | None = None
        try:
            while True:
                frame = await read(reader)
                kind = frame.number(":message-type")
                if kind == _CONNECT:
                    client = self._connect(frame, writer)
                elif kind == _PING:
                    _write(writer, frame, _PING_RESPONSE, 0, payload=frame.payload)
                elif kind == _APPLICATION and client is not None:
                    await self._application_message(frame, client, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, BadFrame):
            pass  # the component ended, or speaks something else: either way it is gone
        finally:
            self._subscriptions = [s for s in self._subscriptions if s.writer is not writer]
            writer.close()

    def _connect(self, frame: Frame, writer: asyncio.StreamWriter) -> Client | None:
        try:
            client = self._find(str(json.loads(frame.payload).get("authToken")))
        except ValueError:
            client = None
        _write(writer, frame, _CONNECT_ACK, _ACCEPTED if client else 0)
        if client:
            client.connected()
        return client

    async def _application_message(self, frame: Frame, client: Client, writer: asyncio.StreamWriter) -> None:
        operation = frame.text("operation").rpartition("#")[2]
        if not operation:  # the end of a stream that the component opened
            stream = frame.number(":stream-id")
            self._subscriptions = [s for s in self._subscriptions if (s.writer, s.stream) != (writer, stream)]
            return
        try:
            request = json.loads(frame.payload or b"{}")
            answer = await self._perform(operation, request, client, frame, writer)
        except Refusal as refusal:
            document = {"message": str(refusal)}
            _write(writer, frame, _APPLICATION_ERROR, _TERMINATE, model=refusal.error, document=document)
            return
        flags = 0 if operation.startswith("Subscribe") else _TERMINATE
        _write(writer, frame, _APPLICATION, flags, model=f"{operation}Response", document=answer)

    async def _perform(
        self, operation: str, request: Document, client: Client, frame: Frame, writer: asyncio.StreamWriter
    ) -> Document:
        stream = frame.number(":stream-id")
        if operation == "GetConfiguration":
            return get_configuration(client, request)
        if operation == "UpdateConfiguration":
            client.update_configuration(request.get("keyPath") or [], request["valueToMerge"])
            return {}
        if operation == "UpdateState":
            return update_state(client, request)
        if operation == "SubscribeToConfigurationUpdate":
            self._subscribe(("configuration", request.get("componentName") or client.name), stream, writer)
            return {}
        if operation == "SubscribeToTopic":
            authorize(client, "pubsub", operation, request["topic"])
            self._subscribe(("topic", request["topic"]), stream, writer)
            return {"topicName": request["topic"]}
        if operation == "PublishToTopic":
            authorize(client, "pubsub", operation, request["topic"])
            self._publish_locally(request)
            return {}
        if operation == "PublishToIoTCore":
            return await self._publish_to_cloud(client, request)
        raise Refusal("ServiceError", f"{operation} is not served by the local nucleus")

    def _subscribe(self, what: tuple[str, str], stream: int, writer: asyncio.StreamWriter) -> None:
        self._subscriptions.append(_Subscription(what, stream, writer))

    def _publish_locally(self, request: Document) -> None:
        self._send_event(
            ("topic", request["topic"]), "SubscriptionResponseMessage", request["publishMessage"]
        )

    async def _publish_to_cloud(self, client: Client, request: Document) -> Document:
        authorize(client, "mqttproxy", "PublishToIoTCore", request["topicName"])
        payload = base64.b64decode(request.get("payload") or "")
        try:
            await asyncio.to_thread(
                self._publish, request["topicName"], payload, int(request.get("qos") or 0)
            )
        except Exception as error:
            raise Refusal("ServiceError", f"not published: {error}") from error
        return {}

    def _send_event(self, what: tuple[str, str], model: str, event: Document) -> bool:
        subscribers = [s for s in self._subscriptions if s.what == what]
        for subscriber in subscribers:
            self._loop.call_soon_threadsafe(subscriber.send, model, event)
        return bool(subscribers)


class _Subscription:
    def __init__(self, what: tuple[str, str], stream: int, writer: asyncio.StreamWriter) -> None:
        self.what = what
        self.stream = stream
        self.writer = writer

    def send(self, model: str, event: Document) -> None:
        frame = Frame({":stream-id": self.stream})
        _write(self.writer, frame, _APPLICATION, 0, model=model, document=event)


def _write(
    writer: asyncio.StreamWriter,
    answered: Frame,
    kind: int,
    flags: int,
    *,
    model: str = "",
    document: Document | None = None,
    payload: bytes = b"",
) -> None:
    headers: dict[str, str | int] = {
        ":message-type": kind,
        ":message-flags": flags,
        ":stream-id": answered.number(":stream-id"),
    }
    if document is not None:
        headers |= {":content-type": "application/json", "service-model-type": f"aws.greengrass#{model}"}
        payload = json.dumps(document).encode()
    writer.write(encode(Frame(headers, payload)))


def get_configuration(client: Client, request: Document) -> Document:
    """Answer GetConfiguration; a value that is no mapping comes under its own key, as from the nucleus."""
    component = request.get("componentName") or client.name
    if component != client.name:
        raise Refusal("ServiceError", f"the configuration of {component}: only one's own is served locally")
    value: Any = client.configuration
    keys = request.get("keyPath") or []
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            raise Refusal("ResourceNotFoundError", f"{client.name}: no configuration at {'/'.join(keys)}")
        value = value[key]
    return {"componentName": client.name, "value": value if isinstance(value, dict) else {keys[-1]: value}}


def update_state(client: Client, request: Document) -> Document:
    """Answer UpdateState."""
    state = request.get("state")
    if state not in _STATES:
        raise Refusal("InvalidArgumentsError", f"state: {state!r} is neither RUNNING nor ERRORED")
    client.report_state(state)
    return {}


def authorize(client: Client, service: str, operation: str, resource: str) -> None:
    """Raise Refusal UnauthorizedError unless the component's accessControl allows it."""
    policies = (client.configuration.get("accessControl") or {}).get(f"aws.greengrass.ipc.{service}") or {}
    for policy in policies.values():
        operations, resources = policy.get("operations") or [], policy.get("resources") or []
        if f"aws.greengrass#{operation}" not in operations and "*" not in operations:
            continue
        if any(fnmatch.fnmatchcase(resource, pattern) for pattern in resources):
            return
    raise Refusal(
        "UnauthorizedError", f"{client.name} is not authorized to perform {operation} on {resource}"
    )
