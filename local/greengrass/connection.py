"""A device's side of its connection to the cloud: signed requests to the gateway."""

import base64
import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from local.greengrass.gateway import signed_text

Document = dict[str, Any]
_TIMEOUT_SECONDS = 30


class Offline(Exception):  # noqa: N818 - the name that callers read
    """The cloud cannot be reached; try again later."""


class Refused(Exception):  # noqa: N818 - the name that callers read
    """The cloud answered with an error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Connection:
    """Requests signed with the private key of the device's certificate."""

    def __init__(self, url: str, *, thing: str, credentials: Path) -> None:
        self._url = url
        self._thing = thing
        self._certificate_id = (credentials / "certificate-id").read_text().strip()
        key = serialization.load_pem_private_key(
            (credentials / "private.pem.key").read_bytes(), password=None
        )
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError(f"{credentials / 'private.pem.key'}: not an RSA key")
        self._key = key

    def ask(self, operation: str, request: Document) -> Document:
        """Call one of the gateway's operations. Raises Offline or Refused."""
        path, body, sent_at = f"/{operation}", json.dumps(request).encode(), f"{time.time():.3f}"
        signature = self._key.sign(signed_text(path, sent_at, body), padding.PKCS1v15(), hashes.SHA256())
        headers = {
            "content-type": "application/json",
            "x-thing": self._thing,
            "x-certificate": self._certificate_id,
            "x-sent-at": sent_at,
            "x-signature": base64.b64encode(signature).decode(),
        }
        http = urllib.request.Request(self._url + path, data=body, headers=headers, method="POST")  # noqa: S310
        try:
            with urllib.request.urlopen(http, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310
                answer: Document = json.load(response)
                return answer
        except urllib.error.HTTPError as error:
            problem = json.loads(error.read() or b"{}")
            raise Refused(problem.get("code", str(error.code)), problem.get("message", "")) from error
        except (OSError, ValueError) as error:
            raise Offline(f"{self._url}: {error}") from error
