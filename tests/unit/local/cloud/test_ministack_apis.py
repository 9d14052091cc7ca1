from typing import Any

import pytest

from local.cloud.ministack_apis import is_meant, told

AUTHORIZER = {"identityValidationExpression": "client-1"}
ID = {"token_use": "id", "aud": "client-1", "exp": 1}
ACCESS = {"token_use": "access", "client_id": "client-1", "exp": 1}


@pytest.mark.parametrize(
    ("claims", "method", "meant"),
    [
        (ID, {}, True),
        (ACCESS, {}, False),
        (ID, {"authorizationScopes": ["openid"]}, False),
        (ID | {"aud": "client-10"}, {}, False),
        ({"token_use": "id", "aud": "client-1"}, {}, False),
    ],
)
def test_token_is_for_one_use_and_one_audience(
    claims: dict[str, Any], method: dict[str, Any], meant: bool
) -> None:
    assert is_meant(claims, AUTHORIZER, method) is meant


def test_access_token_is_meant_for_a_method_with_scopes() -> None:
    assert is_meant(ACCESS, {}, {"authorizationScopes": ["openid"]})


def test_claims_are_told_as_a_rest_api_tells_them() -> None:
    assert told("cognito:groups", ["annotators", "approvers"]) == "annotators,approvers"
    assert told("exp", 1795267339) == "Sat Nov 21 13:22:19 UTC 2026"
    assert told("auth_time", 1795267339) == 1795267339
