"""An application that asks what pictures show: every request is signed as AWS wants it."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

_SECONDS = 40  # API Gateway itself gives up after 29


@dataclass(frozen=True)
class Reply:
    """What the API answered; `document` is its JSON."""

    status: int
    document: dict[str, Any]
    headers: Mapping[str, str]


class Application:
    """Asks the recognition API at `url` (output RecognizeUrl, or where that is served) as a session."""

    def __init__(self, session: boto3.Session, url: str) -> None:
        self._url = url.rstrip("/")
        credentials = session.get_credentials()
        if credentials is None:
            raise ValueError("a session without credentials signs nothing")
        self._signer = SigV4Auth(credentials, "execute-api", session.region_name)

    def recognize(self, name: str, picture: bytes, content_type: str = "image/jpeg") -> Reply:
        """Ask the model of this name; a refusal is a reply too."""
        request = AWSRequest(
            "POST", f"{self._url}/{name}", data=picture, headers={"Content-Type": content_type}
        )
        self._signer.add_auth(request)
        prepared = request.prepare()
        raw = urllib.request.Request(  # noqa: S310 - the address is that of the deployment's output
            prepared.url, data=picture, method="POST", headers=dict(prepared.headers)
        )
        try:
            with urllib.request.urlopen(raw, timeout=_SECONDS) as answer:  # noqa: S310
                return Reply(answer.status, json.load(answer), dict(answer.headers))
        except urllib.error.HTTPError as error:
            return Reply(error.code, _document(error.read()), dict(error.headers))


def _document(body: bytes) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(body)
    except ValueError:
        return {"message": body.decode(errors="replace")}
    return document
