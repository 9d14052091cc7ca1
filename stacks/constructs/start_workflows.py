"""The step after the tools stage that starts the workflows which a deployment has touched."""

from collections.abc import Sequence

import aws_cdk as cdk
import jsii
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import pipelines
from constructs import Construct

from stacks.constructs.python_function import PythonFunction
from stacks.grants import acknowledge_wildcard, allow, allow_everywhere


@jsii.implements(pipelines.ICodePipelineActionFactory)
class StartWorkflows(pipelines.Step):
    """Calls a function that starts those of the workflow pipelines whose definition is new.

    `workflows` are the names of the pipelines; `revision` is the source's variable that names what was
    deployed, and is handed on to them.
    """

    def __init__(self, scope: Construct, *, workflows: Sequence[str], revision: str) -> None:
        super().__init__("StartWorkflows")
        self._parameters = {"pipelines": list(workflows), "commit": revision}
        self._discover_referenced_outputs(self._parameters)
        self._function = PythonFunction(
            scope,
            "StartWorkflows",
            handler="lambdas.delivery.start_workflows.handler",
            environment={},
            description="Starts the workflows that a deployment has touched",
            timeout_seconds=120,
        )
        stack = cdk.Stack.of(scope)
        allow(
            self._function,
            "codepipeline:GetPipeline",
            "codepipeline:GetPipelineExecution",
            "codepipeline:ListPipelineExecutions",
            "codepipeline:StartPipelineExecution",
            on=[stack.format_arn(service="codepipeline", resource=name) for name in workflows],
        )

    def produce_action(
        self, stage: codepipeline.IStage, options: pipelines.ProduceActionOptions
    ) -> pipelines.CodePipelineActionFactoryResult:
        """Add the action to the stage; CDK Pipelines calls this."""
        action = actions.LambdaInvokeAction(
            action_name=options.action_name,
            run_order=options.run_order,
            variables_namespace=options.variables_namespace,
            lambda_=self._function,
            user_parameters=self._parameters,
            # CDK would let the role call every version of the function.
            role=self._caller(options).without_policy_updates(),
        )
        stage.add_action(action)
        acknowledge_wildcard(
            self._function.own_role, "codepipeline:PutJobSuccessResult", "codepipeline:PutJobFailureResult"
        )
        return pipelines.CodePipelineActionFactoryResult(run_orders_consumed=1)

    def _caller(self, options: pipelines.ProduceActionOptions) -> iam.Role:
        pipeline = options.pipeline.pipeline
        role = iam.Role(
            options.scope, "StartWorkflowsRole", assumed_by=iam.ArnPrincipal(pipeline.role.role_arn)
        )
        allow(role, "lambda:InvokeFunction", on=[self._function.function_arn])
        allow_everywhere(role, "lambda:ListFunctions")
        return role
