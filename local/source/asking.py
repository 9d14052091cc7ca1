"""Requests to the receiver of a serving cloud, signed as calls to CodeCommit."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Keys

from local.cloud.call import Credentials

GONE = "the local cloud is not running. Start it and push in one: python -m local push"


class Refused(Exception):  # noqa: N818 - it is an answer, not a defect
    """The receiver did not do it; the message says why in one line."""


def ask(address: dict[str, Any], keys: Credentials, what: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Ask the receiver at `address` for `what`; Refused when it says no, or nothing."""
    request = AWSRequest("POST", f"{address['url']}/{what}", data=json.dumps(asked).encode())
    signer = SigV4Auth(
        Keys(keys.access_key, keys.secret_key, keys.session_token or None), "codecommit", address["region"]
    )
    signer.add_auth(request)
    prepared = urllib.request.Request(  # noqa: S310 - the address of the cloud on this machine
        f"{address['url']}/{what}", request.data, dict(request.headers.items()), method="POST"
    )
    try:
        with urllib.request.urlopen(prepared, timeout=60) as answer:  # noqa: S310 - as above
            found: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError as error:
        raise Refused(json.loads(error.read())["error"]) from None
    except OSError:
        raise Refused(GONE) from None
    return found
