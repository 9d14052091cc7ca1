"""Users of a user pool who are simulated: they sign in at its page as people do, without a browser."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import re
import secrets
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from local.cloud.addresses import reached, served_at
from local.cloud.errors import LocalCloudError

_TIMEOUT = 30  # seconds
_STEP_SECONDS = 30
_KEY = re.compile(r'<code id="totp_secret">([A-Z2-7]+)</code>')
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Tokens:
    """What a sign-in gives; the ID token goes to the API as `Authorization: Bearer`."""

    identity: str
    access: str
    refresh: str


@dataclass(frozen=True)
class PageAnswer:
    """What a page answers; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class SignInPage:
    """A user pool's sign-in page, as an app client uses it; `sign_in` and `home` are AWS's addresses.

    Who is asked to set up an authenticator does so; `keys` are the authenticators of all, by name.
    """

    cloud_url: str
    sign_in: str  # https://<domain>.auth.<region>.amazoncognito.com
    client_id: str
    home: str  # the address that the page comes back to, one of the client's CallbackURLs
    keys: dict[str, str] = field(default_factory=dict)

    def tokens(self, username: str, password: str) -> Tokens:
        """Sign in with authorization code and PKCE; LocalCloudError where the page does not let in."""
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
        home = served_at(self.cloud_url, self.home)
        query = {
            "client_id": self.client_id, "redirect_uri": home, "response_type": "code", "scope": "openid",
            "state": "state", "code_challenge": challenge.decode(), "code_challenge_method": "S256",
        }  # fmt: skip
        page = self.ask("GET", f"/oauth2/authorize?{urlencode(query)}")
        form = {**_fields(page.body), "username": username, "password": password}
        answer = self._with_code(username, self.ask("POST", "/login", form))
        location = urlsplit(answer.headers.get("location", ""))
        code = parse_qs(location.query).get("code", [""])[0]
        if not code:
            raise LocalCloudError(f"{username} is not signed in at {self.sign_in}: wrong name or password?")
        grant = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier}
        answer = self.ask(
            "POST", "/oauth2/token", {**grant, "client_id": self.client_id, "redirect_uri": home}
        )
        found = json.loads(answer.body)
        if answer.status != 200:
            raise LocalCloudError(f"{self.sign_in}/oauth2/token: {answer.status} {found}")
        return Tokens(found["id_token"], found["access_token"], found["refresh_token"])

    def _with_code(self, username: str, answer: PageAnswer) -> PageAnswer:
        """Give the code of the person's authenticator, where the page asks for one."""
        form = _fields(answer.body)
        if "totp_token" not in form:
            return answer
        if shown := _KEY.search(answer.body.decode()):
            self.keys[username] = shown[1]
        return self.ask("POST", "/login", {**form, "totp_code": totp(self.keys.get(username, ""))})

    def ask(self, method: str, path: str, form: Mapping[str, str] | None = None) -> PageAnswer:
        """Ask the page for something, without following where it leads."""
        headers = _FORM if form is not None else {}
        body = urlencode(form).encode() if form is not None else None
        return ask(served_at(self.cloud_url, self.sign_in + path), method=method, headers=headers, body=body)


def ask(
    address: str, *, method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> PageAnswer:
    """Ask for a local address as a browser does, which knows names under `.localhost`."""
    url, host = reached(address)
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=_TIMEOUT)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body=body, headers={**(headers or {}), **host})
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return PageAnswer(response.status, found, response.read())
    finally:
        connection.close()


def totp(key: str) -> str:
    """Return the code that an authenticator with this key shows now (RFC 6238)."""
    count = struct.pack(">Q", int(time.time() // _STEP_SECONDS))
    digest = hmac.new(base64.b32decode(key), count, hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 10**6:06d}"


def add_user(client: Any, pool_id: str, name: str, groups: Sequence[str]) -> str:
    """Make a user of a pool by an administrator's `cognito-idp` client; return the password, which stays."""
    password = f"Aa1-{secrets.token_urlsafe(18)}"
    client.admin_create_user(UserPoolId=pool_id, Username=name, MessageAction="SUPPRESS")
    client.admin_set_user_password(UserPoolId=pool_id, Username=name, Password=password, Permanent=True)
    for group in groups:
        client.admin_add_user_to_group(UserPoolId=pool_id, Username=name, GroupName=group)
    return password


class _Inputs(HTMLParser):
    """Collects the fields of a form."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of an input."""
        known = dict(attrs)
        if tag == "input" and known.get("name"):
            self.found[str(known["name"])] = known.get("value") or ""


def _fields(page: bytes) -> dict[str, str]:
    inputs = _Inputs()
    inputs.feed(page.decode())
    return inputs.found
