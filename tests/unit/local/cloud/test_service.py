import json
from datetime import UTC, datetime
from typing import Any

import pytest

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.cloud.service import LocalService, Request, Response

CALL = Call("000000000000", "eu-west-1", "arn:aws:iam::000000000000:user/a", "AKIA")
MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class SageMaker:
    def __init__(self, answer: dict[str, Any] | None = None) -> None:
        self.answer = answer
        self.got: dict[str, Any] = {}

    def create_model_package_group(self, call: Call, **parameters: Any) -> dict[str, Any] | None:
        self.got = parameters
        return self.answer

    def describe_model_package_group(self, call: Call, **parameters: Any) -> dict[str, Any] | None:
        return self.answer

    def delete_model_package_group(self, call: Call, **parameters: Any) -> None:
        self.got = parameters


def json_request(operation: str, body: Any) -> Request:
    return Request("POST", "/", {}, {"x-amz-target": f"SageMaker.{operation}"}, json.dumps(body).encode())


def serve(service: LocalService, request: Request) -> Response:
    route = service.route(request)
    assert route is not None
    return service.perform(CALL, route.operation, service.parse(route, request))


def test_json_request_reaches_the_method_and_its_answer_comes_back() -> None:
    implementation = SageMaker({"ModelPackageGroupArn": CALL.arn("sagemaker", "model-package-group/tags")})
    answer = serve(
        LocalService("sagemaker", implementation),
        json_request("CreateModelPackageGroup", {"ModelPackageGroupName": "tags"}),
    )
    assert implementation.got == {"ModelPackageGroupName": "tags"}
    assert json.loads(answer.body) == implementation.answer
    assert answer.headers["content-type"] == "application/x-amz-json-1.1"


def test_operation_without_output_answers_nothing() -> None:
    request = json_request("DeleteModelPackageGroup", {"ModelPackageGroupName": "tags"})
    assert serve(LocalService("sagemaker", SageMaker()), request).body == b""


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({}, 'Missing required parameter in input: "ModelPackageGroupName"'),
        ({"ModelPackageGroupName": "a b"}, ".ModelPackageGroupName: 'a b' does not match"),
        ({"ModelPackageGroupName": "a" * 64}, ".ModelPackageGroupName: 64 characters, at most 63 allowed"),
        ({"ModelPackageGroupName": 3}, "Invalid type for parameter ModelPackageGroupName"),
        ({"ModelPackageGroupName": "a", "Colour": "red"}, 'Unknown parameter in input: "Colour"'),
        ({"ModelPackageGroupName": "a", "Tags": [{"Key": "k"}]}, "Missing required parameter in Tags[0]"),
    ],
)
def test_request_of_the_wrong_shape_is_refused(body: dict[str, Any], problem: str) -> None:
    with pytest.raises(AwsError) as refused:
        serve(LocalService("sagemaker", SageMaker()), json_request("CreateModelPackageGroup", body))
    assert refused.value.code == "ValidationException"
    assert problem in refused.value.message


def test_value_outside_its_enumeration_is_refused() -> None:
    request = json_request("ListModelPackages", {"ModelApprovalStatus": "Perhaps"})
    with pytest.raises(AwsError, match="'Perhaps' is not one of Approved, Rejected, PendingManualApproval"):
        serve(LocalService("sagemaker", SageMaker()), request)


@pytest.mark.parametrize("body", [b"{", b"[]"])
def test_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    request = Request("POST", "/", {}, {"x-amz-target": "SageMaker.ListModels"}, body)
    with pytest.raises(AwsError, match="SerializationException"):
        serve(LocalService("sagemaker", SageMaker()), request)


def test_operation_that_is_not_implemented_is_named() -> None:
    with pytest.raises(AwsError, match="sagemaker:ListModels is not served by the local cloud"):
        serve(LocalService("sagemaker", SageMaker()), json_request("ListModels", {}))


def test_answer_that_aws_could_not_give_is_an_error_of_the_server() -> None:
    implementation = SageMaker({"ModelPackageGroupArn": 7})
    request = json_request("CreateModelPackageGroup", {"ModelPackageGroupName": "tags"})
    with pytest.raises(AwsError, match=r"answers what AWS could not.*ModelPackageGroupArn") as failed:
        serve(LocalService("sagemaker", implementation), request)
    assert failed.value.status == 500


def test_times_are_seconds_in_json() -> None:
    implementation = SageMaker({
        "ModelPackageGroupName": "tags", "CreatedBy": {}, "CreationTime": MOMENT,
        "ModelPackageGroupArn": CALL.arn("sagemaker", "model-package-group/tags"),
        "ModelPackageGroupStatus": "Completed",
    })  # fmt: skip
    request = json_request("DescribeModelPackageGroup", {"ModelPackageGroupName": "tags"})
    answer = serve(LocalService("sagemaker", implementation), request)
    assert json.loads(answer.body)["CreationTime"] == MOMENT.timestamp()


