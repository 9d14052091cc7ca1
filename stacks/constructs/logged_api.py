"""A REST API as every API of the line is: regional, limited, traced, and with logs that end some day."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.acknowledgements import acknowledge

_FIELD = apigateway.AccessLogField


class LoggedApi(apigateway.RestApi):
    """An API with one stage; `who` is what its access log says of the caller, by name.

    `open_to` says who gets through, instead of a firewall. Bodies of the content types `binary` are no text.
    The account's role for the logs of API Gateway is the Data stack's (stacks/constructs/api_logs.py).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        description: str,
        stage: str,
        requests_per_second: int,
        who: Mapping[str, str],
        open_to: str,
        binary: Sequence[str] = (),
    ) -> None:
        access_logs = logs.LogGroup(
            scope,
            "AccessLogs",
            retention=logs.RetentionDays.SIX_MONTHS,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        super().__init__(
            scope,
            construct_id,
            description=description,
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            cloud_watch_role=False,
            binary_media_types=list(binary) or None,
            deploy_options=apigateway.StageOptions(
                stage_name=stage,
                access_log_destination=apigateway.LogGroupLogDestination(access_logs),
                access_log_format=_access_log_format(who),
                logging_level=apigateway.MethodLoggingLevel.ERROR,
                tracing_enabled=True,
                throttling_rate_limit=requests_per_second,
                throttling_burst_limit=2 * requests_per_second,
            ),
        )
        self.node.try_remove_child("Endpoint")  # an output that CDK names; the stacks name theirs
        self._expire_execution_logs(scope, stage)
        acknowledge(self, "AwsSolutions-APIG3", open_to)

    def _expire_execution_logs(self, scope: Construct, stage: str) -> None:
        """Make the log group that API Gateway would make itself, and keep for ever."""
        execution_logs = logs.LogGroup(
            scope,
            "ExecutionLogs",
            log_group_name=f"API-Gateway-Execution-Logs_{self.rest_api_id}/{stage}",
            retention=logs.RetentionDays.SIX_MONTHS,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        self.deployment_stage.node.add_dependency(execution_logs)


def _access_log_format(who: Mapping[str, str]) -> apigateway.AccessLogFormat:
    """One JSON line a request."""
    fields = {
        "requestId": _FIELD.context_request_id(),
        "ip": _FIELD.context_identity_source_ip(),
        **who,
        "requestTime": _FIELD.context_request_time(),
        "httpMethod": _FIELD.context_http_method(),
        "resourcePath": _FIELD.context_resource_path(),
        "status": _FIELD.context_status(),
        "responseLength": _FIELD.context_response_length(),
        "error": _FIELD.context_error_message(),
    }
    line = ", ".join(f'"{name}": "{value}"' for name, value in fields.items())
    return apigateway.AccessLogFormat.custom(f"{{{line}}}")
