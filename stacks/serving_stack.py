"""What an environment's account has before the first model comes: the roles of its endpoints."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from config import Edgeline
from stacks.accounts import ToolsAccount, WorkloadAccount
from stacks.constructs.alarm_topic import AlarmTopic
from stacks.constructs.answer_metrics import AnswerMetrics
from stacks.constructs.endpoint_guards import grant_guards
from stacks.constructs.endpoint_removal import remove_endpoints
from stacks.constructs.recognition_api import RecognitionApi
from stacks.constructs.sagemaker_role import SageMakerRole
from stacks.constructs.suggestions import suggests
from stacks.constructs.trusted_role import TrustedRole
from stacks.grants import allow, pass_role
from stacks.names import EnvironmentName

_NAMED = "models and endpoint configs are named after the release"
_PACKAGES = "a package is a version number"


class ServingStack(cdk.Stack):
    """Who may deploy models here, and as whom they run; the endpoints themselves are the promotion's."""

    def __init__(
        self, scope: Construct, construct_id: str, *, config: Edgeline, environment: EnvironmentName
    ) -> None:
        super().__init__(scope, construct_id, stack_name=f"{config.name}-{environment}-serving")
        self._tools = ToolsAccount(config)
        self._here = WorkloadAccount(config, environment)
        model_role = self._model_role()
        promoter = self._promoter(model_role)
        self._grant_packages(promoter, config)
        grant_guards(promoter, model_role, self._here)
        if environment == "staging":
            self._tester()
        else:
            allow(promoter, "sagemaker:InvokeEndpoint", on=self._asked)
            self._caller_policy()
            self._alarm_topic(config)
            if suggests(config):
                self._suggester()
        self._auditor()
        if config.classifiers:
            RecognitionApi(self, "Recognition", here=self._here)
        self._leave_nothing(config)

    def _model_role(self) -> iam.Role:
        """What the containers behind the endpoints may do: read models, and nothing that trains or tests."""
        role = SageMakerRole(
            self,
            "ModelRole",
            runs=("Endpoints", "InferenceComponents") if self._here.components() else ("Endpoints",),
            images="pytorch-inference",
            role_name=self._here.model_role_name,
        )
        bucket = f"arn:{cdk.Aws.PARTITION}:s3:::{self._tools.artifacts_bucket_name}"
        models = f"{bucket}/runs/*/model.tar.gz"
        in_tools = {"StringEquals": {"aws:ResourceAccount": self._tools.account}}
        one_each = "each run of the training leaves one model"
        allow(role, "s3:GetObject", on=[models], because=one_each, conditions=in_tools)
        keys = f"arn:{cdk.Aws.PARTITION}:kms:{self._here.region}:{self._tools.account}:key/*"
        # With a bucket key, S3 decrypts in the name of the bucket; without, in that of the object.
        of_the_bucket = {
            "StringEquals": {"kms:ViaService": f"s3.{self._here.region}.{cdk.Aws.URL_SUFFIX}"},
            "StringLike": {"kms:EncryptionContext:aws:s3:arn": [bucket, models]},
        }
        because = "a key has no name to know it by; S3 uses only that of the artifacts bucket for it"
        allow(role, "kms:Decrypt", on=[keys], because=because, conditions=of_the_bucket)
        return role

    def _promoter(self, model_role: iam.IRole) -> iam.Role:
        """What the promotion may do here: change these endpoints, and nothing else."""
        here, tools = self._here, self._tools
        functions = [tools.role_arn(tools.function_role_name(name)) for name in here.promoted_by]
        role = TrustedRole(
            self, "Promoter", role_name=here.promoter_role_name, account=tools.account, trusts=functions
        )
        endpoints, configs, models = here.endpoints(), here.endpoint_configs(), here.models()
        allow(role, "sagemaker:DescribeEndpoint", "sagemaker:DeleteEndpoint", on=endpoints)
        changes = ("sagemaker:CreateEndpoint", "sagemaker:UpdateEndpoint")
        allow(role, *changes, on=[*endpoints, *configs], because=_NAMED)
        of_configs = ("sagemaker:CreateEndpointConfig", "sagemaker:DescribeEndpointConfig")
        allow(role, *of_configs, on=configs, because=_NAMED)
        of_models = ("sagemaker:CreateModel", "sagemaker:DescribeModel", "sagemaker:ListTags")
        allow(role, *of_models, on=models, because=_NAMED)
        allow(role, "sagemaker:AddTags", on=[*endpoints, *models, *configs], because=_NAMED)
        pass_role(role, model_role, "sagemaker.amazonaws.com")
        return role

    def _grant_packages(self, promoter: iam.Role, config: Edgeline) -> None:
        """A model is made from its package in the registry, which another account allows on its side too."""
        packages = [self._tools.model_packages(model) for model in config.models]
        uses = ("sagemaker:CreateModel", "sagemaker:DescribeModelPackage")
        allow(promoter, *uses, on=packages, because=_PACKAGES)

    def _tester(self) -> None:
        """The staging test runs the code that a package names: it may ask the endpoints, and no more."""
        tools, here = self._tools, self._here
        test = tools.role_arn(tools.staging_test_role_name)
        tester = TrustedRole(
            self, "Tester", role_name=here.tester_role_name, account=tools.account, trusts=[test]
        )
        allow(tester, "sagemaker:InvokeEndpoint", on=self._asked)

    def _suggester(self) -> None:
        """Who labels sees what the model would draw: its answer, and which package gave it."""
        tools, here = self._tools, self._here
        asks = tools.role_arn(tools.suggest_boxes_role_name)
        role = TrustedRole(
            self, "Suggester", role_name=here.suggester_role_name, account=tools.account, trusts=[asks]
        )
        allow(role, "sagemaker:InvokeEndpoint", on=self._asked)
        self._see(role)

    @property
    def _asked(self) -> list[str]:
        return self._here.asked(self._here.config.models)

    def _alarm_topic(self, config: Edgeline) -> None:
        """Only where somebody reads it: the key that it needs costs a dollar a month."""
        if config.promotion.email is not None:
            AlarmTopic(
                self,
                "Alarms",
                name=self._here.alarm_topic_name,
                email=config.promotion.email,
                alarms=[arn for model in config.models for arn in self._here.alarms(model)],
            )

    def _auditor(self) -> None:
        """Who verifies a model sees what is served; which of the tools account's people that is, it says."""
        here = self._here
        auditor = iam.Role(
            self,
            "Auditor",
            role_name=here.auditor_role_name,
            assumed_by=iam.AccountPrincipal(self._tools.account),
        )
        self._see(auditor)

    def _see(self, role: iam.Role) -> None:
        """Let a role see which model is served."""
        here = self._here
        allow(role, "sagemaker:DescribeEndpoint", on=here.endpoints())
        allow(role, "sagemaker:DescribeEndpointConfig", on=here.endpoint_configs(), because=_NAMED)
        allow(role, "sagemaker:DescribeModel", on=here.models(), because=_NAMED)
        if here.components():
            allow(role, "sagemaker:DescribeInferenceComponent", on=here.components())

    def _caller_policy(self) -> None:
        policy = iam.ManagedPolicy(self, "CallerPolicy", description="Asks the prod endpoints")
        allow(policy, "sagemaker:InvokeEndpoint", on=self._asked)
        cdk.CfnOutput(self, "CallerPolicyArn", value=policy.managed_policy_arn)

    def _leave_nothing(self, config: Edgeline) -> None:
        """With the stack go the endpoints that promotions made; what they write until then expires."""
        here = self._here
        removed = remove_endpoints(self, here)
        for model in config.models:
            name = here.own_name(model)
            # Where there is a component, the log is its.
            of = "InferenceComponents" if here.component_name(model) else "Endpoints"
            log_group = logs.LogGroup(
                self,
                f"EndpointLogs-{model.name}",
                log_group_name=f"/aws/sagemaker/{of}/{name}",
                retention=logs.RetentionDays.SIX_MONTHS,
                removal_policy=cdk.RemovalPolicy.DESTROY,
            )
            # It goes after the endpoint, which would make it anew, and for ever.
            removed.resource.node.add_dependency(log_group)
            AnswerMetrics(self, f"Answers-{model.name}", log_group=log_group, of=name)
