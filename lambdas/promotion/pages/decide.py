"""The commands by which a person decides about a model package."""

import shlex


def decision(arn: str, status: str, description: str) -> str:
    """Give the command that sets a package's approval status."""
    region = arn.split(":")[3]
    return (
        f"aws sagemaker update-model-package --region {region}"
        f" --model-package-arn {arn}"
        f" --model-approval-status {status}"
        f" --approval-description {shlex.quote(description)}"
    )


def approve(arn: str) -> str:
    """The command that approves a package, which promotes it."""
    return decision(arn, "Approved", "why")


def reject(arn: str) -> str:
    """The command that rejects a package."""
    return decision(arn, "Rejected", "why")


def read(page_uri: str) -> str:
    """The command that fetches a page."""
    return f"aws s3 cp {shlex.quote(page_uri)} ."
