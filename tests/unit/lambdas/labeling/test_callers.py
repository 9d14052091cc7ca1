import pytest

from lambdas.common.proxied import Refused
from lambdas.labeling.callers import Caller, caller_of, require


def event(**claims: str) -> dict[str, object]:
    return {"requestContext": {"authorizer": {"claims": claims}}}


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ("annotators", {"annotators"}),
        ("annotators,supervisors", {"annotators", "supervisors"}),
        ("", set()),
    ],
)
def test_a_caller_is_who_the_id_token_names(groups: str, expected: set[str]) -> None:
    claims = {"cognito:username": "ann", "cognito:groups": groups}
    assert caller_of(event(**claims)) == Caller("ann", frozenset(expected))


def test_somebody_in_no_group_has_no_claim_of_groups() -> None:
    assert caller_of(event(**{"cognito:username": "ann"})).groups == frozenset()


@pytest.mark.parametrize(
    "context",
    [{}, {"authorizer": None}, {"authorizer": {}}, {"authorizer": {"claims": {"username": "ann"}}}],
    ids=["no authorizer", "null", "no claims", "an access token"],
)
def test_who_has_not_signed_in_is_told_to(context: dict[str, object]) -> None:
    with pytest.raises(Refused, match="sign in") as refused:
        caller_of({"requestContext": context})
    assert refused.value.status == 401


def test_a_group_is_required() -> None:
    ann = Caller("ann", frozenset({"annotators"}))
    require(ann, "annotators")
    require(ann, "supervisors", "annotators")
    with pytest.raises(Refused, match="for supervisors, and ann is not") as refused:
        require(ann, "supervisors")
    assert refused.value.status == 403
