"""Where people label: the table of tasks, and the API that gives them out and takes the answers."""

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.acknowledgements import acknowledge
from stacks.constructs.python_function import PythonFunction
from stacks.grants import allow

QUEUE_INDEX = "Queue"
_REQUESTS_PER_SECOND = 50
_STAGE = "v1"
_SIGNED = "AwsSolutions-COG4"
_SIGNED_REASON = "annotators are IAM principals: every request is signed, and known by its principal's ARN"
_KINDS = apigateway.JsonSchema(type=apigateway.JsonSchemaType.STRING, enum=["label", "verify"])
_LIMIT = apigateway.JsonSchema(type=apigateway.JsonSchemaType.INTEGER, minimum=1, maximum=50)


class Workbench(Construct):
    """Tasks in DynamoDB behind a REST API with IAM authorization; `annotator_policy` allows its two methods.

    The table also is the ledger of the images (lambdas/labeling/image_ledger.py): losing it means labelling
    everything again, so it outlives the stack, if `keep`, and can be restored to any second of the last 35
    days.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, images: s3.IBucket, key: kms.IKey, keep: bool
    ) -> None:
        super().__init__(scope, construct_id)
        self.table = self._table(key, keep)
        self.function = PythonFunction(
            self,
            "ServeWorkbench",
            handler="lambdas.labeling.serve_workbench.handler",
            environment={"TABLE": self.table.table_name},
            timeout_seconds=29,  # API Gateway waits no longer
            memory_mb=512,
        )
        grant_table(self.table, key, self.function)
        # What a presigned URL opens is what its signer may read.
        images_arn = images.arn_for_objects("images/*")
        allow(self.function, "s3:GetObject", on=[images_arn], because="images are named by their uploaders")
        self.api = self._api()
        self._validator = self.api.add_request_validator(
            "Validator", validate_request_body=True, validate_request_parameters=True
        )
        claim, answer = self._methods()
        self.annotator_policy = iam.ManagedPolicy(
            self, "AnnotatorPolicy", description="Claims labeling tasks and answers them, nothing else"
        )
        allow(
            self.annotator_policy,
            "execute-api:Invoke",
            on=[claim.method_arn, answer.method_arn],
            because="the task's id is part of the path",
        )

    def _table(self, key: kms.IKey, keep: bool) -> dynamodb.Table:
        table = dynamodb.Table(
            self,
            "Tasks",
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute="expires",
            deletion_protection=keep,
            removal_policy=cdk.RemovalPolicy.RETAIN if keep else cdk.RemovalPolicy.DESTROY,
        )
        table.add_global_secondary_index(
            index_name=QUEUE_INDEX,
            partition_key=dynamodb.Attribute(name="queue", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="available_at", type=dynamodb.AttributeType.NUMBER),
            projection_type=dynamodb.ProjectionType.INCLUDE,
            non_key_attributes=["labeled_by", "lessee", "execution"],
        )
        return table

    def _api(self) -> apigateway.RestApi:
        access_logs = logs.LogGroup(
            self,
            "AccessLogs",
            retention=logs.RetentionDays.SIX_MONTHS,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        api = apigateway.RestApi(
            self,
            "Api",
            description="Labeling tasks: claim, answer",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            cloud_watch_role=True,
            cloud_watch_role_removal_policy=cdk.RemovalPolicy.DESTROY,
            default_method_options=apigateway.MethodOptions(
                authorization_type=apigateway.AuthorizationType.IAM
            ),
            deploy_options=apigateway.StageOptions(
                stage_name=_STAGE,
                access_log_destination=apigateway.LogGroupLogDestination(access_logs),
                access_log_format=apigateway.AccessLogFormat.json_with_standard_fields(
                    caller=True,
                    http_method=True,
                    ip=True,
                    protocol=True,
                    request_time=True,
                    resource_path=True,
                    response_length=True,
                    status=True,
                    user=True,
                ),
                logging_level=apigateway.MethodLoggingLevel.ERROR,
                tracing_enabled=True,
                throttling_rate_limit=_REQUESTS_PER_SECOND,
                throttling_burst_limit=2 * _REQUESTS_PER_SECOND,
            ),
        )
        self._expire_execution_logs(api)
        acknowledge(
            api,
            "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/"
            "AmazonAPIGatewayPushToCloudWatchLogs]",
            "API Gateway writes its logs with the one role of the account, for which AWS keeps this policy",
        )
        acknowledge(
            api,
            "AwsSolutions-APIG3",
            "only signed requests of the account's own principals get through, and the rate is limited",
        )
        return api

    def _expire_execution_logs(self, api: apigateway.RestApi) -> None:
        """Make the log group that API Gateway would make itself, and keep for ever."""
        execution_logs = logs.LogGroup(
            self,
            "ExecutionLogs",
            log_group_name=f"API-Gateway-Execution-Logs_{api.rest_api_id}/{_STAGE}",
            retention=logs.RetentionDays.SIX_MONTHS,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        api.deployment_stage.node.add_dependency(execution_logs)

    def _methods(self) -> tuple[apigateway.Method, apigateway.Method]:
        tasks = self.api.root.add_resource("tasks")
        claim = self._post(
            tasks.add_resource("claim"),
            {"kind": _KINDS, "limit": _LIMIT},
            required=["kind"],
        )
        answer = self._post(tasks.add_resource("{task_id}").add_resource("answer"), {}, required=[])
        return claim, answer

    def _post(
        self,
        resource: apigateway.Resource,
        properties: dict[str, apigateway.JsonSchema],
        *,
        required: list[str],
    ) -> apigateway.Method:
        """A POST method whose body API Gateway checks to be an object with these properties."""
        name = resource.path.rsplit("/", 1)[-1].capitalize()
        schema = apigateway.JsonSchema(
            type=apigateway.JsonSchemaType.OBJECT,
            properties=properties or None,
            required=required or None,
            min_properties=1,
        )
        method = resource.add_method(
            "POST",
            apigateway.LambdaIntegration(self.function, allow_test_invoke=False),
            request_models={
                "application/json": self.api.add_model(
                    f"{name}Body", schema=schema, content_type="application/json"
                )
            },
            request_validator=self._validator,
        )
        acknowledge(method, _SIGNED, _SIGNED_REASON)
        return method


def grant_table(table: dynamodb.Table, key: kms.IKey, function: PythonFunction) -> None:
    """Let a function read and write the items of the table and query its index."""
    allow(
        function,
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:Query",
        on=[table.table_arn, f"{table.table_arn}/index/{QUEUE_INDEX}"],
    )
    # DynamoDB uses the table's key in the caller's name.
    allow(
        function,
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
        on=[key.key_arn],
    )
