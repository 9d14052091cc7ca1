"""What ministack's user pools leave out, and what of them would be pretended."""

from __future__ import annotations

import functools
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.cloud.touchpoints import Touchpoint, module

_COGNITO = "ministack.services.cognito"

TOUCHPOINTS = (
    Touchpoint(_COGNITO, "_password_auth_result", ("pool", "pid", "cid", "user", "username")),
    Touchpoint(_COGNITO, "_respond_to_auth_challenge", ("data",)),
    Touchpoint(_COGNITO, "_admin_respond_to_auth_challenge", ("data",)),
    Touchpoint(_COGNITO, "_refresh_auth_user", ("pool", "pid", "cid", "refresh_token")),
    Touchpoint(_COGNITO, "_refresh_tokens"),
    Touchpoint(_COGNITO, "_pin_unsigned_idp_scope", ("data",)),
    Touchpoint(_COGNITO, "_find_pool_by_client_id", ("client_id",)),
    Touchpoint(_COGNITO, "_pool_for_client", ("cid",)),
    Touchpoint(_COGNITO, "_get_pool_unscoped", ("pool_id",)),
    Touchpoint(_COGNITO, "_pool_id_from_token", ("token",)),
    Touchpoint(_COGNITO, "_resolve_user", ("pool", "username")),
    Touchpoint(_COGNITO, "_token_claims", ("token",)),
    Touchpoint(_COGNITO, "_validate_password", ("pool", "password")),
    Touchpoint(_COGNITO, "_sign_up", ("data",)),
    Touchpoint(_COGNITO, "_admin_create_user", ("data",)),
    Touchpoint(_COGNITO, "_user_pools"),
    Touchpoint(_COGNITO, "error_response_json", ("code", "message", "status")),
)

# Nothing of this cloud sends messages, speaks to other identity providers or draws other pages.
PRETENDED = frozenset(
    f"cognito-idp:{action}"
    for action in (
        "AdminLinkProviderForUser", "AdminResetUserPassword", "CreateIdentityProvider", "ForgotPassword",
        "ResendConfirmationCode", "SetUICustomization", "UpdateIdentityProvider",
    )
)  # fmt: skip
_CHALLENGE_SECONDS = 180  # AWS's default
_AT_THE_PAGE = "the local cloud has it set up at the sign-in page only"
_CHALLENGES = ("NEW_PASSWORD_REQUIRED", "SOFTWARE_TOKEN_MFA", "MFA_SETUP")


@dataclass(frozen=True)
class _Challenge:
    """What a user has been asked after the password."""

    name: str
    client_id: str
    username: str
    expires: float


class _Forgetful(dict[str, Any]):
    """Keeps nothing: a refresh token is then judged by its signature, its expiry and its user."""

    def __setitem__(self, key: str, value: Any) -> None:
        """Keep nothing."""


def mend() -> None:
    """Hold sign-ins to what AWS holds them to, and refuse what would be pretended."""
    _know_challenges()
    _let_refresh_tokens_expire()
    _find_pools_of_all_accounts()
    _refuse_signing_up()
    _know_names_in_any_case()
    _refuse_unsent_passwords()


def _know_challenges() -> None:
    """Take the answer to a challenge from the session that was asked, once: ministack takes any."""
    cognito, lock = module("services.cognito"), threading.Lock()
    open_challenges: dict[str, _Challenge] = {}
    ask, refuse = cognito._password_auth_result, cognito.error_response_json

    @functools.wraps(ask)
    def asked(pool: Any, pid: str, cid: str, user: Mapping[str, Any], *rest: Any, **more: Any) -> Any:
        answer = ask(pool, pid, cid, user, *rest, **more)
        document = json.loads(answer[2])
        if "AuthenticationResult" in document and _lacks_a_factor(pool, user):
            return refuse("UnsupportedOperation", f"MFA_SETUP: {_AT_THE_PAGE}", 501)
        if "Session" in document:
            expires = time.time() + _CHALLENGE_SECONDS
            with lock:
                open_challenges[document["Session"]] = _Challenge(
                    document["ChallengeName"], cid, user["Username"], expires
                )
        return answer

    def checked(respond: Any, data: Mapping[str, Any]) -> Any:
        if data.get("ChallengeName") not in _CHALLENGES:
            return respond(data)
        pool, _ = cognito._pool_for_client(data.get("ClientId"))
        user = pool and cognito._resolve_user(pool, data.get("ChallengeResponses", {}).get("USERNAME"))[0]
        with lock:
            challenge = open_challenges.get(str(data.get("Session")))
        if challenge is None or not user or not _is_answer(challenge, data, user):
            return refuse("NotAuthorizedException", "Invalid session for the user.", 400)
        if challenge.name == "NEW_PASSWORD_REQUIRED":
            chosen = data["ChallengeResponses"].get("NEW_PASSWORD", "")
            if problem := cognito._validate_password(pool, chosen):
                return problem
            if _lacks_a_factor(pool, user):
                return refuse("UnsupportedOperation", f"MFA_SETUP: {_AT_THE_PAGE}", 501)
        answer = respond(data)
        if answer[0] == 200:
            with lock:
                open_challenges.pop(str(data["Session"]), None)
        return answer

    cognito._password_auth_result = asked
    for name in ("_respond_to_auth_challenge", "_admin_respond_to_auth_challenge"):
        setattr(cognito, name, functools.partial(checked, getattr(cognito, name)))


