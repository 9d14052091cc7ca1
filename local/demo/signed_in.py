"""Somebody of the labeling pool who stays signed in: at its page, as people do, and by the refresh token."""

import base64
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from local.cloud.errors import LocalCloudError
from local.cloud.pool_users import SignInPage, add_user
from local.cloud.server import LocalCloud

_EARLY_SECONDS = 60


class SignedIn:
    """A person with a password; `token` is safe between threads, and asks the page as seldom as it can."""

    def __init__(
        self, page: SignInPage, name: str, password: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.name, self.password = name, password
        self._page, self._clock = page, clock
        self._identity, self._refresh = "", ""
        self._lock = threading.Lock()

    def token(self) -> str:
        """Return an ID token that is good for another minute; LocalCloudError where nobody is let in."""
        with self._lock:
            if not self._identity:
                tokens = self._page.tokens(self.name, self.password)
                self._identity, self._refresh = tokens.identity, tokens.refresh
            elif expires(self._identity) - self._clock() < _EARLY_SECONDS:
                self._identity = self._renewed()
            return self._identity

    def _renewed(self) -> str:
        grant = {"grant_type": "refresh_token", "refresh_token": self._refresh}
        answer = self._page.ask("POST", "/oauth2/token", {**grant, "client_id": self._page.client_id})
        if answer.status != 200:
            raise LocalCloudError(f"{self.name} is signed out: {answer.status} {answer.body[:200].decode()}")
        return str(json.loads(answer.body)["id_token"])


def expires(token: str) -> float:
    """When a token ends, in seconds since 1970; it is not checked here who made it."""
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return float(claims["exp"])


def join(
    cloud: LocalCloud, labeling: Mapping[str, str], people: Mapping[str, Sequence[str]]
) -> dict[str, SignedIn]:
    """Add people to the labeling stack's pool, by name with their groups, as an administrator does.

    `labeling` is the stack's outputs. They sign in by themselves, when they first need a token.
    """
    client: Any = cloud.root_session().client("cognito-idp")
    page = SignInPage(
        cloud.url,
        sign_in=labeling["SignInUrl"],
        client_id=labeling["UserPoolClientId"],
        home=labeling["PageUrl"],
    )
    pool = labeling["UserPoolId"]
    return {name: SignedIn(page, name, add_user(client, pool, name, of)) for name, of in people.items()}
