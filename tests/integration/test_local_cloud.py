# ruff: noqa: S310 - every URL opened here is the local endpoint
"""The local cloud, whole: a deployment, and what the deployed things are allowed to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest
import sample_stack
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials as BotoCredentials
from botocore.exceptions import ClientError
from waiting import eventually

from local.cloud import ministack_functions
from local.cloud.addresses import served_at
from local.cloud.call import Credentials
from local.cloud.deploy import DeploymentError, deploy
from local.cloud.errors import AwsError
from local.cloud.server import LocalCloud


@pytest.fixture(scope="session")
def outputs(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("assembly")
    sample_stack.write_assembly(folder, {sample_stack.STACK: sample_stack.template()})
    return deploy(folder, cloud)[sample_stack.STACK]


def client(cloud: LocalCloud, service: str) -> Any:
    return cloud.root_session().client(service)


def run(cloud: LocalCloud, machine: str, given: dict[str, Any]) -> dict[str, Any]:
    machines = client(cloud, "stepfunctions")
    arn = machines.start_execution(stateMachineArn=machine, input=json.dumps(given))["executionArn"]

    def ended() -> Any:
        found = machines.describe_execution(executionArn=arn)
        return found if found["status"] != "RUNNING" else None

    found: dict[str, Any] = eventually(ended)
    return found


def denied(cloud: LocalCloud, principal: str, action: str) -> bool:
    return any(d.principal == principal and d.action == action for d in cloud.calls.denials)


def test_bucket_that_demands_tls_serves_the_loopback_endpoint(
    cloud: LocalCloud, outputs: dict[str, str]
) -> None:
    s3 = client(cloud, "s3")
    s3.put_object(Bucket=outputs["Bucket"], Key="a", Body=b"content")
    answer = s3.get_object(Bucket=outputs["Bucket"], Key="a")
    assert answer["Body"].read() == b"content"
    assert answer["SSEKMSKeyId"] == outputs["Key"]


def test_encrypted_object_needs_its_key_too(cloud: LocalCloud, outputs: dict[str, str]) -> None:
    client(cloud, "s3").put_object(Bucket=outputs["Bucket"], Key="picture", Body=b"pixels")
    keyless = cloud.session(user(cloud, "keyless", outputs["Bucket"], key=False)).client("s3")
    keyless.head_object(Bucket=outputs["Bucket"], Key="picture")
    with pytest.raises(ClientError, match=r"AccessDenied.*kms:Decrypt on resource: arn:aws:kms"):
        keyless.get_object(Bucket=outputs["Bucket"], Key="picture")


def test_presigned_url_is_good_for_what_its_signer_may(cloud: LocalCloud, outputs: dict[str, str]) -> None:
    client(cloud, "s3").put_object(Bucket=outputs["Bucket"], Key="picture", Body=b"pixels")
    reader, stranger = user(cloud, "reader", outputs["Bucket"]), cloud.user("stranger", [])
    with urllib.request.urlopen(presigned(cloud, reader, outputs["Bucket"])) as answer:
        assert answer.read() == b"pixels"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(presigned(cloud, stranger, outputs["Bucket"]))


def user(cloud: LocalCloud, name: str, bucket: str, *, key: bool = True) -> Credentials:
    everything = [f"arn:aws:s3:::{bucket}/*"]
    statements = [sample_stack.allow("s3:GetObject", everything)]
    statements += [sample_stack.allow("kms:Decrypt", "*")] if key else []
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    policy = client(cloud, "iam").create_policy(PolicyName=f"{name}-policy", PolicyDocument=document)
    return cloud.user(name, [policy["Policy"]["Arn"]])


def presigned(cloud: LocalCloud, credentials: Credentials, bucket: str) -> str:
    s3 = cloud.session(credentials).client("s3", config=Config(signature_version="s3v4"))
    url: str = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "picture"})
    return url


def test_function_has_the_credentials_of_its_role_and_no_more(
    cloud: LocalCloud, outputs: dict[str, str]
) -> None:
    functions = client(cloud, "lambda")
    who = functions.invoke(FunctionName=outputs["Function"], Payload=json.dumps({"action": "who"}))
    assert ":assumed-role/sample-FunctionRole" in json.loads(who["Payload"].read())
    answer = functions.invoke(
        FunctionName=outputs["Function"], Payload=json.dumps({"action": "list buckets"})
    )
    assert answer["FunctionError"]
    problem = json.loads(answer["Payload"].read())["errorMessage"]
    assert "AccessDenied" in problem
    assert "s3:ListAllMyBuckets" in problem


def test_a_function_that_nobody_calls_has_no_process_until_it_is_called(
    cloud: LocalCloud, outputs: dict[str, str]
) -> None:
    functions, name = client(cloud, "lambda"), outputs["Function"]
    functions.invoke(FunctionName=name, Payload=b"{}")
    [process] = processes_of(name)
    ministack_functions.end_idle(3600)
    assert processes_of(name) == [process]
    ministack_functions.end_idle(0)
    assert eventually(lambda: not processes_of(name))
    again = functions.invoke(FunctionName=name, Payload=json.dumps({"action": "who"}))
    assert ":assumed-role/" in json.loads(again["Payload"].read())


def processes_of(function: str) -> list[psutil.Process]:
    """The processes in which a function runs (its ARN); ministack names their folders after it."""
    name = function.rpartition(":")[2]
    return [
        child
        for child in psutil.Process().children(recursive=True)
        if child.status() != psutil.STATUS_ZOMBIE and f"-{name}-" in " ".join(child.cmdline())
    ]


def test_state_machine_waits_for_its_task_token(cloud: LocalCloud, outputs: dict[str, str]) -> None:
    machines, table = (
        client(cloud, "stepfunctions"),
        cloud.root_session().resource("dynamodb").Table(outputs["Table"]),
    )
    arn = machines.start_execution(stateMachineArn=outputs["Waiting"], input="{}")["executionArn"]
    token = eventually(lambda: table.get_item(Key={"id": "token"}).get("Item"))["token"]
    machines.send_task_success(taskToken=token, output=json.dumps({"labels": 3}))
    ended = eventually(
        lambda: (d := machines.describe_execution(executionArn=arn))["status"] != "RUNNING" and d
    )
    assert json.loads(ended["output"]) == {"labels": 3}
    document = {
        "Version": "2012-10-17",
        "Statement": [sample_stack.allow("states:SendTaskSuccess", outputs["Waiting"])],
    }
    policy = client(cloud, "iam").create_policy(PolicyName="may-answer", PolicyDocument=json.dumps(document))
    late = cloud.session(cloud.user("late", [policy["Policy"]["Arn"]])).client("stepfunctions")
    with pytest.raises(ClientError, match=r"TaskDoesNotExist|TaskTimedOut"):
        late.send_task_success(taskToken=token, output="{}")
    stranger = cloud.session(cloud.user("unanswering", [])).client("stepfunctions")
    with pytest.raises(ClientError, match=r"AccessDenied.*states:SendTaskSuccess"):
        stranger.send_task_success(taskToken=token, output="{}")


def test_state_machine_fails_with_the_error_of_its_function(
    cloud: LocalCloud, outputs: dict[str, str]
) -> None:
    ended = run(cloud, outputs["Direct"], {"action": "crash"})
    assert (ended["status"], ended["error"]) == ("FAILED", "ValueError")
    assert "as asked" in ended["cause"]


def test_task_without_a_grant_fails_naming_the_action(cloud: LocalCloud, outputs: dict[str, str]) -> None:
    ended = run(cloud, outputs["Denied"], {})
    assert ended["status"] == "FAILED"
    assert "AccessDenied" in ended["cause"]
    assert "dynamodb:Scan" in ended["cause"]
    assert denied(cloud, f"role/{outputs['MachineRole'].rpartition('/')[2]}", "dynamodb:Scan")


def test_removed_grant_fails_the_invocation_of_a_function(cloud: LocalCloud, outputs: dict[str, str]) -> None:
    iam, name = client(cloud, "iam"), outputs["MachineRole"].rpartition("/")[2]
    policy = iam.get_role_policy(RoleName=name, PolicyName="policy")["PolicyDocument"]
    iam.delete_role_policy(RoleName=name, PolicyName="policy")
    try:
        for machine in ("Direct", "Waiting"):
            ended = run(cloud, outputs[machine], {"action": "who"})
            assert ended["error"] == "Lambda.AWSLambdaException"
            assert "lambda:InvokeFunction" in ended["cause"]
    finally:
        iam.put_role_policy(RoleName=name, PolicyName="policy", PolicyDocument=json.dumps(policy))


def test_event_of_a_service_reaches_the_function(cloud: LocalCloud, outputs: dict[str, str]) -> None:
    cloud.emit("aws.sagemaker", "SageMaker Model Package State Change", {"ModelPackageArn": "a"}, ["a"])
    table = cloud.root_session().resource("dynamodb").Table(outputs["Table"])

    def arrived() -> Any:
        return [i for i in table.scan()["Items"] if "SageMaker Model Package" in i.get("event", "")]

    event = json.loads(eventually(arrived)[0]["event"])
    assert event["source"] == "aws.sagemaker"
    assert event["detail"] == {"ModelPackageArn": "a"}


def put_event(cloud: LocalCloud, source: str) -> None:
    entry = {"Source": source, "DetailType": "test", "Detail": json.dumps({"action": "who"})}
    assert client(cloud, "events").put_events(Entries=[entry])["FailedEntryCount"] == 0


def test_event_starts_a_state_machine_with_the_role_of_the_target(
    cloud: LocalCloud, outputs: dict[str, str]
) -> None:
    machines = client(cloud, "stepfunctions")

    def executions() -> set[str]:
        found = machines.list_executions(stateMachineArn=outputs["Direct"])["executions"]
        return {execution["executionArn"] for execution in found}

    before = executions()
    put_event(cloud, "started")
    assert len(eventually(lambda: executions() - before)) == 1


def test_event_target_without_a_grant_is_not_started(cloud: LocalCloud, outputs: dict[str, str]) -> None:
    put_event(cloud, "denied")
    eventually(lambda: [d for d in cloud.calls.denials if d.action == "states:StartExecution"])
    put_event(cloud, "unpermitted")
    assert eventually(lambda: denied(cloud, "events.amazonaws.com", "lambda:InvokeFunction"))


def test_target_that_would_be_dropped_is_refused(cloud: LocalCloud) -> None:
    events = client(cloud, "events")
    events.put_rule(Name="dropped", EventPattern=json.dumps({"source": ["x"]}))
    target = {"Id": "a", "Arn": "arn:aws:codebuild:eu-west-1:000000000000:project/x"}
    with pytest.raises(ClientError, match="codebuild is not a supported service for a target"):
        events.put_targets(Rule="dropped", Targets=[target])


def call_api(cloud: LocalCloud, api: str, credentials: Credentials | None) -> tuple[int, Any]:
    url = served_at(cloud.url, f"https://{api}.execute-api.{cloud.region}.amazonaws.com/v1/")
    request = AWSRequest("POST", f"{url}claim", data=b"{}")
    if credentials:
        keys = BotoCredentials(
            credentials.access_key, credentials.secret_key, credentials.session_token or None
        )
        SigV4Auth(keys, "execute-api", cloud.region).add_auth(request)
    raw = urllib.request.Request(request.url, data=b"{}", method="POST", headers=dict(request.headers))
    try:
        with urllib.request.urlopen(raw) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_api_knows_its_caller_and_refuses_who_has_no_grant(
    cloud: LocalCloud, outputs: dict[str, str]
) -> None:
    annotator = cloud.user("annotator", [outputs["MayClaim"]])
    assert call_api(cloud, outputs["Api"], annotator) == (200, {"caller": annotator.principal_arn})
    assert annotator.principal_arn.endswith(":user/annotator")
    status, answer = call_api(cloud, outputs["Api"], cloud.user("passer-by", []))
    assert status == 403
    assert "execute-api:Invoke" in answer["message"]
    assert call_api(cloud, outputs["Api"], None)[0] == 403


def test_api_calls_only_a_function_that_lets_it(cloud: LocalCloud, outputs: dict[str, str]) -> None:
    functions, name = client(cloud, "lambda"), outputs["Function"]
    statements = json.loads(functions.get_policy(FunctionName=name)["Policy"])["Statement"]
    (ours,) = [s for s in statements if s["Principal"] == {"Service": "apigateway.amazonaws.com"}]
    functions.remove_permission(FunctionName=name, StatementId=ours["Sid"])
    annotator = cloud.user("annotator", [outputs["MayClaim"]])
    try:
        assert call_api(cloud, outputs["Api"], annotator)[0] == 500
        assert denied(cloud, "apigateway.amazonaws.com", "lambda:InvokeFunction")
    finally:
        (source,) = next(iter(ours["Condition"].values())).values()
        functions.add_permission(
            FunctionName=name, StatementId=ours["Sid"], Action=ours["Action"],
            Principal="apigateway.amazonaws.com", SourceArn=source,
        )  # fmt: skip
    assert call_api(cloud, outputs["Api"], annotator)[0] == 200


def test_forged_signature_is_refused(cloud: LocalCloud, outputs: dict[str, str]) -> None:
    annotator = cloud.user("annotator", [outputs["MayClaim"]])
    forged = Credentials(annotator.access_key, "guessed", "", annotator.principal_arn)
    assert call_api(cloud, outputs["Api"], forged)[0] == 403
    with pytest.raises(ClientError, match=r"SignatureDoesNotMatch|InvalidSignature"):
        cloud.session(forged).client("iot").list_role_aliases()


def test_role_is_assumed_only_by_the_service_that_it_trusts(
    cloud: LocalCloud, outputs: dict[str, str]
) -> None:
    credentials = cloud.service_credentials(outputs["MachineRole"], "states.amazonaws.com", "me")
    identity = cloud.session(credentials).client("sts").get_caller_identity()
    assert identity["Arn"] == credentials.principal_arn
    with pytest.raises(AwsError, match=r"sagemaker\.amazonaws\.com is not authorized.*does not trust it"):
        cloud.service_credentials(outputs["MachineRole"], "sagemaker.amazonaws.com", "me")
    with pytest.raises(AwsError, match="does not exist"):
        cloud.service_credentials("arn:aws:iam::000000000000:role/gone", "states.amazonaws.com", "me")


def test_role_alias_of_the_template_is_described(cloud: LocalCloud, outputs: dict[str, str]) -> None:
    described = client(cloud, "iot").describe_role_alias(roleAlias="sample-devices")["roleAliasDescription"]
    assert described["roleAliasArn"] == outputs["RoleAliasArn"]
    assert "DeviceRole" in described["roleArn"]


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "named"),
    [
        ("codebuild", "start_build_batch", {"projectName": "x"}, "StartBuildBatch is not served by the"),
        ("rekognition", "list_collections", {}, "rekognition is not served by the local cloud"),
        ("ec2", "describe_vpcs", {}, "ec2 is not served by the local cloud"),
        ("route53", "list_hosted_zones", {}, "route53 is not served by the local cloud"),
    ],
)
def test_what_is_not_served_is_refused_by_name(
    cloud: LocalCloud, service: str, operation: str, parameters: dict[str, Any], named: str
) -> None:
    with pytest.raises(ClientError, match=named):
        getattr(client(cloud, service), operation)(**parameters)


def test_unsigned_request_is_refused(cloud: LocalCloud, outputs: dict[str, str]) -> None:
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{cloud.url}/{outputs['Bucket']}/a")
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(urllib.request.Request(f"{cloud.url}/_ministack/reset", method="POST"))


def topic(name: str) -> dict[str, Any]:
    return {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": name}}


def test_deployment_again_changes_what_changed(cloud: LocalCloud, tmp_path: Path) -> None:
    first = {"Resources": {"A": topic("a")}, "Outputs": {"A": {"Value": {"Ref": "A"}}}}
    second = {"Resources": {"A": topic("a"), "B": topic("b")}, "Outputs": {"B": {"Value": {"Ref": "B"}}}}
    told: list[tuple[str, int, int]] = []
    one = sample_stack.write_assembly(
        tmp_path / "1", {"first": first, "second": first | {"Resources": {"C": topic("c")}, "Outputs": {}}}
    )
    two = sample_stack.write_assembly(tmp_path / "2", {"first": second})
    assert list(deploy(one, cloud, progress=lambda *seen: told.append(seen))) == ["first", "second"]
    assert ("second", 1, 1) in told
    assert deploy(one, cloud)["first"] == {"A": f"arn:aws:sns:{cloud.region}:{cloud.account}:a"}
    assert deploy(two, cloud)["first"] == {"B": f"arn:aws:sns:{cloud.region}:{cloud.account}:b"}


def test_type_that_nobody_serves_fails_the_deployment_by_name(cloud: LocalCloud, tmp_path: Path) -> None:
    template = {"Resources": {"Job": {"Type": "AWS::Omics::RunGroup", "Properties": {}}}}
    assembly = sample_stack.write_assembly(tmp_path, {"unknown": template})
    with pytest.raises(DeploymentError, match=r"unknown: .*AWS::Omics::RunGroup"):
        deploy(assembly, cloud)


def test_failed_resource_is_named_with_its_reason(
    cloud: LocalCloud, outputs: dict[str, str], tmp_path: Path
) -> None:
    properties = {"RoleAlias": "sample-devices", "RoleArn": "arn:aws:iam::000000000000:role/x"}
    taken = {"Type": "AWS::IoT::RoleAlias", "Properties": properties}
    assembly = sample_stack.write_assembly(tmp_path, {"failing": {"Resources": {"Taken": taken}}})
    reason = r"failing is ROLLBACK_COMPLETE: Taken \(AWS::IoT::RoleAlias\): .*sample-devices exists"
    with pytest.raises(DeploymentError, match=reason):
        deploy(assembly, cloud)


def test_calls_are_counted_by_principal(cloud: LocalCloud, outputs: dict[str, str]) -> None:
    counted = cloud.user("counted", [])
    cloud.session(counted).client("sts").get_caller_identity()
    with pytest.raises(ClientError, match="dynamodb:ListTables"):
        cloud.session(counted).client("dynamodb").list_tables()
    assert cloud.calls.summary()["by_principal"]["user/counted"] == {"allowed": 1, "denied": 1}


def test_service_in_its_own_name_may_do_its_own_work_only(cloud: LocalCloud) -> None:
    iot = cloud.service_session("iot.amazonaws.com", ("iot:Describe*", "iot:List*"))
    before = cloud.calls.summary()["by_principal"].get("iot.amazonaws.com", {"allowed": 0, "denied": 0})
    iot.client("iot").list_things()
    with pytest.raises(ClientError, match="iot:CreateThing"):
        iot.client("iot").create_thing(thingName="not-by-the-service")
    with pytest.raises(ClientError, match="s3:ListAllMyBuckets"):
        iot.client("s3").list_buckets()
    after = cloud.calls.summary()["by_principal"]["iot.amazonaws.com"]
    assert after == {"allowed": before["allowed"] + 1, "denied": before["denied"] + 2}


PLANTED = """
import sys
from pathlib import Path
import ministack.services.eventbridge as events
del events._put_events
from local.cloud.server import LocalCloud
LocalCloud(Path(sys.argv[1])).start()
"""


def test_missing_touchpoint_stops_the_start_by_name(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PLANTED, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "ministack.services.eventbridge._put_events is missing" in ended.stderr
    assert "1.5.33" in ended.stderr


SIDE_BY_SIDE = """
import sys
from pathlib import Path
from local.cloud.server import LocalCloud
with LocalCloud(Path(sys.argv[1])) as cloud:
    print(cloud.root_session().client("s3").list_buckets()["Buckets"], cloud.url)
