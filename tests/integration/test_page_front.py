"""A page behind sign-in, asked over plain HTTP as a browser asks: distribution, sign-in, API, pictures."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import page_stack
import pytest
import sample_stack
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from waiting import eventually

from config import Edgeline
from local.cloud.addresses import served_at
from local.cloud.deploy import DeploymentError, deploy
from local.cloud.errors import LocalCloudError
from local.cloud.pool_users import PageAnswer, SignInPage, Tokens, add_user, ask, totp
from local.cloud.server import LocalCloud
from local.delivery import page, serving
from local.delivery.errors import DeliveryError
from local.delivery.serving import Serving
from local.demo.progress import Terminal

ROOT = Path(__file__).parents[2]
JSON = {"content-type": "application/json"}


@dataclass(frozen=True)
class Front:
    """The deployed sample, and what tests do with it."""

    cloud: LocalCloud
    outputs: dict[str, str]
    home: str  # the page's address on this machine
    password: str

    @property
    def page(self) -> SignInPage:
        return self.page_of(self.outputs["UserPoolClientId"])

    def page_of(self, client: str) -> SignInPage:
        return SignInPage(self.cloud.url, self.outputs["SignInUrl"], client, self.outputs["PageUrl"])

    def client(self, service: str) -> Any:
        return self.cloud.root_session().client(service)

    def tokens(self) -> Tokens:
        return self.page.tokens("ada", self.password)

    def echo(self, token: str, body: bytes = b"{}") -> PageAnswer:
        headers = {**JSON, "Authorization": f"Bearer {token}"}
        return ask(f"{self.home}api/echo", method="POST", headers=headers, body=body)


@pytest.fixture(scope="module")
def front(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Front:
    return deployed(cloud, page_stack.write_assembly(tmp_path_factory.mktemp("assembly")))


def deployed(cloud: LocalCloud, assembly: Path) -> Front:
    outputs = deploy(assembly, cloud)[page_stack.STACK]
    s3 = cloud.root_session().client("s3")
    settings = json.dumps({"sign_in": outputs["SignInUrl"]}).encode()
    s3.put_object(Bucket=outputs["Site"], Key="index.html", Body=b"<h1>Page</h1>", ContentType="text/html")
    s3.put_object(Bucket=outputs["Site"], Key="settings.json", Body=settings, ContentType="application/json")
    s3.put_object(Bucket=outputs["Pictures"], Key="picture", Body=b"pixels", ContentType="image/png")
    pools = cloud.root_session().client("cognito-idp")
    password = add_user(pools, outputs["UserPoolId"], "ada", ["annotators", "supervisors"])
    return Front(cloud, outputs, served_at(cloud.url, outputs["PageUrl"]), password)


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return claims


def test_page_is_served_with_its_headers_and_with_addresses_of_this_machine(front: Front) -> None:
    answer = ask(front.home)
    assert (answer.status, answer.body) == (200, b"<h1>Page</h1>")
    assert answer.headers["x-content-type-options"] == "nosniff"
    agent = served_at(front.cloud.url, front.outputs["SignInUrl"])
    assert f"connect-src 'self' {bucket_host(front)} {agent}" in answer.headers["content-security-policy"]
    assert json.loads(ask(f"{front.home}settings.json").body) == {"sign_in": agent}


def bucket_host(front: Front) -> str:
    host = f"https://{front.outputs['Pictures']}.s3.{front.cloud.region}.amazonaws.com"
    return served_at(front.cloud.url, host)


def test_page_of_another_account_is_served_beside_it(
    front: Front, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = front.cloud.accounts["444444444444"]
    folder = tmp_path_factory.mktemp("other")
    theirs = deployed(other, page_stack.write_assembly(folder, account=other.account, domain="their-page"))
    assert ask(theirs.home).status == 200
    assert json.loads(theirs.echo(theirs.tokens().identity).body)["claims"]["cognito:username"] == "ada"
    assert theirs.echo(front.tokens().identity).status == 401
    anyone = front.client("cognito-idp")
    given = {"REFRESH_TOKEN": theirs.tokens().refresh}
    client = theirs.outputs["UserPoolClientId"]
    renewed = anyone.initiate_auth(ClientId=client, AuthFlow="REFRESH_TOKEN_AUTH", AuthParameters=given)
    assert theirs.echo(renewed["AuthenticationResult"]["IdToken"]).status == 200
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        anyone.admin_get_user(UserPoolId=theirs.outputs["UserPoolId"], Username="ada")


def test_page_takes_no_method_that_its_distribution_does_not_allow(front: Front) -> None:
    assert ask(front.home, method="POST", body=b"x").status == 403


def test_what_is_not_there_is_denied_as_by_a_bucket_that_may_not_be_listed(front: Front) -> None:
    assert ask(f"{front.home}nothing.js").status == 403
    unknown = served_at(front.cloud.url, "https://d0unknown.cloudfront.net/")
    assert ask(unknown).status == 404


def test_distribution_reads_only_what_the_bucket_lets_it(front: Front) -> None:
    s3, bucket = front.client("s3"), front.outputs["Site"]
    policy = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    only_tls = [s for s in json.loads(policy)["Statement"] if s["Effect"] == "Deny"]
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": only_tls}))
    try:
        assert ask(front.home).status == 403
    finally:
        s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    s3.put_bucket_policy(Bucket=bucket, Policy=policy.replace(front.outputs["Page"], "EANOTHERONE"))
    try:
        assert ask(front.home).status == 403
    finally:
        s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    assert ask(front.home).status == 200


def test_distribution_reads_only_what_the_key_lets_it(front: Front) -> None:
    kms, key = front.client("kms"), front.outputs["Key"]
    policy = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    document = json.loads(policy)
    document["Statement"] = [s for s in document["Statement"] if "Service" not in s["Principal"]]
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(document))
    try:
        assert ask(front.home).status == 403
    finally:
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=policy)
    assert ask(front.home).status == 200


def test_person_signs_in_and_calls_the_api_and_fetches_a_picture(front: Front) -> None:
    answer = front.echo(front.tokens().identity)
    assert answer.status == 200
    told = json.loads(answer.body)
    assert told["claims"]["cognito:username"] == "ada"
    assert told["claims"]["cognito:groups"].split(",") == ["annotators", "supervisors"]
    assert told["picture"].startswith(bucket_host(front))
    picture = ask(told["picture"], headers={"Origin": front.home.rstrip("/")})
    assert (picture.status, picture.body) == (200, b"pixels")
    assert picture.headers["access-control-allow-origin"] == front.home.rstrip("/")


def test_script_of_another_origin_may_not_read_pictures(front: Front) -> None:
    told = json.loads(front.echo(front.tokens().identity).body)
    picture = ask(told["picture"], headers={"Origin": "https://elsewhere.example"})
    assert "access-control-allow-origin" not in picture.headers


def test_tampered_picture_address_is_refused(front: Front) -> None:
    told = json.loads(front.echo(front.tokens().identity).body)
    assert ask(told["picture"].replace("/picture?", "/other?")).status == 403
    assert ask(told["picture"].partition("?")[0]).status == 403


def test_address_of_a_picture_is_good_for_its_time(front: Front) -> None:
    bucket = front.outputs["Pictures"]
    document = {
        "Version": "2012-10-17",
        "Statement": [sample_stack.allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*")],
    }
    policy = front.client("iam").create_policy(PolicyName="viewer", PolicyDocument=json.dumps(document))
    viewer = front.cloud.session(front.cloud.user("viewer", [policy["Policy"]["Arn"]]))
    s3 = viewer.client("s3", config=Config(signature_version="s3v4"))
    asked = {"Bucket": bucket, "Key": "picture"}
    address = s3.generate_presigned_url("get_object", Params=asked, ExpiresIn=3)
    assert ask(address).status == 200
    eventually(lambda: ask(address).status == 403)


def test_api_without_a_token_answers_401(front: Front) -> None:
    answer = ask(f"{front.home}api/echo", method="POST", headers=JSON, body=b"{}")
    assert (answer.status, json.loads(answer.body)) == (401, {"message": "Unauthorized"})


def test_api_takes_no_token_that_is_tampered_with(front: Front) -> None:
    head, payload, signature = front.tokens().identity.split(".")
    claims = {**claims_of(f"{head}.{payload}."), "cognito:username": "ben"}
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    assert front.echo(f"{head}.{forged}.{signature}").status == 401
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    assert front.echo(f"{unsigned}.{payload}.").status == 401


def test_api_takes_no_token_for_another_client_or_another_use(front: Front) -> None:
    assert front.echo(front.tokens().access).status == 401
    other = front.page_of(front.outputs["OtherClient"]).tokens("ada", front.password)
    assert front.echo(other.identity).status == 401


def test_api_takes_no_token_of_another_pool(front: Front) -> None:
    pools = front.client("cognito-idp")
    pool = pools.create_user_pool(PoolName="another")["UserPool"]["Id"]
    flows = ["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    client = pools.create_user_pool_client(UserPoolId=pool, ClientName="a", ExplicitAuthFlows=flows)
    token = signed_in(front, pool, client["UserPoolClient"]["ClientId"], add_user(pools, pool, "ada", []))
    assert front.echo(token["IdToken"]).status == 401


def signed_in(front: Front, pool: str, client: str, password: str) -> dict[str, Any]:
    given = {"USERNAME": "ada", "PASSWORD": password}
    answer: dict[str, Any] = front.client("cognito-idp").admin_initiate_auth(
        UserPoolId=pool, ClientId=client, AuthFlow="ADMIN_USER_PASSWORD_AUTH", AuthParameters=given
    )["AuthenticationResult"]
    return answer


def test_api_takes_no_expired_token(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    token = front.tokens().identity
    assert front.echo(token).status == 200
    later = time.time() + 3601
    with monkeypatch.context() as clock:
        clock.setattr("ministack.services.apigateway_v1.time.time", lambda: later)
        assert front.echo(token).status == 401


def test_api_refuses_what_is_too_large(front: Front) -> None:
    token = front.tokens().identity
    assert front.echo(token, b"x" * 5_000_000).status == 200
    for size in (7_000_000, 10_485_761):
        answer = front.echo(token, b"x" * size)
        assert answer.status == 413
        assert json.loads(answer.body)["message"]


def authorize(front: Front, **changes: str) -> PageAnswer:
    asked = {
        "client_id": front.outputs["UserPoolClientId"], "redirect_uri": front.home, "response_type": "code",
        "scope": "openid", "state": "s",
    }  # fmt: skip
    return front.page.ask("GET", f"/oauth2/authorize?{urlencode(asked | changes)}")


def test_sign_in_page_leads_to_no_address_that_the_client_does_not_name(front: Front) -> None:
    assert authorize(front).status == 200
    elsewhere = authorize(front, redirect_uri="https://elsewhere.example/")
    assert elsewhere.status == 302
    assert elsewhere.headers["location"].startswith("/error?error=redirect_mismatch")
    below = authorize(front, redirect_uri=f"{front.home}below")
    assert below.headers["location"].startswith("/error?error=redirect_mismatch")
    assert authorize(front, client_id="unknown").status == 400


def test_name_is_known_however_it_is_written(front: Front) -> None:
    tokens = front.page.tokens("ADA", front.password)
    assert claims_of(tokens.identity)["cognito:username"] == "ada"
    with pytest.raises(ClientError, match="UsernameExistsException"):
        add_user(front.client("cognito-idp"), front.outputs["UserPoolId"], "Ada", [])


def test_wrong_password_is_not_let_in(front: Front) -> None:
    with pytest.raises(LocalCloudError, match="ada is not signed in"):
        front.page.tokens("ada", "Wrong-123")


def code_for(front: Front, challenge: str) -> str:
    """Sign ada in, up to the code that the page gets."""
    page = front.page
    form = {
        "client_id": page.client_id, "redirect_uri": front.home, "scope": "openid", "state": "s",
        "response_type": "code", "code_challenge": challenge, "code_challenge_method": "S256",
        "username": "ada", "password": front.password,
    }  # fmt: skip
    location = page.ask("POST", "/login", form).headers["location"]
    assert location.startswith(front.home)
    return parse_qs(urlsplit(location).query)["code"][0]


def redeem(front: Front, code: str, verifier: str, **changes: str) -> PageAnswer:
    form = {
        "grant_type": "authorization_code", "code": code, "code_verifier": verifier,
        "client_id": front.outputs["UserPoolClientId"], "redirect_uri": front.home,
    }  # fmt: skip
    return front.page.ask("POST", "/oauth2/token", form | changes)


def test_code_is_good_once_and_only_with_its_verifier_and_address(front: Front) -> None:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(b"verifier").digest()).rstrip(b"=").decode()
    code = code_for(front, challenge)
    assert redeem(front, code, "another").status == 400
    assert redeem(front, code, "verifier", redirect_uri=f"{front.home}below").status == 400
    assert redeem(front, code, "verifier", client_id=front.outputs["OtherClient"]).status == 400
    answer = redeem(front, code, "verifier")
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert redeem(front, code, "verifier").status == 400


def refresh(front: Front, token: str) -> PageAnswer:
    form = {
        "grant_type": "refresh_token",
        "refresh_token": token,
        "client_id": front.outputs["UserPoolClientId"],
    }
    return front.page.ask("POST", "/oauth2/token", form)


def test_refreshed_token_has_the_groups_of_today_until_it_is_revoked(front: Front) -> None:
    tokens = front.tokens()
    renewed = json.loads(refresh(front, tokens.refresh).body)["id_token"]
    assert claims_of(renewed)["cognito:groups"] == ["annotators", "supervisors"]
    assert front.echo(renewed).status == 200
    form = {"token": tokens.refresh, "client_id": front.outputs["UserPoolClientId"]}
    assert front.page.ask("POST", "/oauth2/revoke", form).status == 200
    assert refresh(front, tokens.refresh).status == 400


def test_refresh_token_expires(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    token = front.tokens().refresh
    later = time.time() + 31 * 86400
    with monkeypatch.context() as clock:
        clock.setattr("local.cloud.ministack_sign_in.time.time", lambda: later)
        assert refresh(front, token).status == 400
    assert refresh(front, token).status == 200


def test_browser_is_known_until_it_signs_out(front: Front) -> None:
    page = front.page
    form = {
        "client_id": page.client_id, "redirect_uri": front.home, "scope": "openid", "state": "s",
        "response_type": "code", "username": "ada", "password": front.password,
    }  # fmt: skip
    cookie = page.ask("POST", "/login", form).headers["set-cookie"].partition(";")[0]
    asked = urlencode({name: value for name, value in form.items() if name not in ("username", "password")})
    again = served_at(front.cloud.url, f"{front.outputs['SignInUrl']}/oauth2/authorize?{asked}")
    known = ask(again, headers={"Cookie": cookie})
    assert known.status == 302
    assert known.headers["location"].startswith(f"{front.home}?code=")
    out = urlencode({"client_id": page.client_id, "logout_uri": front.home})
    left = ask(
        served_at(front.cloud.url, f"{front.outputs['SignInUrl']}/logout?{out}"), headers={"Cookie": cookie}
    )
    assert (left.status, left.headers["location"]) == (302, front.home)
    assert ask(again, headers={"Cookie": cookie}).status == 200


def test_invited_person_chooses_a_password_first(front: Front) -> None:
    pools, pool = front.client("cognito-idp"), front.outputs["UserPoolId"]
    pools.admin_create_user(UserPoolId=pool, Username="gil", TemporaryPassword="Given-123")
    form = {
        "client_id": front.page.client_id, "redirect_uri": front.home, "scope": "openid", "state": "s",
        "response_type": "code", "username": "gil", "password": "Given-123",
    }  # fmt: skip
    asked = front.page.ask("POST", "/login", form)
    assert (asked.status, "set-cookie" in asked.headers) == (200, False)
    token = asked.body.decode().partition('name="np_token" value="')[2].partition('"')[0]
    chosen = {"np_token": token, "new_password": "Chosen-123", "confirm_password": "Chosen-123"}
    assert front.page.ask("POST", "/login", chosen).headers["location"].startswith(f"{front.home}?code=")
    assert front.page.tokens("gil", "Chosen-123").identity


def test_page_asks_the_second_factor_of_who_has_one(front: Front) -> None:
    pools, pool = front.client("cognito-idp"), front.outputs["UserPoolId"]
    password = add_user(pools, pool, "cleo", ["annotators"])
    access = pools.admin_initiate_auth(
        UserPoolId=pool, ClientId=front.outputs["UserPoolClientId"], AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "cleo", "PASSWORD": password},
    )["AuthenticationResult"]["AccessToken"]  # fmt: skip
    anyone = front.cloud.root_session().client("cognito-idp", config=Config(signature_version=UNSIGNED))
    secret = anyone.associate_software_token(AccessToken=access)["SecretCode"]
    anyone.verify_software_token(AccessToken=access, UserCode=totp(secret))
    form = {
        "client_id": front.outputs["UserPoolClientId"], "redirect_uri": front.home, "scope": "openid",
        "state": "s", "response_type": "code", "username": "cleo", "password": password,
    }  # fmt: skip
    asked = front.page.ask("POST", "/login", form)
    assert (asked.status, "set-cookie" in asked.headers) == (200, False)
    token = asked.body.decode().partition('name="totp_token" value="')[2].partition('"')[0]
    wrong = front.page.ask("POST", "/login", {"totp_token": token, "totp_code": "000000"})
    assert (wrong.status, b"not right" in wrong.body) == (200, True)
    right = front.page.ask("POST", "/login", {"totp_token": token, "totp_code": totp(secret)})
    assert right.headers["location"].startswith(f"{front.home}?code=")


def test_second_factor_is_set_up_at_the_page_where_the_pool_wants_one(front: Front) -> None:
    pools, pool, client = (
        front.client("cognito-idp"), front.outputs["UserPoolId"], front.outputs["UserPoolClientId"],
    )  # fmt: skip
    password = add_user(pools, pool, "hal", ["annotators"])
    pools.set_user_pool_mfa_config(
        UserPoolId=pool, MfaConfiguration="ON", SoftwareTokenMfaConfiguration={"Enabled": True}
    )
    try:
        given = {"USERNAME": "hal", "PASSWORD": password}
        with pytest.raises(ClientError, match="set up at the sign-in page only"):
            pools.admin_initiate_auth(
                UserPoolId=pool, ClientId=client, AuthFlow="ADMIN_USER_PASSWORD_AUTH", AuthParameters=given
            )
        page = front.page
        assert front.echo(page.tokens("hal", password).identity).status == 200
        assert front.echo(page.tokens("hal", password).identity).status == 200
        with pytest.raises(LocalCloudError, match="hal is not signed in"):
            replace(page, keys={"hal": "A" * 32}).tokens("hal", password)
    finally:
        pools.set_user_pool_mfa_config(
            UserPoolId=pool, MfaConfiguration="OPTIONAL", SoftwareTokenMfaConfiguration={"Enabled": True}
        )


def test_challenge_is_answered_by_whom_it_was_asked(front: Front) -> None:
    pools, pool, client = (
        front.client("cognito-idp"),
        front.outputs["UserPoolId"],
        front.outputs["UserPoolClientId"],
    )
    pools.admin_create_user(UserPoolId=pool, Username="new", TemporaryPassword="Given-123")
    asked = pools.admin_initiate_auth(
        UserPoolId=pool, ClientId=client, AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "new", "PASSWORD": "Given-123"},
    )  # fmt: skip
    assert asked["ChallengeName"] == "NEW_PASSWORD_REQUIRED"

    def answer(session: str, password: str) -> Any:
        return pools.respond_to_auth_challenge(
            ClientId=client, ChallengeName="NEW_PASSWORD_REQUIRED", Session=session,
            ChallengeResponses={"USERNAME": "new", "NEW_PASSWORD": password},
        )  # fmt: skip

    with pytest.raises(ClientError, match=r"NotAuthorizedException.*Invalid session"):
        answer("made-up-made-up-made-up", "Chosen-123")
    with pytest.raises(ClientError, match="InvalidPasswordException"):
        answer(asked["Session"], "short")
    assert answer(asked["Session"], "Chosen-123")["AuthenticationResult"]["IdToken"]
    with pytest.raises(ClientError, match="Invalid session"):
        answer(asked["Session"], "Chosen-124")


def test_users_of_a_template_are_in_their_groups(front: Front) -> None:
    pools, pool = front.client("cognito-idp"), front.outputs["UserPoolId"]
    groups = pools.admin_list_groups_for_user(UserPoolId=pool, Username="yara")["Groups"]
    assert [group["GroupName"] for group in groups] == ["annotators"]


def test_signed_calls_to_a_pool_need_a_grant(front: Front) -> None:
    pool = front.outputs["UserPoolId"]
    stranger = front.cloud.session(front.cloud.user("pool-stranger", [])).client("cognito-idp")
    with pytest.raises(ClientError, match="cognito-idp:AdminGetUser"):
        stranger.admin_get_user(UserPoolId=pool, Username="ada")
    arn = f"arn:aws:cognito-idp:{front.cloud.region}:{front.cloud.account}:userpool/{pool}"
    document = {"Version": "2012-10-17", "Statement": [sample_stack.allow("cognito-idp:AdminGetUser", arn)]}
    policy = front.client("iam").create_policy(PolicyName="pool-reader", PolicyDocument=json.dumps(document))
    keys = front.cloud.user("pool-reader", [policy["Policy"]["Arn"]])
    reader = front.cloud.session(keys).client("cognito-idp")
    assert reader.admin_get_user(UserPoolId=pool, Username="ada")["Username"] == "ada"
    with pytest.raises(ClientError, match="cognito-idp:AdminDeleteUser"):
        reader.admin_delete_user(UserPoolId=pool, Username="ada")


def test_nobody_signs_up_and_no_password_flow_is_open_that_the_client_does_not_name(front: Front) -> None:
    anyone = front.client("cognito-idp")
    with pytest.raises(ClientError, match="SignUp is not permitted for this user pool"):
        anyone.sign_up(ClientId=front.outputs["UserPoolClientId"], Username="me", Password="Secret-123")
    given = {"USERNAME": "ada", "PASSWORD": front.password}
    with pytest.raises(ClientError, match="USER_PASSWORD_AUTH flow not enabled"):
        anyone.initiate_auth(
            ClientId=front.outputs["UserPoolClientId"], AuthFlow="USER_PASSWORD_AUTH", AuthParameters=given
        )
    with pytest.raises(ClientError, match="ForgotPassword is not served"):
        anyone.forgot_password(ClientId=front.outputs["UserPoolClientId"], Username="ada")


def test_user_is_not_made_with_a_password_that_nobody_learns(front: Front) -> None:
    with pytest.raises(ClientError, match="sends no message"):
        front.client("cognito-idp").admin_create_user(UserPoolId=front.outputs["UserPoolId"], Username="dora")


def test_disabled_user_gets_no_further(front: Front) -> None:
    pools, pool = front.client("cognito-idp"), front.outputs["UserPoolId"]
    password = add_user(pools, pool, "eve", [])
    tokens = front.page.tokens("eve", password)
    pools.admin_disable_user(UserPoolId=pool, Username="eve")
    assert refresh(front, tokens.refresh).status == 400
    with pytest.raises(LocalCloudError, match="eve is not signed in"):
        front.page.tokens("eve", password)


def test_distribution_is_changed_by_its_template_only(front: Front) -> None:
    cloudfront, page = front.client("cloudfront"), front.outputs["Page"]
    found = cloudfront.get_distribution_config(Id=page)
    with pytest.raises(ClientError, match="changed by templates"):
        cloudfront.delete_distribution(Id=page, IfMatch=found["ETag"])
    batch = {"Paths": {"Quantity": 1, "Items": ["/*"]}, "CallerReference": "now"}
    made = cloudfront.create_invalidation(DistributionId=page, InvalidationBatch=batch)
    assert made["Invalidation"]["Status"]


def test_what_would_be_pretended_is_refused_when_it_is_deployed(
    cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory
) -> None:
    pool = {"Type": "AWS::Cognito::UserPool", "Properties": {"EnabledMfas": ["SMS_MFA"]}}
    folder = sample_stack.write_assembly(
        tmp_path_factory.mktemp("refused"), {"refused": {"Resources": {"Pool": pool}}}
    )
    with pytest.raises(DeploymentError, match=r"EnabledMfas.*not served by the local cloud"):
        deploy(folder, cloud)


def test_person_is_invited_to_the_page_that_is_served(
    front: Front, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud = front.cloud
    served = Serving(
        pid=1, url=cloud.url, account=cloud.account, region=cloud.region, since=0.0,
        state_dir=cloud.state_dir, root=cloud.root,
    )  # fmt: skip
    monkeypatch.setattr(serving, "find", lambda folder: served)
    config = replace(Edgeline.read(ROOT / "edgeline.toml"), name="page")
    assert page.invite(config, ROOT, "finn", ["annotators", "supervisors"], Terminal()) == 0
    said = capsys.readouterr().out
    assert front.home in said
    tokens = front.page.tokens("finn", said.rpartition("Password:")[2].strip())
    assert claims_of(tokens.identity)["cognito:groups"] == ["annotators", "supervisors"]
    with pytest.raises(DeliveryError, match="finn is not invited: User account already exists"):
        page.invite(config, ROOT, "finn", ["annotators"], Terminal())
    elsewhere = replace(config, name="nothing")
    with pytest.raises(DeliveryError, match="no labeling page is served"):
        page.invite(elsewhere, ROOT, "finn", ["annotators"], Terminal())


def test_protected_pool_outlives_its_stack(
    cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory
) -> None:
    pool = {"Type": "AWS::Cognito::UserPool", "Properties": {"DeletionProtection": "ACTIVE"}}
    template = {"Resources": {"Pool": pool}, "Outputs": {"Pool": {"Value": {"Ref": "Pool"}}}}
    folder = sample_stack.write_assembly(tmp_path_factory.mktemp("protected"), {"protected": template})
    made = deploy(folder, cloud)["protected"]["Pool"]
    stacks, pools = cloud.root_session().client("cloudformation"), cloud.root_session().client("cognito-idp")
    stacks.delete_stack(StackName="protected")

    def status() -> str:
        found: str = stacks.describe_stacks(StackName="protected")["Stacks"][0]["StackStatus"]
        return found

    eventually(lambda: status() == "DELETE_FAILED")
    assert pools.describe_user_pool(UserPoolId=made)["UserPool"]["Id"] == made
