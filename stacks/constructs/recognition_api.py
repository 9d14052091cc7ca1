"""The API that an application asks what a picture shows: one address for a parent and all of its children."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from constructs import Construct

from config_classification import ClassificationModel
from stacks.accounts import WorkloadAccount, elsewhere
from stacks.acknowledgements import acknowledge
from stacks.constructs.api_logs import ApiLogs
from stacks.constructs.logged_api import LoggedApi
from stacks.constructs.python_function import PythonFunction, pack_with_functions
from stacks.grants import allow

_STAGE = "v1"
_REQUESTS_PER_SECOND = 100
# API Gateway waits for 29 seconds, in which a function that was not used for a while also has to start.
_SECONDS = 27
# What inference/endpoint_requests.py takes; any other body would come as text, and be refused.
_PICTURES = (
    "image/jpeg", "image/png", "image/bmp", "image/webp", "image/tiff", "application/x-image",
    "application/octet-stream",
)  # fmt: skip
_RECOGNIZERS_FILE = "recognizers.json"


class RecognitionApi(Construct):
    """`POST /recognize/{name}` for each model that is asked first: a parent, or one that stands alone.

    Requests are signed (SigV4). Outputs of the stack are `RecognizeUrl`, and `RecognizerPolicyArn` for the
    application's role.
    """

    def __init__(self, scope: Construct, construct_id: str, *, here: WorkloadAccount) -> None:
        super().__init__(scope, construct_id)
        pack_with_functions(self, "recognition", {_RECOGNIZERS_FILE: recognizers(here)})
        api = LoggedApi(
            self,
            "Api",
            description=f"Says what pictures show, by the models in {here.environment}",
            stage=_STAGE,
            requests_per_second=_REQUESTS_PER_SECOND,
            who={"caller": apigateway.AccessLogField.context_identity_user_arn()},
            open_to="only signed requests of principals who have the recognizer policy get through",
            binary=_PICTURES,
        )
        no_schema = "a picture has no schema; what is none is refused by the function"
        acknowledge(api, "AwsSolutions-APIG2", no_schema)
        if _needs_logs(here):
            api.deployment_stage.node.add_dependency(ApiLogs(self, "Logs"))
        method = self._method(api, self._function(here))
        asker = iam.ManagedPolicy(self, "RecognizerPolicy", description="Asks what pictures show")
        allow(asker, "execute-api:Invoke", on=[method.method_arn], because="the model is part of the path")
        stack = cdk.Stack.of(self)
        cdk.CfnOutput(stack, "RecognizeUrl", value=api.url_for_path("/recognize/"))
        cdk.CfnOutput(stack, "RecognizerPolicyArn", value=asker.managed_policy_arn)

    def _function(self, here: WorkloadAccount) -> PythonFunction:
        function = PythonFunction(
            self,
            "Recognize",
            handler="lambdas.recognition.recognize.handler",
            environment={"RECOGNIZERS": _RECOGNIZERS_FILE},
            timeout_seconds=_SECONDS,
            memory_mb=512,
        )
        allow(function, "sagemaker:InvokeEndpoint", on=here.asked(here.config.classifiers))
        return function

    def _method(self, api: LoggedApi, function: PythonFunction) -> apigateway.Method:
        resource = api.root.resource_for_path("/recognize/{name}")
        method = resource.add_method(
            "POST",
            apigateway.LambdaIntegration(function, allow_test_invoke=False),
            authorization_type=apigateway.AuthorizationType.IAM,
        )
        acknowledge(method, "AwsSolutions-COG4", "its callers are principals of AWS: requests are signed")
        return method


def recognizers(here: WorkloadAccount) -> dict[str, Any]:
    """Whom the API asks; lambdas/recognition/recognizers.py reads it."""
    models = {model.name: model for model in here.config.classifiers}
    return {
        name: {
            "model": _served(here, model),
            "children": {child: _served(here, models[child]) for child in model.children},
        }
        for name, model in models.items()
        if model.parent is None
    }


def _served(here: WorkloadAccount, model: ClassificationModel) -> dict[str, Any]:
    return {
        "name": model.name,
        "endpoint": here.endpoint_name(model),
        "component": here.component_name(model),
        "min_score": model.min_score,
    }


def _needs_logs(here: WorkloadAccount) -> bool:
    """API Gateway's role for logs is one for an account: the tools have theirs, two in one are too many."""
    others = elsewhere(here.config)
    first = next((other for other in others if other.account == here.account), None)
    return first is not None and first.environment == here.environment