"""


def test_two_clouds_side_by_side(cloud: LocalCloud, outputs: dict[str, str], tmp_path: Path) -> None:
    other = subprocess.run(
        [sys.executable, "-c", SIDE_BY_SIDE, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert other.stdout.startswith("[] http://127.0.0.1:")
    assert cloud.url not in other.stdout
    client(cloud, "s3").head_bucket(Bucket=outputs["Bucket"])


ABANDONED = """
import os, signal, sys, json
from pathlib import Path
sys.path[:0] = sys.argv[2:]
import sample_stack
from local.cloud.server import LocalCloud
from local.cloud.deploy import deploy
state = Path(sys.argv[1])
cloud = LocalCloud(state)
cloud.start()
folder = state / "assembly"
outputs = deploy(sample_stack.write_assembly(folder, {"s": sample_stack.template()}), cloud)["s"]
cloud.root_session().client("lambda").invoke(FunctionName=outputs["Function"], Payload=b"{}")
tasks = [p.read_text() for p in Path("/proc/self/task").glob("*/children")]
print(" ".join(tasks).strip(), flush=True)
os.kill(os.getpid(), getattr(signal, os.environ["HOW"]))
"""


@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM", "SIGINT"])
def test_children_die_with_the_cloud(tmp_path: Path, how: str) -> None:
    here, root = str(Path(__file__).parent), str(Path(__file__).parents[2])
    ended = subprocess.run(
        [sys.executable, "-c", ABANDONED, str(tmp_path), here, root],
        capture_output=True, text=True, check=False, env={**os.environ, "HOW": how},
    )  # fmt: skip
    children = [int(child) for child in ended.stdout.split()]
    assert children, ended.stderr
    assert eventually(lambda: not any(_alive(child) for child in children))


def _alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
