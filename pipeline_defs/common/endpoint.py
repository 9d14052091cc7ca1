"""An endpoint as its callers see it: an answer, or a refusal with a status and a reason."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline_defs.common.job import JobError

_LONGEST_REASON = 300


@dataclass(frozen=True)
class Request:
    """What is asked, as InvokeEndpoint takes it."""

    content_type: str
    body: bytes
    attributes: str = ""


@dataclass(frozen=True)
class Reply:
    """What came back: the model's own status where it has one, else SageMaker's; None for no answer."""

    status: int | None
    reason: str
    body: bytes

    @property
    def answered(self) -> bool:
        """Whether it is an answer, and no refusal."""
        return self.status == 200


@dataclass(frozen=True)
class Endpoint:
    """An endpoint, or one of its inference components, and the client to ask it with."""

    name: str
    runtime: Any
    component: str | None = None

    def ask(self, request: Request) -> Reply:
        """Ask once; nothing is raised, since a refusal may be what was asked for."""
        botocore_error, client_error = client_errors()
        try:
            response = self.runtime.invoke_endpoint(**self._parameters(request))
            return Reply(200, "", response["Body"].read())
        except client_error as error:
            return _refusal(error.response)  # type: ignore[attr-defined]
        except (botocore_error, OSError) as error:  # a connection that breaks while the body is read
            return Reply(None, _first_line(str(error)), b"")

    def _parameters(self, request: Request) -> dict[str, Any]:
        optional = {"CustomAttributes": request.attributes, "InferenceComponentName": self.component}
        return {
            "EndpointName": self.name,
            "Body": request.body,
            "ContentType": request.content_type,
            "Accept": "application/json",
            **{name: value for name, value in optional.items() if value},
        }


def component_name(text: str) -> str | None:
    """Read a component's name as a state machine gives it, in JSON: null for none; a bare name is one too."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, str) else None


def runtime_client(role: str | None, session_name: str, *, attempts: int) -> Any:
    """Give the endpoint's client, with the role that the endpoint's account wants; good for an hour."""
    import boto3  # only the evaluation through an endpoint needs it
    from botocore.config import Config

    session = boto3.Session()
    if role:
        try:
            assumed = session.client("sts").assume_role(RoleArn=role, RoleSessionName=session_name)
        except client_errors() as error:
            raise JobError(f"the role {role} cannot be had: {error}") from error
        keys = assumed["Credentials"]
        session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    config = Config(retries={"mode": "standard", "total_max_attempts": attempts}, read_timeout=60)
    return session.client("sagemaker-runtime", config=config)


def client_errors() -> tuple[type[Exception], type[Exception]]:
    """Give what boto3 raises: no answer, and an answer that is an error."""
    from botocore.exceptions import BotoCoreError, ClientError

    return BotoCoreError, ClientError


def _refusal(response: Mapping[str, Any]) -> Reply:
    """Tell a model's own refusal, which SageMaker wraps as a ModelError, from SageMaker's."""
    status = response.get("OriginalStatusCode") or response["ResponseMetadata"].get("HTTPStatusCode")
    message = response.get("OriginalMessage") or response["Error"].get("Message") or ""
    return Reply(status, _first_line(message), b"")


def _first_line(text: str) -> str:
    """Leave out the trace that the serving toolkit puts under the reason."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")[:_LONGEST_REASON]
