"""The CDK library's own validation of templates, by its default rules; the synthesis need not have run it."""

from collections.abc import Iterator
from tempfile import TemporaryDirectory

import aws_cdk as cdk
import jsii
from constructs import IConstruct

from checks.assembly import Assembly, Resource, Stack
from checks.finding import Finding

NAME = "cdk-validation"


def check(assembly: Assembly) -> list[Finding]:
    """What the library's engine finds; its errors are errors, as with validateAgainstDefaultRules."""
    stacks = {str(stack.file.resolve()): stack for stack in assembly.stacks}
    with TemporaryDirectory() as unused:
        report = cdk.CloudFormationValidatePlugin().validate(_Templates(cdk.App(outdir=unused), stacks))
    return [
        _finding(stacks[str(resource.template_path)], violation, resource)
        for violation in report.violations
        for resource in violation.violating_resources
    ]


@jsii.implements(cdk.IPolicyValidationContext)
class _Templates:
    """The templates, in the form in which a synthesis hands them to the engine."""

    def __init__(self, app: IConstruct, stacks: dict[str, Stack]) -> None:
        self._app = app
        self._stacks = stacks

    @property
    def app_construct(self) -> IConstruct:
        return self._app

    @property
    def account_id(self) -> str | None:
        return None  # each stack says its own

    @property
    def region(self) -> str | None:
        return None

    @property
    def template_paths(self) -> list[str]:
        return list(self._stacks)

    @property
    def stack_templates(self) -> list[cdk.PolicyValidationStack]:
        return list(self._described())

    def _described(self) -> Iterator[cdk.PolicyValidationStack]:
        for file, stack in self._stacks.items():
            yield cdk.PolicyValidationStack(
                stack_construct_path=stack.path,
                template_path=file,
                account_id=stack.account,
                region=stack.region,
            )


def _finding(stack: Stack, violation: cdk.PolicyViolation, resource: cdk.PolicyViolatingResource) -> Finding:
    definition = stack.template["Resources"].get(resource.resource_logical_id)
    place = (
        Resource(stack, resource.resource_logical_id or "", definition).where if definition else stack.path
    )
    return Finding(
        NAME,
        " ".join([place, *(resource.locations or [])]),
        f"{violation.rule_name} {violation.description}",
        violation.fix or "change what makes it, as CloudFormation would refuse or misread it",
        warning=violation.severity != "error",
    )
