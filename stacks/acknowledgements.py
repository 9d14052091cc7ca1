"""cdk-nag findings that are accepted, one at a time and each with its reason, next to the resource."""

import re

import aws_cdk as cdk
from constructs import IConstruct

_PACK = "AwsSolutions"


def acknowledge(node: IConstruct, rule: str, reason: str) -> None:
    """Accept a finding on this construct and what is in it.

    `rule` is what cdk-nag prints: `AwsSolutions-S1`, or with one finding, `AwsSolutions-IAM5[Resource::*]`.
    """
    cdk.Validations.of(node).acknowledge(cdk.Acknowledgment(id=f"{_PACK}::{rule}", reason=reason))


def acknowledge_pattern(node: IConstruct, arn: str, reason: str) -> None:
    """Accept that a policy of this construct names resources by a pattern with `*`."""
    acknowledge(node, f"AwsSolutions-IAM5[Resource::{_as_printed(node, arn)}]", reason)


def _as_printed(node: IConstruct, arn: str) -> str:
    """The ARN in cdk-nag's spelling, in which a reference is `<LogicalId.Attribute>` or an export's name."""
    stack = cdk.Stack.of(node)
    for token in cdk.Tokenization.reverse_string(arn).tokens:
        if isinstance(token, cdk.Reference) and cdk.Stack.of(token.target).node.path != stack.node.path:
            # The export that CDK makes for the reference anyway; asking for it now tells its name.
            reference = cdk.Token.as_string(token)
            arn = arn.replace(reference, cdk.Stack.of(token.target).export_value(reference))
    return _flatten(stack.resolve(arn))


def _flatten(value: object) -> str:
    match value:
        case str():
            # cdk-nag takes a policy variable for a reference of its own.
            return re.sub(r"\$\{([^}]*)\}", r"<\1>", value)
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::ImportValue": name}:
            return str(name)
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(_flatten(part) for part in parts)
    raise ValueError(f"cannot spell {value!r} as cdk-nag does; acknowledge the printed finding instead")
