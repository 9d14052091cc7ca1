"""Who works for longer than a token lasts stays signed in, by asking once for a new one."""

import base64
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from local.cloud.errors import LocalCloudError
from local.cloud.pool_users import PageAnswer, SignInPage, Tokens
from local.demo.signed_in import SignedIn, expires


def token(number: int, exp: int) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": exp, "jti": number}).encode()).rstrip(b"=")
    return f"head.{claims.decode()}.signature"


class Page(SignInPage):
    """Gives tokens that last for half an hour from the moment that `clock` says."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:1", "https://sign-in", "client", "https://page/")
        self.__dict__.update(now=0.0, signed_in=0, renewed=[], status=200)

    def tokens(self, username: str, password: str) -> Tokens:
        assert (username, password) == ("ada", "secret")
        self.__dict__["signed_in"] += 1
        return Tokens(token(0, 1800), "access", "refresh")

    def ask(self, method: str, path: str, form: Mapping[str, str] | None = None) -> PageAnswer:
        assert (method, path) == ("POST", "/oauth2/token")
        seen = self.__dict__
        seen["renewed"].append(form)
        answer = {"id_token": token(len(seen["renewed"]), int(seen["now"]) + 1800)}
        return PageAnswer(seen["status"], {}, json.dumps(answer).encode())


@pytest.fixture
def page() -> Page:
    return Page()


@pytest.fixture
def ada(page: Page) -> SignedIn:
    return SignedIn(page, "ada", "secret", clock=lambda: page.__dict__["now"])


def test_a_person_signs_in_once_however_many_threads_ask(page: Page, ada: SignedIn) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: ada.token(), range(40)))
    assert found == {token(0, 1800)}
    assert page.__dict__["signed_in"] == 1


def test_a_token_is_renewed_a_minute_before_it_ends(page: Page, ada: SignedIn) -> None:
    ada.token()
    page.__dict__["now"] = 1739.0
    assert ada.token() == token(0, 1800)
    page.__dict__["now"] = 1741.0
    assert expires(ada.token()) == 1741 + 1800
    assert page.__dict__["renewed"] == [
        {"grant_type": "refresh_token", "refresh_token": "refresh", "client_id": "client"}
    ]
    assert page.__dict__["signed_in"] == 1


def test_who_was_signed_out_is_told(page: Page, ada: SignedIn) -> None:
    ada.token()
    page.__dict__.update(now=1799.0, status=400)
    with pytest.raises(LocalCloudError, match="ada is signed out: 400"):
        ada.token()