class Runtime:
    def __init__(self) -> None:
        self.got: dict[str, Any] = {}

    def invoke_endpoint(self, call: Call, **parameters: Any) -> dict[str, Any]:
        self.got = parameters
        return {"Body": b"\x00answer", "ContentType": "application/json", "CustomAttributes": "a=b"}


def test_rest_request_with_a_blob_as_its_body() -> None:
    runtime = Runtime()
    headers = {"content-type": "image/jpeg", "x-amzn-sagemaker-custom-attributes": "min_score=0.01"}
    request = Request("POST", "/endpoints/tags-prod/invocations", {}, headers, b"\xff\xd8")
    answer = serve(LocalService("sagemaker-runtime", runtime), request)
    assert runtime.got == {
        "EndpointName": "tags-prod", "Body": b"\xff\xd8", "ContentType": "image/jpeg",
        "CustomAttributes": "min_score=0.01",
    }  # fmt: skip
    assert (answer.status, answer.body) == (200, b"\x00answer")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-amzn-sagemaker-custom-attributes"] == "a=b"


class Greengrass:
    def __init__(self) -> None:
        self.got: dict[str, Any] = {}

    def get_component(self, call: Call, **parameters: Any) -> dict[str, Any]:
        self.got = parameters
        return {"recipeOutputFormat": "JSON", "recipe": b"{}"}

    def create_component_version(self, call: Call, **parameters: Any) -> dict[str, Any]:
        self.got = parameters
        status = {"componentState": "DEPLOYABLE"}
        arn = CALL.arn("greengrass", "components:c:versions:1.0.0")
        return {
            "arn": arn, "componentName": "c", "componentVersion": "1.0.0", "status": status,
            "creationTimestamp": MOMENT,
        }  # fmt: skip

    def list_deployments(self, call: Call, **parameters: Any) -> dict[str, Any]:
        self.got = parameters
        return {"deployments": []}


def test_rest_path_and_query_become_parameters() -> None:
    greengrass = Greengrass()
    arn = "arn%3Aaws%3Agreengrass%3Aeu-west-1%3A000000000000%3Acomponents%3Ac%3Aversions%3A1.0.0"
    request = Request("GET", f"/greengrass/v2/components/{arn}", {"recipeOutputFormat": ["JSON"]}, {}, b"")
    answer = serve(LocalService("greengrassv2", greengrass), request)
    expected = "arn:aws:greengrass:eu-west-1:000000000000:components:c:versions:1.0.0"
    assert greengrass.got == {"arn": expected, "recipeOutputFormat": "JSON"}
    assert json.loads(answer.body) == {"recipeOutputFormat": "JSON", "recipe": "e30="}


def test_rest_answer_has_the_modelled_status_and_blobs_arrive_as_bytes() -> None:
    greengrass = Greengrass()
    request = Request("POST", "/greengrass/v2/createComponentVersion", {}, {}, b'{"inlineRecipe": "e30="}')
    answer = serve(LocalService("greengrassv2", greengrass), request)
    assert greengrass.got == {"inlineRecipe": b"{}"}
    assert answer.status == 201


def test_query_numbers_are_numbers() -> None:
    greengrass = Greengrass()
    service = LocalService("greengrassv2", greengrass)
    serve(service, Request("GET", "/greengrass/v2/deployments", {"maxResults": ["5"]}, {}, b""))
    assert greengrass.got == {"maxResults": 5}
    with pytest.raises(AwsError, match="'five' is no integer"):
        serve(service, Request("GET", "/greengrass/v2/deployments", {"maxResults": ["five"]}, {}, b""))


def test_requests_of_other_services_are_not_routed() -> None:
    assert LocalService("sagemaker", SageMaker()).route(json_request("LaunchRocket", {})) is None
    assert LocalService("sagemaker-runtime", Runtime()).route(json_request("ListModels", {})) is None


def test_error_on_the_wire_carries_code_message_and_details() -> None:
    service = LocalService("sagemaker-runtime", Runtime())
    answer = service.error(AwsError("ModelError", "it died", 424, {"OriginalStatusCode": 500}))
    assert answer.status == 424
    assert answer.headers["x-amzn-errortype"] == "ModelError"
    assert json.loads(answer.body) == {
        "__type": "ModelError", "message": "it died", "OriginalStatusCode": 500
    }  # fmt: skip


def test_service_of_another_protocol_is_refused() -> None:
    with pytest.raises(ValueError, match="sts: protocol query is not served"):
        LocalService("sts", object())
