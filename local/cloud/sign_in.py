"""The sign-in page of a user pool's domain, and its OAuth endpoints.

ministack checks the password, makes the codes and the tokens. Added here: a client is its own pool's only, a
second factor is asked of who has one, and a browser that has signed in is known for an hour.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from local.cloud.service import Request
from local.cloud.sign_in_page import ERROR_PAGE, code_page, shell
from local.cloud.touchpoints import Touchpoint, module

_COGNITO = "ministack.services.cognito"
_HANDLED = ("method", "path", "headers")

TOUCHPOINTS = (
    Touchpoint(_COGNITO, "_pool_domain_map"),
    Touchpoint(_COGNITO, "_authorization_codes"),
    Touchpoint(_COGNITO, "_get_pool_unscoped", ("pool_id",)),
    Touchpoint(_COGNITO, "_page_shell", ("title", "heading", "body_html")),
    Touchpoint(_COGNITO, "_revoke_token", ("data",)),
    Touchpoint(_COGNITO, "_totp_matches", ("secret_b32", "user_code")),
    Touchpoint(
        _COGNITO, "_issue_auth_code_redirect", ("client_id", "pool_id", "redirect_uri", "scope", "username")
    ),
    Touchpoint(_COGNITO, "handle_oauth2_authorize", (*_HANDLED, "query_params")),
    Touchpoint(_COGNITO, "handle_login_submit", (*_HANDLED, "body", "query_params")),
    Touchpoint(_COGNITO, "handle_oauth2_token", (*_HANDLED, "body", "query_params")),
    Touchpoint(_COGNITO, "handle_oauth2_userinfo", (*_HANDLED, "body", "query_params")),
    Touchpoint(_COGNITO, "handle_logout", (*_HANDLED, "query_params")),
)

Answer = tuple[int, Mapping[str, Any], bytes]

_COOKIE, _SESSION_SECONDS = "cognito", 3600
_CODE_SECONDS, _CODE_TRIES = 180, 3
_HTML = {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "X-Frame-Options": "DENY"}
_SHARED = {"Access-Control-Allow-Origin": "*", "Cache-Control": "no-store"}
_PREFLIGHT = {
    **_SHARED,
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "authorization, content-type",
}


@dataclass(frozen=True)
class _Session:
    """A browser in which a user of a pool has signed in."""

    pool_id: str
    username: str
    expires: float


@dataclass
class _Pending:
    """A sign-in whose password was right, until the second factor is."""

    code: str
    entry: dict[str, Any]
    location: str
    secret: str  # of the authenticator
    new: bool  # whether the secret is being set up
    expires: float = field(default_factory=lambda: time.time() + _CODE_SECONDS)
    tries: int = _CODE_TRIES


class SignIn:
    """Answers what a browser asks of `<domain>.auth.<region>.amazoncognito.com`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[str, _Session] = {}
        self._pending: dict[str, _Pending] = {}
        module("services.cognito")._page_shell = shell

    async def answer(self, host: str, request: Request, path: str) -> Answer | None:
        """Return the answer, None where no pool has the domain or the path is not one of it."""
        cognito = module("services.cognito")
        domain = host.partition(".auth.")[0]
        pools = {key[2]: pool for key, pool in cognito._pool_domain_map.all_items()}
        if domain not in pools:
            return None
        pool_id = pools[domain]
        query, form = dict(request.query), _form(request)
        client = _first(query, "client_id") or _first(form, "client_id")
        pool = cognito._get_pool_unscoped(pool_id)
        if client and client not in pool["_clients"]:
            return _error("invalid_client")
        asked = (request.method, path, request.headers)
        match (request.method, path):
            case ("OPTIONS", _):
                return 200, _PREFLIGHT, b""
            case ("GET", "/oauth2/authorize" | "/login"):
                return self._authorize(request, pool_id, query)
            case ("POST", "/login"):
                return self._sign_in(request, pool_id, form)
            case ("POST", "/oauth2/token"):
                return _shared(await cognito.handle_oauth2_token(*asked, request.body, query))
            case ("GET" | "POST", "/oauth2/userInfo"):
                return _shared(cognito.handle_oauth2_userinfo(*asked, request.body, query))
            case ("POST", "/oauth2/revoke"):
                return _shared(_revoke(form))
            case ("GET", "/logout"):
                return self._sign_out(request, cognito.handle_logout(*asked, query))
            case ("GET", "/error"):
                return 400, _HTML, shell("Error", "An error was encountered", ERROR_PAGE).encode()
        return None

    def _authorize(self, request: Request, pool_id: str, query: dict[str, Any]) -> Answer:
        cognito = module("services.cognito")
        # Its path says how ministack takes it; the parameters of both are the same.
        status, headers, body = cognito.handle_oauth2_authorize(
            "GET", "/oauth2/authorize", request.headers, query
        )
        if status == 400 and b"redirect_uri is not allowed" in body:
            client = quote(_first(query, "client_id"))
            return 302, {"Location": f"/error?error=redirect_mismatch&client_id={client}"}, b""
        if status != 200:
            return status, headers, body
        known = self._session(request, pool_id)
        if known is None or _first(query, "prompt") == "login":
            return status, {**headers, **_HTML}, body
        wanted = {name: _first(query, name) for name in ("client_id", "redirect_uri", "scope", "state")}
        challenge = {name: _first(query, name) for name in ("code_challenge", "code_challenge_method")}
        answer: Answer = cognito._issue_auth_code_redirect(
            pool_id=pool_id, username=known.username, nonce=_first(query, "nonce"), **wanted, **challenge
        )
        return answer

    def _sign_in(self, request: Request, pool_id: str, form: dict[str, Any]) -> Answer:
        cognito = module("services.cognito")
        if pending := self._pending.get(_first(form, "totp_token")):
            return self._second_factor(pool_id, pending, form)
        status, headers, body = cognito.handle_login_submit(
            "POST", "/login", request.headers, request.body, {}
        )
        code = _code_of(headers) if status == 302 else ""
        if not code:
            return status, {**headers, **_HTML} if status == 200 else headers, body
        entry = cognito._authorization_codes[code]
        pool = cognito._get_pool_unscoped(pool_id)
        user = pool["_users"][entry["username"]]
        has_one = "SOFTWARE_TOKEN_MFA" in user.get("_mfa_enabled", ())
        if not has_one and pool.get("MfaConfiguration") != "ON":
            return status, self._signed_in(headers, pool_id, entry["username"]), body
        del cognito._authorization_codes[code]
        secret = user["_totp_secret"] if has_one else base64.b32encode(secrets.token_bytes(20)).decode()
        token = secrets.token_urlsafe(24)
        self._pending[token] = _Pending(code, entry, headers["Location"], secret, new=not has_one)
        return 200, _HTML, code_page(token, new=secret if not has_one else "")

    def _second_factor(self, pool_id: str, pending: _Pending, form: dict[str, Any]) -> Answer:
        cognito, token = module("services.cognito"), _first(form, "totp_token")
        right = cognito._totp_matches(pending.secret, _first(form, "totp_code"))
        pending.tries -= 1
        if time.time() > pending.expires or not (right or pending.tries):
            self._pending.pop(token, None)
            return _error("invalid_request")
        if not right:
            new = pending.secret if pending.new else ""
            return 200, _HTML, code_page(token, "This code is not right.", new=new)
        if self._pending.pop(token, None) is None:
            return _error("invalid_request")
        if pending.new:
            user = cognito._get_pool_unscoped(pool_id)["_users"][pending.entry["username"]]
            user |= {"_totp_secret": pending.secret, "_mfa_enabled": ["SOFTWARE_TOKEN_MFA"]}
            user["_preferred_mfa"] = "SOFTWARE_TOKEN_MFA"
        cognito._authorization_codes[pending.code] = pending.entry
        headers = {"Location": pending.location, "Cache-Control": "no-store"}
        return 302, self._signed_in(headers, pool_id, pending.entry["username"]), b""

    def _signed_in(self, headers: Mapping[str, Any], pool_id: str, username: str) -> Mapping[str, Any]:
        token, now = secrets.token_urlsafe(24), time.time()
        with self._lock:
            self._sessions = {key: kept for key, kept in self._sessions.items() if kept.expires > now}
            self._sessions[token] = _Session(pool_id, username, now + _SESSION_SECONDS)
        return {**headers, "Set-Cookie": f"{_COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax"}

    def _session(self, request: Request, pool_id: str) -> _Session | None:
        found = self._sessions.get(_cookie(request))
        if found is None or found.pool_id != pool_id or found.expires < time.time():
            return None
        user = module("services.cognito")._get_pool_unscoped(pool_id)["_users"].get(found.username)
        return found if user and user.get("Enabled", True) else None

    def _sign_out(self, request: Request, answer: Answer) -> Answer:
        status, headers, body = answer
        if status == 302:
            self._sessions.pop(_cookie(request), None)
            headers = {**headers, "Set-Cookie": f"{_COOKIE}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"}
        return status, headers, body


def _revoke(form: dict[str, Any]) -> Answer:
    data = {"Token": _first(form, "token"), "ClientId": _first(form, "client_id")}
    status, headers, body = module("services.cognito")._revoke_token(data)
    return (200, {}, b"") if status == 200 else (status, headers, body)


def _shared(answer: Answer) -> Answer:
    """Let scripts of every origin read an answer, as Cognito does of these endpoints."""
    status, headers, body = answer
    return status, {**headers, **_SHARED}, body


def _error(name: str) -> Answer:
    return 400, {"Content-Type": "application/json"}, json.dumps({"error": name}).encode()


def _form(request: Request) -> dict[str, list[str]]:
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return {}
    return parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True)


def _first(values: Mapping[str, Any], name: str) -> str:
    return str((values.get(name) or [""])[0])


def _code_of(headers: Mapping[str, Any]) -> str:
    return _first(parse_qs(urlsplit(headers.get("Location", "")).query), "code")


def _cookie(request: Request) -> str:
    found = SimpleCookie(request.headers.get("cookie", "")).get(_COOKIE)
    return found.value if found else ""