def _lacks_a_factor(pool: Mapping[str, Any], user: Mapping[str, Any]) -> bool:
    """Tell whether AWS would now lead the user through setting up a second factor."""
    has_one = "SOFTWARE_TOKEN_MFA" in user.get("_mfa_enabled", ())
    return pool.get("MfaConfiguration") == "ON" and not has_one


def _is_answer(challenge: _Challenge, data: Mapping[str, Any], user: Mapping[str, Any]) -> bool:
    asked = (challenge.name, challenge.client_id, challenge.username)
    answered = (data["ChallengeName"], data["ClientId"], user["Username"])
    return asked == answered and time.time() < challenge.expires


def _let_refresh_tokens_expire() -> None:
    """Refuse a refresh token after its time, and take one of the sign-in page like any other.

    ministack's own register of those forgets the groups of the user in the new ID token.
    """
    cognito = module("services.cognito")
    cognito._refresh_tokens = _Forgetful()
    original = cognito._refresh_auth_user

    @functools.wraps(original)
    def refresh(pool: Any, pid: str, cid: str, refresh_token: str) -> Any:
        if float(cognito._token_claims(refresh_token).get("exp") or time.time() + 1) <= time.time():
            return None, cognito.error_response_json(
                "NotAuthorizedException", "Refresh Token has expired", 400
            )
        return original(pool, pid, cid, refresh_token)

    cognito._refresh_auth_user = refresh


def _find_pools_of_all_accounts() -> None:
    """Serve a request that nobody signed in the account of the pool that it is about."""
    cognito = module("services.cognito")
    original = cognito._pin_unsigned_idp_scope

    @functools.wraps(original)
    def pin(data: Mapping[str, Any]) -> None:
        original(data)
        if client := data.get("ClientId"):
            cognito._find_pool_by_client_id(client)
            return
        for member in ("AccessToken", "RefreshToken", "Token"):
            if pool_id := cognito._pool_id_from_token(data.get(member, "")):
                cognito._get_pool_unscoped(pool_id)
                return

    cognito._pin_unsigned_idp_scope = pin


def _refuse_signing_up() -> None:
    """Let nobody sign up where administrators make the users; elsewhere no message would be sent."""
    cognito = module("services.cognito")

    def sign_up(data: Mapping[str, Any]) -> Any:
        pool, _ = cognito._pool_for_client(data.get("ClientId"))
        settings = (pool or {}).get("AdminCreateUserConfig") or {}
        if settings.get("AllowAdminCreateUserOnly"):
            return cognito.error_response_json(
                "NotAuthorizedException", "SignUp is not permitted for this user pool", 400
            )
        return cognito.error_response_json(
            "UnsupportedOperation", "SignUp is not served by the local cloud: no message would be sent", 501
        )

    cognito._sign_up = sign_up


def _know_names_in_any_case() -> None:
    """Find a user however the name is written, in a pool that does not tell cases apart."""
    cognito = module("services.cognito")
    original = cognito._resolve_user

    @functools.wraps(original)
    def resolve(pool: Mapping[str, Any], username: str) -> Any:
        return original(pool, _as_made(pool, username))

    cognito._resolve_user = resolve


def _as_made(pool: Mapping[str, Any], username: str) -> str:
    """Return the name of a pool's user as it was made."""
    settings = pool.get("UsernameConfiguration") or {}
    if username in pool["_users"] or str(settings.get("CaseSensitive", True)).lower() != "false":
        return username
    wanted = str(username).casefold()
    return next((name for name in pool["_users"] if name.casefold() == wanted), username)


def _refuse_unsent_passwords() -> None:
    """Make no user whose password nobody would ever learn."""
    cognito = module("services.cognito")
    original = cognito._admin_create_user

    @functools.wraps(original)
    def create(data: Mapping[str, Any]) -> Any:
        pool = cognito._user_pools.get(data.get("UserPoolId"))
        if pool and data.get("Username"):
            data = {**data, "Username": _as_made(pool, data["Username"])}
        if "TemporaryPassword" in data or data.get("MessageAction") == "SUPPRESS":
            return original(data)
        return cognito.error_response_json(
            "UnsupportedOperation",
            "AdminCreateUser: the local cloud sends no message: give a TemporaryPassword, "
            "or MessageAction SUPPRESS and then AdminSetUserPassword", 501,
        )  # fmt: skip

    cognito._admin_create_user = create
