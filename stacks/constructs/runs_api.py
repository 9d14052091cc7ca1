"""The API that starts trainings and tells where they stand, for principals of AWS who are let."""

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.acknowledgements import acknowledge
from stacks.constructs.logged_api import LoggedApi
from stacks.constructs.python_function import PythonFunction
from stacks.grants import allow, use_table_key

STAGE = "v1"
_REQUESTS_PER_SECOND = 20
_API_GATEWAY_WAITS = 29  # seconds
_STRING, _INTEGER = apigateway.JsonSchemaType.STRING, apigateway.JsonSchemaType.INTEGER
_OBJECT = apigateway.JsonSchema(type=_STRING, min_length=1, max_length=1000, pattern="^s3://.+/.+$")
_ASKED = apigateway.JsonSchema(
    type=apigateway.JsonSchemaType.OBJECT,
    properties={
        "seed": apigateway.JsonSchema(type=_INTEGER, minimum=0, maximum=2**31 - 1),
        "as_of": apigateway.JsonSchema(type=_STRING, min_length=1, max_length=40),
        "labels_manifest": _OBJECT,
        "dataset_manifest": _OBJECT,
        "children": apigateway.JsonSchema(
            type=apigateway.JsonSchemaType.OBJECT,
            min_properties=1,
            max_properties=30,
            additional_properties=apigateway.JsonSchema(type=_INTEGER, minimum=1, maximum=99_999),
        ),
    },
    additional_properties=False,
)


class RunsApi(Construct):
    """`POST /models/{name}/runs` and `GET` of the newest and of each; every request is signed (SigV4).

    `models` is what the functions read in MODELS. `workflows` are the ARNs of the models' CodePipelines,
    `pipelines` those of their SageMaker pipelines. `starter` is a policy that allows these requests and
    nothing else.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        models: str,
        workflows: list[str],
        pipelines: list[str],
        table: dynamodb.Table,
        artifacts: s3.IBucket,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        self._models, self._workflows, self._pipelines = models, workflows, pipelines
        self.api = LoggedApi(
            self,
            "Api",
            description="Trainings: starts them, and tells where they stand",
            stage=STAGE,
            requests_per_second=_REQUESTS_PER_SECOND,
            who={"caller": apigateway.AccessLogField.context_identity_user_arn()},
            open_to="only signed requests of principals who have the starter policy get through",
        )
        self._validator = self.api.add_request_validator(
            "Validator", validate_request_body=True, validate_request_parameters=True
        )
        starts, reads = self._starts(table, artifacts, key), self._reads()
        runs = self.api.root.resource_for_path("/models/{name}/runs")
        methods = [
            self._method(runs, "POST", starts, header="Idempotency-Key"),
            self._method(runs, "GET", reads),
            self._method(runs.add_resource("{run}"), "GET", reads),
        ]
        self.starter = iam.ManagedPolicy(
            self, "StarterPolicy", description="Starts trainings by the runs API, and follows them there"
        )
        called = [method.method_arn for method in methods]
        allow(self.starter, "execute-api:Invoke", on=called, because="model and run are part of the path")

    def _method(
        self, resource: apigateway.IResource, verb: str, function: PythonFunction, *, header: str = ""
    ) -> apigateway.Method:
        posts = {"application/json": self._asked()} if verb == "POST" else None
        method = resource.add_method(
            verb,
            apigateway.LambdaIntegration(function, allow_test_invoke=False),
            authorization_type=apigateway.AuthorizationType.IAM,
            request_models=posts,
            request_parameters={f"method.request.header.{header}": True} if header else None,
            request_validator=self._validator,
        )
        acknowledge(method, "AwsSolutions-COG4", "its callers are principals of AWS: requests are signed")
        return method

    def _asked(self) -> apigateway.IModel:
        return self.api.add_model("RunBody", schema=_ASKED, content_type="application/json")

    def _starts(self, table: dynamodb.Table, artifacts: s3.IBucket, key: kms.IKey) -> PythonFunction:
        environment = {"TABLE": table.table_name, "ARTIFACTS_BUCKET": artifacts.bucket_name}
        function = self._function("StartRun", "start_run", environment)
        allow(function, "codepipeline:StartPipelineExecution", on=self._workflows)
        allow(function, "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", on=[table.table_arn])
        use_table_key(function, key)
        return function

    def _reads(self) -> PythonFunction:
        function = self._function("ReadRuns", "read_runs", {})
        grant_look(function, workflows=self._workflows)
        allow(
            function,
            "sagemaker:DescribePipelineExecution",
            "sagemaker:ListPipelineExecutionSteps",
            on=[f"{pipeline}/execution/*" for pipeline in self._pipelines],
            because="an execution is named when it starts",
        )
        return function

    def _function(self, construct_id: str, module: str, environment: dict[str, str]) -> PythonFunction:
        return PythonFunction(
            self,
            construct_id,
            handler=f"lambdas.training.{module}.handler",
            environment={"MODELS": self._models, **environment},
            timeout_seconds=_API_GATEWAY_WAITS,
            memory_mb=512,
        )


def grant_look(function: PythonFunction, *, workflows: list[str]) -> None:
    """Let a function see the executions of CodePipelines, and what their actions came to."""
    allow(
        function,
        "codepipeline:GetPipelineExecution",
        "codepipeline:ListActionExecutions",
        "codepipeline:ListPipelineExecutions",
        on=workflows,
    )
